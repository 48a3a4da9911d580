"""A box, whatever it is made of, and the session of one code run in it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from adapters.sandbox_protocol import (
    AgentChannel,
    Fields,
    files_fields,
    limits_fields,
    pack_artefact,
    parse_execution,
    unpack_artefact,
)
from domain.code_runs.languages import Language
from domain.code_runs.model import Execution, Limits, SourceFile
from domain.code_runs.sandbox import SandboxError, SandboxKilledError

MAX_ARTEFACT_BYTES = 64 << 20

# What an answer may take beyond the program's own wall clock: killing, cleaning, and a machine that is very busy.
_GRACE_S = 20.0


class Box:
    """A running agent and how to get rid of it. ``key`` says which boxes are alike: the image, for example."""

    def __init__(self, key: str, channel: AgentChannel, remove: Callable[[], None]) -> None:
        self.key = key
        self.channel = channel
        self.made_at = time.monotonic()
        self.uses = 0
        self.hard_limits: list[str] = []
        self._remove = remove
        self._lock = threading.Lock()
        self._is_removed = False

    def discard(self) -> None:
        """Kill everything in the box and remove it; idempotent, from any thread.

        Hanging up ends the agent, and the kernel ends what is left with it; the removal makes sure.
        """
        self.channel.shut()
        with self._lock:
            if self._is_removed:
                return
            self._is_removed = True
        self._remove()

    def reset(self) -> list[str]:
        """Empty the box for the next program and return what was wrong in it: nothing, normally."""
        answer, _ = self.channel.ask({"op": "reset"}, b"", _GRACE_S)
        anomalies = answer.get("anomalies")
        return [str(anomaly) for anomaly in anomalies] if isinstance(anomalies, list) else ["no report"]


class BoxSession:
    """``domain.code_runs.sandbox.SandboxSession`` in a box."""

    def __init__(self, box: Box, language: Language | None) -> None:
        self._box = box
        self._place = "app" if language is None or language.compile_command is None else "src"
        self._zygote_command = language.run_command if language and language.has_zygote else ()
        self._is_killed = False
        self.failure: str | None = None

    def load(self, files: Sequence[SourceFile]) -> None:
        """Put files in place; a failure shows in the call that follows."""
        listed, body = files_fields(files)
        self._box.channel.post({"op": "load", "place": self._place, "files": listed}, body)

    def compile(self, argv: Sequence[str], limits: Limits) -> Execution:
        """Run the compiler on the loaded files."""
        fields: Fields = {"op": "compile", "argv": list(argv), "limits": limits_fields(limits)}
        fields["max_artefact_bytes"] = MAX_ARTEFACT_BYTES
        return self._execute(fields, b"", limits)

    def artefact(self) -> bytes:
        """Return what ``compile`` made, as a tar of regular files."""
        return pack_artefact(*self._ask({"op": "artefact"}, b"", 0.0))

    def install(self, artefact: bytes) -> None:
        """Put an earlier ``artefact`` in place; a failure to write it shows in the call that follows."""
        listed, body = unpack_artefact(artefact)
        self._box.channel.post({"op": "load", "place": "app", "files": listed}, body)

    def run(self, argv: Sequence[str], stdin: bytes, limits: Limits) -> Execution:
        """Run the program once."""
        fields: Fields = {"op": "run", "argv": list(argv), "limits": limits_fields(limits)}
        words = len(self._zygote_command)
        if words and tuple(argv[:words]) == self._zygote_command:
            fields["zygote"] = words
        return self._execute(fields, stdin, limits)

    def kill(self) -> None:
        """End every process of the box; what the other thread is waiting for raises ``SandboxKilledError``."""
        self._is_killed = True
        self._box.channel.shut()
        # Removing takes the engine a moment, which the caller need not wait for: the agent has ended already.
        threading.Thread(target=self._box.discard, name="sandbox-kill").start()

    @property
    def is_killed(self) -> bool:
        """Say whether ``kill`` was called."""
        return self._is_killed

    def _execute(self, fields: Fields, stdin: bytes, limits: Limits) -> Execution:
        answer, body = self._ask(fields, stdin, limits.wall_s)
        hard = answer.get("hard_limits")
        if isinstance(hard, list):
            self._box.hard_limits += map(str, hard)
        return parse_execution(answer, body)

    def _ask(self, fields: Fields, body: bytes, expected_s: float) -> tuple[Fields, bytes]:
        try:
            return self._box.channel.ask(fields, body, expected_s + _GRACE_S)
        except SandboxError as error:
            if self._is_killed:
                raise SandboxKilledError("the box was killed") from error
            self.failure = str(error)
            raise
