"""A language is data: the folder ``sandbox_images/<name>/`` and its ``language.toml``."""

from __future__ import annotations

from dataclasses import dataclass

from domain.code_runs.model import Limits


@dataclass(frozen=True, slots=True)
class Language:
    """How programs of one language are compiled and run.

    ``name`` is the folder's name and the API's word for it. The commands are argv lists run without a shell in the
    sandbox. ``compile_command`` is ``None`` for an interpreted language. ``image`` is the tag of the sandbox image.
    ``limits`` are a case's defaults, ``max_limits`` the server's bounds; ``compile_limits`` hold while compiling.
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
