"""Programs that begin as copies of an interpreter that has started: like any other, and strangers to each other."""

import os
import re
import signal
import subprocess
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.docker_sandbox.engine import OWNER_LABEL
from adapters.docker_sandbox.reaper import owner_name
from domain.code_runs.model import LimitHit, SourceFile
from domain.code_runs.sandbox import SandboxError
from tests.sandboxes import (
    COPIED,
    IMAGES_DIR,
    LIMITS,
    PYTHON,
    create_docker_sandbox,
    create_namespace_sandbox,
    docker,
    eventually,
    load,
    within,
)
from web.schemas.code_runs import MAX_ARG_BYTES, MAX_ARGS

# Whatever a program can see of its interpreter and its process, a fact a line.
FACTS = (Path(__file__).parent / "interpreter_facts.py").read_text()
# What the zygote has to load, beside what Python's own start loads.
ADDED = ("_ctypes", "_socket", "agent", "gc", "marshal", "resource", "usercustomize")
ADDRESS = re.compile(" at 0x[0-9a-f]+")
KINDS = {
    "docker": lambda: create_docker_sandbox(size=1),
    "namespace": lambda: create_namespace_sandbox(size=1),
}


@pytest.fixture(params=KINDS)
def sandbox(request):
    """Room for one box, in which nothing ran yet: the first program is executed, and those after it are copies."""
    sandbox = KINDS[request.param]()
    yield sandbox
    sandbox.close()


def run_one(sandbox, source, *files, args=(), stdin=b"", limits=LIMITS, language=PYTHON):
    with sandbox.session(language) as session:
        load(session, source, *files)
        return session.run((*language.run_command, *args), stdin, limits)


def hash_seed(sandbox):
    """Return what only copies of one interpreter have in common."""
    return run_one(sandbox, "print(hash('seed'))").stdout


def test_programs_of_one_box_are_copies_of_one_interpreter(sandbox):
    executed, copied, copied_too = (hash_seed(sandbox) for _ in range(3))

    assert executed != copied == copied_too


def test_a_copy_sees_what_a_program_sees_that_was_executed(sandbox):
    executed, copied = (
        ADDRESS.sub("", run_one(sandbox, FACTS, args=("one", "é"), stdin=b"read\n").stdout.decode()).splitlines()
        for _ in range(2)
    )

    assert len(executed) > 100
    assert copied == executed


@pytest.mark.parametrize(
    "source",
    [
        "print('no newline at the end', end='')",
        "def f(n): return 1 // n\nf(0)",
        "import sys; sys.exit(3)",
        "import sys; sys.exit('a reason')",
        "raise SystemExit",
        "raise KeyboardInterrupt",
        "this is not Python",
        "import os; print('lost', end=''); os._exit(4)",
        "import os; os.kill(os.getpid(), 15)",
        "import os, signal; os.kill(os.getpid(), signal.SIGINT)",
        "import atexit; atexit.register(print, 'at the end')",
        "import threading; threading.Thread(target=print, args=('from a thread',)).start()",
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import sys; print(sys.path[1:], sys.argv)'])",
        "import multiprocessing\np = multiprocessing.get_context('fork').Process(target=print)\np.start(); p.join()",
        "class A:\n    def __del__(self): print('deleted')\na = A()",
        "class A:\n    def __del__(self): print('deleted')\na = A(); a.itself = a",
        "class A:\n    def __del__(self): print('deleted')\nb = [A()]\ndef f(): return b",
        "f = open(1, 'w', closefd=False); f.write('not flushed')",
        "import sys; sys.stdout.close(); print('nowhere')",
        "def r(n): r(n + 1)\nr(0)",
        "print(''.join(input() for _ in range(2)))",
        "import sys; print(sys.stdin.buffer.read())",
        "import os; os.write(1, b'\\xff\\x00'); print(os.read(0, 3))",
    ],
)
def test_a_copy_ends_as_a_program_that_was_executed(sandbox, source):
    executed, copied = (run_one(sandbox, source, stdin=b"one\ntwo\n") for _ in range(2))

    for field in ("stdout", "stderr", "exit_code", "signal", "limit_hit"):
        assert getattr(copied, field) == getattr(executed, field)


@pytest.mark.parametrize("name", ADDED)
def test_a_copy_imports_its_own_module_where_an_executed_program_does(sandbox, name):
    source = f"import {name}; print(getattr({name}, 'MINE', 'of the library'), len(dir({name})) > 5)"
    mine = SourceFile(f"{name}.py", b"MINE = 'my own'\n")

    executed, copied = (run_one(sandbox, source, mine) for _ in range(2))
    _, library = (run_one(sandbox, f"import ctypes, socket, resource, gc, marshal, {name}") for _ in range(2))

    assert copied.stdout == executed.stdout != b""
    assert library.exit_code == (0 if name not in ("agent", "usercustomize") else 1)


def test_a_copy_is_the_agents_child_from_its_first_instruction(sandbox):
    source = (
        "import os, ctypes, time; parent = os.getppid()\n"
        "ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL\n"
        "time.sleep(0.01); print(parent)"
    )
    hash_seed(sandbox)
    burners = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(4)]

    ends = [run_one(sandbox, source) for _ in range(40)]

    for burner in burners:
        burner.kill()
        burner.wait()
    assert [(end.stdout, end.signal) for end in ends] == [(b"1\n", None)] * len(ends)


@pytest.mark.parametrize(
    ("source", "limit_hit"),
    [
        ("while True: pass", LimitHit.TIME),
        ("x = bytearray(100 << 20); x[::4096] = b'1' * len(x[::4096])", LimitHit.MEMORY),
        ("while True: print('x' * 1000)", LimitHit.OUTPUT),
        ("import subprocess; subprocess.Popen(['sleep', '100'])", None),
        ("import os; os.fork() or os.execvp('sleep', ['sleep', '100'])", None),
        ("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", LimitHit.TIME),
        ("import os; os.kill(-1, 9)", None),
    ],
)
def test_what_must_be_killed_costs_the_zygote_and_not_the_box(sandbox, source, limit_hit):
    first, second = hash_seed(sandbox), hash_seed(sandbox)

    end = run_one(sandbox, source, limits=within(cpu_s=0.5, wall_s=2.0, memory_bytes=50 << 20, processes=4))
    third = hash_seed(sandbox)

    assert end.limit_hit is limit_hit
    assert re.fullmatch(rb"-?\d+\n", third)
    assert first != second
    assert sandbox.counters().created == 1


def test_the_cases_after_one_that_had_to_be_killed_run_all_the_same(sandbox):
    hash_seed(sandbox)
    with sandbox.session(PYTHON) as session:
        load(session, "if input() == 'spin':\n    while True: pass\nprint('done')")
        spun = session.run(PYTHON.run_command, b"spin\n", within(cpu_s=0.2))
        ends = [session.run(PYTHON.run_command, b"end\n", LIMITS) for _ in range(2)]

    assert spun.limit_hit is LimitHit.TIME
    assert [end.stdout for end in ends] == [b"done\n"] * 2


def test_a_copy_is_held_to_the_limits_of_its_own_request(sandbox):
    for megabytes in (4, 1):
        end = run_one(
            sandbox,
            "import resource; print(resource.getrlimit(resource.RLIMIT_FSIZE))\n"
            f"open('x', 'wb').write(b'1' * {9 << 20})",
            limits=within(file_bytes=megabytes << 20),
        )

        assert end.stdout == f"({megabytes << 20}, {megabytes << 20})\n".encode()
        assert b"File too large" in end.stderr


def test_as_many_arguments_as_the_api_takes_reach_a_copy(sandbox):
    hash_seed(sandbox)
    args = ["x" * MAX_ARG_BYTES] * MAX_ARGS

    assert run_one(sandbox, "import sys; print(len(''.join(sys.argv[1:])))", args=args).stdout == b"262144\n"


def test_a_zygote_that_died_idle_is_replaced_and_nobody_notices():
    sandbox = create_docker_sandbox(size=1)
    seeds = [hash_seed(sandbox), hash_seed(sandbox)]

    os.kill(*zygotes(), signal.SIGKILL)
    eventually(lambda: not zygotes())
    seeds += [hash_seed(sandbox), hash_seed(sandbox)]

    counters = sandbox.counters()
    sandbox.close()
    assert len(set(seeds)) == len(seeds)
    assert (counters.created, counters.disposed) == (1, {})


def test_a_zygote_that_cannot_fork_costs_the_box():
    sandbox = create_docker_sandbox(size=1)
    hash_seed(sandbox)
    docker("update", "--pids-limit", "3", *containers())

    with pytest.raises(SandboxError, match="cannot fork"):
        hash_seed(sandbox)

    assert hash_seed(sandbox) != b""
    assert sandbox.counters().disposed == {"failed": 1}
    sandbox.close()


def test_nothing_of_a_program_stays_in_the_zygote():
    sandbox = create_docker_sandbox(size=1)
    hash_seed(sandbox)
    marker = uuid.uuid4().hex

    end = run_one(
        sandbox,
        f"import sys; mine = '{marker}'; print(sys.argv[1], input(), open('data').read())",
        SourceFile("data", marker.encode()),
        args=(marker,),
        stdin=marker.encode(),
    )
    memory = {pid: read_memory(pid) for pid in zygotes()}
    sandbox.close()

    assert end.stdout.count(marker.encode()) == 3
    assert len(memory) == 1
    assert all(b"python_zygote" in pages and marker.encode() not in pages for pages in memory.values())


def containers():
    """Return the ids of this process's containers."""
    return docker("ps", "-q", "--filter", f"label={OWNER_LABEL}={owner_name()}").split()


def zygotes():
    """Return the pids of root's interpreters in this process's containers: programs are another user's."""
    rows = [
        line.split(None, 2)
        for each in containers()
        for line in docker("top", each, "-eo", "pid,user,args").splitlines()
    ]
    return [int(pid) for pid, user, command in rows if (user, command) == ("root", " ".join(PYTHON.run_command))]


def read_memory(pid):
    pages = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            start, end = (int(address, 16) for address in line.split()[0].split("-"))
            if " rw" in line:
                memory.seek(start)
                pages.append(memory.read(end - start))
    return b"".join(pages)


@pytest.mark.parametrize("options", [("-I",), ("-S",), ("-s",), ("-E",)])
def test_an_interpreter_that_does_not_take_the_hook_is_executed_each_time(sandbox, options):
    deaf = replace(PYTHON, run_command=("python3", *options, "/box/app/main.py"))
    source = "import os; print(os.getuid() > 1000, hash('seed'))"

    ends = [run_one(sandbox, source, language=deaf).stdout for _ in range(3)]

    assert all(end.startswith(b"True ") for end in ends)
    assert len(set(ends)) == 3


def test_the_probes_find_no_more_in_a_copy_than_in_a_program_that_was_executed():
    sandbox = create_docker_sandbox(size=1)
    hash_seed(sandbox)

    end = run_one(sandbox, (IMAGES_DIR / "agent" / "probes.py").read_text())

    sandbox.close()
    assert (end.stdout, end.stderr, end.exit_code) == (b"", b"", 0)


def test_a_language_with_a_compiler_may_have_a_zygote():
    sandbox = create_docker_sandbox(size=1)
    seeds = []
    for _ in range(3):
        with sandbox.session(COPIED) as session:
            load(session, "print(hash('seed'))")
            session.compile(COPIED.compile_command, LIMITS)
            seeds.append(session.run(COPIED.run_command, b"", LIMITS).stdout)

    sandbox.close()
    assert seeds[0] != seeds[1] == seeds[2]
