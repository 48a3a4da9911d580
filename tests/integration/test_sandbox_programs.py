"""What programs in a box cannot do, cannot leave behind, and cannot hide; in containers and in namespaces alike."""

import signal

import pytest

from domain.code_runs.model import LimitHit
from tests.sandboxes import (
    LIMITS,
    PYTHON,
    C,
    create_docker_sandbox,
    create_namespace_sandbox,
    load,
    run,
    run_c,
    within,
)

SANDBOXES = {"docker": create_docker_sandbox, "namespace": create_namespace_sandbox}


@pytest.fixture(params=SANDBOXES)
def sandbox(request):
    sandbox = SANDBOXES[request.param]()
    yield sandbox
    sandbox.close()


@pytest.fixture(scope="module", params=SANDBOXES)
def shared(request):
    sandbox = SANDBOXES[request.param]()
    yield sandbox
    sandbox.close()


@pytest.fixture(scope="module")
def docker():
    """For what needs a compiler, which a machine without images may lack, or a container's own bounds."""
    sandbox = create_docker_sandbox()
    yield sandbox
    sandbox.close()


@pytest.fixture
def session(shared):
    with shared.session(PYTHON) as session:
        yield session


@pytest.fixture
def c_session(docker):
    with docker.session(C) as session:
        yield session


def test_the_environment_of_a_program_holds_four_variables(session):
    end = run(session, "import os; print(sorted(os.environ.keys() - {'LC_CTYPE'}))")

    assert end.stdout == b"['HOME', 'LANG', 'PATH', 'TMPDIR']\n"


def test_each_case_runs_as_another_user(session):
    load(session, "import os; print(os.getuid(), os.geteuid(), os.getgid(), os.getgroups())")

    uids = [session.run(PYTHON.run_command, b"", LIMITS).stdout for _ in range(3)]

    assert len(set(uids)) == 3
    assert all(int(line.split()[0]) > 1 << 20 for line in uids)


def test_a_program_cannot_change_itself_for_the_next_case(session):
    source = """
import os
try: os.unlink('main.py')
except OSError as e: print(e.errno)
try: open('main.py', 'w')
except OSError as e: print(e.errno)
"""
    load(session, source)

    ends = [session.run(PYTHON.run_command, b"", LIMITS) for _ in range(2)]

    assert [end.stdout for end in ends] == [b"1\n13\n"] * 2


def test_the_processes_of_a_program_cannot_outlive_it(session):
    source = (
        "import os, time\n"
        "for n in range(5):\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "        if os.fork() == 0: time.sleep(100)\n"
        "        os._exit(0)\n"
        "print(len([p for p in os.listdir('/proc') if p.isdigit()]) > 3)"
    )
    load(session, "import os; print(len([p for p in os.listdir('/proc') if p.isdigit()]) <= 3, end=' ')\n" + source)

    ends = [session.run(PYTHON.run_command, b"", LIMITS) for _ in range(2)]

    assert [(end.stdout, end.exit_code) for end in ends] == [(b"True True\n", 0)] * 2


def test_a_fork_bomb_ends_and_the_next_program_runs(shared):
    with shared.session(PYTHON) as session:
        end = run(session, "import os\nwhile True: os.fork()", limits=within(processes=20, wall_s=1.0, cpu_s=1.0))
    with shared.session(PYTHON) as session:
        after = run(session, "print('fine')")

    # Memory, where a box without a cgroup counts what twenty copies share for each of them.
    assert end.limit_hit in (LimitHit.TIME, LimitHit.MEMORY) or end.exit_code == 1
    assert after.stdout == b"fine\n"


def test_the_number_of_processes_is_limited(session):
    source = """
import os, time
n = 0
try:
    while n < 100:
        if os.fork() == 0: time.sleep(9)
        n += 1
except BlockingIOError: print(n)
"""

    end = run(session, source, limits=within(processes=8))

    assert end.stdout == b"7\n"


def test_a_file_beyond_its_limit_ends_the_program(session):
    source = """
import os, signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
os.write(os.open('big', 65), b'x' * (2 << 20))
os.write(3, b'y')
"""

    end = run(session, source, limits=within(file_bytes=1 << 20))

    assert end.signal == signal.SIGXFSZ


def test_a_full_disk_is_an_error_for_the_program_and_the_end_of_its_box(sandbox):
    source = """
import sys
try:
 for n in range(99): open(f'/tmp/{n}', 'wb').write(b'x' * (8 << 20))
except OSError as e: print(e.errno)
"""

    with sandbox.session(PYTHON) as session:
        end = run(session, source)

    assert end.stdout == b"28\n"
    assert sandbox.counters().disposed == {"hard limit": 1}


def test_a_million_files_meet_the_bound_of_files(sandbox):
    source = """
n = 0
try:
 while n < 10**6:
  open(f'f{n}', 'x').close(); n += 1
except OSError as e: print(n > 10000, e.errno)
"""

    with sandbox.session(PYTHON) as session:
        first = run(session, source, limits=within(cpu_s=10.0, wall_s=20.0))
        second = session.run(("sh", "-c", "ls /box/app"), b"", LIMITS)

    assert (first.stdout, second.stdout) == (b"True 28\n", b"main.py\n")


@pytest.mark.parametrize(
    "source",
    [
        """
import os
for i in range(4000):
    os.mkdir('d')
    os.chdir('d')
""",
        """
import os
os.mkdir('locked')
open('locked/file', 'x')
os.mkdir('locked/in')
os.chmod('locked/in', 0)
os.chmod('locked', 0)
""",
        """
import os
for place in ('/tmp', '/dev/shm', '/box/src', '/box/out', '.'):
 os.symlink('/etc/passwd', place + '/link')
 os.mkfifo(place + '/fifo')
 open(place + '/\\udcff\\n', 'x')
""",
        """
import socket
socket.socket(socket.AF_UNIX).bind('/tmp/socket')
""",
        """
import os
os.mkdir('s')
os.chmod('s', 0o1777)
open('s/f', 'x')
os.mkdir('s/d')
os.symlink('..', 's/d/up')
""",
    ],
    ids=["deep", "mode 000", "links, pipes and odd names", "socket", "sticky"],
)
def test_whatever_a_program_leaves_is_gone_and_its_box_serves_on(shared, source):
    places = "find /tmp /dev/shm /box/src /box/out /box/app -mindepth 1 2>&1"
    before = shared.counters()

    with shared.session(PYTHON) as session:
        end = run(session, source)
        left = session.run(("sh", "-c", places), b"", LIMITS)

    assert (end.exit_code, end.stderr) == (0, b"")
    assert left.stdout == b"/box/app/main.py\n"
    assert shared.counters().disposed == before.disposed


def test_a_boxs_next_owner_finds_nothing(shared):
    planted = "open('/tmp/mine', 'w').write('secret'); open('/dev/shm/mine', 'x'); open('mine', 'x')"

    with shared.session(PYTHON) as session:
        run(session, planted)
    with shared.session(PYTHON) as session:
        end = session.run(("sh", "-c", "ls -A /tmp /dev/shm /box/*; ipcs; ls /dev/mqueue"), b"", LIMITS)

    assert b"mine" not in end.stdout


def test_out_of_memory_in_the_kernel_is_a_memory_limit_and_the_end_of_the_box(docker):
    # Far beyond the box's own bound, in less time than a tick of the agent takes.
    source = """
import os
for n in range(8):
 if os.fork() == 0: b'x' * (1 << 30)
for n in range(8): os.wait()
"""

    with docker.session(PYTHON) as session:
        end = run(session, source, limits=within(memory_bytes=1 << 40))

    assert end.limit_hit is LimitHit.MEMORY
    assert "hard limit" in docker.counters().disposed


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("*(volatile int *)0 = 1;", signal.SIGSEGV),
        ("volatile int a = 7, z = 0; return a / z;", signal.SIGFPE),
        ("abort();", signal.SIGABRT),
    ],
)
def test_a_c_program_that_crashes_shows_its_signal(c_session, statement, number):
    end = run_c(c_session, f"#include <stdlib.h>\nint main(void) {{ {statement} }}")

    assert (end.signal, end.limit_hit) == (number, None)


def test_small_programs_are_measured_as_small(c_session):
    end = run_c(c_session, "int main(void) { return 0; }")

    assert end.usage.memory_bytes < 12 << 20


@pytest.mark.parametrize(
    "made",
    ["ln -s /etc/passwd /box/out/program", "mkfifo /box/out/program",
     "touch /box/out/a; ln /box/out/a /box/out/program", "mkdir -p $(printf '/box/out/%0100d' 0 | sed 's/0/d\\//g')",
     "truncate -s 1G /box/out/program"],
    ids=["link", "pipe", "hard link", "deep folders", "huge"],
)  # fmt: skip
def test_what_a_compiler_may_not_leave_is_a_failed_compilation(shared, made):
    with shared.session(C) as session:
        load(session, "", name="main.c")
        end = session.compile(("sh", "-c", made), within(file_bytes=2 << 30))
        again = session.run(("sh", "-c", "ls -A /box/app"), b"", LIMITS)

    assert end.exit_code == 1
    assert b"the compiler left" in end.stderr
    assert again.stdout == b""


def test_nothing_of_the_source_is_there_when_the_program_runs(c_session):
    end = run_c(
        c_session, '#include <stdlib.h>\nint main(void) { return system("ls -A /box/src /box/out /box/app"); }'
    )

    assert end.stdout == b"/box/app:\nprogram\n\n/box/out:\n\n/box/src:\n"
