"""What can go wrong in a request, as exceptions; ``web.errors`` says how each is answered (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MAX_POINTER_LENGTH = 200


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong piece of a request.

    ``where`` is ``pointer``, ``parameter`` or ``header``; ``name`` is the JSON Pointer into the body, or the name of
    the query parameter or header.
    """

    where: str
    name: str
    detail: str


class ProblemError(Exception):
    """A request that is refused; the text is shown to the caller, and ``more`` beside it."""

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.more = dict(more or {})


class MalformedBodyError(ProblemError):
    """The body cannot be read at all."""


class InvalidFieldsError(ProblemError):
    """The request can be read, but fields of it are wrong."""


class MalformedHeaderError(ProblemError):
    """A header cannot be read."""


class UnauthenticatedError(ProblemError):
    """No valid API key came with the request."""


class ForbiddenError(ProblemError):
    """The key is valid but may not do this."""


class NotFoundError(ProblemError):
    """There is no such thing, or it belongs to another."""


class RateLimitedError(ProblemError):
    """The caller's tier has no room left in a window."""


class TooManyStreamsError(ProblemError):
    """This process holds as many event streams as it may."""


class ContentUnavailableError(ProblemError):
    """This process has not been able to load a content set yet."""


class UploadConflictError(ProblemError):
    """The upload stands elsewhere; the headers say where."""


class PlaybackUnavailableError(ProblemError):
    """This platform gives out no playback tokens."""


class SamePickupDropoffError(ProblemError):
    """A trip that ends where it begins."""


class DistanceExceededError(ProblemError):
    """A trip that is longer than the city's cars go."""


class OutsideServiceAreaError(ProblemError):
    """A place in no city, or in another than the trip's."""


class ProductNotFoundError(ProblemError):
    """The city has no such kind of car."""


class SurgeError(ProblemError):
    """A trip that would cost more than the passenger has agreed to; ``more`` has its price."""


def pointer(path: Sequence[str | int]) -> str:
    """Return the JSON Pointer (RFC 6901) of ``path``, cut when a caller's own field name makes it absurdly long."""
    text = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return text.encode(errors="replace").decode()[:MAX_POINTER_LENGTH]
