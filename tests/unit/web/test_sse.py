import itertools

from web.sse import Message, stream
from web.waiting import WaitHub


def message(number, *, is_last=False):
    return Message(number, "running", {"n": number}, is_last)


def test_a_stream_gives_what_is_there_then_what_comes_and_ends_after_the_last_event():
    hub = WaitHub()
    answers = iter([[message(1)], [message(2), message(3, is_last=True)]])
    asked_after = []

    def read_after(last_id):
        asked_after.append(last_id)
        hub.wake("job")
        return next(answers)

    with hub.watch("job") as watch:
        parts = list(stream(read_after, watch, 0))

    assert asked_after == [0, 1]
    assert parts[0] == "retry: 2000\n\n"
    assert parts[1:] == [f'id: {n}\nevent: running\ndata: {{"n": {n}}}\n\n' for n in (1, 2, 3)]


def test_an_event_without_an_id_leaves_the_place_to_resume_after_as_it_was():
    hub = WaitHub()
    answers = iter([[message(1), message(None)], [message(None, is_last=True)]])
    asked_after = []

    def read_after(last_id):
        asked_after.append(last_id)
        hub.wake("driver:d")
        return next(answers)

    with hub.watch("driver:d") as watch:
        parts = list(stream(read_after, watch, 0))

    assert asked_after == [0, 1]
    assert parts[2] == 'event: running\ndata: {"n": null}\n\n'


def test_a_quiet_stream_shows_that_it_lives(monkeypatch):
    monkeypatch.setattr("web.sse.HEARTBEAT_S", 0.001)

    with WaitHub().watch("job") as watch:
        parts = list(itertools.islice(stream(lambda _: [], watch, 0), 3))

    assert parts[1:] == [": still here\n\n"] * 2


def test_what_nobody_is_woken_for_is_looked_for_in_between(monkeypatch):
    monkeypatch.setattr("web.sse.LOOK_EVERY_S", 0.001)
    looks = iter([[message(None)], [], [], [message(None)]])

    with WaitHub().watch("ride:r") as watch:
        parts = list(itertools.islice(stream(lambda _: [message(1)], watch, 0, lambda: next(looks)), 4))

    assert [part.split("\n")[0] for part in parts[1:]] == ["id: 1", "event: running", "event: running"]
    assert list(looks) == []


def test_a_stream_that_looks_for_more_and_finds_nothing_shows_no_sooner_that_it_lives(monkeypatch):
    monkeypatch.setattr("web.sse.LOOK_EVERY_S", 0.001)
    monkeypatch.setattr("web.sse.HEARTBEAT_S", 0.2)
    looks = []

    with WaitHub().watch("ride:r") as watch:
        parts = list(itertools.islice(stream(lambda _: [], watch, 0, lambda: looks.append(1) or []), 2))

    assert parts[1] == ": still here\n\n"
    assert len(looks) > 2


def test_a_stream_ends_when_its_time_is_over(monkeypatch):
    monkeypatch.setattr("web.sse.HEARTBEAT_S", 0.001)
    monkeypatch.setattr("web.sse.MAX_STREAM_S", 0.0)

    with WaitHub().watch("job") as watch:
        parts = list(stream(lambda _: [], watch, 0))

    assert parts == ["retry: 2000\n\n"]
