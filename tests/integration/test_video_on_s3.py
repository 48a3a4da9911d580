"""A video in a store with the dialect of S3 goes the same way as one in a folder."""

from __future__ import annotations

from adapters.blob_store import create_blob_store
from store.videos import videos
from tests.blob_stores import BUCKET, CREDENTIALS, s3_server
from tests.videos import Studio, make_clip


def test_parts_files_and_deletions_are_as_in_a_folder(engine, tmp_path, monkeypatch):
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    clip = make_clip(tmp_path / "clip.mp4", seconds=2)
    with s3_server(tmp_path) as address:
        studio = Studio(engine, tmp_path)
        studio.blobs = create_blob_store(f"s3://{BUCKET}/films", address)

        video, job = studio.encode(clip)

        assert job.state == "succeeded", job.error
        assert len(studio.stored("uploads")) > 1
        assert f"videos/{video.id}/{video.revision}/manifest.json" in studio.stored("videos")
        studio.sweep(video.id)
        assert studio.stored("uploads") == []
        with studio.transactions.begin() as session:
            videos.remove(session, video.id)
        studio.sweep(video.id)
        assert studio.stored("videos") == []
