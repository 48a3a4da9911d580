"""The life of containers on a real engine: made, checked, used again, killed, lost, and found by the reaper."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adapters.box_pool import PoolOptions
from adapters.docker_sandbox import DockerOptions, DockerSandbox
from adapters.docker_sandbox.engine import CREATED_LABEL, LABEL, OWNER_LABEL
from adapters.docker_sandbox.reaper import owner_name
from domain.code_runs.sandbox import SandboxError, SandboxKilledError
from tests.sandboxes import IMAGES_DIR, LIMITS, PYTHON, C, create_docker_sandbox, docker, eventually, run

DEAD_PID = "1999999"


@pytest.fixture
def sandbox():
    sandbox = create_docker_sandbox()
    yield sandbox
    sandbox.close()


@pytest.fixture
def images_dir(tmp_path):
    """A copy of what the adapter reads, for tests to change."""
    folder = tmp_path / "sandbox_images"
    shutil.copytree(IMAGES_DIR / "agent", folder / "agent")
    return folder


def containers(owner=None):
    label = f"{OWNER_LABEL}={owner or owner_name()}"
    return docker("ps", "-aq", "--filter", f"label={label}").split()


def test_the_self_test_finds_nothing_that_gets_through(sandbox):
    sandbox.start([PYTHON, C])


def test_the_self_test_refuses_an_engine_that_runs_without_the_filter(images_dir):
    (images_dir / "agent" / "seccomp.json").write_text('{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}')
    sandbox = create_docker_sandbox(images_dir)

    with pytest.raises(SandboxError, match=r"AF_VSOCK.*io_uring_setup"):
        sandbox.start([PYTHON])

    sandbox.close()


def test_a_box_is_used_again_and_thrown_away_after_its_last_use():
    sandbox = create_docker_sandbox(size=1, max_uses=2)

    for _ in range(4):
        with sandbox.session(PYTHON) as session:
            assert run(session, "print(1)").exit_code == 0

    assert (sandbox.counters().created, sandbox.counters().reused) == (2, 2)
    sandbox.close()


def test_single_use_boxes_are_never_used_again():
    sandbox = create_docker_sandbox(is_reused=False)

    for _ in range(3):
        with sandbox.session(PYTHON) as session:
            run(session, "print(1)")

    assert sandbox.counters().reused == 0
    assert sandbox.counters().disposed == {"single use": 3}
    sandbox.close()


def test_the_least_recently_used_language_gives_way():
    sandbox = create_docker_sandbox(size=2)
    for language in (C, PYTHON):
        with sandbox.session(language):
            pass
    sandbox._pool.wait_until_warm(30)

    with sandbox.session(PYTHON), sandbox.session(PYTHON):
        counters = sandbox.counters()

    assert (counters.busy, counters.idle) == (2, 0)
    assert counters.disposed["evicted"] > 0
    sandbox.close()


def test_killing_a_session_ends_every_process_of_its_container(sandbox):
    with sandbox.session(PYTHON):
        pass
    sandbox._pool.wait_until_warm(30)
    before = set(containers())

    with sandbox.session(PYTHON) as session:
        session.kill()
        with pytest.raises(SandboxKilledError):
            session.run(PYTHON.run_command, b"", LIMITS)

    eventually(lambda: len(before - set(containers())) == 1)
    assert sandbox.counters().disposed == {"killed": 1}


def test_a_container_killed_from_outside_fails_the_run_and_not_the_next(sandbox):
    with sandbox.session(PYTHON) as session:
        run(session, "print(1)")
        docker("kill", *containers())
        with pytest.raises(SandboxError):
            session.run(PYTHON.run_command, b"", LIMITS)

    with sandbox.session(PYTHON) as session:
        assert run(session, "print(3)").stdout == b"3\n"


def test_containers_that_died_idle_are_replaced(sandbox):
    with sandbox.session(PYTHON):
        pass
    sandbox._pool.wait_until_warm(30)
    docker("kill", *containers())
    eventually(lambda: not containers())

    sandbox._pool.tend()

    with sandbox.session(PYTHON) as session:
        assert run(session, "print(3)").stdout == b"3\n"
    assert sandbox.counters().disposed["died idle"] > 0


def test_a_worker_that_dies_leaves_no_container(tmp_path):
    script = tmp_path / "worker.py"
    script.write_text(
        "import os, signal, sys\n"
        "from adapters.docker_sandbox.reaper import owner_name\n"
        "from tests.sandboxes import *\n"
        "sandbox = create_docker_sandbox()\n"
        "print(owner_name(), flush=True)\n"
        "with sandbox.session(PYTHON) as session:\n"
        "    load(session, 'import time; time.sleep(100)')\n"
        "    sys.stdin.readline()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    worker = subprocess.Popen(
        [sys.executable, str(script)], cwd=IMAGES_DIR.parent, env={"PYTHONPATH": ".", "PATH": "/usr/bin:/bin"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    owner = worker.stdout.readline().strip()
    eventually(lambda: containers(owner))

    worker.communicate("die\n")

    eventually(lambda: not containers(owner))


def test_containers_of_a_dead_owner_are_removed_at_start_and_those_of_a_living_one_are_not(sandbox):
    host = owner_name().split("/")[0]
    owners = {"dead": f"{host}/{DEAD_PID}/1", "living": f"{host}/{os.getppid()}/{_start_time(os.getppid())}",
              "elsewhere": "another-host/1/1"}  # fmt: skip
    for owner in owners.values():
        docker("create", "--network", "none", "--label", f"{LABEL}=1", "--label", f"{OWNER_LABEL}={owner}",
               "--label", f"{CREATED_LABEL}={int(time.time())}", PYTHON.image, "true")  # fmt: skip

    sandbox.start([])

    assert {name: len(containers(owner)) for name, owner in owners.items()} == {
        "dead": 0,
        "living": 1,
        "elsewhere": 1,
    }
    for name in ("living", "elsewhere"):
        docker("rm", *containers(owners[name]))


def _start_time(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def test_an_image_with_another_agent_is_refused_with_the_remedy(images_dir):
    (images_dir / "agent" / "frames.py").write_text("")
    sandbox = create_docker_sandbox(images_dir)

    with pytest.raises(SandboxError, match="yardmaster images build"), sandbox.session(PYTHON):
        pass

    sandbox.close()
    assert sandbox.counters().created == 0


def test_an_engine_that_does_not_answer_is_an_error_and_not_a_wait():
    sandbox = DockerSandbox(DockerOptions(IMAGES_DIR, docker_host="tcp://127.0.0.1:9"), PoolOptions())

    for _ in range(2):
        with pytest.raises(SandboxError), sandbox.session(PYTHON):
            pass
    with pytest.raises(SandboxError, match="does not answer"):
        sandbox.start([PYTHON])

    sandbox.close()
