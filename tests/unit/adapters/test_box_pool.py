import threading
import time
from dataclasses import replace

import pytest

from adapters.box import Box
from adapters.box_pool import BoxPool, PoolOptions
from domain.code_runs.sandbox import SandboxError
from tests.sandboxes import PYTHON, eventually

OTHER = replace(PYTHON, name="other", image="other")
THIRD = replace(PYTHON, name="third", image="third")


class FakeChannel:
    def __init__(self):
        self.is_open = True
        self.anomalies = []
        self.is_broken = False

    def ask(self, fields, body, timeout_s):
        if self.is_broken or not self.is_open:
            raise SandboxError("broken")
        return {"anomalies": self.anomalies}, b""

    def is_quiet(self):
        return self.is_open

    def shut(self):
        self.is_open = False


class FakeMaker:
    """Makes boxes out of nothing; ``gate`` holds it up, ``is_down`` makes it fail."""

    def __init__(self):
        self.made = []
        self.removed = []
        self.is_down = False
        self.gate = threading.Event()
        self.gate.set()

    def key(self, language):
        return language.image

    def make(self, key):
        self.gate.wait(10)
        if self.is_down:
            raise SandboxError("the engine is away")
        channel = FakeChannel()
        box = Box(key, channel, lambda: self.removed.append(box))
        self.made.append(box)
        return box

    def alive(self):
        return [box.key for box in self.made if box not in self.removed]


@pytest.fixture
def maker():
    return FakeMaker()


@pytest.fixture
def create(maker):
    pools = []

    def create(**options):
        pools.append(BoxPool(maker, PoolOptions(**options)))
        return pools[-1]

    yield create
    maker.gate.set()
    for pool in pools:
        pool.close()


def settled(pool):
    def is_settled():
        counters = pool.counters()
        return counters.making == 0 and not pool._resetting.total()

    eventually(is_settled)


def test_a_box_goes_from_one_session_to_the_next(create, maker):
    pool = create(size=1)

    for _ in range(3):
        with pool.session(PYTHON):
            pass
        settled(pool)

    assert len(maker.made) == 1
    assert pool.counters().reused == 2


def test_a_spare_is_made_ahead(create, maker):
    pool = create(size=4)

    with pool.session(PYTHON):
        settled(pool)

        assert (pool.counters().busy, pool.counters().idle) == (1, 1)


def test_there_are_never_more_boxes_than_allowed(create, maker):
    pool = create(size=2)

    with pool.session(PYTHON), pool.session(OTHER):
        settled(pool)

        assert sorted(maker.alive()) == sorted([PYTHON.image, "other"])


def test_a_session_waits_for_a_box_when_all_are_busy(create, maker):
    pool = create(size=1)
    order = []

    def second():
        with pool.session(OTHER):
            order.append("second")

    with pool.session(PYTHON):
        thread = threading.Thread(target=second)
        thread.start()
        eventually(lambda: pool._waiting["other"] == 1)
        order.append("first")
    thread.join()

    assert order == ["first", "second"]
    eventually(lambda: maker.alive() == ["other"])


def test_a_session_that_waits_too_long_is_told_so(create):
    pool = create(size=1, wait_s=0.05)

    with pool.session(PYTHON), pytest.raises(SandboxError, match="became free"), pool.session(PYTHON):
        pass


def test_the_key_that_was_longest_out_of_use_gives_way(create, maker):
    pool = create(size=2)
    for language in (PYTHON, OTHER):
        with pool.session(language):
            settled(pool)
        settled(pool)
    pool.tend()
    settled(pool)

    with pool.session(THIRD):
        settled(pool)

        # Removing is done in the background, and not waited for by the session.
        eventually(lambda: PYTHON.image not in maker.alive())


def test_a_box_is_thrown_away_after_its_last_use(create):
    pool = create(size=1, max_uses=2)

    for _ in range(4):
        with pool.session(PYTHON):
            pass
        settled(pool)

    assert pool.counters().disposed == {"uses": 2}


def test_an_old_box_is_thrown_away(create, maker):
    pool = create(size=1)

    with pool.session(PYTHON):
        maker.made[0].made_at -= 3601.0

    assert pool.counters().disposed == {"age": 1}


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda box: box.channel.anomalies.append("a file was left"), "anomaly"),
        (lambda box: setattr(box.channel, "is_broken", True), "reset failed"),
        (lambda box: box.hard_limits.append("/tmp is full"), "hard limit"),
    ],
)
def test_a_box_with_which_something_is_wrong_is_thrown_away(create, maker, spoil, reason):
    pool = create(size=1)

    with pool.session(PYTHON):
        spoil(maker.made[0])
    settled(pool)

    assert pool.counters().disposed == {reason: 1}
    eventually(lambda: maker.made[0] in maker.removed)


def test_a_box_whose_session_broke_off_is_thrown_away(create):
    pool = create(size=1)

    with pytest.raises(KeyError), pool.session(PYTHON):
        raise KeyError

    assert pool.counters().disposed == {"abandoned": 1}


def test_a_killed_box_is_thrown_away(create, maker):
    pool = create(size=1)

    with pool.session(PYTHON) as session:
        session.kill()

    eventually(lambda: maker.removed)
    assert pool.counters().disposed == {"killed": 1}


def test_without_reuse_every_session_has_a_new_box(create, maker):
    pool = create(size=4, is_reused=False)

    for _ in range(3):
        with pool.session(PYTHON):
            settled(pool)

    assert pool.counters().reused == 0
    assert pool.counters().disposed == {"single use": 3}


def test_a_box_that_died_idle_is_not_lent(create, maker):
    pool = create(size=2)
    with pool.session(PYTHON):
        settled(pool)
    settled(pool)
    for box in maker.made:
        box.channel.is_open = False

    with pool.session(PYTHON):
        pass

    assert pool.counters().disposed == {"died idle": 2}


def test_boxes_that_died_idle_are_replaced_by_tending(create, maker):
    pool = create(size=2)
    with pool.session(PYTHON):
        pass
    settled(pool)
    for box in maker.made:
        box.channel.is_open = False

    pool.tend()
    settled(pool)

    assert pool.counters().idle == 1


def test_when_none_can_be_made_the_reason_is_told_at_once_and_again_during_the_pause(create, maker):
    pool = create(size=2)
    maker.is_down = True

    for _ in range(3):
        with pytest.raises(SandboxError, match="the engine is away"), pool.session(PYTHON):
            pass

    assert pool.counters().failed <= 2


def test_a_key_that_cannot_be_made_leaves_the_others_alone(create, maker):
    pool = create(size=2)
    maker.is_down = True
    with pytest.raises(SandboxError), pool.session(OTHER):
        pass
    maker.is_down = False

    with pool.session(PYTHON):
        pass


def test_once_boxes_can_be_made_again_they_are(create, maker):
    pool = create(size=2)
    maker.is_down = True
    with pytest.raises(SandboxError), pool.session(PYTHON):
        pass
    maker.is_down = False

    def serves():
        try:
            with pool.session(PYTHON):
                return True
        except SandboxError:
            return False

    eventually(serves)


def test_warming_makes_a_box_for_each_key_as_far_as_there_is_room(create, maker):
    pool = create(size=2)

    pool.warm([PYTHON, OTHER, THIRD])
    settled(pool)

    assert sorted(maker.alive()) == sorted([PYTHON.image, "other"])


def test_closing_discards_every_box_even_one_that_is_just_being_made(create, maker):
    pool = create(size=3)
    with pool.session(PYTHON):
        settled(pool)
        maker.gate.clear()
        pool.warm([OTHER])
        threading.Timer(0.1, maker.gate.set).start()

        pool.close()

    assert maker.alive() == []


def test_many_threads_share_few_boxes(create, maker):
    pool = create(size=3)
    lock = threading.Lock()
    inside = []
    most = []

    def use(language):
        for _ in range(20):
            with pool.session(language):
                with lock:
                    inside.append(1)
                    most.append(len(inside))
                time.sleep(0.001)
                with lock:
                    inside.pop()

    threads = [threading.Thread(target=use, args=[language]) for language in (PYTHON, OTHER, THIRD) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert max(most) <= 3
