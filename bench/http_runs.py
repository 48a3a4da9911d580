"""Code runs through the whole product: HTTP, PostgreSQL, dispatcher, Celery, worker, container, and back."""

from __future__ import annotations

import http.client
import json
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench import fairness
from bench.bare import bare_python
from bench.figures import Figure, percentile
from bench.programs import HELLO, hello
from bench.sandbox import resident_bytes
from bench.stack import RunningStack, running_stack

CLIENTS = 8
RUNS = 400
RUNS_WARM_UP = 80
COLD_ROUNDS = 7
CROWD = 20
CROWD_ROUNDS = 6
_MIB = 2**20


def measure() -> Sequence[Figure]:
    """Measure throughput, each language alone, and a crowd of mixed languages."""
    with running_stack() as stack:
        languages = _languages(stack)
        _warm(stack, languages)
        return [
            _throughput(stack), *_each_language(stack, languages), _crowd(stack, languages), _worker_memory(),
            fairness.measure(stack, lambda source: Client(stack).run("python", source)),
        ]  # fmt: skip


class Client:
    """One kept connection, with as little of its own work as can be: both sides share the machine's cores."""

    def __init__(self, stack: RunningStack) -> None:
        self._connection = http.client.HTTPConnection(stack.api.removeprefix("http://"), timeout=60)
        self._headers = {"Authorization": f"Bearer {stack.api_key}", "Content-Type": "application/json"}

    def ask(self, method: str, path: str, body: object = None, prefer: str = "wait=20") -> dict[str, object]:
        """Send a request and return the parsed answer."""
        text = None if body is None else json.dumps(body)
        self._connection.request(method, path, text, {**self._headers, "Prefer": prefer})
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path} was answered {answer.status}: {content!r}")
        return dict(json.loads(content))

    def run(self, language: str, source: str) -> float:
        """Post a run, wait for its result, and return the seconds in between."""
        began = time.perf_counter()
        cases = [{"name": "only", "expected_stdout": "hello\n"}]
        job = self.ask("POST", "/v1/code-runs", {"language": language, "source": source, "cases": cases})
        while job["finished_at"] is None:
            job = self.ask("GET", f"/v1/jobs/{job['id']}?wait=20")
        result = job["result"]
        if not isinstance(result, dict) or result["verdict"] != "accepted":
            raise RuntimeError(f"{language} hello went wrong: {job}")
        return time.perf_counter() - began


def _languages(stack: RunningStack) -> list[dict[str, object]]:
    languages = Client(stack).ask("GET", "/v1/languages")["languages"]
    assert isinstance(languages, list)
    return languages


def _warm(stack: RunningStack, languages: Sequence[dict[str, object]]) -> None:
    client = Client(stack)
    for language in languages:
        client.run(str(language["name"]), hello(str(language["name"])))
        print(".", end="", file=sys.stderr, flush=True)


def _throughput(stack: RunningStack) -> Figure:
    clients = [Client(stack) for _ in range(CLIENTS)]

    def work(client: Client, runs: int) -> None:
        for _ in range(runs // CLIENTS):
            client.run("python", HELLO["python"])

    def per_second(runs: int) -> float:
        began = time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(work, clients, [runs] * CLIENTS))
        return runs / (time.perf_counter() - began)

    per_second(RUNS_WARM_UP)
    with bare_python(HELLO["python"], "yardmaster/python") as bare:
        bare.seconds(RUNS_WARM_UP, CLIENTS)
        ours, theirs = [], []
        for _ in range(3):
            ours.append(per_second(RUNS))
            theirs.append(RUNS / bare.seconds(RUNS, CLIENTS))
    ours_s, theirs_s = statistics.median(ours), statistics.median(theirs)
    return Figure("Python hellos per second over HTTP, 8 clients / bare, 8 threads", ours_s / theirs_s, 0.5, "higher",
                  f"{ours_s:.0f}/s / {theirs_s:.0f}/s, medians of 3")  # fmt: skip


def _each_language(stack: RunningStack, languages: Sequence[dict[str, object]]) -> list[Figure]:
    client = Client(stack)
    cold, cached = {}, {}
    for language in languages:
        name = str(language["name"])
        sources = [hello(name) for _ in range(COLD_ROUNDS)]
        cold[name] = statistics.median(client.run(name, source) for source in sources)
        if language["is_compiled"]:
            cached[name] = statistics.median(client.run(name, source) for source in sources)
        print(".", end="", file=sys.stderr, flush=True)
    slowest = max(cold, key=lambda name: cold[name])
    worst = max(cached, key=lambda name: cached[name])
    return [
        Figure("every language's hello over HTTP, cold cache, p50, s", cold[slowest], 1.5, "lower",
               f"an amount: slowest {slowest}; " + ", ".join(f"{name} {s:.2f}" for name, s in cold.items())),
        Figure("compiled languages' hello, from the compile cache, p50, s", cached[worst], 0.5, "lower",
               f"an amount, a third of the cold bound: slowest {worst}; "
               + ", ".join(f"{name} {s:.2f} ({s / cold[name]:.2f} of its cold)" for name, s in cached.items())),
    ]  # fmt: skip


def _crowd(stack: RunningStack, languages: Sequence[dict[str, object]]) -> Figure:
    names = [str(language["name"]) for language in languages]
    clients = [Client(stack) for _ in range(CROWD)]
    seconds: list[float] = []
    for turn in range(CROWD_ROUNDS):
        chosen = [names[(turn + number) % len(names)] for number in range(CROWD)]
        with ThreadPoolExecutor(CROWD) as pool:
            seconds += pool.map(lambda client, name: client.run(name, hello(name)), clients, chosen)
    return Figure("20 clients at once, mixed languages, cold cache, p95, s", percentile(seconds, 95), 3, "lower",
                  f"an amount: p50 {statistics.median(seconds):.2f}, max {max(seconds):.2f}; no error")  # fmt: skip


def _worker_memory() -> Figure:
    sizes = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            command = (status.parent / "cmdline").read_bytes().split(b"\0")
            if b"celery" in command and b"worker" in command and any(b"code_runs" in part for part in command):
                sizes.append(resident_bytes(status.read_text()))
        except FileNotFoundError:
            continue  # It ended between the listing and the reading.
    return Figure("code worker's resident memory, MiB", max(sizes) / _MIB, 160, "lower", "an amount, no ratio: VmRSS")
