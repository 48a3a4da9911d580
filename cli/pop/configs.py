"""Fill in the configuration of a POP's server from ``config/edge/``."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from config.settings import REPOSITORY, PopSettings

TEMPLATES = {"varnish": "varnish.vcl", "nginx": "nginx.conf"}
# With less room on the disk, nginx gives up copies.
MIN_FREE = "256m"
# Any number of small copies is given up for a large one (``-p nuke_limit``): a fetch that finds no room is cut off.
VARNISH_NUKE_LIMIT = 1_000_000
# Of Varnish's log (``-p vsl_mask``) what nobody reads here, which is most of it, is not written: the agent needs
# VCL_call, VCL_Log, VCL_return and ReqAcct, and has to go through whatever else there is.
VARNISH_LOG = (
    "-ObjHeader,-ObjProtocol,-ObjReason,-ObjStatus,-RespHeader,-RespUnset,-RespProtocol,-RespReason,-RespStatus,"
    "-ReqHeader,-ReqMethod,-ReqProtocol,-ReqStart,-ReqUnset,-ReqURL,-Timestamp,-Filters,-Hit"
)


def render(server: str, settings: PopSettings, min_free: str = MIN_FREE) -> str:
    """Return the configuration of ``server`` (``varnish`` or ``nginx``); it holds the POP's key."""
    origin = urlsplit(settings.origin)
    networks = {"varnish": [_acl_entry(network) for network in settings.control_networks],
                "nginx": [f"{network} 1;" for network in settings.control_networks]}  # fmt: skip
    values = {
        "POP_NAME": settings.name,
        "POP_KEY": settings.key,
        "POP_ORIGIN_HOST": origin.hostname or "",
        "POP_ORIGIN_PORT": str(origin.port or 80),
        "POP_LISTEN": settings.listen,
        "POP_AGENT_PORT": str(settings.agent_port),
        "POP_CONTROL_NETWORKS": " ".join(networks[server]),
        "POP_FOLDER": str(settings.folder),
        "POP_CAPACITY_BYTES": str(settings.capacity_bytes),
        "POP_TOO_LARGE": numbers_above(settings.capacity_bytes),
        "POP_MIN_FREE": min_free,
    }
    template = (REPOSITORY / "config" / "edge" / TEMPLATES[server]).read_text(encoding="utf-8")
    return re.sub(r"\$\{(POP_[A-Z_]+)\}", lambda found: values[found[1]], template)


def numbers_above(bound: int) -> str:
    """Return a regular expression for the decimal numbers above ``bound``: nginx cannot compare numbers."""
    digits = str(bound)
    # More digits, or as many that begin alike and go on with a larger one.
    larger = [
        f"{digits[:place]}[{int(digit) + 1}-9][0-9]{{{len(digits) - place - 1}}}"
        for place, digit in enumerate(digits)
        if digit != "9"
    ]
    return f"([1-9][0-9]{{{len(digits)},}}|{'|'.join(larger)})" if larger else f"[1-9][0-9]{{{len(digits)},}}"


def _acl_entry(network: str) -> str:
    address, bits = network.split("/")
    return f'"{address}"/{bits};'
