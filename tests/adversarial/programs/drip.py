"""Print one byte every ten milliseconds, for ever."""

import os
import time

while True:
    os.write(1, b"x")
    time.sleep(0.01)
