"""What routes declare about their answers, for OpenAPI."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import cast

from apiflask.types import ResponsesType

from web.errors import CONTENT_TYPE

PROBLEM = {"$ref": "#/components/schemas/Problem"}
Declared = Mapping[int, Mapping[str, object]]


def answers(*declared: Declared) -> ResponsesType:
    """Join declarations, for ``doc(responses=...)``."""
    return cast("ResponsesType", {status: answer for part in declared for status, answer in part.items()})


def problems(*statuses: int) -> Declared:
    """Declare problem+json answers, with those that every route with a key can give."""
    return public_problems(401, *statuses)


def public_problems(*statuses: int) -> Declared:
    """Declare problem+json answers of a route without a key, with those that every route can give."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {CONTENT_TYPE: {"schema": PROBLEM}},
        }
        for status in sorted({*statuses, 500, 503})
    }


def headers(**descriptions: str) -> dict[str, object]:
    """Declare headers of an answer; an underscore stands for a hyphen."""
    return {
        name.replace("_", "-"): {"description": description, "schema": {"type": "string"}}
        for name, description in descriptions.items()
    }


def json_of(component: str, description: str, **described_headers: str) -> dict[str, object]:
    """Declare a JSON answer of a component that some other answer of the API has introduced."""
    return {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{component}"}}},
        "headers": headers(**described_headers),
    }


def header_parameter(name: str, description: str, **schema: object) -> dict[str, object]:
    """Declare a request header that is optional."""
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string", **schema}}
