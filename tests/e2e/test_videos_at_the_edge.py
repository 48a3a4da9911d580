"""A video on its whole way: uploaded, encoded, placed at a point of presence, filled there, and played from there."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from urllib.parse import urljoin, urlsplit

import pytest
import requests

from domain.cache_refreshes.edge import Selection
from domain.cache_refreshes.pops import Pop
from domain.cache_refreshes.refresh import Patience
from tests.apis import EDGE_SECRET, make_key, served
from tests.integration.edge_yard import EdgeYard
from tests.pops import KINDS, start_pop
from tests.videos import Studio, make_clip
from workers.edge import video_objects


@pytest.fixture
def studio(engine, tmp_path):
    return Studio(engine, tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_film_is_played_from_the_edge_with_a_token(database_url, redis_url, studio, tmp_path, kind):
    video, job = studio.encode(make_clip(tmp_path / "clip.mp4", seconds=5))
    assert job.state == "succeeded", job.error
    with (
        served(tmp_path, database_url, redis_url, API_PROCESSES="1", EDGE_SECRET=EDGE_SECRET) as origin,
        start_pop(kind, origin.url, tmp_path) as pop,
    ):
        yard = EdgeYard(studio.world.engine, {pop.name: pop.driver}, Patience())
        yard.put(Pop(pop.name, "eu", pop.url, pop.url, kind, 64 << 20))
        yard.tools = replace(yard.tools, video_objects=partial(video_objects, studio.blobs))
        # What publication asked for.
        yard.work()
        held = yard.objects(pop.name)
        assert held == dict.fromkeys(held, "verified")
        assert sorted(path.rpartition("/")[0].rpartition("/")[2] for path in held) == [
            video.revision, "hd", "hd", "hd", "sd", "sd", "sd",
        ]  # fmt: skip
        key = make_key(studio.sessions, "viewer")
        shown = requests.get(
            f"{origin.url}/v1/titles/film/playback?region=eu", headers={"Authorization": f"Bearer {key}"}, timeout=30
        ).json()
        assert shown["pop"] == {"name": pop.name, "region": "eu"}

        # As a player does: from the master to the renditions to their segments, each address relative to the last.
        segments = [
            urljoin(variant, line)
            for variant in lines_of(shown["hls_url"])
            for line in lines_of(variant)
        ]  # fmt: skip
        assert [address.rsplit("/", 2)[1] for address in segments] == ["sd", "sd", "hd", "hd"]
        for address in segments:
            found = requests.get(address, timeout=30)
            path = urlsplit(address).path.partition(str(video.id))[2]
            assert found.content == studio.blobs.get(f"videos/{video.id}{path}")[0]
            # It was filled before anybody asked.
            assert "hit" in found.headers["Cache-Status"]
            assert (found.headers["Content-Type"], found.headers["Access-Control-Allow-Origin"]) == (
                "video/mp2t",
                "*",
            )
            assert "Surrogate-Key" not in found.headers
        part = requests.get(shown["mp4_url"], headers={"Range": "bytes=100-299"}, timeout=30)
        assert (part.status_code, len(part.content)) == (206, 200)

        # Another viewer's token serves the same copies; none, or a wrong one, serves nothing.
        wrong = shown["hls_url"].replace("/t/1", "/t/2")
        bare = f"{pop.url}/v/{video.id}/{video.revision}/master.m3u8"
        assert [requests.get(url, timeout=30).status_code for url in (wrong, bare)] == [403, 403]

        admin = make_key(studio.sessions, "alice", is_admin=True)
        [placed] = requests.get(
            f"{origin.url}/v1/placements", headers={"Authorization": f"Bearer {admin}"}, timeout=30
        ).json()["placements"]
        assert (placed["renditions"], placed["days"][0]["hits"], placed["days"][0]["requests"]) == (2, 2, 2)
        removed = requests.delete(
            f"{origin.url}/v1/videos/{video.id}", headers={"Authorization": f"Bearer {admin}"}, timeout=30
        )
        assert removed.json()["state"] == "removed"
        pop.driver.purge(Selection(tags=(f"video:{video.id}",)), is_soft=False)
        assert requests.get(segments[0], timeout=30).status_code == 404


def lines_of(address: str) -> list[str]:
    answer = requests.get(address, timeout=30)
    assert answer.status_code == 200, answer.text
    return [urljoin(address, line) for line in answer.text.splitlines() if line and not line.startswith("#")]
