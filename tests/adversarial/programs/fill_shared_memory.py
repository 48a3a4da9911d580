"""Fill /dev/shm until somebody says stop."""

import os

written = 0
try:
    for number in range(64):
        file = os.open(f"/dev/shm/{number}", os.O_WRONLY | os.O_CREAT)
        for _ in range(8):
            written += os.write(file, b"x" * (1 << 20))
except OSError as error:
    print("refused" if written < 128 << 20 else f"ALLOWED {written}: {error}")
else:
    print(f"ALLOWED {written}")
