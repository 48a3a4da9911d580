"""The HTTP API as the command line uses it; what the API refuses becomes a sentence and an exit code."""

from __future__ import annotations

from collections.abc import Mapping

import click
import requests

from cli.stack.home import Home
from config.settings import load_client

TIMEOUT_S = 60.0
EXIT_NOT_REACHED = 3


class NotReachedError(click.ClickException):
    """No API answers at the address."""

    exit_code = EXIT_NOT_REACHED


class RefusedError(click.ClickException):
    """The API answered with an error; the message is the API's, with every field that it names."""

    def __init__(self, response: requests.Response, arguments: Mapping[str, str] | None = None) -> None:
        self.status = response.status_code
        super().__init__(_explain(response, arguments or {}))


class ApiClient:
    """One API under ``url``, opened with ``api_key``. Answers are returned as parsed JSON.

    ``retry_after_s`` is when asking again makes sense, as the last answer said; ``None`` when it did not.
    """

    retry_after_s: float | None = None

    def __init__(self, url: str, api_key: str) -> None:
        self.url = url.rstrip("/")
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {api_key}"
        # The API's own address: a proxy for the outer world does not lead there, nor does ~/.netrc know its key.
        self._session.trust_env = False

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> dict[str, object]:
        """Read ``path``."""
        return self._ask("GET", path, params=query)

    def post(
        self,
        path: str,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        arguments: Mapping[str, str] | None = None,
    ) -> dict[str, object]:
        """Post ``body`` to ``path``; ``arguments`` are the command's own names of the body's fields, by pointer."""
        return self._ask("POST", path, arguments, json=body, headers=headers)

    def put(self, path: str, body: Mapping[str, object]) -> dict[str, object]:
        """Put ``body`` at ``path``."""
        return self._ask("PUT", path, json=body)

    def delete(self, path: str, query: Mapping[str, str | int] | None = None) -> dict[str, object]:
        """Delete ``path``."""
        return self._ask("DELETE", path, params=query)

    def upload(self, path: str, offset: int, chunk: bytes) -> int:
        """Send a chunk of an upload; return where the upload stands then, whether it was taken or not."""
        headers = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)}
        response = self._send("PATCH", path, data=chunk, headers=headers)
        stands = response.headers.get("Upload-Offset", "")
        is_new = response.status_code == requests.codes.conflict and stands != str(offset)
        if not stands.isdecimal() or not (response.ok or is_new):
            raise RefusedError(response)
        return int(stands)

    def upload_offset(self, path: str) -> int:
        """Return where an upload stands."""
        response = self._send("HEAD", path)
        if not response.ok:
            raise RefusedError(response)
        return int(response.headers["Upload-Offset"])

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _send(self, method: str, path: str, **arguments: object) -> requests.Response:
        try:
            # mypy: every caller's arguments are among those of requests, which differ in type.
            return self._session.request(
                method, self.url + path, timeout=TIMEOUT_S, allow_redirects=False, **arguments  # type: ignore[arg-type]
            )  # fmt: skip
        except requests.RequestException as error:
            raise NotReachedError(f"no API answers at {self.url} ({type(error).__name__}); is it running?") from error

    def _ask(
        self, method: str, path: str, names: Mapping[str, str] | None = None, **arguments: object
    ) -> dict[str, object]:
        response = self._send(method, path, **arguments)
        self.retry_after_s = _seconds(response.headers.get("Retry-After", ""))
        if response.status_code >= 300:
            raise RefusedError(response, names)
        return dict(response.json()) if response.content else {}


def find_api() -> ApiClient:
    """Return the API that the settings name, else that of the stack running in the home.

    Raises:
        NotReachedError: neither is there, or no key for it.
    """
    settings = load_client()
    home = Home(settings.home)
    running = home.running()
    url = settings.url or (running.api if running else None)
    if url is None:
        raise NotReachedError(
            f"no stack is running in {home.path}; start one with `make up`, set YARDMASTER_HOME to the folder of "
            "one that runs, or set YARDMASTER_URL"
        )
    key = settings.api_key or home.find_secret("api_key")
    if key is None:
        raise NotReachedError("no API key; set YARDMASTER_API_KEY (make one with `yardmaster keys create`)")
    return ApiClient(url, key)


def _seconds(header: str) -> float | None:
    # The other form of the header, a date, is none that our API sends.
    return float(header) if header.isdecimal() else None


def _explain(response: requests.Response, arguments: Mapping[str, str]) -> str:
    try:
        problem = dict(response.json())
    except ValueError:
        return f"the API answered {response.status_code} {response.reason}"
    lines = [f"{problem.get('title', response.reason)} ({response.status_code})"]
    if detail := problem.get("detail"):
        lines[0] += f": {detail}"
    for error in problem.get("errors", []):
        place = str(_place(error))
        lines.append(f"  {arguments.get(place, place)}: {error.get('detail', '')}")
    if wait := response.headers.get("Retry-After"):
        lines.append(f"  try again in {wait} s")
    return "\n".join(lines)


def _place(error: Mapping[str, object]) -> object:
    return next((value for name, value in error.items() if name != "detail"), "")
