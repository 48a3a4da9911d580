"""Content as the demo shows it: an answer is judged, questions are refreshed at the edge, and a film is played."""

from __future__ import annotations

import secrets
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import requests

from adapters.ffmpeg import missing_programs
from cli.client import ApiClient, RefusedError
from cli.keys import temporary_keys
from cli.output import print_table
from cli.run import run_to_the_end
from cli.stack.content import SHIPPED
from cli.stack.stack import POP_NAME, POP_REGION

LIST = "/v1/questions?difficulty=easy"
"""A copy that no job fetches before a viewer asks for it, but that every refresh of the questions makes stale."""
HAS_VIDEO = ("uploading", "processing", "ready")
FILM_S = 2
GIVE_UP_S = 60.0
POLL_S = 0.1
TIMEOUT_S = 30.0


class _UnexpectedError(Exception):
    """What was shown is not what should be; the message says what it is."""


@dataclass(frozen=True, slots=True)
class Step:
    """What somebody did, ``second`` seconds after the beginning, and what came of it."""

    second: float
    who: str
    did: str
    result: str


@dataclass(frozen=True, slots=True)
class Tour:
    """The steps, as far as they came; ``failure`` says what was not as it should be, and ended them."""

    steps: list[Step]
    failure: str | None

    @property
    def is_complete(self) -> bool:
        """Tell whether everything came as it should."""
        return bool(self.steps) and self.failure is None

    def print(self) -> None:
        """Print the steps as a table."""
        print_table(
            ("second", "who", "did", "result"),
            [(f"{step.second:.1f}", step.who, step.did, step.result) for step in self.steps],
        )


def show_content(url: str, key: str, pop_url: str) -> Tour:
    """Show content of the API under ``url``, whose administrator has ``key``, by way of the POP under ``pop_url``."""
    viewer_id = f"demo-{secrets.token_hex(3)}-viewer"
    with temporary_keys([viewer_id]) as keys:
        operator, viewer = ApiClient(url, key), ApiClient(url, keys[viewer_id])
        with closing(operator), closing(viewer), Edge(pop_url) as edge:
            return DemoContent(operator, viewer, edge).show()


class Edge:
    """A POP as viewers see it, who need no key."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        # As for the API: a proxy for the outer world does not lead there.
        self._session.trust_env = False

    def __enter__(self) -> Edge:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def get(self, address: str) -> requests.Response:
        """Get a path of the POP, or an address that a playlist names."""
        return self._session.get(urljoin(self._url, address), timeout=TIMEOUT_S, allow_redirects=False)

    def lines(self, address: str) -> list[str]:
        """Return the addresses that a playlist names."""
        answer = self.get(address)
        if not answer.ok:
            raise _UnexpectedError(f"{answer.status_code} at {address.rpartition('/')[2]}")
        return [urljoin(address, line) for line in answer.text.splitlines() if line and not line.startswith("#")]


class DemoContent:
    """An operator, a viewer, and a POP between the viewer and the API. ``clock`` and ``pause`` are in seconds."""

    def __init__(
        self,
        operator: ApiClient,
        viewer: ApiClient,
        edge: Edge,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._operator = operator
        self._viewer = viewer
        self._edge = edge
        self._clock = clock
        self._pause = pause
        self._began_s = clock()
        self._steps: list[Step] = []

    def show(self) -> Tour:
        """Go through everything, up to the first that is not as it should be."""
        try:
            self._judge()
            self._refresh()
            self._show_film()
        except (RefusedError, requests.RequestException, OSError, subprocess.SubprocessError) as error:
            return Tour(self._steps, error.message if isinstance(error, RefusedError) else str(error))
        except _UnexpectedError as error:
            return Tour(self._steps, str(error))
        return Tour(self._steps, None)

    def _judge(self) -> None:
        """Answer a question that came along with its own solution."""
        found = self._choose_answer()
        if found is None:
            self._note("viewer", "answers no question", "none that came along is published, in a language here")
            return
        question, file = found
        language = file.stem
        job = run_to_the_end(
            self._viewer,
            {"language": language, "source": file.read_text(encoding="utf-8"), "question": question},
            pause=self._pause,
        )
        result = job.get("result")
        cases = result["cases"] if isinstance(result, dict) else []
        verdict = result["verdict"] if isinstance(result, dict) else f"{job['state']}: {job.get('error')}"
        right = sum(case["verdict"] == "accepted" for case in cases)
        told = f"{verdict}, {right} of {len(cases)} cases"
        is_right = verdict == "accepted" and right == len(cases)
        self._note("viewer", f"answers {question} in {language}", told, is_right=is_right)

    def _choose_answer(self) -> tuple[str, Path] | None:
        languages = {each["name"] for each in _list(self._viewer.get("/v1/languages"), "languages")}
        for each in _list(self._viewer.get("/v1/questions"), "questions"):
            for file in sorted((SHIPPED / "questions" / str(each["id"]) / "solutions").glob("*")):
                if file.stem in languages:
                    return str(each["id"]), file
        return None

    def _refresh(self) -> None:
        """Show that the POP keeps what a viewer asked for, until a job makes it stale, and then fetches it anew."""
        self._wait_for_refreshes()
        self._look("reads the easy questions at the POP", "MISS")
        self._look("reads them again", "HIT")
        begun = self._operator.post(
            "/v1/cache-refreshes", {"set": "questions", "pops": [POP_NAME], "reason": "the demo"}
        )
        done = self._follow(f"/v1/cache-refreshes/{begun['id']}", lambda shown: shown["state"] != "working")
        did = "has the questions refreshed there"
        targets = _list(done, "targets")
        told = ", ".join(
            f"{sum(int(str(target[name])) for target in targets)} {word}"
            for name, word in (("removed", "made stale"), ("filled", "fetched"), ("verified", "proven"))
        )
        told = ", ".join([told, *(str(target["last_error"]) for target in targets if target["last_error"])])
        self._note("operator", did, told, is_right=all(target["state"] == "done" for target in targets))
        self._look("reads them, and has them fetched", "STALE")
        self._look("reads them anew", "HIT")

    def _wait_for_refreshes(self) -> None:
        """Wait for what the start of the stack began, which would make stale what is looked at here."""
        self._follow(
            "/v1/cache-refreshes",
            lambda page: (
                not any(
                    each["state"] == "working" and each["mode"] == "soft" for each in _list(page, "cache_refreshes")
                )
            ),
        )

    def _look(self, did: str, handling: str) -> None:
        answer = self._edge.get(LIST)
        give_up_at_s = self._clock() + GIVE_UP_S
        # What is fetched behind a stale copy takes a moment.
        while handling == "HIT" and answer.headers.get("X-Cache") == "STALE" and self._clock() < give_up_at_s:
            self._pause(POLL_S)
            answer = self._edge.get(LIST)
        told = f"{answer.status_code} {answer.headers.get('X-Cache')}, {answer.headers.get('Cache-Status')}"
        self._note("viewer", did, told, is_right=answer.ok and answer.headers.get("X-Cache") == handling)

    def _show_film(self) -> None:
        if missing := missing_programs():
            self._note("operator", "makes no film", f"not installed: {', '.join(missing)}")
            return
        title = self._choose_title()
        if title is None:
            self._note("operator", "shows no film", "there is no title without a video")
            return
        film = _make_film()
        video = self._operator.post(
            "/v1/videos", {"title": title, "size_bytes": len(film), "content_type": "video/mp4"}
        )
        path = f"/v1/videos/{video['id']}"
        try:
            self._publish(path, film)
            segment = self._play(title)
        finally:
            with suppress(RefusedError):
                self._operator.delete(path, {"reason": "the demo is over"})
        self._see_it_gone(segment)

    def _choose_title(self) -> str | None:
        """Return a title without a video, as who plays another would be shown the demo's film for a while."""
        taken: set[object] = set()
        path: object = "/v1/videos?limit=200"
        while path is not None:
            page = self._operator.get(str(path))
            taken |= {each["title"] for each in _list(page, "videos") if each["state"] in HAS_VIDEO}
            path = page["next"]
        titles = [str(each["id"]) for each in _list(self._viewer.get("/v1/titles"), "titles")]
        return next((title for title in titles if title not in taken), None)

    def _publish(self, path: str, film: bytes) -> None:
        self._operator.upload(f"{path}/upload", 0, film)
        did = f"uploads a film of {FILM_S} s"
        shown = self._follow(path, lambda video: video["state"] not in ("uploading", "processing"))
        if shown["state"] != "ready":
            self._note("operator", did, f"{shown['state']}: {shown['error']}", is_right=False)
        made = ", ".join(f"{each['name']} {each['width']}x{each['height']}" for each in _list(shown, "renditions"))
        self._note("operator", did, f"encoded: {made}")

    def _play(self, title: str) -> str:
        """Play the film's beginning at the POP as a player does; return the address of its first segment."""
        shown = self._viewer.get(f"/v1/titles/{title}/playback", {"region": POP_REGION})
        pop = shown["pop"]
        if not isinstance(pop, dict):
            raise _UnexpectedError("no POP is healthy")
        segment = self._edge.lines(self._edge.lines(str(shown["hls_url"]))[0])[0]
        answers = [self._edge.get(segment) for _ in range(2)]
        did = f"plays it at the POP {pop['name']}, twice"
        handled = " and ".join(f"{each.status_code} {each.headers.get('X-Cache')}" for each in answers)
        is_film = all(each.ok and each.headers["Content-Type"] == "video/mp2t" for each in answers)
        is_right = is_film and answers[1].headers.get("X-Cache") == "HIT"
        self._note("viewer", did, f"{handled}, {len(answers[0].content)} bytes", is_right=is_right)
        watched = [(each["title"], each["times"]) for each in _list(self._viewer.get("/v1/viewings"), "viewings")]
        told = ", ".join(f"{name}, times: {times}" for name, times in watched)
        self._note("viewer", "looks what was watched last", told, is_right=watched == [(title, 1)])
        return segment

    def _see_it_gone(self, segment: str) -> None:
        give_up_at_s = self._clock() + GIVE_UP_S
        while (answer := self._edge.get(segment)).ok and self._clock() < give_up_at_s:
            self._pause(POLL_S)
        told = f"the POP answers {answer.status_code}"
        self._note("operator", "takes the film down", told, is_right=not answer.ok)

    def _follow(self, path: str, is_over: Callable[[dict[str, object]], bool]) -> dict[str, object]:
        """Look at ``path`` until it ``is_over``, or has taken too long; return what it is then."""
        give_up_at_s = self._clock() + GIVE_UP_S
        while not is_over(shown := self._operator.get(path)) and self._clock() < give_up_at_s:
            self._pause(POLL_S)
        return shown

    def _note(self, who: str, did: str, result: str, *, is_right: bool = True) -> None:
        self._steps.append(Step(self._clock() - self._began_s, who, did, result))
        if not is_right:
            raise _UnexpectedError(f"{did}: {result}")


def _list(answer: dict[str, object], name: str) -> list[dict[str, object]]:
    found = answer[name]
    assert isinstance(found, list)
    return found


def _make_film() -> bytes:
    """Make a film of a test picture.

    Raises:
        OSError, subprocess.SubprocessError: it cannot be made.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "film.mp4"
        source = f"testsrc=size=320x180:rate=25:duration={FILM_S}"
        subprocess.run(
            ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-c:v", "mpeg4", str(file)],
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIVE_UP_S,
        )
        return file.read_bytes()
