"""How a video is encoded: which renditions, in segments that are cut at the same times, and ffmpeg's arguments.

HLS (RFC 8216): a player goes from one rendition to another between two segments, which works when both have a key
frame there. So key frames are forced every ``SEGMENT_S``, and the encoder may not add its own where scenes change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.videos.sources import Source

SEGMENT_S = 4
MAX_FPS = 60
MASTER = "master.m3u8"
FALLBACK = "sd.mp4"
"""The SD rendition as one file, for players without HLS."""


@dataclass(frozen=True, slots=True)
class Rendition:
    """A video in one size. ``video_bps`` is what its encoder aims at on average, in bits per second."""

    name: str
    width: int
    height: int
    video_bps: int
    audio_bps: int

    @property
    def playlist(self) -> str:
        """Return the path of its playlist."""
        return f"{self.name}/index.m3u8"


# The shorter side of SD and HD; figures of 16:9.
_SD = ("sd", 360, 800_000, 96_000)
_HD = ("hd", 720, 2_500_000, 128_000)


def plan_renditions(source: Source) -> tuple[Rendition, ...]:
    """Return the renditions to make, the smallest first: SD, and HD of what is larger; never an enlargement."""
    shorter = min(source.width, source.height)
    wanted = [_SD, _HD] if shorter > _SD[1] else [_SD]
    return tuple(_fit(source, *each) for each in wanted)


def encode_arguments(source: Source, renditions: Sequence[Rendition], preset: str = "veryfast") -> list[str]:
    """Return ffmpeg's arguments behind the input: all renditions, in one pass over the source."""
    arguments = ["-filter_complex", _filters(renditions)]
    for place, rendition in enumerate(renditions):
        arguments += ["-map", f"[v{place}]", *_video(place, rendition, preset)]
        if source.has_audio:
            arguments += ["-map", "0:a:0", f"-b:a:{place}", str(rendition.audio_bps)]
    if source.has_audio:
        arguments += ["-c:a", "aac", "-ac", "2", "-ar", "48000"]
    # What lies about its duration is cut off.
    arguments += ["-t", f"{source.duration_s + SEGMENT_S:.3f}", "-map_metadata", "-1", "-map_chapters", "-1"]
    return arguments + _hls(source, renditions)


def fallback_arguments() -> list[str]:
    """Return ffmpeg's arguments behind the SD playlist as input: one file that begins to play before it is loaded."""
    return ["-map", "0", "-c", "copy", "-map_metadata", "-1", "-movflags", "+faststart", "-f", "mp4", FALLBACK]


def _fit(source: Source, name: str, shorter: int, video_bps: int, audio_bps: int) -> Rendition:
    factor = min(1.0, shorter / min(source.width, source.height))
    return Rendition(name, _even(source.width * factor), _even(source.height * factor), video_bps, audio_bps)


def _even(pixels: float) -> int:
    # Colours are kept for each second pixel.
    return max(2, 2 * int(pixels / 2 + 0.25))


def _filters(renditions: Sequence[Rendition]) -> str:
    splits = "".join(f"[s{place}]" for place in range(len(renditions)))
    scales = [
        f"[s{place}]scale={rendition.width}:{rendition.height},setsar=1,format=yuv420p[v{place}]"
        for place, rendition in enumerate(renditions)
    ]
    return ";".join([f"[0:v:0]split={len(renditions)}{splits}", *scales])


def _video(place: int, rendition: Rendition, preset: str) -> list[str]:
    bps = rendition.video_bps
    return [
        f"-c:v:{place}", "libx264", f"-preset:v:{place}", preset, f"-profile:v:{place}", "main",
        f"-b:v:{place}", str(bps), f"-maxrate:v:{place}", str(bps * 107 // 100),
        f"-bufsize:v:{place}", str(bps * 3 // 2),
        f"-fpsmax:v:{place}", str(MAX_FPS), f"-sc_threshold:v:{place}", "0",
        f"-force_key_frames:v:{place}", f"expr:gte(t,n_forced*{SEGMENT_S})",
    ]  # fmt: skip


def _hls(source: Source, renditions: Sequence[Rendition]) -> list[str]:
    streams = " ".join(
        f"v:{place},a:{place},name:{rendition.name}" if source.has_audio else f"v:{place},name:{rendition.name}"
        for place, rendition in enumerate(renditions)
    )
    return [
        "-f", "hls", "-hls_time", str(SEGMENT_S), "-hls_playlist_type", "vod", "-hls_flags", "independent_segments",
        "-master_pl_name", MASTER, "-var_stream_map", streams,
        "-hls_segment_filename", "%v/seg_%05d.ts", "%v/index.m3u8",
    ]  # fmt: skip
