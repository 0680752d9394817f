"""Which core a worker keeps to."""

import pytest

from idp.commands.cores import next_core

ANY = {0, 1, 2}


@pytest.mark.parametrize(
    ("elder", "core"),
    [
        ([], 0),
        ([{0}], 1),
        # it has not come to take its own yet, the first that is free
        ([ANY], 1),
        ([ANY, ANY], 2),
        # in place of the worker that had it
        ([{1}, {2}], 0),
        ([{2}, ANY], 1),
        ([{0}, set()], 1),
        # all are taken while workers are renewed, the eldest first
        ([{0}, {1}, {2}], 0),
        ([{1}, {2}, {0}], 1),
    ],
)
def test_a_worker_keeps_to_the_first_core_that_no_elder_one_has(
    elder: list[set[int]], core: int
) -> None:
    assert next_core([0, 1, 2], elder) == core
