from __future__ import annotations

from typing import get_args

import pytest

from cli.videos import TYPES
from domain.videos.encoder import BrokenVideoError
from domain.videos.plan import encode_arguments, plan_renditions
from domain.videos.sources import CONTAINERS, Source, read_source
from web.schemas.videos import ContentType

MP4 = "mov,mp4,m4a,3gp,3g2,mj2"
VIDEO: dict[str, object] = {
    "codec_type": "video", "codec_name": "h264", "width": 1920, "height": 1080, "duration": "60.0",
    "avg_frame_rate": "25/1", "sample_aspect_ratio": "1:1", "disposition": {"attached_pic": 0},
}  # fmt: skip
SOUND = {"codec_type": "audio", "codec_name": "aac"}


def probed(*streams: object, container: str = MP4, **of_container: object) -> dict[str, object]:
    return {"format": {"format_name": container, "duration": "61.0", **of_container}, "streams": list(streams)}


def test_a_source_is_what_is_shown() -> None:
    assert read_source(probed(VIDEO, SOUND), "video/mp4") == Source(MP4, 1920, 1080, 60.0, has_audio=True)
    turned = VIDEO | {"side_data_list": [{"rotation": -90}]}
    assert read_source(probed(turned), "video/mp4") == Source(MP4, 1080, 1920, 60.0, has_audio=False)
    wide = VIDEO | {"width": 720, "height": 576, "sample_aspect_ratio": "64:45"}
    assert (read_source(probed(wide), "video/mp4").width, read_source(probed(wide), "video/mp4").height) == (
        1024,
        576,
    )


def test_the_types_that_may_be_declared_are_those_of_the_containers_that_are_taken() -> None:
    taken = frozenset[str]().union(*CONTAINERS.values())

    assert set(get_args(ContentType)) == taken
    assert set(TYPES.values()) == taken


def test_a_cover_is_no_video_and_does_not_hide_one() -> None:
    cover = VIDEO | {"disposition": {"attached_pic": 1}, "width": 100, "height": 100}

    assert read_source(probed(cover, VIDEO), "video/mp4").width == 1920
    with pytest.raises(BrokenVideoError, match="has no video"):
        read_source(probed(cover, SOUND), "video/mp4")


@pytest.mark.parametrize(
    ("probe", "message"),
    [
        ({}, "kind that is not taken"),
        ({"format": [], "streams": 7}, "kind that is not taken"),
        (probed(VIDEO, container="hls"), "kind that is not taken"),
        (probed(VIDEO, container="matroska,webm"), "declared as video/mp4, and is matroska"),
        (probed(), "has no video"),
        ({"format": {"format_name": MP4}, "streams": ["x", None]}, "has no video"),
        (probed(VIDEO | {"codec_name": "gif"}), "codec gif"),
        (probed(VIDEO | {"avg_frame_rate": "1000/1"}), "240 pictures"),
        (probed(VIDEO | {"width": 8200, "height": 100}), "8200x100"),
        (probed(VIDEO | {"width": 8192, "height": 8192}), "8192x8192"),
        (probed(VIDEO | {"width": 0, "height": 0}), "0x0"),
        (probed(VIDEO | {"width": "1920"}), "0x1080"),
        (probed(VIDEO | {"sample_aspect_ratio": "100:1"}), "192000x1080"),
        (probed(VIDEO | {"duration": "N/A"}, duration="N/A"), "no duration"),
        (probed(VIDEO | {"duration": "0"}, duration="-1"), "no duration"),
        (probed(VIDEO | {"duration": "nan"}, duration="inf"), "no duration"),
        (probed(VIDEO | {"duration": "22000"}), "longer than 6 hours"),
        (probed(VIDEO | {"width": 4096, "height": 2304, "duration": "6000"}), "more than can be encoded"),
    ],
)
def test_what_is_not_taken_is_refused_with_its_reason(probe: dict[str, object], message: str) -> None:
    with pytest.raises(BrokenVideoError, match=message):
        read_source(probe, "video/mp4")


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (1920, 1080, [(640, 360), (1280, 720)]),
        (1080, 1920, [(360, 640), (720, 1280)]),
        (854, 480, [(640, 360), (854, 480)]),
        (640, 360, [(640, 360)]),
        (321, 241, [(320, 240)]),
        (4096, 1716, [(858, 360), (1718, 720)]),
        (128, 16, [(128, 16)]),
    ],
)
def test_renditions_fit_the_source(width: int, height: int, expected: list[tuple[int, int]]) -> None:
    planned = plan_renditions(Source(MP4, width, height, 60.0, has_audio=True))

    assert [(each.width, each.height) for each in planned] == expected
    assert [each.name for each in planned] == ["sd", "hd"][: len(expected)]


def test_every_rendition_is_cut_at_the_same_times_in_one_pass() -> None:
    source = Source(MP4, 1920, 1080, 60.0, has_audio=False)

    arguments = encode_arguments(source, plan_renditions(source))

    for place in (0, 1):
        assert arguments[arguments.index(f"-force_key_frames:v:{place}") + 1] == "expr:gte(t,n_forced*4)"
        assert arguments[arguments.index(f"-sc_threshold:v:{place}") + 1] == "0"
    assert arguments[arguments.index("-var_stream_map") + 1] == "v:0,name:sd v:1,name:hd"
    assert arguments[arguments.index("-t") + 1] == "64.000"
    assert "0:a:0" not in arguments
