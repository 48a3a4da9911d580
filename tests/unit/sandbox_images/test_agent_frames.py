import os

import pytest

from agent import frames


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    yield reader, writer
    for fd in (reader, writer):
        try:
            os.close(fd)
        except OSError:
            continue


def test_a_frame_is_read_as_it_was_written(pipe):
    reader, writer = pipe

    frames.write_frame(writer, {"op": "run"}, b"in", b"put")

    assert frames.read_frame(reader) == ({"op": "run"}, b"input")


def test_the_end_of_the_stream_is_no_frame(pipe):
    reader, writer = pipe

    os.close(writer)

    assert frames.read_frame(reader) is None


def test_a_stream_that_ends_within_a_frame_is_no_frame(pipe):
    reader, writer = pipe
    os.write(writer, b"\0\0\0\2\0\0\0\5{}abc")
    os.close(writer)

    assert frames.read_frame(reader) is None


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff\0\0\0\0", b"\0\0\0\2\xff\xff\xff\xff", b"\0\0\0\2\0\0\0\0[]"])
def test_what_is_not_a_frame_is_refused(pipe, data):
    reader, writer = pipe
    os.write(writer, data)

    with pytest.raises(frames.FrameError):
        frames.read_frame(reader)
