"""Let no process outlive the one that started it, not even after SIGKILL."""

from __future__ import annotations

import ctypes
import signal

_PR_SET_PDEATHSIG = 1  # linux/prctl.h

# Loaded here, because it runs between fork and exec, where importing may deadlock.
_prctl = ctypes.CDLL(None, use_errno=True).prctl


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent's thread ends; it stays so after exec, but not after fork.

    SIGKILL, because a parent that stops in order sends SIGTERM first and waits; what is left is nothing to be gentle
    with, and the platform loses nothing by it.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
