"""What is asked of a program that reads and encodes videos."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class EncoderError(Exception):
    """The program was killed, ran out of disk or could not be started: another attempt may succeed."""


class BrokenVideoError(Exception):
    """The video cannot be encoded, now or ever; the message is for whoever uploaded it."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the program.

    ``file`` is read by the first of ``demuxers``, and what that opens by one of them. ``arguments`` are what follows
    the input. All paths are relative to ``folder``. ``duration_s`` is what 100 % of the progress is. The run is
    killed after ``timeout_s``, and as soon as ``stopped`` is set.
    """

    folder: Path
    file: str
    demuxers: Sequence[str]
    arguments: Sequence[str]
    duration_s: float
    timeout_s: float
    stopped: threading.Event


class Encoder(Protocol):
    """Reads hostile files: within limits of time, memory and disk, without a network, and only the file given."""

    def probe(self, file: Path, stopped: threading.Event) -> dict[str, object]:
        """Return what ffprobe says about a file's container and streams, as it says it in JSON.

        Raises:
            BrokenVideoError: it is no video of a kind that is taken.
            EncoderError: try again.
        """

    def encode(self, run: Run, on_percent: Callable[[float], None]) -> None:
        """Encode; ``on_percent`` is called now and then, with 0 to 100.

        Raises:
            BrokenVideoError: the file is damaged, or takes more than the limits allow.
            EncoderError: try again; also raised when ``stopped`` was set.
        """
