"""Whether what was encoded may be published: complete, aligned, and as long as the source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain.videos.encoder import BrokenVideoError
from domain.videos.plan import FALLBACK, MASTER, Rendition
from domain.videos.playlists import PlaylistError, Segment, parse_segments, parse_variants
from domain.videos.sources import Source

ALIGNED_WITHIN_S = 0.1
MISSING_S = 1.0
MISSING_SHARE = 0.05
"""So much of the announced duration may be missing: containers round, and sound may end after the pictures."""


class BadEncodingError(Exception):
    """The encoder did not make what it was asked for; that is our fault and not the file's."""


def check_encoding(
    source: Source, renditions: Sequence[Rendition], sizes: Mapping[str, int], playlists: Mapping[str, bytes]
) -> None:
    """Refuse an encoding that is not whole.

    ``sizes`` has every file that was made by its path, in bytes, and ``playlists`` the content of the playlists.

    Raises:
        BadEncodingError: files are missing, empty or too many, or the renditions do not fit each other.
        BrokenVideoError: it is much shorter than the source said that it would be, which is cut off or damaged.
    """
    try:
        variants = parse_variants(playlists.get(MASTER, b""))
        segments = {each: parse_segments(playlists.get(each.playlist, b"")) for each in renditions}
    except PlaylistError as error:
        raise BadEncodingError(str(error)) from error
    if set(variants) != {each.playlist for each in renditions}:
        raise BadEncodingError("the master playlist does not name each rendition")
    expected = {MASTER, FALLBACK, *variants}
    expected |= {f"{each.name}/{segment.name}" for each, found in segments.items() for segment in found}
    if expected != sizes.keys() or not all(sizes.values()):
        raise BadEncodingError(f"files are missing, empty or too many: {sorted(expected ^ sizes.keys())[:5]}")
    _check_alignment(list(segments.values()))
    _check_duration(source, segments[renditions[0]])


def _check_alignment(renditions: Sequence[Sequence[Segment]]) -> None:
    first = renditions[0]
    for other in renditions[1:]:
        if len(other) != len(first):
            raise BadEncodingError(f"a rendition has {len(first)} segments, another {len(other)}")
        if any(abs(a.duration_s - b.duration_s) > ALIGNED_WITHIN_S for a, b in zip(first, other, strict=True)):
            raise BadEncodingError("the renditions are not cut at the same times")


def _check_duration(source: Source, segments: Sequence[Segment]) -> None:
    found_s = sum(segment.duration_s for segment in segments)
    if source.duration_s - found_s > max(MISSING_S, MISSING_SHARE * source.duration_s):
        raise BrokenVideoError(
            f"the file is cut off or damaged: it announces {source.duration_s:.1f} s and has {found_s:.1f} s"
        )
