"""What an uploaded file is, and what is refused before anything of it is decoded at length.

Files come from anybody who has a key for it, and the program that reads them is large and old. So the list of what is
taken is short: containers that carry their media within themselves (no playlist, which could name other files),
common codecs, and bounds on everything that costs time or memory.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from domain.videos.encoder import BrokenVideoError

CONTAINERS: Mapping[str, frozenset[str]] = {
    "mov,mp4,m4a,3gp,3g2,mj2": frozenset({"video/mp4", "video/quicktime", "video/x-m4v", "video/3gpp"}),
    "matroska,webm": frozenset({"video/x-matroska", "video/webm"}),
    "mpegts": frozenset({"video/mp2t"}),
    "avi": frozenset({"video/x-msvideo"}),
}
"""ffmpeg's names of the containers that are taken, and the media types that an upload of each may be declared as."""

VIDEO_CODECS = frozenset({"h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "mpeg2video", "prores", "mjpeg"})

MIN_SIDE = 16
MAX_SIDE = 8192
MAX_PIXELS = 4096 * 2304
MAX_ASPECT = 8
MAX_FPS = 240.0
MAX_DURATION_S = 6 * 3600.0
MAX_PIXEL_SECONDS = 1920 * 1080 * MAX_DURATION_S
"""Decoding costs so much at most: six hours in full HD, or an hour and a quarter of the largest pictures."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file that may be encoded. ``width`` and ``height`` are as it is shown: turned, and with square pixels."""

    container: str
    width: int
    height: int
    duration_s: float
    has_audio: bool


def read_source(probe: Mapping[str, object], content_type: str) -> Source:
    """Return what a file is, from what ffprobe says about it and the type that its uploader declared.

    Raises:
        BrokenVideoError: it is not taken; the message says why.
    """
    container = _mapping(probe.get("format"))
    name = str(container.get("format_name"))
    if name not in CONTAINERS:
        raise BrokenVideoError(f"the file is of a kind that is not taken ({name[:40]})")
    if content_type not in CONTAINERS[name]:
        raise BrokenVideoError(f"the file was declared as {content_type}, and is {name.split(',', 1)[0]}")
    listed = probe.get("streams")
    streams = [_mapping(stream) for stream in listed] if isinstance(listed, list) else []
    # The first picture stream is the one that is encoded; a cover of an album is none.
    video = next((stream for stream in streams if _is_video(stream)), None)
    if video is None:
        raise BrokenVideoError("the file has no video")
    _check_codec(video)
    width, height = _shown_size(video)
    duration_s = _duration_s(video, container)
    if width * height * duration_s > MAX_PIXEL_SECONDS:
        raise BrokenVideoError(f"{duration_s:.0f} s of {width}x{height} are more than can be encoded")
    return Source(name, width, height, duration_s, any(stream.get("codec_type") == "audio" for stream in streams))


def _is_video(stream: Mapping[str, object]) -> bool:
    is_cover = bool(_mapping(stream.get("disposition")).get("attached_pic"))
    return stream.get("codec_type") == "video" and not is_cover


def _check_codec(video: Mapping[str, object]) -> None:
    codec = str(video.get("codec_name"))
    if codec not in VIDEO_CODECS:
        raise BrokenVideoError(f"the codec {codec[:40]} is not taken")
    if _ratio(video.get("avg_frame_rate")) > MAX_FPS:
        raise BrokenVideoError(f"the video has more than {MAX_FPS:.0f} pictures a second")


def _shown_size(video: Mapping[str, object]) -> tuple[int, int]:
    width, height = _whole(video.get("width")), _whole(video.get("height"))
    if not (MIN_SIDE <= width <= MAX_SIDE and MIN_SIDE <= height <= MAX_SIDE) or width * height > MAX_PIXELS:
        raise BrokenVideoError(f"pictures of {width}x{height} are not taken")
    shape = _ratio(video.get("sample_aspect_ratio")) or 1.0
    shown = round(width * shape), height
    if not max(shown) <= MAX_ASPECT * min(shown):
        raise BrokenVideoError(f"pictures that are shown as {shown[0]}x{shown[1]} are not taken")
    return (shown[1], shown[0]) if _is_turned(video) else shown


def _is_turned(video: Mapping[str, object]) -> bool:
    side_data = video.get("side_data_list")
    turns = [_mapping(each).get("rotation") for each in side_data] if isinstance(side_data, list) else []
    return any(isinstance(turn, int | float) and round(turn) % 180 == 90 for turn in turns)


def _duration_s(video: Mapping[str, object], container: Mapping[str, object]) -> float:
    # Matroska tells the duration of the whole only.
    duration_s = _number(video.get("duration")) or _number(container.get("duration"))
    if duration_s <= 0:
        raise BrokenVideoError("the video has no duration")
    if duration_s > MAX_DURATION_S:
        raise BrokenVideoError(f"the video is longer than {MAX_DURATION_S / 3600:.0f} hours")
    return duration_s


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _number(value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        return 0.0
    return number if math.isfinite(number) else 0.0


def _ratio(value: object) -> float:
    """Return a fraction such as ``30000/1001`` or ``4:3``; 0 for what is none."""
    above, _, below = str(value).replace(":", "/").partition("/")
    return _number(above) / _number(below) if _number(below) else 0.0
