"""Published videos with views, for tests of what POPs hold of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from domain.cache_refreshes.refresh import Wanted
from domain.videos.uploads import Part
from jobs.videos import follow_publication, follow_takedown
from store.edge_objects import EdgeObject
from store.videos import uploads, videos
from store.videos.records import NewVideo, Publication, StoredRendition
from tests.integration.edge_yard import EdgeYard

REVISION = "f" * 64


class Town:
    """A yard with videos. ``serve`` puts a file at the origin: its path and the words of its ``Surrogate-Key``."""

    def __init__(self, yard: EdgeYard, serve: Callable[[str, str], object]) -> None:
        self.yard = yard
        self._serve = serve

    def publish(self, sizes: Mapping[str, int] | None = None, *, age_days: int = 30, views: int = 0) -> UUID:
        """Publish a video whose renditions have these sizes, as if some days ago, with views of yesterday."""
        sizes = sizes or {"sd": 100}
        video_id = uuid7()
        stored = tuple(StoredRendition(name, 640, 360, 1, size, 2) for name, size in sizes.items())

        def publish(session: Session) -> None:
            uploads.begin(session, NewVideo(video_id, f"title-{video_id}", "ada", "video/mp4", 1, None))
            uploads.add_part(session, video_id, Part(0, 1, "0" * 64, f"uploads/{video_id}/0"))
            assert videos.publish(session, video_id, Publication(REVISION, 8.0, stored))
            if not age_days:
                follow_publication(session, video_id)

        self.yard.run(publish)
        self.yard.world.execute(
            f"UPDATE videos SET published_at = now() - interval '{age_days} days' WHERE id = '{video_id}'"
        )
        self.yard.videos[video_id] = [
            EdgeObject(Wanted(path), video=str(video_id), rendition=None if "master" in path else path.split("/")[4])
            for path in files_of(video_id, *sizes)
        ]
        for path in files_of(video_id, *sizes):
            self._serve(path, f"video:{video_id}")
        for name in sizes if views else ():
            self.view(video_id, views, rendition=name)
        return video_id

    def view(self, video_id: UUID, views: int, region: str = "eu", rendition: str = "sd", days_ago: int = 1) -> None:
        """Say how often a rendition was asked for on a day, yesterday if none is named."""
        day = datetime.now(UTC).date() - timedelta(days=days_ago)
        self.yard.world.execute(
            f"INSERT INTO video_views VALUES ('{video_id}', '{rendition}', '{day}', '{region}', {views})"
            " ON CONFLICT (video_id, rendition, day, region) DO UPDATE SET views = excluded.views"
        )

    def take_down(self, video_id: UUID) -> None:
        def remove(session: Session) -> None:
            assert videos.remove(session, video_id)
            follow_takedown(session, video_id, "ada", "rights")

        self.yard.run(remove)

    def placed(self) -> dict[str, set[tuple[UUID, str]]]:
        """What POPs are to hold."""
        return self._by_pop("SELECT pop, video_id, rendition FROM placements")

    def held(self) -> dict[str, set[tuple[UUID, str]]]:
        """What POPs are proven to hold whole."""
        return self._by_pop(
            "SELECT pop, video::uuid, rendition FROM edge_objects WHERE rendition IS NOT NULL"
            " GROUP BY 1, 2, 3 HAVING bool_and(state = 'verified')"
        )

    def _by_pop(self, sql: str) -> dict[str, set[tuple[UUID, str]]]:
        with self.yard.world.engine.connect() as connection:
            rows = connection.exec_driver_sql(sql).all()
        return {pop: {(video, name) for at, video, name in rows if at == pop} for pop in self.yard.drivers}


def files_of(video_id: UUID, *renditions: str) -> list[str]:
    folder = f"/v/{video_id}/{REVISION}"
    return [
        f"{folder}/master.m3u8",
        *(f"{folder}/{name}/{file}" for name in renditions for file in ("index.m3u8", "seg_00000.ts")),
    ]
