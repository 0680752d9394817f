"""The guarded way out to addresses that clients chose (`security.md` SS-1, KM-4)."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from adapters.documents import (
    AT_ONCE_MAX,
    KEEP_STALE_SECONDS,
    GuardedFetcher,
    is_public,
    resolve_name,
)
from adapters.system import SystemClock
from idp.ports.documents import FetchFailed
from tests.outside_world import (
    RecordedMetrics,
    SteppedClock,
    free_port,
    raw_server,
    stay_silent,
    whole_request,
)
from tests.racing import at_once

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


@dataclass
class Canary:
    """A server that must not hear anything."""

    port: int = 0
    heard: list[bytes] = field(default_factory=list)


@pytest.fixture
def canary() -> Iterator[Canary]:
    told = Canary()

    def talk(connection: socket.socket) -> None:
        # whoever connects has been heard, whatever it says
        told.heard.append(b"")
        whole_request(connection)
        connection.sendall(OK)

    with raw_server(talk) as port:
        told.port = port
        yield told


def a_fetcher(**given: Any) -> GuardedFetcher:
    told: dict[str, Any] = {
        "private_hosts": frozenset(),
        "ca_file": None,
        "clock": SystemClock(),
        "metrics": RecordedMetrics(),
        "resolve": resolve_name,
        **given,
    }
    return GuardedFetcher(**told)


def allowed(port: int, **given: Any) -> GuardedFetcher:
    """Return a fetcher that may ask a server of this test."""
    return a_fetcher(private_hosts=frozenset({f"127.0.0.1:{port}"}), **given)


def reason(call: Callable[[], object]) -> str:
    with pytest.raises(FetchFailed) as caught:
        call()
    return caught.value.reason


# --- addresses

NEVER = [
    "0.0.0.0",  # noqa: S104 - nobody binds to it here
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%lo",
    "2606:4700::1%eth0",
    "fec0::1",
    "ff02::1",
    "localhost",
    "",
    "1",
    "127.1",
    "0x7f.0.0.1",
    "017700000001",
]


def test_ss_1_only_addresses_out_in_the_world_are_asked() -> None:
    assert [address for address in NEVER if is_public(address)] == []
    for address in ("8.8.8.8", "202.89.117.1", "2606:4700:4700::1111", "2400:cb00::1"):
        assert is_public(address), address


#: Every way of writing "this machine" that a resolver or a URL parser may fall for.
SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "127.000.000.001",
    "0",
    "0.0.0.0",  # noqa: S104 - nobody binds to it here
    "localhost",
    "LOCALHOST",
    "localhost.",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "[fe80::1%25lo]",
    "evil.example@127.0.0.1",
    "user:word@localhost",
    "127.0.0.1%00.example",
    "①②⑦.⓪.⓪.①",
]


@pytest.mark.parametrize("host", SPELLINGS)
def test_ss_1_no_spelling_of_this_machine_is_asked(canary: Canary, host: str) -> None:
    """Even where the port is one that others may have."""
    fetcher = a_fetcher(ports=frozenset({443, canary.port}))
    for scheme in ("https", "http", "HTTPS"):
        url = f"{scheme}://{host}:{canary.port}/x"
        assert reason(lambda url=url: fetcher.fetch_anew(url, kind="t")) in {"address", "name"}
    assert canary.heard == []


@pytest.mark.parametrize(
    "url",
    [
        "http://8.8.8.8/",
        "https://8.8.8.8:8443/",
        "https://8.8.8.8:22/",
        "https://8.8.8.8:99999/",
        "https://8.8.8.8:x/",
        "ftp://8.8.8.8/",
        "file:///etc/passwd",
        "gopher://8.8.8.8:443/",
        "https:///x",
        "https://",
        "//8.8.8.8/",
        "8.8.8.8",
        "",
        "https://a..example/",
        f"https://{'a' * 64}.example/",
        "https://[::1/",
        "https://\u0430.example/\u0430",
    ],
)
def test_ss_1_only_https_on_its_own_port_is_asked(url: str) -> None:
    def resolve(host: str, port: int) -> Sequence[str]:
        # whatever gets as far as a name is told an address that must not be asked
        return ("127.0.0.1",)

    fetcher = a_fetcher(resolve=resolve)

    assert reason(lambda: fetcher.fetch_anew(url, kind="t")) in {"address", "name"}


@pytest.mark.parametrize(
    "url",
    [
        "http://portal.example/",
        "https://portal.example:8443/",
        "https://portal.example:22/",
        "https://portal.example:80/",
        "gopher://portal.example:443/",
    ],
)
def test_ss_1_another_scheme_or_port_is_refused_before_its_name_is_looked_up(url: str) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ()

    fetcher = a_fetcher(resolve=resolve, ports=frozenset({443}))

    assert reason(lambda: fetcher.fetch_anew(url, kind="t")) == "address"
    assert asked == []


def test_ss_1_one_private_address_among_others_is_enough_to_refuse(canary: Canary) -> None:
    fetcher = a_fetcher(
        resolve=lambda host, port: ("8.8.8.8", "127.0.0.1"), ports=frozenset({canary.port})
    )

    url = f"https://portal.example:{canary.port}/"
    assert reason(lambda: fetcher.fetch_anew(url, kind="t")) == "address"
    assert canary.heard == []


def test_ss_1_a_name_that_changes_between_check_and_connection_gains_nothing(
    canary: Canary,
) -> None:
    """A rebinding resolver: asked once, and the socket goes where the check looked."""
    asked = []

    def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        # TEST-NET-2 as if it were the world: nothing answers there
        return ("192.0.2.1",) if len(asked) == 1 else ("127.0.0.1",)

    fetcher = a_fetcher(resolve=resolve, ports=frozenset({canary.port}), seconds=0.2)
    url = f"https://portal.example:{canary.port}/"
    assert reason(lambda: fetcher.fetch_anew(url, kind="t")) == "address"
    assert asked == ["portal.example"]
    for _ in range(3):
        assert reason(lambda: fetcher.fetch_anew(url, kind="t")) == "address"
    assert canary.heard == []


def test_ss_1_the_socket_goes_to_the_address_that_was_checked(canary: Canary) -> None:
    """The allowed name has no other meaning on this machine: nobody resolves it again."""
    fetcher = a_fetcher(
        private_hosts=frozenset({f"portal.invalid:{canary.port}"}),
        resolve=lambda host, port: ("127.0.0.1",),
    )

    assert fetcher.fetch_anew(f"http://portal.invalid:{canary.port}/x", kind="t") == b"{}"


def test_an_address_that_does_not_answer_is_followed_by_the_next(canary: Canary) -> None:
    dead = "127.0.0.2"
    fetcher = a_fetcher(
        private_hosts=frozenset({f"portal.invalid:{canary.port}"}),
        resolve=lambda host, port: (dead, "127.0.0.1"),
    )

    assert fetcher.fetch_anew(f"http://portal.invalid:{canary.port}/x", kind="t") == b"{}"


def test_the_request_names_the_host_as_it_was_written(canary: Canary) -> None:
    told: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        told.append(whole_request(connection))
        connection.sendall(OK)

    with raw_server(talk) as port:
        fetcher = a_fetcher(private_hosts=frozenset({f"portal.example:{port}"}), resolve=_here)
        fetcher.fetch_anew(f"http://Portal.example:{port}/a/b?c=d&e#f", kind="t")

    assert told[0].startswith(b"GET /a/b?c=d&e HTTP/1.1\r\n")
    assert f"host: portal.example:{port}".encode() in told[0].lower()
    assert b"cookie" not in told[0].lower()


def _here(host: str, port: int) -> Sequence[str]:
    return ("127.0.0.1",)


def test_what_may_be_asked_is_named_with_its_port(canary: Canary) -> None:
    other = allowed(canary.port + 1)

    url = f"http://127.0.0.1:{canary.port}/"
    assert reason(lambda: other.fetch_anew(url, kind="t")) == "address"
    assert canary.heard == []


# --- time and size


def within(seconds: float, talk: Callable[[socket.socket], None]) -> tuple[str, float]:
    """Return why a fetch of at most so many seconds failed, and how long it took."""
    with raw_server(talk) as port:
        fetcher = allowed(port, seconds=seconds)
        began = time.monotonic()
        why = reason(lambda: fetcher.fetch_anew(f"http://127.0.0.1:{port}/", kind="t"))
        return why, time.monotonic() - began


def drip(head: bytes) -> Callable[[socket.socket], None]:
    """Return what says its head, then one byte at a time without end."""

    def talk(connection: socket.socket) -> None:
        whole_request(connection)
        connection.sendall(head)
        while True:
            connection.sendall(b"x")
            time.sleep(0.02)

    return talk


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"HTTP/1.1 ",
        b"HTTP/1.1 200 OK\r\nX-Long: ",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n",
    ],
)
def test_ss_1_an_answer_that_drips_is_left_in_time(head: bytes) -> None:
    why, took = within(0.3, drip(head))

    assert why == "timeout"
    assert took < 1.5


def test_ss_1_silence_is_left_in_time() -> None:
    why, took = within(0.3, stay_silent)

    assert why == "timeout"
    assert took < 1.5


def test_ss_1_a_resolver_that_hangs_is_left_in_time() -> None:
    done = threading.Event()

    def resolve(host: str, port: int) -> Sequence[str]:
        done.wait(5)
        return ("8.8.8.8",)

    fetcher = a_fetcher(resolve=resolve, seconds=0.2)
    began = time.monotonic()
    assert reason(lambda: fetcher.fetch_anew("https://portal.example/", kind="t")) == "timeout"
    assert time.monotonic() - began < 1.5
    done.set()


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n\r\n",
    ],
)
def test_ss_1_an_endless_body_is_left_at_its_limit(head: bytes) -> None:
    sent = []

    def talk(connection: socket.socket) -> None:
        whole_request(connection)
        connection.sendall(head)
        while len(sent) < 10_000:
            connection.sendall(b" " * 8192)
            sent.append(8192)

    why, _ = within(3, talk)

    assert why == "size"
    assert sum(sent) < 16 * 2**20


def test_ss_1_endless_headers_are_left() -> None:
    def talk(connection: socket.socket) -> None:
        whole_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for number in range(100_000):
            connection.sendall(b"X-%d: %s\r\n" % (number, b"y" * 100))

    assert within(3, talk)[0] in {"protocol", "reset"}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_ss_1_a_redirect_is_not_followed(canary: Canary, status: int) -> None:
    def talk(connection: socket.socket) -> None:
        whole_request(connection)
        connection.sendall(
            f"HTTP/1.1 {status} Found\r\nLocation: http://127.0.0.1:{canary.port}/\r\n"
            "Content-Length: 0\r\n\r\n".encode()
        )

    assert within(3, talk)[0] == "status"
    assert canary.heard == []


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00\x01\x02\r\n\r\n",
        b"HTTP/1.1 200\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ],
)
def test_ss_1_rubbish_is_an_answer_that_can_not_be_had(answer: bytes) -> None:
    def talk(connection: socket.socket) -> None:
        whole_request(connection)
        connection.sendall(answer)

    assert within(3, talk)[0] in {"protocol", "reset"}


def test_nobody_at_home_is_told() -> None:
    port = free_port()

    why = reason(lambda: allowed(port).fetch_anew(f"http://127.0.0.1:{port}/", kind="t"))

    assert why == "unreachable"


def test_ss_1_ten_are_asked_at_once() -> None:
    gate = threading.Event()
    waiting = threading.Semaphore(0)

    def talk(connection: socket.socket) -> None:
        whole_request(connection)
        waiting.release()
        gate.wait(5)
        connection.sendall(OK)

    with raw_server(talk) as port:
        fetcher = allowed(port, seconds=0.6)
        threads = [
            threading.Thread(target=_quietly, args=(fetcher, port)) for _ in range(AT_ONCE_MAX)
        ]
        for thread in threads:
            thread.start()
        for _ in threads:
            assert waiting.acquire(timeout=5)
        why = reason(lambda: fetcher.fetch_anew(f"http://127.0.0.1:{port}/", kind="t"))
        gate.set()
        for thread in threads:
            thread.join()

    assert why == "busy"


def _quietly(fetcher: GuardedFetcher, port: int) -> None:
    try:
        fetcher.fetch_anew(f"http://127.0.0.1:{port}/", kind="t")
    except FetchFailed:
        return


def test_pictures_may_be_larger() -> None:
    body = b"x" * 200_000

    def talk(connection: socket.socket) -> None:
        whole_request(connection)
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)

    with raw_server(talk) as port:
        url = f"http://127.0.0.1:{port}/"
        assert allowed(port).fetch_anew(url, kind="logo") == body
        assert reason(lambda: allowed(port).fetch_anew(url, kind="jwks")) == "size"


# --- KM-4: what is kept


@dataclass
class Publisher:
    """Answers with `body` and `status`, and counts."""

    port: int = 0
    body: bytes = b"{}"
    status: int = 200
    asked: int = 0


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    told = Publisher()

    def talk(connection: socket.socket) -> None:
        whole_request(connection)
        told.asked += 1
        head = f"HTTP/1.1 {told.status} X\r\nContent-Length: {len(told.body)}\r\n\r\n"
        connection.sendall(head.encode() + told.body)

    with raw_server(talk) as port:
        told.port = port
        yield told


@dataclass
class Reader:
    fetcher: GuardedFetcher
    url: str
    name: str = "portal"

    def read(self, *, fresh: bool = False) -> bytes:
        return self.fetcher.fetch(
            self.url,
            kind="jwks",
            reader=self.name,
            is_good=lambda body: body != b"<html>",
            fresh=fresh,
        )


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def reader(publisher: Publisher, clock: SteppedClock) -> Reader:
    fetcher = allowed(publisher.port, clock=clock)
    return Reader(fetcher, f"http://127.0.0.1:{publisher.port}/jwks")


def test_km_4_a_document_is_kept_for_a_quarter_of_an_hour(
    reader: Reader, publisher: Publisher, clock: SteppedClock
) -> None:
    for seconds in (0, 1, 898):
        clock.advance(seconds)
        reader.read()
    assert publisher.asked == 1
    clock.advance(1)
    reader.read()
    assert publisher.asked == 2


def test_km_4_a_fresh_one_is_asked_for_at_once(reader: Reader, publisher: Publisher) -> None:
    """A client that has just changed its keys uses them in the next moment."""
    assert reader.read() == b"{}"
    publisher.body = b'{"keys":[]}'

    assert reader.read() == b"{}"
    assert reader.read(fresh=True) == b'{"keys":[]}'


def test_km_4_a_flood_of_unknown_names_asks_once_a_minute(
    reader: Reader, publisher: Publisher, clock: SteppedClock
) -> None:
    reader.read()
    for _ in range(9):
        reader.read(fresh=True)
    assert publisher.asked == 2
    for asked in (3, 4, 5):
        clock.advance(60)
        for _ in range(9):
            reader.read(fresh=True)
        assert publisher.asked == asked
    clock.advance(3600)
    for _ in range(9):
        reader.read(fresh=True)
    assert publisher.asked == 6


def test_km_4_a_server_that_never_answered_is_asked_once_a_minute(
    reader: Reader, publisher: Publisher, clock: SteppedClock
) -> None:
    publisher.status = 503
    for _ in range(5):
        assert reason(reader.read) in {"status", "recent"}
        assert reason(lambda: reader.read(fresh=True)) == "recent"
    assert publisher.asked == 1
    clock.advance(60)
    publisher.status = 200
    assert reader.read() == b"{}"


@pytest.mark.parametrize("bend", [{"status": 503}, {"body": b"<html>"}, {"status": 302}])
def test_km_4_what_is_kept_stands_for_a_day_while_the_server_is_down(
    reader: Reader, publisher: Publisher, clock: SteppedClock, bend: dict[str, Any]
) -> None:
    """An error page with a good status is no better than an error."""
    publisher.body = b'{"keys":[]}'
    assert reader.read() == b'{"keys":[]}'
    for name, value in bend.items():
        setattr(publisher, name, value)
    for _ in range(4):
        clock.advance(KEEP_STALE_SECONDS / 4 - 1)
        assert reader.read() == b'{"keys":[]}'
    clock.advance(60)

    assert reason(reader.read) in {"status", "content"}


def test_km_4_what_one_client_published_is_not_what_another_does(
    reader: Reader, publisher: Publisher
) -> None:
    """A client that is registered again at the same address has its new keys at once."""
    assert reader.read() == b"{}"
    publisher.body = b'{"keys":[]}'

    other = Reader(reader.fetcher, reader.url, "another")

    assert (reader.read(), other.read()) == (b"{}", b'{"keys":[]}')


def test_km_4_many_first_readers_wait_for_one_question(
    reader: Reader, publisher: Publisher
) -> None:
    assert at_once([reader.read] * 8) == [b"{}"] * 8
    assert publisher.asked == 1


def test_what_is_fetched_anew_is_never_kept(publisher: Publisher) -> None:
    fetcher = allowed(publisher.port)
    url = f"http://127.0.0.1:{publisher.port}/"
    for body in (b"one", b"two"):
        publisher.body = body
        assert fetcher.fetch_anew(url, kind="sector_identifier") == body


def test_every_fetch_is_counted_with_its_end(publisher: Publisher) -> None:
    metrics = RecordedMetrics()
    fetcher = allowed(publisher.port, metrics=metrics)
    fetcher.fetch_anew(f"http://127.0.0.1:{publisher.port}/", kind="logo")
    reason(lambda: fetcher.fetch_anew("https://127.0.0.1/", kind="logo"))

    assert metrics.counts["fetches", ("kind", "logo"), ("outcome", "done")] == 1
    assert metrics.counts["fetches", ("kind", "logo"), ("outcome", "address")] == 1


# --- sending


def test_ss_1_what_is_sent_goes_by_the_same_way(canary: Canary) -> None:
    for host in ("127.0.0.1", "localhost", "[::1]"):
        fetcher = a_fetcher(ports=frozenset({canary.port}))
        url = f"https://{host}:{canary.port}/"

        def send(url: str = url, fetcher: GuardedFetcher = fetcher) -> int:
            return fetcher.post(url, b"x", content_type="text/plain", kind="logout")

        assert reason(send) == "address"
    assert canary.heard == []


def test_a_post_carries_its_body_and_its_token() -> None:
    told: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        told.append(whole_request(connection))
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with raw_server(talk) as port:
        status = allowed(port).post(
            f"http://127.0.0.1:{port}/ping",
            b'{"a":1}',
            content_type="application/json",
            kind="ping",
            bearer="t",
        )

    assert status == 204
    assert told[0].startswith(b"POST /ping HTTP/1.1\r\n")
    assert b"authorization: bearer t\r\n" in told[0].lower()
    assert told[0].endswith(b'{"a":1}')
