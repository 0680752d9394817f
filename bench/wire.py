"""HTTP/1.1 over one kept-alive socket: as lean as a load generator needs it, loopback only."""

import socket
from dataclasses import dataclass, field
from typing import Final

_CHUNK: Final = 65536
_TIMEOUT_SECONDS: Final = 20.0
_WITHOUT_BODY: Final = frozenset({204, 304})


class PeerFailed(Exception):  # noqa: N818 - named for what happened
    """A server answered what no client of it could work with, or not at all."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers`: lower-case name to values, in order of arrival."""

    status: int
    headers: dict[str, list[str]]
    body: bytes

    def header(self, name: str) -> str:
        """Return the first value of a header, empty if there is none."""
        return self.headers.get(name, [""])[0]


@dataclass(slots=True)
class Connection:
    """One connection to a server on this machine; opened when first used, and again when closed."""

    port: int
    requests: int = 0
    _socket: socket.socket | None = field(default=None, repr=False)
    _kept: bytes = b""

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> Answer:
        """Send a request and return its answer.

        A server may close a connection that it kept alive; then, and only then, the request is
        sent again.
        """
        lines = [f"{method} {path} HTTP/1.1", f"Host: localhost:{self.port}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if method == "POST":
            lines.append(f"Content-Length: {len(body)}")
        message = "\r\n".join([*lines, "", ""]).encode("latin-1") + body
        self.requests += 1
        if self._socket is not None:
            try:
                return self._exchange(self._socket, message)
            except (ConnectionResetError, BrokenPipeError, EOFError):
                self.close()
        try:
            return self._exchange(self._open(), message)
        except EOFError as error:
            raise PeerFailed(f"{method} {path.partition('?')[0]}: closed without answer") from error

    def close(self) -> None:
        """End the connection; the next request opens another."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._kept = None, b""

    def _open(self) -> socket.socket:
        self._socket = socket.create_connection(("127.0.0.1", self.port), _TIMEOUT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _exchange(self, to: socket.socket, message: bytes) -> Answer:
        to.sendall(message)
        head = self._until(to, b"\r\n\r\n").decode("latin-1")
        first, *lines = head.split("\r\n")
        headers: dict[str, list[str]] = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers.setdefault(name.lower(), []).append(value.strip())
        status = int(first.split(" ", 2)[1])
        answer = Answer(status, headers, self._body(to, status, headers))
        if answer.header("connection").lower() == "close":
            self.close()
        return answer

    def _body(self, to: socket.socket, status: int, headers: dict[str, list[str]]) -> bytes:
        if status in _WITHOUT_BODY:
            return b""
        if "content-length" in headers:
            return self._exactly(to, int(headers["content-length"][0]))
        if headers.get("transfer-encoding") != ["chunked"]:
            return b""
        parts = []
        while size := int(self._until(to, b"\r\n").partition(b";")[0], 16):
            parts.append(self._exactly(to, size))
            self._until(to, b"\r\n")
        self._until(to, b"\r\n")
        return b"".join(parts)

    def _until(self, to: socket.socket, mark: bytes) -> bytes:
        while (end := self._kept.find(mark)) < 0:
            self._more(to)
        found, self._kept = self._kept[:end], self._kept[end + len(mark) :]
        return found

    def _exactly(self, to: socket.socket, count: int) -> bytes:
        while len(self._kept) < count:
            self._more(to)
        found, self._kept = self._kept[:count], self._kept[count:]
        return found

    def _more(self, to: socket.socket) -> None:
        received = to.recv(_CHUNK)
        if not received:
            raise EOFError
        self._kept += received
