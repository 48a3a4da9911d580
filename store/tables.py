"""All tables in one place: importing this module has loaded every model."""

from __future__ import annotations

import store.api_keys
import store.jobs.models
import store.rides.models
import store.videos.models
from store.db import Base

TABLES = Base.metadata
MODEL_MODULES = (store.api_keys, store.jobs.models, store.rides.models, store.videos.models)
