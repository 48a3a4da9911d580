"""``yardmaster videos``: bring videos to the platform and look at them, through the HTTP API."""

from __future__ import annotations

import hashlib
import re
import time
from pathlib import Path

import click

from cli.client import ApiClient, NotReachedError, find_api
from cli.output import print_json, print_table, show_progress

CHUNK_BYTES = 8 << 20
TRIES = 6
POLL_S = 1.0
COLUMNS = ("id", "title", "state", "percent", "size_bytes", "duration_s", "created_at", "error")
FAILURES = ("failed", "cancelled", "removed")
ENDINGS = ("ready", *FAILURES)
TYPES = {
    ".mp4": "video/mp4", ".m4v": "video/x-m4v", ".mov": "video/quicktime", ".mkv": "video/x-matroska",
    ".webm": "video/webm", ".ts": "video/mp2t", ".avi": "video/x-msvideo", ".3gp": "video/3gpp",
}  # fmt: skip


@click.group()
def videos() -> None:
    """Bring videos and look at them."""


@videos.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--title", help="The id of the title that it is of, which must be published; default: the file's name.")
@click.option("--resume", "video_id", help="Go on with the upload of this video, which was interrupted.")
@click.option("--no-wait", is_flag=True, help="Do not wait for the encoding.")
def ingest(file: Path, title: str | None, video_id: str | None, *, no_wait: bool) -> None:
    """Upload FILE, have it encoded, and publish it.

    Ends with 0 when it is published, with 1 when it cannot be.
    """
    api = find_api()
    path = f"/v1/videos/{video_id or _begin(api, file, title)}"
    show_progress(f"Uploading; to go on after an interruption: --resume {path.rpartition('/')[2]}")
    _upload(api, file, f"{path}/upload")
    shown = api.get(path) if no_wait else _wait(api, path)
    print_json(shown)
    if shown["state"] in FAILURES:
        raise click.ClickException(str(shown["error"] or f"the video was {shown['state']}"))


@videos.command("list")
@click.option("--limit", default=20, type=click.IntRange(1, 200), show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_videos(limit: int, *, as_json: bool) -> None:
    """List videos, the newest first."""
    page = find_api().get("/v1/videos", {"limit": limit})
    if as_json:
        print_json(page)
        return
    found = page["videos"]
    if not isinstance(found, list):
        raise click.ClickException("the API's answer has no list of videos")
    print_table(COLUMNS, [[video.get(column) for column in COLUMNS] for video in found])


@videos.command()
@click.argument("video_id", type=click.UUID)
@click.option("--reason", default="taken down", show_default=True, help="For the record.")
def remove(video_id: object, reason: str) -> None:
    """Take a video down, for ever: here and at the edge."""
    find_api().delete(f"/v1/videos/{video_id}", {"reason": reason})
    click.echo(f"{video_id} removed")


def _begin(api: ApiClient, file: Path, title: str | None) -> str:
    content_type = TYPES.get(file.suffix.lower())
    if content_type is None:
        raise click.ClickException(f"a video's name ends in one of {', '.join(TYPES)}")
    title = title or re.sub(r"[^a-z0-9]+", "-", file.stem.lower()).strip("-")
    body = {"title": title, "size_bytes": file.stat().st_size, "content_type": content_type, "sha256": _sha256(file)}
    return str(api.post("/v1/videos", body)["id"])


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _upload(api: ApiClient, file: Path, path: str) -> None:
    """Send chunk after chunk from where the upload stands; ask again where that is when the connection breaks."""
    size_bytes, tries = file.stat().st_size, 0
    with file.open("rb") as content:
        offset = api.upload_offset(path)
        while offset < size_bytes:
            content.seek(offset)
            try:
                offset = api.upload(path, offset, content.read(CHUNK_BYTES))
                tries = 0
            except NotReachedError:
                tries += 1
                if tries >= TRIES:
                    raise
                time.sleep(POLL_S * tries)
                offset = api.upload_offset(path)
            show_progress(f"  {offset / size_bytes:.0%} uploaded")


def _wait(api: ApiClient, path: str) -> dict[str, object]:
    told: object = None
    while (shown := api.get(path))["state"] not in ENDINGS:
        if shown["percent"] not in (None, told):
            told = shown["percent"]
            show_progress(f"  {told} % encoded")
        time.sleep(POLL_S)
    return shown
