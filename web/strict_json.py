"""Reading a JSON body without believing it: UTF-8 only, no repeated member, no depth without end.

NaN and Infinity are parsed as numbers here, so that the schema refuses them with the field's name.
"""

from __future__ import annotations

import json
import re
from typing import cast

import flask
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from web.problems import MalformedBodyError

MAX_DEPTH = 32

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")


class StrictRequest(flask.Request):
    """A request whose ``get_json`` is strict; APIFlask calls it before it validates."""

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> object:  # noqa: FBT001, FBT002
        """Return the parsed body, whatever is asked: the arguments exist because Flask's method has them.

        Raises:
            UnsupportedMediaType: the body is not declared as JSON.
            MalformedBodyError: it is not JSON that this module accepts.
        """
        if not self.is_json:
            raise UnsupportedMediaType("send the body as Content-Type: application/json")
        return parse_json(self._read_body())

    def _read_body(self) -> bytes:
        body = self.get_data(cache=False)
        # A body without a declared length is cut at the bound without a word; at the bound means beyond it.
        if self.content_length is None and len(body) == self.max_content_length:
            raise RequestEntityTooLarge
        return body


def parse_json(body: bytes) -> object:
    """Parse ``body``.

    Raises:
        MalformedBodyError: it is not UTF-8 or not JSON, repeats a member, or is nested deeper than ``MAX_DEPTH``.
    """
    _check_depth(body)
    try:
        return cast("object", json.loads(body.decode(), object_pairs_hook=_object))
    except UnicodeDecodeError as error:
        raise MalformedBodyError(f"the body is not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise MalformedBodyError(f"the body is not JSON: {error.msg} at character {error.pos}") from error
    except ValueError as error:
        # CPython refuses to read integers of thousands of digits: their cost is quadratic.
        raise MalformedBodyError("the body holds a number with too many digits") from error


def _check_depth(body: bytes) -> None:
    # Few brackets cannot be nested deeply; nearly every body ends here, after two passes at memory speed.
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for bracket in _BRACKET.finditer(_STRING.sub(b"", body)):
        depth += 1 if bracket.group() in b"[{" else -1
        if depth > MAX_DEPTH:
            raise MalformedBodyError(f"the body is nested deeper than {MAX_DEPTH} levels")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise MalformedBodyError(f"the member {repeated[:100]!r} occurs twice in one object")
    return members
