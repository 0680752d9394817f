"""Our signing keys in memory: which one signs, which ones verify (RFC 7517, RFC 7638).

Seam: `joserfc.jwt.encode` re-validates header and key at each call (35 µs, `make bench`); the ring
calls joserfc's algorithm objects directly, with headers that it wrote once.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from threading import Lock
from typing import Any, Final

from authlib.oidc.core.util import create_half_hash
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from idp.domain.ids import base64url, decode_base64url
from idp.domain.protocol.algorithms import OWN_KEYS, KeyAlgorithm
from idp.domain.protocol.signing_key import KeyStatus, SigningKey
from idp.oidc.compact_json import encode_json
from idp.ports.clock import Clock
from idp.ports.store import Store

logger = logging.getLogger(__name__)

#: How long a process goes on without asking the store for changed keys.
KEEP_SECONDS: Final = 0.5

_ES256: Final = ECDSA(SHA256())
_P256_BYTES: Final = 32

_GENERATORS: Final[Mapping[str, Any]] = {"EC": ECKey, "RSA": RSAKey, "OKP": OKPKey}


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A key pair ready for use. `own`: the private key below `key`, where it signs ES256."""

    row: SigningKey
    key: Key = field(repr=False)
    algorithm: Any = field(repr=False)
    own: EllipticCurvePrivateKey | None = field(repr=False)
    _headers: dict[str, bytes] = field(default_factory=dict, repr=False)

    def sign(self, claims: Mapping[str, Any], typ: str) -> str:
        """Return a compact JWS over the claims (RFC 7515 §7.1)."""
        head = self._headers.get(typ)
        if head is None:
            header = {"alg": self.row.alg, "kid": self.row.kid, "typ": typ}
            head = base64url(encode_json(header))
            self._headers[typ] = head
        message = head + b"." + base64url(encode_json(claims))
        signature = self._signature(message)
        return (message + b"." + base64url(signature)).decode("ascii")

    def _signature(self, message: bytes) -> bytes:
        """Return the signature as RFC 7518 §3 writes it.

        ES256, the one on every token, without joserfc's checks of a key that we made ourselves:
        they take half as long as the signature.
        """
        if self.own is None:
            found: bytes = self.algorithm.sign(message, self.key)
            return found
        r, s = decode_dss_signature(self.own.sign(message, _ES256))
        return r.to_bytes(_P256_BYTES, "big") + s.to_bytes(_P256_BYTES, "big")


@dataclass(frozen=True, slots=True)
class _Ring:
    """One reading of the store."""

    read_at: float = -1e9
    rows: tuple[tuple[str, str, int, int | None], ...] = ()
    held: Mapping[str, HeldKey] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Second:
    """What a reading of the store means in one second: begin and end of a key are in seconds."""

    ring: _Ring = field(default_factory=_Ring)
    now: int = -1
    published: tuple[str, ...] = ()
    signers: dict[str, HeldKey] = field(default_factory=dict)


@dataclass(slots=True)
class KeyRing:
    """Signs with the active key of an algorithm, verifies with every published one."""

    store: Store
    clock: Clock
    _ring: _Ring = field(default_factory=_Ring)
    _second: _Second = field(default_factory=_Second)
    _lock: Lock = field(default_factory=Lock)

    def signer(self, alg: str) -> HeldKey:
        """Return the key that signs with an algorithm now; `LookupError` if there is none."""
        found = self._signer(alg)
        if found is None:
            # another process may have made it a moment ago
            self.forget()
            found = self._signer(alg)
        if found is None:
            raise LookupError(f"no signing key for {alg}")
        return found

    def _signer(self, alg: str) -> HeldKey | None:
        second = self._this_second()
        found = second.signers.get(alg)
        if found is None:
            able = (h for h in second.ring.held.values() if h.row.alg == alg)
            signing = [held for held in able if held.row.may_sign(second.now)]
            if not signing:
                return None
            found = max(signing, key=lambda held: (held.row.active_at, held.row.created_at))
            second.signers[alg] = found
        return found

    def _this_second(self) -> _Second:
        ring, now, second = self._fresh(), self.clock.now(), self._second
        if second.ring is not ring or second.now != now:
            held = ring.held.values()
            published = tuple(key.row.kid for key in held if key.row.is_published(now))
            second = self._second = _Second(ring, now, published)
        return second

    def verify(self, token: str, typ: str) -> dict[str, Any] | None:
        """Return the claims of a compact JWS of ours of this `typ`, `None` for anything else.

        Whether it has expired is the caller's question.
        """
        head, _, rest = token.partition(".")
        payload, _, signature = rest.partition(".")
        try:
            header = json.loads(decode_base64url(head))
            signed = decode_base64url(signature)
            if not isinstance(header, dict) or header.get("typ") != typ:
                return None
            held = self._published(str(header.get("kid")))
            if held is None or held.algorithm is None:
                return None
            if header.get("alg") != held.row.alg or "crit" in header:
                return None
            if not held.algorithm.verify(f"{head}.{payload}".encode(), signed, held.key):
                return None
            claims = json.loads(decode_base64url(payload))
        except (ValueError, RecursionError, JoseError):
            return None
        return claims if isinstance(claims, dict) else None

    def decrypters(self, alg: str) -> tuple[HeldKey, ...]:
        """Return the published keys that decrypt what was encrypted to us with an algorithm."""
        now = self.clock.now()
        return tuple(
            held
            for held in self._fresh().held.values()
            if held.row.alg == alg and held.row.is_published(now)
        )

    def key_set(self) -> dict[str, Any]:
        """Return the public keys as they are published (RFC 7517 §5)."""
        now = self.clock.now()
        held = sorted(
            (h for h in self._fresh().held.values() if h.row.is_published(now)),
            key=lambda h: (h.row.alg, -h.row.active_at),
        )
        return {"keys": [dict(h.row.public_jwk) for h in held]}

    def revision(self) -> object:
        """Return a value that is the same object as long as no key was changed."""
        return self._fresh().rows

    def version(self) -> tuple[str, ...]:
        """Return the `kid` of every key in the key set now; one may leave it by mere time."""
        return self._this_second().published

    def forget(self) -> None:
        """Read the store again at the next call."""
        self._ring = replace(self._ring, read_at=-1e9)

    def _published(self, kid: str) -> HeldKey | None:
        held = self._fresh().held.get(kid)
        if held is None:
            # another process may have published it a moment ago
            self.forget()
            held = self._fresh().held.get(kid)
        if held is None or not held.row.is_published(self.clock.now()):
            return None
        return held

    def _fresh(self) -> _Ring:
        ring = self._ring
        if self.clock.monotonic() - ring.read_at < KEEP_SECONDS:
            return ring
        with self._lock:
            ring = self._ring
            if self.clock.monotonic() - ring.read_at < KEEP_SECONDS:
                return ring
            self._ring = self._read(ring)
            return self._ring

    def _read(self, before: _Ring) -> _Ring:
        with self.store.read() as tx:
            rows = tx.signing_keys.list_all()
        told = tuple((row.kid, row.status, row.active_at, row.retired_at) for row in rows)
        read_at = self.clock.monotonic()
        if told == before.rows:
            return replace(before, read_at=read_at)
        held = {
            row.kid: before.held[row.kid]
            if row.kid in before.held and before.held[row.kid].row == row
            else _hold(row)
            for row in rows
        }
        return _Ring(read_at, told, held)


def _hold(row: SigningKey) -> HeldKey:
    # our own key, whose seal just held: checking RSA's primes again would cost each start 0.1 s
    raw = load_pem_private_key(row.private_pem, None, unsafe_skip_rsa_key_validation=True)
    key = _GENERATORS[_algorithm(row.alg).key_type].import_key(raw)
    own = raw if isinstance(raw, EllipticCurvePrivateKey) and row.alg == "ES256" else None
    return HeldKey(row, key, JWSRegistry.algorithms.get(row.alg), own)


def _algorithm(alg: str) -> KeyAlgorithm:
    return next(algorithm for algorithm in OWN_KEYS if algorithm.name == alg)


def generate_key(alg: str, *, now: int, active_at: int, status: KeyStatus) -> SigningKey:
    """Return a new key pair; its `kid` is the thumbprint of RFC 7638."""
    wanted = _algorithm(alg)
    generator = _GENERATORS[wanted.key_type]
    key = generator.generate_key(wanted.curve_or_bits, private=True)
    while key.thumbprint().startswith("-"):
        # operators name it on command lines, where a dash begins an option
        key = generator.generate_key(wanted.curve_or_bits, private=True)
    kid = key.thumbprint()
    public = {**key.as_dict(private=False), "kid": kid, "alg": alg, "use": wanted.use}
    return SigningKey(
        kid=kid,
        alg=alg,
        status=status,
        public_jwk=public,
        private_pem=key.as_pem(private=True),
        created_at=now,
        active_at=active_at,
    )


def half_hash(value: str, alg: str) -> str:
    """Return `at_hash` or `c_hash` (OpenID Connect Core §3.1.3.6); Ed25519 goes with SHA-512."""
    half = create_half_hash(value, "EdDSA" if alg == "Ed25519" else alg)
    return str(half.decode())


def fingerprint(documents: Sequence[bytes]) -> str:
    """Return an entity tag over bytes."""
    return '"' + sha256(b"\n".join(documents)).hexdigest()[:32] + '"'
