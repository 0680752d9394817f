"""One sandbox on the network: HTTP and SMTP, each in threads of this process."""

import signal
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Final

from typing_extensions import override
from werkzeug.serving import ThreadedWSGIServer

from adapters.simulators.app import create_sandbox
from adapters.simulators.connection import SandboxRequestHandler
from adapters.simulators.mail import MailServer
from adapters.simulators.people import SandboxPerson
from adapters.simulators.state import EXTENSION, SandboxState

LOOPBACK: Final = "127.0.0.1"
_POLL_SECONDS: Final = 0.05
_BACKLOG: Final = 512


class _SandboxServer(ThreadedWSGIServer):
    """Werkzeug's threaded server that can end a connection with a reset and never talks."""

    @override
    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        # the orderly half-close of the base class would come before the reset
        self.close_request(request)

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: whoever hangs up on a sandbox has a reason."""


@dataclass(frozen=True, slots=True)
class RunningSandbox:
    """A sandbox that answers. `state` is what it remembers, for whoever runs in this process."""

    state: SandboxState
    url: str
    smtp_port: int


@contextmanager
def serving(
    *,
    port: int = 0,
    smtp_port: int = 0,
    host: str = LOOPBACK,
    people: Iterable[SandboxPerson] | None = None,
    pace: float = 1.0,
    tls: ssl.SSLContext | None = None,
) -> Iterator[RunningSandbox]:
    """Run a sandbox while the block runs.

    Port 0 takes a free one. `pace` multiplies every wait of the sandbox; `tls` makes it speak
    https. Raises `OSError` where a port is taken.
    """
    app = create_sandbox(people, pace=pace)
    state: SandboxState = app.extensions[EXTENSION]
    with (
        socket.create_server((host, smtp_port)) as letter_box,
        # given a socket, werkzeug leaves the process alone where the port is taken
        socket.create_server((host, port), backlog=_BACKLOG) as door,
    ):
        letters = MailServer(state, letter_box)
        server = _SandboxServer(
            host, port, app, SandboxRequestHandler, ssl_context=tls, fd=door.fileno()
        )
        thread = Thread(
            target=server.serve_forever,
            kwargs={"poll_interval": _POLL_SECONDS},
            name="sandbox-http",
            daemon=True,
        )
        letters.start()
        thread.start()
        scheme = "https" if tls else "http"
        try:
            yield RunningSandbox(state, f"{scheme}://{host}:{server.port}", letters.port)
        finally:
            state.stopping.set()
            server.shutdown()
            thread.join()
            letters.stop()


def run_sandbox(port: int, smtp_port: int, host: str = LOOPBACK) -> None:
    """Run a sandbox until SIGTERM or SIGINT; for the main thread of a process of its own."""
    ended = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with serving(port=port, smtp_port=smtp_port, host=host) as running:
        print(f"sandbox {running.url} smtp {running.smtp_port}", flush=True)
        ended.wait()
