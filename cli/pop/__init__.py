"""Points of presence (POPs): what runs at the edge, beside Varnish or nginx or in their place. ``docs/edge.md``."""
