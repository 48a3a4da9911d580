from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextvars import Context, ContextVar

import pytest

from config.logging import configure
from tests.logs import captured_log

JOB_ID: ContextVar[str | None] = ContextVar("log_job_id", default=None)
SECRET: ContextVar[str] = ContextVar("secret")


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    with captured_log() as stream:
        yield stream


def last(lines: io.StringIO) -> dict[str, object]:
    return dict(json.loads(lines.getvalue().splitlines()[-1]))


def test_a_line_carries_the_job_that_its_context_names(lines: io.StringIO) -> None:
    def work() -> None:
        JOB_ID.set("0190")
        SECRET.set("hidden")
        logging.getLogger("jobs").info("claimed %s", "it")

    Context().run(work)

    assert last(lines) | {"at": ""} == {
        "at": "",
        "level": "info",
        "logger": "jobs",
        "message": "claimed it",
        "job_id": "0190",
    }


def test_a_line_outside_any_job_names_none(lines: io.StringIO) -> None:
    logging.getLogger("jobs").warning("idle", extra={"queue": "code_runs"})

    assert "job_id" not in last(lines)
    assert last(lines)["queue"] == "code_runs"


def test_an_error_keeps_its_traceback_on_the_same_line(lines: io.StringIO) -> None:
    try:
        int("two\nlines")
    except ValueError:
        logging.getLogger("jobs").exception("failed")

    assert len(lines.getvalue().splitlines()) == 1
    assert "ValueError: invalid literal" in str(last(lines)["traceback"])


def test_configuring_twice_doubles_no_line(lines: io.StringIO) -> None:
    configure("info", lines)

    logging.getLogger("jobs").info("once")

    assert len(lines.getvalue().splitlines()) == 1


def test_lines_below_the_level_are_not_written(lines: io.StringIO) -> None:
    logging.getLogger("jobs").debug("detail")

    assert lines.getvalue() == ""
