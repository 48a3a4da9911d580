"""What every sandbox promises, held against each of them."""

import threading

import pytest

from domain.code_runs.model import LimitHit, SourceFile
from domain.code_runs.sandbox import SandboxError, SandboxKilledError
from tests.fakes import FakeSandbox
from tests.sandboxes import COPIED, LIMITS, PYTHON, create_docker_sandbox, create_namespace_sandbox, load, run, within

SANDBOXES = {
    "fake": FakeSandbox,
    "docker": create_docker_sandbox,
    "docker, single use": lambda: create_docker_sandbox(is_reused=False),
    "namespace": create_namespace_sandbox,
}


@pytest.fixture(scope="module", params=SANDBOXES)
def sandbox(request):
    sandbox = SANDBOXES[request.param]()
    yield sandbox
    sandbox.close()


@pytest.fixture
def session(sandbox):
    with sandbox.session(PYTHON) as session:
        yield session


def test_a_program_reads_its_input_and_its_output_is_returned(session):
    end = run(session, "print(input()[::-1])", b"olleh\n")

    assert (end.stdout, end.stderr, end.exit_code, end.signal) == (b"hello\n", b"", 0, None)
    assert end.limit_hit is None
    assert 0 < end.usage.cpu_s < 2
    assert end.usage.memory_bytes > 1 << 20


def test_stdout_and_stderr_stay_apart_and_the_exit_code_is_the_programs(session):
    end = run(session, "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")

    assert (end.stdout, end.stderr, end.exit_code) == (b"out\n", b"err\n", 3)


def test_a_program_that_dies_of_a_signal_shows_that_signal(session):
    end = run(session, "import os; os.kill(os.getpid(), 11)")

    assert (end.exit_code, end.signal, end.limit_hit) == (None, 11, None)


def test_large_input_and_output_pass_unharmed(session):
    data = bytes(range(256)) * 8192

    end = run(
        session,
        "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())",
        data,
        within(output_bytes=len(data)),
    )

    assert end.stdout == data
    assert not end.is_stdout_truncated


def test_input_that_the_program_does_not_read_harms_nobody(session):
    end = run(session, "print('done')", b"x" * (1 << 20))

    assert (end.stdout, end.exit_code) == (b"done\n", 0)


def test_a_sleeping_program_is_stopped_at_its_wall_clock_limit(session):
    end = run(session, "import time; print('a', flush=True); time.sleep(60)", limits=within(wall_s=0.3))

    assert (end.limit_hit, end.signal, end.stdout) == (LimitHit.TIME, 9, b"a\n")


def test_a_spinning_program_is_stopped_at_its_cpu_limit(session):
    end = run(session, "while True: pass", limits=within(cpu_s=0.3, wall_s=2.0))

    assert end.limit_hit is LimitHit.TIME


def test_a_program_beyond_its_memory_limit_is_told_so(session):
    end = run(
        session, "x = bytearray(100 << 20); x[::4096] = b'1' * len(x[::4096])", limits=within(memory_bytes=50 << 20)
    )

    assert end.limit_hit is LimitHit.MEMORY


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_output_beyond_its_limit_is_cut_and_its_beginning_kept(session, stream):
    end = run(
        session,
        f"import sys\nfor i in range(3000): print('%04d' % i, file=sys.{stream})",
        limits=within(output_bytes=500),
    )

    assert end.limit_hit is LimitHit.OUTPUT
    assert getattr(end, stream) == b"".join(b"%04d\n" % number for number in range(100))
    assert getattr(end, f"is_{stream}_truncated")


def test_a_command_that_does_not_exist_ends_with_126_and_a_reason(session):
    end = session.run(("no-such-command",), b"", LIMITS)

    assert end.exit_code == 126
    assert b"no-such-command" in end.stderr


def test_files_beside_the_program_can_be_read(session):
    load(session, "print(open('numbers.txt').read())", SourceFile("numbers.txt", b"1 2 3"))

    end = session.run(PYTHON.run_command, b"", LIMITS)

    assert end.stdout == b"1 2 3\n"


def test_what_one_case_writes_the_next_does_not_see(session):
    source = "import os; print(sorted(os.listdir('.'))); open('left', 'w').write('x'); os.makedirs('deep/er')"
    load(session, source)

    ends = [session.run(PYTHON.run_command, b"", LIMITS) for _ in range(2)]

    assert [end.stdout for end in ends] == [b"['main.py']\n"] * 2


def test_what_the_compiler_makes_is_run(sandbox):
    with sandbox.session(COPIED) as session:
        load(session, "print('compiled')")

        made = session.compile(COPIED.compile_command, LIMITS)
        end = session.run(COPIED.run_command, b"", LIMITS)

    assert made.exit_code == 0
    assert end.stdout == b"compiled\n"


def test_a_compiler_that_fails_is_quoted(sandbox):
    with sandbox.session(COPIED) as session:
        load(session, "")

        made = session.compile(("sh", "-c", "echo wrong >&2; exit 2"), LIMITS)

    assert (made.exit_code, made.stderr) == (2, b"wrong\n")


def test_an_artefact_runs_in_another_session_without_its_source(sandbox):
    with sandbox.session(COPIED) as session:
        load(session, "print('once compiled')")
        session.compile(COPIED.compile_command, LIMITS)
        artefact = session.artefact()

    with sandbox.session(COPIED) as session:
        session.install(artefact)
        end = session.run(COPIED.run_command, b"", LIMITS)

    assert end.stdout == b"once compiled\n"


def test_a_damaged_artefact_is_refused(sandbox):
    with sandbox.session(COPIED) as session, pytest.raises(SandboxError):
        session.install(b"not a tar")


def test_kill_ends_a_running_program_and_everything_after_it_is_refused(sandbox):
    with sandbox.session(PYTHON) as session:
        timer = threading.Timer(0.3, session.kill)
        timer.start()

        with pytest.raises(SandboxKilledError):
            run(session, "import time; time.sleep(60)", limits=within(wall_s=50.0))
        session.kill()
        with pytest.raises(SandboxKilledError):
            run(session, "print(1)")
        timer.join()


def test_sessions_run_side_by_side(sandbox):
    with sandbox.session(PYTHON) as one, sandbox.session(PYTHON) as other:
        ends = [run(session, "open('mine', 'x'); print('ok')") for session in (one, other)]

    assert [end.stdout for end in ends] == [b"ok\n"] * 2


@pytest.mark.parametrize("create", SANDBOXES.values(), ids=SANDBOXES)
def test_a_closed_sandbox_gives_no_session(create):
    sandbox = create()

    sandbox.close()
    sandbox.close()

    with pytest.raises(SandboxError), sandbox.session(PYTHON):
        pass
