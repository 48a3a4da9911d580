"""Try the forbidden things in a real box before the first program is let in.

The probes themselves are ``sandbox_images/agent/probes.py``: they run in the box as any program does.
"""

from __future__ import annotations

from collections.abc import Sequence

from domain.code_runs.model import Limits
from domain.code_runs.sandbox import SandboxError, SandboxSession

_LIMITS = Limits(
    cpu_s=5.0, wall_s=20.0, memory_bytes=128 << 20, processes=8, output_bytes=1 << 16, file_bytes=1 << 16
)


def what_gets_through(session: SandboxSession, probes: Sequence[str]) -> tuple[str, ...]:
    """Return the forbidden things that work in the session's box; ``probes`` is how to run that program there.

    Raises:
        SandboxError: the probes themselves failed, so nothing is known.
    """
    end = session.run(probes, b"", _LIMITS)
    if end.exit_code != 0 or end.limit_hit is not None or end.is_stdout_truncated:
        raise SandboxError(f"the sandbox's self-test did not run: {end.stderr.decode(errors='replace')[-500:]}")
    return tuple(end.stdout.decode().splitlines())
