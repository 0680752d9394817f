"""What was made of rows is kept while they are the same, for a short time, and not without end."""

from adapters.sql.readings import GENERATION_SECONDS, ROWS_MAX, Readings
from tests.fakes import FixedClock


def test_a_row_that_differs_is_no_longer_known() -> None:
    readings = Readings()
    readings.keep("one", (1, "a"), "made")

    assert readings.find("one", (1, "a")) == "made"
    assert readings.find("one", (1, "b")) is None
    assert readings.find("two", (1, "a")) is None


def test_pd_2_no_more_is_kept_than_two_generations() -> None:
    readings = Readings()
    for number in range(5 * ROWS_MAX):
        readings.keep(number, number, number)

    assert len(readings) <= 2 * ROWS_MAX
    assert readings.find(5 * ROWS_MAX - 1, 5 * ROWS_MAX - 1) == 5 * ROWS_MAX - 1
    assert readings.find(0, 0) is None


def test_pd_2_what_nobody_asks_for_is_forgotten_and_the_rest_stays() -> None:
    clock = FixedClock()
    readings = Readings(clock.monotonic)
    readings.keep("asked", 1, "made")
    readings.keep("left", 1, "made")
    for _ in range(3):
        clock.move(GENERATION_SECONDS)
        assert readings.find("asked", 1) == "made"

    assert len(readings) == 1


def test_pd_2_a_pause_leaves_nothing() -> None:
    clock = FixedClock()
    readings = Readings(clock.monotonic)
    readings.keep("one", 1, "made")
    clock.move(2 * GENERATION_SECONDS)

    assert readings.find("one", 1) is None
    assert len(readings) == 0
