"""Playback tokens: who holds one may play one revision of one video until it expires; nothing is looked up for it.

A token is ``<expires>.<hmac>``: seconds since 1970, and the HMAC-SHA256 (RFC 2104) of what it is for, in hexadecimal
digits. It stands in the path, before the video, so that the relative addresses in playlists keep it.
"""

from __future__ import annotations

import hashlib
import hmac
import re

from domain.videos.manifests import is_revision

MAX_LIFE_S = 24 * 3600
_TOKEN = re.compile(r"([1-9][0-9]{0,11})\.([0-9a-f]{64})", re.ASCII)


def sign(secret: str, video: str, revision: str, expires_at: int) -> str:
    """Return the token for a revision of a video; ``expires_at`` is in seconds since 1970."""
    return f"{expires_at}.{_digest(secret, video, revision, expires_at)}"


def remaining_s(secret: str, token: str, target: tuple[str, str], now: float) -> float | None:
    """Return for how long a token lets one play ``target``, a video and its revision; ``None``: it does not."""
    video, revision = target
    match = _TOKEN.fullmatch(token)
    if match is None or not is_revision(revision):
        return None
    expires_at = int(match[1])
    if not hmac.compare_digest(match[2], _digest(secret, video, revision, expires_at)):
        return None
    return expires_at - now if expires_at > now else None


def _digest(secret: str, video: str, revision: str, expires_at: int) -> str:
    # The word in front keeps what is signed apart from the keys of POPs, which are made of the same secret.
    message = f"playback:{expires_at}:{video}/{revision}"
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()
