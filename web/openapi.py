"""What APIFlask cannot know of itself: the shape of problems, the request headers, the languages' names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from domain.code_runs.languages import Language

TITLE = "Yardmaster"
VERSION = "1.0"
DESCRIPTION = """Post source code, poll (or wait for) what it did. Order rides, and drive them.

Send an API key as `Authorization: Bearer`; questions and titles are read without one. Errors are
`application/problem+json` (RFC 9457); `errors` names each wrong field. Every answer carries `X-Request-ID`.
"""

Property = dict[str, object]

_METHODS = frozenset({"get", "post", "put", "patch", "delete"})
_PROBLEM: dict[str, object] = {
    "type": "object",
    "title": "Problem",
    "description": "Why a request was refused (RFC 9457).",
    "required": ["type", "code", "title", "status", "detail", "instance"],
    "additionalProperties": False,
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "Can be fetched for advice."},
        "code": {"type": "string", "description": "The end of the type, for programs."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri", "description": "Names the request; quote it in a report."},
        "price": {"$ref": "#/components/schemas/PriceOut"},
        "current_status": {"type": "string", "description": "Of the ride that stands in the way."},
        "ride": {"$ref": "#/components/schemas/RideOut"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["detail"],
                "additionalProperties": False,
                "properties": {
                    "pointer": {"type": "string", "description": "JSON Pointer into the body."},
                    "parameter": {"type": "string", "description": "Query parameter."},
                    "header": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}


def complete(spec: dict[str, object], languages: Mapping[str, Language]) -> dict[str, object]:
    """Return ``spec`` with everything that the routes declared in their own way put in its place."""
    components = cast("dict[str, dict[str, object]]", spec["components"])
    components["schemas"]["Problem"] = _PROBLEM
    components["securitySchemes"] = {"apiKey": {"type": "http", "scheme": "bearer"}}
    for path, operation in _operations(spec):
        parameters = cast("list[object]", operation.setdefault("parameters", []))
        parameters.extend(cast("list[object]", operation.pop("x-parameters", [])))
        if "requestBody" in operation:
            cast("dict[str, object]", operation["requestBody"])["required"] = True
        if media_type := operation.pop("x-body", None):
            content = {str(media_type): {"schema": {"type": "string", "format": "binary"}}}
            operation["requestBody"] = {"required": True, "content": content}
        is_public = operation.pop("x-public", False)
        if path.startswith("/v1/") and not is_public:
            operation["security"] = [{"apiKey": []}]
    for name, schema in cast("dict[str, dict[str, dict[str, Property]]]", components["schemas"]).items():
        # A schema inside another is registered as "Outer.Inner".
        match name.rpartition(".")[2]:
            case "CodeRunIn":
                schema["properties"]["language"]["enum"] = sorted(languages)
            case "LimitsIn":
                _show_maxima(schema["properties"], languages)
    return spec


def _operations(spec: dict[str, object]) -> Iterator[tuple[str, dict[str, object]]]:
    paths = cast("dict[str, dict[str, dict[str, object]]]", spec["paths"])
    for path, item in paths.items():
        for method, operation in item.items():
            if method in _METHODS:
                yield path, operation


def _show_maxima(properties: dict[str, Property], languages: Mapping[str, Language]) -> None:
    """Declare the largest maximum that any language has; a single language's may be lower."""
    for field, schema in properties.items():
        maximum = max((getattr(language.max_limits, field) for language in languages.values()), default=0)
        for choice in cast("list[Property]", schema["anyOf"]):
            if choice["type"] != "null":
                choice["maximum"] = maximum
