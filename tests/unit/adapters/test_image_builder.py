"""Which images count as current; what builds them is held by the tests that use a real engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from adapters.image_builder import ImageSource, build_images, outdated_images
from config.settings import REPOSITORY
from tests.fake_docker import FakeDocker

LANGUAGE = """
title = "Shell"
version = "1.0"
version_command = ["sh", "--version"]
file_name = "main.sh"
run = ["sh", "/box/app/main.sh"]
"""


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ImageSource:
    (tmp_path / "docker").mkdir()
    FakeDocker(tmp_path / "docker", monkeypatch)
    folder = tmp_path / "sandbox_images"
    files = {
        "base/Dockerfile": "FROM debian",
        "base/ca-bundle.crt": "",
        "base/limits.toml": (REPOSITORY / "sandbox_images" / "base" / "limits.toml").read_text(),
        "agent/agent.py": "",
        "shell/Dockerfile": "FROM yardmaster/base",
        "shell/language.toml": LANGUAGE,
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return ImageSource(folder)


def test_an_image_is_outdated_once_a_file_that_it_is_made_from_changed(source: ImageSource) -> None:
    assert outdated_images(source) == ["shell"]
    build_images(source, ["shell"], lambda _: None)
    assert outdated_images(source) == []

    (source.folder / "shell" / "Dockerfile").write_text("FROM yardmaster/base\nRUN true")

    assert outdated_images(source) == ["shell"]


def test_certificates_that_only_the_building_needed_make_no_image_outdated(
    source: ImageSource, tmp_path: Path
) -> None:
    bundle = tmp_path / "proxy.pem"
    bundle.write_text("certificates")
    built: list[str] = []

    build_images(replace(source, ca_bundle=bundle), ["shell"], lambda _: None)
    build_images(source, ["shell"], built.append)

    assert outdated_images(source) == []
    assert built == []
