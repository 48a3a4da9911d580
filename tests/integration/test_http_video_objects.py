"""The origin of videos: ranges, lifetimes, tokens, and nothing but what the manifest names."""

from __future__ import annotations

import time

import pytest

from domain.videos.tokens import sign
from tests.apis import EDGE_SECRET, api
from tests.videos import Studio, publish

SIZE = 2_500_000
MP4 = bytes(range(250)) * (SIZE // 250)
FILES = {
    "master.m3u8": b"#EXTM3U\nsd/index.m3u8\n",
    "sd/index.m3u8": b"#EXTM3U\n",
    "sd/seg_00000.ts": b"a segment",
    "sd.mp4": MP4,
}


@pytest.fixture
def studio(engine, tmp_path):
    return Studio(engine, tmp_path)


@pytest.fixture
def platform(database_url, redis_url, tmp_path):
    with api(database_url, redis_url, home=tmp_path) as running:
        yield running


@pytest.fixture
def video(studio):
    return publish(studio, FILES)


@pytest.fixture
def folder(video):
    return f"/v/{video.id}/{video.revision}"


@pytest.fixture
def viewer(platform):
    return platform.app.test_client()


def test_files_have_their_types_lifetimes_tags_and_strong_entity_tags(viewer, folder, video):
    expected = {
        "master.m3u8": (
            "application/vnd.apple.mpegurl",
            "public, max-age=30",
            "max-age=60, stale-while-revalidate=60",
        ),
        "sd/index.m3u8": ("application/vnd.apple.mpegurl", "public, max-age=86400", "max-age=86400"),
        "sd/seg_00000.ts": ("video/mp2t", "public, max-age=31536000, immutable", "max-age=1209600"),
        "sd.mp4": ("video/mp4", "public, max-age=86400", "max-age=86400"),
    }
    for path, (media_type, browser, edge) in expected.items():
        answer = viewer.get(f"{folder}/{path}")
        assert (answer.status_code, answer.data) == (200, FILES[path])
        assert answer.headers["Content-Type"] == media_type
        assert (answer.headers["Cache-Control"], answer.headers["CDN-Cache-Control"]) == (browser, edge)
        assert answer.headers["Surrogate-Key"] == f"video:{video.id}"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Content-Length"] == str(len(FILES[path]))
        tag = answer.headers["ETag"]
        assert len(tag) == 66
        for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
            unchanged = viewer.get(f"{folder}/{path}", headers={"If-None-Match": known})
            assert (unchanged.status_code, unchanged.data, unchanged.headers["ETag"]) == (304, b"", tag)
        head = viewer.head(f"{folder}/{path}")
        assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", str(len(FILES[path])))


@pytest.mark.parametrize(
    ("asked", "status", "ends"),
    [
        ("bytes=0-0", 206, (0, 0)),
        ("bytes=0-99", 206, (0, 99)),
        ("bytes=1000-1999", 206, (1000, 1999)),
        # Over the bounds of the pieces that it is read in.
        ("bytes=1048570-2097160", 206, (1_048_570, 2_097_160)),
        ("bytes=2400000-", 206, (2_400_000, SIZE - 1)),
        ("bytes=-500", 206, (SIZE - 500, SIZE - 1)),
        ("bytes=-9999999", 206, (0, SIZE - 1)),
        ("bytes=2499999-9999999", 206, (SIZE - 1, SIZE - 1)),
        ("BYTES=0-0", 206, (0, 0)),
        ("bytes=2500000-", 416, (None, None)),
        ("bytes=9999999-99999999", 416, (None, None)),
        ("bytes=-0", 416, (None, None)),
        ("bytes=5-4", 200, (0, SIZE - 1)),
        ("bytes=0-0,5-9", 200, (0, SIZE - 1)),
        ("bytes=", 200, (0, SIZE - 1)),
        ("bytes=-", 200, (0, SIZE - 1)),
        ("bytes=a-b", 200, (0, SIZE - 1)),
        ("lines=0-5", 200, (0, SIZE - 1)),
        ("bytes=99999999999999999999-", 200, (0, SIZE - 1)),
    ],
)
def test_one_range_is_served(viewer, folder, asked, status, ends):
    answer = viewer.get(f"{folder}/sd.mp4", headers={"Range": asked})

    assert answer.status_code == status
    assert answer.headers["Accept-Ranges"] == "bytes"
    if status == 416:
        assert (answer.headers["Content-Range"], answer.data) == (f"bytes */{SIZE}", b"")
        return
    first, last = ends
    assert answer.data == MP4[first : last + 1]
    assert answer.headers["Content-Length"] == str(last + 1 - first)
    assert answer.headers.get("Content-Range") == (f"bytes {first}-{last}/{SIZE}" if status == 206 else None)


def test_a_range_of_another_version_is_the_whole(viewer, folder):
    tag = viewer.head(f"{folder}/sd.mp4").headers["ETag"]

    for if_range, status in ((tag, 206), ('"old"', 200), (f"W/{tag}", 200), ("Sat, 01 Jan 2028 00:00:00 GMT", 200)):
        answer = viewer.get(f"{folder}/sd.mp4", headers={"Range": "bytes=0-9", "If-Range": if_range})
        assert answer.status_code == status
    assert viewer.head(f"{folder}/sd.mp4", headers={"Range": "bytes=0-9"}).status_code == 200


def test_a_browser_of_another_site_may_ask_for_ranges(viewer, folder):
    answer = viewer.options(f"{folder}/sd.mp4")

    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (204, "*")
    assert "Range" in answer.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize(
    "path",
    [
        "manifest.json", "sd/", "sd", "sd/seg_00001.ts", "../manifest.json", "sd/../sd.mp4", "sd//seg_00000.ts",
        "%2e%2e/%2e%2e/master.m3u8", "..%2fmaster.m3u8", "/etc/passwd", "sd.mp4%00", "SD.MP4",
    ],
)  # fmt: skip
def test_nothing_but_what_the_manifest_names_is_there(viewer, folder, path):
    answer = viewer.get(f"{folder}/{path}")

    assert answer.status_code in (404, 308)
    if answer.status_code == 404:
        assert answer.headers["Cache-Control"] in ("public, max-age=5", "no-store")


def test_a_revision_or_video_that_is_not_served_is_not_there_for_long(viewer, video):
    for place in (
        f"{video.id}/{'0' * 64}",
        f"{video.id}/..",
        f"{'0' * 8}-0000-7000-8000-{'0' * 12}/{video.revision}",
    ):
        answer = viewer.get(f"/v/{place}/sd.mp4")
        assert answer.status_code == 404
        assert answer.headers["CDN-Cache-Control"] == "max-age=5"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_what_was_taken_down_is_gone_at_once(platform, viewer, folder, video):
    assert viewer.get(f"{folder}/sd/seg_00000.ts").status_code == 200

    platform.client("alice", is_admin=True).delete(f"/v1/videos/{video.id}")

    assert viewer.get(f"{folder}/sd/seg_00000.ts").status_code == 404


def test_a_token_opens_one_revision_until_it_expires(viewer, studio, video, folder):
    other = publish(studio, {**FILES, "sd.mp4": b"another"})
    now = int(time.time())
    good = sign(EDGE_SECRET, str(video.id), video.revision, now + 100)
    old = sign(EDGE_SECRET, str(video.id), video.revision, now - 1)
    foreign = sign("another secret of others", str(video.id), video.revision, now + 100)
    of_other = sign(EDGE_SECRET, str(other.id), other.revision, now + 100)

    for token, status in ((good, 200), (old, 403), (foreign, 403), (of_other, 403), ("x", 403)):
        assert viewer.get(f"/t/{token}{folder}/sd/seg_00000.ts").status_code == status
        checked = viewer.get(f"/edge/tokens/{token}/{video.id}/{video.revision}")
        assert checked.status_code == (204 if status == 200 else 403)
        lifetime = int(checked.headers["CDN-Cache-Control"].removeprefix("max-age="))
        assert 90 < lifetime <= 100 if status == 200 else lifetime == 5
    assert viewer.options(f"/t/x{folder}/sd.mp4").status_code == 204


def test_what_the_store_has_lost_or_damaged_is_not_served(viewer, studio, video, folder):
    segment = f"videos/{video.id}/{video.revision}/sd/seg_00000.ts"
    for harm in (
        lambda: studio.blobs.put(segment, b"A segment"),
        lambda: studio.blobs.put(segment, b"short"),
        lambda: studio.blobs.delete(segment),
    ):
        harm()
        answer = viewer.get(f"{folder}/sd/seg_00000.ts")
        assert (answer.status_code, answer.json["code"]) == (503, "blob_store_unavailable")
        assert answer.headers["Cache-Control"] == "no-store"
    studio.blobs.delete(f"videos/{video.id}/{video.revision}/manifest.json")
