"""Where drivers are and which of them are free, in Redis or Valkey: hints, which PostgreSQL overrules.

Theory of operation
-------------------
A city's keys share a hash tag, ``rides:{city}:``, and so a node of a cluster:

- ``on``, a hash: driver -> product, for each driver who may be offered rides. Written by ``set_available``,
  ``set_unavailable`` and ``rebuild`` only, so no position that comes late makes a candidate of anybody.
- ``last``, a hash: driver -> "latitude,longitude,ms,bearing,accuracy", for whoever told a position within a day.
- ``available:<product>``, a GEO set: the drivers in ``on`` whose last fix is fresh; ``seen`` has these fixes' times.
- ``changed``, a sorted set: who was made available or not since the last rebuild, in the order of the changes.

Every step is a script, so the GEO sets never hold anybody who is not in ``on``. Staleness is decided by the clock of
whoever asks: a reader takes the stale out of the GEO sets before it reads, and their next push puts them back. There
is no sweeper of these; what is a day old in ``last`` is forgotten by the next rebuild.

Redis does one thing at a time. So nothing here takes it for more than some milliseconds: pushes go in pieces of one
pipeline, the snapshot in pages, and a rebuild does not swap keys but goes through the drivers a few hundred at a
time. Readers meanwhile see candidates that are right one by one, never an empty city; pushes go on and lose nothing;
whoever became available or unavailable while the rebuild was under way stays so, because its list is older.

Times are the phones' own, in milliseconds, and never later than now: a clock that is ahead would else hold off all
that its driver tells later.
"""

from adapters.driver_index.index import RedisDriverIndex, create_index_client

__all__ = ["RedisDriverIndex", "create_index_client"]
