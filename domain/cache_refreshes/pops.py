"""Points of presence as the platform keeps them: where they are, what they may take, and when they are filled."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

DRIVERS = ("varnish", "nginx", "embedded")
NAME_PATTERN = "^[a-z0-9][a-z0-9-]{0,62}$"
MAX_ADDRESS_LENGTH = 500
HEALTHY_FOR = timedelta(minutes=3)
"""A POP is asked every minute; of one that has not answered for this long nobody knows how it is."""

_NUMBER = re.compile(r"\d+|0[xX][0-9a-fA-F]*")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


class InvalidAddressError(ValueError):
    """No POP can be at this address; the message is a sentence about it without its subject."""


@dataclass(frozen=True, slots=True)
class FillWindow:
    """From when to when a POP is filled, each day by its own clock; ``start`` after ``end`` goes over midnight."""

    start: time
    end: time
    timezone: str

    def is_open(self, now: datetime) -> bool:
        """Tell whether ``now`` (aware) lies in the window; its end does not."""
        return any(begins <= now < ends for begins, ends in self._around(now))

    def opens_at(self, now: datetime) -> datetime:
        """Return ``now`` while the window is open, else its next begin, in the time zone of ``now``."""
        if self.is_open(now):
            return now
        return min(begins for begins, _ in self._around(now) if begins > now).astimezone(now.tzinfo)

    def opened_at(self, now: datetime) -> datetime:
        """Return when the window opened last, in the time zone of ``now``; one that is open did so, too."""
        return max(begins for begins, _ in self._around(now) if begins <= now).astimezone(now.tzinfo)

    def _around(self, now: datetime) -> list[tuple[datetime, datetime]]:
        """Return the windows from yesterday on; on a day when clocks change, one may be longer or shorter."""
        zone = ZoneInfo(self.timezone)
        today = now.astimezone(zone).date()
        windows = []
        for days in (-1, 0, 1, 2):
            day = today + timedelta(days)
            last = day if self.end > self.start else day + timedelta(1)
            begins, ends = datetime.combine(day, self.start, zone), datetime.combine(last, self.end, zone)
            # To UTC, because two times of one zone are compared by what its clocks show.
            windows.append((begins.astimezone(ZoneInfo("UTC")), ends.astimezone(ZoneInfo("UTC"))))
        return windows


@dataclass(frozen=True, slots=True)
class Pop:
    """A point of presence.

    ``url`` is where viewers find it, ``control_url`` where it is driven from. ``capacity_bytes`` is what may be
    placed on it. Without ``fill_window`` it is filled at any time, without ``max_bytes_per_s`` as fast as it goes.
    """

    name: str
    region: str
    url: str
    control_url: str
    driver: str
    capacity_bytes: int
    fill_window: FillWindow | None = None
    max_bytes_per_s: int | None = None
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class PopHealth:
    """When a POP last answered, and what went wrong at the last try, if anything did; at first both are ``None``."""

    last_seen_at: datetime | None = None
    last_error: str | None = None

    def is_healthy(self, now: datetime) -> bool:
        """Tell whether viewers may be sent there, and whoever watches may be calm."""
        is_seen = self.last_seen_at is not None and now - self.last_seen_at < HEALTHY_FOR
        return is_seen and self.last_error is None


def control_key(secret: str, pop_name: str) -> str:
    """Return the key that a POP is driven with: no secret of it is kept anywhere but in its own configuration."""
    return hmac.new(secret.encode(), f"pop:{pop_name}".encode(), hashlib.sha256).hexdigest()


def parse_address(text: str) -> str:
    """Return the address of a server, as ``http://host:port``.

    Private addresses are where POPs are. Those that only a machine itself, or its cloud, answers at (link-local) are
    refused, because whoever may name a POP must not be able to have us ask there. So are hosts that are numbers in a
    disguise.

    Raises:
        InvalidAddressError: it is none.
    """
    try:
        parts = urlsplit(text)
        # To read the port is to check it.
        is_address = parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or len(text) > MAX_ADDRESS_LENGTH or not text.isascii() or re.search(r"[\s\x00-\x1f\\]", text):
        raise InvalidAddressError("must be an address like http://host:8080")
    if parts.path not in ("", "/") or "@" in parts.netloc or "?" in text or "#" in text:
        raise InvalidAddressError("must be an address without user, path, query and fragment")
    _check_host(parts.hostname or "")
    return text.rstrip("/")


def check_ip_address(text: str) -> None:
    """Check an IP address, which a host's name may have led to.

    Raises:
        InvalidAddressError: no POP can be there.
    """
    address = ipaddress.ip_address(text)
    mapped = getattr(address, "ipv4_mapped", None) or address
    if mapped.is_link_local or mapped.is_multicast or mapped.is_unspecified or mapped.is_reserved:
        raise InvalidAddressError("must not be an address of that kind")


def _check_host(host: str) -> None:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if not _HOST.fullmatch(host) or ".." in host or _NUMBER.fullmatch(host.rpartition(".")[2]):
            raise InvalidAddressError("must name a host") from None
        return
    check_ip_address(host)
