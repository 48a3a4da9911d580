"""Who may ask a POP for what: the key, the network, playback tokens, and what comes of a restart."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest

from adapters.edge import HttpPopDriver
from domain.cache_refreshes.edge import EdgeError, EdgeRefusedError, Selection
from tests.edge_origin import TestOrigin, token
from tests.edge_world import EdgeWorld, awaited
from tests.pops import KINDS, start_pop

LATER = 3600


def a_video(edge: EdgeWorld, name: str) -> tuple[str, str, str]:
    """Put a segment at the origin; return its video, its revision and its path."""
    video = f"{name}{edge.folder.split('/')[2]}"
    path = f"/v/{video}/r1/hd/seg_1.ts"
    edge.origin.put(path, b"frames", tags=f"video:{video}")
    return video, "r1", path


def expires_in(seconds: int) -> int:
    return int(time.time()) + seconds


@pytest.mark.parametrize("key", [None, "", "wrong-key-wrong-key", "0123456789ABCDEF0123456789ABCDEF"])
def test_without_the_key_nothing_is_purged_or_probed(edge: EdgeWorld, key: str | None) -> None:
    path = edge.put("a", tags=edge.tag("t"))
    edge.driver.fetch(path)
    sent = {} if key is None else {"X-Pop-Key": key}

    refused = [
        edge.ask(path, "PURGE", sent).status,
        edge.ask(path, "PURGE", {**sent, "X-Soft-Purge": "1"}).status,
        edge.ask("/", "PURGE", {**sent, "Surrogate-Key": edge.tag("t")}).status,
        edge.ask("/", "PURGE", {**sent, "X-Purge-Prefix": edge.folder}).status,
        edge.ask(path, "HEAD", {**sent, "Cache-Control": "only-if-cached"}).status,
        edge.ask("/_pop/stats", headers=sent).status,
    ]

    assert refused == [403] * 6
    copy = edge.driver.probe(path)
    assert copy is not None
    assert copy.is_fresh
    assert edge.origin.asked[path] == 1


def test_a_driver_with_a_wrong_key_is_refused_in_everything(edge: EdgeWorld) -> None:
    path = edge.put("a")
    driver = HttpPopDriver(edge.pop.url, "another-key-another-key")

    for act in (
        lambda: driver.purge(Selection(paths=(path,)), is_soft=False),
        lambda: driver.fetch(path),
        lambda: driver.probe(path),
        driver.stats,
    ):
        with pytest.raises(EdgeRefusedError):
            act()

    assert edge.origin.asked[path] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_key_does_nothing_from_outside_the_control_network(
    kind: str, edge_origin: TestOrigin, tmp_path: Path
) -> None:
    edge_origin.put("/v1/outside", b"x")
    with start_pop(kind, edge_origin.url, tmp_path, control_networks=("192.0.2.0/24", "198.51.100.7/32")) as pop:
        assert pop.ask("/v1/outside").body == b"x"

        with pytest.raises(EdgeRefusedError):
            pop.driver.purge(Selection(paths=("/v1/outside",)), is_soft=False)
        with pytest.raises(EdgeRefusedError):
            pop.driver.probe("/v1/outside")
        with pytest.raises(EdgeRefusedError):
            pop.driver.stats()

        answer = pop.ask("/v1/outside")
        assert (answer.body, answer.headers["x-cache"]) == (b"x", "HIT")


def test_headers_of_a_viewer_open_nothing(edge: EdgeWorld) -> None:
    video, revision, path = a_video(edge, "open")
    forged = {
        "X-Pop-Control": "yes",
        "X-Pop-Token": "valid",
        "X-Pop-Object": path,
        "X-Pop-Count": "7",
        "X-Pop-Copy": "x",
    }

    assert edge.ask(path, headers=forged).status == 403
    assert edge.ask(path, "PURGE", forged).status == 403
    assert edge.ask(f"/t/1.{'0' * 64}/v/{video}/{revision}/hd/seg_1.ts", headers=forged).status == 403
    assert "x-purged" not in edge.ask(edge.put("a"), headers=forged).headers
    assert edge.origin.asked[path] == 0


def test_a_valid_token_plays_and_is_asked_about_once(edge: EdgeWorld) -> None:
    video, revision, path = a_video(edge, "plays")
    other = path.replace("seg_1", "seg_2")
    edge.origin.put(other, b"more frames")
    given = token(video, revision, expires_in(LATER))

    first = edge.ask(f"/t/{given}{path}")
    part = edge.ask(f"/t/{given}{path}", headers={"Range": "bytes=0-2"})
    second = edge.ask(f"/t/{given}{other}")
    head = edge.ask(f"/t/{given}{path}", "HEAD")

    assert (first.status, first.body) == (200, b"frames")
    assert (part.status, part.body) == (206, b"fra")
    assert (second.status, second.body) == (200, b"more frames")
    assert (head.status, head.headers["content-length"]) == (200, "6")
    assert edge.origin.asked[f"/edge/tokens/{given}/{video}/{revision}"] == 1
    assert (edge.origin.asked[path], edge.origin.asked[other]) == (1, 1)


def test_all_tokens_share_one_copy_which_a_fill_with_the_key_makes(edge: EdgeWorld) -> None:
    video, revision, path = a_video(edge, "shared")

    filled = edge.driver.fetch(path)
    played = [edge.ask(f"/t/{token(video, revision, expires_in(LATER + n))}{path}") for n in range(3)]

    assert filled is not None
    assert filled.size_bytes == 6
    assert [(answer.status, answer.headers["x-cache"]) for answer in played] == [(200, "HIT")] * 3
    assert edge.origin.asked[path] == 1


def test_tokens_that_are_over_tampered_with_or_of_another_video_play_nothing(edge: EdgeWorld) -> None:
    video, revision, path = a_video(edge, "mine")
    _, _, foreign = a_video(edge, "theirs")
    edge.driver.fetch(path)
    edge.driver.fetch(foreign)
    later = expires_in(LATER)
    good = token(video, revision, later)
    expiry, _, mac = good.partition(".")

    refused = {
        "none": path,
        "over": f"/t/{token(video, revision, expires_in(-1))}{path}",
        "longer": f"/t/{later + 99}.{mac}{path}",
        "forged": f"/t/{expiry}.{'0' * 64}{path}",
        "short": f"/t/{expiry}.{mac[:-1]}{path}",
        "other video": f"/t/{good}{foreign}",
        "other revision": f"/t/{good}{path.replace('/r1/', '/r2/')}",
        "no video": f"/t/{good}/v1/questions",
        "nothing behind": f"/t/{good}/v/{video}/{revision}/",
        "climbing": f"/t/{good}/v/{video}/{revision}/../../{foreign.removeprefix('/v/')}",
    }
    answers = {why: edge.ask(sent) for why, sent in refused.items()}

    assert {why: answer.status for why, answer in answers.items() if answer.status not in (400, 403)} == {}
    assert all(b"frames" not in answer.body for answer in answers.values())
    assert edge.ask(f"/t/{good}{path}").status == 200


def test_a_token_ends_when_it_says_though_the_copy_stays(edge: EdgeWorld) -> None:
    video, revision, path = a_video(edge, "ends")
    given = token(video, revision, expires_in(3))

    assert edge.ask(f"/t/{given}{path}").status == 200

    awaited(lambda: edge.ask(f"/t/{given}{path}").status == 403)
    assert edge.driver.probe(path) is not None


def test_no_token_is_good_while_the_origin_cannot_be_asked(edge: EdgeWorld) -> None:
    video, revision, path = a_video(edge, "away")
    edge.driver.fetch(path)
    edge.origin.failing_status = 500

    answer = edge.ask(f"/t/{token(video, revision, expires_in(LATER))}{path}")

    assert answer.status >= 500
    assert b"frames" not in answer.body


@pytest.mark.parametrize(
    "sent",
    ["/v1/../edge/x", "/v1/%2e%2e/x", "/v1/..%2fx", "/v1/.%2E/x", "/v1/..", "/v1\\..\\x", "/v1/%5c..%5cx", "*",
     "/v1/a/../../../../etc/passwd"],
)  # fmt: skip
def test_paths_do_not_climb(edge: EdgeWorld, sent: str) -> None:
    answer = edge.ask(sent)

    assert answer.status in (400, 403, 404)
    assert edge.origin.asked[sent] == 0
    assert b"root:" not in answer.body


@pytest.mark.parametrize("beginning", ["/%76/", "/v%2f", "/v%2F", "/%56/", "/%2fv/", "/%74/", "//%76/"])
def test_a_path_in_disguise_is_no_way_to_a_video(edge: EdgeWorld, beginning: str) -> None:
    _, _, path = a_video(edge, "disguise")
    sent = beginning + path.removeprefix("/v/")
    # An origin reads it as the path that it is.
    edge.origin.put(sent, b"frames")

    answer = edge.ask(sent)

    assert answer.status == 400
    assert b"frames" not in answer.body
    assert edge.origin.asked[sent] == 0


def test_a_query_may_be_written_as_it_likes(edge: EdgeWorld) -> None:
    path = edge.put("a?category=%61%2f")

    assert edge.ask(path).status == 200


def test_a_path_beyond_ascii_is_refused_each_time(edge: EdgeWorld) -> None:
    host, _, port = edge.pop.settings.listen.rpartition(":")
    for _ in range(2):
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall("GET /\u00e9 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            assert connection.recv(12) == b"HTTP/1.1 400"


def test_viewers_have_no_business_with_what_pops_ask_the_origin(edge: EdgeWorld) -> None:
    assert edge.ask("/edge/tokens/1.2/v/r").status == 404
    assert edge.ask("/_pop/stats").status == 403
    assert edge.ask("/_agent").status == 404
    assert edge.ask("/_token").status == 404


def test_counters_tell_of_viewers_and_not_of_fills(edge: EdgeWorld) -> None:
    # The agent beside Varnish begins to listen a moment after it has begun to answer.
    warm = edge.put("warm")
    before_anything = edge.driver.stats().hits

    def has_counted() -> bool:
        edge.ask(warm)
        return edge.driver.stats().hits > before_anything

    awaited(has_counted)
    path = edge.put("counted", b"x" * 10_000)
    settled = awaited(lambda: s if (s := edge.driver.stats()) == (time.sleep(1.5) or edge.driver.stats()) else None)

    edge.ask(path)
    edge.ask(path)
    edge.ask(path)
    edge.driver.fetch(path)
    edge.driver.probe(path)
    after = awaited(lambda: s if (s := edge.driver.stats()).hits >= settled.hits + 2 else None)

    assert (after.hits - settled.hits, after.misses - settled.misses) == (2, 1)
    assert after.sent_bytes - settled.sent_bytes == 30_000
    assert after.objects > 0
    assert after.stored_bytes > 10_000


@pytest.mark.parametrize("kind", KINDS)
def test_after_a_restart_a_pop_says_what_it_still_has(kind: str, edge_origin: TestOrigin, tmp_path: Path) -> None:
    edge_origin.put("/v1/kept", b"x", tags="kept")
    with start_pop(kind, edge_origin.url, tmp_path) as pop:
        pop.driver.fetch("/v1/kept")
        pop.restart()

        copy = pop.driver.probe("/v1/kept")

        assert (copy is not None) == (kind == "nginx")
        assert pop.driver.fetch("/v1/kept") is not None
        assert pop.driver.purge(Selection(tags=("kept",)), is_soft=False) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_pop_that_is_away_may_do_better_later(kind: str, edge_origin: TestOrigin, tmp_path: Path) -> None:
    with start_pop(kind, edge_origin.url, tmp_path) as pop:
        driver = pop.driver
        driver.stats()
        pop.stop()

        for act in (lambda: driver.fetch("/a"), lambda: driver.probe("/a"), driver.stats,
                    lambda: driver.purge(Selection(prefix="/"), is_soft=True)):  # fmt: skip
            with pytest.raises(EdgeError):
                act()

        pop.start()
        assert driver.probe("/a") is None


def test_the_agent_beside_varnish_ends_with_what_counts_for_it(edge_origin: TestOrigin, tmp_path: Path) -> None:
    with start_pop("varnish", edge_origin.url, tmp_path) as pop:
        varnish, agent = pop.processes
        (counting,) = Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text().split()
        os.kill(int(counting), signal.SIGTERM)

        assert agent.wait(10) == 1
        assert varnish.poll() is None


@pytest.mark.parametrize("kind", ["embedded", "varnish"])
def test_a_small_pop_gives_up_what_was_not_used_longest(kind: str, edge_origin: TestOrigin, tmp_path: Path) -> None:
    mebibyte = b"x" * 2**20
    paths = [edge_origin.put(f"/v1/lru/{number}", mebibyte) and f"/v1/lru/{number}" for number in range(8)]
    with start_pop(kind, edge_origin.url, tmp_path, capacity_bytes=5 * 2**20) as pop:
        for path in paths:
            assert pop.driver.fetch(path) is not None
            assert pop.driver.fetch(paths[0]) is not None

        held = [pop.driver.probe(path) is not None for path in paths]

        assert held[0]
        assert held[-1]
        assert not all(held)
