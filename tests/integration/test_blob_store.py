"""Blobs in a folder, in S3 and at Google do the same: whole or not at all, and conditional writes are conditional."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from adapters.blob_store import ObstoreBlobStore, create_blob_store
from cli.stack.servers import HOST, free_port
from domain.content.blobs import (
    BlobChangedError,
    BlobNotFoundError,
    BlobStoreError,
    InvalidBlobPathError,
    UnconditionalStoreError,
    check_conditions,
)
from tests.blob_stores import BUCKET, CREDENTIALS, lying_server, s3_server
from tests.gcs_server import gcs_server

WRITERS, WRITES = 4, 25


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with s3_server(tmp_path_factory.mktemp("s3")) as address:
        yield address


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    with gcs_server(tmp_path_factory.mktemp("gcs")) as found:
        yield found


@pytest.fixture(params=["file", "s3", "gs"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObstoreBlobStore:
    if request.param == "file":
        return create_blob_store(tmp_path.as_uri())
    if request.param == "gs":
        address, account = request.getfixturevalue("gcs")
        monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT", str(account))
        return create_blob_store(f"gs://{BUCKET}/{tmp_path.name}", address)
    return create_blob_store(f"s3://{BUCKET}/{tmp_path.name}", request.getfixturevalue("s3"))


def test_conditional_writes_are_conditional(store: ObstoreBlobStore) -> None:
    check_conditions(store, "probe")

    assert store.head("probe") is None


def test_a_server_that_forgets_conditions_is_found_out(s3: str) -> None:
    with lying_server(s3) as address:
        store = create_blob_store(f"s3://{BUCKET}/lies", address)

        with pytest.raises(UnconditionalStoreError):
            check_conditions(store, "probe")


def test_what_was_put_is_read_whole_in_part_and_in_pieces(store: ObstoreBlobStore, tmp_path: Path) -> None:
    content = bytes(range(256)) * 20_000
    file = tmp_path / "large"
    file.write_bytes(content)

    etag = store.put("v/1/large.ts", file)

    found, blob = store.get("v/1/large.ts")
    assert found == content
    assert (blob.path, blob.size_bytes, blob.etag) == ("v/1/large.ts", len(content), etag)
    assert store.head("v/1/large.ts") == blob
    pieces = list(store.stream("v/1/large.ts"))
    assert b"".join(pieces) == content
    assert len(pieces) > 1
    assert store.get_range("v/1/large.ts", 250, 10) == content[250:260]
    assert store.get_range("v/1/large.ts", len(content) - 3, 10) == content[-3:]
    assert store.get_range("v/1/large.ts", len(content), 10) == b""


def test_an_empty_blob_is_a_blob(store: ObstoreBlobStore) -> None:
    store.put("empty", b"")

    assert store.get("empty")[0] == b""
    assert list(store.stream("empty")) == []
    assert store.get_range("empty", 0, 5) == b""


def test_what_is_not_there_is_not_found(store: ObstoreBlobStore) -> None:
    assert store.head("nothing") is None
    store.delete("nothing")
    for read in (store.get, lambda path: store.get_range(path, 0, 1), lambda path: list(store.stream(path))):
        with pytest.raises(BlobNotFoundError):
            read("nothing")


def test_a_blob_is_put_once_where_it_must_be_absent(store: ObstoreBlobStore) -> None:
    first, second = store.put_if_absent("once", b"first"), store.put_if_absent("once", b"second")

    assert (first, second) == (store.head("once").etag, None)
    assert store.get("once")[0] == b"first"


def test_a_swap_needs_the_blob_that_it_is_about(store: ObstoreBlobStore) -> None:
    first = store.compare_and_swap("pointer", b"1", None)
    second = store.compare_and_swap("pointer", b"2", first)

    for stale in (first, None, '"another"'):
        with pytest.raises(BlobChangedError):
            store.compare_and_swap("pointer", b"3", stale)
    assert store.get("pointer") == (b"2", store.head("pointer"))
    assert store.head("pointer").etag == second
    store.delete("pointer")
    with pytest.raises(BlobChangedError):
        store.compare_and_swap("pointer", b"3", second)


def test_a_folder_is_listed_with_the_folders_in_it_and_nothing_else(store: ObstoreBlobStore) -> None:
    paths = [f"q/1/{number:04}.json" for number in range(1200)] + ["q/1/more/a", "q/10/b", "top"]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda path: store.put(path, path.encode()), paths))

    assert sorted(blob.path for blob in store.list()) == sorted(paths)
    assert sorted(blob.path for blob in store.list("q/1")) == sorted(path for path in paths if "q/1/" in path)
    assert {blob.size_bytes for blob in store.list("q/10")} == {len("q/10/b")}
    assert list(store.list("nowhere")) == []


@pytest.mark.parametrize(
    "path",
    ["", "/", "/etc/passwd", "../up", "a/../b", "a//b", "a/", ".hidden", "a/.lock", "a b", "a\\b", "a%2e", "ä", "a\n",
     "a\0", "x" * 513],
)  # fmt: skip
def test_a_path_that_some_store_could_take_for_another_is_refused(store: ObstoreBlobStore, path: str) -> None:
    calls = (
        lambda: store.put(path, b""),
        lambda: store.put_if_absent(path, b""),
        lambda: store.compare_and_swap(path, b"", None),
        lambda: store.compare_and_swap(path, b"", "x"),
        lambda: store.get(path),
        lambda: store.get_range(path, 0, 1),
        lambda: list(store.stream(path)),
        lambda: store.head(path),
        lambda: store.delete(path),
    )
    for call in calls:
        with pytest.raises(InvalidBlobPathError):
            call()
    assert list(store.list()) == []


def test_of_many_who_swap_at_once_none_overwrites_another(store: ObstoreBlobStore) -> None:
    store.put("count", b"0")

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(lambda _: _count_up(store), range(WRITERS)))

    assert store.get("count")[0] == str(WRITERS * WRITES).encode()


def test_of_many_processes_that_swap_in_a_folder_none_overwrites_another(tmp_path: Path) -> None:
    store = create_blob_store(tmp_path.as_uri())
    store.put("count", b"0")
    context = multiprocessing.get_context("spawn")

    processes = [context.Process(target=_count_up_in, args=(tmp_path.as_uri(),)) for _ in range(WRITERS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert [process.exitcode for process in processes] == [0] * WRITERS
    assert store.get("count")[0] == str(WRITERS * WRITES).encode()


def test_a_reader_never_sees_half_of_a_write(store: ObstoreBlobStore) -> None:
    versions = [bytes([number]) * 300_000 for number in range(8)]
    store.put("hot", versions[0])

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(lambda: [store.put("hot", version) for version in versions * 10])
        seen = set()
        while not writing.done():
            content, blob = store.get("hot")
            assert len(content) == blob.size_bytes == 300_000
            assert len(set(content)) == 1
            seen.add(content[0])

    assert len(seen) > 1


def test_a_store_that_is_away_is_an_error_of_the_store() -> None:
    store = create_blob_store(f"s3://{BUCKET}", f"http://{HOST}:{free_port()}")

    with pytest.raises(BlobStoreError):
        store.head("anything")


@pytest.mark.parametrize("url", ["", "content", "ftp://x/y", "file://", "s3://", "/tmp/content", "memory:///"])
def test_a_url_that_names_no_store_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must be file:"):
        create_blob_store(url)


def _count_up(store: ObstoreBlobStore) -> None:
    done = 0
    while done < WRITES:
        content, blob = store.get("count")
        try:
            store.compare_and_swap("count", str(int(content) + 1).encode(), blob.etag)
        except BlobChangedError:
            continue
        done += 1


def _count_up_in(url: str) -> None:
    _count_up(create_blob_store(url))
