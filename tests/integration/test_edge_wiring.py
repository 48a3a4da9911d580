"""The worker's part for the edge, as it is put together: sets from the blob store, keys from the secret."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine
from uuid_utils.compat import uuid7

from adapters.blob_store import create_blob_store
from config.settings import load
from domain.cache_refreshes.edge import EdgeRefusedError
from domain.cache_refreshes.model import SETS
from domain.cache_refreshes.refresh import Wanted
from domain.content import questions, titles
from domain.content.records import dump_records
from domain.content.sets import Act, Edition, publish
from domain.content.titles import Title, dump_titles
from domain.videos.manifests import MANIFEST, Manifest, ManifestFile, blob_path, dump_manifest, revision_of
from store.edge_objects import EdgeObject
from tests.integration.edge_yard import pop_named
from workers.edge import Drivers, create_refresher, set_objects, video_objects
from workers.edge_tools import SetAwayError, VideoDamagedError

ACT = Act("ada", datetime(2026, 1, 1, tzinfo=UTC))


def test_the_objects_of_a_set_are_its_list_and_its_items_with_the_revision(tmp_path: Path) -> None:
    store = create_blob_store(tmp_path.as_uri())
    title = Title("dune", "Dune", "Sand.", date(2021, 9, 15), 155, ("drama",), ())
    pointer = publish(store, "titles", Edition(dump_titles([title]), 1), ACT)

    objects = set_objects(store, "titles")

    etag = f'"{pointer.manifest.revision}"'
    assert objects == [
        EdgeObject(Wanted("/v1/titles", etag), "titles"),
        EdgeObject(Wanted("/v1/titles/dune", etag), "titles"),
    ]
    assert set_objects(store, "questions") == []


def test_a_set_that_is_damaged_is_away(tmp_path: Path) -> None:
    store = create_blob_store(tmp_path.as_uri())
    pointer = publish(store, "titles", Edition(dump_records([]), 0), ACT)
    store.put(f"titles/{pointer.manifest.revision}/data.json", b"[1]")

    with pytest.raises(SetAwayError, match=r"the set titles cannot be read: revision .* is not what was published"):
        set_objects(store, "titles")


def test_a_set_with_other_than_its_number_of_records_is_away(tmp_path: Path) -> None:
    store = create_blob_store(tmp_path.as_uri())
    publish(store, "titles", Edition(dump_records([]), 7), ACT)

    with pytest.raises(SetAwayError, match=r"the set titles cannot be read: revision .* has 0 records, not 7"):
        set_objects(store, "titles")


def test_a_video_is_held_with_its_playlists_but_without_the_file_that_doubles_it(tmp_path: Path) -> None:
    store, video = create_blob_store(tmp_path.as_uri()), uuid7()
    names = ("hd/index.m3u8", "master.m3u8", "sd.mp4", "sd/index.m3u8", "sd/seg_00000.ts")
    content = dump_manifest(Manifest(tuple(ManifestFile(name, 1, "a" * 64) for name in names), (), 4.0))
    revision = revision_of(content)
    store.put(blob_path(video, revision, MANIFEST), content)

    objects = video_objects(store, video, revision)

    folder = f"/v/{video}/{revision}"
    assert [(each.wanted.path, each.rendition) for each in objects] == [
        (f"{folder}/hd/index.m3u8", "hd"),
        (f"{folder}/master.m3u8", None),
        (f"{folder}/sd/index.m3u8", "sd"),
        (f"{folder}/sd/seg_00000.ts", "sd"),
    ]
    assert {(each.wanted.etag, each.video) for each in objects} == {(f'"{"a" * 64}"', str(video))}
    assert video_objects(store, uuid7(), revision) == []
    store.put(blob_path(video, revision, MANIFEST), b"{}")
    with pytest.raises(VideoDamagedError, match=f"the manifest of video {video} is damaged"):
        video_objects(store, video, revision)


def test_the_sets_of_the_edge_are_those_that_are_published() -> None:
    assert set(SETS) == {questions.SET, titles.SET}


def test_without_a_secret_no_pop_is_driven(engine: Engine, tmp_path: Path) -> None:
    settings = load({"DATABASE_URL": "postgresql://x", "REDIS_URL": "redis://x", "YARDMASTER_HOME": str(tmp_path)})

    refresher = create_refresher(settings, engine)

    with pytest.raises(EdgeRefusedError, match="EDGE_SECRET is not set"):
        refresher.tools.drive(pop_named("blr1"))


def test_a_pop_keeps_its_driver_until_it_moves() -> None:
    drivers = Drivers("a secret of at least sixteen characters")

    first, again = drivers.drive(pop_named("blr1")), drivers.drive(pop_named("blr1", capacity_bytes=1))

    assert first is again
    assert drivers.drive(pop_named("blr1", control_url="http://127.0.0.1:6082")) is not first
