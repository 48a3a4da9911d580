"""Look for traces of every kind, and what planting and finding must agree on."""

import ctypes
import fcntl
import os
import resource
import signal
import socket

PLACES = [
    "/box",
    "/tmp",
    "/dev/shm",
    "/dev/mqueue",
    "/var/tmp",
    "/run",
    "/var/lock",
    "/home",
    "/root",
    "/mnt",
    "/srv",
]
X86 = os.uname().machine == "x86_64"
LOCKED = "/etc/os-release"
DEFAULT_NICE, DEFAULT_UMASK = 0, 0o022
libc = ctypes.CDLL(None, use_errno=True)


class RefusedError(Exception):
    """The box does not allow what was tried."""


def call(on_x86, elsewhere, *arguments):
    """Make a system call that the library has no wrapper for."""
    result = libc.syscall(on_x86 if X86 else elsewhere, *arguments)
    if result < 0:
        raise RefusedError(os.strerror(ctypes.get_errno()))
    return result


def key(marker):
    return int.from_bytes(marker[:3].encode(), "big") + 1


def port(marker):
    return 20000 + key(marker) % 20000


def trace_time(marker):
    return 1_000_000_000 + key(marker)


def find_files(marker):
    wanted = marker.encode()
    for place in PLACES:
        try:
            folders = [os.open(place, os.O_RDONLY | os.O_DIRECTORY)]
        except OSError:
            continue
        while folders:
            folder = folders.pop()
            names = [os.fsencode(name) for name in os.listdir(folder)]
            for name in names:
                yield from trace_of(folder, name, wanted)
                if len(folders) > 500:
                    continue
                try:
                    folders.append(os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder))
                except PermissionError:
                    yield f"a locked folder {name}"
                except OSError:
                    continue
            os.close(folder)


def trace_of(folder, name, wanted):
    if wanted in name:
        yield f"the name {name}"
    try:
        if wanted in os.fsencode(os.readlink(name, dir_fd=folder)):
            yield f"the link {name}"
    except OSError:
        pass
    try:
        file = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW, dir_fd=folder)
        if wanted in os.read(file, 1 << 16):
            yield f"the content of {name}"
        os.close(file)
    except OSError:
        pass


def find_processes(marker):
    for pid in (name for name in os.listdir("/proc") if name.isdigit()):
        # The agent and its zygote are root's, which no program can be.
        with open(f"/proc/{pid}/status") as file:
            is_root = "\nUid:\t0\t0\t0\t0\n" in file.read()
        if int(pid) != os.getpid() and not is_root:
            yield f"process {pid}"
    for table in ("/proc/net/unix", "/proc/locks", "/proc/keys", "/proc/sysvipc/shm"):
        try:
            with open(table) as file:
                content = file.read()
        except OSError:
            continue
        if marker in content:
            yield table


def find_sockets(marker):
    with socket.socket(socket.AF_UNIX) as client:
        if client.connect_ex(f"\0{marker}") == 0:
            yield "the abstract socket"
    with socket.socket(socket.AF_INET) as client:
        if client.connect_ex(("127.0.0.1", port(marker))) == 0:
            yield "the listener"


def find_locks(marker):
    file = os.open(LOCKED, os.O_RDONLY)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        yield "the lock"
    os.close(file)


def find_terminals(marker):
    try:
        yield from (f"terminal {name}" for name in os.listdir("/dev/pts") if name.isdigit())
    except OSError:
        return


def find_lack_of_room(marker):
    for folder in ("/tmp", "/dev/shm", "."):
        path = f"{folder}/room-for-one"
        try:
            file = os.open(path, os.O_CREAT | os.O_WRONLY)
            if os.write(file, b"x" * (1 << 20)) < 1 << 20:
                yield f"{folder} is full"
            os.close(file)
            os.unlink(path)
        except OSError as error:
            yield f"{folder}: {error}"


def find_kernel_objects(marker):
    attempts = {
        "shared memory": (29, 194, key(marker), 0, 0),
        "a semaphore": (64, 190, key(marker), 0, 0),
        "a message queue": (68, 186, key(marker), 0),
        "a POSIX queue": (240, 180, marker.encode(), os.O_RDONLY, 0, None),
        "a key": (249, 218, ctypes.c_char_p(b"user"), ctypes.c_char_p(marker.encode()), None, 0),
    }
    for name, arguments in attempts.items():
        try:
            call(*arguments)
            yield name
        except RefusedError:
            continue


def find_attributes(marker):
    for path in (LOCKED, "/box", "/box/src", "/box/out", "/box/app", "/tmp", "/dev/shm"):
        status = os.stat(path)
        if trace_time(marker) in (int(status.st_atime), int(status.st_mtime)):
            yield f"the times of {path}"
        if path not in (LOCKED, "/box") and status.st_mode & 0o7777 != 0o1777:
            yield f"the mode of {path}"
        if any(marker in name for name in os.listxattr(path)):
            yield f"an attribute of {path}"
    umask = os.umask(0)
    os.umask(umask)
    mine = (os.nice(0), umask, signal.pthread_sigmask(signal.SIG_BLOCK, []), os.environ.get("TRACE"))
    if mine != (DEFAULT_NICE, DEFAULT_UMASK, set(), None):
        yield f"the process's own {mine}"
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 256 or len(os.sched_getaffinity(0)) < os.cpu_count():
        yield "the process's own limits"


FINDERS = (
    *(find_files, find_processes, find_sockets, find_locks, find_terminals, find_lack_of_room),
    *(find_kernel_objects, find_attributes),
)


def find(marker):
    traces = [trace for finder in FINDERS for trace in finder(marker)]
    for trace in traces[:50]:
        print(f"found {trace}")
    if not traces:
        print("nothing")
