"""Puzzles (contract 6.7): work or wait, once, for one purpose and one address."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256

import pytest

from idp.domain.errors import Refused
from idp.domain.identity.audit import Origin
from idp.domain.identity.visitor import Visitor
from idp.services import Services
from idp.services.puzzle import Puzzle, PuzzleService, Solution
from tests.fakes import FixedClock

VISITOR = Visitor(b"f" * 32, "203.0.113.7", Origin())


@pytest.fixture
def puzzles(services: Services) -> PuzzleService:
    return replace(services.puzzles, bits=8)


def solved(puzzle: Puzzle) -> Solution:
    number = 0
    while sha256(f"{puzzle.token}.{number}".encode()).digest()[0]:
        number += 1
    return Solution(puzzle.token, str(number))


def redeem(
    puzzles: PuzzleService,
    services: Services,
    solution: Solution | None,
    *,
    purpose: str = "code",
    visitor: Visitor = VISITOR,
) -> bool:
    with services.store.write() as tx:
        return puzzles.redeem(solution, purpose, visitor, tx=tx)


def test_work_counts_at_once_and_once(services: Services, puzzles: PuzzleService) -> None:
    solution = solved(puzzles.issue("code", VISITOR))

    assert redeem(puzzles, services, solution)
    assert not redeem(puzzles, services, solution)


def test_without_script_the_wait_counts(
    services: Services, puzzles: PuzzleService, clock: FixedClock
) -> None:
    puzzle = puzzles.issue("code", VISITOR)
    clock.move(20)
    with pytest.raises(Refused) as early:
        redeem(puzzles, services, Solution(puzzle.token, ""))
    assert (early.value.code, early.value.values["seconds"]) == ("puzzle.early", 10)
    assert puzzles.reopen(puzzle.token, "code", VISITOR) == puzzle
    clock.move(10)

    assert redeem(puzzles, services, Solution(puzzle.token, ""))


def test_a_puzzle_is_over_after_five_minutes(
    services: Services, puzzles: PuzzleService, clock: FixedClock
) -> None:
    puzzle = puzzles.issue("code", VISITOR)
    clock.move(300)

    assert not redeem(puzzles, services, Solution(puzzle.token, ""))
    assert puzzles.reopen(puzzle.token, "code", VISITOR) is None


@pytest.mark.parametrize(
    "given",
    [
        {"purpose": "registration"},
        {"visitor": replace(VISITOR, address="203.0.113.8")},
    ],
)
def test_a_puzzle_is_good_for_its_purpose_and_address_alone(
    services: Services, puzzles: PuzzleService, clock: FixedClock, given: dict
) -> None:
    puzzle = puzzles.issue("code", VISITOR)
    clock.move(31)

    assert not redeem(puzzles, services, Solution(puzzle.token, ""), **given)


@pytest.mark.parametrize("bend", ["", "A", "A" * 43, "\u0000", "=" * 43, "a.b", "é" * 43])
def test_bent_tokens_are_no_puzzles(services: Services, puzzles: PuzzleService, bend: str) -> None:
    assert not redeem(puzzles, services, Solution(bend, "1"))


@pytest.mark.parametrize("answer", ["", "x", "-1", "1e3", "٣", "9" * 12, " "])
def test_bent_answers_are_no_work(services: Services, puzzles: PuzzleService, answer: str) -> None:
    puzzle = puzzles.issue("code", VISITOR)

    with pytest.raises(Refused, match=r"puzzle\.early"):
        redeem(puzzles, services, Solution(puzzle.token, answer))


def test_nothing_is_kept_before_it_is_spent(services: Services, puzzles: PuzzleService) -> None:
    assert not redeem(puzzles, services, None)


def test_one_solution_from_twenty_threads_counts_once(
    services: Services, puzzles: PuzzleService
) -> None:
    solution = solved(puzzles.issue("code", VISITOR))
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: redeem(puzzles, services, solution), range(20)))

    assert taken.count(True) == 1
