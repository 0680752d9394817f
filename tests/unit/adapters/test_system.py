"""What a process knows of itself."""

import os

from adapters.system import ProcessMark, SystemEntropy


def test_r_21_a_forked_process_has_a_name_of_its_own() -> None:
    mark = ProcessMark(SystemEntropy())
    before = mark()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, f"{mark()} {mark()}".encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    first, again = os.read(reading, 200).decode().split()
    os.close(reading)
    os.close(writing)

    assert first == again
    assert first != before
    assert mark() == before


def test_r_21_forked_processes_do_not_make_the_same_names() -> None:
    entropy = SystemEntropy()
    reading, writing = os.pipe()
    for _ in range(2):
        child = os.fork()
        if child == 0:
            try:
                os.write(writing, f"{entropy.bits(96)} ".encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
    made = [*map(int, os.read(reading, 200).decode().split()), entropy.bits(96)]
    os.close(reading)
    os.close(writing)

    assert len(set(made)) == 3
    assert max(made) < 2**96
