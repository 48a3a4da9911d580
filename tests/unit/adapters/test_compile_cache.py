"""The compile cache on a real disk."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from pathlib import Path

import pytest

from adapters.compile_cache import FileCompileCache

KIB = 1024


def key(name: object) -> str:
    return hashlib.sha256(str(name).encode()).hexdigest()


def size_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_what_was_put_is_got_by_every_process(tmp_path: Path) -> None:
    FileCompileCache(tmp_path, 1 << 20).put(key("a"), b"artefact")

    assert FileCompileCache(tmp_path, 1 << 20).get(key("a")) == b"artefact"


def test_an_unknown_key_is_a_miss(tmp_path: Path) -> None:
    assert FileCompileCache(tmp_path / "not yet there", 1 << 20).get(key("a")) is None


@pytest.mark.parametrize("damage", [b"", b"short", bytes(32) + b"artefact"])
def test_a_damaged_entry_is_a_miss_and_is_removed(tmp_path: Path, damage: bytes) -> None:
    cache = FileCompileCache(tmp_path, 1 << 20)
    cache.put(key("a"), b"artefact")
    (entry,) = (path for path in tmp_path.rglob("*") if path.is_file())
    entry.write_bytes(damage)

    assert cache.get(key("a")) is None
    assert not entry.exists()


def test_what_was_used_longest_ago_makes_room(tmp_path: Path) -> None:
    cache = FileCompileCache(tmp_path, 100 * KIB)
    for number in range(8):
        cache.put(key(number), bytes(10 * KIB))
        last_hour = time.time() - 3000 + number
        (entry,) = tmp_path.glob(f"*/{key(number)[2:]}")
        os.utime(entry, (last_hour, last_hour))
    assert cache.get(key(0)) is not None

    for number in range(8, 12):
        cache.put(key(number), bytes(10 * KIB))

    assert cache.get(key(0)) is not None
    assert cache.get(key(1)) is None
    assert cache.get(key(11)) is not None
    assert size_bytes(tmp_path) <= 100 * KIB


def test_an_entry_that_would_push_out_the_others_is_not_kept(tmp_path: Path) -> None:
    cache = FileCompileCache(tmp_path, 100 * KIB)

    cache.put(key("large"), bytes(30 * KIB))

    assert cache.get(key("large")) is None


def test_a_disk_that_refuses_costs_the_entry_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = FileCompileCache(tmp_path / "file", 1 << 20)

    cache.put(key("a"), b"artefact")

    assert cache.get(key("a")) is None


def test_half_written_files_of_dead_processes_are_removed_once_they_are_old(tmp_path: Path) -> None:
    cache = FileCompileCache(tmp_path, 100 * KIB)
    (tmp_path / "ab").mkdir()
    fresh, old = tmp_path / "ab" / "fresh.tmp", tmp_path / "ab" / "old.tmp"
    for path in (fresh, old):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))

    cache.put(key("a"), bytes(10 * KIB))

    assert fresh.exists()
    assert not old.exists()


def test_many_threads_and_caches_on_one_folder_never_see_a_wrong_artefact(tmp_path: Path) -> None:
    caches = [FileCompileCache(tmp_path, 64 * KIB) for _ in range(2)]
    wrong: list[bytes] = []

    def use(cache: FileCompileCache) -> None:
        for number in range(150):
            name = number % 20
            artefact = bytes([name]) * 5 * KIB
            cache.put(key(name), artefact)
            got = cache.get(key((name * 7) % 20))
            if got is not None and got != bytes([(name * 7) % 20]) * 5 * KIB:
                wrong.append(got)

    threads = [threading.Thread(target=use, args=(cache,)) for cache in caches * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert not list(tmp_path.rglob("*.tmp"))
