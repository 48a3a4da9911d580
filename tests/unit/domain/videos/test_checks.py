from __future__ import annotations

import pytest

from domain.videos.checks import BadEncodingError, check_encoding
from domain.videos.encoder import BrokenVideoError
from domain.videos.manifests import (
    DamagedManifestError,
    Manifest,
    ManifestFile,
    dump_manifest,
    parse_manifest,
    revision_of,
)
from domain.videos.plan import plan_renditions
from domain.videos.sources import Source

SOURCE = Source("mov,mp4,m4a,3gp,3g2,mj2", 1920, 1080, 10.0, has_audio=True)
RENDITIONS = plan_renditions(SOURCE)
MASTER = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nsd/index.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nhd/index.m3u8\n"


def playlist(*durations: float) -> bytes:
    lines = [f"#EXTINF:{duration:.6f},\nseg_{place:05d}.ts" for place, duration in enumerate(durations)]
    return "\n".join(["#EXTM3U", *lines, "#EXT-X-ENDLIST", ""]).encode()


def encoded(sd=(4, 4, 2), hd=(4, 4, 2)) -> tuple[dict[str, int], dict[str, bytes]]:
    playlists = {"master.m3u8": MASTER, "sd/index.m3u8": playlist(*sd), "hd/index.m3u8": playlist(*hd)}
    segments = {
        f"{name}/seg_{place:05d}.ts": 9 for name, all_ in (("sd", sd), ("hd", hd)) for place in range(len(all_))
    }
    return {**{name: len(content) for name, content in playlists.items()}, **segments, "sd.mp4": 9}, playlists


def test_a_whole_encoding_passes() -> None:
    check_encoding(SOURCE, RENDITIONS, *encoded())
    check_encoding(SOURCE, RENDITIONS, *encoded((4, 4, 1.2), (4, 4, 1.24)))


@pytest.mark.parametrize(
    ("sd", "hd", "message"),
    [((4, 4, 2), (4, 6), "3 segments, another 2"), ((4, 4, 2), (5, 3, 2), "not cut at the same times")],
)
def test_renditions_that_are_cut_differently_are_refused(sd, hd, message) -> None:
    with pytest.raises(BadEncodingError, match=message):
        check_encoding(SOURCE, RENDITIONS, *encoded(sd, hd))


@pytest.mark.parametrize("path", ["sd.mp4", "hd/seg_00002.ts", "sd/seg_00000.ts"])
def test_a_file_that_is_missing_or_empty_is_noticed(path: str) -> None:
    for change in ({}, {path: 0}):
        sizes, playlists = encoded()
        del sizes[path]
        with pytest.raises(BadEncodingError, match=path if not change else "empty"):
            check_encoding(SOURCE, RENDITIONS, sizes | change, playlists)


def test_a_file_too_many_or_a_playlist_too_few_is_noticed() -> None:
    sizes, playlists = encoded()
    with pytest.raises(BadEncodingError, match="too many"):
        check_encoding(SOURCE, RENDITIONS, sizes | {"sd/core": 1}, playlists)
    del playlists["hd/index.m3u8"]
    with pytest.raises(BadEncodingError, match="no playlist"):
        check_encoding(SOURCE, RENDITIONS, sizes, playlists)


def test_much_less_than_was_announced_is_the_files_fault() -> None:
    with pytest.raises(BrokenVideoError, match=r"announces 10.0 s and has 8.0 s"):
        check_encoding(SOURCE, RENDITIONS, *encoded((4, 4), (4, 4)))


def test_a_manifest_is_its_revision() -> None:
    files = (ManifestFile("sd/index.m3u8", 3, "b" * 64), ManifestFile("hd/seg_00000.ts", 5, "a" * 64))
    content = dump_manifest(Manifest(files, RENDITIONS, 10.0))

    assert content == dump_manifest(Manifest(files[::-1], RENDITIONS, 10.0))
    found = parse_manifest(content, revision_of(content))
    assert (found.renditions, found.duration_s, found.size_of("sd"), found.size_of("hd")) == (RENDITIONS, 10.0, 3, 5)
    assert found.by_path["sd/index.m3u8"] == files[0]
    for other, revision in ((content, "0" * 64), (content + b" ", revision_of(content)), (b"", revision_of(content))):
        with pytest.raises(DamagedManifestError):
            parse_manifest(other, revision)
