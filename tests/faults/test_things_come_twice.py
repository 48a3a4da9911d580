"""Messages, sweepers and beats come in greater number than is needed, with 200 jobs in flight."""

from __future__ import annotations

from collections.abc import Callable

from celery import Celery
from sqlalchemy import text

from config.celery import celery_settings
from jobs.queue import Conveyor
from tests.faults.effects import Deed
from tests.faults.platform import Platform, wait_for
from tests.faults.scenario import Scenario
from tests.faults.worker_app import quick_trade

COPIES = 4
FIRES = 240


def test_each_message_delivered_five_times_runs_its_job_once(scenario: Scenario, platform: Platform) -> None:
    app = Celery("copies", set_as_current=False)
    app.conf.update(celery_settings(platform.valkey.url(), tuple(quick_trade().kinds)))
    conveyor = Conveyor(app)
    sent: set[object] = set()

    def send_copies() -> None:
        for job_id, promise in scenario.ledger.promises.items():
            if job_id not in sent:
                sent.add(job_id)
                conveyor.send(promise.kind, [job_id] * COPIES)

    scenario.fill(*[Deed()] * 240)
    scenario.post(30)
    scenario.wait_for_flight()
    while scenario.is_loading():
        send_copies()
    send_copies()
    conveyor.close()

    report = scenario.settled()
    assert report.broken == []
    assert len(sent) == len(report.rows)
    assert {row.attempt for row in report.rows} == {1}


def test_sweepers_side_by_side_rescue_each_lost_job_once(scenario: Scenario, platform: Platform) -> None:
    platform.run("dispatcher-3", "dispatcher-4")
    scenario.fill(*[Deed(sleep_s=0.5)] * 240)
    scenario.wait_for_flight()

    platform["effects-1"].kill()
    platform.run("effects-1")

    report = scenario.settled()
    assert report.broken == []
    assert report.total("rescued") >= 1
    assert max(row.crashes for row in report.rows) == 1


def test_none_one_or_three_beats_fire_every_schedule_once(scenario: Scenario, platform: Platform) -> None:
    beats = ("beat-1", "beat-2", "beat-3")
    for number, names in enumerate((beats, beats[:1], ())):
        platform.muster(*[name for name in platform.children if name not in beats], *names)
        schedule = f"missed-{number}"
        _write_schedule(platform, schedule)

        fires = _fires(platform, schedule)
        wait_for(lambda count=fires: count()[0] >= FIRES, f"{FIRES} fires")  # type: ignore[misc]
        _write_schedule_off(platform, schedule)
        wait_for(lambda count=fires: count()[3] == 0, "the fired jobs to end")  # type: ignore[misc]

        total, distinct, span, unfinished = fires()
        assert total == distinct == span
        assert unfinished == 0


def _write_schedule(platform: Platform, name: str) -> None:
    with platform.engine.connect() as connection:
        connection.execute(
            text(
                "INSERT INTO schedules (name, kind, owner, payload, every, next_at, catchup) VALUES"
                " (:name, 'canaries', 'system', '{}', '1 second', now() - make_interval(secs => :ago), 'all')"
            ),
            {"name": name, "ago": FIRES},
        )


def _write_schedule_off(platform: Platform, name: str) -> None:
    with platform.engine.connect() as connection:
        connection.execute(text("UPDATE schedules SET is_enabled = false WHERE name = :name"), {"name": name})


def _fires(platform: Platform, name: str) -> Callable[[], tuple[int, int, int, int]]:
    """Return a reader of how many jobs were fired, at how many moments, over how many seconds, and are unfinished."""
    query = text(
        "SELECT count(*), count(DISTINCT fire_at),"
        " coalesce(1 + extract(epoch FROM max(fire_at) - min(fire_at))::int, 0),"
        " count(*) FILTER (WHERE finished_at IS NULL) FROM jobs WHERE schedule_name = :name"
    )

    def read() -> tuple[int, int, int, int]:
        with platform.engine.connect() as connection:
            total, distinct, span, unfinished = connection.execute(query, {"name": name}).one()
        return total, distinct, span, unfinished

    return read
