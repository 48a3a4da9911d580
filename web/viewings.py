"""What the caller watched: counted when a title is played, and read through the cache that all servers share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from domain.viewings.model import Viewing
from store import viewings
from store.videos import videos
from store.videos.records import Video
from web import guards
from web.platform import platform


def count_view(video: Video, renditions: Iterable[str], region: str) -> None:
    """Count one who asked for a video in ``region``, and note the title in the caller's history: both or neither."""
    owner, tools = guards.caller().owner, platform()
    with tools.viewings.changing(owner), tools.transactions() as session:
        # First what nobody else waits for: everybody who watches the same video counts in the same rows.
        viewings.record(session, owner, video.title_id)
        videos.count_view(session, video.id, renditions, region)


def watched_last() -> Sequence[Viewing]:
    """Return what the caller watched last, the newest first."""
    owner, tools = guards.caller().owner, platform()

    def read() -> Sequence[Viewing]:
        with tools.sessions() as session:
            return viewings.newest(session, [owner])[owner]

    seen = tools.viewings.get(owner, read)
    tools.metrics.count_viewings_read(seen.source)
    return seen.viewings
