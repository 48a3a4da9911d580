"""Send a socket through itself, with a deleted file that only it holds."""

import array
import os
import socket

left, right = socket.socketpair()
for number in range(64):
    file = os.open(f"deleted{number}", os.O_CREAT | os.O_RDWR)
    os.write(file, b"x" * 65536)
    os.unlink(f"deleted{number}")
    files = array.array("i", [left.fileno(), right.fileno(), file, 1, 2])
    left.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])
print("sent")
