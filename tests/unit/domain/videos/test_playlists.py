from __future__ import annotations

import pytest

from domain.videos import playlists
from domain.videos.playlists import PlaylistError, Segment, parse_segments, parse_variants

HEAD = "#EXTM3U\n#EXT-X-VERSION:6\n"
END = "#EXT-X-ENDLIST\n"


def test_segments_have_names_and_durations() -> None:
    content = f"{HEAD}#EXTINF:4.000000,\nseg_00000.ts\n#EXTINF:1.5,\nseg_00001.ts\n{END}"

    assert parse_segments(content.encode()) == (Segment("seg_00000.ts", 4.0), Segment("seg_00001.ts", 1.5))


def test_variants_are_named_in_order() -> None:
    content = f"{HEAD}#EXT-X-STREAM-INF:BANDWIDTH=1\nsd/index.m3u8\n\n#EXT-X-STREAM-INF:BANDWIDTH=2\nhd/index.m3u8\n"

    assert parse_variants(content.encode()) == ("sd/index.m3u8", "hd/index.m3u8")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "seg_00000.ts\n",
        f"{HEAD}{END}",
        f"{HEAD}#EXTINF:4,\nseg_00000.ts\n",
        f"{HEAD}seg_00000.ts\n{END}",
        f"{HEAD}#EXTINF:4,\n../seg_00000.ts\n{END}",
        f"{HEAD}#EXTINF:4,\n/etc/passwd\n{END}",
        f"{HEAD}#EXTINF:4,\nhttp://elsewhere/seg_00000.ts\n{END}",
        f"{HEAD}#EXTINF:4,\nseg_00000.ts?x\n{END}",
        f"{HEAD}#EXTINF:4,\nseg_00000.ts\nseg_00001.ts\n{END}",
        f"{HEAD}#EXTINF:4,\nseg_00000.ts\n#EXTINF:4,\nseg_00000.ts\n{END}",
        f"{HEAD}#EXTINF:0,\nseg_00000.ts\n{END}",
        f"{HEAD}#EXTINF:-4,\nseg_00000.ts\n{END}",
        f"{HEAD}#EXTINF:nan,\nseg_00000.ts\n{END}",
        f"{HEAD}#EXTINF:1e9,\nseg_00000.ts\n{END}",
        f"{HEAD}#EXTINF:999,\nseg_00000.ts\n{END}",
        f"{HEAD}#EXTINF:4,\nseg_0000é.ts\n{END}",
    ],
)
def test_anything_else_is_no_playlist_of_segments(content: str) -> None:
    with pytest.raises(PlaylistError):
        parse_segments(content.encode())


@pytest.mark.parametrize(
    "name", ["../sd/index.m3u8", "http://x/sd/index.m3u8", "sd/other.m3u8", "SD/index.m3u8", "sd"]
)
def test_a_master_playlist_names_renditions_only(name: str) -> None:
    with pytest.raises(PlaylistError):
        parse_variants(f"{HEAD}{name}\n".encode())


def test_a_playlist_is_bounded() -> None:
    piece = "#EXTINF:4,\nseg_{:05d}.ts\n"
    many = HEAD + "".join(piece.format(place) for place in range(playlists.MAX_SEGMENTS + 1)) + END

    with pytest.raises(PlaylistError, match="no segment"):
        parse_segments(many.encode())
    with pytest.raises(PlaylistError, match="longer than"):
        parse_segments(HEAD.encode() + b"#" * playlists.MAX_BYTES)
