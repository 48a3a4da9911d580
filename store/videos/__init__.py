"""Videos: their uploads, what was published of them, and how often they were asked for."""
