import os

import pytest

from agent import places


@pytest.fixture
def box(tmp_path, monkeypatch):
    for name in ("SRC", "OUT", "APP"):
        folder = tmp_path / name.lower()
        folder.mkdir()
        monkeypatch.setattr(places, name, str(folder))
    return tmp_path


def test_emptying_keeps_what_it_is_told_to(tmp_path):
    (tmp_path / "program").write_text("kept")
    (tmp_path / "other").write_text("")

    places.empty(str(tmp_path), frozenset({"program"}))

    assert os.listdir(tmp_path) == ["program"]


def test_emptying_does_not_follow_links(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("stays")
    place = tmp_path / "place"
    place.mkdir()
    (place / "link").symlink_to(outside)
    (place / "dangling").symlink_to("nowhere")

    places.empty(str(place))

    assert os.listdir(place) == []
    assert (outside / "file").read_text() == "stays"


def test_a_place_that_is_a_link_is_not_emptied(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)

    with pytest.raises(OSError, match="link"):
        places.empty(str(tmp_path / "link"))


def test_trees_deeper_than_any_path_are_emptied(tmp_path):
    folder = os.open(tmp_path, os.O_RDONLY)
    for _ in range(5000):
        os.mkdir("folder-with-a-long-name", dir_fd=folder)
        deeper = os.open("folder-with-a-long-name", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = deeper
    os.close(folder)

    places.empty(str(tmp_path))

    assert os.listdir(tmp_path) == []


def test_wide_and_deep_trees_are_emptied(tmp_path):
    for path in ("a/b/c", "a/b/d", "a/e", "f/a/b"):
        (tmp_path / path).mkdir(parents=True)
        (tmp_path / path / "file").write_text("")

    places.empty(str(tmp_path))

    assert os.listdir(tmp_path) == []


def test_a_missing_place_is_empty(tmp_path):
    places.empty(str(tmp_path / "missing"))


@pytest.mark.parametrize("name", ["..", ".", "", "a/../b", "/etc/x", "a//b", "nul\0"])
def test_names_that_lead_elsewhere_are_refused(box, name):
    with pytest.raises(places.PlaceError):
        places.put(places.APP, [{"name": name, "size": 0, "mode": 0o644}], b"")


def test_a_file_is_never_put_over_another(box):
    (box / "app" / "main.py").symlink_to(box / "elsewhere")

    with pytest.raises(FileExistsError):
        places.put(places.APP, [{"name": "main.py", "size": 1, "mode": 0o644}], b"x")

    assert not (box / "elsewhere").exists()


def test_what_is_put_can_be_collected(box):
    listed = [{"name": "a", "size": 2, "mode": 0o644}, {"name": "b/c", "size": 1, "mode": 0o755}]

    places.put(places.APP, listed, b"123")
    files, contents = places.collect(places.APP)

    assert sorted(zip([file["name"] for file in files], contents, strict=True)) == [("a", b"12"), ("b/c", b"3")]
    assert {file["name"]: file["mode"] for file in files} == {"a": 0o644, "b/c": 0o755}


def test_a_harvest_moves_regular_files_and_takes_their_write_permission(box):
    (box / "out" / "folder").mkdir()
    (box / "out" / "folder" / "data").write_text("x")
    program = box / "out" / "program"
    program.write_text("y")
    program.chmod(0o6777)

    places.harvest(100)

    assert os.listdir(box / "out") == []
    assert (box / "app" / "program").stat().st_mode & 0o7777 == 0o555
    assert (box / "app" / "folder" / "data").stat().st_mode & 0o7777 == 0o444
    (box / "app" / "folder").chmod(0o755)


def test_a_harvest_leaves_nothing_but_what_the_compiler_was_to_make(box):
    (box / "out" / "program").write_text("made")
    (box / "app" / "program").mkdir()
    (box / "app" / "program" / "in-the-way").write_text("")
    (box / "app" / "stray").symlink_to("/etc")

    places.harvest(100)

    assert os.listdir(box / "app") == ["program"]
    assert (box / "app" / "program").read_text() == "made"


@pytest.mark.parametrize(
    "leave",
    [
        lambda out: (out / "x").symlink_to("/etc/passwd"),
        lambda out: os.mkfifo(out / "x"),
        lambda out: ((out / "x").write_text(""), os.link(out / "x", out / "y")),
        lambda out: (out / "x").write_bytes(b"1" * 101),
        lambda out: (out / "/".join(["d"] * 40)).mkdir(parents=True),
    ],
    ids=["link", "pipe", "hard link", "too large", "too deep"],
)
def test_a_harvest_of_anything_else_is_refused(box, leave):
    leave(box / "out")

    with pytest.raises(places.HarvestError):
        places.harvest(100)

    assert os.listdir(box / "app") == []


def test_a_changed_file_changes_the_fingerprint(tmp_path):
    (tmp_path / "program").write_text("1")
    before = places.fingerprint(str(tmp_path))

    (tmp_path / "program").write_text("22")

    assert places.fingerprint(str(tmp_path)) != before
