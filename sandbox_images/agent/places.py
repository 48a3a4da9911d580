"""The places in a box where programs can write: fill them, harvest them, empty them.

Everything here runs while no process but the agent exists, so nothing can change under its hands.
"""

from __future__ import annotations

import os
import stat

SRC = "/box/src"
OUT = "/box/out"
APP = "/box/app"
# Where any program may make files. /dev/mqueue is there when the box's runtime mounted it.
WRITABLE = (SRC, OUT, APP, "/tmp", "/dev/shm", "/dev/mqueue")

_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_OPEN_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_MAX_DEPTH = 32
_MAX_FILES = 4096
_SYSV_LISTS = ("/proc/sysvipc/shm", "/proc/sysvipc/sem", "/proc/sysvipc/msg")


class HarvestError(Exception):
    """What a compiler left is not something to run; the message is for the program's author."""


class PlaceError(Exception):
    """A name that has no business in a box."""


def make() -> None:
    """Make the folders of a new box."""
    for path in (SRC, OUT, APP):
        os.makedirs(path, exist_ok=True)
        os.chmod(path, 0o1777)


def put(place: str, files: list[dict[str, object]], body: bytes) -> None:
    """Write ``files`` (name, size, mode), whose contents follow each other in ``body``, owned by root."""
    at = 0
    for file in files:
        name, size, mode = str(file["name"]), int(str(file["size"])), int(str(file["mode"]))
        parts = name.split("/")
        if any(part in ("", ".", "..") or "\0" in part for part in parts):
            raise PlaceError(f"{name!r} is not a name for a file in the box")
        for depth in range(1, len(parts)):
            os.makedirs(os.path.join(place, *parts[:depth]), 0o755, exist_ok=True)
        fd = os.open(os.path.join(place, name), _OPEN_NEW, mode & 0o755)
        try:
            view = memoryview(body)[at : at + size]
            while view:
                view = view[os.write(fd, view) :]
        finally:
            os.close(fd)
        at += size


def harvest(max_bytes: int) -> None:
    """Move what the compiler left in OUT to APP, write-protected.

    What it put into APP by itself is removed first: nobody has checked that, and a name there could stand in the way.

    Raises:
        HarvestError: it is too much, or not all of it is regular files that have one name.
    """
    empty(APP)
    left, files = max_bytes, 0
    for path, status in walk(OUT):
        if stat.S_ISDIR(status.st_mode):
            os.chmod(path, 0o555)
            continue
        name = os.path.relpath(path, OUT)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise HarvestError(f"the compiler left {name!r}, which is not a regular file")
        left, files = left - status.st_size, files + 1
        if left < 0 or files > _MAX_FILES:
            raise HarvestError(f"the compiler left more than {max_bytes} bytes or {_MAX_FILES} files")
        os.chmod(path, 0o555 if status.st_mode & 0o111 else 0o444)
    for name in os.listdir(OUT):
        os.rename(os.path.join(OUT, name), os.path.join(APP, name))


def walk(place: str) -> list[tuple[str, os.stat_result]]:
    """List everything under ``place``, directories before their contents, without following a link.

    Raises:
        HarvestError: it is nested deeper than any compiler's output.
    """
    found: list[tuple[str, os.stat_result]] = []
    folders = [(place, 0)]
    while folders:
        folder, depth = folders.pop()
        if depth > _MAX_DEPTH:
            raise HarvestError(f"the compiler left folders nested deeper than {_MAX_DEPTH}")
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            status = os.lstat(path)
            found.append((path, status))
            if stat.S_ISDIR(status.st_mode):
                folders.append((path, depth + 1))
    return found


def collect(place: str) -> tuple[list[dict[str, object]], list[bytes]]:
    """Read every regular file under ``place``."""
    files: list[dict[str, object]] = []
    contents = []
    for path, status in walk(place):
        if not stat.S_ISREG(status.st_mode):
            continue
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb", buffering=0) as file:
            contents.append(file.read())
        mode = stat.S_IMODE(status.st_mode)
        files.append({"name": os.path.relpath(path, place), "size": len(contents[-1]), "mode": mode})
    return files, contents


def fingerprint(place: str) -> dict[str, tuple[int, int, int]]:
    """Return what would show a change of any file under ``place``."""
    return {path: (status.st_ino, status.st_size, status.st_mtime_ns) for path, status in walk(place)}


def empty(place: str, keep: frozenset[str] = frozenset()) -> None:
    """Remove everything in ``place`` but the top entries named in ``keep``.

    A directory's subdirectories are first moved up to ``place`` itself, so neither the depth of a tree nor the
    length of its paths matters, and at most two directories are open at a time.
    """
    try:
        if keep.issuperset(os.listdir(place)):
            return
        top = os.open(place, _OPEN_DIRECTORY)
    except FileNotFoundError:
        return
    try:
        pending = [name for name in os.listdir(top) if name not in keep]
        # Unguessable, so that no program can have made an entry of the same name.
        prefix = f".{os.urandom(8).hex()}-"
        moved = 0
        while pending:
            name = pending.pop()
            if not stat.S_ISDIR(os.stat(name, dir_fd=top, follow_symlinks=False).st_mode):
                os.unlink(name, dir_fd=top)
                continue
            for child in _empty_files(top, name):
                moved += 1
                pending.append(f"{prefix}{moved}")
                os.rename(f"{name}/{child}", pending[-1], src_dir_fd=top, dst_dir_fd=top)
            os.rmdir(name, dir_fd=top)
    finally:
        os.close(top)


def _empty_files(top: int, name: str) -> list[str]:
    """Remove the files of a directory and return its subdirectories."""
    folder = os.open(name, _OPEN_DIRECTORY, dir_fd=top)
    try:
        folders = []
        for child in os.listdir(folder):
            if stat.S_ISDIR(os.stat(child, dir_fd=folder, follow_symlinks=False).st_mode):
                folders.append(child)
            else:
                os.unlink(child, dir_fd=folder)
        return folders
    finally:
        os.close(folder)


def full_places() -> list[str]:
    """Return the places whose room for bytes or for files is used up."""
    full = []
    for place in (APP, "/tmp", "/dev/shm"):
        try:
            room = os.statvfs(place)
        except FileNotFoundError:
            continue
        if room.f_bfree == 0 or (room.f_files and room.f_ffree == 0):
            full.append(place)
    return full


def leftovers(keep: frozenset[str], zygote: int = 0) -> list[str]:
    """Return what is in the box that should not be: entries of writable places, System V objects, processes.

    ``zygote`` is the pid of the one process that may be there beside the agent.
    """
    found = []
    for place in WRITABLE:
        try:
            extra = set(os.listdir(place)) - (keep if place == APP else frozenset())
        except FileNotFoundError:
            continue
        found += [f"{place} holds {len(extra)} entries"] if extra else []
    for path in _SYSV_LISTS:
        try:
            with open(path, "rb") as file:
                objects = len(file.readlines()) - 1
        except FileNotFoundError:
            continue
        found += [f"{path} lists {objects} objects"] if objects > 0 else []
    ours = (str(os.getpid()), str(zygote))
    processes = [name for name in os.listdir("/proc") if name.isdigit() and name not in ours]
    return found + [f"process {name} is alive" for name in processes]
