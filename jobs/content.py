"""What follows when content was published: the servers are told, and a job brings the edge up to date.

What is served is said by the pointer in the blob store alone. All this can be done again, or be late, without harm.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from jobs import submit
from jobs.cache_refreshes import KIND
from jobs.model import NewJob
from jobs.schedules import SYSTEM_OWNER
from store import content
from store.jobs.records import Job


def announce(session: Session, set_name: str, revision: str, by: str) -> Job:
    """Tell every API process to look at a set's pointer, and have the edge refreshed; return the job that does it.

    Raises:
        QueueFullError: too many refreshes wait already.
    """
    content.tell(session, set_name)
    return request_set_refresh(session, set_name, revision, by)


def request_set_refresh(session: Session, set_name: str, revision: str, by: str) -> Job:
    """Submit the job that makes the edge forget what it holds of a set and fetch it anew.

    To do it twice does no harm; ``revision`` and ``by`` are for the record.

    Raises:
        QueueFullError: too many refreshes wait already.
    """
    payload: dict[str, object] = {"do": "set", "set": set_name, "revision": revision, "by": by}
    return submit.submit(session, NewJob(KIND, SYSTEM_OWNER, payload)).job
