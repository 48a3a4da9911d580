"""Opening an event stream, which holds a thread until it ends; ``web.sse`` says what goes through it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from flask import Response, request

from web.answers import header_parameter
from web.platform import platform
from web.problems import FieldError, MalformedHeaderError, TooManyStreamsError
from web.sse import Look, Reader, stream

STREAM_RETRY_S = 5
LAST_EVENT_ID = header_parameter("Last-Event-ID", "Only events after this one.", pattern="^\\d*$")


def stream_of(members: str) -> dict[str, object]:
    """Declare a stream whose events' data have these members."""
    return {
        "description": "Events named after what happened; each id can be given back as Last-Event-ID.",
        "content": {
            "text/event-stream": {
                "schema": {
                    "type": "object",
                    "description": f"One event. data is JSON text: {members}.",
                    "properties": {name: {"type": "string"} for name in ("id", "event", "data")},
                }
            }
        },
    }


def open_stream(key: str, begin: Callable[[], Reader | None], last_id: int = 0, look: Look | None = None) -> Response:
    """Answer with a stream of what ``begin``'s reader reads after ``last_id``, now and whenever ``key`` is woken.

    ``begin`` is called after the subscription, so that no change falls between the two; it may refuse by raising, and
    ``None`` from it says that nothing can follow. ``look`` is what nobody is woken for, as ``web.sse.stream`` has it.

    Raises:
        TooManyStreamsError: this process holds as many as it may.
    """
    tools = platform()
    with ExitStack() as opening:
        if not opening.enter_context(tools.streams.take()):
            raise TooManyStreamsError("too many event streams are open", headers={"Retry-After": str(STREAM_RETRY_S)})
        watch = opening.enter_context(tools.hub.watch(key))
        opening.enter_context(tools.metrics.waiting("streams").track_inprogress())
        read_after = begin()
        if read_after is None:
            return Response(status=204)  # Tells an EventSource not to come back.
        response = Response(stream(read_after, watch, last_id, look), mimetype="text/event-stream")
        # The stream's end, whatever its cause, gives back what was taken here.
        response.call_on_close(opening.pop_all().close)
    response.headers.update({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
    return response


def last_event_id() -> int:
    """Return the id after which the caller wants to go on; 0 is the beginning.

    Raises:
        MalformedHeaderError: it is no id.
    """
    text = request.headers.get("Last-Event-ID", "").strip() or "0"
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise MalformedHeaderError(
            "the Last-Event-ID header cannot be read",
            errors=[FieldError("header", "Last-Event-ID", "must be the id of an event of this stream")],
        )
    return int(text)
