"""Sleep far beyond the wall limit."""

import time

time.sleep(100)
