"""From a request that has the right shape to code runs, or to every reason why it cannot be one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.code_runs.bounds import LimitsOutOfBoundsError, limits_of
from domain.code_runs.languages import Language
from domain.code_runs.model import Case, CodeRun, Compare, Limits, QuestionRevision, SourceFile
from domain.content.questions import Question
from web.problems import FieldError, InvalidFieldsError, pointer
from web.schemas.code_runs import CodeRunIn

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """What code runs can be made of: languages, and the questions of one revision."""

    languages: Mapping[str, Language]
    questions: Mapping[str, Question]
    revision: str


def to_code_run(request: CodeRunIn, offer: Offer) -> CodeRun:
    """Return the code run that ``request`` asks for.

    Raises:
        InvalidFieldsError: the language or question is unknown, a limit is above its maximum, file names collide, or
            there is something beside the question that this says already.
    """
    return _to_code_runs([request], [()], offer)[0]


def to_code_runs(requests: Sequence[CodeRunIn], offer: Offer, max_bytes: int) -> list[CodeRun]:
    """Return the code runs of a batch; all of them or none.

    Raises:
        InvalidFieldsError: as for ``to_code_run``, with every run's errors; or the questions' tests, which did not
            come with the body, are more than ``max_bytes`` together.
    """
    runs = _to_code_runs(requests, [("runs", number) for number in range(len(requests))], offer)
    of_questions = (case for run in runs if run.question is not None for case in run.cases)
    if sum(len(case.stdin) + len(case.expected_stdout or b"") for case in of_questions) > max_bytes:
        raise _invalid(_error(("runs",), f"name questions whose tests are more than {max_bytes} bytes together"))
    return runs


def _to_code_runs(requests: Sequence[CodeRunIn], paths: Sequence[Path], offer: Offer) -> list[CodeRun]:
    errors: list[FieldError] = []
    runs: list[CodeRun] = []
    for request, path in zip(requests, paths, strict=True):
        try:
            runs.append(_convert(request, path, offer))
        except InvalidFieldsError as error:
            errors.extend(error.errors)
    if errors:
        raise InvalidFieldsError("the request has invalid fields", errors=errors)
    return runs


def _convert(request: CodeRunIn, path: Path, offer: Offer) -> CodeRun:
    language = offer.languages.get(request.language)
    if language is None:
        raise _invalid(_error((*path, "language"), f"is not one of {', '.join(sorted(offer.languages))}"))
    limits, errors = _limits(request, path, language)
    errors += _name_collisions(request, path, language) + _question_faults(request, path, offer)
    if limits is None or errors:
        raise _invalid(*errors)
    question = None if request.question is None else offer.questions[request.question]
    return CodeRun(
        language=language.name,
        source=request.source.encode(),
        files=tuple(SourceFile(file.name, file.data()) for file in request.files),
        args=tuple(request.args),
        cases=_cases(request) if question is None else _tests(question),
        compare=Compare(request.compare if question is None else question.compare),
        limits=limits,
        question=None if question is None else QuestionRevision(question.id, offer.revision),
    )


def _limits(request: CodeRunIn, path: Path, language: Language) -> tuple[Limits | None, list[FieldError]]:
    try:
        return limits_of(language, request.limits.model_dump(exclude_none=True)), []
    except LimitsOutOfBoundsError as error:
        return None, [_error((*path, "limits", field), detail) for field, detail in error.violations.items()]


def _name_collisions(request: CodeRunIn, path: Path, language: Language) -> list[FieldError]:
    taken = {language.file_name: "is the name of the program's own file"}
    errors = []
    for number, file in enumerate(request.files):
        if file.name in taken:
            errors.append(_error((*path, "files", number, "name"), taken[file.name]))
        taken[file.name] = "is the name of an earlier file"
    return errors


def _question_faults(request: CodeRunIn, path: Path, offer: Offer) -> list[FieldError]:
    if request.question is None:
        return []
    errors = [
        _error((*path, field), "is the question's, and not sent with it") for field in request.excluded_by_question
    ]
    if request.question not in offer.questions:
        errors.append(_error((*path, "question"), "is no id of GET /v1/questions"))
    return errors


def _tests(question: Question) -> tuple[Case, ...]:
    # Hidden ones last: a program that could carry something from one case to the next would find nobody to tell.
    return tuple(
        Case(test.name, test.stdin.encode(), test.expected_stdout.encode(), test.is_hidden)
        for test in sorted(question.tests, key=lambda test: test.is_hidden)
    )


def _cases(request: CodeRunIn) -> tuple[Case, ...]:
    stdin = request.stdin.encode()
    if request.cases is None:
        return (Case("1", stdin, None),)
    return tuple(
        Case(
            name=str(number) if case.name is None else case.name,
            stdin=stdin if case.stdin is None else case.stdin.encode(),
            expected_stdout=None if case.expected_stdout is None else case.expected_stdout.encode(),
        )
        for number, case in enumerate(request.cases, start=1)
    )


def _invalid(*errors: FieldError) -> InvalidFieldsError:
    return InvalidFieldsError("the request has invalid fields", errors=errors)


def _error(path: Path, detail: str) -> FieldError:
    return FieldError("pointer", pointer(path), detail)
