"""Videos are encoded by the real ffmpeg, published whole or not at all, and refused with a reason."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile

import pytest

from domain.videos.manifests import parse_manifest
from domain.videos.playlists import parse_segments
from store.videos import videos
from tests.videos import Studio, make_clip, need_ffmpeg


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4")


@pytest.fixture
def studio(engine, tmp_path):
    need_ffmpeg()
    return Studio(engine, tmp_path)


def manifest_of(studio, video):
    content, _ = studio.blobs.get(f"videos/{video.id}/{video.revision}/manifest.json")
    return parse_manifest(content, video.revision)


def test_an_upload_becomes_aligned_renditions_a_fallback_and_a_manifest(studio, clip):
    video, job = studio.encode(clip, sha256=hashlib.sha256(clip.read_bytes()).hexdigest())

    assert job.state == "succeeded", job.error
    assert (video.state, video.shown_state, round(video.duration_s)) == ("ready", "ready", 5)
    manifest = manifest_of(studio, video)
    assert {file.path for file in manifest.files} == {
        "master.m3u8", "sd.mp4", *(f"{name}/{file}" for name in ("sd", "hd")
                                   for file in ("index.m3u8", "seg_00000.ts", "seg_00001.ts")),
    }  # fmt: skip
    for file in manifest.files:
        content, _ = studio.blobs.get(f"videos/{video.id}/{video.revision}/{file.path}")
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file.size_bytes, file.sha256)
    lengths = [
        [segment.duration_s for segment in parse_segments(studio.blobs.get(f"{prefix}/index.m3u8")[0])]
        for prefix in (f"videos/{video.id}/{video.revision}/{name}" for name in ("sd", "hd"))
    ]
    assert lengths[0] == lengths[1] == [4.0, 1.0]
    with studio.sessions() as session:
        found = videos.renditions(session, video.id)
    assert [(each.name, each.width, each.height, each.files) for each in found] == [
        ("sd", 480, 360, 3), ("hd", 640, 480, 3),
    ]  # fmt: skip
    assert studio.left_over() == []


def test_segments_begin_with_a_key_frame_and_the_fallback_with_its_index(studio, clip, tmp_path):
    video, _ = studio.encode(clip)

    folder = f"videos/{video.id}/{video.revision}"
    for name in ("sd/seg_00001.ts", "hd/seg_00001.ts"):
        (tmp_path / "segment.ts").write_bytes(studio.blobs.get(f"{folder}/{name}")[0])
        shown = subprocess.run(
            ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "frame=pict_type", "-of", "csv=p=0",
             "-read_intervals", "%+#1", str(tmp_path / "segment.ts")],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        assert shown.stdout.startswith("I")
    fallback, _ = studio.blobs.get(f"{folder}/sd.mp4")
    assert fallback.index(b"moov") < fallback.index(b"mdat")


@pytest.mark.parametrize(
    ("size", "more", "expected"),
    [
        ("320x240", (), [("sd", 320, 240)]),
        ("1280x720", (), [("sd", 640, 360), ("hd", 1280, 720)]),
        ("1920x1080", (), [("sd", 640, 360), ("hd", 1280, 720)]),
        ("360x640", (), [("sd", 360, 640)]),
        ("720x480", ("-aspect", "16:9"), [("sd", 640, 360), ("hd", 852, 480)]),
    ],
)
def test_renditions_keep_the_shape_and_are_never_larger_than_the_source(studio, tmp_path, size, more, expected):
    file = make_clip(tmp_path / "clip.mp4", seconds=1, size=size, has_audio=False, more=more)

    video, job = studio.encode(file)

    assert job.state == "succeeded", job.error
    assert [(each.name, each.width, each.height) for each in manifest_of(studio, video).renditions] == expected


def test_other_containers_are_taken_when_they_are_declared_as_what_they_are(studio, tmp_path):
    for name, content_type in (("a.mkv", "video/x-matroska"), ("a.ts", "video/mp2t"), ("a.avi", "video/x-msvideo")):
        video, job = studio.encode(make_clip(tmp_path / name, seconds=2, size="160x120"), content_type=content_type)
        assert (name, job.state, job.error, video.state) == (name, "succeeded", None, "ready")


def playlist(target) -> bytes:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{target}\n#EXT-X-ENDLIST\n".encode()


def zip_bomb(path) -> bytes:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("video.mp4", bytes(50 << 20))
    return path.read_bytes()


def hostile(name: str, clip, folder) -> bytes:
    cut = clip.read_bytes()
    makers = {
        "text": lambda: b"This is no video.\n" * 100,
        "nothing but zeros": lambda: bytes(100_000),
        "HLS playlist": lambda: playlist(f"file://{clip}"),
        "HLS playlist of the network": lambda: playlist("http://127.0.0.1:9/x.ts"),
        "concat script": f"ffconcat version 1.0\nfile '{clip}'\n".encode,
        "DASH manifest": lambda: b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"'
        b' profiles="urn:mpeg:dash:profile:full:2011" type="static"><Period/></MPD>',
        "SDP": lambda: b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
        "SVG": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "zip bomb": lambda: zip_bomb(folder / "bomb.zip"),
        "end missing": lambda: cut[: len(cut) // 2],
        "only sound": lambda: make_sound(folder / "sound.mp4").read_bytes(),
        "a picture": lambda: make_picture(folder / "picture.png").read_bytes(),
        "huge pictures": lambda: make_clip(folder / "huge.mp4", seconds=0.1, size="8320x64").read_bytes(),
        "a ribbon": lambda: make_clip(folder / "ribbon.mp4", seconds=0.1, size="1024x64").read_bytes(),
        "tiny pictures": lambda: make_clip(folder / "tiny.mp4", seconds=0.2, size="8x8").read_bytes(),
        "too fast": lambda: make_clip(folder / "fast.mp4", seconds=0.2, size="64x64", has_audio=False,
                                      more=("-vf", "setpts=N/1000/TB", "-r", "1000")).read_bytes(),
        "too long": lambda: make_long(folder / "long.mp4").read_bytes(),
        "another container": lambda: make_clip(folder / "a.mkv", seconds=1, size="64x64").read_bytes(),
    }  # fmt: skip
    return makers[name]()


def make_sound(path):
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=duration=1", str(path)], check=True)
    return path


def make_picture(path):
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2", "-frames:v", "1", str(path)], check=True
    )
    return path


def make_long(path):
    """Two pictures, seven hours apart."""
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=size=64x64:rate=1/12600:duration=25200", "-c:v",
         "libx264", "-preset", "ultrafast", str(path)],
        check=True,
    )  # fmt: skip
    return path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("text", "no video, or a damaged one"),
        ("nothing but zeros", "no video, or a damaged one"),
        ("HLS playlist", "no video, or a damaged one"),
        ("HLS playlist of the network", "no video, or a damaged one"),
        ("concat script", "no video, or a damaged one"),
        ("DASH manifest", "no video, or a damaged one"),
        ("SDP", "no video, or a damaged one"),
        ("SVG", "no video, or a damaged one"),
        ("zip bomb", "no video, or a damaged one"),
        ("end missing", "no video, or a damaged one"),
        ("only sound", "the file has no video"),
        ("a picture", "no video, or a damaged one"),
        ("huge pictures", "pictures of 8320x64 are not taken"),
        ("a ribbon", "shown as 1024x64 are not taken"),
        ("tiny pictures", "pictures of 8x8 are not taken"),
        ("too fast", "more than 240 pictures a second"),
        ("too long", "longer than 6 hours"),
        ("another container", "declared as video/mp4, and is matroska"),
    ],
)
def test_a_hostile_file_fails_once_with_a_reason_and_leaves_nothing(studio, clip, tmp_path, name, message):
    file = tmp_path / "upload.mp4"
    file.write_bytes(hostile(name, clip, tmp_path))

    video, job = studio.encode(file)

    assert (job.state, job.attempt, job.error["type"]) == ("failed", 1, "failed"), job.error
    assert message in job.error["message"]
    assert str(tmp_path) not in job.error["message"]
    assert (video.shown_state, video.shown_error) == ("failed", job.error["message"])
    assert studio.stored("videos") == []
    assert studio.left_over() == []


def test_a_file_that_was_cut_off_after_its_index_is_refused(studio, tmp_path):
    whole = make_clip(tmp_path / "whole.mp4", seconds=6, more=("-movflags", "+faststart"))
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 3])

    _video, job = studio.encode(cut)

    assert job.state == "failed"
    assert "cut off or damaged" in job.error["message"]
    assert studio.stored("videos") == []


@pytest.mark.parametrize(
    ("change", "message"),
    [({"sha256": "0" * 64}, "announced with another"), ({"content_type": "video/webm"}, "declared as video/webm")],
)
def test_an_upload_that_lies_is_refused(studio, clip, change, message):
    _, job = studio.encode(clip, **change)

    assert job.state == "failed"
    assert message in job.error["message"]


def test_a_part_that_was_damaged_or_lost_is_noticed(studio, clip):
    for harm, message in (
        (lambda path: studio.blobs.put(path, b"other"), "damaged"),
        (studio.blobs.delete, "missing"),
    ):
        video_id, job_id = studio.upload(clip)
        harm(studio.stored(f"uploads/{video_id}")[0])
        assert message in studio.run(job_id).error["message"]
