"""What may be asked for."""

from __future__ import annotations

import pytest

from domain.cache_refreshes.edge import Selection
from domain.cache_refreshes.model import InvalidRefreshError, Scope, parse_scope, scope_from_json

OWN = ("https://pop.example", "http://127.0.0.1:6081")


@pytest.mark.parametrize(
    ("request_", "scope"),
    [
        ({"urls": ["/v1/questions", "/v1/titles?page=2"]}, Scope(paths=("/v1/questions", "/v1/titles?page=2"))),
        ({"urls": ["https://pop.example/a%20b", "http://127.0.0.1:6081"]}, Scope(paths=("/a%20b", "/"))),
        ({"urls": ["https://POP.example:443/a", "/a"]}, Scope(paths=("/a",))),
        ({"tags": ["questions", "video:42"]}, Scope(tags=("questions", "video:42"))),
        ({"prefix": "/v/42/"}, Scope(prefix="/v/42/")),
        ({"set": "titles"}, Scope(set="titles")),
    ],
)
def test_a_request_is_about_paths_tags_a_prefix_or_a_set(request_: dict[str, object], scope: Scope) -> None:
    assert parse_scope(request_, OWN) == scope
    assert scope_from_json(scope.to_json()) == scope


@pytest.mark.parametrize("lacking", ["all", "lost"])
def test_what_a_pop_lacks_is_kept_as_words_too(lacking: str) -> None:
    assert scope_from_json(Scope(lacking=lacking).to_json()) == Scope(lacking=lacking)


def test_a_set_is_known_to_pops_by_its_tag() -> None:
    assert Scope(set="titles").selection == Selection(tags=("titles",))


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        ({}, ("urls",)),
        ({"urls": ["/a"], "tags": ["a"]}, ("tags",)),
        ({"urls": ["/a"], "set": "titles"}, ("set",)),
        ({"urls": []}, ("urls",)),
        ({"urls": ["/a"] * 101}, ("urls",)),
        ({"urls": ["/a", "http://evil/a"]}, ("urls", 1)),
        ({"urls": ["http://pop.example/a"]}, ("urls", 0)),
        ({"urls": ["https://pop.example@evil/a"]}, ("urls", 0)),
        ({"urls": ["https://evil\\@pop.example/a"]}, ("urls", 0)),
        ({"urls": ["https://pop.example/../a"]}, ("urls", 0)),
        ({"urls": ["//evil/a"]}, ("urls", 0)),
        ({"urls": ["/a/../b"]}, ("urls", 0)),
        ({"urls": ["/a/%2e%2E/b"]}, ("urls", 0)),
        ({"urls": ["/a/%252e%252e/b"]}, ("urls", 0)),
        ({"urls": ["/a/..%5cb"]}, ("urls", 0)),
        ({"urls": ["/a b"]}, ("urls", 0)),
        ({"urls": ["/a\r\nX-Pop-Key: b"]}, ("urls", 0)),
        ({"urls": ["/a%0d%0aX: b"]}, ("urls", 0)),
        ({"urls": ["/a%zz"]}, ("urls", 0)),
        ({"urls": ["/" + 2000 * "a"]}, ("urls", 0)),
        ({"urls": ["ä"]}, ("urls", 0)),
        ({"urls": [""]}, ("urls", 0)),
        ({"tags": ["a b"]}, ("tags", 0)),
        ({"tags": ["a\nb"]}, ("tags", 0)),
        ({"tags": [129 * "a"]}, ("tags", 0)),
        ({"prefix": "v/42"}, ("prefix",)),
        ({"prefix": "/../etc/"}, ("prefix",)),
        ({"prefix": "/v/42"}, ("prefix",)),
        ({"prefix": "/v/42/?a=/"}, ("prefix",)),
        ({"prefix": 9 * "/a" + "/"}, ("prefix",)),
        ({"set": "secrets"}, ("set",)),
    ],
)
def test_the_wrong_field_is_named(request_: dict[str, object], path: tuple[str | int, ...]) -> None:
    with pytest.raises(InvalidRefreshError) as raised:
        parse_scope(request_, OWN)

    assert raised.value.path == path


@pytest.mark.parametrize(
    ("scope", "covered", "other"),
    [
        (Scope(paths=("/a",)), "/a", "/a/b"),
        (Scope(prefix="/v/4"), "/v/42/1/master.m3u8", "/v/5"),
        (Scope(tags=("questions",)), "/v1/questions/two-sum", "/v1/questions-of-old"),
        (Scope(tags=("questions",)), "/v1/questions?language=c", "/v1/titles"),
        (Scope(tags=("questions:two-sum",)), "/v1/questions/two-sum", "/v1/questions"),
        (Scope(tags=("video:42",)), "/v/42/1/hd/seg_0001.ts", "/v/421/1/hd/seg_0001.ts"),
        (Scope(set="titles"), "/v1/titles/9", "/v1/questions/9"),
    ],
)
def test_of_a_path_one_can_tell_whether_it_is_meant(scope: Scope, covered: str, other: str) -> None:
    assert scope.covers(covered)
    assert not scope.covers(other)


@pytest.mark.parametrize(
    ("scope", "video"),
    [
        (Scope(prefix="/v/42/"), "42"),
        (Scope(prefix="/v/42/rev/sd/"), "42"),
        (Scope(tags=("video:42",)), "42"),
        (Scope(prefix="/v/"), None),
        (Scope(prefix="/v1/questions/"), None),
        (Scope(tags=("video:42", "video:43")), None),
        (Scope(tags=("questions:42",)), None),
        (Scope(paths=("/v/42/master.m3u8",)), None),
        (Scope(set="questions"), None),
    ],
)
def test_some_scopes_are_about_one_video(scope: Scope, video: str | None) -> None:
    assert scope.video == video
