"""Celery's settings: the queues and exchanges, how messages are treated, and beat's one tick.

Celery is a short conveyor belt here. The truth about every job is in the database, so there is no result
backend, no ETA, no priority and no retry of Celery's; a message that is lost or comes twice is healed or dropped by
the job's row.
"""

from __future__ import annotations

from collections.abc import Sequence

from kombu import Exchange, Queue

MAINTENANCE = "maintenance"
MAINTENANCE_TICK = "maintenance.tick"
TICK_EVERY_S = 10.0
# Celery logs two lines for each task at level "info"; the row's events say more.
QUIET_LOGGERS = ("celery.worker.strategy", "celery.app.trace", "celery.redirected")


def celery_settings(broker_url: str, kinds: Sequence[str]) -> dict[str, object]:
    """Return the settings for a Celery app that serves or feeds the queues of ``kinds``."""
    return {
        **_broker(broker_url),
        **_routing(kinds),
        **_messages(),
        **_beat(),
        # Events exist for Flower only.
        "worker_send_task_events": True,
        "task_send_sent_event": False,
        "task_track_started": False,
        "worker_hijack_root_logger": False,
        "worker_enable_remote_control": True,
        "timezone": "UTC",
        "enable_utc": True,
    }


def declare_queue(name: str) -> Queue:
    """Return the durable queue ``name``, bound to the direct exchange of the same name."""
    return Queue(name, exchange=Exchange(name, type="direct", durable=True), routing_key=name, durable=True)


def _broker(url: str) -> dict[str, object]:
    return {
        "broker_url": url,
        "broker_transport": "config.celery.transport.Transport",
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_pool_acquire_timeout": 5,
        "broker_transport_options": {
            # What a worker has reserved is kept in its memory. In the broker it would cost two transactions per job
            # and be of no use: what a killed worker had is found by the leases and the sweeper.
            "ack_emulation": False,
            "socket_timeout": 15,
            "socket_connect_timeout": 2,
            "socket_keepalive": True,
            "health_check_interval": 10,
            "client_name": "yardmaster",
        },
    }


def _routing(kinds: Sequence[str]) -> dict[str, object]:
    return {
        "task_queues": [declare_queue(name) for name in (*kinds, MAINTENANCE)],
        "task_create_missing_queues": False,
        "task_default_queue": MAINTENANCE,
        "task_default_exchange": MAINTENANCE,
        "task_default_routing_key": MAINTENANCE,
        "task_routes": {kind: {"queue": kind} for kind in kinds} | {MAINTENANCE_TICK: {"queue": MAINTENANCE}},
    }


def _messages() -> dict[str, object]:
    return {
        "task_ignore_result": True,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_acks_on_failure_or_timeout": True,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_publish_retry_policy": {
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0.1,
            "interval_max": 0.2,
        },
        "worker_prefetch_multiplier": 1,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
    }


def _beat() -> dict[str, object]:
    return {
        "beat_schedule": {
            MAINTENANCE_TICK: {
                "task": MAINTENANCE_TICK,
                "schedule": TICK_EVERY_S,
                # A tick that waited longer than this has been overtaken by the next.
                "options": {"expires": TICK_EVERY_S},
            }
        },
        # Beat writes its file after each tick, not every three minutes: the age of the file shows that it lives.
        "beat_sync_every": 1,
    }
