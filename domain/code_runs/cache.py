"""What was compiled once need not be compiled again: the cache's interface and its key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Protocol

from domain.code_runs.languages import Language
from domain.code_runs.model import CodeRun


class CompileCache(Protocol):
    """Keeps artefacts by key. It may forget any of them at any time, and fails by forgetting, never by an error."""

    def get(self, key: str) -> bytes | None:
        """Return the artefact last put under ``key``, unharmed, or ``None``."""

    def put(self, key: str, artefact: bytes) -> None:
        """Keep ``artefact``, as long as there is room."""


def cache_key(run: CodeRun, language: Language) -> str:
    """Return the key of what compiling ``run`` gives, as 64 hexadecimal digits.

    Everything that decides the artefact goes in: the source, the files beside it, the compiler's version and command,
    whether it is an image's or the machine's own and, by the language's fingerprint, the recipe of the image. Left
    out are the arguments and cases, which the compiler does not see, and the compile limits: only successful
    compilations are kept, and a limit that was not hit changes nothing in what they made. Owners share entries; what
    comes out is decided by what goes in, so the most that one can learn is that somebody has compiled the very same
    bytes before.
    """
    digest = hashlib.sha256()
    for part in _parts(run, language):
        # The length before each part: no two lists of parts give the same bytes.
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def _parts(run: CodeRun, language: Language) -> Iterable[bytes]:
    command = language.compile_command or ()
    compiler = (language.name, language.version, language.image, language.fingerprint, language.file_name)
    for text in (*compiler, str(len(command)), *command):
        yield text.encode()
    yield run.source
    for file in sorted(run.files, key=lambda file: file.name):
        yield file.name.encode()
        yield file.content
