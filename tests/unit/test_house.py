"""The house rules that no linter checks."""

from __future__ import annotations

import configparser
import re
import subprocess

import pytest

from adapters.language_folder import load_languages
from cli.demo import CASES
from config.settings import REPOSITORY

MAX_LINES = 400
NOT_IMPORTED = {"bench", "docs", "sandbox_images", "tests"}
"""Top-level folders that no process of the platform imports, and so no import contract has to know."""


def tracked(*patterns: str) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", *patterns], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    return [name for name in listed.stdout.splitlines() if (REPOSITORY / name).exists()]


def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(REPOSITORY / "setup.cfg")
    return parser


def packages() -> set[str]:
    return {name.split("/")[0] for name in tracked("*.py") if "/" in name} - NOT_IMPORTED


def test_every_package_is_known_to_the_import_linter() -> None:
    assert packages() == set(setup_cfg()["importlinter"]["root_packages"].split())


def test_every_package_is_installed() -> None:
    included = {name.rstrip("*") for name in setup_cfg()["options.packages.find"]["include"].split()}

    assert packages() == included


def test_no_file_outgrows_its_room() -> None:
    too_long = {
        name: lines
        for name in tracked("*.py", "*.js", "*.css", "*.html")
        if (lines := (REPOSITORY / name).read_text(encoding="utf-8").count("\n")) > MAX_LINES
    }

    assert too_long == {}


def test_every_module_starts_by_saying_what_it_is_for() -> None:
    silent = [
        name
        for name in tracked("*.py")
        if not name.startswith(("tests/", "store/migrations/versions/"))
        and not (name.startswith("sandbox_images/") and not name.startswith("sandbox_images/agent/"))
        and not (REPOSITORY / name).read_text(encoding="utf-8").startswith(('"""', 'r"""'))
    ]

    assert silent == []


def test_a_job_kind_has_the_same_name_wherever_it_appears() -> None:
    tasks = {name.split("/")[2].removesuffix(".py") for name in tracked("workers/tasks/*")} - {"__init__"}
    routes = {name.split("/")[2].removesuffix(".py") for name in tracked("web/routes/*")}

    assert tasks
    # Matching is asked for by way of rides, which have their routes.
    assert tasks - routes <= {"canaries", "maintenance", "ride_matches"}


def test_nothing_is_left_to_be_done() -> None:
    pattern = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")

    assert [
        name for name in tracked("*.py", "Makefile", "*.md") if pattern.search((REPOSITORY / name).read_text())
    ] == []


@pytest.mark.parametrize("name", ["README.md", *tracked("docs/*.md", "docs/decisions/*.md")])
def test_every_file_that_a_page_links_to_exists(name: str) -> None:
    page = REPOSITORY / name
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_decision_is_listed_in_the_index() -> None:
    decisions = {name.rsplit("/", 1)[1] for name in tracked("docs/decisions/[0-9]*.md")}
    index = (REPOSITORY / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")

    assert {decision for decision in decisions if f"({decision})" not in index} == set()
    numbers = [decision[:4] for decision in decisions]
    assert len(numbers) == len(set(numbers))


def test_the_page_on_languages_shows_what_the_demo_expects() -> None:
    page = (REPOSITORY / "docs" / "add_a_language.md").read_text(encoding="utf-8")

    for case in CASES:
        assert f"for `{case['stdin'].strip()}`" in page
        assert f"`{case['expected_stdout'].strip()}`" in page


def test_the_readme_names_every_language() -> None:
    folder = REPOSITORY / "sandbox_images"
    section = (
        (REPOSITORY / "README.md").read_text(encoding="utf-8").partition("\n## Languages")[2].partition("\n## ")[0]
    )
    named = set(re.findall(r"[\w+#.]+", section))

    for language in load_languages(folder).values():
        assert language.title.split()[0] in named
