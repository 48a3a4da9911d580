"""Open every kernel file for writing that would change the box or the host."""

import os

faults = []
for root in ("/proc/sys", "/sys", "/proc/irq", "/proc/acpi", "/proc/fs", "/proc/bus", "/proc/1"):
    for parent, _, names in os.walk(root):
        for name in names:
            path = os.path.join(parent, name)
            # Some files of another process can be opened by all, and refuse what is written.
            try:
                os.write(os.open(path, os.O_WRONLY | os.O_NONBLOCK), b"0")
                faults.append(path)
            except OSError:
                continue
for path, value in (
    ("/proc/self/oom_score_adj", "-1"),
    ("/proc/self/oom_score_adj", "-1000"),
    ("/proc/self/uid_map", "0 0 1"),
    ("/proc/self/projid_map", "0 0 1"),
    ("/proc/self/attr/exec", "unconfined"),
    ("/dev/kmsg", "from a box"),
):
    try:
        with open(path, "w") as file:
            file.write(value)
        faults.append(f"{path} {value}")
    except OSError:
        continue
# The engine covers some files with /dev/null, which takes everything and does nothing.
for path in ("/proc/sysrq-trigger", "/proc/timer_list", "/proc/sched_debug", "/proc/mtrr"):
    try:
        file = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        continue
    if os.fstat(file).st_rdev != os.makedev(1, 3):
        faults.append(path)
print("ALLOWED" if faults else "refused", *faults)
