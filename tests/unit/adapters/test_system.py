"""What a process knows of itself."""

import os

from adapters.system import ProcessMark, SystemEntropy


def test_r_21_a_forked_process_has_a_name_of_its_own() -> None:
    mark = ProcessMark(SystemEntropy())
    before = mark()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, f"{mark()} {mark()}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    first, again = os.read(reading, 200).decode().split()
    os.close(reading)
    os.close(writing)

    assert first == again
    assert first != before
    assert mark() == before
