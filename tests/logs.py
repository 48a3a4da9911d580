"""The log as the processes write it, for a test to read."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from config.logging import configure


@contextmanager
def captured_log() -> Iterator[io.StringIO]:
    """Write the log to what is yielded; afterwards it is as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    configure("info", stream)
    try:
        yield stream
    finally:
        root.handlers = handlers
        root.setLevel(level)
        logging.captureWarnings(capture=False)
