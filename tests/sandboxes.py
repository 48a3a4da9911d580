"""What the tests of sandboxes share: small languages, limits, and images with the agent of this work tree."""

from __future__ import annotations

import functools
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.box_pool import PoolOptions
from adapters.docker_sandbox import DockerOptions, DockerSandbox
from adapters.image_builder import ImageSource
from adapters.language_folder import load_languages
from adapters.namespace_sandbox import NamespaceSandbox
from cli.engine import build_images, is_engine_answering
from domain.code_runs.languages import Language
from domain.code_runs.model import Execution, Limits, SourceFile
from domain.code_runs.sandbox import SandboxError, SandboxSession

IMAGES_DIR = Path(__file__).resolve().parent.parent / "sandbox_images"
LIMITS = Limits(
    cpu_s=2.0, wall_s=5.0, memory_bytes=128 << 20, processes=32, output_bytes=1 << 16, file_bytes=16 << 20
)
PYTHON = Language(
    name="python",
    title="Python",
    version="3",
    image="yardmaster-test/python",
    file_name="main.py",
    compile_command=None,
    run_command=("python3", "-B", "/box/app/main.py"),
    has_zygote=True,
    limits=LIMITS,
    max_limits=LIMITS,
    compile_limits=LIMITS,
)
# Compiled, for a test: what the "compiler" leaves in /box/out is what runs.
COPIED = replace(
    PYTHON,
    name="copied",
    compile_command=("sh", "-c", "cp main.py /box/out/program.py"),
    run_command=("python3", "-B", "/box/app/program.py"),
)
C = replace(
    PYTHON,
    name="c",
    image="yardmaster-test/c",
    file_name="main.c",
    compile_command=("gcc", "-O1", "-pipe", "-o", "/box/out/program", "main.c"),
    run_command=("/box/app/program",),
)


def within(**changes: float) -> Limits:
    return replace(LIMITS, **changes)  # type: ignore[arg-type]


def load(session: SandboxSession, source: str, *files: SourceFile, name: str = "main.py") -> None:
    session.load([SourceFile(name, source.encode()), *files])


def run(session: SandboxSession, source: str, stdin: bytes = b"", limits: Limits = LIMITS) -> Execution:
    """Load a Python program and run it."""
    load(session, source)
    return session.run(PYTHON.run_command, stdin, limits)


def run_c(session: SandboxSession, source: str, stdin: bytes = b"", limits: Limits = LIMITS) -> Execution:
    """Load a C program, compile it and run it."""
    load(session, source, name=C.file_name)
    made = session.compile(C.compile_command or (), LIMITS)
    assert made.exit_code == 0, made.stderr
    return session.run(C.run_command, stdin, limits)


def shipped_languages() -> dict[str, Language]:
    """Build the image of every shipped language and return them, or skip the test where there is no engine."""
    if not is_engine_answering():
        pytest.skip("no Docker engine answers")
    return load_languages(IMAGES_DIR, build_images(ImageSource(IMAGES_DIR)))


def create_docker_sandbox(images_dir: Path = IMAGES_DIR, *, size: int = 4, **options: float) -> DockerSandbox:
    """Return a sandbox on this machine's engine, or skip the test where there is none."""
    reason = why_no_docker()
    if reason:
        pytest.skip(reason)
    return DockerSandbox(DockerOptions(images_dir), PoolOptions(size=size, **options))  # type: ignore[arg-type]


def create_namespace_sandbox(*, size: int = 4) -> NamespaceSandbox:
    """Return a sandbox of this machine's namespaces, or skip the test where they do not isolate."""
    sandbox = NamespaceSandbox(IMAGES_DIR, PoolOptions(size=size))
    try:
        sandbox.start()
    except SandboxError as error:
        sandbox.close()
        pytest.skip(str(error))
    return sandbox


def eventually(condition: Callable[[], bool], timeout_s: float = 15.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout


@functools.cache
def why_no_docker() -> str | None:
    """Say why programs cannot run in containers here, or ``None`` when they can."""
    try:
        docker("version")
        for language in (PYTHON, C):
            _build(language)
    except FileNotFoundError:
        return "the docker command is missing"
    except subprocess.CalledProcessError as error:
        return f"docker failed: {error.stderr.strip()[-300:]}"
    return None


def _build(language: Language) -> None:
    """Put this work tree's agent on top of the language's image, whichever agent that was built with."""
    base = language.image.replace("yardmaster-test", "yardmaster")
    dockerfile = f"FROM {base}\nRUN rm -rf /usr/lib/yardmaster/agent\nCOPY agent /usr/lib/yardmaster/agent\n"
    subprocess.run(
        ["docker", "build", "-q", "--network", "none", "-t", language.image, "-f", "-", str(IMAGES_DIR)],
        input=dockerfile.encode(), check=True, capture_output=True,
    )  # fmt: skip
