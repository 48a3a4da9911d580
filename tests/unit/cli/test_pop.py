"""The parts of POPs that need no server: configurations, counting, the shelf, nginx's cache files."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from cli.pop.agent import Rounds
from cli.pop.configs import VARNISH_LOG, VARNISH_NUKE_LIMIT, numbers_above, render
from cli.pop.counting import Tally, follow_file, whole_lines
from cli.pop.nginx_cache import CacheFormatError, NginxCache
from cli.pop.shelf import STALE_S, Shelf, Stored
from config.settings import REPOSITORY, PopSettings, SettingsError, load_pop

GIVEN = {"POP_KEY": "0123456789abcdef", "POP_ORIGIN": "http://api:8000"}


def settings(**changes: str) -> PopSettings:
    return load_pop(GIVEN | changes)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("POP_KEY", ""), ("POP_KEY", "short"), ("POP_KEY", 'a"; } sub vcl_recv {'), ("POP_ORIGIN", ""),
     ("POP_ORIGIN", "ftp://x"), ("POP_ORIGIN", "https://x"), ("POP_NAME", 'x"; return(ok); #'),
     ("POP_NAME", "Upper"), ("POP_LISTEN", "8080"), ("POP_LISTEN", "a:1; x"),
     ("POP_CONTROL_NETWORKS", "10.0.0.1/8"), ("POP_CONTROL_NETWORKS", "any"),
     ("POP_CAPACITY_BYTES", "0")],
)  # fmt: skip
def test_a_wrong_setting_is_refused_by_name(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        settings(**{variable: value})


def test_a_refused_key_is_not_shown() -> None:
    with pytest.raises(SettingsError) as refused:
        settings(POP_KEY="secret!")

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("server", ["varnish", "nginx"])
def test_a_configuration_has_everything_filled_in(server: str) -> None:
    text = render(server, settings(POP_NAME="lisbon", POP_CONTROL_NETWORKS="10.1.0.0/16, 192.0.2.7/32"))

    assert "${" not in text.split("\n", 3)[3]
    for word in ("lisbon", GIVEN["POP_KEY"], "api", "8000", "10.1.0.0", "192.0.2.7"):
        assert word in text


@pytest.mark.parametrize("bound", [1, 9, 10, 99, 256, 4096, 9_000, 9_990, 12_345])
def test_numbers_are_compared_by_their_digits(bound: int) -> None:
    pattern = re.compile(numbers_above(bound))

    found = {number for number in range(20_000) if pattern.fullmatch(str(number))}

    assert found == set(range(bound + 1, 20_000))


def test_varnish_is_tried_with_the_parameters_that_are_documented() -> None:
    page = (REPOSITORY / "docs" / "edge.md").read_text()

    assert f"-p nuke_limit={VARNISH_NUKE_LIMIT} \\\n" in page
    assert f"-p vsl_mask={VARNISH_LOG}\n" in page


def test_lines_are_counted_whole_and_nonsense_is_not() -> None:
    tally = Tally()

    tally.add(b"HIT 10\nhit 5\nMISS 7\nSTALE 1\n- 3\nHIT -\ngarbage\n\n")

    assert (tally.hits, tally.misses, tally.sent_bytes) == (4, 1, 26)


def test_lines_cut_by_the_reading_are_put_together() -> None:
    chunks = iter([b"HIT 1\nMI", b"SS", b" 2\nHIT 3", b""])

    assert b"".join(whole_lines(lambda: next(chunks))) == b"HIT 1\nMISS 2\n"


def test_a_log_is_followed_from_its_end_and_emptied_as_it_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, tally = tmp_path / "log", Tally()
    log.write_bytes(b"HIT 1\n")
    catch_up = follow_file(log, tally)
    monkeypatch.setattr("cli.pop.counting.MAX_LOG_BYTES", 20)

    for lines in (b"HIT 2\n", b"HIT 2\nHIT 2\nHI", b"T 2\n"):
        with log.open("ab") as file:
            file.write(lines)
        catch_up()
    catch_up()

    assert tally.hits == 4
    assert log.stat().st_size == 0


def stored(body: bytes, fresh_until: float = 1000.0) -> Stored:
    return Stored(200, (), body, frozenset(), 0.0, fresh_until)


def test_a_shelf_never_holds_more_than_its_room() -> None:
    shelf = Shelf(10, clock=lambda: 0.0)

    for name in "abc":
        shelf.put(name, stored(b"1234"), shelf.purges)
    shelf.put("c", stored(b"123456"), shelf.purges)

    assert shelf.get("a") is None
    assert shelf.size() == (2, 10)
    assert shelf.put("d", stored(b"x" * 11), shelf.purges) is False


def test_what_was_fetched_before_a_purge_is_not_kept_after_it() -> None:
    shelf = Shelf(10, clock=lambda: 0.0)
    began = shelf.purges

    shelf.purge(lambda *_: True, is_soft=False)

    assert shelf.put("a", stored(b"old"), began) is False
    assert shelf.get("a") is None


def test_a_copy_is_given_up_a_day_after_its_life() -> None:
    now = 0.0
    shelf = Shelf(10, clock=lambda: now)
    shelf.put("a", stored(b"x", fresh_until=100.0), shelf.purges)

    now = 100.0 + STALE_S
    assert shelf.get("a") is not None
    now += 1.0
    assert shelf.get("a") is None
    assert shelf.size() == (0, 0)


def test_cache_files_of_another_layout_are_refused(tmp_path: Path) -> None:
    cache = NginxCache(tmp_path)
    (tmp_path / "a" / "bc").mkdir(parents=True)
    (tmp_path / "a" / "bc" / "x").write_bytes((6).to_bytes(8, "little") + os.urandom(500))

    with pytest.raises(CacheFormatError, match="version 6"):
        list(cache.select(frozenset({"t"}), None))


def test_what_the_agent_cannot_look_at_is_logged_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    is_away, looked = [True, True, False, True], []

    def look_at_disk() -> None:
        if is_away.pop(0):
            raise OSError(5, "Input/output error")

    rounds = Rounds(look_at_disk, lambda: looked.append(1))
    for _ in range(4):
        rounds.look()

    assert len(looked) == 4
    assert [record.message.rpartition("] ")[2] for record in caplog.records] == ["Input/output error"] * 2
