from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from config.settings import REPOSITORY, inherit

SUITE = """
import pytest

def test_that_passes(): pass

def test_that_skips(): pytest.skip("no engine answers")

@pytest.mark.xfail(strict=True)
def test_that_fails_as_expected(): assert False
"""


def run_suite(folder: Path, *, is_ci: bool, content: str = SUITE) -> str:
    (folder / "test_suite.py").write_text(content)
    options = ["-ra", "-c", "/dev/null", "-p", "tests.skips", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(folder)],
        cwd=REPOSITORY,
        env=inherit({"CI": "true" if is_ci else "false"}),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def test_a_skip_is_a_failure_in_ci_and_says_why(tmp_path: Path) -> None:
    output = run_suite(tmp_path, is_ci=True)

    assert "Nothing may be skipped in CI. Skipped: no engine answers" in output
    assert "1 failed, 1 passed, 1 xfailed" in output


def test_a_skip_at_home_is_reported_with_its_reason(tmp_path: Path) -> None:
    output = run_suite(tmp_path, is_ci=False)

    assert "no engine answers" in output
    assert "1 passed, 1 skipped, 1 xfailed" in output


@pytest.mark.parametrize(("is_ci", "closing"), [(True, "1 error"), (False, "1 skipped")])
def test_a_whole_file_that_skips_is_judged_alike(tmp_path: Path, closing: str, *, is_ci: bool) -> None:
    whole = 'import pytest\npytest.skip("no engine answers", allow_module_level=True)\n'

    assert closing in run_suite(tmp_path, is_ci=is_ci, content=whole)
