"""What goes wrong while a video is encoded costs an attempt at most, and never shows half a video."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from adapters.ffmpeg import create_ffmpeg
from config.settings import REPOSITORY, inherit
from domain.content.blobs import BlobStoreError
from domain.videos.encoder import BrokenVideoError, EncoderError, Run
from jobs import submit
from jobs.videos import follow_takedown
from store.videos import videos
from tests.integration.jobs_world import World
from tests.videos import Studio, encoders_in, eventually, make_clip, need_ffmpeg, publish


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4")


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("clips") / "long.mp4", seconds=60, size="1280x720")


@pytest.fixture
def studio(engine, tmp_path):
    need_ffmpeg()
    return Studio(engine, tmp_path)


@contextmanager
def encoding(studio, file, world=None):
    """Encode slowly in a thread; yield the video, its job, and the process that encodes."""
    video_id, job_id = studio.upload(file)
    worker = studio.make_worker(studio.folder / "work", preset="veryslow")
    with studio.working(worker, world) as lifecycle:
        thread = threading.Thread(target=lifecycle.run, args=("videos", job_id), daemon=True)
        thread.start()
        process = eventually(lambda: encoders_in(studio.folder))[0]
        # At work, not just started.
        eventually(lambda: studio.world.get(job_id).progress)
        yield video_id, job_id, process
        thread.join(30)
        assert not thread.is_alive()


def test_a_killed_ffmpeg_is_tried_again_and_nothing_is_half_published(studio, long_clip):
    with encoding(studio, long_clip) as (video_id, job_id, process):
        os.kill(process, signal.SIGKILL)

    job = studio.world.get(job_id)
    assert (job.state, job.error["type"]) == ("queued", "transient")
    assert "ffmpeg was killed" in job.error["message"]
    assert studio.video(video_id).shown_state == "processing"
    assert studio.stored("videos") == []
    assert studio.left_over() == []


def test_cancelling_kills_ffmpeg_within_a_second(studio, long_clip):
    with encoding(studio, long_clip) as (video_id, job_id, _):
        with studio.sessions() as session:
            submit.cancel(session, job_id)
        cancelled_at = time.monotonic()
        eventually(lambda: not encoders_in(studio.folder), 5)
        took_s = time.monotonic() - cancelled_at

    # A promise of the product, with room for a busy machine.
    assert took_s < 1
    assert studio.video(video_id).shown_state == "cancelled"
    assert studio.stored("videos") == []


def test_ffmpeg_dies_with_its_worker(studio, long_clip, tmp_path):
    script = (
        "import sys, threading; from pathlib import Path; from adapters.ffmpeg import create_ffmpeg\n"
        "from domain.videos.encoder import Run\n"
        "run = Run(Path(sys.argv[1]), sys.argv[2], ('mov',), ['-c:v', 'libx264', '-preset', 'veryslow', 'out.ts'],"
        " 60, 600, threading.Event())\n"
        "create_ffmpeg().encode(run, lambda percent: None)\n"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path), str(long_clip)], cwd=REPOSITORY, env=inherit({})
    )
    eventually(lambda: encoders_in(tmp_path))

    worker.kill()
    worker.wait()

    eventually(lambda: not encoders_in(tmp_path), 5)


def test_what_a_killed_worker_left_is_deleted_by_the_next(studio, clip):
    left = studio.folder / "work" / "left"
    left.mkdir(parents=True)
    (left / "source").write_bytes(b"x")
    (studio.folder / "work" / "left.lock").touch()

    studio.encode(clip)

    assert list((studio.folder / "work").iterdir()) == []


def test_two_workers_on_one_video_publish_it_once(engine, studio, clip):
    video_id, job_id = studio.upload(clip)
    others = World(engine)
    slow_store = SlowStore(studio.blobs)
    slow = studio.make_worker(studio.folder / "slow", store=slow_store)
    with studio.working(slow) as lifecycle:
        thread = threading.Thread(target=lifecycle.run, args=("videos", job_id), daemon=True)
        thread.start()
        assert slow_store.reached.wait(60)

        # The first worker is taken for dead, and its job given to another.
        studio.world.execute("UPDATE jobs SET state = 'queued', epoch = epoch + 1, worker = NULL,"
                             " lease_until = NULL WHERE id = %s", job_id)  # fmt: skip
        with studio.working(world=others) as other:
            other.run("videos", job_id)
        published = studio.video(video_id)
        slow_store.go_on.set()
        thread.join(30)

    assert studio.world.state(job_id) == "succeeded"
    assert published.state == "ready"
    assert studio.video(video_id) == published
    assert studio.world.count("SELECT count(*) FROM video_renditions") == 2


class SlowStore:
    """A store at whose first write under ``videos/`` its worker waits."""

    def __init__(self, store) -> None:
        self._store = store
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def __getattr__(self, name):
        return getattr(self._store, name)

    def put(self, path, content):
        self.reached.set()
        assert self.go_on.wait(60)
        return self._store.put(path, content)


class FullStore:
    """A store that is full after some files."""

    def __init__(self, store, room: int) -> None:
        self._store = store
        self._room = room

    def __getattr__(self, name):
        return getattr(self._store, name)

    def put(self, path, content):
        self._room -= 1
        if self._room < 0:
            raise BlobStoreError(f"{path}: no space left")
        return self._store.put(path, content)


def test_a_store_that_fails_half_way_leaves_the_video_unpublished_and_the_next_attempt_succeeds(studio, clip):
    video_id, job_id = studio.upload(clip)

    job = studio.run(job_id, studio.make_worker(studio.folder / "work", store=FullStore(studio.blobs, 4)))

    assert (job.state, job.error["type"]) == ("queued", "transient")
    assert studio.video(video_id).revision is None
    assert len(studio.stored("videos")) == 4
    studio.world.execute("UPDATE jobs SET run_at = now() WHERE id = %s", job_id)
    assert studio.run(job_id).state == "succeeded"
    assert studio.video(video_id).state == "ready"


class FullFolders:
    """Work folders on a disk without any room."""

    def __init__(self, folder) -> None:
        self._folder = folder

    @contextmanager
    def folder(self, name):
        self._folder.mkdir()
        (self._folder / "source").symlink_to("/dev/full")
        yield self._folder


def test_a_full_disk_is_tried_again(studio, clip):
    _, job_id = studio.upload(clip)
    worker = studio.make_worker(studio.folder / "work")
    object.__setattr__(worker.encoding, "folders", FullFolders(studio.folder / "full"))

    job = studio.run(job_id, worker)

    assert (job.state, job.error) == ("queued", {"type": "transient", "message": "the worker's disk is full"})


def run_in(folder, file, arguments, timeout_s=60.0, stopped=None) -> Run:
    return Run(folder, str(file), ("mov",), arguments, 60, timeout_s, stopped or threading.Event())


def test_a_disk_that_ffmpeg_finds_full_is_not_the_videos_fault(clip, tmp_path):
    with pytest.raises(EncoderError, match="the disk is full"):
        create_ffmpeg().encode(run_in(tmp_path, clip, ["-f", "mpegts", "/dev/full"]), lambda _: None)


def test_ffmpeg_is_killed_when_its_time_is_over(long_clip, tmp_path):
    run = run_in(tmp_path, long_clip, ["-c:v", "libx264", "-preset", "veryslow", "out.ts"], timeout_s=0.5)

    with pytest.raises(BrokenVideoError, match="not done after 0 s"):
        create_ffmpeg().encode(run, lambda _: None)

    assert encoders_in(tmp_path) == []


def test_ffmpeg_has_no_network_no_environment_and_no_other_protocol(clip, tmp_path):
    ffmpeg = create_ffmpeg()

    with pytest.raises(BrokenVideoError, match="no video"):
        ffmpeg.encode(run_in(tmp_path, "x", ["-i", "http://127.0.0.1:9/", "out.ts"]), lambda _: None)
    interfaces = subprocess.run(
        [*ffmpeg.cage, "cat", "/proc/net/dev"], capture_output=True, text=True, check=True
    ).stdout.splitlines()[2:]
    if "unshare" in ffmpeg.cage:
        assert [line.split(":")[0].strip() for line in interfaces] == ["lo"]


def test_a_takedown_while_it_is_encoded_publishes_nothing_and_deletes_all(studio, clip):
    video_id, job_id = studio.upload(clip)
    slow_store = SlowStore(studio.blobs)
    with studio.working(studio.make_worker(studio.folder / "slow", store=slow_store)) as lifecycle:
        thread = threading.Thread(target=lifecycle.run, args=("videos", job_id), daemon=True)
        thread.start()
        assert slow_store.reached.wait(60)
        with studio.transactions.begin() as session:
            videos.remove(session, video_id)
            follow_takedown(session, video_id, "alice", "a test")
        slow_store.go_on.set()
        thread.join(30)

    assert studio.video(video_id).state == "removed"
    studio.sweep(video_id)
    assert studio.stored("videos") + studio.stored("uploads") == []


def test_a_published_video_keeps_its_files_and_loses_its_upload(studio, clip):
    video, _ = studio.encode(clip)
    other = f"videos/{video.id}/{'0' * 64}/sd.mp4"
    studio.blobs.put(other, b"of a worker that is not done")

    job = studio.sweep(video.id)

    assert job.result == {"swept": "nothing yet"}
    assert studio.stored("uploads") == []
    assert other in studio.stored("videos")
    age(studio, other, hours=2)
    assert studio.sweep(video.id).result == {"swept": "ready"}
    assert other not in studio.stored("videos")
    assert len(studio.stored("videos")) == 9


def test_what_a_worker_wrote_after_the_takedown_is_deleted_by_the_next_sweep(studio):
    video = publish(studio, {"master.m3u8": b"#EXTM3U\n"})
    with studio.transactions.begin() as session:
        videos.remove(session, video.id)

    first = studio.sweep(video.id)
    studio.blobs.put(f"videos/{video.id}/{'0' * 64}/sd.mp4", b"of a worker that had not noticed")
    due = "SELECT count(*) FROM jobs WHERE payload ->> 'do' = 'sweep' AND run_at > now() + interval '23 hours'"
    assert (first.result, studio.world.count(due)) == ({"swept": "nothing yet"}, 1)
    studio.world.execute("UPDATE videos SET updated_at = now() - interval '24 hours' WHERE id = %s", video.id)
    last = studio.sweep(video.id)

    assert (last.result, studio.world.count(due)) == ({"swept": "removed"}, 1)
    assert studio.stored("videos") == []


def test_an_upload_that_failed_or_was_abandoned_is_deleted_after_a_day(studio, clip, tmp_path):
    wrong = tmp_path / "wrong.mp4"
    wrong.write_bytes(b"no video")
    failed, job = studio.encode(wrong)
    assert studio.sweep(failed.id).result == {"swept": "nothing yet"}
    studio.world.execute("UPDATE jobs SET finished_at = now() - interval '25 hours' WHERE id = %s", job.id)
    assert studio.sweep(failed.id).result == {"swept": "uploaded"}
    assert studio.stored("uploads") == []
    studio.world.execute("DELETE FROM jobs WHERE id = %s", job.id)
    kept = studio.video(failed.id)
    assert (kept.shown_state, kept.shown_error) == ("failed", job.error["message"])

    begun, _ = studio.upload(clip)
    studio.world.execute("UPDATE videos SET state = 'uploading' WHERE id = %s", begun)
    assert studio.sweep(begun).result == {"swept": "nothing yet"}
    studio.world.execute("UPDATE videos SET updated_at = now() - interval '25 hours' WHERE id = %s", begun)
    studio.sweep(begun)
    assert studio.video(begun) is None
    assert studio.stored("uploads") == []


def age(studio, path, hours) -> None:
    file = studio.folder / "blobs" / path
    moment = time.time() - hours * 3600
    os.utime(file, (moment, moment))
