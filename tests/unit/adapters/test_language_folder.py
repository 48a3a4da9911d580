"""Languages are read from folders, and a mistake is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.language_folder import (
    EXAMPLES,
    LanguageFileError,
    find_version,
    language_names,
    load_languages,
    read_definition,
)
from config.settings import REPOSITORY
from domain.code_runs.languages import HOST
from domain.code_runs.model import Limits

IMAGES = REPOSITORY / "sandbox_images"
SHELL = """
title = "Shell"
version = "1.0"
version_command = ["echo", "Shell v1.2.3 (x86)"]
file_name = "main.sh"
compile = ["cp", "/box/src/main.sh", "/box/out/.program"]
run = ["sh", "/box/app/.program"]

[limits]
cpu_s = 2

[host]
run = ["dash", "/box/app/.program"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    limits = IMAGES / "base" / "limits.toml"
    for name, text in (("base/limits.toml", limits.read_text()), ("shell/language.toml", SHELL)):
        path = tmp_path / name
        path.parent.mkdir()
        path.write_text(text)
    return tmp_path


def test_the_repository_holds_the_twelve_languages() -> None:
    languages = load_languages(IMAGES)

    assert set(languages) >= {
        "bash", "c", "cpp", "csharp", "go", "java", "javascript", "php", "python", "ruby", "rust", "typescript",
    }  # fmt: skip


@pytest.mark.parametrize("name", language_names(IMAGES))
def test_every_language_is_complete_and_its_limits_are_in_order(name: str) -> None:
    language = load_languages(IMAGES)[name]

    for limit in Limits.__dataclass_fields__:
        assert getattr(language.limits, limit) <= getattr(language.max_limits, limit), limit
    assert (IMAGES / name / "Dockerfile").is_file()
    suffix = Path(language.file_name).suffix
    examples = {path.name for path in (IMAGES / name / EXAMPLES).iterdir()}
    assert examples == {f"{example}{suffix}" for example in ("hello", "everything", "broken", "demo")}


def test_a_language_takes_its_folders_name_and_the_limits_that_it_does_not_state(folder: Path) -> None:
    language = load_languages(folder)["shell"]

    assert (language.name, language.title, language.version) == ("shell", "Shell", "1.0")
    assert language.image == "yardmaster/shell"
    assert language.compile_command == ("cp", "/box/src/main.sh", "/box/out/.program")
    assert language.run_command == ("sh", "/box/app/.program")
    assert (language.limits.cpu_s, language.limits.wall_s) == (2.0, 10.0)


def test_only_languages_that_were_found_are_loaded_and_with_their_exact_version(folder: Path) -> None:
    assert load_languages(folder, {"shell": "1.0.7"})["shell"].version == "1.0.7"
    assert load_languages(folder, {}) == {}


def test_an_exact_version_still_says_whose_it_is(folder: Path) -> None:
    path = folder / "shell" / "language.toml"
    path.write_text(SHELL.replace('version = "1.0"', 'version = "Dash 1.0"'))

    assert load_languages(folder)["shell"].version == "Dash 1.0"
    assert load_languages(folder, {"shell": "1.0.7"})["shell"].version == "Dash 1.0.7"


def test_what_differs_on_a_machine_without_images_holds_only_there(folder: Path) -> None:
    assert load_languages(folder, is_host=True)["shell"].run_command == ("dash", "/box/app/.program")


def test_a_language_of_a_machine_without_images_is_told_from_that_of_an_image(folder: Path) -> None:
    assert load_languages(folder, is_host=True)["shell"].image == HOST


def test_the_fingerprint_follows_the_folder_but_not_the_examples(folder: Path) -> None:
    before = load_languages(folder)["shell"].fingerprint
    (folder / "shell" / EXAMPLES).mkdir()
    (folder / "shell" / EXAMPLES / "hello.sh").write_text("echo hello")
    with_examples = load_languages(folder)["shell"].fingerprint
    (folder / "shell" / "Dockerfile").write_text("FROM yardmaster/base")

    assert with_examples == before
    assert load_languages(folder)["shell"].fingerprint != before


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('title = "Shell"', "", "title is missing"),
        ('title = "Shell"', "title = 5", "title must be a text"),
        ('run = ["sh", "/box/app/.program"]', 'run = "sh"', "run must be a list of texts"),
        ('run = ["sh", "/box/app/.program"]', "run = []", "run must be a list of texts"),
        ("title", "label", "label is not known"),
        ("cpu_s = 2", "cpu_s = 0", r"limits\.cpu_s must be a number above 0"),
        ("cpu_s = 2", "cpu_s = true", r"limits\.cpu_s must be a number above 0"),
        ("cpu_s = 2", "memory_bytes = 1.5", r"limits\.memory_bytes must be a number above 0 \(int\)"),
        ("cpu_s = 2", "cpu = 2", r"limits\.cpu is not known"),
        ("[limits]\ncpu_s = 2", "limits = 2", "limits must be a table"),
        ("[host]\nrun", "[host]\ntitle", r"host\.title is not known"),
        ("[limits]", "[limits", "line"),
    ],
)
def test_a_mistake_is_told_with_file_and_key(folder: Path, old: str, new: str, complaint: str) -> None:
    path = folder / "shell" / "language.toml"
    path.write_text(SHELL.replace(old, new, 1))

    with pytest.raises(LanguageFileError, match=complaint) as raised:
        read_definition(folder, "shell")

    assert str(path) in str(raised.value)


def test_an_unknown_language_is_told_by_its_missing_file(folder: Path) -> None:
    with pytest.raises(LanguageFileError, match=r"cobol/language\.toml"):
        read_definition(folder, "cobol")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("Python 3.13.5\n", "3.13.5"),
        ("v20.19.2", "20.19.2"),
        ("go version go1.24.4 linux/amd64", "1.24.4"),
        ("openjdk 25 2025-09-16", "25"),
        ("nothing", None),
    ],
)
def test_the_version_is_found_in_what_the_command_prints(text: str, version: str | None) -> None:
    assert find_version(text) == version
