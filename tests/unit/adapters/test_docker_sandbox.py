import os
import socket
import struct
import threading

import pytest

from adapters.docker_sandbox.options import AGENT_CAPABILITIES, BoxSize, host_config
from adapters.docker_sandbox.reaper import is_owner_dead, owner_name
from adapters.docker_sandbox.stream import AttachedStream


@pytest.fixture
def pair():
    near, far = socket.socketpair()
    stream = AttachedStream(near, near)
    yield stream, far
    stream.close()
    far.close()


def multiplexed(number, payload):
    return struct.pack("!BxxxI", number, len(payload)) + payload


def test_stdout_is_told_from_stderr_whatever_the_pieces(pair):
    stream, far = pair
    data = multiplexed(1, b"one") + multiplexed(2, b"oops") + multiplexed(1, b"two")
    received = b""

    def send():
        for at in range(len(data)):
            far.sendall(data[at : at + 1])

    sender = threading.Thread(target=send)
    sender.start()
    while len(received) < 6:
        received += stream.receive(1.0)
    sender.join()

    assert received == b"onetwo"
    assert stream.complaint() == "oops"


def test_a_silent_stream_times_out(pair):
    stream, _ = pair

    with pytest.raises(TimeoutError):
        stream.receive(0.01)


def test_a_stream_is_quiet_until_something_comes_or_it_ends(pair):
    stream, far = pair
    assert stream.is_quiet()

    far.close()

    assert not stream.is_quiet()
    assert stream.receive(1.0) == b""


def test_shutting_a_stream_twice_is_fine(pair):
    stream, _ = pair

    stream.shut()
    stream.shut()

    assert not stream.is_quiet()


def test_a_container_is_denied_everything_but_what_the_agent_needs():
    config = host_config(BoxSize(memory_bytes=1 << 28, processes=64), "{}", None)

    assert config["NetworkMode"] == "none"
    assert config["CapDrop"] == ["ALL"]
    assert set(config["CapAdd"]) == set(AGENT_CAPABILITIES)
    assert "no-new-privileges:true" in config["SecurityOpt"]
    assert config["ReadonlyRootfs"]
    assert config["IpcMode"] == "none"
    assert config["Memory"] == config["MemorySwap"]
    assert config["PidsLimit"] < 100
    assert config["LogConfig"]["Type"] == "none"
    assert config["AutoRemove"]
    assert "Runtime" not in config
    assert "Binds" not in config


def test_places_for_files_are_bounded_and_only_the_box_is_executable():
    tmpfs = host_config(BoxSize(memory_bytes=1 << 28, processes=64), "{}", None)["Tmpfs"]

    assert all("size=" in options and "nr_inodes=" in options for options in tmpfs.values())
    assert [place for place, options in tmpfs.items() if "noexec" not in options] == ["/box"]


def test_another_runtime_can_be_named():
    assert host_config(BoxSize(memory_bytes=1, processes=1), "{}", "runsc")["Runtime"] == "runsc"


def test_the_owner_of_this_process_is_alive():
    assert not is_owner_dead(owner_name())


def test_a_process_that_took_over_the_pid_of_an_owner_is_not_that_owner():
    assert is_owner_dead(f"{socket.gethostname()}/{os.getpid()}/1")


@pytest.mark.parametrize("owner", ["another-host/1/1", "", "nonsense", "a/b/c"])
def test_of_owners_elsewhere_nothing_is_assumed(owner):
    assert not is_owner_dead(owner)
