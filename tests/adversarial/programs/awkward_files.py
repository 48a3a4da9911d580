"""Leave files that are hard to name, to open, or to remove."""

import os
import socket

for place in (".", "/tmp", "/dev/shm"):
    base = os.path.join(place, "awkward").encode()
    os.mkdir(base)
    for name in (b"-rf", b"\n", b" ", b"\xff\xfe", b"n" * 255, b"*", b"$(reboot)", b"\\", b"..."):
        os.close(os.open(base + b"/" + name, os.O_CREAT | os.O_WRONLY, 0))
    os.symlink("/", base + b"/root")
    os.symlink("loop", base + b"/loop")
    os.link(base + b"/-rf", base + b"/again")
    os.mkfifo(base + b"/fifo", 0)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(base + b"/socket")
    os.makedirs(base + b"/locked/in", 0o000)
    os.chmod(base, 0)
print("left")
