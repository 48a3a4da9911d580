"""Fill every writable place with files that are within the size limit each."""

import os

written = 0
for place in (".", "/tmp", "/dev/shm", "/box/src", "/box/out", "/var/tmp", "/run/lock"):
    try:
        for number in range(64):
            with open(os.path.join(place, f"beans{number}"), "wb") as file:
                written += file.write(b"x" * (8 << 20))
    except OSError:
        continue
print(f"ALLOWED {written}" if written > 512 << 20 else "refused")
