"""Make a million empty files."""

import errno
import os

made = 0
try:
    for made in range(1_000_000):
        os.close(os.open(f"file{made}", os.O_CREAT | os.O_WRONLY))
except OSError as error:
    print("refused" if error.errno == errno.ENOSPC and made < 200_000 else f"ALLOWED {made} {error}")
else:
    print(f"ALLOWED {made}")
