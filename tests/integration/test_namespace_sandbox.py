"""What is special about boxes made with unshare; the rest is in the contract and among the programs."""

import logging
import subprocess
from pathlib import Path

import pytest

from adapters.box_pool import PoolOptions
from adapters.namespace_sandbox import NamespaceSandbox
from cli.sandboxes import SandboxChoice, choose_sandbox
from config.settings import REPOSITORY, load_stack
from domain.code_runs.sandbox import SandboxError
from tests.sandboxes import IMAGES_DIR, LIMITS, PYTHON, create_namespace_sandbox, eventually, load, run


@pytest.fixture(scope="module")
def sandbox():
    sandbox = create_namespace_sandbox()
    yield sandbox
    sandbox.close()


@pytest.fixture
def session(sandbox):
    with sandbox.session(PYTHON) as session:
        yield session


def test_it_says_at_start_that_it_is_weaker_and_what_it_does_not_enforce(caplog):
    sandbox = NamespaceSandbox(IMAGES_DIR, PoolOptions(size=1))

    with caplog.at_level(logging.WARNING):
        try:
            sandbox.start()
        except SandboxError:
            pass
        finally:
            sandbox.close()

    assert "weaker" in caplog.text
    assert "system calls" in caplog.text


def test_only_languages_that_work_in_a_box_are_found(sandbox):
    found = sandbox.languages_found({"python": ("python3", "--version"), "cobol": ("no-such-compiler", "--version")})

    assert found.keys() == {"python"}
    assert found["python"].startswith("Python 3.")


def test_a_stack_without_an_engine_takes_namespaces_and_of_the_languages_those_asked_for(sandbox, monkeypatch):
    # Nobody listens there.
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    settings = load_stack({"API_LANGUAGES": "python"})

    assert choose_sandbox(settings, lambda _: None) == SandboxChoice("namespace", ("python",))


@pytest.mark.parametrize("folder", ["/", "/usr", "/etc", "/agent", "/dev", "/box", "/opt"])
def test_the_machines_files_cannot_be_written(session, folder):
    end = session.run(("sh", "-c", f"echo x > {folder}/planted"), b"", LIMITS)

    assert end.exit_code != 0


@pytest.mark.parametrize(
    "path", ["/root/.bashrc", "/home", "/etc/shadow", "/etc/passwd", "/var", "/sys", str(REPOSITORY)]
)
def test_the_rest_of_the_machine_is_not_there(session, path):
    end = session.run(("sh", "-c", f"cat {path} || ls {path}"), b"", LIMITS)

    assert (end.stdout, end.exit_code == 0) == (b"", False)


def test_a_program_sees_its_own_processes_only(session):
    end = run(session, "import os; print([p for p in os.listdir('/proc') if p.isdigit()] == [str(os.getpid())])")

    assert end.stdout == b"True\n"


def test_there_is_no_network(session):
    end = run(session, "import socket; socket.create_connection(('127.0.0.1', 22), 1)")

    assert end.exit_code == 1
    assert b"unreachable" in end.stderr


def test_a_program_that_makes_the_agent_its_debugger_is_killed(session):
    source = "import ctypes, os; ctypes.CDLL(None).ptrace(0, 0, 0, 0); os.execv('/bin/true', ['true'])"

    end = run(session, source)

    assert end.signal == 9


def test_system_v_objects_cannot_be_made(session):
    end = run(session, "import ctypes; print(ctypes.CDLL(None).shmget(1, 4096, 0o1666))")

    assert end.stdout == b"-1\n"


def test_closing_leaves_no_process_and_no_mount():
    before = boxes()
    sandbox = NamespaceSandbox(IMAGES_DIR, PoolOptions(size=1))
    try:
        with sandbox.session(PYTHON) as session:
            load(session, "print(1)")
            session.run(PYTHON.run_command, b"", LIMITS)
            made = boxes() - before
    except SandboxError as error:
        pytest.skip(str(error))
    finally:
        sandbox.close()

    assert len(made) == 1
    eventually(lambda: not made & boxes())
    assert made.pop() not in Path("/proc/mounts").read_text()


def boxes():
    """Return the folders that boxes of this machine were mounted on."""
    processes = subprocess.run(["ps", "-ewwo", "args"], check=True, capture_output=True, text=True).stdout
    return {word for word in processes.split() if "yardmaster-box-" in word}
