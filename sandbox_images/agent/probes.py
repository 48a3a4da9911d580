"""Try what no program in a box may do, and print what worked, one name a line; nothing should.

Run as a program in the box, as any other user's program is. Numbers of system calls and constants are the kernel's
(``include/uapi``); they are spelt out because most of these calls have no wrapper in the standard library.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import socket
import sys

_IS_X86 = platform.machine() == "x86_64"
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

_CLONE_NEWUSER = 0x10000000
_BOX_ENVIRONMENT = {"HOME", "TMPDIR", "LANG", "PATH"}

# name: (x86_64, aarch64, arguments). Each call is made so that it would succeed or fail for its arguments
# (EFAULT, EINVAL, ...) if it were allowed; only EPERM, ENOSYS and EACCES count as refused.
_CALLS: dict[str, tuple[int, int, tuple[int, ...]]] = {
    "io_uring_setup": (425, 425, (1, 0)),
    "keyctl": (250, 219, (0, -3, 1)),
    "add_key": (248, 217, (0, 0, 0, 0, -3)),
    "request_key": (249, 218, (0, 0, 0, 0)),
    "ptrace": (101, 117, (16, 0x7FFFFFFF, 0, 0)),  # PTRACE_ATTACH to nobody
    "process_vm_readv": (310, 270, (os.getpid(), 0, 0, 0, 0, 0)),
    "unshare": (272, 97, (_CLONE_NEWUSER,)),
    "setns": (308, 268, (-1, 0)),
    "mount": (165, 40, (0, 0, 0, 0, 0)),
    "umount2": (166, 39, (0, 0)),
    "open_tree": (428, 428, (-1, 0, 1)),
    "fsopen": (430, 430, (0, 0)),
    "pivot_root": (155, 41, (0, 0)),
    "chroot": (161, 51, (0,)),
    "bpf": (321, 280, (0, 0, 0)),
    "userfaultfd": (323, 282, (1,)),
    "perf_event_open": (298, 241, (0, 0, -1, -1, 0)),
    "shmget": (29, 194, (0, 4096, 0o1600)),
    "semget": (64, 190, (0, 1, 0o1600)),
    "msgget": (68, 186, (0, 0o1600)),
    "mq_open": (240, 180, (0, 0, 0, 0)),
    "open_by_handle_at": (304, 265, (-1, 0, 0)),
    "init_module": (175, 105, (0, 0, 0)),
    "kexec_load": (246, 104, (0, 0, 0, 0)),
    "reboot": (169, 142, (0, 0, 0, 0)),
    "syslog": (103, 116, (10, 0, 0)),
    "settimeofday": (164, 170, (0, 0)),
    "clone3": (435, 435, (0, 0)),
}
_REFUSALS = (1, 13, 38)  # EPERM, EACCES, ENOSYS

_FAMILIES = {"AF_VSOCK": 40, "AF_ALG": 38, "AF_NETLINK": 16, "AF_PACKET": 17, "AF_KEY": 15, "AF_TIPC": 30}

_UNWRITABLE = (
    "/", "/etc", "/usr", "/usr/lib/yardmaster/agent", "/var/tmp", "/run", "/dev", "/box", "/root", "/sys/fs/cgroup",
)  # fmt: skip
_UNWRITABLE_FILES = (
    "/proc/sys/kernel/hostname", "/proc/sys/kernel/shmmni", "/proc/sysrq-trigger", "/sys/fs/cgroup/cgroup.procs",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/proc/1/oom_score_adj", "/proc/1/mem",
)  # fmt: skip
_UNREADABLE_FILES = ("/proc/1/environ", "/proc/1/mem", "/proc/kcore", "/etc/shadow", "/dev/kmsg", "/dev/mem")


def main() -> None:
    """Print the name of every probe that got through."""
    # The calls come last: those that succeed change the process that makes them.
    for probe in (_identity, _agent, _sockets, _network, _files, _other_abi, _calls):
        for name in probe():
            sys.stdout.write(f"{name}\n")


def _calls() -> list[str]:
    allowed = []
    for name, (x86, arm, arguments) in _CALLS.items():
        result = _syscall(x86 if _IS_X86 else arm, *arguments)
        if result >= 0 or ctypes.get_errno() not in _REFUSALS:
            allowed.append(name)
    return allowed


def _syscall(number: int, *arguments: int) -> int:
    ctypes.set_errno(0)
    return int(_libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments)))


def _sockets() -> list[str]:
    allowed = []
    for name, family in _FAMILIES.items():
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
            try:
                socket.socket(family, kind).close()
            except OSError as error:
                if error.errno in _REFUSALS:
                    continue
                # Refused for its type or for want of a module: then another program might get one.
            allowed.append(name)
            break
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()
        allowed.append("raw socket")
    except OSError:
        pass
    return allowed


def _network() -> list[str]:
    with open("/proc/net/dev") as file:
        names = {line.split(":")[0].strip() for line in file.readlines()[2:]}
    allowed = [f"network interface {name}" for name in sorted(names - {"lo"})]
    for address in ("169.254.169.254", "172.17.0.1", "8.8.8.8"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((address, 53))
                allowed.append(f"a route to {address}")
            except OSError:
                continue
    return allowed


def _files() -> list[str]:
    allowed = []
    for folder in _UNWRITABLE:
        path = os.path.join(folder, "probe")
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
            os.unlink(path)
            allowed.append(f"writing in {folder}")
        except OSError:
            continue
    for path in _UNWRITABLE_FILES:
        allowed += [f"writing {path}"] if _opens(path, os.O_WRONLY) else []
    for path in _UNREADABLE_FILES:
        allowed += [f"reading {path}"] if _opens(path, os.O_RDONLY) else []
    try:
        os.mknod("/box/app/probe", 0o020600, os.makedev(1, 1))
        allowed.append("mknod")
    except OSError:
        pass
    return allowed


def _opens(path: str, flags: int) -> bool:
    try:
        fd = os.open(path, flags)
    except OSError:
        return False
    try:
        # Some files open for anybody and refuse afterwards.
        return flags == os.O_WRONLY or bool(os.read(fd, 1))
    except OSError:
        return False
    finally:
        os.close(fd)


def _identity() -> list[str]:
    with open("/proc/self/status") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    allowed = [f"capabilities {name}" for name in ("CapEff", "CapPrm", "CapInh", "CapAmb") if int(status[name], 16)]
    allowed += ["new privileges"] if status["NoNewPrivs"] != "1" else []
    allowed += ["no seccomp filter"] if status["Seccomp"] != "2" else []
    allowed += ["being root"] if os.getuid() == 0 or os.getgid() == 0 or os.getgroups() else []
    allowed += [f"variable {name}" for name in sorted(os.environ.keys() - _BOX_ENVIRONMENT - {"LC_CTYPE"})]
    try:
        os.setuid(0)
        allowed.append("setuid")
    except OSError:
        pass
    return allowed


def _agent() -> list[str]:
    allowed = []
    try:
        os.kill(1, 0)
        allowed.append("signals to the agent")
    except OSError:
        pass
    open_fds = sorted(int(name) for name in os.listdir("/proc/self/fd"))
    # One descriptor is the listing itself.
    return allowed + ([f"inherited descriptors {open_fds}"] if len(open_fds) > 4 else [])


def _other_abi() -> list[str]:
    """Call the kernel by the entries for 32-bit programs and for x32; a child does it because it may be killed."""
    if not _IS_X86:
        return []
    # mov eax, 20 (getpid); int 0x80; ret -- and, in the number itself, x32's bit on getpid.
    int80 = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"
    x32 = b"\xb8\x27\x00\x00\x40\x0f\x05\xc3"
    return [name for name, code in (("32-bit calls", int80), ("x32 calls", x32)) if _returns_pid(code)]


def _returns_pid(code: bytes) -> bool:
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    os._exit(1 if function() == os.getpid() else 0)


if __name__ == "__main__":
    main()
