"""What every kind of POP does, on real servers, before a real origin."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from domain.cache_refreshes.edge import Copy, EdgeError, Selection
from tests.edge_world import EdgeWorld, awaited

CROWD = 200


def test_what_is_fetched_is_held_and_a_probe_fetches_nothing(edge: EdgeWorld) -> None:
    path = edge.put("a", b"hello")

    before = edge.driver.probe(path)
    fetched = edge.driver.fetch(path)
    held = edge.driver.probe(path)

    assert before is None
    assert fetched == held == Copy(edge.origin.objects[path].etag, 5, is_fresh=True)
    assert edge.origin.asked[path] == 1


def test_connections_that_the_origin_gives_up_cost_nothing(edge: EdgeWorld) -> None:
    paths = [edge.put(f"n{number}") for number in range(6)]
    edge.origin.hangs_up = True

    fetched = [edge.driver.fetch(path) for path in paths]
    asking = {"X-Pop-Key": edge.pop.key, "Cache-Control": "only-if-cached"}
    states = [edge.ask(path, "HEAD", asking).headers["cache-status"] for path in paths]
    edge.origin.hangs_up = False

    assert None not in fetched
    # The life that the origin gave them, and not that of a failure.
    assert [int(state.partition("ttl=")[2]) > 3000 for state in states] == [True] * 6
    assert [edge.origin.asked[path] for path in paths] == [1] * 6


def test_what_the_origin_lacks_is_none_and_asked_again_soon(edge: EdgeWorld) -> None:
    path = edge.folder + "none"

    assert edge.driver.fetch(path) is None
    assert edge.driver.fetch(path) is None
    assert edge.driver.probe(path) is None
    asked = edge.origin.asked[path]
    edge.put("none", b"now")
    awaited(lambda: edge.ask(path).status == 200)

    assert asked == 1


@pytest.mark.parametrize("is_soft", [True, False], ids=["soft", "hard"])
@pytest.mark.parametrize("by", ["path", "tag", "prefix"])
def test_a_purge_counts_what_it_touches_and_touches_nothing_else(edge: EdgeWorld, by: str, *, is_soft: bool) -> None:
    paths = [edge.put(f"in/{name}", tags=f"{edge.tag('some')} {edge.tag(name)}") for name in ("a", "b")]
    other = edge.put("out/c", tags=edge.tag("someone"))
    for path in (*paths, other):
        edge.driver.fetch(path)

    selection = {
        "path": Selection(paths=tuple(paths)),
        "tag": Selection(tags=(edge.tag("some"),)),
        "prefix": Selection(prefix=edge.folder + "in/"),
    }[by]
    count = edge.driver.purge(selection, is_soft=is_soft)
    copies = [edge.driver.probe(path) for path in paths]
    kept = edge.driver.probe(other)

    assert count == 2
    assert kept is not None
    assert kept.is_fresh
    if is_soft:
        assert [copy is not None and not copy.is_fresh for copy in copies] == [True, True]
    else:
        assert copies == [None, None]
    assert [edge.origin.asked[path] for path in (*paths, other)] == [1, 1, 1]


def test_a_purge_of_nothing_counts_nothing(edge: EdgeWorld) -> None:
    selections = (
        Selection(paths=(edge.folder + "a",)),
        Selection(tags=(edge.tag("none"),)),
        Selection(prefix=edge.folder),
    )

    assert [edge.driver.purge(each, is_soft=False) for each in selections] == [0, 0, 0]


def test_more_tags_than_one_request_carries_are_all_purged(edge: EdgeWorld) -> None:
    paths = [edge.put(f"t{number}", b"x", edge.tag(f"n{number}")) for number in range(100)]
    for path in paths:
        edge.driver.fetch(path)

    count = edge.driver.purge(Selection(tags=tuple(edge.tag(f"n{n}") for n in range(100))), is_soft=False)

    assert count == 100


def test_after_a_soft_purge_the_stale_copy_is_served_once_and_the_new_one_fetched_behind_it(edge: EdgeWorld) -> None:
    path = edge.put("a", b"old")
    edge.driver.fetch(path)
    edge.driver.purge(Selection(paths=(path,)), is_soft=True)
    new = edge.origin.put(path, b"new")

    first = edge.ask(path)
    copy = edge.fresh(path)

    assert first.body == b"old"
    assert first.headers["x-cache"] == "STALE"
    assert "stale" in first.headers["cache-status"]
    assert copy.etag == new.etag
    assert edge.ask(path).body == b"new"
    assert edge.origin.conditional[path] == 1


def test_a_copy_that_is_still_right_is_renewed_without_its_body(edge: EdgeWorld) -> None:
    path = edge.put("a", b"same")
    edge.driver.fetch(path)
    edge.driver.purge(Selection(paths=(path,)), is_soft=True)

    edge.driver.fetch(path)
    copy = edge.fresh(path)

    assert copy == Copy(edge.origin.objects[path].etag, 4, is_fresh=True)
    assert (edge.origin.asked[path], edge.origin.conditional[path]) == (2, 1)


def test_a_broken_origin_does_not_take_the_stale_copy_away(edge: EdgeWorld) -> None:
    path = edge.put("a", b"good")
    edge.driver.fetch(path)
    edge.driver.purge(Selection(paths=(path,)), is_soft=True)
    edge.origin.failing_status = 500

    first = edge.ask(path)
    awaited(lambda: edge.origin.asked[path] > 1)
    second = edge.ask(path)

    assert [(answer.status, answer.body) for answer in (first, second)] == [(200, b"good")] * 2
    edge.origin.failing_status = None
    # The fetch behind the second answer may still be under way, and then another question brings none.
    awaited(lambda: edge.ask(path).headers["x-cache"] == "HIT")
    assert edge.fresh(path).etag == edge.origin.objects[path].etag


def test_a_broken_origin_is_shown_where_there_is_no_copy_and_nothing_of_it_stays(edge: EdgeWorld) -> None:
    path = edge.put("a", b"good")
    edge.origin.failing_status = 500

    with pytest.raises(EdgeError, match="500"):
        edge.driver.fetch(path)
    edge.origin.failing_status = None

    awaited(lambda: edge.ask(path).status == 200)
    assert edge.fresh(path).size_bytes == 4


def test_a_crowd_at_a_cold_object_is_one_request_to_the_origin(edge: EdgeWorld) -> None:
    path = edge.put("a", b"x" * 300_000)
    edge.origin.delay_s = 0.3
    together = threading.Barrier(CROWD)

    def ask(_: int) -> tuple[int, int]:
        together.wait()
        answer = edge.ask(path)
        return answer.status, len(answer.body)

    with ThreadPoolExecutor(CROWD) as pool:
        answers = set(pool.map(ask, range(CROWD)))

    assert answers == {(200, 300_000)}
    assert edge.origin.asked[path] == 1


@pytest.mark.parametrize("is_cold", [True, False], ids=["cold", "held"])
@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-99", 0, 100), ("bytes=2500-2599", 2500, 2600), ("bytes=-500", 4500, 5000),
     ("bytes=4900-9999", 4900, 5000), ("bytes=4999-", 4999, 5000)],
)  # fmt: skip
def test_a_range_is_cut_from_the_whole(edge: EdgeWorld, asked: str, start: int, stop: int, *, is_cold: bool) -> None:
    whole = bytes(number % 251 for number in range(5000))
    path = edge.put("film.mp4", whole)
    if not is_cold:
        edge.driver.fetch(path)

    answer = edge.ask(path, headers={"Range": asked})

    assert answer.status == 206
    assert answer.body == whole[start:stop]
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/5000"
    assert edge.fresh(path).size_bytes == 5000
    assert edge.origin.asked[path] == 1


def test_ranges_that_cannot_be_and_conditions_that_do_not_hold(edge: EdgeWorld) -> None:
    path = edge.put("film.mp4")
    edge.driver.fetch(path)
    etag = edge.origin.objects[path].etag

    beyond = edge.ask(path, headers={"Range": "bytes=5000-"})
    of_old = edge.ask(path, headers={"Range": "bytes=0-9", "If-Range": '"old"'})
    of_this = edge.ask(path, headers={"Range": "bytes=0-9", "If-Range": etag})
    head = edge.ask(path, "HEAD")
    known = edge.ask(path, headers={"If-None-Match": etag})

    assert beyond.status == 416
    assert beyond.headers["content-range"] == "bytes */5000"
    assert (of_old.status, len(of_old.body)) == (200, 5000)
    assert (of_this.status, len(of_this.body)) == (206, 10)
    assert (head.status, head.body, head.headers["content-length"], head.headers["etag"]) == (200, b"", "5000", etag)
    assert head.headers["accept-ranges"] == "bytes"
    assert (known.status, known.body) == (304, b"")
    assert edge.origin.asked[path] == 1


def test_viewers_are_told_of_the_cache_and_not_of_its_keys(edge: EdgeWorld) -> None:
    path = edge.put("a", tags=edge.tag("secret"))

    cold = edge.ask(path, headers={"Cookie": "me=1", "Authorization": "Bearer x", "Origin": "https://elsewhere"})
    held = edge.ask(path)
    none = edge.ask(edge.folder + "none")
    sent = edge.origin.seen_headers[-2]

    assert "fwd=miss; stored" in cold.headers["cache-status"]
    assert held.headers["cache-status"].startswith(f'"{edge.pop.name}"; hit')
    assert (cold.headers["x-cache"], held.headers["x-cache"]) == ("MISS", "HIT")
    # nginx has no Age. How old the copy is can be told from its date.
    assert "age" in held.headers or held.headers["date"] == cold.headers["date"]
    for answer in (cold, held, none):
        hidden = {"surrogate-key", "xkey", "cdn-cache-control", "set-cookie", "x-varnish", "via", "x-accel-expires"}
        assert hidden & answer.headers.keys() == set()
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "Content-Range" in answer.headers["access-control-expose-headers"]
    assert held.headers["cache-control"] == "public, max-age=60"
    assert {"cookie", "authorization"} & sent.keys() == set()


def test_pages_of_other_sites_may_ask_for_ranges(edge: EdgeWorld) -> None:
    answer = edge.ask(edge.folder, "OPTIONS", {"Origin": "https://a", "Access-Control-Request-Headers": "range"})

    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "Range" in answer.headers["access-control-allow-headers"]
    assert "GET" in answer.headers["access-control-allow-methods"]


def test_nothing_is_written_through_a_pop(edge: EdgeWorld) -> None:
    path = edge.put("a")

    assert [edge.ask(path, method).status for method in ("POST", "PUT", "DELETE")] == [405, 405, 405]
    assert edge.origin.asked[path] == 0
