"""Make the virtual environment that everything else runs in: ``python3 cli/bootstrap.py FOLDER [EXTRA]``.

Runs before anything is installed, with whatever Python 3 the machine has: standard library only, and syntax that old
Pythons understand too, so that they get a sentence instead of a traceback. Debian ships Python without
``ensurepip``; there the missing package is installed when we may, else the system's pip is borrowed, else a sentence
says what to do.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
REPOSITORY = Path(__file__).resolve().parent.parent
NO_PIP = (
    "Python's venv module has no pip to put into a virtual environment. Install it and run this again:\n"
    "    sudo apt install python3-venv"
)


def main(arguments: list[str]) -> int:
    """Make the virtual environment if it is missing, install the project with its extras, and return an exit code."""
    if sys.version_info < OLDEST:
        print(f"Yardmaster needs Python 3.11 or newer; this is {sys.version.split()[0]}.", file=sys.stderr)
        return 1
    folder = Path(arguments[0])
    project = f"{REPOSITORY}[{arguments[1]}]" if len(arguments) > 1 else str(REPOSITORY)
    if not has_pip(folder) and not make_environment(folder):
        print(NO_PIP, file=sys.stderr)
        return 1
    return _run([_python(folder), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-e", project])


def make_environment(folder: Path) -> bool:
    """Make a virtual environment with pip in ``folder``, and tell whether that worked."""
    return any(attempt(folder) and has_pip(folder) for attempt in (_plainly, _with_apt, _with_borrowed_pip))


def has_pip(folder: Path) -> bool:
    """Tell whether ``folder`` is a virtual environment that can install."""
    python = Path(_python(folder))
    return python.exists() and _run([str(python), "-m", "pip", "--version"], is_quiet=True) == 0


def _plainly(folder: Path) -> bool:
    return _run([sys.executable, "-m", "venv", "--clear", str(folder)], is_quiet=True) == 0


def _with_apt(folder: Path) -> bool:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    print("Installing python3-venv ...", file=sys.stderr)
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    _run(["apt-get", "-qq", "update"], is_quiet=True)
    _run(["apt-get", "-qq", "install", "-y", "--no-install-recommends", package], is_quiet=True)
    return _plainly(folder)


def _with_borrowed_pip(folder: Path) -> bool:
    if _run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder)], is_quiet=True) != 0:
        return False
    borrowed = [sys.executable, "-m", "pip", "--python", _python(folder)]
    return _run([*borrowed, "install", "--quiet", "pip"], is_quiet=True) == 0


def _python(folder: Path) -> str:
    return str(folder / "bin" / "python")


def _run(command: list[str], *, is_quiet: bool = False) -> int:
    output = subprocess.DEVNULL if is_quiet else None
    return subprocess.run(command, check=False, stdout=output, stderr=output).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
