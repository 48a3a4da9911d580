"""A city of drivers and passengers that use the HTTP API as phones do.

Theory of operation: every person is a *script*, a generator that does something and yields for how many seconds it
does nothing then. ``agenda.py`` goes on with each when its time has come; a script waits for an answer of the API in
the thread that carries it. What people decide is drawn in ``plans.py`` from the seed alone, so that the same seed
gives the same people however fast the platform is. ``ledger.py`` holds what was answered against what must never be.
"""
