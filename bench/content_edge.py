"""Points of presence: what our configurations cost a hit, a crowd at a cold object, and a fill with its verification.

The load comes from ``wrk``: a client in Python would be what is measured.
"""

from __future__ import annotations

import multiprocessing
import re
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests

from bench.figures import Figure
from cli.stack.servers import HOST, free_port
from tests.edge_origin import running_origin
from tests.pops import RunningPop, start_pop

OBJECT_BYTES = 64 * 1024
CONNECTIONS = 32
ROUNDS = 7
ROUND_S = 2
CROWD = 200
SEGMENTS = 1000
SEGMENT_BYTES = 100_000
# As far as an origin in the same country; a POP on the origin's own machine would be pointless.
ORIGIN_DELAY_S = 0.010
FILL_THREADS = 16
PATH = "/v1/bench"

_BARE_VCL = 'vcl 4.1; backend default {{ .host = "{host}"; .port = "{port}"; }}'
_BARE_NGINX = """
worker_processes auto; pid {folder}/nginx.pid; error_log stderr;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  proxy_cache_path {folder}/cache keys_zone=bare:10m;
  server {{ listen {listen}; proxy_cache bare; location / {{ proxy_pass {origin}; }} }}
}}
"""


def measure() -> Sequence[Figure]:
    """Measure hits of Varnish and nginx, then each kind's crowd, then the fill."""
    if shutil.which("wrk") is None:
        raise RuntimeError("this bench needs wrk (apt-get install wrk)")
    with tempfile.TemporaryDirectory(prefix="yardmaster-bench-") as folder:
        home = Path(folder)
        return [*(_hits(kind, home / f"hits-{kind}") for kind in ("varnish", "nginx")),
                *(_crowd(kind, home / f"crowd-{kind}") for kind in ("varnish", "nginx", "embedded")),
                *(_fill(kind, home / f"fill-{kind}") for kind in ("varnish", "nginx"))]  # fmt: skip


def _hits(kind: str, folder: Path) -> Figure:
    folder.mkdir()
    with running_origin() as origin, ExitStack() as stack:
        origin.put(PATH, b"x" * OBJECT_BYTES, tags="bench bench:1", cookie="")
        ours = stack.enter_context(start_pop(kind, origin.url, folder))
        theirs = stack.enter_context((_bare_varnish if kind == "varnish" else _bare_nginx)(origin.url, folder))
        urls = (ours.url + PATH, theirs + PATH)
        for url in urls:
            requests.get(url, timeout=10).raise_for_status()
            _per_second(url)
        # Now the one first, now the other: what else the machine does falls on both.
        rounds = [[_per_second(url) for url in (urls if turn % 2 else urls[::-1])] for turn in range(ROUNDS)]
        pairs = [pair if turn % 2 else pair[::-1] for turn, pair in enumerate(rounds)]
        if origin.asked[PATH] > 2:
            raise RuntimeError(f"what was measured were no hits: the origin was asked {origin.asked[PATH]} times")
    ratio = statistics.median(mine / bare for mine, bare in pairs)
    mine, bare = (statistics.median(column) for column in zip(*pairs, strict=True))
    return Figure(f"{kind}: hits of 64 KB per second, our configuration / bare", ratio, 0.95, "higher",
                  f"{mine:.0f}/s / {bare:.0f}/s, {CONNECTIONS} connections, median of {ROUNDS} pairs")  # fmt: skip


def _per_second(url: str) -> float:
    argv = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{ROUND_S}s", url]
    printed = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    found = re.search(r"Requests/sec:\s+([0-9.]+)", printed)
    if not found or "Non-2xx" in printed or "Socket errors" in printed:
        raise RuntimeError(printed)
    return float(found[1])


def _crowd(kind: str, folder: Path) -> Figure:
    folder.mkdir()
    with running_origin() as origin, start_pop(kind, origin.url, folder) as pop:
        origin.put(PATH, b"x" * 10 * OBJECT_BYTES)
        origin.delay_s = 0.3
        together = threading.Barrier(CROWD)

        def ask(_: int) -> int:
            together.wait()
            return len(pop.ask(PATH).body)

        with ThreadPoolExecutor(CROWD) as pool:
            sizes = list(pool.map(ask, range(CROWD)))
    if set(sizes) != {10 * OBJECT_BYTES}:
        raise RuntimeError("not everybody was served the whole object")
    return Figure(f"{kind}: origin requests of {CROWD} clients at a cold object", origin.asked[PATH], 1, "lower",
                  "an amount, no ratio; 640 KB, the origin takes 0.3 s")  # fmt: skip


def _fill(kind: str, folder: Path) -> Figure:
    folder.mkdir()
    paths = [f"/v1/hls/seg_{number:04d}.ts" for number in range(SEGMENTS)]
    with _distant_origin(paths) as origin:
        seconds = {}
        for name, fill in (("sequential", _sequentially), ("ours", _filled_and_verified)):
            within = folder / name
            within.mkdir()
            with start_pop(kind, origin, within, capacity_bytes=512 * 2**20) as pop:
                began = time.perf_counter()
                fill(pop, paths)
                seconds[name] = time.perf_counter() - began
    return Figure(f"{kind}: {SEGMENTS} segments one by one / filled and verified by the driver",
                  seconds["sequential"] / seconds["ours"], 3, "higher",
                  f"{seconds['sequential']:.2f} s / {seconds['ours']:.2f} s, {FILL_THREADS} threads, 100 KB each, "
                  f"the origin {ORIGIN_DELAY_S * 1000:.0f} ms away")  # fmt: skip


def _sequentially(pop: RunningPop, paths: Sequence[str]) -> None:
    with requests.Session() as session:
        for path in paths:
            session.get(pop.url + path, timeout=10).raise_for_status()


def _filled_and_verified(pop: RunningPop, paths: Sequence[str]) -> None:
    driver = pop.driver
    with ThreadPoolExecutor(FILL_THREADS) as pool:
        filled = list(pool.map(driver.fetch, paths))
        held = list(pool.map(driver.probe, paths))
    if None in filled or filled != held:
        raise RuntimeError("the POP does not hold what it was filled with")


@contextmanager
def _distant_origin(paths: Sequence[str]) -> Iterator[str]:
    """Run the origin in a process of its own: in ours it would take turns with the client."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_serve_distant, args=(paths, there))
    process.start()
    try:
        yield here.recv()
    finally:
        here.send(None)
        process.join()


def _serve_distant(paths: Sequence[str], there: multiprocessing.connection.Connection) -> None:
    with running_origin() as origin:
        body = b"x" * SEGMENT_BYTES
        for path in paths:
            origin.put(path, body, content_type="video/mp2t")
        origin.delay_s = ORIGIN_DELAY_S
        there.send(origin.url)
        there.recv()


@contextmanager
def _bare_varnish(origin: str, folder: Path) -> Iterator[str]:
    host, _, port = origin.removeprefix("http://").rpartition(":")
    config = folder / "bare.vcl"
    config.write_text(_BARE_VCL.format(host=host, port=port))
    listen = f"{HOST}:{free_port()}"
    argv = ["varnishd", "-F", "-j", "none", "-T", "none", "-n", str(folder / "bare"), "-a", listen, "-f", str(config)]
    with _running(argv, listen):
        yield f"http://{listen}"


@contextmanager
def _bare_nginx(origin: str, folder: Path) -> Iterator[str]:
    listen = f"{HOST}:{free_port()}"
    bare = folder / "bare"
    bare.mkdir()
    config = bare / "nginx.conf"
    config.write_text(_BARE_NGINX.format(folder=bare, listen=listen, origin=origin))
    with _running(["nginx", "-c", str(config), "-g", "user root; daemon off;"], listen):
        yield f"http://{listen}"


@contextmanager
def _running(argv: Sequence[str], listen: str) -> Iterator[None]:
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _until(lambda: requests.get(f"http://{listen}/", timeout=5).status_code > 0)
        yield
    finally:
        process.terminate()
        process.wait()


def _until(answers: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            if answers():
                return
        except requests.RequestException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
