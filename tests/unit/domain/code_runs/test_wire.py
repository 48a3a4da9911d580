"""Code runs survive the way through JSON, whatever bytes they hold."""

import json

from hypothesis import given
from hypothesis import strategies as st

from domain.code_runs.model import (
    Case,
    CaseResult,
    CodeRun,
    Compare,
    Execution,
    LimitHit,
    Limits,
    RunResult,
    SourceFile,
    Usage,
    Verdict,
)
from domain.code_runs.wire import from_payload, result_to_json, to_payload

LIMITS = Limits(cpu_s=2.0, wall_s=6.0, memory_bytes=2**28, processes=64, output_bytes=65536, file_bytes=2**24)
CASES = st.builds(Case, st.text(max_size=5), st.binary(max_size=20), st.none() | st.binary(max_size=20))


@given(source=st.binary(max_size=50), cases=st.lists(CASES, min_size=1, max_size=3), compare=st.sampled_from(Compare))
def test_a_run_comes_back_from_json_as_it_was(source: bytes, cases: list[Case], compare: Compare) -> None:
    files = (SourceFile("data.bin", source),)
    run = CodeRun("python", source, files, ("-x",), tuple(cases), compare, LIMITS)

    payload = json.loads(json.dumps(to_payload(run)))

    assert from_payload(payload) == run


def test_what_a_json_column_cannot_hold_is_base64() -> None:
    result = result_to_json(_result(stdout=b"a\0b", stderr=b"\xff"))

    (case,) = result["cases"]
    assert (case["stdout"], case["stdout_encoding"]) == ("YQBi", "base64")
    assert (case["stderr"], case["stderr_encoding"]) == ("/w==", "base64")


def test_a_result_shows_verdict_outputs_and_usage() -> None:
    result = result_to_json(_result(stdout="héllo\n".encode(), stderr=b""))

    assert json.loads(json.dumps(result)) == {
        "verdict": "time_limit",
        "language": "python",
        "language_version": "3.13",
        "is_compile_cached": False,
        "compilation": None,
        "cases": [
            {
                "name": "small",
                "verdict": "time_limit",
                "stdout": "héllo\n",
                "stdout_encoding": "utf-8",
                "stdout_truncated": True,
                "stderr": "",
                "stderr_encoding": "utf-8",
                "stderr_truncated": False,
                "exit_code": None,
                "signal": 9,
                "limit_hit": "time",
                "usage": {"cpu_s": 1.0, "wall_s": 1.5, "memory_bytes": 1024},
            }
        ],
    }


def _result(stdout: bytes, stderr: bytes) -> RunResult:
    execution = Execution(stdout, stderr, True, False, None, 9, LimitHit.TIME, Usage(1.0, 1.5, 1024))
    case = CaseResult("small", Verdict.TIME_LIMIT, execution)
    return RunResult(Verdict.TIME_LIMIT, "python", "3.13", None, False, (case,))
