"""Read what every process of an embedded stack will read, before any of them is started.

A process that meets a wrong setting later can only end, far from whoever made the mistake.
"""

from __future__ import annotations

from collections.abc import Mapping

from config.settings import StackSettings, inherit, load, load_api, load_pop, load_process, load_servers, load_stack

# The stack brings servers where none are named; where they will listen is not known yet, and nothing is read from it.
SERVERS = {"DATABASE_URL": "postgresql://127.0.0.1/yardmaster", "REDIS_URL": "redis://127.0.0.1"}
# Likewise what it tells its point of presence.
POP = {"POP_NAME": "local", "POP_KEY": "made-by-the-stack", "POP_ORIGIN": "http://127.0.0.1",
       "POP_LISTEN": "127.0.0.1:1", "POP_CONTROL_NETWORKS": "127.0.0.1/32"}  # fmt: skip


def load_checked_stack(environ: Mapping[str, str] | None = None) -> StackSettings:
    """Read what the embedded stack is told, and check the settings of all its processes.

    Raises:
        SettingsError: a variable is wrong, or what it names cannot be read.
    """
    # The API's libraries, which no other command should have to load.
    from web.app import check_settings  # noqa: PLC0415

    environ = inherit({}) if environ is None else environ
    given = {name: value for name, value in environ.items() if value}
    stack = load_stack(given)
    load_servers(given)
    load_process(given)
    load_pop(given | POP)
    check_settings(load(SERVERS | given), load_api(given))
    return stack
