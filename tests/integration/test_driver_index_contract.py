"""What every driver index promises, held against each of them."""

import math

import pytest

from adapters.driver_index import RedisDriverIndex, create_index_client
from domain.rides.model import Fix, Place
from domain.rides.ports import FORGET_S, AvailableDriver, DriverFix, NearestQuery
from tests.fakes import FakeDriverIndex
from tests.integration.drivers import CITY, SQUARE, Clock, east, fix_at, nearest


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["fake", "redis"])
def index(request, clock):
    if request.param == "fake":
        yield FakeDriverIndex(clock=clock)
        return
    client = create_index_client(request.getfixturevalue("redis_url"))
    yield RedisDriverIndex(client, clock=clock)
    client.close()


def cars(*driver_ids):
    return [AvailableDriver(driver_id, "car") for driver_id in driver_ids]


def nearest_ids(index, count=10, product="car", place=SQUARE):
    return [driver_id for driver_id, _ in nearest(index, product, place, count)]


def test_the_nearest_candidates_come_first_with_their_distances(index, clock):
    index.rebuild(CITY, cars("far", "near", "middle"))
    places = {"far": east(2500), "near": east(40), "middle": east(700)}
    index.push(CITY, [fix_at(driver_id, clock(), place) for driver_id, place in places.items()])

    found = nearest(index, "car", SQUARE, 10)

    assert [driver_id for driver_id, _ in found] == ["near", "middle", "far"]
    assert [metres for _, metres in found] == pytest.approx([40, 700, 2500], rel=0.01, abs=1)
    assert nearest_ids(index, 2) == ["near", "middle"]
    assert nearest_ids(index, 0) == []


def test_many_queries_are_answered_in_their_order(index, clock):
    index.rebuild(CITY, [*cars("near", "far"), AvailableDriver("van", "van")])
    places = {"far": east(900), "near": east(300), "van": SQUARE}
    index.push(CITY, [fix_at(driver_id, clock(), place) for driver_id, place in places.items()])
    queries = {
        NearestQuery("car", SQUARE, 1): ["near"],
        NearestQuery("car", east(1000), 5): ["far", "near"],
        NearestQuery("van", SQUARE, 5): ["van"],
        NearestQuery("car", SQUARE, 0): [],
        NearestQuery("car", Place(math.nan, 0.0), 5): [],
        NearestQuery("car", Place(-40.0, 170.0), 5): [],
        NearestQuery("boat", SQUARE, 5): [],
    }

    found = index.nearest(CITY, list(queries) * 9)

    assert [[driver_id for driver_id, _ in pairs] for pairs in found] == list(queries.values()) * 9
    assert index.nearest(CITY, []) == []


def test_who_is_too_far_away_is_not_among_the_nearest(index, clock):
    index.rebuild(CITY, cars("beyond", "within"))
    index.push(CITY, [fix_at("beyond", clock(), east(5100)), fix_at("within", clock(), east(4900))])

    assert nearest_ids(index) == ["within"]
    assert sorted(index.supply(CITY, "car").ids) == ["beyond", "within"]


def test_a_driver_who_is_not_available_is_no_candidate(index, clock):
    index.push(CITY, [fix_at("ann", clock())])

    assert nearest_ids(index) == []
    assert list(index.last_positions(CITY, ["ann"])) == ["ann"]


def test_a_driver_who_becomes_available_is_found_at_the_last_fix(index, clock):
    index.push(CITY, [fix_at("ann", clock())])

    index.set_available(CITY, AvailableDriver("ann", "car"))

    assert nearest_ids(index) == ["ann"]


def test_a_driver_whose_last_fix_is_old_is_found_from_the_next_one_on(index, clock):
    index.push(CITY, [fix_at("ann", clock() - 61)])
    index.set_available(CITY, AvailableDriver("ann", "car"))
    before = nearest_ids(index)

    index.push(CITY, [fix_at("ann", clock())])

    assert (before, nearest_ids(index)) == ([], ["ann"])


def test_a_fix_after_unavailable_makes_no_candidate(index, clock):
    index.set_available(CITY, AvailableDriver("ann", "car"))
    index.push(CITY, [fix_at("ann", clock() - 1)])
    index.set_unavailable(CITY, "ann")

    accepted = index.push(CITY, [fix_at("ann", clock())])

    assert accepted == [True]
    assert nearest_ids(index) == []
    assert list(index.supply(CITY, "car").ids) == []


def test_a_driver_is_a_candidate_of_one_product_only(index, clock):
    index.push(CITY, [fix_at("ann", clock())])
    index.set_available(CITY, AvailableDriver("ann", "car"))

    index.set_available(CITY, AvailableDriver("ann", "van"))

    assert nearest_ids(index, product="car") == []
    assert nearest_ids(index, product="van") == ["ann"]


def test_cities_know_nothing_of_each_other(index, clock):
    index.rebuild("elsewhere", cars("ann"))
    index.rebuild(CITY, cars("bob"))
    index.push("elsewhere", [fix_at("ann", clock())])
    index.push(CITY, [fix_at("bob", clock())])

    assert nearest_ids(index) == ["bob"]
    assert index.last_positions(CITY, ["ann", "bob"]).keys() == {"bob"}


def test_fixes_that_are_not_newer_than_the_last_are_dropped(index, clock):
    index.rebuild(CITY, cars("ann", "bob"))
    index.push(CITY, [fix_at("ann", clock() - 10, east(100))])

    accepted = index.push(
        CITY,
        [
            fix_at("ann", clock() - 10, east(200)),
            fix_at("ann", clock() - 20, east(300)),
            fix_at("bob", clock() - 5, east(10)),
            fix_at("ann", clock() - 5, east(400)),
            fix_at("ann", clock() - 7, east(500)),
            fix_at("bob", clock() - 5, east(20)),
        ],
    )

    assert accepted == [False, False, True, True, False, False]
    assert nearest(index, "car", SQUARE, 2)[1] == ("ann", pytest.approx(400, rel=0.01))
    assert index.last_positions(CITY, ["ann", "bob"]) == {
        "ann": fix_at("ann", clock() - 5, east(400)).fix,
        "bob": fix_at("bob", clock() - 5, east(10)).fix,
    }


def test_the_last_position_is_what_was_pushed(index, clock):
    bare = DriverFix("bob", Fix(Place(-20.5, -54.6), fix_at("bob", clock() - 3).fix.at))
    index.push(CITY, [fix_at("ann", clock() - 3.5), bare])

    assert index.last_positions(CITY, ["ann", "nobody", "bob"]) == {
        "ann": fix_at("ann", clock() - 3.5).fix,
        "bob": bare.fix,
    }
    assert index.last_positions(CITY, []) == {}


def test_a_position_of_long_ago_is_forgotten_by_a_rebuild(index, clock):
    old, kept = [f"old-{number}" for number in range(2500)], ["kept", "elsewhere"]
    index.push(CITY, [fix_at(driver_id, clock() - FORGET_S) for driver_id in old])
    index.push(CITY, [fix_at("kept", clock() - FORGET_S + 1)])
    index.push("elsewhere", [fix_at("elsewhere", clock() - FORGET_S)])

    before = index.last_positions(CITY, [*old, *kept])
    index.rebuild(CITY, cars("kept"))

    assert len(before) == 2501
    assert list(index.last_positions(CITY, [*old, *kept])) == ["kept"]
    assert list(index.last_positions("elsewhere", kept)) == ["elsewhere"]


def test_an_index_tells_how_many_may_be_asked_of_whatever_product(index, clock):
    index.push(CITY, [fix_at("ann", clock()), fix_at("bob", clock()), fix_at("stale", clock() - 60)])
    index.push(CITY, [fix_at("off", clock())])
    for driver_id, product in (("ann", "car"), ("bob", "van"), ("stale", "car"), ("nowhere", "car")):
        index.set_available(CITY, AvailableDriver(driver_id, product))

    before = index.findable(CITY)
    clock.now_s += 60

    assert (before, index.findable(CITY), index.findable("elsewhere")) == (2, 0, 0)


def test_an_index_tells_since_when_it_has_lost_nothing(index, clock):
    since = index.knows_since(CITY)
    index.rebuild(CITY, cars("ann"), index.mark(CITY))
    begun = clock()
    clock.now_s += 5

    assert since.timestamp() == pytest.approx(begun, abs=0.001)
    assert index.knows_since(CITY) == since
    assert index.knows_since("elsewhere") > since


def test_nothing_pushed_is_nothing_answered(index):
    assert index.push(CITY, []) == []


def test_a_fix_of_the_future_counts_as_one_of_now(index, clock):
    index.push(CITY, [fix_at("ann", clock() + 3600)])
    clock.now_s += 4

    accepted = index.push(CITY, [fix_at("ann", clock())])

    assert accepted == [True]


def test_a_driver_without_a_fix_for_a_minute_is_no_candidate_until_the_next(index, clock):
    index.rebuild(CITY, cars("ann", "bob"))
    index.push(CITY, [fix_at("ann", clock()), fix_at("bob", clock() + 0.001)])
    clock.now_s += 59.999
    before = nearest_ids(index)
    index.push(CITY, [fix_at("bob", clock())])

    clock.now_s += 0.001
    after = nearest_ids(index)
    supplied = list(index.supply(CITY, "car").ids)
    index.push(CITY, [fix_at("ann", clock())])

    assert sorted(before) == ["ann", "bob"]
    assert after == supplied == ["bob"]
    assert sorted(nearest_ids(index)) == ["ann", "bob"]


def test_the_supply_has_every_candidate_of_the_product_where_it_is(index, clock):
    index.rebuild(CITY, [*cars("ann", "bob"), AvailableDriver("van", "van")])
    index.push(CITY, [fix_at("ann", clock(), east(100)), fix_at("bob", clock(), east(-900)), fix_at("van", clock())])

    supply = index.supply(CITY, "car")

    found = dict(zip(supply.ids, zip(supply.latitudes, supply.longitudes, strict=True), strict=True))
    assert found == {
        "ann": pytest.approx((SQUARE.latitude, east(100).longitude), abs=1e-5),
        "bob": pytest.approx((SQUARE.latitude, east(-900).longitude), abs=1e-5),
    }


def test_an_empty_city_has_no_supply_and_nobody_near(index):
    supply = index.supply(CITY, "car")

    assert (len(supply.ids), len(supply.latitudes), len(supply.longitudes)) == (0, 0, 0)
    assert nearest_ids(index) == []


def test_a_rebuild_leaves_exactly_the_given_drivers(index, clock):
    index.rebuild(CITY, cars("gone", "kept", "changed"))
    index.push(CITY, [fix_at(driver_id, clock()) for driver_id in ("gone", "kept", "changed", "new")])

    index.rebuild(CITY, [*cars("kept", "new", "unseen"), AvailableDriver("changed", "van")])

    assert sorted(index.supply(CITY, "car").ids) == ["kept", "new"]
    assert list(index.supply(CITY, "van").ids) == ["changed"]


def test_a_rebuild_with_nobody_empties_the_city(index, clock):
    index.rebuild(CITY, cars("ann"))
    index.push(CITY, [fix_at("ann", clock())])

    index.rebuild(CITY, [])

    assert nearest_ids(index) == []


def test_what_changed_after_a_list_was_read_is_newer_than_the_list(index, clock):
    index.rebuild(CITY, cars("left", "stays"))
    index.push(CITY, [fix_at(driver_id, clock()) for driver_id in ("left", "stays", "came")])
    mark = index.mark(CITY)
    index.set_unavailable(CITY, "left")
    index.set_available(CITY, AvailableDriver("came", "car"))

    index.rebuild(CITY, cars("left", "stays"), mark)
    newer = sorted(nearest_ids(index))
    index.rebuild(CITY, cars("left", "stays"))

    assert newer == ["came", "stays"]
    assert sorted(nearest_ids(index)) == ["left", "stays"]


def test_ids_may_be_any_text(index, clock):
    ids = ['a "quoted" one', "comma,comma", "line\nbreak", "ünïcødé 🚕", "{braces}:=", " "]
    index.rebuild(CITY, cars(*ids))

    index.push(CITY, [fix_at(driver_id, clock()) for driver_id in ids])

    assert sorted(nearest_ids(index)) == sorted(index.supply(CITY, "car").ids) == sorted(ids)
    assert index.last_positions(CITY, ids).keys() == set(ids)


@pytest.mark.parametrize(
    "nowhere", [Place(-89.9, 0.0), Place(0.0, 180.5), Place(math.nan, 0.0), Place(0.0, math.inf)]
)
def test_a_driver_who_is_nowhere_is_found_by_nobody_and_harms_nobody(index, clock, nowhere):
    index.rebuild(CITY, cars("amundsen", "ann"))

    accepted = index.push(CITY, [fix_at("amundsen", clock(), nowhere), fix_at("ann", clock())])
    index.rebuild(CITY, cars("amundsen", "ann"))

    assert accepted == [True, True]
    assert nearest_ids(index) == ["ann"]
    assert nearest_ids(index, place=nowhere) == []


def test_who_changed_since_a_mark_is_left_alone_by_what_was_read_before(index, clock):
    index.push(CITY, [fix_at(driver_id, clock()) for driver_id in ("ann", "bob")])
    index.rebuild(CITY, cars("bob"))
    mark = index.mark(CITY)

    came, went = index.set_available(CITY, cars("ann")[0], mark), index.set_unavailable(CITY, "bob", mark)
    late = [index.set_unavailable(CITY, "ann", mark), index.set_available(CITY, cars("bob")[0], mark)]

    assert (came, went, late) == (True, True, [False, False])
    assert nearest_ids(index) == ["ann"]
    assert index.set_unavailable(CITY, "ann", index.mark(CITY))
    assert nearest_ids(index) == []


def test_what_was_read_before_a_rebuild_is_not_written_after_it(index, clock):
    index.push(CITY, [fix_at("ann", clock())])
    before = index.mark(CITY)
    index.set_available(CITY, AvailableDriver("ann", "car"), index.mark(CITY))
    index.set_available(CITY, AvailableDriver("bob", "car"), index.mark(CITY))
    index.rebuild(CITY, cars("ann", "bob"), index.mark(CITY))

    late = index.set_unavailable(CITY, "ann", before)
    index.rebuild(CITY, [], before)

    assert late is False
    assert nearest_ids(index) == ["ann"]
    assert index.set_unavailable(CITY, "ann", index.mark(CITY)) is True
