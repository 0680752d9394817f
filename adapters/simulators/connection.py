"""Answers that no well-behaved server gives: silence, resets, one byte at a time."""

import select
import socket
import struct
import time
from collections.abc import Iterator
from typing import Final, Never

from flask import Response, request
from typing_extensions import override
from werkzeug.serving import WSGIRequestHandler

from adapters.simulators.state import sandbox

HANDLER: Final = "siapkerja.sandbox.handler"

_STEP_SECONDS: Final = 0.05
_LINGER_ZERO: Final = struct.pack("ii", 1, 0)


class SandboxRequestHandler(WSGIRequestHandler):
    """Serves without a log and lets a view break its own connection."""

    # head and body leave in two writes; together with delayed acknowledgement that costs 40 ms
    disable_nagle_algorithm = True

    @override
    def make_environ(self) -> dict[str, object]:
        return {**super().make_environ(), HANDLER: self}

    @override
    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing: addresses may hold what people typed."""

    def cut(self) -> None:
        """Make the end of this answer a reset instead of an orderly close."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)


def stay_silent(seconds: float) -> None:
    """Wait, until the caller has gone or the sandbox stops if that is sooner."""
    handler = _handler()
    watch = select.poll()
    if handler is not None:
        watch.register(handler.connection, select.POLLIN | select.POLLHUP)
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at and not sandbox().stopping.wait(_STEP_SECONDS):
        # nobody sends a second request before the answer: whatever arrives is the end
        if handler is not None and watch.poll(0):
            return


def broken_off(beginning: bytes) -> Response:
    """Return an answer that promises more than `beginning` and ends in a reset."""
    handler = _handler()

    def body() -> Iterator[bytes]:
        yield beginning
        if handler is not None:
            handler.cut()
        _break()

    return Response(
        body(),
        content_type="application/json",
        headers={"Content-Length": str(len(beginning) + 500)},
    )


def dripping(whole: bytes, *, seconds: float) -> Response:
    """Return an answer that sends one byte after the other, `seconds` apart."""
    stopping = sandbox().stopping

    def body() -> Iterator[bytes]:
        for position in range(len(whole)):
            yield whole[position : position + 1]
            if stopping.wait(seconds):
                return

    return Response(
        body(), content_type="application/json", headers={"Content-Length": str(len(whole))}
    )


def _break() -> Never:
    raise ConnectionResetError


def _handler() -> SandboxRequestHandler | None:
    """Return who serves the request, `None` under a test client."""
    found = request.environ.get(HANDLER)
    return found if isinstance(found, SandboxRequestHandler) else None
