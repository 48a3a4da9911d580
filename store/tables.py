"""All tables in one place: importing this module has loaded every model."""

from __future__ import annotations

import store.api_keys
import store.cache_refreshes
import store.edge_objects
import store.jobs.models
import store.placements
import store.playbacks
import store.pops
import store.rides.models
import store.videos.models
import store.viewings
from store.db import Base

TABLES = Base.metadata
MODEL_MODULES = (
    store.api_keys,
    store.cache_refreshes,
    store.edge_objects,
    store.jobs.models,
    store.placements,
    store.playbacks,
    store.pops,
    store.rides.models,
    store.videos.models,
    store.viewings,
)
