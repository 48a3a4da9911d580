from __future__ import annotations

import pytest

from domain.videos.tokens import remaining_s, sign

SECRET = "of the edge"
VIDEO = "0198c0de-0000-7000-8000-000000000001"
OTHER_VIDEO = "0198c0de-0000-7000-8000-000000000002"
REVISION = "a" * 64
NOW = 1_800_000_000.0
EXPIRES = 1_800_000_600
TOKEN = sign(SECRET, VIDEO, REVISION, EXPIRES)


def test_a_token_is_good_until_it_expires() -> None:
    assert remaining_s(SECRET, TOKEN, (VIDEO, REVISION), NOW) == 600
    assert remaining_s(SECRET, TOKEN, (VIDEO, REVISION), EXPIRES - 0.5) == 0.5
    assert remaining_s(SECRET, TOKEN, (VIDEO, REVISION), EXPIRES) is None


def test_what_is_signed_is_written_down_and_so_may_be_made_elsewhere() -> None:
    # echo -n "playback:1800000600:$VIDEO/$REVISION" | openssl dgst -sha256 -hmac "of the edge"
    assert TOKEN == "1800000600.096a530e5ff620ec8f138f4dd0379a17cfb34bfed1b0e638b76b5404e744fe89"


@pytest.mark.parametrize(
    ("secret", "token", "video", "revision"),
    [
        ("another", TOKEN, VIDEO, REVISION),
        (SECRET, TOKEN, OTHER_VIDEO, REVISION),
        (SECRET, TOKEN, VIDEO, "b" * 64),
        (SECRET, TOKEN.replace("600.", "601."), VIDEO, REVISION),
        (SECRET, TOKEN[:-1], VIDEO, REVISION),
        (SECRET, TOKEN + "0", VIDEO, REVISION),
        (SECRET, TOKEN.upper(), VIDEO, REVISION),
        (SECRET, "0" + TOKEN, VIDEO, REVISION),
        (SECRET, "+" + TOKEN, VIDEO, REVISION),
        (SECRET, f"{EXPIRES}", VIDEO, REVISION),
        (SECRET, f"{EXPIRES}.", VIDEO, REVISION),
        (SECRET, "٣" + TOKEN[1:], VIDEO, REVISION),
        (SECRET, "9" * 5000 + TOKEN[10:], VIDEO, REVISION),
        (SECRET, "", VIDEO, REVISION),
        (SECRET, TOKEN + "\n", VIDEO, REVISION),
        # What is signed has one meaning: a slash cannot move from the revision to the video.
        (SECRET, sign(SECRET, f"{VIDEO}/x", REVISION, EXPIRES), VIDEO, f"x/{REVISION}"),
    ],
)
def test_anything_else_is_no_token(secret: str, token: str, video: str, revision: str) -> None:
    assert remaining_s(secret, token, (video, revision), NOW) is None
