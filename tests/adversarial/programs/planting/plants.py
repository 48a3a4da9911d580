"""Leave a trace of one kind, or look for traces of every kind.

Commands are lines of stdin: "plant KIND MARKER" prints "planted", or "refused" when the box did not allow it;
"find MARKER" prints a line "found ..." for each trace, and "nothing" when there is none. With arguments, they are the
one command. The marker is a word that nothing but a trace can hold.
"""

import ctypes
import fcntl
import os
import resource
import signal
import socket
import sys

from traces import LOCKED, PLACES, RefusedError, call, find, key, libc, port, trace_time

# What a background process keeps open.
HELD = []


def everywhere(work):
    """Do ``work`` in every folder that can be written to; at least one must allow it."""
    folders = [folder for place in PLACES for folder, _, _ in os.walk(place) if os.access(folder, os.W_OK | os.X_OK)]
    done = 0
    for folder in folders:
        try:
            work(folder)
            done += 1
        except OSError:
            continue
    if not done:
        raise RefusedError("no folder allows it")


def in_background(work):
    """Start a process that nobody waits for, that ignores what can be ignored, and does ``work`` before it sleeps."""
    ready, done = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in range(1, 65):
                if number not in (signal.SIGKILL, signal.SIGSTOP, 32, 33):
                    signal.signal(number, signal.SIG_IGN)
            work()
            os.write(done, b"x")
            os.close(done)
            while True:
                signal.pause()
        os._exit(0)
    os.close(done)
    if not os.read(ready, 1):
        raise RefusedError("the background process ended")


def plant_file(path, content, mode=0o644):
    file = os.open(path, os.O_CREAT | os.O_WRONLY, mode)
    os.write(file, content)
    os.close(file)


def files(marker):
    def work(folder):
        plant_file(f"{folder}/{marker}", marker.encode())
        plant_file(f"{folder}/.hidden", marker.encode())

    everywhere(work)


def odd_names(marker):
    def work(folder):
        base = folder.encode() + b"/"
        for name in (b"\n%s", b"-rf %s", b"\xff\xfe%s", b"%s" + b"n" * 200, b"* %s", b".%s", b"... %s"):
            plant_file(base + name % marker.encode(), b"")

    everywhere(work)


def unreadable(marker):
    def work(folder):
        os.makedirs(f"{folder}/locked/{marker}")
        plant_file(f"{folder}/locked/{marker}/file", marker.encode(), 0)
        os.chmod(f"{folder}/locked/{marker}", 0)
        os.chmod(f"{folder}/locked", 0)

    everywhere(work)


def deep(marker):
    def work(folder):
        here = os.getcwd()
        os.chdir(folder)
        for _ in range(200):
            os.mkdir("d" * 50)
            os.chdir("d" * 50)
        plant_file(marker, marker.encode())
        os.chdir(here)

    everywhere(work)


def links(marker):
    def work(folder):
        plant_file(f"{folder}/first", marker.encode())
        os.link(f"{folder}/first", f"{folder}/second")
        os.symlink(f"/{marker}", f"{folder}/link")
        os.symlink("/etc", f"{folder}/etc")

    everywhere(work)


def special_files(marker):
    def work(folder):
        os.mkfifo(f"{folder}/fifo-{marker}")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"{folder}/socket-{marker}")

    everywhere(work)


def startup_files(marker):
    code = f"print('{marker}')\n".encode()
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    user = f"{os.path.expanduser('~')}/.local/lib/{version}/site-packages"
    os.makedirs(user)
    for path in (
        f"{user}/usercustomize.py",
        f"{user}/evil.pth",
        "/box/app/os.py",
        "/box/app/site.py",
        "/tmp/.bashrc",
    ):
        plant_file(path, code)


def processes(marker):
    def work():
        libc.prctl(15, marker[:15].encode())
        os.environ["TRACE"] = marker
        libc.prctl(36, 1)

    in_background(work)
    if os.fork() == 0:
        os.execvp("sleep", [f"sleep-{marker}", "1000"])


def stopped_process(marker):
    if os.fork() == 0:
        libc.prctl(15, marker[:15].encode())
        os.kill(os.getpid(), signal.SIGSTOP)


def abstract_socket(marker):
    def work():
        HELD.append(socket.socket(socket.AF_UNIX))
        HELD[0].bind(f"\0{marker}")
        HELD[0].listen()

    in_background(work)


def listener(marker):
    def work():
        HELD.append(socket.socket(socket.AF_INET))
        HELD[0].bind(("127.0.0.1", port(marker)))
        HELD[0].listen()

    in_background(work)


def file_lock(marker):
    def work():
        HELD.append(os.open(LOCKED, os.O_RDONLY))
        fcntl.flock(HELD[0], fcntl.LOCK_EX)

    in_background(work)


def deleted_file(marker):
    def work():
        HELD.append(os.open(f"/tmp/{marker}", os.O_CREAT | os.O_RDWR))
        os.write(HELD[0], marker.encode())
        os.unlink(f"/tmp/{marker}")

    in_background(work)


def terminal(marker):
    def work():
        master, slave = os.openpty()
        HELD.append(master)
        os.write(slave, marker.encode())

    try:
        os.close(os.open("/dev/ptmx", os.O_RDWR))
    except OSError as error:
        raise RefusedError(str(error)) from error
    in_background(work)


def full_disk(marker):
    for folder in ("/tmp", "/dev/shm"):
        try:
            for number in range(1 << 16):
                plant_file(f"{folder}/{number}", b"x" * (1 << 20))
        except OSError:
            continue


def full_of_files(marker):
    for folder in ("/tmp", "/dev/shm", "."):
        try:
            for number in range(1 << 16):
                plant_file(f"{folder}/{number}", b"")
        except OSError:
            continue


def shared_memory(marker):
    call(29, 194, key(marker), 4096, 0o1666)


def semaphore(marker):
    call(64, 190, key(marker), 1, 0o1666)


def message_queue(marker):
    call(68, 186, key(marker), 0o1666)


def queue_file(marker):
    # The file system of queues makes one for whoever creates a file, without the call that is made for it.
    try:
        os.open(f"/dev/mqueue/{marker}", os.O_CREAT | os.O_RDWR)
    except OSError as error:
        raise RefusedError(str(error)) from error


def posix_queue(marker):
    call(240, 180, marker.encode(), os.O_CREAT | os.O_RDWR, 0o666, None)


def keyring(marker):
    name = ctypes.c_char_p(marker.encode())
    for ring in (-3, -4, -5):
        call(248, 217, ctypes.c_char_p(b"user"), name, name, len(marker), ring)


def extended_attribute(marker):
    everywhere(lambda folder: os.setxattr(folder, f"user.{marker}", b"x"))


def access_times(marker):
    before = os.stat(LOCKED).st_atime_ns
    with open(LOCKED) as file:
        file.read()
    try:
        os.utime(LOCKED, (trace_time(marker), trace_time(marker)))
    except OSError:
        if os.stat(LOCKED).st_atime_ns == before:
            raise RefusedError("times stay as they were") from None


def folder_attributes(marker):
    changes = [lambda path: os.chmod(path, 0o700), lambda path: os.utime(path, (trace_time(marker),) * 2)]
    changes += [lambda path: os.rename(path, path + marker), os.rmdir]
    made = 0
    for path in ("/box", "/box/src", "/box/out", "/box/app", "/tmp", "/dev/shm"):
        for change in changes:
            try:
                change(path)
                made += 1
            except OSError:
                continue
    if not made:
        raise RefusedError("folders stay as they were")


def process_attributes(marker):
    os.environ["TRACE"] = marker
    os.nice(5)
    os.umask(0o777)
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    for change in (lambda pid: os.sched_setaffinity(pid, {0}), lambda pid: os.setpriority(os.PRIO_PROCESS, pid, 10)):
        for pid in (0, 1, os.getppid()):
            try:
                change(pid)
            except OSError:
                continue


PLANTS = {
    plant.__name__: plant
    for plant in (
        *(files, odd_names, unreadable, deep, links, special_files, startup_files, processes, stopped_process),
        *(abstract_socket, listener, file_lock, deleted_file, terminal, full_disk, full_of_files, shared_memory),
        *(
            semaphore,
            message_queue,
            posix_queue,
            queue_file,
            keyring,
            extended_attribute,
            access_times,
            folder_attributes,
        ),
        process_attributes,
    )
}


def plant(kind, marker):
    try:
        PLANTS[kind](marker)
        print("planted", flush=True)
    except (RefusedError, PermissionError) as error:
        print(f"refused: {error}", flush=True)


if __name__ == "__main__":
    for line in [" ".join(sys.argv[1:])] if sys.argv[1:] else sys.stdin:
        action, *words = line.split()
        {"plant": plant, "find": find}[action](*words)
