"""HLS playlists (RFC 8216) as our own encoder writes them, read without believing them: bounded, our paths only."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

MAX_BYTES = 1 << 20
MAX_SEGMENTS = 10_000
MAX_SEGMENT_S = 60.0

_SEGMENT = re.compile(r"seg_\d{5}\.ts")
_VARIANT = re.compile(r"[a-z]{1,10}/index\.m3u8")
_DURATION = re.compile(r"#EXTINF:(\d{1,3}(?:\.\d{1,9})?),.*")


class PlaylistError(Exception):
    """This is no playlist that we would publish."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a rendition: its file beside the playlist, and how long it plays."""

    name: str
    duration_s: float


def parse_variants(content: bytes) -> tuple[str, ...]:
    """Return the playlists that a master playlist names, in its order.

    Raises:
        PlaylistError: it is none, or names something else.
    """
    names = [line for line in _lines(content) if not line.startswith("#")]
    if not names or len(set(names)) < len(names) or not all(map(_VARIANT.fullmatch, names)):
        raise PlaylistError("the master playlist names what is no rendition")
    return tuple(names)


def parse_segments(content: bytes) -> tuple[Segment, ...]:
    """Return the segments of a rendition's playlist, which is complete.

    Raises:
        PlaylistError: it is none, is not complete, or names something else.
    """
    lines = _lines(content)
    if lines[-1] != "#EXT-X-ENDLIST":
        raise PlaylistError("the playlist has no end")
    segments: list[Segment] = []
    duration_s: float | None = None
    for line in lines[1:]:
        if line.startswith("#EXTINF"):
            duration_s = _parse_duration(line)
        elif not line.startswith("#"):
            if duration_s is None or not _SEGMENT.fullmatch(line) or len(segments) >= MAX_SEGMENTS:
                raise PlaylistError("the playlist names what is no segment")
            segments.append(Segment(line, duration_s))
            duration_s = None
    if not segments or len({segment.name for segment in segments}) < len(segments):
        raise PlaylistError("the playlist has no segments, or one twice")
    return tuple(segments)


def _lines(content: bytes) -> list[str]:
    if len(content) > MAX_BYTES:
        raise PlaylistError(f"the playlist is longer than {MAX_BYTES} bytes")
    try:
        lines = [line for line in content.decode("ascii").split("\n") if line]
    except UnicodeDecodeError as error:
        raise PlaylistError("the playlist is no text") from error
    if not lines or lines[0] != "#EXTM3U":
        raise PlaylistError("this is no playlist")
    return lines


def _parse_duration(line: str) -> float:
    match = _DURATION.fullmatch(line)
    duration_s = float(match[1]) if match else math.nan
    if not 0 < duration_s <= MAX_SEGMENT_S:
        raise PlaylistError("the playlist has a segment without a duration")
    return duration_s
