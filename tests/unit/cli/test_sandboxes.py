from __future__ import annotations

from pathlib import Path

import click
import pytest

from cli.sandboxes import SandboxChoice, choose_sandbox
from config.settings import load_stack
from tests.fake_docker import FakeDocker


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    return FakeDocker(tmp_path, monkeypatch)


def choose(**environment: str) -> SandboxChoice:
    return choose_sandbox(load_stack(environment), lambda _: None)


def test_only_the_languages_that_were_asked_for_are_built(docker: FakeDocker) -> None:
    choice = choose(API_LANGUAGES="python,c")

    assert (choice.kind, set(choice.languages)) == ("docker", {"c", "python"})
    assert docker.images() == {"yardmaster/base", "yardmaster/c", "yardmaster/python"}


def test_an_image_that_is_there_is_not_offered_unasked(docker: FakeDocker) -> None:
    choose(API_LANGUAGES="python,c")

    assert choose(API_LANGUAGES="python").languages == ("python",)


def test_who_asks_for_nothing_gets_every_language(docker: FakeDocker) -> None:
    assert {"bash", "c", "rust"} < set(choose().languages)


def test_a_language_that_is_not_there_is_named() -> None:
    with pytest.raises(click.ClickException, match="API_LANGUAGES: there is no language 'cobol'"):
        choose(API_LANGUAGES="python,cobol")


def test_docker_or_nothing_means_that(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(click.ClickException, match="there is no Docker engine"):
        choose(SANDBOX="docker")
