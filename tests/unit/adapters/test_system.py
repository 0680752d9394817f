"""What a process knows of itself."""

import os
from collections.abc import Callable

from adapters.system import ProcessMark, SystemEntropy


def in_fork(tell: Callable[[], str]) -> str:
    """Return what a forked process tells."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, tell().encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as told:
        return told.read()


def test_r_21_a_forked_process_has_a_name_of_its_own() -> None:
    mark = ProcessMark(SystemEntropy())
    before = mark()
    first, again = in_fork(lambda: f"{mark()} {mark()}").split()

    assert first == again
    assert first != before
    assert mark() == before


def test_r_21_forked_processes_do_not_make_the_same_names() -> None:
    entropy = SystemEntropy()
    made = [*(int(in_fork(lambda: str(entropy.bits(96)))) for _ in range(2)), entropy.bits(96)]

    assert len(set(made)) == 3
    assert max(made) < 2**96
