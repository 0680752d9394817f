"""The one way out to addresses that clients chose: guarded, small, short, kept a while.

The name is resolved once, every address is checked, and the socket goes to a checked address, so a
name that changes between check and connection gains nothing. No redirects.
"""

import socket
import ssl
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from pathlib import Path
from threading import Lock, Thread
from typing import Final
from urllib.parse import SplitResult, urlsplit

from adapters.outbound import ExchangeError, OutboundHttp, Reply
from idp.ports.clock import Clock
from idp.ports.documents import FetchFailed
from idp.ports.metrics import Metrics

#: For a whole exchange, the name's resolution included.
TIMEOUT_SECONDS: Final = 3.0
SIZE_MAX: Final = 65536
#: Pictures are larger than what is read as text.
SIZES: Final[Mapping[str, int]] = {"logo": 1024 * 1024}
AT_ONCE_MAX: Final = 10
#: How long a document is used without asking again, and how long while its server is down.
KEEP_SECONDS: Final = 900
KEEP_STALE_SECONDS: Final = 86400
#: A document is asked for anew at most this often. The first time that a fresh one is needed does
#: not wait: a client that changes its keys uses them in the next moment.
REFRESH_SECONDS: Final = 60
_KEPT_MAX: Final = 1000
PORTS: Final = frozenset({443})
_ACCEPTED: Final = {"logo": "image/png, image/jpeg, image/webp, image/gif"}
_ACCEPT: Final = "application/json, application/jwt, */*;q=0.1"

Resolve = Callable[[str, int], Sequence[str]]


@dataclass(slots=True)
class _Kept:
    """One document. `at`, `asked_at`: the clock's; one caller at a time asks for it.

    `freshened_at`: when somebody last needed a fresh one and had it asked for.
    """

    body: bytes | None = None
    at: float = 0.0
    asked_at: float = -1e9
    freshened_at: float = -1e9
    lock: Lock = field(default_factory=Lock)

    def usable(self, now: float) -> bytes | None:
        """Return the body unless it is a day old."""
        return self.body if now - self.at < KEEP_STALE_SECONDS else None

    def spend(self, now: float) -> bool:
        """Return whether a fresh one may be asked for now, and count that it is."""
        if now - self.freshened_at < REFRESH_SECONDS:
            return False
        self.freshened_at = now
        return True


class GuardedFetcher:
    """Implements `idp.ports.documents.DocumentFetcher`.

    `private_hosts`: `host:port` that may be reached, also by http, in spite of being private.
    `ca_file`: further roots to trust. `resolve`: host and port to addresses. `ports`: those of all
    others. `seconds`: for a whole exchange.
    """

    def __init__(
        self,
        *,
        private_hosts: frozenset[str],
        ca_file: Path | None,
        clock: Clock,
        metrics: Metrics,
        resolve: Resolve,
        ports: frozenset[int] = PORTS,
        seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._private_hosts = private_hosts
        self._clock = clock
        self._metrics = metrics
        self._resolve = resolve
        self._ports = ports
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
        self._lock = Lock()
        self._outbound = OutboundHttp(
            clock,
            seconds=seconds,
            connections=AT_ONCE_MAX,
            connect_seconds=seconds,
            wait_seconds=seconds / 3,
            idle_seconds=0,
            tls=_trusted(ca_file),
            addresses_of=self._checked_addresses,
        )

    def fetch(
        self,
        url: str,
        *,
        kind: str,
        reader: str,
        is_good: Callable[[bytes], bool],
        fresh: bool = False,
    ) -> bytes:
        kept = self._entry(reader, url)
        before = kept.asked_at
        known = kept.usable(self._clock.monotonic())
        # whoever has something to go on with does not wait for another's question
        if not kept.lock.acquire(blocking=fresh or known is None):
            return known or b""
        try:
            # what another asked for meanwhile is fresh enough
            return self._fetch(kept, url, kind, is_good, fresh=fresh and kept.asked_at == before)
        finally:
            kept.lock.release()

    def _fetch(
        self, kept: _Kept, url: str, kind: str, is_good: Callable[[bytes], bool], *, fresh: bool
    ) -> bytes:
        now = self._clock.monotonic()
        known = kept.usable(now)
        if known is not None and not fresh and now - kept.at < KEEP_SECONDS:
            return known
        # a server that did not answer a moment ago is left in peace
        is_answering = kept.body is not None and kept.at == kept.asked_at
        is_spared = fresh and is_answering and kept.spend(now)
        try:
            self._renew(kept, url, kind, is_good, now, is_spared=is_spared)
        except FetchFailed:
            if known is None:
                raise
            return known
        return kept.body or b""

    def _renew(
        self,
        kept: _Kept,
        url: str,
        kind: str,
        is_good: Callable[[bytes], bool],
        now: float,
        *,
        is_spared: bool,
    ) -> None:
        if not is_spared and now - kept.asked_at < REFRESH_SECONDS:
            raise FetchFailed("recent")
        kept.asked_at = now
        body = self._get(url, kind)
        if not is_good(body):
            raise FetchFailed("content")
        kept.body, kept.at = body, now

    def _entry(self, reader: str, url: str) -> _Kept:
        with self._lock:
            kept = self._kept.setdefault((reader, url), _Kept())
            self._kept.move_to_end((reader, url))
            while len(self._kept) > _KEPT_MAX:
                self._kept.popitem(last=False)
        return kept

    def fetch_anew(self, url: str, *, kind: str) -> bytes:
        return self._get(url, kind)

    def _get(self, url: str, kind: str) -> bytes:
        reply = self._call("GET", url, None, {"Accept": _ACCEPTED.get(kind, _ACCEPT)}, kind)
        if reply.status != 200:
            raise FetchFailed("status")
        if reply.is_cut:
            raise FetchFailed("size")
        return reply.body

    def post(self, url: str, body: bytes, *, content_type: str, kind: str, bearer: str = "") -> int:
        headers = {"Content-Type": content_type}
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        return self._call("POST", url, body, headers, kind).status

    def _call(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], kind: str
    ) -> Reply:
        began = self._clock.monotonic()
        outcome = "done"
        try:
            address = self._checked_url(url)
            sent = {"Host": address.netloc, **headers}
            limit = SIZES.get(kind, SIZE_MAX)
            return self._outbound.exchange(
                method, address.geturl(), body, headers=sent, body_limit=limit
            )
        except FetchFailed as failure:
            outcome = failure.reason
            raise
        except ExchangeError as error:
            outcome = error.reason
            raise FetchFailed(error.reason) from error
        except ValueError as error:
            # a host that no name can be, which no library says in a class of its own
            outcome = "name"
            raise FetchFailed("name") from error
        finally:
            self._metrics.count("fetches", kind=kind, outcome=outcome)
            self._metrics.observe("fetch", self._clock.monotonic() - began, kind=kind)

    def _checked_url(self, url: str) -> SplitResult:
        """Return the parts of an address that may be asked, as far as it can be told by itself."""
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
        if not url.isascii() or not parts.hostname or "@" in parts.netloc or not port:
            raise FetchFailed("address")
        is_private = f"{parts.hostname}:{port}" in self._private_hosts
        if not is_private and (parts.scheme != "https" or port not in self._ports):
            raise FetchFailed("address")
        return parts._replace(path=parts.path or "/", fragment="")

    def _checked_addresses(self, host: str, port: int, seconds: float) -> Sequence[str]:
        """Return where a host is; refuses unless every address of it may be asked."""
        addresses = self._resolved(host, port, seconds)
        if not addresses:
            raise FetchFailed("name")
        is_private = f"{host}:{port}" in self._private_hosts
        if not is_private and not all(is_public(address) for address in addresses):
            raise FetchFailed("address")
        return addresses

    def _resolved(self, host: str, port: int, seconds: float) -> Sequence[str]:
        """Return the addresses of a host; a resolver that hangs is left behind in time."""
        found: list[Sequence[str] | FetchFailed] = []

        def ask() -> None:
            try:
                found.append(self._resolve(host, port))
            except FetchFailed as failure:
                found.append(failure)

        asking = Thread(target=ask, name="resolve", daemon=True)
        asking.start()
        asking.join(seconds)
        if not found:
            raise FetchFailed("timeout")
        if isinstance(found[0], FetchFailed):
            raise found[0]
        return found[0]


_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@cache
def _trusted(ca_file: Path | None) -> ssl.SSLContext:
    """Return what to trust; reading the system's roots takes 20 ms."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


def resolve_name(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host by the system's resolver; raises `FetchFailed`."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchFailed("name") from error
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


#: Where the world is in IPv6, and what of it stands for an IPv4 address or for nothing.
_WORLD: Final = IPv6Network("2000::/3")
_NOT_WORLD: Final = (
    IPv6Network("2001::/23"),
    IPv6Network("2001:db8::/32"),
    IPv6Network("2002::/16"),
    IPv6Network("3fff::/20"),
)


def is_public(address: str) -> bool:
    """Return whether an address is out in the world.

    Nothing loopback, private, link-local, shared, multicast or reserved, nor an IPv6 form of an
    IPv4 address, whichever that is.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved
    return _is_public_ipv6(parsed)


def _is_public_ipv6(address: IPv6Address) -> bool:
    if address.scope_id is not None or address not in _WORLD:
        return False
    return address.is_global and not any(address in network for network in _NOT_WORLD)
