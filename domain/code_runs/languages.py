"""A language is data: the folder ``sandbox_images/<name>/`` and its ``language.toml``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.code_runs.model import Limits

# What a compilation leaves beside the user's files begins so; files of users may not.
RESERVED_PREFIX = ".program"
# No image can be called so: the tags of ours have a slash.
HOST = "host"


@dataclass(frozen=True, slots=True)
class Language:
    """How programs of one language are compiled and run.

    ``name`` is the folder's name and the API's word for it. The commands are argv lists run without a shell in the
    sandbox. ``compile_command`` is ``None`` for an interpreted language. ``image`` is the tag of the sandbox image,
    or ``HOST`` where programs of the worker's own machine are used in its place.
    ``limits`` are a case's defaults, ``max_limits`` the server's bounds; ``compile_limits`` hold while compiling.
    With ``has_zygote`` programs in a reused box may begin as copies of an interpreter that has started already.
    ``fingerprint`` changes with anything in the folder, and with it what the compile cache knows.
    """

    name: str
    title: str
    version: str
    image: str
    file_name: str
    compile_command: tuple[str, ...] | None
    run_command: tuple[str, ...]
    limits: Limits
    max_limits: Limits
    compile_limits: Limits
    has_zygote: bool = False
    fingerprint: str = ""


def run_argv(language: Language, args: Sequence[str], limits: Limits) -> list[str]:
    """Return the command that runs a program with ``args`` under ``limits``.

    ``{memory_mib}`` in the language's own command stands for the memory limit in MiB, which some runtimes must be
    told; nothing is ever replaced in the arguments of the user, which come last.
    """
    memory_mib = str(max(1, limits.memory_bytes >> 20))
    return [*(part.replace("{memory_mib}", memory_mib) for part in language.run_command), *args]


def file_name_fault(language: Language, name: str) -> str | None:
    """Say why a file of the user cannot be called ``name`` beside a program of ``language``; ``None`` if it can."""
    if name == language.file_name:
        return f"{name} is the name of the program itself"
    if name.startswith(RESERVED_PREFIX):
        return f"names beginning with {RESERVED_PREFIX} are taken by the compiled program"
    return None
