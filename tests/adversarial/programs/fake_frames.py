"""Write what looks like the sandbox's own answers to every descriptor that can be reached."""

import json
import os
import struct

header = json.dumps({"exit_code": 0, "signal": None, "limit": None, "stdout": 2}).encode()
frame = struct.pack("!II", len(header), 2) + header + b"42"
reached = []
for folder in ("/proc/self/fd", "/proc/1/fd", "/proc/1/task/1/fd"):
    try:
        names = os.listdir(folder)
    except OSError:
        names = [str(number) for number in range(64)]
    for name in names:
        try:
            file = os.open(f"{folder}/{name}", os.O_WRONLY)
        except OSError:
            continue
        if folder != "/proc/self/fd" or int(name) > 2:
            reached.append(f"{folder}/{name}")
        os.write(file, frame)
for number in range(3, 1024):
    try:
        os.write(number, frame)
    except OSError:
        continue
    reached.append(str(number))
raise SystemExit(f"ALLOWED {reached}" if reached else 7)
