"""Count what viewers were served, from the lines that nginx or ``varnishncsa`` write about it: ``HIT 65536``.

Lines are counted by the chunk, and most of a chunk's lines are the same few, so that counting keeps up with either.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from cli.stack.tether import die_with_parent

MAX_LOG_BYTES = 16 * 2**20
_CHUNK_BYTES = 1 << 20
_HITS = frozenset({b"HIT", b"STALE", b"UPDATING", b"REVALIDATED", b"hit"})
_MISSES = frozenset({b"MISS", b"EXPIRED", b"BYPASS", b"miss"})


class Tally:
    """Sums over the lines seen so far. Safe for threads."""

    def __init__(self) -> None:
        self.hits = 0
        self.misses = 0
        self.sent_bytes = 0
        self._lock = threading.Lock()

    def add(self, lines: bytes) -> None:
        """Count whole lines; what is not understood counts as neither hit nor miss."""
        with self._lock:
            for line, times in Counter(lines.splitlines()).items():
                handling, _, size = line.partition(b" ")
                self.hits += times * (handling in _HITS)
                self.misses += times * (handling in _MISSES)
                self.sent_bytes += times * (int(size) if size.isdigit() else 0)


def follow_file(path: Path, tally: Tally) -> Callable[[], None]:
    """Return what counts, at each call, the lines that came to the file since; it empties the file as it grows.

    Lines that come between the last read and the emptying are lost: a few in millions.
    """
    position = path.stat().st_size if path.exists() else 0
    lock = threading.Lock()

    def catch_up() -> None:
        nonlocal position
        with lock:
            if not path.exists():
                return
            with path.open("rb") as file:
                position = 0 if os.fstat(file.fileno()).st_size < position else position
                file.seek(position)
                for lines in whole_lines(lambda: file.read(_CHUNK_BYTES)):
                    tally.add(lines)
                    position += len(lines)
            if position > MAX_LOG_BYTES and position == path.stat().st_size:
                os.truncate(path, 0)
                position = 0

    return catch_up


def follow_varnish(folder: Path, tally: Tally) -> subprocess.Popen[bytes]:
    """Start ``varnishncsa`` on the Varnish that works in ``folder``, and count its lines in a thread."""
    process = subprocess.Popen(
        ["varnishncsa", "-n", str(folder), "-q", "not VCL_Log", "-F", "%{Varnish:hitmiss}x %b"],
        stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent,  # noqa: PLW1509 - only the call
    )  # fmt: skip
    assert process.stdout is not None
    descriptor = process.stdout.fileno()

    def count() -> None:
        for lines in whole_lines(lambda: os.read(descriptor, _CHUNK_BYTES)):
            tally.add(lines)

    threading.Thread(target=count, daemon=True).start()
    return process


def whole_lines(read: Callable[[], bytes]) -> Iterator[bytes]:
    """Yield what ``read`` returns, cut after line ends, until it returns nothing; a last half line is left out."""
    rest = b""
    while chunk := read():
        lines, end, rest = (rest + chunk).rpartition(b"\n")
        yield lines + end
