"""What a caller's silent connection brings is ended, and nothing else."""

import socket
import sys
from collections.abc import Iterator

import pytest

from adapters.callers import cut_off

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux about its sockets")


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A caller's end, and ours of the same connection."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as caller,
    ):
        ours, _ = server.accept()
        with ours:
            ours.settimeout(5)
            caller.settimeout(5)
            yield caller, ours


def test_r_16_what_is_waited_for_ends_and_the_answer_still_goes_out(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    caller, ours = pair
    cut_off("127.0.0.1", 0.0)

    assert ours.recv(10) == b""
    ours.sendall(b"408")
    assert caller.recv(10) == b"408"


@pytest.mark.parametrize(("remote", "silent"), [("192.0.2.1", 0.0), ("127.0.0.1", 60.0)])
def test_r_16_others_and_those_that_spoke_go_on(
    pair: tuple[socket.socket, socket.socket], remote: str, silent: float
) -> None:
    caller, ours = pair
    cut_off(remote, silent)

    caller.sendall(b"body")
    assert ours.recv(10) == b"body"


def test_r_16_our_own_calls_are_never_cut(pair: tuple[socket.socket, socket.socket]) -> None:
    caller, ours = pair
    cut_off("127.0.0.1", 0.0)

    ours.sendall(b"answer")
    assert caller.recv(10) == b"answer"
