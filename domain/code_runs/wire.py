r"""Code runs and their results as JSON: the payload and the result of a ``code_runs`` job.

Bytes are text where they are UTF-8 without NUL (which JSON columns of PostgreSQL cannot hold), else base64; a field's
``..._encoding`` beside it says which (``"utf-8"`` or ``"base64"``).

The payload::

    {"language": "python", "source": "print(1)", "source_encoding": "utf-8",
     "files": [{"name": "data.txt", "content": "...", "content_encoding": "utf-8"}],
     "args": ["-x"],
     "cases": [{"name": "small", "stdin": "1 2", "stdin_encoding": "utf-8",
                "expected_stdout": "3", "expected_stdout_encoding": "utf-8"}],
     "compare": "exact" | "lines" | "tokens" | "float",
     "limits": {"cpu_s": 2.0, "wall_s": 6.0, "memory_bytes": 268435456, "processes": 64,
                "output_bytes": 65536, "file_bytes": 16777216},
     "question": {"id": "two-sum", "revision": "4f1c..."}}

``question`` is there when the cases are a question's tests, and ``"is_hidden": true`` in those that are hidden. So
the payload, which no answer shows, is all that a run needs, and to run it again is to run the same.

``expected_stdout`` is null when any output is right. The limits are complete: whoever made the payload has filled in
the language's defaults, so that a job means the same whenever it runs.

The result::

    {"verdict": "accepted", "language": "python", "language_version": "3.13.5",
     "is_compile_cached": false,
     "compilation": null | EXECUTION,
     "cases": [{"name": "small", "verdict": "accepted", ...EXECUTION},
               {"name": "large", "verdict": "accepted", "is_hidden": true, "usage": USAGE}],
     "question": {"id": "two-sum", "revision": "4f1c..."}}

``question`` is there if the payload has it. Of a hidden case there is nothing by which a program could tell what it
has read: neither what it printed nor how it ended. EXECUTION is::

    {"stdout": "3\n", "stdout_encoding": "utf-8", "stdout_truncated": false,
     "stderr": "", "stderr_encoding": "utf-8", "stderr_truncated": false,
     "exit_code": 0 | null, "signal": null | 9, "limit_hit": null | "time" | "memory" | "output",
     "usage": {"cpu_s": 0.01, "wall_s": 0.02, "memory_bytes": 9437184}}

and USAGE what is under ``usage`` there.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict
from typing import cast

from domain.code_runs.model import (
    Case,
    CaseResult,
    CodeRun,
    Compare,
    Execution,
    Limits,
    QuestionRevision,
    RunResult,
    SourceFile,
)

Json = dict[str, object]


def to_payload(run: CodeRun) -> Json:
    """Return the payload of a job that does ``run``."""
    return {
        "language": run.language,
        **_encode("source", run.source),
        "files": [{"name": file.name, **_encode("content", file.content)} for file in run.files],
        "args": list(run.args),
        "cases": [_case_to_json(case) for case in run.cases],
        "compare": run.compare.value,
        "limits": asdict(run.limits),
        **_question_to_json(run.question),
    }


def from_payload(payload: Mapping[str, object]) -> CodeRun:
    """Return the run that ``to_payload`` wrote.

    Raises:
        KeyError, TypeError, ValueError: something else wrote it.
    """
    return CodeRun(
        language=str(payload["language"]),
        source=_decode(payload, "source"),
        files=tuple(SourceFile(str(file["name"]), _decode(file, "content")) for file in _objects(payload["files"])),
        args=tuple(cast("list[str]", payload["args"])),
        cases=tuple(_case_from_json(case) for case in _objects(payload["cases"])),
        compare=Compare(str(payload["compare"])),
        limits=Limits(**cast("dict[str, int]", payload["limits"])),
        question=_question_from_json(payload.get("question")),
    )


def result_to_json(result: RunResult) -> Json:
    """Return what the client is shown of ``result``."""
    return {
        "verdict": result.verdict.value,
        "language": result.language,
        "language_version": result.language_version,
        "is_compile_cached": result.is_compile_cached,
        "compilation": result.compilation and _execution_to_json(result.compilation),
        "cases": [_case_result_to_json(case) for case in result.cases],
        **_question_to_json(result.question),
    }


def _question_to_json(question: QuestionRevision | None) -> Json:
    return {} if question is None else {"question": asdict(question)}


def _question_from_json(question: object) -> QuestionRevision | None:
    return None if question is None else QuestionRevision(**cast("dict[str, str]", question))


def _case_to_json(case: Case) -> Json:
    expected: Json = {"expected_stdout": None, "expected_stdout_encoding": "utf-8"}
    if case.expected_stdout is not None:
        expected = _encode("expected_stdout", case.expected_stdout)
    hidden: Json = {"is_hidden": True} if case.is_hidden else {}
    return {"name": case.name, **_encode("stdin", case.stdin), **expected, **hidden}


def _case_from_json(case: Mapping[str, object]) -> Case:
    has_expected = case["expected_stdout"] is not None
    return Case(
        name=str(case["name"]),
        stdin=_decode(case, "stdin"),
        expected_stdout=_decode(case, "expected_stdout") if has_expected else None,
        is_hidden=bool(case.get("is_hidden")),
    )


def _case_result_to_json(case: CaseResult) -> Json:
    shown: Json = {"name": case.name, "verdict": case.verdict.value}
    if case.is_hidden:
        return shown | {"is_hidden": True, "usage": asdict(case.execution.usage)}
    return shown | _execution_to_json(case.execution)


def _execution_to_json(execution: Execution) -> Json:
    return {
        **_encode("stdout", execution.stdout),
        "stdout_truncated": execution.is_stdout_truncated,
        **_encode("stderr", execution.stderr),
        "stderr_truncated": execution.is_stderr_truncated,
        "exit_code": execution.exit_code,
        "signal": execution.signal,
        "limit_hit": execution.limit_hit and execution.limit_hit.value,
        "usage": asdict(execution.usage),
    }


def _encode(name: str, content: bytes) -> Json:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return {name: base64.b64encode(content).decode(), f"{name}_encoding": "base64"}
    return {name: text, f"{name}_encoding": "utf-8"}


def _decode(values: Mapping[str, object], name: str) -> bytes:
    text = str(values[name])
    if values[f"{name}_encoding"] == "base64":
        return base64.b64decode(text, validate=True)
    return text.encode()


def _objects(value: object) -> list[Mapping[str, object]]:
    return cast("list[Mapping[str, object]]", value)
