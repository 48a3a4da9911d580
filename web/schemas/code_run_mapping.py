"""From a request that has the right shape to code runs, or to every reason why it cannot be one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain.code_runs.bounds import LimitsOutOfBoundsError, limits_of
from domain.code_runs.languages import Language
from domain.code_runs.model import Case, CodeRun, Compare, Limits, SourceFile
from web.problems import FieldError, InvalidFieldsError, pointer
from web.schemas.code_runs import CodeRunIn

Languages = Mapping[str, Language]
Path = tuple[str | int, ...]


def to_code_run(request: CodeRunIn, languages: Languages) -> CodeRun:
    """Return the code run that ``request`` asks for.

    Raises:
        InvalidFieldsError: the language is unknown, a limit is above its maximum, or file names collide.
    """
    return _to_code_runs([request], [()], languages)[0]


def to_code_runs(requests: Sequence[CodeRunIn], languages: Languages) -> list[CodeRun]:
    """Return the code runs of a batch; all of them or none.

    Raises:
        InvalidFieldsError: as for ``to_code_run``, with every run's errors.
    """
    return _to_code_runs(requests, [("runs", number) for number in range(len(requests))], languages)


def _to_code_runs(requests: Sequence[CodeRunIn], paths: Sequence[Path], languages: Languages) -> list[CodeRun]:
    errors: list[FieldError] = []
    runs: list[CodeRun] = []
    for request, path in zip(requests, paths, strict=True):
        try:
            runs.append(_convert(request, path, languages))
        except InvalidFieldsError as error:
            errors.extend(error.errors)
    if errors:
        raise InvalidFieldsError("the request has invalid fields", errors=errors)
    return runs


def _convert(request: CodeRunIn, path: Path, languages: Languages) -> CodeRun:
    language = languages.get(request.language)
    if language is None:
        raise _invalid(_error((*path, "language"), f"is not one of {', '.join(sorted(languages))}"))
    limits, errors = _limits(request, path, language)
    errors += _name_collisions(request, path, language)
    if limits is None or errors:
        raise _invalid(*errors)
    return CodeRun(
        language=language.name,
        source=request.source.encode(),
        files=tuple(SourceFile(file.name, file.data()) for file in request.files),
        args=tuple(request.args),
        cases=_cases(request),
        compare=Compare(request.compare),
        limits=limits,
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
