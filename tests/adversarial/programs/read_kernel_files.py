"""Read what tells about the host's memory, its log or its other boxes."""

import os

FORBIDDEN = {
    "/proc": [
        "kcore",
        "kmsg",
        "kpagemap",
        "kpageflags",
        "slabinfo",
        "vmallocinfo",
        "timer_list",
        "sched_debug",
        "keys",
    ],
    "/proc/1": ["mem", "environ", "maps", "auxv", "stack", "cwd", "root", "fd", "map_files"],
    "/dev": ["mem", "kmem", "port", "kmsg", "vda", "sda", "fuse", "vsock", "kvm", "net/tun", "loop-control", "loop0"],
    "/sys": ["firmware/acpi/tables/DSDT", "kernel/debug", "kernel/tracing"],
    "/etc": ["shadow", "gshadow"],
}
NULL, STANDARD = ["null", "zero", "full", "random", "urandom"], ["fd", "stdin", "stdout", "stderr", "core"]
KNOWN = [*NULL, *STANDARD, "tty", "ptmx", "pts", "shm", "mqueue", "console"]
faults = []
for path in (f"{folder}/{name}" for folder, names in FORBIDDEN.items() for name in names):
    try:
        content = os.listdir(path) if os.path.isdir(path) else os.read(os.open(path, os.O_RDONLY | os.O_NONBLOCK), 64)
    except OSError:
        continue
    if content:
        faults.append(path)
try:
    with open("/proc/kallsyms") as file:
        if int(file.readline().split()[0], 16):
            faults.append("/proc/kallsyms")
except OSError:
    pass
others = set(os.listdir("/dev")) - set(KNOWN)
faults += [f"/dev/{name}" for name in sorted(others)]
print("ALLOWED" if faults else "refused", *faults)
