"""``yardmaster images``: build the sandbox images of the languages, and see which are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from adapters.image_builder import ImageBuildError, ImageSource, built_versions, outdated_images
from adapters.language_folder import LanguageFileError, language_names, load_languages
from cli import engine
from cli.engine import EngineError
from cli.output import print_json, print_table
from config.settings import load_stack

BUILD_ERRORS = (EngineError, ImageBuildError, LanguageFileError)


@click.group()
def images() -> None:
    """Build the sandbox images of the languages."""


@images.command("build")
@click.argument("languages", nargs=-1)
@click.option(
    "--ca-bundle",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Root certificates in PEM that the builds shall trust, where a proxy replaces them.",
)
def build_images(languages: Sequence[str], ca_bundle: Path | None) -> None:
    """Build the images of LANGUAGES as far as they are not current (default: those in API_LANGUAGES, else all)."""
    settings = load_stack()
    source = ImageSource(settings.sandbox_images_dir, settings.docker_host, ca_bundle)
    with _build_errors():
        built = engine.build_images(source, languages or settings.languages, _show)
        versions = _shown(settings.sandbox_images_dir, built)
    print_table(("language", "version"), sorted(versions.items()))


@images.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_images(*, as_json: bool) -> None:
    """List the languages with the version in their image, and whether it is current."""
    settings = load_stack()
    source = ImageSource(settings.sandbox_images_dir, settings.docker_host)
    with _build_errors():
        versions = _shown(settings.sandbox_images_dir, built_versions(source))
        outdated = set(outdated_images(source))
    rows = [
        {"language": name, "version": versions.get(name), "is_current": name in versions and name not in outdated}
        for name in language_names(settings.sandbox_images_dir)
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(("language", "version", "is_current"), [list(row.values()) for row in rows])


@images.command("ensure")
def ensure_images() -> None:
    """See to it that a Docker engine runs here and has every image.

    Where none answers it is installed and started, as root on Debian or Ubuntu.
    """
    settings = load_stack()
    with _build_errors():
        engine.ensure_engine(settings.home, _show)
        source = ImageSource(settings.sandbox_images_dir, settings.docker_host)
        versions = engine.build_images(source, (), _show)
    click.echo(f"The images of {len(versions)} languages are current.", err=True)


def _shown(folder: Path, versions: Mapping[str, str]) -> dict[str, str]:
    return {name: language.version for name, language in load_languages(folder, versions).items()}


def _show(line: str) -> None:
    click.echo(line, err=True)


@contextmanager
def _build_errors() -> Iterator[None]:
    try:
        yield
    except BUILD_ERRORS as error:
        raise click.ClickException(str(error)) from error
