"""From a publication to the viewer at the edge: API (two processes), jobs and Varnish are real."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import requests
from sqlalchemy import Engine

from config.settings import load
from domain.cache_refreshes.pops import control_key
from jobs.content import announce
from store.edge_objects import EdgeObject
from tests.apis import served
from tests.integration.content_world import make_questions, publish_questions, store_of
from tests.integration.edge_yard import EdgeYard, pop_named
from tests.pops import start_pop
from workers.edge import create_refresher

SECRET = "a secret of at least sixteen characters"


class Yard(EdgeYard):
    """One POP, and the worker's own tools."""

    def __init__(self, engine: Engine, database_url: str, home: Path, url: str) -> None:
        settings = load({"DATABASE_URL": database_url, "REDIS_URL": "redis://x",
                         "YARDMASTER_HOME": str(home), "EDGE_SECRET": SECRET})  # fmt: skip
        tools = create_refresher(settings, engine).tools
        pop = pop_named("blr1", url=url, control_url=url)
        super().__init__(engine, {"blr1": tools.drive(pop)})
        self.tools = replace(tools, drive=lambda pop: self.drivers[pop.name])
        self.put(pop)

    def objects_of(self, set_name: str) -> list[EdgeObject]:
        return list(self.tools.set_objects(set_name))


def test_what_is_published_is_what_viewers_get_at_the_edge(
    engine: Engine, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    store = store_of(tmp_path)
    publish_questions(store, make_questions(5))

    with (
        served(tmp_path, database_url, redis_url) as api,
        start_pop("varnish", api.url, tmp_path, name="blr1", key=control_key(SECRET, "blr1")) as pop,
    ):
        yard = Yard(engine, database_url, tmp_path, pop.url)
        yard.do(do="set", set="questions")
        before = requests.get(f"{pop.url}/v1/questions", timeout=10)

        pointer = publish_questions(store, make_questions(6, "second"))
        yard.run(lambda session: announce(session, "questions", pointer.manifest.revision, "ada"))
        yard.work()
        after = requests.get(f"{pop.url}/v1/questions", timeout=10)
        item = requests.get(f"{pop.url}/v1/questions/question-5", timeout=10)

    etag = f'"{pointer.manifest.revision}"'
    assert (before.status_code, len(before.json()["questions"])) == (200, 5)
    assert (after.headers["ETag"], item.headers["ETag"]) == (etag, etag)
    assert "hit" in after.headers["Cache-Status"]
    assert "Surrogate-Key" not in after.headers
    assert len(after.json()["questions"]) == 6
    assert yard.objects("blr1") == {each.wanted.path: "verified" for each in yard.objects_of("questions")}
    assert yard.reasons()[0] == f"the questions are published as {pointer.manifest.revision[:12]}"
    assert yard.world.count("SELECT count(*) FROM cache_refresh_targets WHERE state <> 'done'") == 0
