import io
import json
import struct
import tarfile

import pytest

from adapters.sandbox_protocol import (
    AgentChannel,
    agent_fingerprint,
    pack_artefact,
    parse_execution,
    unpack_artefact,
)
from agent.serve import source_fingerprint
from domain.code_runs.model import LimitHit
from domain.code_runs.sandbox import SandboxError
from tests.sandboxes import IMAGES_DIR

END = {
    "exit_code": 0, "signal": None, "limit": None, "stdout": 3, "stdout_truncated": False, "stderr_truncated": True,
    "cpu_s": 0.5, "wall_s": 1.5, "memory_bytes": 1024,
}  # fmt: skip


class ScriptedStream:
    """Sends what it was given, piece by piece."""

    def __init__(self, *pieces):
        self.pieces = list(pieces)
        self.sent = b""

    def send(self, data, timeout_s):
        self.sent += data

    def receive(self, timeout_s):
        piece = self.pieces.pop(0) if self.pieces else b""
        if isinstance(piece, Exception):
            raise piece
        return piece

    def is_quiet(self):
        return True

    def shut(self):
        pass

    def complaint(self):
        return "Traceback\nMemoryError: no more\n"


def frame(fields, body=b""):
    header = json.dumps(fields).encode()
    return struct.pack("!II", len(header), len(body)) + header + body


def test_an_answer_that_comes_byte_by_byte_is_put_together():
    data = frame({"ok": True}, b"body")
    channel = AgentChannel(ScriptedStream(*(data[at : at + 1] for at in range(len(data)))))

    assert channel.ask({"op": "x"}, b"", 1.0) == ({"ok": True}, b"body")


def test_what_needs_no_answer_is_sent_with_the_request_that_follows():
    stream = ScriptedStream(frame({}), frame({}))
    channel = AgentChannel(stream)

    channel.post({"op": "load"}, b"file")
    assert stream.sent == b""
    channel.ask({"op": "run"}, b"", 1.0)
    first = stream.sent
    channel.ask({"op": "run"}, b"", 1.0)

    assert first == frame({"op": "load"}, b"file") + frame({"op": "run"})
    assert stream.sent == first + frame({"op": "run"})


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        ([frame({"error": "disk on fire"})], "disk on fire"),
        ([], "ended: MemoryError: no more"),
        ([TimeoutError()], "in time"),
        ([ConnectionResetError("reset")], "reset"),
        ([b"\xff" * 8], "4294967295"),
        ([struct.pack("!II", 2, 0) + b"{"[:1] + b"x"], "not JSON"),
        ([struct.pack("!II", 2, 0) + b"[]"], "not an object"),
    ],
)
def test_whatever_goes_wrong_is_a_sandbox_error_that_says_what(pieces, message):
    channel = AgentChannel(ScriptedStream(*pieces))

    with pytest.raises(SandboxError, match=message):
        channel.ask({"op": "x"}, b"", 1.0)


def test_an_answer_becomes_an_execution():
    end = parse_execution(END | {"limit": "time", "exit_code": None, "signal": 9}, b"outerr")

    assert (end.stdout, end.stderr, end.signal, end.exit_code) == (b"out", b"err", 9, None)
    assert end.limit_hit is LimitHit.TIME
    assert (end.is_stdout_truncated, end.is_stderr_truncated) == (False, True)
    assert (end.usage.cpu_s, end.usage.wall_s, end.usage.memory_bytes) == (0.5, 1.5, 1024)


def test_a_refused_artefact_is_a_failed_compilation_with_the_reason():
    end = parse_execution(END | {"refused": "it left a link"}, b"outerr")

    assert (end.exit_code, end.stderr) == (1, b"errit left a link\n")


@pytest.mark.parametrize("change", [{"limit": "moon"}, {"stdout": "x"}, {"cpu_s": None}])
def test_an_answer_that_makes_no_sense_is_a_sandbox_error(change):
    with pytest.raises(SandboxError):
        parse_execution(END | change, b"")


def test_an_artefact_survives_packing():
    files = [{"name": "a/b", "size": 2, "mode": 0o555}, {"name": "c", "size": 0, "mode": 0o444}]

    assert unpack_artefact(pack_artefact({"files": files}, b"xy")) == (files, b"xy")


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE]
)
def test_an_artefact_with_anything_but_regular_files_is_refused(kind):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        member = tarfile.TarInfo("x")
        member.type, member.linkname = kind, "/etc/passwd"
        tar.addfile(member)

    with pytest.raises(SandboxError, match="not a regular file"):
        unpack_artefact(archive.getvalue())


def test_worker_and_agent_compute_the_same_fingerprint():
    assert agent_fingerprint(IMAGES_DIR / "agent") == source_fingerprint(str(IMAGES_DIR / "agent"))
