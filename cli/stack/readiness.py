"""Wait until a started stack answers, and make sure that it is this one.

A port that was free when it was chosen may be another stack's a moment later, whose API would answer there as well as
ours. So each door is tried with the key that this stack made, which no other takes.
"""

from __future__ import annotations

import time

import requests

from cli.stack.home import Addresses

TIMEOUT_S = 90.0
POLL_S = 0.1
ANSWER_S = 5.0


class NotReadyError(Exception):
    """The stack did not answer in time, or somebody else answers in its place; the message names the address."""


def wait_until_ready(addresses: Addresses, timeout_s: float = TIMEOUT_S) -> None:
    """Return once API and Flower answer those who hold this stack's key and password.

    Raises:
        NotReadyError: one does not within ``timeout_s``, or what answers does not know them.
    """
    deadline = time.monotonic() + timeout_s
    session = requests.Session()
    session.trust_env = False
    flower = requests.auth.HTTPBasicAuth(addresses.flower_user, addresses.flower_password)
    with session:
        _wait_for(session, f"{addresses.api}/v1/queues", _Bearer(addresses.api_key), deadline)
        _wait_for(session, f"{addresses.flower}/workers", flower, deadline)


class _Bearer(requests.auth.AuthBase):
    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


def _wait_for(session: requests.Session, url: str, auth: requests.auth.AuthBase, deadline: float) -> None:
    while (status := _status(session, url, auth)) != requests.codes.ok:
        if status == requests.codes.unauthorized:
            raise NotReadyError(f"what answers at {url} is not of this stack: it does not know the key")
        if time.monotonic() > deadline:
            raise NotReadyError(f"{url} does not answer")
        time.sleep(POLL_S)


def _status(session: requests.Session, url: str, auth: requests.auth.AuthBase) -> int | None:
    try:
        return session.get(url, auth=auth, timeout=ANSWER_S, allow_redirects=False).status_code
    except requests.RequestException:
        return None
