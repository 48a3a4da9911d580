"""Read the languages from ``sandbox_images/<name>/language.toml``; ``docs/add_a_language.md`` explains the file.

What holds in an image and what holds on a machine without images are two readings of one file: the table ``[host]``
says where the latter differs.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from domain.code_runs.languages import HOST, Language
from domain.code_runs.model import Limits

IMAGE_PREFIX = "yardmaster/"
LANGUAGE_FILE = "language.toml"
LIMITS_FILE = "base/limits.toml"
# Programs to try a language with, which decide nothing about it.
EXAMPLES = "examples"

_VERSION = re.compile(r"\d+(\.\d+)+")
_NUMBER = re.compile(r"\d+(\.\d+)*")
_COMMANDS = ("version_command", "compile", "run")
_TEXTS = ("title", "version", "file_name")
_LIMIT_TABLES = ("limits", "max_limits", "compile_limits")
_KEYS = frozenset((*_TEXTS, *_COMMANDS, *_LIMIT_TABLES, "zygote", "host"))

Table = dict[str, object]


class LanguageFileError(Exception):
    """A language's file is missing or wrong; the message names the file and the key."""


@dataclass(frozen=True, slots=True)
class LanguageDefinition:
    """A language as its folder describes it: ``language.version`` is the declared one, which may be inexact."""

    language: Language
    version_command: tuple[str, ...]


def language_names(folder: Path) -> list[str]:
    """Return the names of the languages that ``folder`` holds, in alphabetical order."""
    return sorted(path.parent.name for path in folder.glob(f"*/{LANGUAGE_FILE}"))


def read_definition(folder: Path, name: str, *, is_host: bool = False) -> LanguageDefinition:
    """Read the language ``name`` for its image, or with ``is_host`` for the programs of this machine.

    Raises:
        LanguageFileError: the file cannot be read, lacks a key, has one too many, or a value of the wrong type.
    """
    path = folder / name / LANGUAGE_FILE
    file = _TomlFile(path, _KEYS)
    defaults = _TomlFile(folder / LIMITS_FILE, frozenset(_LIMIT_TABLES))
    host = file.table("host")
    if unknown := set(host) - set(_COMMANDS):
        raise LanguageFileError(f"{path}: host.{min(unknown)} is not known")
    if is_host:
        file.values.update(host)
    language = Language(
        name=name,
        title=file.text("title"),
        version=file.text("version"),
        image=HOST if is_host else IMAGE_PREFIX + name,
        file_name=file.text("file_name"),
        compile_command=file.command("compile") if "compile" in file.values else None,
        run_command=file.command("run"),
        has_zygote=file.flag("zygote"),
        fingerprint=_fingerprint(folder / name),
        limits=_limits(defaults, file, "limits"),
        max_limits=_limits(defaults, file, "max_limits"),
        compile_limits=_limits(defaults, file, "compile_limits"),
    )
    return LanguageDefinition(language, file.command("version_command"))


def load_languages(
    folder: Path, versions: Mapping[str, str] | None = None, *, is_host: bool = False
) -> dict[str, Language]:
    """Return the languages of ``folder`` by name.

    With ``versions`` (see ``adapters.image_builder.built_versions``) only those that it names, with the exact numbers
    found in the place of the declared ones; without, all of them with the versions that their files declare.

    Raises:
        LanguageFileError: as ``read_definition``.
    """
    languages = {}
    for name in language_names(folder):
        if versions is None or name in versions:
            language = read_definition(folder, name, is_host=is_host).language
            languages[name] = language if versions is None else _with_version(language, versions[name])
    return languages


def find_version(text: str) -> str | None:
    """Return the first dotted number in what a version command printed (the first number, if none is dotted)."""
    found = _VERSION.search(text) or re.search(r"\d+", text)
    return found.group() if found else None


class _TomlFile:
    """A file whose complaints name it and the key."""

    def __init__(self, path: Path, known: frozenset[str]) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                self.values: Table = tomllib.load(file)
        except (OSError, ValueError) as error:
            raise LanguageFileError(f"{path}: {error}") from error
        if unknown := set(self.values) - known:
            raise LanguageFileError(f"{path}: {min(unknown)} is not known")

    def text(self, key: str) -> str:
        value = self._value(key)
        if not isinstance(value, str) or not value:
            raise LanguageFileError(f"{self.path}: {key} must be a text that is not empty")
        return value

    def command(self, key: str) -> tuple[str, ...]:
        value = self._value(key)
        if not isinstance(value, list) or not value or not all(isinstance(part, str) for part in value):
            raise LanguageFileError(f"{self.path}: {key} must be a list of texts: a program and its arguments")
        return tuple(value)

    def flag(self, key: str) -> bool:
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            raise LanguageFileError(f"{self.path}: {key} must be true or false")
        return value

    def table(self, key: str) -> Table:
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            raise LanguageFileError(f"{self.path}: {key} must be a table")
        return value

    def _value(self, key: str) -> object:
        if key not in self.values:
            raise LanguageFileError(f"{self.path}: {key} is missing")
        return self.values[key]


def _limits(defaults: _TomlFile, file: _TomlFile, key: str) -> Limits:
    values = defaults.table(key) | file.table(key)
    names = {field.name: str(field.type) for field in fields(Limits)}
    if unknown := set(values) - set(names):
        raise LanguageFileError(f"{file.path}: {key}.{min(unknown)} is not known")
    numbers: dict[str, float] = {}
    for name, type_name in names.items():
        if name not in values:
            raise LanguageFileError(f"{defaults.path}: {key}.{name} is missing")
        value = values[name]
        is_right = isinstance(value, int if type_name == "int" else int | float) and not isinstance(value, bool)
        if not isinstance(value, int | float) or not is_right or value <= 0:
            raise LanguageFileError(f"{file.path}: {key}.{name} must be a number above 0 ({type_name})")
        numbers[name] = float(value) if type_name == "float" else value
    return Limits(**numbers)  # type: ignore[arg-type]  # The types were just checked, by name.


def _with_version(language: Language, version: str) -> Language:
    # Where the version is not the language's own, the declared text says whose it is: "esbuild 0.25".
    return replace(language, version=_NUMBER.sub(version, language.version, count=1))


def _fingerprint(folder: Path) -> str:
    """Hash the names and contents of everything in a language's folder but its examples."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        relative = path.relative_to(folder)
        if relative.parts[0] == EXAMPLES:
            continue
        for part in (relative.as_posix().encode(), path.read_bytes()):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()
