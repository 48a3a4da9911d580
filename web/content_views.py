"""Content sets as JSON, written once when a revision is loaded, and the answers that carry it to caches."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TypeVar

from flask import Response, request

from domain.content import questions, titles
from domain.content.questions import Question
from domain.content.titles import Title
from web.answers import Declared, header_parameter, headers
from web.content_sets import Answers, ContentSet, LoadedSet
from web.problems import NotFoundError

Record = TypeVar("Record")

BROWSER_CACHE = "public, max-age=60"
# A purge comes with every publication; this is for a cache that missed it, and for one that cannot reach us.
EDGE_CACHE = "max-age=1800, stale-while-revalidate=86400"
IF_NONE_MATCH = header_parameter("If-None-Match", "An ETag: 304 while that revision is served.")
CACHED: Declared = {
    200: {
        "headers": headers(
            ETag="The revision.",
            Content_Revision="SHA-256 of the whole set; all answers with the same one belong together.",
            Cache_Control="For browsers.",
            CDN_Cache_Control="For caches at the edge (RFC 9213).",
            Surrogate_Key="By which a cache at the edge forgets this answer.",
        )
    },
    304: {"description": "The revision in If-None-Match is still served."},
}


def answers_of_questions(found: Mapping[str, Question], revision: str) -> Answers:
    """Return the answers about questions. The list is light; hidden tests are only counted, everywhere."""
    return _answers(questions.SET, revision, {key: _entry(each) for key, each in found.items()},
                    {key: _question(each) for key, each in found.items()})  # fmt: skip


def answers_of_titles(found: Mapping[str, Title], revision: str) -> Answers:
    """Return the answers about titles; the list has everything but the cast."""
    shown = {key: asdict(title) | {"released_on": title.released_on.isoformat()} for key, title in found.items()}
    entries = {key: {name: value for name, value in title.items() if name != "cast"} for key, title in shown.items()}
    return _answers(titles.SET, revision, entries, shown)


def list_of(set_name: str, revision: str, entries: Iterable[bytes]) -> bytes:
    """Return the list of some ``entries`` as JSON."""
    return b'{"revision": "%b", "%b": [%b]}' % (revision.encode(), set_name.encode(), b", ".join(entries))


def published(content_set: ContentSet[Record]) -> LoadedSet[Record]:
    """Return what is served of a set.

    Raises:
        NotFoundError: nothing of it was published yet.
        ContentUnavailableError: it could not be loaded yet.
    """
    loaded = content_set.current()
    if loaded is None:
        raise NotFoundError(f"no {content_set.name} have been published yet")
    return loaded


def has_item(content_set: ContentSet[object], item_id: str) -> bool:
    """Tell whether a record is served.

    Raises:
        ContentUnavailableError: it could not be loaded yet.
    """
    loaded = content_set.current()
    return loaded is not None and item_id in loaded.answers.items


def answer_list(content_set: ContentSet[object]) -> Response:
    """Answer with the whole list of a set.

    Raises:
        NotFoundError: nothing of it was published yet.
        ContentUnavailableError: it could not be loaded yet.
    """
    loaded = published(content_set)
    return cached_response(loaded, loaded.answers.list, content_set.name)


def answer_item(content_set: ContentSet[object], item_id: str) -> Response:
    """Answer with one record of a set.

    Raises:
        NotFoundError, ContentUnavailableError: as ``answer_list``, or there is no such record.
    """
    loaded = published(content_set)
    body = loaded.answers.items.get(item_id)
    if body is None:
        raise NotFoundError(f"there is nothing called {item_id!r} among the {content_set.name}")
    return cached_response(loaded, body, f"{content_set.name} {content_set.name}:{item_id}")


def cached_response(loaded: LoadedSet[object], body: bytes, surrogate_key: str) -> Response:
    """Answer with ``body``, or with 304 to who has it, and with all that browser and edge need to keep it."""
    # The entity tag is the revision's: all answers change together, so that a cache never mixes two revisions.
    etag = f'"{loaded.revision}"'
    # Given whole: to set them one after the other costs a tenth of the request.
    headers_ = [
        ("ETag", etag),
        ("Content-Revision", loaded.revision),
        ("Cache-Control", BROWSER_CACHE),
        ("CDN-Cache-Control", EDGE_CACHE),
        ("Surrogate-Key", surrogate_key),
    ]
    if _is_known(etag):
        return Response(status=304, headers=headers_)
    return Response(body, headers=headers_, mimetype="application/json")


def _is_known(etag: str) -> bool:
    sent = request.headers.get("If-None-Match")
    return sent is not None and (sent == etag or request.if_none_match.contains_weak(etag.strip('"')))


def _answers(
    set_name: str,
    revision: str,
    entries: Mapping[str, Mapping[str, object]],
    items: Mapping[str, Mapping[str, object]],
) -> Answers:
    written = {key: json.dumps(entry).encode() for key, entry in entries.items()}
    return Answers(
        list_of(set_name, revision, written.values()),
        written,
        {key: json.dumps({"revision": revision} | dict(item)).encode() for key, item in items.items()},
    )


def _entry(question: Question) -> dict[str, object]:
    return {
        "id": question.id,
        "title": question.title,
        "difficulty": question.difficulty.value,
        "category": question.category,
        "languages": sorted(question.starter),
    }


def _question(question: Question) -> dict[str, object]:
    shown = [test for test in question.tests if not test.is_hidden]
    return _entry(question) | {
        "compare": question.compare,
        "texts": dict(question.texts),
        "starter": dict(question.starter),
        "tests": [
            {"name": test.name, "stdin": test.stdin, "expected_stdout": test.expected_stdout} for test in shown
        ],
        "hidden_tests": len(question.tests) - len(shown),
    }
