"""One HTTP exchange with an outside party that ends in time and at a size, whatever it does.

httpx bounds each read, so that an answer which drips one byte a second never ends; here every
read, write and handshake gets only what is left of the whole. Nothing is kept between exchanges
but idle connections: no cookies, no redirects, no proxy from the environment, no decompression.
"""

import ssl
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import httpcore
from typing_extensions import override

from idp.ports.clock import Clock

BODY_LIMIT: Final = 64 * 1024
CONNECT_SECONDS: Final = 2.0
#: How many addresses of one name are tried.
ADDRESSES_MAX: Final = 3

_IDLE_SECONDS: Final = 4.0
_ends_at: ContextVar[float] = ContextVar("ends_at")


class ExchangeError(Exception):
    """No usable answer. `reason`: stable word for logs and metrics."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotSentError(ExchangeError):
    """The request never left: `unreachable`, `timeout`, `certificate`, `tls`, `busy`."""


class NoAnswerError(ExchangeError):
    """The request may have been taken: `timeout`, `reset`, `protocol`."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. `body` is complete unless `is_cut`: then it was longer than the limit."""

    status: int
    content_type: str
    body: bytes
    is_cut: bool = False


class OutboundHttp:
    """Connections to one outside party, safe for threads.

    `seconds`: for a whole exchange, `connect_seconds` of it for TCP and again for TLS.
    `connections`: at once; one more is refused as `busy`, after `wait_seconds`. `tls`: whom to
    trust; the system's roots where it is `None`. `addresses_of`: where a host and port are, within
    so many seconds; the system's own resolver where it is `None`.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        seconds: float,
        connections: int,
        connect_seconds: float = CONNECT_SECONDS,
        body_limit: int = BODY_LIMIT,
        wait_seconds: float = 0,
        idle_seconds: float = _IDLE_SECONDS,
        tls: ssl.SSLContext | None = None,
        addresses_of: "AddressesOf | None" = None,
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._body_limit = body_limit
        self._timeouts = {"connect": connect_seconds, "read": seconds, "write": seconds}
        self._timeouts["pool"] = wait_seconds
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls or _system_roots(),
            max_connections=connections,
            keepalive_expiry=idle_seconds,
            max_keepalive_connections=connections if idle_seconds else 0,
            network_backend=_Backend(clock, addresses_of),
        )
        # whoever forgets to close leaves no open sockets behind
        weakref.finalize(self, self._pool.close)

    def post(self, url: str, content: bytes, *, headers: Mapping[str, str]) -> Reply:
        """Send one request and return the answer; raises `NotSentError` or `NoAnswerError`."""
        return self.exchange("POST", url, content, headers=headers)

    def exchange(
        self,
        method: str,
        url: str,
        content: bytes | None = None,
        *,
        headers: Mapping[str, str],
        body_limit: int | None = None,
    ) -> Reply:
        """Send one request and return the answer; raises `NotSentError` or `NoAnswerError`.

        `body_limit`: in bytes, where it is another than this party's.
        """
        token = _ends_at.set(self._clock.monotonic() + self._seconds)
        try:
            with (
                _told(),
                self._pool.stream(
                    method,
                    url,
                    headers=[("Accept-Encoding", "identity"), *headers.items()],
                    content=content,
                    extensions={"timeout": self._timeouts},
                ) as answer,
            ):
                return _read(answer, body_limit or self._body_limit)
        finally:
            _ends_at.reset(token)

    def close(self) -> None:
        """Close idle connections."""
        self._pool.close()


def _read(answer: httpcore.Response, limit: int) -> Reply:
    body = bytearray()
    for chunk in answer.iter_stream():
        body += chunk
        if len(body) > limit:
            break
    return Reply(
        answer.status,
        _content_type(answer.headers),
        bytes(body[:limit]),
        is_cut=len(body) > limit,
    )


@cache
def _system_roots() -> ssl.SSLContext:
    return ssl.create_default_context()


def _content_type(headers: Iterable[tuple[bytes, bytes]]) -> str:
    found = (value for name, value in headers if name.lower() == b"content-type")
    return next(found, b"").decode("latin-1")


@contextmanager
def _told() -> Iterator[None]:
    """Say in two words what the library says in thirteen."""
    try:
        yield
    except httpcore.PoolTimeout as error:
        raise NotSentError("busy") from error
    except httpcore.ConnectTimeout as error:
        raise NotSentError("timeout") from error
    except (httpcore.ConnectError, httpcore.UnsupportedProtocol) as error:
        raise NotSentError(_why_unconnected(error)) from error
    except httpcore.TimeoutException as error:
        raise NoAnswerError("timeout") from error
    except httpcore.NetworkError as error:
        raise NoAnswerError("reset") from error
    except (httpcore.ProtocolError, httpcore.ProxyError) as error:
        raise NoAnswerError("protocol") from error


def _why_unconnected(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "certificate"
        if isinstance(cause, ssl.SSLError):
            return "tls"
        cause = cause.__cause__ or cause.__context__
    return "unreachable"


AddressesOf = Callable[[str, int, float], Sequence[str]]


class _Backend(httpcore.NetworkBackend):
    """httpcore's own network, each wait cut to what is left of the exchange.

    The name is resolved once: the socket goes to one of the addresses that were found then.
    """

    def __init__(self, clock: Clock, addresses_of: AddressesOf | None) -> None:
        self._clock = clock
        self._addresses_of = addresses_of
        self._network = httpcore.SyncBackend()

    @override
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses: Sequence[str] = (host,)
        if self._addresses_of is not None:
            left = _left(self._clock, None, httpcore.ConnectTimeout)
            addresses = self._addresses_of(host, port, left)
        failure: Exception = httpcore.ConnectError("no address")
        for address in addresses[:ADDRESSES_MAX]:
            left = _left(self._clock, timeout, httpcore.ConnectTimeout)
            try:
                found = self._network.connect_tcp(
                    address, port, left, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _Stream(found, self._clock)
        raise failure


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock

    @override
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._clock, timeout, httpcore.ReadTimeout))

    @override
    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._clock, timeout, httpcore.WriteTimeout))

    @override
    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(self._clock, timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._clock)

    @override
    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    @override
    def close(self) -> None:
        self._stream.close()


def _left(clock: Clock, timeout: float | None, too_late: type[Exception]) -> float:
    left = _ends_at.get() - clock.monotonic()
    if left <= 0:
        raise too_late
    return left if timeout is None else min(timeout, left)
