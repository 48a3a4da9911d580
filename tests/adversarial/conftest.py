"""The real sandbox with the real images, in both of its modes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.adversarial.yard import Yard, open_yard

MODES = ("clean", "never")


@pytest.fixture(scope="module", params=MODES)
def yard(request: pytest.FixtureRequest) -> Iterator[Yard]:
    """Room for several boxes at once; ``SANDBOX_REUSE`` as the parameter says."""
    with open_yard(is_reused=request.param == "clean", size=8) as yard:
        yield yard


@pytest.fixture(scope="module", params=MODES)
def narrow_yard(request: pytest.FixtureRequest) -> Iterator[Yard]:
    """Room for one box: whoever comes next gets the box of whoever came before, if it is reused at all."""
    with open_yard(is_reused=request.param == "clean", size=1) as yard:
        yield yard


@pytest.fixture(scope="module")
def reused_yard() -> Iterator[Yard]:
    """Room for one box, which is reused."""
    with open_yard(is_reused=True, size=1) as yard:
        yield yard


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Give the worker's process something that no program may ever see, and return it."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://worker:not-for-programs@database/yard")
    return b"not-for-programs"
