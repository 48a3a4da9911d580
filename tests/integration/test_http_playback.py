"""Playback: the nearest healthy point of presence, a token that lasts, and a view that is counted."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from urllib.parse import urlsplit

import pytest

from domain.cache_refreshes import placement as placing
from domain.cache_refreshes.pops import Pop, PopHealth
from domain.cache_refreshes.viewing import viewing_order
from domain.videos.playback import Site, choose_site, counted_region, expiry, nearest_regions
from domain.videos.tokens import MAX_LIFE_S
from store import pops
from tests.apis import api
from tests.videos import Studio, publish

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture
def studio(engine, tmp_path):
    return Studio(engine, tmp_path)


@pytest.fixture
def platform(database_url, redis_url, tmp_path):
    with api(database_url, redis_url, home=tmp_path) as running:
        yield running


def add_pop(studio, name: str, region: str, *, is_seen: bool = True, is_enabled: bool = True) -> None:
    addresses = f"http://{name}.example", "http://10.0.0.1:80"
    with studio.sessions() as session:
        pops.put_pop(session, Pop(name, region, *addresses, "varnish", 10**9, is_enabled=is_enabled))
        if is_seen:
            pops.note_seen(session, name)


def test_a_viewer_is_sent_to_the_nearest_pop_with_a_token_for_the_whole_film(platform, studio):
    for name, region in (("lisbon", "eu-west"), ("oslo", "eu-north"), ("tokyo", "asia-east")):
        add_pop(studio, name, region)
    video = publish(studio, {"master.m3u8": b"#EXTM3U\n"}, duration_s=7200)

    answer = platform.client("bob").get("/v1/titles/film/playback?region=eu-north")

    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    shown = answer.json
    assert (shown["pop"], shown["video"]) == ({"name": "oslo", "region": "eu-north"}, str(video.id))
    address = urlsplit(shown["hls_url"])
    assert address.netloc == "oslo.example"
    assert address.path.endswith(f"/v/{video.id}/{video.revision}/master.m3u8")
    assert shown["mp4_url"] == shown["hls_url"].replace("master.m3u8", "sd.mp4")
    left = datetime.fromisoformat(shown["expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=4) < left < timedelta(hours=6)
    # What is signed is good at the origin, too.
    assert platform.app.test_client().get(address.path).data == b"#EXTM3U\n"


def test_without_a_healthy_pop_the_origin_itself_plays(platform, studio):
    add_pop(studio, "lisbon", "eu-west", is_seen=False)
    publish(studio, {"master.m3u8": b"#EXTM3U\n"})

    shown = platform.client("bob").get("/v1/titles/film/playback?region=eu-west").json

    assert shown["pop"] is None
    assert shown["hls_url"].startswith("/t/")
    assert platform.app.test_client().get(shown["hls_url"]).status_code == 200


def test_views_are_counted_by_rendition_day_and_region(platform, studio):
    for name, region in (("lisbon", "eu-west"), ("tokyo", "asia-east")):
        add_pop(studio, name, region)
    publish(studio, {"master.m3u8": b"#EXTM3U\n"})
    bob = platform.client("bob")

    for region in ("eu-west", "eu-west", None):
        bob.get("/v1/titles/film/playback", query_string={"region": region} if region else {})
    bob.get("/v1/titles/film/playback", headers={"X-Region": "Asia-East"})
    bob.get("/v1/titles/film/playback", headers={"X-Region": "no region\tat all"})

    with studio.world.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT rendition, region, views FROM video_views ORDER BY region").all()
    assert [tuple(row) for row in rows] == [("sd", "", 2), ("sd", "asia-east", 1), ("sd", "eu-west", 2)]


def test_a_viewer_makes_no_rows_for_regions_of_their_own(platform, studio):
    add_pop(studio, "lisbon", "eu-west")
    publish(studio, {"master.m3u8": b"#EXTM3U\n"})
    bob = platform.client("bob")

    for region in ("eu-west-1", "eu-west-2", "eu-1", "eu-2", "mars-1", "mars-2"):
        bob.get(f"/v1/titles/film/playback?region={region}")

    assert studio.world.count("SELECT count(*) FROM video_views") == 3
    assert studio.world.count("SELECT count(DISTINCT region) FROM playback_outcomes") == 3
    with studio.world.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT region, views FROM video_views ORDER BY region").all()
    assert [tuple(row) for row in rows] == [("", 2), ("eu", 2), ("eu-west", 2)]


@pytest.mark.parametrize("region", ["", "eu", "eu-west", "eu-west-2", "eu-north", "asia-east", "mars", "us-x-y"])
def test_who_counts_for_a_region_is_near_the_same_pops(region):
    regions = {"eu-west", "eu-south-1", "us", "asia-east"}

    assert nearest_regions(counted_region(region, regions), regions) == nearest_regions(region, regions)
    assert counted_region(region, []) == ""


def test_the_video_that_was_published_last_is_played_until_it_is_taken_down(platform, studio):
    first = publish(studio, {"master.m3u8": b"#EXTM3U\n"})
    second = publish(studio, {"master.m3u8": b"#EXTM3U\n\n"})
    bob = platform.client("bob")

    assert bob.get("/v1/titles/film/playback").json["video"] == str(second.id)
    platform.client("alice", is_admin=True).delete(f"/v1/videos/{second.id}")
    assert bob.get("/v1/titles/film/playback").json["video"] == str(first.id)
    platform.client("alice", is_admin=True).delete(f"/v1/videos/{first.id}")
    assert bob.get("/v1/titles/film/playback").status_code == 404
    assert bob.get("/v1/titles/film/playback?region=UP").status_code == 422
    assert platform.app.test_client().get("/v1/titles/film/playback").status_code == 401


def test_publishing_asks_for_room_at_the_edge_and_taking_down_purges_it(platform, studio):
    add_pop(studio, "lisbon", "eu-west")

    video = publish(studio, {"master.m3u8": b"#EXTM3U\n", "sd/seg_00000.ts": b"x"})

    with studio.world.engine.connect() as connection:
        asked = connection.exec_driver_sql("SELECT payload FROM jobs WHERE kind = 'cache_refreshes'").scalars().all()
    assert asked == [{"do": "populate", "which": "open", "by": "system", "reason": f"video {video.id} was published"}]
    platform.client("alice", is_admin=True).delete(f"/v1/videos/{video.id}?reason=rights")
    with studio.world.engine.connect() as connection:
        purged = connection.exec_driver_sql("SELECT reason FROM cache_refreshes WHERE mode = 'hard'").scalars().all()
    assert sorted(purged) == ["rights", "rights; again, for what was on its way"]


def test_taking_down_reaches_a_pop_that_is_switched_off_and_may_still_have_copies(platform, studio):
    video = publish(studio, {"master.m3u8": b"#EXTM3U\n"})
    add_pop(studio, "lisbon", "eu-west", is_enabled=False)

    platform.client("alice", is_admin=True).delete(f"/v1/videos/{video.id}")

    with studio.world.engine.connect() as connection:
        targets = connection.exec_driver_sql("SELECT pop, state FROM cache_refresh_targets").all()
    assert [tuple(row) for row in targets] == [("lisbon", "queued")] * 2


def site(name: str, region: str, seen_s: float | None = 10, *, has_failed: bool = False) -> Site:
    seen = None if seen_s is None else NOW - timedelta(seconds=seen_s)
    health = PopHealth(seen, "it does not answer" if has_failed else None)
    return Site(name, region, f"http://{name}", health.is_healthy(NOW))


@pytest.mark.parametrize(
    ("region", "sites", "chosen"),
    [
        ("eu-west", [site("a", "us"), site("b", "eu-west"), site("c", "eu")], "b"),
        ("eu-west", [site("a", "us"), site("c", "eu-north")], "c"),
        ("eu-west", [site("a", "us"), site("b", "eu-west", has_failed=True)], "a"),
        ("eu-west", [site("a", "us"), site("b", "eu-west", 181)], "a"),
        ("eu-west", [site("a", "us"), site("b", "eu-west", None)], "a"),
        ("", [site("a", "us")], "a"),
        ("eu", [site("b", "eu", has_failed=True)], None),
        ("eu", [], None),
    ],
)
def test_the_nearest_healthy_site_is_chosen(region, sites, chosen):
    found = choose_site(sites, region, [each.name for each in sites])

    assert (found and found.name) == chosen


def test_of_sites_that_are_as_near_the_best_for_the_video_is_chosen():
    sites = [site("a", "eu"), site("b", "eu"), site("c", "us"), site("d", "eu", has_failed=True)]

    def chosen(region, *order):
        return choose_site(sites, region, order).name

    assert chosen("eu", "d", "c", "b", "a") == "b"
    assert chosen("us", "b", "a") == "c"
    # Nothing tells them apart for somebody who is near none.
    assert chosen("asia", "c", "b", "a") == "c"
    assert chosen("eu") == "a"


def test_viewers_are_spread_over_pops_that_nothing_tells_apart():
    pops_ = [placing.Pop(name, "eu", 10**9) for name in "abcd"]
    firsts = Counter(viewing_order(str(video), pops_, [], Random(1))[0] for video in range(200))
    shared = Counter(viewing_order("7", pops_, [{"a", "b"}, {"a", "b", "c"}], Random(seed))[0] for seed in range(200))
    order = viewing_order("7", pops_, [{"a", "b"}, {"a", "b", "c"}], Random(1))

    assert set(firsts) == set("abcd")
    assert all(count > 20 for count in firsts.values())
    assert set(shared) == {"a", "b"}
    assert all(count > 60 for count in shared.values())
    assert order[2:] == ["c", "d"]


def test_tokens_end_together_and_outlast_the_film():
    now = time.time()

    assert expiry(60, now) % 300 == 0
    assert expiry(7200, now) - now > 2 * 7200
    assert expiry(10**6, now) - now <= MAX_LIFE_S
