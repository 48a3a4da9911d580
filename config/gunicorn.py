"""How gunicorn serves the API: ``gunicorn --config python:config.gunicorn 'web.app:create_app()'``.

Threads, because a waiting request costs one and psycopg2 releases the interpreter while it waits. The application is
built in each process, after the fork, so that no connection or thread is shared.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from config.settings import load_api, load_process

if TYPE_CHECKING:
    from flask import Flask
    from gunicorn.arbiter import Arbiter
    from gunicorn.workers.base import Worker

_api = load_api()

bind = load_process().api_bind
worker_class = "gthread"
workers = _api.processes
threads = _api.threads
preload_app = False
control_socket_disable = True
graceful_timeout = _api.grace_s
# A thread that works long does not look dead: gthread's main thread answers the heartbeat by itself.
timeout = 60
keepalive = 75
# Heartbeat files in memory: on a busy disk fsync can take longer than the timeout.
worker_tmp_dir = "/dev/shm"  # noqa: S108
errorlog = "-"
loglevel = "warning"
# Whoever stands before us closes idle connections; a header of 16 KiB is no client's need.
limit_request_field_size = 8190
raw_env = [f"PROMETHEUS_MULTIPROC_DIR={_api.metrics_dir}"]


def on_starting(server: Arbiter) -> None:
    """Empty the folder of metrics: the counts of an earlier start are not this one's."""
    shutil.rmtree(_api.metrics_dir, ignore_errors=True)
    _api.metrics_dir.mkdir(parents=True)


def post_worker_init(worker: Worker) -> None:
    """Let the application see that its process is shutting down, so that waiting requests end at once."""
    application: Flask = worker.wsgi  # type: ignore[assignment]
    application.extensions["is_stopping"] = lambda: not worker.alive


def child_exit(server: Arbiter, worker: Worker) -> None:
    """Forget the gauges of a process that has ended."""
    # Imported here: the library decides at its import, from the environment set above, where counts are kept.
    from prometheus_client import multiprocess  # noqa: PLC0415

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
