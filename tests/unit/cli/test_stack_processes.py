"""Which processes the embedded stack starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.stack.stack import MEDIA, PROCESSES, _processes


def test_without_ffmpeg_the_stack_goes_without_its_worker_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    found = [name for name, _ in _processes()]

    assert found == [name for name, _ in PROCESSES if name != MEDIA]
    assert "No videos will be encoded: ffmpeg" in capsys.readouterr().err
