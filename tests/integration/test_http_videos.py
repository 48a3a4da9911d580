"""Uploads come in chunks, survive interruptions, and are held to what was announced."""

from __future__ import annotations

import hashlib
import http.client
import threading
from urllib.parse import urlsplit

import pytest

from domain.videos.uploads import MAX_CHUNK_BYTES, MIN_CHUNK_BYTES
from tests.apis import api, make_key, served
from tests.integration.content_world import publish_films
from tests.videos import Studio, make_clip

CHUNK = {"Content-Type": "application/offset+octet-stream"}
NO_VIDEO = "01990000-0000-7000-8000-000000000000"


@pytest.fixture
def studio(engine, tmp_path):
    return Studio(engine, tmp_path)


@pytest.fixture
def platform(database_url, redis_url, tmp_path):
    publish_films(tmp_path, "film")
    with api(database_url, redis_url, home=tmp_path) as running:
        yield running


@pytest.fixture
def admin(platform):
    return platform.client("alice", is_admin=True)


def begin(client, size_bytes: int, **more) -> str:
    body = {"title": "film", "size_bytes": size_bytes, "content_type": "video/mp4", **more}
    answer = client.post("/v1/videos", json=body)
    assert answer.status_code == 201, answer.json
    assert answer.headers["Upload-Offset"] == "0"
    assert answer.headers["Location"] == answer.json["links"]["self"]
    return answer.json["id"]


def send(client, video: str, offset: int, content: bytes, **headers):
    path = f"/v1/videos/{video}/upload"
    return client.patch(path, data=content, headers={**CHUNK, "Upload-Offset": str(offset), **headers})


def stands_at(client, video: str) -> int:
    answer = client.head(f"/v1/videos/{video}/upload")
    assert answer.status_code == 200
    return int(answer.headers["Upload-Offset"])


def test_a_clip_is_uploaded_in_chunks_encoded_and_shown(admin, studio, tmp_path):
    content = make_clip(tmp_path / "clip.mp4", seconds=5).read_bytes()
    video = begin(admin, len(content), sha256=hashlib.sha256(content).hexdigest())
    step = 300_000
    for offset in range(0, len(content), step):
        answer = send(admin, video, offset, content[offset : offset + step])
        assert (answer.status_code, answer.data) == (204, b"")
        assert int(answer.headers["Upload-Offset"]) == min(offset + step, len(content))

    shown = admin.get(f"/v1/videos/{video}").json
    assert (shown["state"], shown["percent"], shown["uploaded_bytes"]) == ("processing", None, len(content))
    assert "upload" not in shown["links"]
    studio.run(studio.video(video).job_id)

    shown = admin.get(f"/v1/videos/{video}").json
    assert (shown["state"], shown["title"], shown["error"]) == ("ready", "film", None)
    assert [each["name"] for each in shown["renditions"]] == ["sd", "hd"]
    assert admin.get(f"/v/{video}/{shown['revision']}/master.m3u8").data.startswith(b"#EXTM3U")
    listed = admin.get("/v1/videos").json
    assert ([each["id"] for each in listed["videos"]], listed["next"]) == ([video], None)


def test_an_upload_goes_on_from_where_it_stands(admin):
    content = bytes(range(256)) * 1024
    video = begin(admin, len(content))
    half = len(content) // 2

    assert send(admin, video, 0, content[:half]).status_code == 204
    # The answer was lost, so the client sends it again, and learns where to go on.
    again = send(admin, video, 0, content[:half])
    assert (again.status_code, again.json["code"]) == (409, "upload_conflict")
    assert again.headers["Upload-Offset"] == str(half)
    ahead = send(admin, video, half + 1, content[half + 1 :])
    assert (ahead.status_code, ahead.headers["Upload-Offset"]) == (409, str(half))
    assert stands_at(admin, video) == half
    assert send(admin, video, half, content[half:]).status_code == 204

    assert stands_at(admin, video) == len(content)
    done = send(admin, video, len(content), b"x" * MIN_CHUNK_BYTES)
    assert (done.status_code, done.headers["Upload-Offset"]) == (409, str(len(content)))
    assert "takes no more" in done.json["detail"]


def test_more_than_was_announced_is_refused(admin):
    video = begin(admin, 100_000)

    assert send(admin, video, 0, bytes(100_001)).status_code == 413
    assert stands_at(admin, video) == 0


def test_a_chunk_is_bounded_from_both_sides(admin):
    video = begin(admin, 20 << 20)

    assert send(admin, video, 0, bytes(MAX_CHUNK_BYTES + 1)).status_code == 413
    assert send(admin, video, 0, b"").status_code == 422
    assert send(admin, video, 0, bytes(MIN_CHUNK_BYTES - 1)).status_code == 422
    assert send(admin, video, 0, bytes(MAX_CHUNK_BYTES)).status_code == 204
    assert stands_at(admin, video) == MAX_CHUNK_BYTES


@pytest.mark.parametrize("offset", ["", "-1", "1.5", "0x0", "\u0661", "9" * 16, "one"])
def test_an_offset_is_a_whole_number(admin, offset):
    video = begin(admin, 100)
    headers = {**CHUNK, **({"Upload-Offset": offset.encode().decode("latin-1")} if offset else {})}

    answer = admin.patch(f"/v1/videos/{video}/upload", data=b"x", headers=headers)

    assert (answer.status_code, answer.json["code"]) == (400, "malformed_header")


def test_a_chunk_is_declared_as_one(admin):
    video = begin(admin, 100)

    assert send(admin, video, 0, bytes(100), **{"Content-Type": "application/json"}).status_code == 415
    assert send(admin, NO_VIDEO, 0, bytes(100)).status_code == 404
    assert admin.head(f"/v1/videos/{NO_VIDEO}/upload").status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "../x"), ("title", "nope"), ("title", ""), ("title", "Film"), ("size_bytes", 0),
        ("size_bytes", 2**60),
        ("size_bytes", "9"), ("content_type", "text/html"), ("content_type", "application/x-mpegurl"),
        ("sha256", "A" * 64), ("sha256", "a"), ("source_url", "http://127.0.0.1/"),
    ],
)  # fmt: skip
def test_what_is_announced_is_checked(admin, field, value):
    body = {"title": "film", "size_bytes": 5, "content_type": "video/mp4", field: value}

    answer = admin.post("/v1/videos", json=body)

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, f"/{field}")


def test_before_titles_are_published_no_video_is_taken(database_url, redis_url, studio):
    with api(database_url, redis_url) as empty:
        body = {"title": "film", "size_bytes": 5, "content_type": "video/mp4"}
        answer = empty.client("alice", is_admin=True).post("/v1/videos", json=body)

    assert (answer.status_code, answer.json["detail"]) == (422, "there is no title 'film' in the catalogue")
    assert "publish it first" in answer.json["errors"][0]["detail"]
    assert studio.world.count("SELECT count(*) FROM videos") == 0


def test_videos_are_an_administrators(platform, admin):
    video = begin(admin, 5)
    bob = platform.client("bob")

    for answer in (
        bob.post("/v1/videos", json={"title": "film", "size_bytes": 5, "content_type": "video/mp4"}),
        bob.get("/v1/videos"), bob.get(f"/v1/videos/{video}"), bob.delete(f"/v1/videos/{video}"),
        send(bob, video, 0, b"12345"), bob.head(f"/v1/videos/{video}/upload"),
    ):  # fmt: skip
        assert answer.status_code == 403


def test_of_two_who_send_the_same_chunk_one_is_taken(platform, admin, studio):
    content = bytes(200_000)
    video = begin(admin, len(content))
    clients = [platform.client("alice", is_admin=True) for _ in range(4)]
    statuses = []
    barrier = threading.Barrier(len(clients))

    def race(client) -> None:
        barrier.wait()
        statuses.append(send(client, video, 0, content).status_code)

    threads = [threading.Thread(target=race, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [204, 409, 409, 409]
    assert len(studio.stored(f"uploads/{video}")) == 1
    assert studio.world.count("SELECT count(*) FROM jobs WHERE payload ->> 'do' = 'encode'") == 1


def test_a_chunk_that_is_cut_off_on_its_way_is_not_taken(database_url, redis_url, engine, tmp_path, studio):
    publish_films(tmp_path, "film")
    with served(tmp_path, database_url, redis_url, API_PROCESSES="1") as server:
        key = make_key(studio.sessions, "alice", is_admin=True)
        headers = {"Authorization": f"Bearer {key}"}
        address = urlsplit(server.url).netloc
        connection = http.client.HTTPConnection(address)
        body = b'{"title": "film", "size_bytes": 400000, "content_type": "video/mp4"}'
        connection.request("POST", "/v1/videos", body, {**headers, "Content-Type": "application/json"})
        answer = connection.getresponse()
        path = f"{answer.headers['Location']}/upload"
        answer.read()

        cut = http.client.HTTPConnection(address)
        cut.putrequest("PATCH", path)
        for name, value in {**headers, **CHUNK, "Upload-Offset": "0", "Content-Length": "400000"}.items():
            cut.putheader(name, value)
        cut.endheaders(b"x" * 150_000)
        cut.close()
        connection.request("HEAD", path, headers=headers)
        before = connection.getresponse()
        before.read()
        connection.request("PATCH", path, bytes(400_000), {**headers, **CHUNK, "Upload-Offset": "0"})
        whole = connection.getresponse()
        whole.read()
        connection.close()

    assert before.headers["Upload-Offset"] == "0"
    assert (whole.status, whole.headers["Upload-Offset"]) == (204, "400000")


def test_taking_down_is_final_and_cancels_encoding(admin, studio):
    video = begin(admin, 5)
    send(admin, video, 0, b"12345")
    job = studio.video(video).job_id

    answer = admin.delete(f"/v1/videos/{video}?reason=rights")
    again = admin.delete(f"/v1/videos/{video}")

    assert (answer.status_code, answer.json["state"]) == (200, "removed")
    assert (again.status_code, again.json["state"]) == (200, "removed")
    assert studio.world.state(job) == "cancelled"
    studio.sweep(video)
    assert studio.stored("uploads") == []
    assert admin.get(f"/v1/videos/{video}").json["state"] == "removed"
    assert admin.delete(f"/v1/videos/{NO_VIDEO}").status_code == 404


def test_lists_go_on_from_page_to_page(admin):
    made = [begin(admin, 5) for _ in range(3)]

    first = admin.get("/v1/videos?limit=2").json
    second = admin.get(first["next"]).json

    assert [video["id"] for video in first["videos"] + second["videos"]] == made[::-1]
    assert second["next"] is None
