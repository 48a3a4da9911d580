"""Points of presence at the edge, over the HTTP contract of ``docs/edge.md``."""

from adapters.edge.driver import HttpPopDriver

__all__ = ["HttpPopDriver"]
