"""The manifest of a published video: every file with its checksum and size. Its own checksum is the revision.

A revision is written once, under ``videos/<video>/<revision>/``, the manifest last; so whoever finds a manifest finds
all that it names. Other content is another revision at other addresses, so whatever a cache keeps of one is right.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from types import MappingProxyType

from domain.videos.plan import Rendition

MANIFEST = "manifest.json"
MAX_BYTES = 8 << 20
FOLDER = "videos"

_SHA256 = re.compile(r"[0-9a-f]{64}")


class DamagedManifestError(Exception):
    """What is stored is not the manifest of that revision."""


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A file: its path within the revision, its size in bytes and its SHA-256 in hexadecimal digits."""

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """All files of a revision, in the order of their paths, and what they are."""

    files: tuple[ManifestFile, ...]
    renditions: tuple[Rendition, ...]
    duration_s: float

    @cached_property
    def by_path(self) -> Mapping[str, ManifestFile]:
        """Return the files by their paths."""
        return MappingProxyType({file.path: file for file in self.files})

    def size_of(self, rendition: str) -> int:
        """Return the bytes of a rendition's playlist and segments."""
        return sum(file.size_bytes for file in self.files if file.path.startswith(f"{rendition}/"))


def dump_manifest(manifest: Manifest) -> bytes:
    """Return a manifest as the one JSON text that it has."""
    files = [asdict(file) for file in sorted(manifest.files, key=lambda file: file.path)]
    body = {"files": files, "renditions": [asdict(each) for each in manifest.renditions],
            "duration_s": round(manifest.duration_s, 3)}  # fmt: skip
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def revision_of(content: bytes) -> str:
    """Return the revision whose manifest this is."""
    return hashlib.sha256(content).hexdigest()


def parse_manifest(content: bytes, revision: str) -> Manifest:
    """Return the manifest of a revision.

    Raises:
        DamagedManifestError: it is another one, or none.
    """
    if len(content) > MAX_BYTES or revision_of(content) != revision:
        raise DamagedManifestError(f"this is not the manifest of revision {revision}")
    # The checksum says that it is as dump_manifest wrote it.
    found = json.loads(content)
    return Manifest(
        tuple(ManifestFile(**file) for file in found["files"]),
        tuple(Rendition(**each) for each in found["renditions"]),
        float(found["duration_s"]),
    )


def is_revision(text: str) -> bool:
    """Tell whether this could be a revision."""
    return _SHA256.fullmatch(text) is not None


def blob_path(video: object, revision: str, path: str) -> str:
    """Return where in the blob store a file of a revision is."""
    return f"{FOLDER}/{video}/{revision}/{path}"
