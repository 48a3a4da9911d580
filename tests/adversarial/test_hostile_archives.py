"""Archives and names that lead out of the box are refused, and nothing of them is unpacked."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable

import pytest

from domain.code_runs.model import SourceFile, Verdict
from domain.code_runs.sandbox import SandboxError, SandboxSession
from tests.adversarial.hostile import ROOMY
from tests.adversarial.yard import Yard

LIST_ALL = ["/bin/sh", "-c", "ls -A /box /box/app /box/src /box/out /tmp /etc | grep -c planted; true"]


def _tar(*members: tarfile.TarInfo) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return archive.getvalue()


def _member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mode = kind, target, mode
    member.size = 1 if kind == tarfile.REGTYPE else 0
    return member


def _overlong() -> bytes:
    """Announce a member of a terabyte and end."""
    member = _member("planted")
    member.size = 1 << 40
    return member.tobuf(tarfile.PAX_FORMAT)


def _sparse() -> bytes:
    """Announce a terabyte of nothing, as GNU tar writes it, in half a kilobyte."""
    member = _member("planted")
    member.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.size": str(1 << 40),
        "GNU.sparse.map": f"0,0,{1 << 40},0",
    }
    return _tar(member)


ARCHIVES = {
    "parent folder": _tar(_member("../planted")),
    "parent folder further in": _tar(_member("a/../../planted")),
    "absolute path": _tar(_member("/tmp/planted")),
    "link": _tar(_member("planted", tarfile.SYMTYPE, "/etc/passwd")),
    "link, and a file through it": _tar(_member("way", tarfile.SYMTYPE, "/tmp"), _member("way/planted")),
    "hard link": _tar(_member("planted", tarfile.LNKTYPE, "/etc/passwd")),
    "device": _tar(_member("planted", tarfile.CHRTYPE)),
    "pipe": _tar(_member("planted", tarfile.FIFOTYPE)),
    "folder": _tar(_member("planted", tarfile.DIRTYPE)),
    "same name twice": _tar(_member("planted"), _member("planted")),
    "name of 300 bytes": _tar(_member("planted" + "n" * 300)),
    "empty name": _tar(_member("")),
    "terabyte": _overlong(),
    "sparse terabyte": _sparse(),
    "not an archive": b"planted" * 1000,
}

NAMES = (
    "../planted",
    "a/../../planted",
    "/tmp/planted",
    "..",
    ".",
    "",
    "planted\0.c",
    "planted" + "n" * 300,
    "a//planted",
)


@pytest.mark.parametrize("what", ARCHIVES)
def test_archive_of_anything_but_plain_files_in_place_is_refused(what: str, yard: Yard) -> None:
    def install(session: SandboxSession) -> None:
        session.install(ARCHIVES[what])

    _assert_refused(yard, install)


@pytest.mark.parametrize("name", NAMES)
def test_file_with_a_name_that_leads_elsewhere_is_refused(name: str, yard: Yard) -> None:
    def load(session: SandboxSession) -> None:
        session.load([SourceFile(name, b"x")])

    _assert_refused(yard, load)


def test_compressed_archive_does_not_unpack_beyond_the_box(yard: Yard) -> None:
    bomb = io.BytesIO()
    with tarfile.open(fileobj=bomb, mode="w:xz", preset=0) as tar:
        member = _member("planted")
        member.size = 300 << 20
        tar.addfile(member, _Zeroes())

    def install(session: SandboxSession) -> None:
        session.install(bomb.getvalue())

    _assert_refused(yard, install)


def test_set_user_id_bit_of_an_archive_does_not_reach_the_box(yard: Yard) -> None:
    with yard.sandbox.session(yard.languages["c"]) as session:
        session.install(_tar(_member("program", mode=0o6777)))
        listed = session.run(["/usr/bin/stat", "-c", "%a %u", "program"], b"", ROOMY)

    assert listed.stdout == b"555 0\n"


@pytest.mark.parametrize(
    "name", ["-rf", "*", "a b", "a\nb", "$(id)", "ü" * 100, "\udcff", "\\", "...", "@file", "n" * 255]
)
def test_file_with_an_odd_but_harmless_name_is_put_in_place(name: str, yard: Yard) -> None:
    with yard.sandbox.session(yard.languages["python"]) as session:
        session.load([SourceFile(name, b"content")])
        program = "import os, sys; [print(open(name).read(), len(os.fsencode(name))) for name in os.listdir()]"
        read = session.run(["/usr/bin/python3", "-c", program], b"", ROOMY)

    assert read.stdout == b"content %d\n" % len(name.encode(errors="surrogateescape"))


class _Zeroes(io.RawIOBase):
    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return bytes(size)


def _assert_refused(yard: Yard, put: Callable[[SandboxSession], None]) -> None:
    def use_it() -> None:
        with yard.sandbox.session(yard.languages["python"]) as session:
            put(session)
            session.run(LIST_ALL, b"", ROOMY)

    with pytest.raises(SandboxError):
        use_it()
    with yard.sandbox.session(yard.languages["python"]) as session:
        listed = session.run(LIST_ALL, b"", ROOMY)
    assert listed.stdout == b"0\n"
    assert yard.judge_plain("python").verdict is Verdict.ACCEPTED
