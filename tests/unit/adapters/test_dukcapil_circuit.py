"""The breaker and the quota, with a clock that moves only when told."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from outside_world import RecordedMetrics, SteppedClock

from adapters.circuit import Admission, Circuit
from adapters.dukcapil.quota import Quota


@pytest.fixture
def clock():
    return SteppedClock()


@pytest.fixture
def circuit(clock):
    return Circuit(clock)


def fail(circuit, times=5):
    for _ in range(times):
        circuit.failed(circuit.admit())


def test_four_failures_leave_it_closed_and_the_fifth_opens(circuit):
    fail(circuit, 4)
    assert circuit.admit() is Admission.FREE

    circuit.failed(Admission.FREE)

    assert circuit.admit() is Admission.REFUSED
    assert circuit.is_refusing()


def test_failures_further_apart_than_the_window_do_not_add_up(circuit, clock):
    for _ in range(20):
        circuit.failed(circuit.admit())
        clock.advance(7.6)

    assert circuit.admit() is Admission.FREE


def test_five_failures_within_exactly_the_window_open(circuit, clock):
    for _ in range(4):
        circuit.failed(circuit.admit())
        clock.advance(7.5)
    circuit.failed(circuit.admit())

    assert circuit.is_refusing()


def test_successes_between_failures_do_not_hide_them(circuit):
    for _ in range(5):
        circuit.failed(circuit.admit())
        circuit.succeeded(Admission.FREE)

    assert circuit.is_refusing()


def test_after_the_pause_one_call_tries_and_the_others_wait(circuit, clock):
    fail(circuit)
    clock.advance(29.9)
    assert circuit.admit() is Admission.REFUSED
    clock.advance(0.1)

    assert not circuit.is_refusing()
    assert circuit.admit() is Admission.TRIAL
    assert [circuit.admit() for _ in range(3)] == [Admission.REFUSED] * 3


def test_a_good_trial_closes_and_forgets(circuit, clock):
    fail(circuit)
    clock.advance(30)

    circuit.succeeded(circuit.admit())

    fail(circuit, 4)
    assert circuit.admit() is Admission.FREE


def test_a_bad_trial_opens_for_another_pause(circuit, clock):
    fail(circuit)
    clock.advance(30)

    circuit.failed(circuit.admit())

    clock.advance(29)
    assert circuit.admit() is Admission.REFUSED
    clock.advance(1)
    assert circuit.admit() is Admission.TRIAL


def test_a_success_from_before_the_opening_proves_nothing(circuit):
    late = circuit.admit()
    fail(circuit)

    circuit.succeeded(late)

    assert circuit.is_refusing()


def test_a_trial_that_nobody_reports_is_given_again(circuit, clock):
    fail(circuit)
    clock.advance(30)
    assert circuit.admit() is Admission.TRIAL

    clock.advance(30)

    assert circuit.admit() is Admission.TRIAL


def test_a_trial_that_never_went_out_can_be_given_back(circuit, clock):
    fail(circuit)
    clock.advance(30)

    circuit.withdraw(circuit.admit())

    assert circuit.admit() is Admission.TRIAL


def test_a_trip_opens_at_once_and_longer(circuit, clock):
    circuit.trip()

    clock.advance(299)
    assert circuit.is_refusing()
    clock.advance(1)
    assert circuit.admit() is Admission.TRIAL


def test_failures_of_earlier_calls_do_not_shorten_a_trip(circuit, clock):
    early = [circuit.admit() for _ in range(5)]
    circuit.trip()
    for admission in early:
        circuit.failed(admission)

    clock.advance(100)

    assert circuit.is_refusing()


def test_threads_share_one_trial(circuit, clock):
    fail(circuit)
    clock.advance(30)

    with ThreadPoolExecutor(16) as threads:
        admissions = list(threads.map(lambda _: circuit.admit(), range(200)))

    assert admissions.count(Admission.TRIAL) == 1
    assert admissions.count(Admission.FREE) == 0


# Quota --------------------------------------------------------------------------------------------


def a_quota(clock, **changed):
    return Quota(clock, RecordedMetrics(), **{"daily_quota": 10, **changed})


@pytest.mark.parametrize(("daily", "calls"), [(10, 8), (5, 4), (1, 1), (50_000, 40_000)])
def test_four_fifths_of_the_contract_are_ours(clock, daily, calls):
    quota = a_quota(clock, daily_quota=daily)
    spent = 0
    while quota.is_left():
        quota.spend()
        spent += 1

    assert spent == calls


def test_a_new_day_begins_at_midnight_in_jakarta(clock):
    quota = a_quota(clock)
    for _ in range(8):
        quota.spend()
    instants = []
    for _ in range(24):
        clock.advance(3600)
        instants.append(quota.is_left())

    # the clock began at 10.00 WIB
    assert instants.index(True) + 1 == 14
    assert [a for a, b in pairwise(instants) if a != b] == [False]


def test_used_up_means_until_midnight_even_if_our_own_count_says_otherwise(clock):
    quota = a_quota(clock)
    quota.run_out()

    clock.advance(14 * 3600 - 1)
    assert not quota.is_left()
    clock.advance(1)
    assert quota.is_left()


def test_a_pause_replaces_midnight_where_trying_out_is_all_there_is(clock):
    quota = a_quota(clock, pause_seconds=5)
    quota.run_out()

    assert not quota.is_left()
    clock.advance(5)
    assert quota.is_left()


def test_the_registrys_own_figure_is_shown_and_stops_nothing(clock):
    metrics = RecordedMetrics()
    quota = Quota(clock, metrics, daily_quota=10)

    quota.record(0)
    quota.record(None)

    assert metrics.gauges == {"registry_quota_left": 0}
    assert quota.is_left()
