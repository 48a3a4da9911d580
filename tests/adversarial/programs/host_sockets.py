"""Look for the sockets by which a box is controlled from outside."""

import os
import socket
import stat

found = []
for parent, folders, names in os.walk("/"):
    if parent == "/":
        folders[:] = [name for name in folders if name not in ("proc", "sys", "usr")]
    for name in names:
        path = os.path.join(parent, name)
        try:
            if stat.S_ISSOCK(os.lstat(path).st_mode):
                found.append(path)
        except OSError:
            continue
CONTROL = "/var/run/docker.sock /run/docker.sock /run/containerd/containerd.sock /run/systemd/notify /dev/log"
for path in CONTROL.split():
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(path)
            found.append(path)
        except OSError:
            continue
with open("/proc/net/unix") as file:
    found += [line for line in file.readlines()[1:] if "@" in line]
print("ALLOWED" if found else "refused", *found)
