"""What one program leaves anywhere, the next one in the same box does not find."""

from __future__ import annotations

import ast
import uuid

import pytest

from domain.code_runs.model import Case, CodeRun, Execution, SourceFile
from tests.adversarial.hostile import PROGRAMS, ROOMY, code_run
from tests.adversarial.yard import Yard, open_yard

PLANTS, TRACES = (
    SourceFile(name, (PROGRAMS / "planting" / name).read_bytes()) for name in ("plants.py", "traces.py")
)

# Where plants take root: only the cleaning of the box keeps them from the next program.
ROOTING = (
    *("files", "odd_names", "unreadable", "deep", "links", "special_files", "startup_files", "processes"),
    *("stopped_process", "abstract_socket", "listener", "file_lock", "deleted_file", "terminal", "full_disk"),
    *("full_of_files", "process_attributes"),
)
# What the box does not allow to be planted in the first place.
REFUSED = (
    *("shared_memory", "semaphore", "message_queue", "posix_queue", "queue_file", "keyring", "extended_attribute"),
    *("access_times", "folder_attributes"),
)
KINDS = (*ROOTING, *REFUSED)
PYTHON = "/usr/bin/python3"


def _new_marker() -> str:
    return f"m{uuid.uuid4().hex}"


def _run(*inputs: str) -> CodeRun:
    cases = tuple(Case(f"case {number}", text.encode(), None) for number, text in enumerate(inputs))
    return code_run("python", PLANTS.content, cases=cases, files=(TRACES,))


def _is_planted(kind: str, execution: Execution) -> bool:
    return execution.stdout.startswith(b"planted" if kind in ROOTING else b"refused")


@pytest.mark.parametrize("kind", KINDS)
def test_finder_finds_what_the_same_program_planted(kind: str, reused_yard: Yard) -> None:
    marker = _new_marker()

    result = reused_yard.judge(_run(f"plant {kind} {marker}\nfind {marker}\n"))

    execution = result.cases[0].execution
    found = execution.stdout.splitlines()[1:]
    assert _is_planted(kind, execution), execution
    assert (b"found" in execution.stdout) == (kind in ROOTING), execution
    assert found == [b"nothing"] or kind in ROOTING, execution


@pytest.mark.parametrize("kind", KINDS)
def test_next_owner_in_the_same_box_finds_nothing(kind: str, narrow_yard: Yard) -> None:
    marker = _new_marker()

    planted = narrow_yard.judge(_run(f"plant {kind} {marker}\n"))
    found = narrow_yard.judge(_run(f"find {marker}\n"))

    assert _is_planted(kind, planted.cases[0].execution), planted
    assert found.cases[0].execution.stdout == b"nothing\n", found


@pytest.mark.parametrize("kind", KINDS)
def test_next_case_of_the_same_run_finds_nothing(kind: str, reused_yard: Yard) -> None:
    marker = _new_marker()

    result = reused_yard.judge(_run(f"plant {kind} {marker}\n", f"find {marker}\n"))

    planted, found = (case.execution for case in result.cases)
    assert _is_planted(kind, planted), planted
    assert found.stdout == b"nothing\n", found


@pytest.mark.parametrize("kind", ROOTING)
def test_next_owner_does_not_find_what_a_compiler_planted(kind: str, reused_yard: Yard) -> None:
    # There are compilers that run code of the program they compile; here the compiler is hostile from end to end.
    marker = _new_marker()
    hostile = f"cp plants.py traces.py /box/out && {PYTHON} plants.py plant {kind} {marker}"
    language = reused_yard.languages["c"]

    with reused_yard.sandbox.session(language) as session:
        session.load([PLANTS, TRACES])
        planted = session.compile(["/bin/sh", "-c", hostile], ROOMY)
    with reused_yard.sandbox.session(language) as session:
        session.load([PLANTS, TRACES])
        session.compile(["/bin/cp", "plants.py", "traces.py", "/box/out"], ROOMY)
        found = session.run([PYTHON, "/box/app/plants.py"], f"find {marker}\n".encode(), ROOMY)

    assert planted.stdout == b"planted\n", planted
    assert found.stdout == b"nothing\n", found


def test_run_sees_nothing_that_its_compiler_left_outside_its_output(reused_yard: Yard) -> None:
    places = "/box/src /box/app /tmp /dev/shm"
    hostile = f"for place in {places}; do mkdir -p $place/a/b; echo x > $place/stray; done; echo y > /box/out/program"

    with reused_yard.sandbox.session(reused_yard.languages["c"]) as session:
        session.compile(["/bin/sh", "-c", hostile], ROOMY)
        listed = session.run(["/bin/sh", "-c", f"ls -A {places} | tr '\\n' ' '"], b"", ROOMY)

    assert listed.stdout.split() == b"/box/app: program /box/src: /dev/shm: /tmp:".split()


def test_next_program_really_gets_the_same_box_when_boxes_are_reused() -> None:
    # Without this the pairs above would prove nothing about cleaning.
    with open_yard(is_reused=True, size=1) as yard:
        for _ in range(3):
            yard.judge_plain("python")
        counters = yard.sandbox.counters()

    assert (counters.created, counters.reused) == (1, 2)


def test_kinds_are_those_of_the_planting_program() -> None:
    tree = ast.parse(PLANTS.content)
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}

    assert set(KINDS) <= functions
