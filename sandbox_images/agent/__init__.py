"""The program inside every box: it compiles, runs, measures, caps, kills and cleans. ``__main__`` has the theory."""
