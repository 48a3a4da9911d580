"""How long one owner's single run takes while another owner has ten thousand waiting."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from adapters.language_folder import load_languages
from bench.figures import Figure
from bench.stack import RunningStack
from config.settings import REPOSITORY
from domain.code_runs import wire
from domain.code_runs.model import Case, CodeRun, Compare
from jobs.model import NewJob, Priority
from jobs.submit import submit_batch
from store.db import create_engine, sessions

WAITING_RUNS = 10_000
RUNS = 15
# A fifth of a second of one processor: much against the platform's own milliseconds.
PROGRAM = "total = 0\nfor number in range(3_000_000):\n    total += number\nprint('hello')\n"
_RUNS_PER_BATCH = 500


def measure(stack: RunningStack, run: Callable[[str], float]) -> Figure:
    """Time single runs of ``PROGRAM`` alone, then behind the others'; ``run`` does one and returns the seconds.

    The others' runs are of the same program and the same priority. They are still waiting when this returns.
    """
    alone = [run(PROGRAM) for _ in range(RUNS)]
    _flood(stack)
    behind = [run(PROGRAM) for _ in range(RUNS)]
    alone_s, behind_s = statistics.median(alone), statistics.median(behind)
    return Figure(f"a single run's delay behind {WAITING_RUNS} of another owner / its time alone",
                  (behind_s - alone_s) / alone_s, 2, "lower",
                  f"p50 {behind_s:.2f} s behind, {alone_s:.2f} s alone; slowest {max(behind):.2f} s")  # fmt: skip


def _flood(stack: RunningStack) -> None:
    limits = load_languages(REPOSITORY / "sandbox_images")["python"].limits
    run = CodeRun("python", PROGRAM.encode(), (), (), (Case("1", b"", None),), Compare.EXACT, limits)
    engine = create_engine(stack.database_url, 1, "bench")
    jobs = [NewJob("code_runs", "flood", wire.to_payload(run), Priority.INTERACTIVE)] * _RUNS_PER_BATCH
    for _ in range(WAITING_RUNS // _RUNS_PER_BATCH):
        with sessions(engine)() as session:
            submit_batch(session, jobs)
    engine.dispose()
