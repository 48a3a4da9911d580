"""Read single variables of an environment; what is wrong with one is said in a sentence that names it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

MIN_SECRET_LENGTH = 16


class SettingsError(Exception):
    """A variable is missing or malformed; the message names it."""


class Reader:
    """Reads variables of ``environ`` by their names; an empty one counts as not set.

    Every method raises ``SettingsError`` where the value is missing or wrong.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str, default: str | None = None) -> str:
        """Return the value, else ``default``."""
        value = self._environ.get(name) or default
        if value is None:
            raise SettingsError(f"{name} is not set")
        return value

    def optional(self, name: str) -> str | None:
        """Return the value if there is one."""
        return self._environ.get(name) or None

    def secret(self, name: str) -> str | None:
        """Return a value of some length, which no message shows."""
        value = self.optional(name)
        if value is not None and len(value) < MIN_SECRET_LENGTH:
            raise SettingsError(f"{name} must have at least {MIN_SECRET_LENGTH} characters")  # The value is secret.
        return value

    def address(self, name: str) -> str | None:
        """Return the address of an HTTP server."""
        value = self.optional(name)
        try:
            parts = urlsplit(value or "http://none")
            # To read the port is to check it.
            is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
            is_address &= not re.search(r"\s", parts.netloc)
        except ValueError:
            is_address = False
        if not is_address:
            raise SettingsError(f"{name} must be an address like http://host:5000, not {value!r}")
        return value

    def words(self, name: str) -> tuple[str, ...]:
        """Return what stands between commas."""
        return tuple(word.strip() for word in (self.optional(name) or "").split(",") if word.strip())

    def existing(self, name: str) -> Path | None:
        """Return a path that leads somewhere."""
        value = self.optional(name)
        if value is not None and not Path(value).exists():
            raise SettingsError(f"{name} must be a path that exists, not {value!r}")
        return None if value is None else Path(value).absolute()

    def folder(self, name: str) -> Path | None:
        """Return the path of a folder that is there."""
        path = self.existing(name)
        if path is not None and not path.is_dir():
            raise SettingsError(f"{name} must be a folder, not {str(path)!r}")
        return path

    def server(self, name: str, schemes: tuple[str, ...], example: str) -> str | None:
        """Return the URL of a server that has one of ``schemes``; no message shows it, since it has a password."""
        value = self.optional(name)
        if value is None:
            return None
        scheme, _, rest = value.partition("://")
        # A password may have any character but @, so what is behind the last one is looked at alone.
        host = re.split(r"[/?]", rest.rpartition("@")[2])[0]
        port = re.fullmatch(r"(?:\[[^\]]*\]|[^:\s\[\]]*)(?::([0-9]{0,5}))?", host)
        if scheme not in schemes or not rest or port is None or int(port[1] or 0) > 65535:
            raise SettingsError(f"{name} must be a URL like {example}, with the scheme {' or '.join(schemes)}")
        return value

    def matching(self, name: str, pattern: str, default: str | None = None) -> str:
        """Return a value that matches ``pattern`` as a whole."""
        value = self.text(name, default)
        if not re.fullmatch(pattern, value):
            # Not the value: it may be a secret.
            raise SettingsError(f"{name} must match {pattern}")
        return value

    def networks(self, name: str, default: str) -> tuple[str, ...]:
        """Return networks parted by commas."""
        try:
            return tuple(str(ip_network(word)) for word in self.text(name, default).replace(",", " ").split())
        except ValueError as error:
            raise SettingsError(f"{name} must be networks like 10.1.0.0/16, parted by commas: {error}") from error

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """Return one of ``choices``; the first is the default."""
        value = self.text(name, choices[0])
        if value not in choices:
            raise SettingsError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
        return value

    def port(self, name: str) -> int | None:
        """Return a port number."""
        value = self.positive(name, 0) if self.optional(name) else None
        if value is not None and value > 65535:
            raise SettingsError(f"{name} must be a port number, 1 to 65535, not {value}")
        return value

    def positive(self, name: str, default: int) -> int:
        """Return a whole number above 0."""
        raw = self.text(name, str(default))
        try:
            value = int(raw)
        except ValueError:
            value = 0
        if value <= 0:
            raise SettingsError(f"{name} must be a whole number above 0, not {raw!r}")
        return value
