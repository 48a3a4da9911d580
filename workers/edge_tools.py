"""What jobs of the edge are done with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker

from domain.cache_refreshes.edge import PopDriver
from domain.cache_refreshes.pops import Pop
from domain.cache_refreshes.refresh import Patience
from store.edge_objects import EdgeObject
from workers.pop_pace import SLICE_S


class SetAwayError(Exception):
    """Nobody can tell what belongs to a set or a video now; it may be told later."""


class VideoDamagedError(SetAwayError):
    """Nobody can tell what belongs to this one video, as it is stored; others are as they should be."""


@dataclass(frozen=True, slots=True)
class EdgeTools:
    """What jobs of the edge are done with.

    ``sessions`` makes transactions. ``drive`` returns a POP's driver; it raises ``EdgeRefusedError`` where there is
    no key. ``set_objects`` returns what is served of a set, and ``video_objects`` what POPs hold of a revision of a
    video; both may raise ``SetAwayError``, the latter ``VideoDamagedError``. A job works on a fill for ``slice_s``.
    """

    sessions: sessionmaker[Session]
    drive: Callable[[Pop], PopDriver]
    set_objects: Callable[[str], Sequence[EdgeObject]]
    video_objects: Callable[[UUID, str], Sequence[EdgeObject]]
    patience: Patience = field(default_factory=Patience)
    slice_s: float = SLICE_S
