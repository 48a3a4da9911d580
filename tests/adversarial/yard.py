"""A sandbox on the local engine, its languages, and what can be seen of its boxes from the host."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import docker
import docker.errors
import pytest
import requests

from adapters.box_pool import PoolOptions
from adapters.docker_sandbox import DockerOptions, DockerSandbox
from adapters.docker_sandbox.engine import OWNER_LABEL
from adapters.docker_sandbox.reaper import owner_name
from adapters.language_folder import load_languages
from config.settings import REPOSITORY
from domain.code_runs.judge import run_code
from domain.code_runs.languages import Language
from domain.code_runs.model import Case, CodeRun, Limits, RunResult, SourceFile
from tests.adversarial.hostile import ROOMY, code_run

IMAGES = REPOSITORY / "sandbox_images"
_REMOVAL_S = 5.0

PLAIN = {
    "python": b"print(sum(map(int, input().split())))\n",
    "c": (
        b'#include <stdio.h>\nint main(void) { int a, b; scanf("%d%d", &a, &b); printf("%d\\n", a + b); return 0; }\n'
    ),
    "cpp": b'#include <cstdio>\nint main() { int a, b; scanf("%d%d", &a, &b); printf("%d\\n", a + b); }\n',
    "bash": b"read a b\necho $((a + b))\n",
    "java": (
        b"public class Main { public static void main(String[] args) { var in = new java.util.Scanner(System.in);"
        b" System.out.println(in.nextInt() + in.nextInt()); } }\n"
    ),
    "rust": b"fn main() { let mut line = String::new(); std::io::stdin().read_line(&mut line).unwrap();"
    b' println!("{}", line.split_whitespace().map(|n| n.parse::<i32>().unwrap()).sum::<i32>()); }\n',
    "javascript": (
        b"const [a, b] = require('fs').readFileSync(0, 'utf8').split(' ').map(Number); console.log(a + b);\n"
    ),
    "csharp": (
        b"class Program { static void Main() { var words = System.Console.ReadLine().Split(' ');"
        b" System.Console.WriteLine(int.Parse(words[0]) + int.Parse(words[1])); } }\n"
    ),
    "go": b'package main\nimport "fmt"\nfunc main() { var a, b int; fmt.Scan(&a, &b); fmt.Println(a + b) }\n',
}


class KeepingCache:
    """A compile cache without bounds, so that the plain programs are compiled once."""

    def __init__(self) -> None:
        self._artefacts: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        return self._artefacts.get(key)

    def put(self, key: str, artefact: bytes) -> None:
        self._artefacts[key] = artefact


class ForgettingCache:
    """A compile cache that keeps nothing, so that hostile programs are compiled each time."""

    def get(self, key: str) -> bytes | None:
        return None

    def put(self, key: str, artefact: bytes) -> None:
        return


class Yard:
    """The sandbox of one mode."""

    def __init__(self, sandbox: DockerSandbox, languages: dict[str, Language], client: docker.APIClient) -> None:
        self.sandbox = sandbox
        self.languages = languages
        self._client = client
        self._plain_programs = KeepingCache()

    def judge(self, run: CodeRun, compile_limits: Limits | None = None) -> RunResult:
        """Judge ``run``, compiling it anew.

        Another one goes before a Python program, which then begins as a copy of a zygote if boxes are reused.
        """
        if run.language == "python":
            self.judge_plain("python")
        language = self.languages[run.language]
        if compile_limits is not None:
            language = replace(language, compile_limits=compile_limits)
        return run_code(run, language, self.sandbox, ForgettingCache())

    def judge_plain(self, language: str) -> RunResult:
        """Judge a small program without guile; its compilation is kept."""
        run = code_run(language, PLAIN[language], cases=(Case("plain", b"19 23\n", b"42\n"),))
        return run_code(run, self.languages[language], self.sandbox, self._plain_programs)

    def containers(self) -> list[str]:
        """Return the ids of the containers that this process has."""
        filters = {"label": f"{OWNER_LABEL}={owner_name()}"}
        return sorted(str(container["Id"]) for container in self._client.containers(filters=filters))

    def is_still(self) -> bool:
        """Say whether nothing but agents is alive in the boxes; boxes that are being removed get a moment to end."""
        deadline = time.monotonic() + _REMOVAL_S
        while self.processes():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def processes(self) -> list[str]:
        """Return the command lines of everything but agents and zygotes that is alive in the boxes.

        Seen from the host, where a zygote is told from a program by its user.
        """
        found: list[str] = []
        for container in self.containers():
            try:
                rows = self._client.top(container, "-eo pid,user,args")["Processes"] or []
            except docker.errors.APIError:
                continue  # It was removed in the meantime, and everything in it ended.
            zygote = " ".join(self.languages["python"].run_command)
            found += [
                command
                for _, user, command in rows
                if "/usr/lib/yardmaster/agent" not in command and (user, command) != ("root", zygote)
            ]
        return found

    def written_bytes(self) -> int:
        """Return what the boxes have written to the host's disk: layers and logs."""
        filters = {"label": f"{OWNER_LABEL}={owner_name()}"}
        listed = self._client.containers(filters=filters, size=True)
        for container in listed:
            # Boxes come and go in the background, also between the list and a look at each.
            with suppress(docker.errors.NotFound):
                assert self._client.inspect_container(container["Id"])["HostConfig"]["LogConfig"]["Type"] == "none"
        return sum(int(container.get("SizeRw", 0)) for container in listed)


@contextmanager
def open_yard(*, is_reused: bool, size: int) -> Iterator[Yard]:
    """Open a sandbox on the local engine, or skip where there is none."""
    client = docker.APIClient(version="auto") if _is_engine_there() else pytest.skip("no Docker engine answers")
    # A use more or less than a default allows would give the next program another box than is meant to be tested.
    sandbox = DockerSandbox(DockerOptions(IMAGES), PoolOptions(size=size, is_reused=is_reused, max_uses=10_000))
    try:
        yield Yard(sandbox, load_languages(IMAGES), client)
    finally:
        sandbox.close()
        client.close()


def python_run(
    source: bytes, *, stdin: bytes = b"", args: tuple[str, ...] = (), files: tuple[SourceFile, ...] = ()
) -> CodeRun:
    """Return a run of a Python program whose output does not matter to the verdict."""
    return code_run("python", source, cases=(Case("only", stdin, None),), limits=ROOMY, args=args, files=files)


def _is_engine_there() -> bool:
    try:
        client = docker.APIClient(version="auto", timeout=10)
    except (docker.errors.DockerException, requests.RequestException):
        return False
    client.close()
    return True
