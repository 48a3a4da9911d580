"""Code runs: compile a program once, run it on every case, and judge what it printed."""
