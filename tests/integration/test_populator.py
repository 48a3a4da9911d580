"""The populator: POPs are given what is wanted most, within their room, and what they are given is proven."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from random import Random
from uuid import UUID

import pytest
from sqlalchemy import Engine

from domain.cache_refreshes.model import Mode
from domain.cache_refreshes.pops import FillWindow
from jobs.model import JobContext, Outcome
from jobs.schedules import SCHEDULES
from store import cache_refreshes, edge_objects
from tests.integration.edge_yard import KIND, FakeEdge, pop_named
from tests.integration.jobs_world import running_lifecycle
from tests.integration.placement_town import Town, files_of
from workers import populator
from workers.edge_tools import SetAwayError, VideoDamagedError
from workers.populator import GIVEN_UP
from workers.tasks.cache_refreshes import CacheRefresher


@pytest.fixture
def edge(engine: Engine) -> FakeEdge:
    built = FakeEdge(engine, ("ams1", "fra1"))
    for name in built.pops:
        built.put(pop_named(name, capacity_bytes=200))
    return built


@pytest.fixture
def town(edge: FakeEdge) -> Town:
    return Town(edge, lambda path, tags: edge.origin.put(path, tags=(tags,)))


def refreshes(edge: FakeEdge, mode: Mode) -> list[cache_refreshes.Refresh]:
    found = edge.run(lambda session: cache_refreshes.list_refreshes(session, 100))
    return [each for each in found if each.mode is mode]


def closed_window() -> FillWindow:
    """A window that opens in six hours."""
    start = (datetime.now(UTC) + timedelta(hours=6)).time().replace(microsecond=0, second=0)
    return FillWindow(start, time((start.hour + 1) % 24), "UTC")


def test_the_most_viewed_is_placed_filled_and_proven_and_nothing_else(edge: FakeEdge, town: Town) -> None:
    videos = [town.publish(views=1000 - 100 * rank) for rank in range(6)]

    job = edge.do(do="populate")

    placed = town.placed()
    assert {video for held in placed.values() for video, _ in held} == set(videos[:4])
    assert [len(held) for held in placed.values()] == [2, 2]
    assert town.held() == placed
    for name, pop in edge.pops.items():
        assert set(pop.copies) == {path for video, _ in placed[name] for path in files_of(video, "sd")}
        assert edge.objects(name) == dict.fromkeys(pop.copies, "verified")
    assert job.result == {"regions": ["eu"], "placed": 4, "given_up": 0, "dropped": 0, "left": 0}


def test_done_again_nothing_is_moved_or_begun(edge: FakeEdge, town: Town) -> None:
    for views in (5, 4, 3, 2, 1):
        town.publish(views=views)
    edge.do(do="populate")
    before, fetched = edge.reasons(), list(edge.origin.fetched)

    again = edge.do(do="populate")

    assert (again.result["placed"], again.result["given_up"], again.result["dropped"]) == (0, 0, 0)
    assert (edge.reasons(), edge.origin.fetched) == (before, fetched)


@pytest.mark.parametrize("seed", range(3))
def test_copies_of_many_sizes_stay_where_they_are(edge: FakeEdge, town: Town, seed: int) -> None:
    dice = Random(seed)
    for name in edge.pops:
        edge.put(pop_named(name, capacity_bytes=dice.randint(200, 400)))
    for _ in range(8):
        town.publish({"sd": dice.randint(5, 60), "hd": dice.randint(20, 150)}, views=dice.randint(1, 1000))
    edge.do(do="populate")
    before = town.placed()

    results = [edge.do(do="populate").result for _ in range(2)]

    assert [(each["placed"], each["given_up"]) for each in results] == [(0, 0), (0, 0)]
    assert town.held() == town.placed() == before


def test_a_job_that_is_delivered_twice_is_done_once(edge: FakeEdge, town: Town) -> None:
    town.publish(views=1)
    job = edge.submit(do="populate")
    edge.work()
    fetched, plans = list(edge.origin.fetched), edge.world.count("SELECT count(*) FROM placement_plans")

    with running_lifecycle(edge.world, CacheRefresher(edge.tools), KIND) as lifecycle:
        lifecycle.run("cache_refreshes", job.id)

    assert edge.origin.fetched == fetched
    assert edge.world.count("SELECT count(*) FROM placement_plans") == plans


def test_a_newcomer_displaces_by_the_margin_and_the_pop_proves_that_it_dropped(edge: FakeEdge, town: Town) -> None:
    edge.put(pop_named("fra1", is_enabled=False))
    kept, weaker, newcomer = town.publish(views=300), town.publish(views=100), town.publish(views=50)
    edge.do(do="populate")

    town.view(newcomer, 119)
    edge.do(do="populate")
    within_margin = town.held()["ams1"]
    town.view(newcomer, 121)
    edge.do(do="populate", by="ada")

    assert within_margin == {(kept, "sd"), (weaker, "sd")}
    assert town.held()["ams1"] == town.placed()["ams1"] == {(kept, "sd"), (newcomer, "sd")}
    assert set(edge.pops["ams1"].copies) == {*files_of(kept, "sd"), *files_of(newcomer, "sd")}
    assert set(edge.objects("ams1")) == set(edge.pops["ams1"].copies)
    [drop] = refreshes(edge, Mode.HARD)
    assert (drop.by, drop.reason, drop.scope.prefix) == ("ada", GIVEN_UP, f"/v/{weaker}/")
    target = edge.target(drop.id, "ams1")
    assert (target.removed, target.verified) == (3, 3)


def test_of_a_video_that_stays_only_the_rendition_is_dropped(edge: FakeEdge, town: Town) -> None:
    edge.put(pop_named("fra1", is_enabled=False))
    film, other = town.publish({"sd": 80, "hd": 100}, views=300), town.publish()
    edge.do(do="populate")
    before = town.held()["ams1"]

    town.view(other, 1000)
    edge.do(do="populate")

    assert before == {(film, "sd"), (film, "hd")}
    assert town.held()["ams1"] == {(film, "sd"), (other, "sd")}
    assert set(edge.pops["ams1"].copies) == {*files_of(film, "sd"), *files_of(other, "sd")}


def test_what_went_everywhere_before_is_given_up_where_it_is_not_placed(edge: FakeEdge, town: Town) -> None:
    videos = [town.publish(views=views) for views in (4, 3, 2, 1)]
    for video in videos:
        for name in edge.pops:
            edge.run(partial(edge_objects.add, pop=name, objects=edge.videos[video]))

    edge.do(do="populate")

    assert town.held() == town.placed()
    assert sum(len(held) for held in town.placed().values()) == 4


def test_a_publication_goes_where_there_is_room_for_it_and_not_everywhere(edge: FakeEdge, town: Town) -> None:
    for views in (5, 4, 3, 2):
        town.publish(views=views)
    edge.do(do="populate")

    released = town.publish(age_days=0)
    edge.work()

    homes = [name for name, held in town.held().items() if (released, "sd") in held]
    assert len(homes) == 1
    assert town.held() == town.placed()
    assert f"video {released} was published" in edge.reasons()


def test_a_pop_whose_window_is_closed_is_planned_when_it_opens(edge: FakeEdge, town: Town) -> None:
    for name in edge.pops:
        edge.put(pop_named(name, capacity_bytes=200, fill_window=closed_window()))
    town.publish(views=1)
    edge.do(do="populate", which="due")
    edge.world.execute("UPDATE placement_plans SET made_at = now() - interval '10 hours'")
    edge.world.execute("DELETE FROM placements")

    published = edge.do(do="populate")
    due = edge.do(do="populate", which="due")
    edge.world.execute("UPDATE placement_plans SET made_at = now() - interval '19 hours'")
    after_it_opened, again = edge.do(do="populate", which="due"), edge.do(do="populate", which="due")

    assert published.result == due.result == {"regions": []}
    assert after_it_opened.result["regions"] == ["eu"]
    assert again.result == {"regions": []}


def test_what_is_dropped_waits_for_the_window_and_is_withdrawn_if_it_is_placed_again(
    edge: FakeEdge, town: Town
) -> None:
    edge.put(pop_named("fra1", is_enabled=False))
    first, second, third = town.publish(views=30), town.publish(views=20), town.publish(views=10)
    edge.do(do="populate")
    edge.put(pop_named("ams1", capacity_bytes=200, fill_window=closed_window()))

    town.view(third, 25)
    edge.do(do="populate", which="all")
    in_between = set(edge.pops["ams1"].copies)
    town.view(second, 60)
    edge.do(do="populate", which="all")

    [drop_of_third, drop_of_second] = refreshes(edge, Mode.HARD)
    assert in_between == {*files_of(first, "sd"), *files_of(second, "sd")}
    assert (drop_of_second.scope.prefix, drop_of_third.scope.prefix) == (f"/v/{second}/", f"/v/{third}/")
    assert edge.target(drop_of_second.id, "ams1").last_error == "it was withdrawn"
    assert edge.target(drop_of_third.id, "ams1").state == "queued"
    edge.world.execute("UPDATE jobs SET run_at = now() WHERE state = 'queued'")
    edge.put(pop_named("ams1", capacity_bytes=200))
    edge.work()
    assert town.held()["ams1"] == {(first, "sd"), (second, "sd")}


def test_regions_without_a_pop_count_for_those_that_their_viewers_are_sent_to(edge: FakeEdge, town: Town) -> None:
    edge.put(pop_named("ams1", capacity_bytes=100, region="eu-west"))
    edge.put(pop_named("fra1", capacity_bytes=100, region="us"))
    european, american = town.publish(), town.publish()
    town.view(european, 10, region="eu-north")
    town.view(american, 10, region="us-east")
    town.view(american, 8, region="")

    edge.do(do="populate")

    assert town.placed() == {"ams1": {(european, "sd")}, "fra1": {(american, "sd")}}


def test_the_days_before_a_release_do_not_count_against_it(edge: FakeEdge, town: Town) -> None:
    edge.put(pop_named("fra1", is_enabled=False))
    edge.put(pop_named("ams1", capacity_bytes=100))
    steady, recent = town.publish(), town.publish(age_days=3)
    for days_ago in range(1, 15):
        town.view(steady, 60, days_ago=days_ago)
    for days_ago in range(1, 4):
        town.view(recent, 70, days_ago=days_ago)

    edge.do(do="populate")

    assert town.placed()["ams1"] == {(recent, "sd")}


def test_of_two_who_decide_at_once_one_decides_again(edge: FakeEdge, town: Town) -> None:
    town.publish(views=1)
    again = []

    class Slow(CacheRefresher):
        def __call__(self, payload: dict[str, object], context: JobContext) -> Outcome:
            outcome = super().__call__(payload, context)
            if payload["do"] == "populate" and not again:
                again.append(edge.do(do="populate", which="all", by="bob"))
            return outcome

    job = edge.submit(do="populate", by="ada", reason="in haste")
    edge.work(Slow(edge.tools))

    assert edge.world.get(job.id).state == "succeeded"
    assert town.held() == town.placed()
    with edge.world.engine.connect() as connection:
        who = connection.exec_driver_sql(
            "SELECT requested_by FROM placement_plans WHERE pop = 'ams1' ORDER BY made_at"
        )
        assert list(who.scalars()) == ["bob", "ada"]


def test_many_files_are_noted_by_one_job_after_another(
    edge: FakeEdge, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(populator, "MAX_OBJECTS", 4)
    for views in (4, 3, 2, 1):
        town.publish(views=views)

    job = edge.do(do="populate")

    assert job.result["left"] == 2
    assert town.held() == town.placed()
    assert edge.world.count("SELECT count(*) FROM jobs WHERE payload->>'which' = 'none'") == 1


def test_of_much_that_is_given_up_some_is_dropped_at_a_time(
    edge: FakeEdge, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(populator, "MAX_DROPS", 2)
    for views in range(1, 8):
        video = town.publish(views=views)
        edge.run(partial(edge_objects.add, pop="ams1", objects=edge.videos[video]))

    job = edge.do(do="populate")
    [later] = edge.waiting()
    for _ in range(3):
        edge.world.execute("UPDATE jobs SET run_at = now() WHERE state = 'queued'")
        edge.work()

    assert job.result["dropped"] == 2
    assert later > datetime.now(UTC) + timedelta(seconds=30)
    assert town.held() == town.placed()
    assert edge.waiting() == []


def test_a_video_that_is_taken_down_is_placed_nowhere(edge: FakeEdge, town: Town) -> None:
    video, other = town.publish(views=2), town.publish(views=1)
    edge.do(do="populate")

    town.take_down(video)
    placed = town.placed()
    edge.work()
    edge.do(do="populate")

    assert {entry for held in placed.values() for entry in held} == {(other, "sd")}
    assert not {path for pop in edge.pops.values() for path in pop.copies} & {*files_of(video, "sd")}


def test_a_video_that_is_taken_down_while_it_is_placed_is_not_held(edge: FakeEdge, town: Town) -> None:
    video, other = town.publish(views=2), town.publish(views=1)

    class Slow(CacheRefresher):
        def __call__(self, payload: dict[str, object], context: JobContext) -> Outcome:
            outcome = super().__call__(payload, context)
            if payload["do"] == "populate":
                town.take_down(video)
            return outcome

    edge.submit(do="populate")
    edge.work(Slow(edge.tools))

    assert {entry for held in town.placed().values() for entry in held} == {(other, "sd")}
    assert town.held() == town.placed()
    assert not set(edge.origin.fetched) & {*files_of(video, "sd")}


def test_a_pop_that_is_away_holds_up_no_other_and_is_filled_when_it_is_back(edge: FakeEdge, town: Town) -> None:
    for views in (4, 3, 2, 1):
        town.publish(views=views)
    edge.pops["fra1"].is_away = True
    edge.do(do="populate")
    without = town.held()

    edge.pops["fra1"].is_away = False
    edge.do(do="reconcile")

    assert without == {"ams1": town.placed()["ams1"], "fra1": set()}
    assert town.held() == town.placed()


def test_what_could_not_be_filled_is_tried_again_in_the_next_night(edge: FakeEdge, town: Town) -> None:
    edge.put(pop_named("fra1", is_enabled=False))
    video = town.publish(views=1)
    edge.pops["ams1"].unkept = {files_of(video, "sd")[1]}
    edge.do(do="populate")
    edge.world.execute("UPDATE edge_objects SET state = 'failed', failures = 5 WHERE state <> 'verified'")
    edge.pops["ams1"].unkept = set()

    edge.do(do="populate")

    assert town.held()["ams1"] == {(video, "sd")}


def test_a_manifest_that_cannot_be_read_is_waited_for(edge: FakeEdge, town: Town) -> None:
    town.publish(views=1)
    reads = []

    def read(video_id: UUID, revision: str) -> list[object]:
        reads.append(video_id)
        if len(reads) == 1:
            raise SetAwayError("the store is away")
        return edge.videos[video_id]

    edge.tools = replace(edge.tools, video_objects=read)
    job = edge.do(do="populate")

    assert (job.state, job.attempt) == ("succeeded", 2)
    assert town.held() == town.placed()


def test_a_video_whose_manifest_is_damaged_keeps_no_other_from_the_pops(edge: FakeEdge, town: Town) -> None:
    damaged, whole = town.publish(views=2), town.publish(views=1)
    reads = []

    def read(video_id: UUID, revision: str) -> list[object]:
        reads.append(video_id)
        if video_id == damaged:
            raise VideoDamagedError("it is damaged")
        return edge.videos[video_id]

    edge.tools = replace(edge.tools, video_objects=read)
    job = edge.do(do="populate")

    assert (job.state, reads.count(damaged)) == ("succeeded", KIND.max_attempts)
    assert {entry for held in town.held().values() for entry in held} == {(whole, "sd")}


def test_work_that_makes_no_sense_fails(edge: FakeEdge) -> None:
    job = edge.do(do="populate", which="some")

    assert (job.state, "no such work" in job.error["message"]) == ("failed", True)


def test_the_clock_asks_for_what_is_due() -> None:
    [schedule] = [each for each in SCHEDULES if each.name == "edge_populate"]

    assert (schedule.payload, schedule.catchup) == ({"do": "populate", "which": "due"}, "latest")
