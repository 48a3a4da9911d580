"""What retention forgets of rides that ended long ago: first the way that was driven, later the whole ride."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

# The ids of rides are UUIDs of version 7, which begin with the milliseconds of their making. So the oldest rides
# stand first in the primary key of their fixes, and a ride that was made within the time that is kept has not ended
# before it.
_PRUNE_FIXES = text("""
WITH old AS MATERIALIZED (SELECT f.ride_id, f.at FROM ride_fixes f
    WHERE f.ride_id < rpad(lpad(to_hex((extract(epoch FROM now() - make_interval(secs => :keep_s)) * 1000)::bigint),
            12, '0'), 32, '0')::uuid
        AND (SELECT r.finished_at FROM rides r WHERE r.id = f.ride_id) < now() - make_interval(secs => :keep_s)
    ORDER BY f.ride_id, f.at LIMIT :limit FOR UPDATE SKIP LOCKED)
DELETE FROM ride_fixes f USING old WHERE f.ride_id = old.ride_id AND f.at = old.at RETURNING f.at
""")
# Their offers and events go with them.
_PRUNE = text("""
WITH old AS MATERIALIZED (SELECT id FROM rides
    WHERE finished_at IS NOT NULL AND finished_at < now() - make_interval(secs => :keep_s)
    ORDER BY finished_at LIMIT :limit FOR UPDATE SKIP LOCKED)
DELETE FROM rides r USING old WHERE r.id = old.id RETURNING r.id
""")


def prune_fixes(session: Session, keep_s: float, limit: int) -> int:
    """Delete up to ``limit`` positions of rides that ended ``keep_s`` ago; return how many."""
    return len(session.execute(_PRUNE_FIXES, {"keep_s": keep_s, "limit": limit}).all())


def prune(session: Session, keep_s: float, limit: int) -> int:
    """Delete up to ``limit`` rides that ended ``keep_s`` ago, with all that belongs to them; return how many."""
    return len(session.execute(_PRUNE, {"keep_s": keep_s, "limit": limit}).all())
