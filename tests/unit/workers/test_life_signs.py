from __future__ import annotations

import os
from pathlib import Path

from workers.life_signs import show_life, silence_s


def age(path: Path, seconds: float) -> None:
    written_at = path.stat().st_mtime - seconds
    os.utime(path, (written_at, written_at))


def test_a_process_that_never_showed_life_is_not_taken_for_one_that_just_did(tmp_path: Path) -> None:
    assert silence_s(tmp_path / "dispatcher") is None


def test_a_sign_of_life_ends_the_silence(tmp_path: Path) -> None:
    show_life(tmp_path / "dispatcher")
    age(tmp_path / "dispatcher" / "alive", 60)
    before = silence_s(tmp_path / "dispatcher")

    show_life(tmp_path / "dispatcher")

    assert before is not None
    assert before >= 60
    assert (silence_s(tmp_path / "dispatcher") or 0) < 60


def test_the_newest_file_counts(tmp_path: Path) -> None:
    for name in ("schedule", "schedule-wal"):
        (tmp_path / name).touch()
    age(tmp_path / "schedule", 60)

    assert (silence_s(tmp_path) or 60) < 60


def test_a_file_that_is_gone_before_it_is_looked_at_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "schedule").touch()
    (tmp_path / "schedule-wal").symlink_to(tmp_path / "gone")

    assert silence_s(tmp_path) is not None


def test_a_place_that_cannot_be_written_to_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    show_life(tmp_path / "file" / "dispatcher")
