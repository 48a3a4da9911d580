from jobs.kinds import KINDS
from jobs.schedules import SYSTEM_OWNER
from store.rides import ticks


def test_ticks_are_submitted_as_their_kind_of_job_has_it():
    kind = KINDS[ticks.JOB_KIND]

    assert (kind.queue, kind.max_attempts, SYSTEM_OWNER) == (ticks.JOB_KIND, ticks.JOB_MAX_ATTEMPTS, ticks.JOB_OWNER)
