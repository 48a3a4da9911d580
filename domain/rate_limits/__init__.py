"""Rate limits: how many requests an owner of a tier may make in several windows at once."""
