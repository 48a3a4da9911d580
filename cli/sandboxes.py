"""Which sandbox an embedded stack runs programs in, and so which languages it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import click

from adapters.image_builder import ImageSource, built_versions
from adapters.language_folder import host_versions
from cli import engine
from cli.images import BUILD_ERRORS
from config.settings import StackSettings

WEAKER = (
    "Programs run in Linux namespaces with the languages of this machine. That is for trying things out: it keeps "
    "programs apart less well than Docker does."
)


@dataclass(frozen=True, slots=True)
class SandboxChoice:
    """``kind`` as in SANDBOX, and the names of the languages that it has."""

    kind: str
    languages: tuple[str, ...]


def choose_sandbox(settings: StackSettings, progress: Callable[[str], None]) -> SandboxChoice:
    """Take Docker when an engine answers, with its images built or those that it has; else namespaces.

    Raises:
        click.ClickException: SANDBOX=docker, and no engine with an image; or no sandbox has any language.
    """
    if settings.sandbox != "namespace":
        languages = _docker_languages(settings, progress)
        if languages:
            return SandboxChoice("docker", languages)
        if settings.sandbox == "docker":
            raise click.ClickException("SANDBOX=docker, but there is no Docker engine with a language's image")
        progress("No Docker engine with a language's image was found.")
    progress(WEAKER)
    languages = tuple(host_versions(settings.sandbox_images_dir))
    if not languages:
        raise click.ClickException("no language was found on this machine")
    return SandboxChoice("namespace", languages)


def _docker_languages(settings: StackSettings, progress: Callable[[str], None]) -> tuple[str, ...]:
    if not engine.is_engine_answering():
        return ()
    source = ImageSource(settings.sandbox_images_dir, settings.docker_host)
    try:
        engine.build_images(source, (), progress)
    except BUILD_ERRORS as error:
        progress(f"Not every image could be built; those that are there are used. {error}")
    try:
        return tuple(built_versions(source))
    except BUILD_ERRORS as error:
        progress(str(error))
        return ()
