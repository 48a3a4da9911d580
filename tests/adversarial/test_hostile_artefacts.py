"""Whatever a compiler leaves as its output, the worker reads regular files or nothing."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace

import pytest

from domain.code_runs.model import Execution, Verdict
from tests.adversarial.hostile import ROOMY
from tests.adversarial.yard import Yard

_WIDE = replace(ROOMY, file_bytes=1 << 40)

# Shell commands in the place of a compiler, each ending well: what they leave must be refused.
REFUSED = {
    "link": "ln -s /etc/passwd /box/out/program",
    "dangling link": "ln -s /nowhere /box/out/program",
    "link to a folder": "ln -s /etc /box/out/folder",
    "link inside a folder": "mkdir /box/out/folder; ln -s /etc/passwd /box/out/folder/program",
    "pipe": "mkfifo /box/out/program",
    "socket": "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"/box/out/program\")'",
    "hard link": "echo x > /box/src/a; ln /box/src/a /box/out/program",
    "two names": "echo x > /box/out/a; ln /box/out/a /box/out/b",
    "sparse file": "truncate -s 65M /box/out/program",
    "too many files": "cd /box/out; for i in 1 2 3 4 5; do touch $(seq -f f$i-%g 1000); done",
    "too deep": "cd /box/out; for i in $(seq 40); do mkdir d; cd d; done",
}


def _execute(yard: Yard, command: str) -> tuple[Execution, bytes | None]:
    with yard.sandbox.session(yard.languages["c"]) as session:
        execution = session.compile(["/bin/sh", "-c", command], _WIDE)
        return execution, session.artefact() if execution.exit_code == 0 else None


@pytest.mark.parametrize("what", REFUSED)
def test_output_that_is_not_a_plain_file_is_a_compile_error(what: str, yard: Yard) -> None:
    execution, artefact = _execute(yard, REFUSED[what])

    assert execution.exit_code == 1
    assert b"the compiler left" in execution.stderr
    assert artefact is None
    assert yard.judge_plain("c").verdict is Verdict.ACCEPTED


@pytest.mark.parametrize(
    "command",
    [
        "echo program > /box/out/program; chmod 0 /box/out/program; chmod 0 /box/out || true",
        "echo program > /box/out/program; chmod 6777 /box/out/program",
        # Left behind to put a link in the file's place once the compiler has ended and somebody reads.
        "echo program > /box/out/program; (while :; do ln -sf /etc/passwd /box/out/program; done) & ",
        "echo program > /box/out/program; mkdir /box/out/folder; chmod 0 /box/out/folder",
    ],
    ids=["without permissions", "set-user-id", "swapped while it is read", "beside a locked folder"],
)
def test_artefact_holds_the_content_that_was_there_when_the_compiler_ended(command: str, yard: Yard) -> None:
    execution, artefact = _execute(yard, command)

    if artefact is None:
        # The swap may have come before the end; then a link was found, and refused.
        assert b"not a regular file" in execution.stderr
        return
    with tarfile.open(fileobj=io.BytesIO(artefact)) as tar:
        members = tar.getmembers()
        contents = [tar.extractfile(member).read() for member in members if member.isreg()]  # type: ignore[union-attr]
    assert [member.name for member in members] == ["program"]
    assert [member.mode & 0o7222 for member in members] == [0]
    assert contents == [b"program\n"]


def test_hard_link_of_a_file_of_the_image_cannot_be_made(yard: Yard) -> None:
    execution, artefact = _execute(yard, "ln /etc/shadow /box/out/program || ln /etc/passwd /box/out/program")

    assert execution.exit_code == 1
    assert artefact is None


def test_program_sees_its_file_write_protected_and_cannot_change_that(yard: Yard) -> None:
    with yard.sandbox.session(yard.languages["c"]) as session:
        session.compile(["/bin/sh", "-c", "echo original > /box/out/program; chmod 777 /box/out/program"], ROOMY)
        attempts = "chmod 777 program; echo changed > program; rm -f program; mv program other; ln -sf /etc program"
        session.run(["/bin/sh", "-c", attempts], b"", ROOMY)
        content = session.run(["/bin/cat", "program"], b"", ROOMY)

    assert content.stdout == b"original\n"
