from __future__ import annotations

from collections.abc import Mapping

from cli.client import ApiClient
from cli.run import LOOK_S, WAIT_S, run_to_the_end


class FakeApi(ApiClient):
    """An API whose only job is met in ``states``, one after another."""

    def __init__(self, *states: str) -> None:
        self.waits: list[str] = []
        self._states = list(states)

    def post(
        self, path: str, body: Mapping[str, object] | None = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, object]:
        self.waits.append((headers or {})["Prefer"].removeprefix("wait="))
        return self._next()

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> dict[str, object]:
        self.waits.append(str((query or {})["wait"]))
        return self._next()

    def _next(self) -> dict[str, object]:
        state = self._states.pop(0)
        return {"id": "1", "state": state, "finished_at": "now" if state == "succeeded" else None}


def test_each_new_state_is_shown_once() -> None:
    shown: list[str] = []
    api = FakeApi("queued", "queued", "running", "running", "succeeded")

    job = run_to_the_end(api, {}, shown.append)

    assert job["state"] == "succeeded"
    assert shown == ["queued", "running"]
    assert set(api.waits) == {str(LOOK_S)}


def test_a_run_that_ends_at_once_shows_nothing() -> None:
    shown: list[str] = []

    run_to_the_end(FakeApi("succeeded"), {}, shown.append)

    assert shown == []


def test_who_shows_nothing_waits_long() -> None:
    api = FakeApi("running", "succeeded")

    run_to_the_end(api, {})

    assert api.waits == [str(WAIT_S)] * 2
