"""Content sets: reading from a process's memory, and how long a publication takes to reach every process."""

from __future__ import annotations

import http.client
import itertools
import random
import statistics
import string
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from adapters.blob_store import create_blob_store
from bench.figures import Figure
from bench.stack import RunningStack, running_stack
from cli.client import ApiClient
from domain.content.blobs import BlobStore
from domain.content.questions import SET, Difficulty, Question, QuestionTest, dump_questions
from domain.content.sets import Act, Edition, Pointer, publish
from jobs.content import announce
from store.db import create_engine, transactions

QUESTIONS, TEXTS, TEXT_BYTES = 100, 10, 5000
READS = 1000
ROUNDS = 9
PUBLICATIONS = 7
_TIMEOUT_S = 30.0
_LOOK_EVERY_S = 0.01


def measure() -> Sequence[Figure]:
    """Start a stack, publish a set of 5 MB, and measure all figures."""
    # No program is run here, so that any sandbox will do.
    with running_stack("namespace") as stack:
        store = create_blob_store((stack.home / "blobs").as_uri())
        seconds = _publications(stack, store)
        return [*_reads(stack), seconds]


def make_set(mark: str) -> list[Question]:
    """Return questions with 5 MB of texts, all of which are other ones with another ``mark``."""
    chosen = random.Random(mark)
    alphabet = string.ascii_lowercase + " \n"

    def text() -> str:
        return "".join(chosen.choices(alphabet, k=TEXT_BYTES))

    tests = (QuestionTest("shown", "1 2", "3", is_hidden=False), QuestionTest("hidden", "2 3", "5", is_hidden=True))
    return [
        Question(
            id=f"question-{number}",
            title=f"Question {number} of {mark}",
            difficulty=Difficulty.MEDIUM,
            category="arrays",
            texts={"prompt" if not part else f"text-{part}": text() for part in range(TEXTS)},
            starter={"python": "print()", "java": "class Main {}", "cpp": "int main() {}"},
            compare="lines",
            tests=tests,
        )
        for number in range(QUESTIONS)
    ]


def _publications(stack: RunningStack, store: BlobStore) -> Figure:
    """Publish time after time, and wait until every process has said that it serves the revision."""
    engine = create_engine(stack.database_url, 1, "bench")
    api = ApiClient(stack.api, stack.api_key)
    seconds, size, processes = [], 0, 0
    for number in range(PUBLICATIONS):
        edition = Edition(dump_questions(make_set(f"set {number}")), QUESTIONS)
        size = len(edition.content)
        began = time.perf_counter()
        pointer = publish(store, SET, edition, Act("bench", datetime.now(UTC)))
        with transactions(engine).begin() as session:
            announce(session, SET, pointer.manifest.revision, "bench")
        processes = _wait_for(api, pointer)
        seconds.append(time.perf_counter() - began)
    engine.dispose()
    api.close()
    return Figure("publishing a 5 MB set until every API process serves it, the longest, s", max(seconds), 2, "lower",
                  f"an amount: {size / 1e6:.1f} MB, {processes} processes, median "
                  f"{statistics.median(seconds):.2f} of {PUBLICATIONS}")  # fmt: skip


def _wait_for(api: ApiClient, pointer: Pointer) -> int:
    deadline = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < deadline:
        shown = api.get("/v1/content/servers")["servers"]
        assert isinstance(shown, list)
        revisions = [each["revision"] for each in shown if each["set"] == SET]
        if revisions and set(revisions) == {pointer.manifest.revision}:
            return len(revisions)
        time.sleep(_LOOK_EVERY_S)
    raise RuntimeError(f"not every process came to serve {pointer.manifest.revision}")


class _Reader:
    """One kept connection."""

    def __init__(self, stack: RunningStack) -> None:
        self._connection = http.client.HTTPConnection(stack.api.removeprefix("http://"), timeout=60)

    def read(self, path: str, etag: str | None = None) -> http.client.HTTPResponse:
        """Read ``path`` to its end."""
        self._connection.request("GET", path, headers={} if etag is None else {"If-None-Match": etag})
        answer = self._connection.getresponse()
        answer.read()
        return answer


def _reads(stack: RunningStack) -> list[Figure]:
    """Compare the list, and "nothing has changed", with a route that does nothing, in turns."""
    reader = _Reader(stack)
    etag = reader.read("/v1/questions").getheader("ETag")
    if etag is None or reader.read("/v1/questions", etag).status != http.client.NOT_MODIFIED:
        raise RuntimeError("the questions are not served as they should be")
    reads: dict[str, Callable[[], object]] = {
        "list": lambda: reader.read("/v1/questions"),
        "304": lambda: reader.read("/v1/questions", etag),
        "nothing": lambda: reader.read("/healthz"),
    }
    rates: dict[str, list[float]] = {name: [] for name in reads}
    for name in itertools.chain.from_iterable([list(reads)] * ROUNDS):
        rates[name].append(_per_second(reads[name]))
    median = {name: statistics.median(found) for name, found in rates.items()}
    return [
        Figure(f"GET /v1/questions{suffix}, requests per second / a no-op route", median[name] / median["nothing"],
               bound, "higher",
               f"{median[name]:.0f}/s / {median['nothing']:.0f}/s (GET /healthz), medians of {ROUNDS}")
        for name, suffix, bound in (("list", " from memory", 0.7), ("304", ", nothing new", 0.9))
    ]  # fmt: skip


def _per_second(read: Callable[[], object]) -> float:
    began = time.perf_counter()
    for _ in range(READS):
        read()
    return READS / (time.perf_counter() - began)
