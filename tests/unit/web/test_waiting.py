import threading

from web.waiting import Places, WaitHub


def test_a_change_between_subscribing_and_waiting_is_not_lost():
    hub = WaitHub()

    with hub.watch("a") as watch:
        hub.wake("a")

        assert watch.wait(60)


def test_a_change_of_another_job_wakes_nobody():
    hub = WaitHub()

    with hub.watch("a") as watch:
        hub.wake("b")

        assert not watch.wait(0.01)


def test_every_waiter_of_a_job_is_woken_from_another_thread():
    hub = WaitHub()
    with hub.watch("a") as first, hub.watch("a") as second:
        threading.Timer(0.01, hub.wake, ["a"]).start()

        assert first.wait(60)
        assert second.wait(60)


def test_who_waits_for_the_end_sleeps_through_what_comes_before():
    hub = WaitHub()

    with hub.watch("a", only_end=True) as patient, hub.watch("a") as curious:
        hub.wake("a", is_end=False)

        assert curious.wait(60)
        assert not patient.wait(0.01)
        hub.wake("a", is_end=True)
        assert patient.wait(60)


def test_a_gap_in_listening_wakes_everybody():
    hub = WaitHub()

    with hub.watch("a") as first, hub.watch("b") as second:
        hub.wake_all()

        assert first.wait(60)
        assert second.wait(60)


def test_one_change_wakes_once():
    hub = WaitHub()

    with hub.watch("a") as watch:
        hub.wake("a")
        watch.wait(60)

        assert not watch.wait(0.01)


def test_nobody_waits_in_a_process_that_is_stopping():
    hub = WaitHub(is_stopping=lambda: True)

    with hub.watch("a") as watch:
        assert not watch.wait(60)


def test_a_hub_forgets_jobs_that_nobody_waits_for():
    hub = WaitHub()

    with hub.watch("a"):
        pass

    assert not hub._watches


def test_places_are_bounded_and_given_back():
    places = Places(1)

    with places.take() as first, places.take() as second:
        assert [first, second] == [True, False]
    with places.take() as third:
        assert third
