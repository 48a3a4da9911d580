"""Die of a signal sent to oneself, which pid 1 of a container would not."""

import os
import signal

os.kill(os.getpid(), signal.SIGSEGV)
