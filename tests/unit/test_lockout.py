"""How failures slow guessing down: numbers of `security.md` AU-6."""

import pytest

from idp.domain.identity.lockout import (
    FAILURE_WINDOW_SECONDS,
    NO_FAILURES,
    WAITS,
    FailureCount,
    counted,
)

NOW = 1_800_000_000


def failing(times: int, *, every: int = 1) -> FailureCount:
    count = NO_FAILURES
    for number in range(times):
        count = counted(count, NOW + number * every)
    return count


@pytest.mark.parametrize("failures", range(5))
def test_au_6_the_first_five_failures_are_free(failures: int) -> None:
    assert failing(failures).blocked_until() == 0


@pytest.mark.parametrize(("failures", "wait"), list(enumerate(WAITS, start=5)))
def test_au_6_then_each_failure_costs_a_longer_wait(failures: int, wait: int) -> None:
    count = FailureCount(failures, NOW)

    assert count.blocked_until() == NOW + wait


def test_au_6_the_wait_grows_to_15_minutes_and_no_further() -> None:
    assert WAITS[-1] == 900
    assert FailureCount(99, NOW).blocked_until() == NOW + 900


def test_au_6_free_failures_are_forgotten_after_15_minutes() -> None:
    old = failing(4)

    assert counted(old, old.last_at + FAILURE_WINDOW_SECONDS).failures == 5
    assert counted(old, old.last_at + FAILURE_WINDOW_SECONDS + 1).failures == 1


def test_au_6_waits_once_begun_are_not_forgotten_between_tries() -> None:
    begun = failing(5)

    assert counted(begun, begun.last_at + FAILURE_WINDOW_SECONDS + 1).failures == 6


def test_a_failure_that_was_none_is_taken_back() -> None:
    assert FailureCount(1, NOW).without_one() == FailureCount(0, NOW)
    assert NO_FAILURES.without_one() == NO_FAILURES


def test_with_none_free_nothing_is_forgotten() -> None:
    assert counted(FailureCount(1, 0), NOW, free=0).failures == 2
