r"""Portals that cannot export their hashes: they are asked whether a password is right.

`POST` of `{"source_id", "password", "nonce", "at"}` by https, signed with a key of that portal:
`Siapkerja-Signature: v1=<hex of HMAC-SHA-256 over "request\\n" and the body>`. The answer is
`{"verified": …, "nonce": …, "signature": …}`, signed over "answer", the nonce and the word, so that
nobody between us and the portal can let somebody in.

A portal is asked in a thread of its own: whoever signs in waits for it no longer than for any other
failure, and what comes later is told to whoever wants to hear it.
"""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from pathlib import Path
from threading import BoundedSemaphore, Event, Lock
from typing import Any, Final
from urllib.parse import urlsplit

from adapters.circuit import Admission, Circuit
from adapters.outbound import ExchangeError, OutboundHttp
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.errors import GatewayUnavailable
from idp.ports.metrics import Metrics

CALL_SECONDS: Final = 3.0
#: To one portal, in one process; one more is "unavailable" at once.
CALLS_AT_ONCE: Final = 4
#: To all portals; a portal that is silent must not keep the others waiting.
THREADS: Final = 32
KEY_MIN_BYTES: Final = 32
SIGNATURE: Final = "Siapkerja-Signature"

_ANSWER_LIMIT: Final = 4096


@dataclass(frozen=True, slots=True)
class PortalDoor:
    """Where one portal is asked."""

    url: str
    key: bytes = field(repr=False)
    http: OutboundHttp = field(repr=False)
    circuit: Circuit = field(repr=False)
    places: BoundedSemaphore = field(
        default_factory=lambda: BoundedSemaphore(CALLS_AT_ONCE), repr=False
    )


class Asked:
    """Implements `idp.ports.legacy.PortalAnswer`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._came = Event()
        self._is_right: bool | None = None
        self._failure: GatewayUnavailable | None = None
        self._hear: Callable[[bool | None], None] | None = None

    def wait(self, seconds: float) -> bool | None:
        if not self._clock.wait(self._came, seconds):
            return None
        if self._failure is not None:
            raise self._failure
        return self._is_right

    def when_late(self, hear: Callable[[bool | None], None]) -> None:
        with self._lock:
            if not self._came.is_set():
                self._hear = hear
                return
        hear(self._is_right)

    def say(self, verify: Callable[[], bool]) -> None:
        """Find the answer and tell it."""
        try:
            self._is_right = verify()
        except GatewayUnavailable as failure:
            self._failure = failure
        finally:
            with self._lock:
                self._came.set()
        if self._hear is not None:
            self._hear(self._is_right)


@dataclass(frozen=True, slots=True)
class PortalVerifier:
    """Implements `idp.ports.legacy.LegacyVerifier`."""

    doors: Mapping[str, PortalDoor]
    clock: Clock
    entropy: Entropy
    metrics: Metrics
    #: its threads begin with the first question: after a server forked
    _threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(THREADS, "portals"), repr=False
    )

    @property
    def is_there(self) -> bool:
        return bool(self.doors)

    @property
    def seconds(self) -> float:
        return CALL_SECONDS

    def serves(self, source: str) -> bool:
        return source in self.doors

    def ask(self, source: str, source_id: str, password: str) -> Asked:
        door = self.doors.get(source)
        if door is None:
            raise GatewayUnavailable("portal", "unknown")
        if not door.places.acquire(blocking=False):
            self._count(source, "busy")
            raise GatewayUnavailable("portal", "busy")
        asked = Asked(self.clock)

        def verify() -> bool:
            try:
                return self.verify(source, source_id, password)
            finally:
                door.places.release()

        try:
            self._threads.submit(asked.say, verify)
        except RuntimeError as closed:
            door.places.release()
            raise GatewayUnavailable("portal", "closed") from closed
        return asked

    def close(self) -> None:
        self._threads.shutdown()

    def verify(self, source: str, source_id: str, password: str) -> bool:
        """Return what a portal says; raises `GatewayUnavailable` where it says nothing usable."""
        door = self.doors.get(source)
        if door is None:
            raise GatewayUnavailable("portal", "unknown")
        admission = door.circuit.admit()
        if admission is Admission.REFUSED:
            self._count(source, "refused")
            raise GatewayUnavailable("portal", "circuit")
        try:
            is_right = self._ask(door, source_id, password)
        except GatewayUnavailable as failure:
            door.circuit.failed(admission)
            self._count(source, failure.reason)
            raise
        door.circuit.succeeded(admission)
        self._count(source, "yes" if is_right else "no")
        return is_right

    def _ask(self, door: PortalDoor, source_id: str, password: str) -> bool:
        nonce = self.entropy.token()
        asked = {
            "source_id": source_id,
            "password": password,
            "nonce": nonce,
            "at": self.clock.now(),
        }
        body = json.dumps(asked).encode()
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            SIGNATURE: f"v1={signature(door.key, b'request', body)}",
        }
        try:
            reply = door.http.post(door.url, body, headers=headers)
        except ExchangeError as error:
            raise GatewayUnavailable("portal", error.reason) from error
        if reply.status != 200 or reply.is_cut:
            raise GatewayUnavailable("portal", "status")
        return _read(door.key, nonce, reply.body)

    def _count(self, source: str, outcome: str) -> None:
        self.metrics.count("portal_checks", source=source, outcome=outcome)


def _read(key: bytes, nonce: str, body: bytes) -> bool:
    """Return what a portal says, if it is that portal and the answer to this question."""
    try:
        told = json.loads(body)
        verified, back, signed = told["verified"], told["nonce"], told["signature"]
    except (ValueError, RecursionError, TypeError, KeyError) as error:
        raise GatewayUnavailable("portal", "answer") from error
    if not isinstance(verified, bool) or not isinstance(signed, str) or back != nonce:
        raise GatewayUnavailable("portal", "answer")
    word = b"true" if verified else b"false"
    wanted = signature(key, b"answer", nonce.encode() + b"\n" + word)
    if not compare_digest(signed.encode("utf-8", "surrogatepass"), wanted.encode()):
        raise GatewayUnavailable("portal", "signature")
    return verified


def signature(key: bytes, use: bytes, content: bytes) -> str:
    """Return the signature of a request or an answer, in hex."""
    return hmac_digest(key, use + b"\n" + content, sha256).hex()


def build_portal_verifier(
    path: Path | None, *, is_production: bool, clock: Clock, entropy: Entropy, metrics: Metrics
) -> PortalVerifier:
    """Return what asks the portals of a JSON file: `{source: {"url": …, "key": …}}`.

    Raises `ValueError` for what can't be used, `OSError` for an unreadable file.
    """
    doors = {}
    for source, told in _listed(path).items():
        url, key = _door(source, told, is_production=is_production)
        doors[source] = PortalDoor(
            url,
            key,
            OutboundHttp(
                clock,
                seconds=CALL_SECONDS,
                connections=CALLS_AT_ONCE,
                body_limit=_ANSWER_LIMIT,
            ),
            Circuit(clock),
        )
    return PortalVerifier(doors, clock, entropy, metrics)


def _listed(path: Path | None) -> Mapping[str, Any]:
    if path is None:
        return {}
    listed = json.loads(path.read_bytes())
    if not isinstance(listed, dict):
        raise ValueError("must be a JSON object of portals")  # noqa: TRY004 - a setting's value
    return listed


def _door(source: str, told: object, *, is_production: bool) -> tuple[str, bytes]:
    given = told if isinstance(told, dict) else {}
    url, key = given.get("url"), given.get("key")
    if not isinstance(url, str) or not isinstance(key, str):
        raise ValueError(f"{source} needs `url` and `key`")  # noqa: TRY004 - a fault of a setting
    schemes = {"https"} if is_production else {"https", "http"}
    if urlsplit(url).scheme not in schemes or not urlsplit(url).hostname:
        raise ValueError(f"the url of {source} must be https")
    if len(key.encode()) < KEY_MIN_BYTES:
        raise ValueError(f"the key of {source} must have at least {KEY_MIN_BYTES} bytes")
    return url, key.encode()
