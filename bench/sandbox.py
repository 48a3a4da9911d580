"""What the sandbox adds to a program: against the bare process, and against a container made for each run."""

from __future__ import annotations

import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from adapters.box_pool import PoolOptions
from adapters.compile_cache import FileCompileCache
from adapters.docker_sandbox import DockerOptions, DockerSandbox
from adapters.language_folder import load_languages
from bench.bare import bare_python
from bench.figures import Figure
from bench.programs import HELLO
from config.settings import REPOSITORY
from domain.code_runs.judge import run_code
from domain.code_runs.languages import Language
from domain.code_runs.model import Case, CodeRun, Compare, Verdict
from domain.code_runs.sandbox import Sandbox

IMAGES = REPOSITORY / "sandbox_images"
ROUNDS = 60
DOCKER_ROUNDS = 8
WARM_UP_ROUNDS = 5
_AGENT = b"/usr/lib/yardmaster/agent/__main__.py"
_ZYGOTE = b"python3\0-B\0/box/app/main.py\0"
_MIB = 2**20

# The options of adapters/docker_sandbox/options.py that the command line of every engine knows.
DOCKER_RUN = shlex.split("""docker run --rm --network none --cap-drop ALL --security-opt no-new-privileges --read-only
 --ipc none
 --tmpfs /box:rw,exec,size=64m --tmpfs /tmp:rw,size=64m --memory 512m --memory-swap 512m --pids-limit 80 --cpus 2
 --ulimit core=0 --log-driver none --user 65534:65534""")


def measure() -> Sequence[Figure]:
    """Run the same Python hello in turn in a warm box and as a bare process, then by ``docker run``."""
    language = load_languages(IMAGES)["python"]
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(DockerSandbox(DockerOptions(IMAGES), PoolOptions(size=2))) as sandbox,
        bare_python(HELLO["python"], language.image) as bare,
    ):
        sandbox.start([language])
        cache = FileCompileCache(Path(folder), _MIB)
        boxed_s, bare_s = [], []
        for number in range(-WARM_UP_ROUNDS, ROUNDS):
            one_boxed_s, one_bare_s = _run_boxed(language, sandbox, cache), bare.seconds(1)
            if number >= 0:
                boxed_s.append(one_boxed_s)
                bare_s.append(one_bare_s)
        agent_bytes, zygote_bytes = max(_resident(_AGENT)), max(_resident(_ZYGOTE))
    docker_run_s = [_docker_run(language.image) for _ in range(DOCKER_ROUNDS)]
    boxed_ms, bare_ms, docker_ms = (1000 * statistics.median(each) for each in (boxed_s, bare_s, docker_run_s))
    return [
        Figure("warm Python hello, p50 / bare process", boxed_ms / bare_ms, 1.6, "lower",
               f"{boxed_ms:.1f} ms / {bare_ms:.1f} ms, {ROUNDS} pairs in turn"),
        Figure("warm Python hello, p50 / docker run --rm", boxed_ms / docker_ms, 1 / 15, "lower",
               f"{boxed_ms:.1f} ms / {docker_ms:.0f} ms"),
        Figure("agent's resident memory, MiB", agent_bytes / _MIB, 16, "lower",
               f"an amount: VmRSS of pid 1; of a zygote beside it {zygote_bytes / _MIB:.1f}"),
    ]  # fmt: skip


def _run_boxed(language: Language, sandbox: Sandbox, cache: FileCompileCache) -> float:
    case = Case("only", b"", b"hello\n")
    run = CodeRun("python", HELLO["python"].encode(), (), (), (case,), Compare.EXACT, language.limits)
    began = time.perf_counter()
    result = run_code(run, language, sandbox, cache)
    elapsed_s = time.perf_counter() - began
    if result.verdict is not Verdict.ACCEPTED:
        raise RuntimeError(f"hello was not accepted: {result}")
    # The box is being reset now; a program that came at once would be given the spare one.
    time.sleep(0.02)
    return elapsed_s


def _docker_run(image: str) -> float:
    began = time.perf_counter()
    subprocess.run([*DOCKER_RUN, image, "python3", "-c", HELLO["python"]], check=True, stdout=subprocess.DEVNULL)
    print(".", end="", file=sys.stderr, flush=True)
    return time.perf_counter() - began


def _resident(command_line: bytes) -> list[int]:
    """Return the resident memory of every process on this machine whose command line has ``command_line`` in it."""
    sizes = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if command_line in (status.parent / "cmdline").read_bytes():
                sizes.append(resident_bytes(status.read_text()))
        except FileNotFoundError:
            continue  # It ended between the listing and the reading.
    return sizes


def resident_bytes(status: str) -> int:
    """Read VmRSS from the text of ``/proc/<pid>/status``."""
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found.group(1)) * 1024
