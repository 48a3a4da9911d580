"""Talk to the agent of a box: frames over a byte stream, every wait with a deadline.

``sandbox_images/agent`` is the other end and explains the conversation. A frame is two lengths, a JSON header and a
binary body. A request is answered by one frame, but for ``load``, which is sent along with the request that follows
it: putting a program in place costs no round trip of its own.
"""

from __future__ import annotations

import binascii
import io
import json
import struct
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from domain.code_runs.model import Execution, LimitHit, Limits, SourceFile, Usage
from domain.code_runs.sandbox import SandboxError

_LENGTHS = struct.Struct("!II")
# The agent is ours, but a program that broke it could send anything.
_MAX_HEADER_BYTES = 1 << 20
_MAX_BODY_BYTES = 256 << 20
_WRITABLE_BY_NOBODY = 0o555

Fields = dict[str, object]


class Stream(Protocol):
    """The agent's stdin and stdout."""

    def send(self, data: bytes, timeout_s: float) -> None:
        """Send all of ``data``; raise ``OSError`` when that fails or takes longer."""

    def receive(self, timeout_s: float) -> bytes:
        """Return what has come, waiting for the first byte; empty when the agent has ended."""

    def is_quiet(self) -> bool:
        """Say whether the stream is open and nothing unread has come."""

    def shut(self) -> None:
        """End both directions at once, waking a reader in another thread; idempotent."""

    def complaint(self) -> str:
        """Return the last that the agent wrote to stderr: empty unless it broke."""


class AgentChannel:
    """Requests and answers. Not for two threads at a time, except ``shut``."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._unsent: list[bytes] = []
        self._received = bytearray()

    def greet(self, timeout_s: float) -> Fields:
        """Wait for the agent's first frame and return it."""
        return self._receive_frame(time.monotonic() + timeout_s)[0]

    def post(self, fields: Fields, body: bytes) -> None:
        """Send a request that has no answer, together with the next ``ask``."""
        self._unsent += _frame(fields, body)

    def ask(self, fields: Fields, body: bytes, timeout_s: float) -> tuple[Fields, bytes]:
        """Send a request and return its answer.

        Raises:
            SandboxError: the agent reports a failure, ends, stays silent for ``timeout_s``, or talks nonsense.
        """
        deadline = time.monotonic() + timeout_s
        data = b"".join(self._unsent + _frame(fields, body))
        self._unsent.clear()
        try:
            self._stream.send(data, timeout_s)
        except OSError as error:
            raise SandboxError(f"the box does not take a request: {error}{self._complaint()}") from error
        answer, content = self._receive_frame(deadline)
        if "error" in answer:
            raise SandboxError(f"the box failed: {answer['error']}")
        return answer, content

    def is_quiet(self) -> bool:
        """Say whether the agent is there and has nothing to say, as it should between requests."""
        return not self._received and self._stream.is_quiet()

    def shut(self) -> None:
        """Hang up, from any thread; the agent ends, and with it every process of the box."""
        self._stream.shut()

    def _receive_frame(self, deadline: float) -> tuple[Fields, bytes]:
        header_size, body_size = _LENGTHS.unpack(self._receive_exactly(_LENGTHS.size, deadline))
        if header_size > _MAX_HEADER_BYTES or body_size > _MAX_BODY_BYTES:
            raise SandboxError(f"the box sent a frame of {header_size} + {body_size} bytes")
        try:
            fields = json.loads(self._receive_exactly(header_size, deadline))
        except ValueError as error:
            raise SandboxError("the box sent a frame that is not JSON") from error
        if not isinstance(fields, dict):
            raise SandboxError("the box sent a frame that is not an object")
        return fields, self._receive_exactly(body_size, deadline)

    def _receive_exactly(self, size: int, deadline: float) -> bytes:
        while len(self._received) < size:
            self._received += self._receive_some(deadline)
        data = bytes(memoryview(self._received)[:size])
        del self._received[:size]
        return data

    def _receive_some(self, deadline: float) -> bytes:
        try:
            data = self._stream.receive(max(0.001, deadline - time.monotonic()))
        except TimeoutError as error:
            raise SandboxError("the box did not answer in time") from error
        except OSError as error:
            raise SandboxError(f"the box's stream broke: {error}") from error
        if not data:
            raise SandboxError(f"the box ended{self._complaint()}")
        return data

    def _complaint(self) -> str:
        complaint = self._stream.complaint().strip()
        return f": {complaint.splitlines()[-1]}" if complaint else ""


def agent_fingerprint(folder: Path) -> str:
    """Return the checksum that an agent with the source in ``folder`` names in its first frame."""
    crc = 0
    for name in sorted(str(path.relative_to(folder)) for path in folder.rglob("*.py")):
        crc = binascii.crc32(name.encode() + b"\0" + (folder / name).read_bytes(), crc)
    return f"{crc:08x}"


def limits_fields(limits: Limits) -> Fields:
    """Write limits as the agent reads them."""
    return {
        "cpu_s": limits.cpu_s,
        "wall_s": limits.wall_s,
        "memory_bytes": limits.memory_bytes,
        "processes": limits.processes,
        "output_bytes": limits.output_bytes,
        "file_bytes": limits.file_bytes,
    }


def files_fields(files: Sequence[SourceFile]) -> tuple[list[Fields], bytes]:
    """Write files as the agent reads them: a list, and their contents one after the other."""
    listed: list[Fields] = [{"name": file.name, "size": len(file.content), "mode": 0o644} for file in files]
    return listed, b"".join(file.content for file in files)


def parse_execution(fields: Fields, body: bytes) -> Execution:
    """Read how a program ended.

    Raises:
        SandboxError: the answer is not what an agent sends.
    """
    try:
        split = int(str(fields["stdout"]))
        code, signal, limit = fields["exit_code"], fields["signal"], fields["limit"]
        stderr, refused = body[split:], fields.get("refused")
        if refused is not None:
            # The compiler was content but what it left is not: its author is told, as by the compiler.
            stderr, code = stderr + f"{refused}\n".encode(), 1
        return Execution(
            stdout=body[:split],
            stderr=stderr,
            is_stdout_truncated=bool(fields["stdout_truncated"]),
            is_stderr_truncated=bool(fields["stderr_truncated"]),
            exit_code=None if code is None else int(str(code)),
            signal=None if signal is None else int(str(signal)),
            limit_hit=None if limit is None else LimitHit(str(limit)),
            usage=Usage(
                cpu_s=float(str(fields["cpu_s"])),
                wall_s=float(str(fields["wall_s"])),
                memory_bytes=int(str(fields["memory_bytes"])),
            ),
        )
    except (KeyError, ValueError) as error:
        raise SandboxError(f"the box sent an answer that makes no sense: {error!r}") from error


def pack_artefact(fields: Fields, body: bytes) -> bytes:
    """Make a tar of the files that an agent sent."""
    archive = io.BytesIO()
    at = 0
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, size, mode in _listed(fields):
            info = tarfile.TarInfo(name)
            info.size, info.mode = size, mode
            tar.addfile(info, io.BytesIO(body[at : at + size]))
            at += size
    return archive.getvalue()


def unpack_artefact(artefact: bytes) -> tuple[list[Fields], bytes]:
    """Read a tar of ``pack_artefact`` back into the agent's form.

    Raises:
        SandboxError: it is damaged, or holds anything but regular files.
    """
    listed: list[Fields] = []
    contents = []
    try:
        # Neither compressed nor sparse: what is unpacked is then no larger than the archive.
        with tarfile.open(fileobj=io.BytesIO(artefact), mode="r:") as tar:
            for member in tar:
                file = tar.extractfile(member) if member.isreg() and not member.issparse() else None
                if file is None:
                    raise SandboxError(f"the artefact holds {member.name!r}, which is not a regular file")
                contents.append(file.read())
                mode = member.mode & _WRITABLE_BY_NOBODY
                listed.append({"name": member.name, "size": len(contents[-1]), "mode": mode})
    except tarfile.TarError as error:
        raise SandboxError(f"the artefact is damaged: {error}") from error
    return listed, b"".join(contents)


def _listed(fields: Fields) -> list[tuple[str, int, int]]:
    files = fields.get("files")
    if not isinstance(files, list):
        raise SandboxError("the box sent an artefact without its list of files")
    try:
        return [(str(file["name"]), int(file["size"]), int(file["mode"])) for file in files]
    except (KeyError, TypeError, ValueError) as error:
        raise SandboxError(f"the box sent a list of files that makes no sense: {error!r}") from error


def _frame(fields: Fields, body: bytes) -> list[bytes]:
    header = json.dumps(fields).encode()
    return [_LENGTHS.pack(len(header), len(body)), header, body]
