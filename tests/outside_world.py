"""Stand-ins for time and figures, and small servers that misbehave, for tests of adapters."""

import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from idp.ports.clock import Signal


@dataclass
class SteppedClock:
    """A clock that moves only when told. 1 December 2026, 10.00 WIB, unless told otherwise."""

    instant: float = 1_796_094_000.0
    started: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.started = self.instant

    def now(self) -> int:
        return int(self.instant)

    def now_ms(self) -> int:
        return int(self.instant * 1000)

    def monotonic(self) -> float:
        return self.instant - self.started

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def wait(self, until: Signal, seconds: float) -> bool:
        return until.wait(60)

    def advance(self, seconds: float) -> None:
        self.instant += seconds


@dataclass
class RecordedMetrics:
    """Keeps what it is told: `counts[name, (label, value), ...]`, `gauges[name]`."""

    counts: Counter[tuple[object, ...]] = field(default_factory=Counter)
    gauges: dict[str, float] = field(default_factory=dict)
    observed: Counter[str] = field(default_factory=Counter)

    def count(self, name: str, /, **labels: str) -> None:
        self.counts[(name, *((key, str(value)) for key, value in labels.items()))] += 1

    def gauge(self, name: str, value: float, /, **labels: str) -> None:
        self.gauges[name] = value

    def observe(self, name: str, seconds: float, /, **labels: str) -> None:
        self.observed[name] += 1


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Listen on a free port and let `talk` have each connection in a thread; yields the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    stopping = threading.Event()
    threads: list[threading.Thread] = []

    def serve_one(connection: socket.socket) -> None:
        with connection:
            connection.settimeout(5)
            try:
                talk(connection)
            except OSError:
                return

    def listen() -> None:
        while not stopping.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            threads.append(threading.Thread(target=serve_one, args=(connection,), daemon=True))
            threads[-1].start()

    acceptor = threading.Thread(target=listen, daemon=True)
    acceptor.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stopping.set()
        acceptor.join()
        listener.close()
        for thread in threads:
            thread.join(6)


def whole_request(connection: socket.socket) -> bytes:
    """One request, head and body: who hangs up before reading all of it resets the caller."""
    heard = b""
    while b"\r\n\r\n" not in heard:
        heard += _more(connection)
    head, _, body = heard.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: *([0-9]+)", head.lower())
    while length and len(body) < int(length[1]):
        body += _more(connection)
    return head + b"\r\n\r\n" + body


def stay_silent(connection: socket.socket) -> None:
    """Say nothing until the caller goes away, at most 5 s."""
    while connection.recv(65536):
        continue


def _more(connection: socket.socket) -> bytes:
    chunk = connection.recv(65536)
    if not chunk:
        raise ConnectionError("the caller has gone")
    return chunk


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
