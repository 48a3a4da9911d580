"""Print what a program can find out about its interpreter and its process, a fact a line. Run in a box."""

import sys

# Before anything else is imported, which would be in the list then.
modules = sorted(sys.modules)

import gc  # noqa: E402
import inspect  # noqa: E402
import locale  # noqa: E402
import os  # noqa: E402
import resource  # noqa: E402
import signal  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402


def tell(name: str, *facts: object) -> None:
    print(name, *facts)


def read(path: str) -> str:
    with open(path) as file:
        return file.read()


def depth(frames: int) -> int:
    try:
        return depth(frames + 1)
    except RecursionError:
        return frames


for module in modules:
    tell("module", module)
for name in ("path", "argv", "orig_argv", "flags", "warnoptions", "executable", "prefix", "meta_path"):
    tell(name, getattr(sys, name))
for path in sys.path_importer_cache:
    tell("importer of", path)
for name in ("__name__", "__file__", "__builtins__", "__spec__", "__package__", "__doc__"):
    tell(name, globals()[name])
for stream in (sys.stdin, sys.stdout, sys.stderr):
    tell(stream.name, stream, stream.line_buffering, stream.write_through, stream.isatty(), stream.seekable())
    tell(stream.name, stream.buffer, stream.fileno(), os.fstat(stream.fileno()).st_mode)
for name in sorted(name for name in dir(resource) if name.startswith("RLIMIT_")):
    tell(name, resource.getrlimit(getattr(resource, name)))
for number in sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}):
    tell("signal", int(number), signal.getsignal(number))
tell("masked", signal.pthread_sigmask(signal.SIG_BLOCK, ()))
# The environment of a program in a box, not ours.
for name, value in sorted(os.environ.items()):  # noqa: TID251
    tell("variable", name, value)
tell("place", os.getcwd(), os.listdir("."), oct(os.umask(0)))
tell("groups", os.getgroups(), os.getuid() == os.geteuid() == os.getgid() == os.getegid() > 1000)
tell("family", os.getppid(), os.getsid(0) == os.getpgid(0) == os.getpid(), os.getpriority(os.PRIO_PROCESS, 0))
tell("descriptors", sorted(os.listdir("/proc/self/fd")))
for line in read("/proc/self/status").splitlines():
    if line.startswith(("Sig", "Shd", "Cap", "NoNewPrivs", "Seccomp", "TracerPid", "Groups", "Threads", "Cpus")):
        tell("status", line)
for name in sorted(os.listdir("/proc/self")):
    status = os.stat(f"/proc/self/{name}")
    tell("/proc/self", name, oct(status.st_mode), status.st_uid == os.getuid())
for name in ("comm", "oom_score_adj", "limits", "cgroup"):
    tell(name, read(f"/proc/self/{name}").splitlines())
tell("interpreter", sys.getrecursionlimit(), sys.getswitchinterval(), depth(0), len(inspect.stack()))
tell("collector", gc.get_threshold(), gc.isenabled(), gc.callbacks, len(gc.garbage))
tell("thread", threading.current_thread().name, threading.active_count(), threading.stack_size())
tell("locale", locale.getlocale(), locale.setlocale(locale.LC_ALL), sys.getfilesystemencoding())
tell("warnings", warnings.filters)
tell("clock", time.process_time() < 1)
tell("input", input())
