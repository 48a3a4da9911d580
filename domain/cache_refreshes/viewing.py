"""Which POP viewers are sent to for a title, by what POPs are placed to hold, and why something is missed there.

So placement's prediction and the viewers' way agree: see ``placement.Placement.hit_ratios``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from random import Random

from domain.cache_refreshes.placement import MissReason, Pop, miss_reason, preferred_pops


def viewing_order(title: str, pops: Collection[Pop], holders: Iterable[Collection[str]], dice: Random) -> list[str]:
    """Return the names of ``pops``, the best for the viewers of a title first.

    ``holders`` has the POPs that are placed to hold each of its renditions. Those that hold the most are first, in an
    order that ``dice`` makes, so that they share the viewers evenly; those that hold nothing are last, in the title's
    own order.
    """
    held = Counter(name for names in holders for name in names)
    preferred = preferred_pops(title, pops)
    draws = {name: dice.random() if held[name] else rank for rank, name in enumerate(preferred)}
    return sorted(preferred, key=lambda name: (-held[name], draws[name]))


def reasons_at(
    pop: str, holders: Mapping[str, Collection[str]], pops_that_answer: Collection[str]
) -> dict[str, MissReason]:
    """Say for each rendition why it is missed at the POP that a viewer was sent to, if it is.

    ``holders`` has those of the viewer's region. One that answers, but is not where the viewer was sent to because
    more of the title is there, helps nobody: at that POP the rendition is not placed.
    """
    reasons = {}
    for rendition, names in holders.items():
        away = [name for name in names if name not in pops_that_answer]
        reasons[rendition] = miss_reason([pop] if pop in names else away, pops_that_answer)
    return reasons
