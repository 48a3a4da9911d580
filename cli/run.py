"""``yardmaster run``: run one program through the HTTP API and print what it did."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import click

from adapters.language_folder import LanguageFileError, load_languages
from cli.client import ApiClient, NotReachedError, RefusedError, find_api
from cli.output import print_json, show_progress
from config.settings import load_stack

EXIT_NOT_ACCEPTED = 1
EXIT_INTERRUPTED = 130
WAIT_S = 20
LOOK_S = 1
PAUSE_S = 0.5
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=FILE)
@click.option("--language", help="A name of `GET /v1/languages`; by default the file's ending tells.")
@click.option("--stdin", "stdin", type=click.File("rb"), help="The program's input; - is this command's own.")
@click.option(
    "--case",
    "cases",
    multiple=True,
    type=(FILE, FILE),
    metavar="INPUT EXPECTED",
    help="A file with input and one with the output that it should give; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the finished job as JSON.")
def run(
    file: Path, language: str | None, stdin: BinaryIO | None, cases: Sequence[tuple[Path, Path]], *, as_json: bool
) -> None:
    """Compile and run FILE, and end with 0 when it was accepted, else with 1."""
    api = find_api()
    body: dict[str, object] = {"language": language or language_of(api, file), "source": _read(file)}
    if stdin is not None:
        body["stdin"] = _decode(stdin.read(), "the input")
    if cases:
        body["cases"] = [
            {"name": given.name, "stdin": _read(given), "expected_stdout": _read(expected)}
            for given, expected in cases
        ]
    job = run_to_the_end(api, body, _show_state)
    if as_json:
        print_json(job)
    else:
        _print_result(job)
    if _result(job).get("verdict") != "accepted":
        raise SystemExit(EXIT_NOT_ACCEPTED)


def run_to_the_end(
    api: ApiClient,
    body: dict[str, object],
    show_state: Callable[[str], None] | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> dict[str, object]:
    """Submit a code run and return its finished job, however long that takes; an interrupt cancels the job.

    ``show_state`` is told each new state that is met on the way by looking every ``LOOK_S``, the first with the job's
    id; a run that ends sooner has none to show. ``pause`` spends the time, in seconds, that the API did not wait.

    Raises:
        NotReachedError: no API answers; once there is a job, the message names it.
        RefusedError: the API refuses the run.
    """
    # The answer is not waited for: without the id, an interrupt would leave a job that runs for nobody.
    job = api.post("/v1/code-runs", body)
    try:
        return _follow(api, job, show_state, pause)
    except KeyboardInterrupt:
        _cancel(api, job)
        raise SystemExit(EXIT_INTERRUPTED) from None
    except NotReachedError as error:
        known = f"job {job['id']} was accepted; `yardmaster jobs show {job['id']}` tells what became of it"
        raise NotReachedError(f"{error.message}\n  {known}") from error


def _follow(
    api: ApiClient,
    job: dict[str, object],
    show_state: Callable[[str], None] | None,
    pause: Callable[[float], None],
) -> dict[str, object]:
    wait_s, shown = WAIT_S if show_state is None else LOOK_S, None
    while job.get("finished_at") is None:
        asked_at = time.monotonic()
        job = api.get(_path(job), {"wait": wait_s})
        again_s = api.retry_after_s or PAUSE_S
        if job.get("finished_at") is not None:
            break
        if show_state is not None and job["state"] != shown:
            show_state(_describe(api, job) if shown is None else str(job["state"]))
            shown = job["state"]
        # An API whose places for waiting are all taken answers at once.
        left_s = wait_s - (time.monotonic() - asked_at)
        if left_s > 0:
            pause(min(left_s, again_s))
    return job


def _describe(api: ApiClient, job: dict[str, object]) -> str:
    note = f"; the queue {job['kind']} is paused" if job["state"] == "queued" and _is_queue_paused(api, job) else ""
    return f"job {job['id']}: {job['state']}{note}"


def _is_queue_paused(api: ApiClient, job: dict[str, object]) -> bool:
    try:
        queues = api.get("/v1/queues")["queues"]
    except RefusedError:
        return False  # Only administrators may look at queues.
    return isinstance(queues, list) and any(queue["name"] == job["kind"] and queue["is_paused"] for queue in queues)


def _cancel(api: ApiClient, job: dict[str, object]) -> None:
    try:
        api.delete(_path(job))
    except (NotReachedError, RefusedError) as error:
        show_progress(f"job {job['id']} could not be cancelled: {error.message}")
    else:
        show_progress(f"job {job['id']} cancelled")


def _path(job: dict[str, object]) -> str:
    return f"/v1/jobs/{quote(str(job['id']))}"


def language_of(api: ApiClient, file: Path) -> str:
    """Return the language whose programs are named like ``file``.

    Raises:
        click.UsageError: the API offers none such, or the ending belongs to several.
    """
    languages = api.get("/v1/languages")["languages"]
    if not isinstance(languages, list):
        raise click.ClickException("the API's answer has no list of languages")
    found = [str(each["name"]) for each in languages if _has_ending(file, str(each["file_name"]))]
    if not found and (title := _title_by_ending(file)):
        offered = ", ".join(sorted(str(each["name"]) for each in languages))
        raise click.UsageError(f"the stack does not offer {title}, as {file.name} seems to be; it offers {offered}")
    if len(found) != 1:
        raise click.UsageError(f"the ending of {file.name} does not tell the language; name it with --language")
    return found[0]


def _has_ending(file: Path, file_name: str) -> bool:
    return Path(file_name).suffix == file.suffix


def _title_by_ending(file: Path) -> str | None:
    """Return the title of a language that we know whose programs are named like ``file``."""
    try:
        known = load_languages(load_stack().sandbox_images_dir)
    except LanguageFileError:
        return None  # That the API's own list has no such language is all that there is to say then.
    return next((each.title for each in known.values() if _has_ending(file, each.file_name)), None)


def _read(file: Path) -> str:
    return _decode(file.read_bytes(), str(file))


def _decode(content: bytes, name: str) -> str:
    # From bytes: reading as text would turn the ends of lines into this machine's.
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{name} is not UTF-8: {error.reason} at byte {error.start}") from error


def _show_state(state: str) -> None:
    show_progress(f"{state} ...")


def _print_result(job: dict[str, object]) -> None:
    result = _result(job)
    if not result:
        click.echo(f"{job['state']}: {job.get('error')}", err=True)
        return
    compilation = result.get("compilation")
    if isinstance(compilation, dict):
        click.echo(_stream(compilation, "stdout") + _stream(compilation, "stderr"), nl=False, err=True)
    cases = result.get("cases")
    for case in cases if isinstance(cases, list) else []:
        _print_case(case)
    click.echo(f"{result['verdict']} ({result['language']} {result['language_version']})", err=True)


def _print_case(case: dict[str, object]) -> None:
    click.echo(_stream(case, "stdout"), nl=False)
    click.echo(_stream(case, "stderr"), nl=False, err=True)
    usage = case.get("usage")
    if isinstance(usage, dict):
        click.echo(
            f"case {case['name']}: {case['verdict']}, {usage['cpu_s']:.3f} s CPU, {usage['wall_s']:.3f} s, "
            f"{usage['memory_bytes'] / 2**20:.1f} MiB",
            err=True,
        )


def _stream(execution: dict[str, object], name: str) -> bytes:
    content = str(execution[name])
    return base64.b64decode(content) if execution[f"{name}_encoding"] == "base64" else content.encode()


def _result(job: dict[str, object]) -> dict[str, object]:
    result = job.get("result")
    return result if isinstance(result, dict) else {}
