"""A content set is published whole or not at all, by one of those who try, and what is served can be trusted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

import pytest

from adapters.blob_store import ObstoreBlobStore, create_blob_store
from domain.content.blobs import BlobStoreError, InvalidBlobPathError
from domain.content.sets import (
    Act,
    DamagedSetError,
    Edition,
    Manifest,
    NoSuchRevisionError,
    PublishConflictError,
    ShrunkSetError,
    load,
    publish,
    read_pointer,
    revisions,
    roll_back,
)

NAME = "questions"
ACT = Act("ada", datetime(2026, 11, 28, tzinfo=UTC))
ROUNDS = 30


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def store(folder: Path) -> ObstoreBlobStore:
    return create_blob_store(folder.as_uri())


def revision_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_what_was_published_is_served(store: ObstoreBlobStore) -> None:
    pointer = publish(store, NAME, Edition(b"one", 10), ACT)

    served = read_pointer(store, NAME)
    assert served is not None
    assert served.pointer == pointer
    assert pointer.manifest == Manifest(revision_of(b"one"), 3, 10)
    assert (pointer.published_by, pointer.published_at, pointer.previous) == ("ada", ACT.at, None)
    assert load(store, NAME, pointer.manifest) == b"one"


def test_nothing_is_served_before_anything_was_published(store: ObstoreBlobStore) -> None:
    assert read_pointer(store, NAME) is None


def test_the_next_revision_knows_the_one_before_and_leaves_it_alone(store: ObstoreBlobStore) -> None:
    first = publish(store, NAME, Edition(b"one", 10), ACT)

    second = publish(store, NAME, Edition(b"two", 10), ACT)

    assert second.previous == first.manifest.revision
    assert load(store, NAME, first.manifest) == b"one"
    assert set(revisions(store, NAME)) == {first.manifest.revision, second.manifest.revision}


def test_publishing_what_is_served_changes_nothing(store: ObstoreBlobStore) -> None:
    publish(store, NAME, Edition(b"one", 10), ACT)
    before = read_pointer(store, NAME)

    again = publish(store, NAME, Edition(b"one", 10), Act("bob", ACT.at))

    assert again.published_by == "ada"
    assert read_pointer(store, NAME) == before


def test_a_set_does_not_lose_a_fifth_of_its_records_by_accident(store: ObstoreBlobStore) -> None:
    publish(store, NAME, Edition(b"one", 100), ACT)

    publish(store, NAME, Edition(b"eighty", 80), ACT)
    with pytest.raises(ShrunkSetError, match="80 records to 63"):
        publish(store, NAME, Edition(b"sixty-three", 63), ACT)
    served = read_pointer(store, NAME)
    publish(store, NAME, Edition(b"sixty-three", 63), ACT, may_shrink=True)

    assert served is not None
    assert served.pointer.manifest.records == 80


def test_an_earlier_revision_is_served_again(store: ObstoreBlobStore) -> None:
    first = publish(store, NAME, Edition(b"one", 100), ACT)
    second = publish(store, NAME, Edition(b"two", 100), ACT)

    back = roll_back(store, NAME, first.manifest.revision, Act("bob", ACT.at))

    assert back.manifest == first.manifest
    assert (back.published_by, back.previous) == ("bob", second.manifest.revision)
    served = read_pointer(store, NAME)
    assert served is not None
    assert served.pointer == back


@pytest.mark.parametrize("revision", ["", "../../etc", "1", "0" * 64, "G" * 64])
def test_there_is_no_way_back_to_what_never_was(store: ObstoreBlobStore, revision: str) -> None:
    publish(store, NAME, Edition(b"one", 1), ACT)

    with pytest.raises(NoSuchRevisionError):
        roll_back(store, NAME, revision, ACT)


def test_of_those_who_publish_at_once_one_wins_and_the_others_are_told(store: ObstoreBlobStore) -> None:
    publish(store, NAME, Edition(b"first", 10), ACT)
    conflicts = 0

    for round_ in range(ROUNDS):
        barrier = Barrier(4)
        contents = [f"round {round_} by {number}".encode() for number in range(4)]

        def try_to_publish(content: bytes, barrier: Barrier = barrier) -> str | None:
            barrier.wait()
            try:
                return publish(store, NAME, Edition(content, 10), ACT).manifest.revision
            except PublishConflictError:
                return None

        with ThreadPoolExecutor(4) as pool:
            told = list(pool.map(try_to_publish, contents))
        winners = [revision for revision in told if revision]
        conflicts += 4 - len(winners)
        served = read_pointer(store, NAME)
        assert served is not None
        assert served.pointer.manifest.revision in winners
        assert load(store, NAME, served.pointer.manifest) in contents

    assert conflicts > 0


@pytest.mark.parametrize(
    "damage",
    [lambda path: path.unlink(), lambda path: path.write_bytes(b"on"), lambda path: path.write_bytes(b"onE")],
)  # fmt: skip
def test_a_revision_that_is_not_what_was_published_is_not_served(
    store: ObstoreBlobStore, folder: Path, damage: Callable[[Path], object]
) -> None:
    first = publish(store, NAME, Edition(b"one", 10), ACT)
    second = publish(store, NAME, Edition(b"two", 10), ACT)
    damage(folder / NAME / first.manifest.revision / "data.json")

    with pytest.raises(DamagedSetError):
        load(store, NAME, first.manifest)
    with pytest.raises(DamagedSetError):
        roll_back(store, NAME, first.manifest.revision, ACT)
    served = read_pointer(store, NAME)
    assert served is not None
    assert served.pointer == second

    publish(store, NAME, Edition(b"one", 10), ACT)
    assert load(store, NAME, first.manifest) == b"one"


@pytest.mark.parametrize(
    "pointer",
    [b"", b"[]", b"{", b"[" * 4000, b"{}", b'{"manifest": 1}', b'{"manifest": {}, "previous": null}', b" " * 5000,
     b'{"manifest": {"revision": "../x", "size_bytes": 1, "records": 1}, "published_at": "2026-01-01"}'],
)  # fmt: skip
def test_a_pointer_that_is_none_is_told(store: ObstoreBlobStore, folder: Path, pointer: bytes) -> None:
    publish(store, NAME, Edition(b"one", 10), ACT)
    (folder / NAME / "current.json").write_bytes(pointer)

    with pytest.raises(DamagedSetError):
        read_pointer(store, NAME)


def test_a_publisher_that_fails_before_the_pointer_leaves_what_is_served(store: ObstoreBlobStore) -> None:
    class Failing(ObstoreBlobStore):
        def compare_and_swap(self, path: str, content: bytes, etag: str | None) -> str:
            raise BlobStoreError("away")

    publish(store, NAME, Edition(b"one", 10), ACT)
    before = read_pointer(store, NAME)

    with pytest.raises(BlobStoreError):
        publish(Failing(store._store, store._lock), NAME, Edition(b"two", 10), ACT)

    assert read_pointer(store, NAME) == before


def test_a_set_is_a_folder_of_its_own(store: ObstoreBlobStore) -> None:
    with pytest.raises(InvalidBlobPathError):
        publish(store, "questions/1", Edition(b"one", 1), ACT)
