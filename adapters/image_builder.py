"""Build the sandbox images with the ``docker`` command, and tell which are there and current.

An image is labelled with the hash of all that it is made from, so what is current is skipped, and with the version
that its compiler or interpreter reports. It is built under a passing tag first and gets its own only when the version
is known: a tag ``yardmaster/<language>`` always names a finished image.

The command, not the SDK: a build is minutes of text to pass on, and the command follows the machine's own builder
(BuildKit or the one before it) and its configuration. Builds use the host's network, as the bridge may be missing or
filtered on machines whose engine was started by hand; only our own Dockerfiles run there.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import subprocess
import tarfile
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.language_folder import EXAMPLES, IMAGE_PREFIX, find_version, language_names, read_definition

BASE = "base"
CONTENT_LABEL = "yardmaster.content"
VERSION_LABEL = "yardmaster.version"

_AGENT = "agent"
_CA_BUNDLE = "base/ca-bundle.crt"
_PASSING_TAG = ":building"
_TAIL_LINES = 25


class ImageBuildError(Exception):
    """An image could not be built, or the ``docker`` command cannot be used; the message ends with its output."""


@dataclass(frozen=True, slots=True)
class ImageSource:
    """Where images come from and go to.

    ``folder`` is ``sandbox_images/``; ``docker_host`` as in DOCKER_HOST, ``None`` for the command's own choice;
    ``ca_bundle`` holds the root certificates that the builds shall trust, in PEM, where a proxy replaces them.
    """

    folder: Path
    docker_host: str | None = None
    ca_bundle: Path | None = None


def build_images(source: ImageSource, names: Sequence[str], progress: Callable[[str], None]) -> dict[str, str]:
    """Build the images of the languages ``names`` (and the one under them) that are missing or not current.

    ``progress`` receives every line that the builds print. Returns the versions by language.

    Raises:
        ImageBuildError: a build failed; the images before it are done.
        LanguageFileError: a language's file is wrong.
    """
    if _labels(source, BASE).get(CONTENT_LABEL) != _content_hash(source, BASE):
        progress(f"building {IMAGE_PREFIX}{BASE}")
        content = _build(source, BASE, progress)
        _finish(source, BASE, {CONTENT_LABEL: content}, progress)
    versions = {}
    for name in names:
        labels = _labels(source, name)
        if labels.get(CONTENT_LABEL) != _content_hash(source, name):
            progress(f"building {IMAGE_PREFIX}{name}")
            labels = _build_language(source, name, progress)
        versions[name] = labels[VERSION_LABEL]
    return versions


def built_versions(source: ImageSource) -> dict[str, str]:
    """Return the languages whose image the engine has, current or not, with the version in it."""
    versions = {}
    for name in language_names(source.folder):
        version = _labels(source, name).get(VERSION_LABEL)
        if version is not None:
            versions[name] = version
    return versions


def outdated_images(source: ImageSource) -> list[str]:
    """Return the names of the languages whose image is missing or not made from what the folder holds now."""
    return [
        name
        for name in language_names(source.folder)
        if _labels(source, name).get(CONTENT_LABEL) != _content_hash(source, name)
    ]


def _build_language(source: ImageSource, name: str, progress: Callable[[str], None]) -> dict[str, str]:
    command = read_definition(source.folder, name).version_command
    content = _build(source, name, progress)
    passing = IMAGE_PREFIX + name + _PASSING_TAG
    answer = _docker(source, "run", "--rm", "--network=none", "--entrypoint", command[0], passing, *command[1:])
    version = find_version(answer)
    if version is None:
        raise ImageBuildError(f"{' '.join(command)} in {passing} printed no version: {answer}")
    labels = {CONTENT_LABEL: content, VERSION_LABEL: version}
    _finish(source, name, labels, progress)
    return labels


def _build(source: ImageSource, name: str, progress: Callable[[str], None]) -> str:
    """Build an image under its passing tag and return the hash of what it was made from."""
    # Read once: a file that changes meanwhile must not get into the hash of an image that lacks the change.
    files = list(_files(source, name))
    tag = IMAGE_PREFIX + name + _PASSING_TAG
    arguments = ["build", "--network=host", f"--file={name}/Dockerfile", f"--tag={tag}", "-"]
    _stream(source, arguments, _context(files), progress)
    return _hash(source, name, files)


def _finish(source: ImageSource, name: str, labels: dict[str, str], progress: Callable[[str], None]) -> None:
    """Give the image its labels and its tag, in one step."""
    tag = IMAGE_PREFIX + name
    options = [f"--label={key}={value}" for key, value in labels.items()]
    dockerfile = f"FROM {tag}{_PASSING_TAG}\n".encode()
    _stream(source, ["build", *options, f"--tag={tag}", "-"], dockerfile, progress)
    # The engine refuses while a container of the same image runs; then the passing tag stays until the next build.
    with contextlib.suppress(ImageBuildError):
        _docker(source, "rmi", "--no-prune", tag + _PASSING_TAG)


def _content_hash(source: ImageSource, name: str) -> str:
    return _hash(source, name, _files(source, name))


def _hash(source: ImageSource, name: str, files: Iterable[tuple[str, bytes]]) -> str:
    """Hash what decides an image: the files that go into it, and the command that finds its version.

    The root certificates do not count: they let a build through a proxy, and those who ask later whether an image is
    current do not know them.
    """
    digest = hashlib.sha256()
    if name != BASE:
        digest.update(repr(read_definition(source.folder, name).version_command).encode())
    for path, content in files:
        for part in (path.encode(), b"" if path == _CA_BUNDLE else content):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()


def _context(files: Iterable[tuple[str, bytes]]) -> bytes:
    """Make the archive that a build sees: the same bytes for the same content, so that the layers' cache holds."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, content in files:
            info = tarfile.TarInfo(path)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return archive.getvalue()


def _files(source: ImageSource, name: str) -> Iterator[tuple[str, bytes]]:
    """Yield names and contents. The tables of limits and commands are read by the worker and go into no image."""
    for part in (BASE,) if name == BASE else (BASE, _AGENT, name):
        for path in _paths(source.folder / part):
            relative = path.relative_to(source.folder).as_posix()
            is_replaced = relative == _CA_BUNDLE and source.ca_bundle is not None
            yield relative, (source.ca_bundle if is_replaced and source.ca_bundle else path).read_bytes()


def _paths(folder: Path) -> Iterable[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".toml" and not {"__pycache__", EXAMPLES} & set(path.parts)
    )


def _labels(source: ImageSource, name: str) -> dict[str, str]:
    """Return the labels of a language's image; none when the engine does not have it."""
    template = "{{json .Config.Labels}}"
    command = [*_command(source), "image", "inspect", f"--format={template}", IMAGE_PREFIX + name]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise ImageBuildError(f"the docker command cannot be used: {error}") from error
    if answer.returncode != 0:
        if "no such image" in answer.stderr.lower():
            return {}
        raise ImageBuildError(f"the Docker engine did not answer: {answer.stderr.strip()}")
    labels = json.loads(answer.stdout)
    return {str(key): str(value) for key, value in labels.items()} if isinstance(labels, dict) else {}


def _docker(source: ImageSource, *arguments: str) -> str:
    try:
        answer = subprocess.run([*_command(source), *arguments], capture_output=True, text=True, check=True)
    except subprocess.CalledProcessError as error:
        raise ImageBuildError(f"docker {arguments[0]} failed: {error.stderr.strip()}") from error
    except OSError as error:
        raise ImageBuildError(f"the docker command cannot be used: {error}") from error
    return answer.stdout


def _stream(source: ImageSource, arguments: Sequence[str], stdin: bytes, progress: Callable[[str], None]) -> None:
    """Run the command with ``stdin``, pass on what it prints line by line, and keep the end for the error."""
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    with tempfile.TemporaryFile() as file:
        file.write(stdin)
        file.seek(os.SEEK_SET)
        try:
            process = subprocess.Popen(
                [*_command(source), *arguments],
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
        except OSError as error:
            raise ImageBuildError(f"the docker command cannot be used: {error}") from error
        with process:
            for line in process.stdout or ():
                tail.append(line.rstrip())
                progress(line.rstrip())
    if process.returncode != 0:
        raise ImageBuildError("docker build failed:\n" + "\n".join(tail))


def _command(source: ImageSource) -> list[str]:
    return ["docker"] if source.docker_host is None else ["docker", "--host", source.docker_host]
