"""Which sandbox an embedded stack runs programs in, and so which languages it has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import click

from adapters.box_pool import PoolOptions
from adapters.image_builder import ImageSource, built_versions
from adapters.language_folder import find_version, language_names, read_definition
from adapters.namespace_sandbox import NamespaceSandbox
from cli import engine
from cli.images import BUILD_ERRORS
from config.settings import StackSettings
from domain.code_runs.sandbox import SandboxError


@dataclass(frozen=True, slots=True)
class SandboxChoice:
    """``kind`` as in SANDBOX, and the names of the languages that it has."""

    kind: str
    languages: tuple[str, ...]


def choose_sandbox(settings: StackSettings, progress: Callable[[str], None]) -> SandboxChoice:
    """Take Docker when an engine answers, with its images built or those that it has; else namespaces.

    Of the languages only those in API_LANGUAGES are built and taken, when it is set.

    Raises:
        click.ClickException: SANDBOX=docker, and no engine with an image; or no sandbox has any language; or
            API_LANGUAGES names one that there is not.
    """
    if unknown := set(settings.languages) - set(language_names(settings.sandbox_images_dir)):
        raise click.ClickException(f"API_LANGUAGES: there is no language {min(unknown)!r}")
    if settings.sandbox != "namespace":
        languages = _docker_languages(settings, progress)
        if languages:
            return SandboxChoice("docker", languages)
        if settings.sandbox == "docker":
            raise click.ClickException("SANDBOX=docker, but there is no Docker engine with a language's image")
        progress("No Docker engine with a language's image was found.")
    languages = _host_languages(settings)
    if not languages:
        raise click.ClickException("no language was found on this machine")
    return SandboxChoice("namespace", languages)


def _host_languages(settings: StackSettings) -> tuple[str, ...]:
    """Ask in a box, not here: a compiler in a home folder, for instance, is out of a box's reach."""
    folder = settings.sandbox_images_dir
    sandbox = NamespaceSandbox(folder, PoolOptions(size=1))
    try:
        sandbox.start()
        commands = {name: read_definition(folder, name, is_host=True).version_command for name in _wanted(settings)}
        return tuple(name for name, text in sandbox.languages_found(commands).items() if find_version(text))
    except SandboxError as error:
        raise click.ClickException(f"programs cannot be kept apart on this machine: {error}") from error
    finally:
        sandbox.close()


def _docker_languages(settings: StackSettings, progress: Callable[[str], None]) -> tuple[str, ...]:
    if not engine.is_engine_answering():
        return ()
    source = ImageSource(settings.sandbox_images_dir, settings.docker_host)
    try:
        engine.build_images(source, settings.languages, progress)
    except BUILD_ERRORS as error:
        progress(f"Not every image could be built; those that are there are used. {error}")
    try:
        return tuple(name for name in built_versions(source) if name in _wanted(settings))
    except BUILD_ERRORS as error:
        progress(str(error))
        return ()


def _wanted(settings: StackSettings) -> Sequence[str]:
    return settings.languages or language_names(settings.sandbox_images_dir)
