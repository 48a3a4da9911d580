"""Every field of every schema, with every kind of wrong value, against the table of sentences."""

import math
from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Union, get_args, get_origin

import pytest
from pydantic import BaseModel, ValidationError

from web.field_errors import SENTENCES, UNFORESEEN, sentence_of
from web.schemas.code_runs import BatchIn, CodeRunIn
from web.schemas.content import QuestionQuery
from web.schemas.drivers import DriverIn, DriverStatusIn, FixesIn, OfferQuery
from web.schemas.jobs import ListQuery, NoQuery, WaitQuery
from web.schemas.rides import HeatMapQuery, PriceQuery, RideEditIn, RideIn, TimeQuery

INPUTS = (
    *(CodeRunIn, BatchIn, WaitQuery, ListQuery, NoQuery, QuestionQuery),
    *(RideIn, RideEditIn, DriverIn, DriverStatusIn, FixesIn, OfferQuery, PriceQuery, TimeQuery, HeatMapQuery),
)
WRONG = (None, True, -1, 1.5, math.nan, math.inf, 10**30, {}, {"x": 1}, [], [None] * 200,
         "", "x", "x" * 600_000, "\0", "\ud800", "a/b", "1.5", "9" * 5000, b"x")  # fmt: skip


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """Find the models that a field may hold."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    if get_origin(annotation) in {list, Union, UnionType, Annotated}:
        for argument in get_args(annotation):
            yield from models_in(argument)


def models_below(model: type[BaseModel]) -> set[type[BaseModel]]:
    nested = {found for field in model.model_fields.values() for found in models_in(field.annotation)}
    return {model}.union(*map(models_below, nested))


def errors_of(model: type[BaseModel], data: object) -> list[dict[str, object]]:
    try:
        model.model_validate(data)
    except ValidationError as error:
        return [dict(each) for each in error.errors(include_url=False)]
    return []


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, object]]:
    """An example of every type of error that wrong requests lead to."""
    models = set().union(*map(models_below, INPUTS))
    assert len(models) > len(INPUTS)
    return {
        str(error["type"]): error
        for model in models
        for wrong in WRONG
        for data in [wrong, *[{name: value} for name in model.model_fields for value in (wrong, [wrong])]]
        for error in errors_of(model, data)
    }


def test_the_table_has_every_type_of_error_that_the_schemas_raise_and_no_other(found) -> None:
    assert set(found) == set(SENTENCES)


@pytest.mark.parametrize("kind", SENTENCES)
def test_every_sentence_is_complete_and_says_nothing_in_pydantics_words(found, kind: str) -> None:
    sentence = sentence_of(found[kind])

    assert sentence.startswith(("must ", "is "))
    assert not {"Input", "input", "valid", "None"} & set(sentence.split())
    assert "{" not in sentence.replace("{22}", "")


@pytest.mark.parametrize(
    ("model", "data", "sentence"),
    [
        (CodeRunIn, {"language": 5, "source": "x"}, "must be a string"),
        (CodeRunIn, {"language": "c", "source": "x", "cases": []}, "must have a length of at least 1"),
        (
            CodeRunIn,
            {"language": "c", "source": "x", "compare": "?"},
            "must be 'exact', 'lines', 'tokens' or 'float'",
        ),
        (CodeRunIn, {"language": "c", "source": "\0"}, "must not contain the NUL character"),
        (ListQuery, {"limit": "500"}, "must be at most 200"),
        (RideEditIn, {"pickup": {"latitude": 90.5, "longitude": 0}}, "must be at most 90.0"),
        (QuestionQuery, {"difficulty": "foo"}, "must be 'easy', 'medium', 'hard' or 'very-hard'"),
        (DriverStatusIn, {"status": "busy"}, "must be 'available' or 'unavailable'"),
        (
            FixesIn,
            {"fixes": [{"latitude": 1, "longitude": 1, "at": "now"}]},
            "must be a time with its offset from UTC (RFC 3339)",
        ),
    ],
)
def test_sentences_name_the_bound(model: type[BaseModel], data: object, sentence: str) -> None:
    assert [sentence_of(error) for error in errors_of(model, data)] == [sentence]


def test_an_unforeseen_type_of_error_gets_a_plain_sentence() -> None:
    assert sentence_of({"type": "new_in_pydantic_3", "msg": "Input should be sane"}) == UNFORESEEN
