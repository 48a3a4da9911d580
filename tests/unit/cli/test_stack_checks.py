from __future__ import annotations

from pathlib import Path

import pytest

from cli.stack.checks import load_checked_stack
from config.settings import SettingsError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_PORT", "many"),
        ("CITIES_DIR", "/nowhere"),
        ("DATABASE_URL", "mysql://x"),
        ("REDIS_URL", "http://x"),
        ("SANDBOX_IMAGES_DIR", "/nowhere"),
        ("API_LANGUAGES", "cobol"),
        ("API_PROCESSES", "0"),
        ("API_THREADS", "1"),
        ("CODE_SLOTS", "0"),
        ("COMPILE_CACHE_BYTES", "x"),
        ("DOCKER_TLS_VERIFY", "1"),
        ("FLOWER_PORT", "x"),
        ("LOG_LEVEL", "loud"),
        ("POSTGRES_BIN_DIR", "/nowhere"),
        ("RATE_LIMITS", "free"),
        ("SANDBOX_REUSE", "maybe"),
    ],
)
def test_a_wrong_setting_of_any_process_is_named_before_one_is_started(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name.partition("_TLS")[0]):
        load_checked_stack({name: value})


def test_a_stack_needs_no_setting(tmp_path: Path) -> None:
    stack = load_checked_stack({"YARDMASTER_HOME": str(tmp_path), "DATABASE_URL": ""})

    assert stack.database_url is None
