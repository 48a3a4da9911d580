from dataclasses import replace

import pytest

from domain.code_runs.bounds import LimitsOutOfBoundsError, limits_of
from domain.code_runs.languages import Language
from domain.code_runs.model import Limits

DEFAULTS = Limits(2.0, 6.0, 256 * 2**20, 64, 65_536, 2**24)
MAXIMUM = Limits(10.0, 20.0, 512 * 2**20, 128, 2**20, 2**26)
LANGUAGE = Language(
    name="python",
    title="Python",
    version="3.13",
    image="yardmaster/python",
    file_name="main.py",
    compile_command=None,
    run_command=("python3", "main.py"),
    fingerprint="0",
    limits=DEFAULTS,
    max_limits=MAXIMUM,
    compile_limits=DEFAULTS,
)


def test_nothing_asked_gives_the_languages_defaults():
    assert limits_of(LANGUAGE, {}) == DEFAULTS


def test_what_is_asked_replaces_the_default_up_to_the_maximum():
    assert limits_of(LANGUAGE, {"memory_bytes": MAXIMUM.memory_bytes, "wall_s": 1.0}) == replace(
        DEFAULTS, memory_bytes=MAXIMUM.memory_bytes, wall_s=1.0
    )


def test_everything_above_its_maximum_is_named():
    with pytest.raises(LimitsOutOfBoundsError) as caught:
        limits_of(LANGUAGE, {"cpu_s": 10.1, "processes": 129, "wall_s": 20.0})

    assert caught.value.violations == {
        "cpu_s": "must be at most 10.0 for python",
        "processes": "must be at most 128 for python",
    }


@pytest.mark.parametrize(("cpu_s", "wall_s"), [(1.0, 6.0), (2.0, 6.0), (4.0, 12.0), (10.0, 20.0)])
def test_the_wall_limit_grows_with_the_cpu_limit_as_far_as_it_may(cpu_s, wall_s):
    assert limits_of(LANGUAGE, {"cpu_s": cpu_s}).wall_s == wall_s
