"""The zygote's own side (``zygote``): wait in the middle of Python's start, and let copies go on from there.

A copy that returns from here is where any interpreter is at that point, so the program gets an untouched
``__main__``, its own modules before ours, a traceback without frames of ours, and an ordinary end. Not as in an
interpreter of its own are:

- the hash seed and the addresses, which are those of every other program of this zygote;
- what the kernel writes down when a process is executed: in ``/proc`` the command line lacks the arguments and the
  environment has a ``PYTHONPATH`` that ``os.environ`` has not, and the auxiliary vector names root;
- the garbage collector, which does not see what Python's start made, nor finalises at the end what a program hung
  onto that.

What is imported here is a few small modules of Python's core; a program that imports them gets them anew.
"""

import _ctypes
import _socket
import gc
import marshal
import os
import sys

from agent.become import AGENT_FD, CANNOT_START, MAX_REQUEST_BYTES, become

_FDS_BYTES = 3 * 4
_PR_SET_DUMPABLE = 4


def wait_to_be_born(modules: frozenset[str]) -> None:
    """Serve the agent until it is gone; return in copies only, as the program's user.

    ``modules`` are those that Python had loaded before any of ours.
    """
    # ctypes proper would cost each program a third of a millisecond for its memory.
    prctl = _ctypes.dlsym(_ctypes.dlopen(None, 0), "prctl")  # type: ignore[arg-type]  # None is all that is loaded.
    agent = _socket.socket(fileno=AGENT_FD)
    _forget_the_hook(modules)
    _hide_from_collector()
    agent.send(b"!")
    # Looked at and not taken: what a program is called with must not stay in the memory that the next one gets.
    while agent.recv(1, _socket.MSG_PEEK):
        between = os.fork()
        if between:
            os.waitpid(between, 0)
            agent.send(b"!")
            continue
        request, ancillary, _, _ = agent.recvmsg(MAX_REQUEST_BYTES, _socket.CMSG_SPACE(_FDS_BYTES))
        pid = os.fork()
        if pid:
            agent.send(pid.to_bytes(4, sys.byteorder))
            os._exit(0)
        agent.detach()
        _start(request, memoryview(ancillary[0][2]).cast("i").tolist())
        # A program that was executed may look at itself in /proc; the change of the user took that away here.
        _ctypes.call_function(prctl, (_PR_SET_DUMPABLE, 1, 0, 0, 0))
        return
    os._exit(0)


def _forget_the_hook(modules: frozenset[str]) -> None:
    """Leave the paths, the modules and the environment as the program is to find them."""
    del os.environ["PYTHONPATH"]
    root = sys.path.pop(0)
    for folder in (root, os.path.join(root, "agent"), os.path.join(root, "agent/python_zygote")):
        sys.path_importer_cache.pop(folder, None)
    # The import that runs still asks for its own; Python takes that one out when it fails, see the hook.
    for name in sys.modules.keys() - modules - {"usercustomize"}:
        del sys.modules[name]


def _hide_from_collector() -> None:
    """Take what exists so far out of the collector's sight: it writes to what it looks at, which copies pay for.

    Not so the names of ``__main__``, or what a program leaves in them would not be finalised at its end: an empty
    dictionary leaves the collector's lists by itself in a full collection, and comes back when it is filled.
    """
    names = sys.modules["__main__"].__dict__
    kept = dict(names)
    names.clear()
    gc.collect()
    gc.freeze()
    names.update(kept)
    if not any(each is names for each in gc.get_objects()):
        gc.unfreeze()


def _start(request: bytes, stdio: list[int]) -> None:
    args, cwd, uid, bounds = marshal.loads(request)
    # A program is nobody's child but the agent's.
    while os.getppid() != 1:
        os.sched_yield()
    try:
        become(stdio, cwd, uid, bounds)
    except (OSError, ValueError) as error:
        os.write(2, f"cannot start: {error}\n".encode(errors="replace"))
        os._exit(CANNOT_START)
    sys.argv += args
    sys.orig_argv += args
