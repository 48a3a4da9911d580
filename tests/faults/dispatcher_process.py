"""``python -m tests.faults.dispatcher_process [unhurried]``: the platform's own, with one more kind of job."""

from __future__ import annotations

import sys

from tests.faults.worker_app import quick_trade, unhurried_trade
from workers.app import run_dispatcher

if __name__ == "__main__":
    run_dispatcher(trade=unhurried_trade() if "unhurried" in sys.argv else quick_trade())
