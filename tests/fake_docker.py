"""A ``docker`` command that only remembers the labels of what it built, for tests of those who call it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

PROGRAM = r"""#!PYTHON
import json, pathlib, sys

folder, arguments = pathlib.Path(FOLDER), sys.argv[1:]
if arguments[0] == "--host":
    arguments = arguments[2:]
tags = [part[len("--tag="):] for part in arguments if part.startswith("--tag=")]
labels = dict(part[len("--label="):].split("=", 1) for part in arguments if part.startswith("--label="))
if arguments[0] == "build":
    sys.stdin.buffer.read()
    image = folder / tags[0].replace("/", "+")
    image.write_text(json.dumps(labels))
elif arguments[:2] == ["image", "inspect"]:
    image = folder / arguments[-1].replace("/", "+")
    if not image.exists():
        sys.exit("Error: No such image: " + arguments[-1])
    print(image.read_text())
elif arguments[0] in ("run", "version"):
    print("version 1.2.3")
"""


class FakeDocker:
    """Its images, in ``folder``."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._images = folder / "images"
        self._images.mkdir()
        program = folder / "docker"
        program.write_text(PROGRAM.replace("PYTHON", sys.executable).replace("FOLDER", repr(str(self._images))))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))
        # What the tests' engine has is not to be asked.
        monkeypatch.delenv("DOCKER_HOST", raising=False)

    def images(self) -> set[str]:
        """Return the tags of what was built, without those that pass."""
        names = {path.name.replace("+", "/") for path in self._images.iterdir()}
        return {name for name in names if ":" not in name}
