"""Which languages there are, and the bounds of each."""

from __future__ import annotations

from dataclasses import asdict

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel

from domain.code_runs.languages import Language
from web import guards
from web.answers import answers, problems
from web.job_views import json_response
from web.platform import platform

blueprint = APIBlueprint("languages", __name__, url_prefix="/v1/languages", tag="Languages")
blueprint.before_request(guards.require_key)


class LimitsOut(BaseModel):
    """Limits of one case."""

    cpu_s: float
    wall_s: float
    memory_bytes: int
    processes: int
    output_bytes: int
    file_bytes: int


class LanguageOut(BaseModel):
    """A language: ``limits`` hold where a run asks for nothing else, ``max_limits`` are what it may ask for.

    ``version`` is the declared one, and names the compiler or interpreter where the number is not the language's own;
    the exact one is in a run's result.
    """

    name: str
    title: str
    version: str
    file_name: str
    is_compiled: bool
    limits: LimitsOut
    max_limits: LimitsOut


class LanguagesOut(BaseModel):
    """All languages, by name."""

    languages: list[LanguageOut]


@blueprint.get("")
@blueprint.output(LanguagesOut, description="All languages.")
@blueprint.doc(operation_id="listLanguages", responses=answers(problems()))
def list_languages() -> Response:
    """List the languages with their limits."""
    languages = platform().languages
    return json_response({"languages": [_show(languages[name]) for name in sorted(languages)]})


def _show(language: Language) -> dict[str, object]:
    return {
        "name": language.name,
        "title": language.title,
        "version": language.version,
        "file_name": language.file_name,
        "is_compiled": language.compile_command is not None,
        "limits": asdict(language.limits),
        "max_limits": asdict(language.max_limits),
    }
