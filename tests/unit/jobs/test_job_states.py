"""The document, the code and the database name the same states and transitions."""

import re
from pathlib import Path

from sqlalchemy import CheckConstraint

from jobs.model import FINAL_STATES, JobState
from store.jobs import dispatching, models, statements, sweeping, transitions
from store.jobs.models import JobRow
from store.jobs.submissions import _INSERT_KEYLESS
from store.prepared import Prepared

DOCUMENT = (Path(__file__).parents[3] / "docs" / "job_states.md").read_text()
STATES = {state.value for state in JobState}


def _check(name: str) -> str:
    (found,) = [
        constraint
        for constraint in JobRow.metadata.tables["jobs"].constraints
        if isinstance(constraint, CheckConstraint) and str(constraint.name).endswith(f"_{name}_check")
    ]
    return str(found.sqltext)


def test_the_database_allows_exactly_the_states_of_the_code() -> None:
    assert set(re.findall(r"'(\w+)'", _check("state"))) == STATES


def test_the_database_and_the_code_agree_on_what_is_final() -> None:
    assert set(re.findall(r"'(\w+)'", models.IS_FINAL)) == set(FINAL_STATES)


def test_the_document_describes_every_state() -> None:
    assert set(re.findall(r"^\| `(\w+)` \| (?:yes|no) ", DOCUMENT, re.MULTILINE)) == STATES


def test_the_document_describes_every_event() -> None:
    written = set()
    for module in (transitions, dispatching, sweeping):
        for value in vars(module).values():
            for statement in value if isinstance(value, tuple) else (value,):
                if isinstance(statement, Prepared):
                    written |= set(re.findall(r"SELECT c?\.?id, '(\w+)', ", statement.sql))
    written |= set(re.findall(r"SELECT c?\.?id, '(\w+)', ", _INSERT_KEYLESS.sql))
    written |= set(re.findall(r"SELECT c\.id, '(\w+)', ", statements.COUNT_DOWN + statements.REOPEN))

    events = DOCUMENT.partition("| event |")[2]
    assert set(re.findall(r"^\| `(\w+)` \|", events, re.MULTILINE)) == written
