"""Server-sent events (WHATWG HTML §9.2): what happens to a thing as it happens, resumable after the last one seen."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from web.waiting import Watch

HEARTBEAT_S = 15.0
# A car that is told of every 3 s moves steadily on a map; for each stream that is one short question to Redis.
LOOK_EVERY_S = 3.0
# A stream holds a thread; after this long the client's EventSource connects anew, perhaps to another process.
MAX_STREAM_S = 600.0
RECONNECT_MS = 2000


@dataclass(frozen=True, slots=True)
class Message:
    """One event of a stream. ``is_last`` ends the stream: nothing can follow.

    Without an ``id`` there is nothing to resume after: such a stream tells how things are, and begins with that anew.
    """

    id: int | None
    name: str
    data: dict[str, object]
    is_last: bool


Reader = Callable[[int], Sequence[Message] | None]
Look = Callable[[], Sequence[Message]]


def stream(read_after: Reader, watch: Watch, last_id: int, look: Look | None = None) -> Iterator[str]:
    """Yield the events after ``last_id``, in order, then each new one; comments keep the connection alive.

    ``read_after`` is asked once at the beginning and once after each wake-up of ``watch``, which must have been
    subscribed before; ``None`` from it ends the stream. After each of its answers, and every few seconds, ``look`` is
    asked for what nobody is woken for.
    """
    deadline = time.monotonic() + MAX_STREAM_S
    yield f"retry: {RECONNECT_MS}\n\n"
    while True:
        messages = read_after(last_id)
        if messages is None:
            return
        for message in messages:
            last_id = last_id if message.id is None else message.id
            yield _text(message)
            if message.is_last:
                return
        yield from _until_woken(watch, deadline, look)
        if watch.is_over(deadline):
            return


def _until_woken(watch: Watch, deadline: float, look: Look | None) -> Iterator[str]:
    spoke_at = time.monotonic()
    while True:
        for message in look() if look else ():
            yield _text(message)
            spoke_at = time.monotonic()
        pause_s = spoke_at + HEARTBEAT_S - time.monotonic()
        if watch.wait(min(pause_s, LOOK_EVERY_S) if look else pause_s) or watch.is_over(deadline):
            return
        if time.monotonic() - spoke_at >= HEARTBEAT_S:
            yield ": still here\n\n"
            spoke_at = time.monotonic()


def _text(message: Message) -> str:
    head = "" if message.id is None else f"id: {message.id}\n"
    return f"{head}event: {message.name}\ndata: {json.dumps(message.data)}\n\n"
