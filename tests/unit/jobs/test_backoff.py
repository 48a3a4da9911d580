from dataclasses import replace

from jobs.kinds import KINDS
from jobs.lifecycle import backoff_s

KIND = replace(KINDS["canaries"], backoff_s=2.0, backoff_max_s=10.0)


def test_a_delay_lies_anywhere_below_a_ceiling_that_doubles() -> None:
    for failures, ceiling_s in ((1, 2.0), (2, 4.0), (3, 8.0), (4, 10.0), (40, 10.0)):
        delays_s = [backoff_s(KIND, failures) for _ in range(500)]

        assert min(delays_s) >= 0
        assert ceiling_s * 0.9 < max(delays_s) <= ceiling_s
        assert min(delays_s) < ceiling_s * 0.1
