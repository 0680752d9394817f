"""The keys of clients: registered by value, or fetched from their `jwks_uri` (RFC 7517 §5).

joserfc checks signatures; the algorithms are those registered for the client, never the header's
choice (RFC 8725 §3.1).
"""

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import Key, import_key
from joserfc.jws import JWSRegistry

from idp.domain.ids import decode_base64url
from idp.domain.protocol.client import Client
from idp.domain.protocol.json_text import read_json
from idp.domain.protocol.key_set import is_key_set, keys_of
from idp.domain.protocol.profile import rules_of
from idp.ports.documents import DocumentFetcher, FetchFailed

logger = logging.getLogger(__name__)

#: Algorithms by the kind of key that they take.
_FITS: Final = {
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "PS256": ("RSA", None),
    "RS256": ("RSA", None),
    "Ed25519": ("OKP", "Ed25519"),
    "EdDSA": ("OKP", "Ed25519"),
}
#: Two names of one algorithm (RFC 9864 §2.2).
_EDWARDS: Final = ("EdDSA", "Ed25519")
#: Less is too weak; more only costs us time.
_RSA_BITS: Final = range(2048, 8193)
_IMPORTED_MAX: Final = 2000


@dataclass(frozen=True, slots=True)
class Jws:
    """A compact JWS taken apart, not yet believed."""

    header: Mapping[str, Any]
    claims: dict[str, Any]
    signing_input: bytes
    signature: bytes


def read_jws(token: str) -> Jws | None:
    """Take a compact JWS with a JSON object as payload apart; `None` for anything else.

    A `crit` header is refused, `b64` too (RFC 7515 §4.1.11, RFC 7797 §6).
    """
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        header = read_json(decode_base64url(parts[0]))
        claims = read_json(decode_base64url(parts[1]))
        signature = decode_base64url(parts[2])
    except ValueError:
        return None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        return None
    if "crit" in header or "b64" in header or not isinstance(header.get("alg"), str):
        return None
    return Jws(header, claims, f"{parts[0]}.{parts[1]}".encode(), signature)


def media_type(jws: Jws) -> str:
    """Return what a JWS says that it is, without `application/`; `jwt` if it says nothing.

    RFC 7515 §4.1.9, RFC 7519 §5.1. What is no text is no type of anything.
    """
    typ = jws.header.get("typ", "JWT")
    return typ.lower().removeprefix("application/") if isinstance(typ, str) else ""


@dataclass(slots=True)
class ClientKeys:
    """Verifies what clients sign. Imported keys are kept; they cost more than a signature."""

    fetcher: DocumentFetcher
    _imported: dict[str, Key] = field(default_factory=dict)

    def verify(self, jws: Jws, client: Client, *, allowed: Iterable[str]) -> bool:
        """Return whether one of the client's keys made the signature, by an allowed algorithm."""
        alg = str(jws.header["alg"])
        if alg not in set(allowed) or alg not in _FITS:
            return False
        kid = jws.header.get("kid")
        keys = self._fitting(client, alg, kid, fresh=False)
        if self._signed_by(keys, jws, alg):
            return True
        if "jwks_uri" not in client.metadata:
            return False
        # the key may have been published since, or replaced by a client that names none
        published = self._fitting(client, alg, kid, fresh=True)
        return published != keys and self._signed_by(published, jws, alg)

    def _signed_by(self, keys: Iterable[Mapping[str, Any]], jws: Jws, alg: str) -> bool:
        return any(verify_with(jws, alg, self.imported(jwk)) for jwk in keys)

    def published(self, client: Client, *, fresh: bool = False) -> list[Mapping[str, Any]]:
        """Return the client's keys; none where they can't be had."""
        if "jwks" in client.metadata:
            return list(client.metadata["jwks"]["keys"])
        uri = client.metadata.get("jwks_uri")
        if uri is None:
            return []
        try:
            body = self.fetcher.fetch(
                uri, kind="jwks", reader=client.client_id, is_good=is_key_set, fresh=fresh
            )
        except FetchFailed as failure:
            logger.warning(
                "keys not fetched", extra={"client": client.client_id, "reason": failure.reason}
            )
            return []
        return keys_of(body) or []

    def _fitting(
        self, client: Client, alg: str, kid: object, *, fresh: bool
    ) -> list[Mapping[str, Any]]:
        keys = [key for key in self.published(client, fresh=fresh) if fits(key, alg)]
        if kid is not None:
            return [key for key in keys if key.get("kid") == kid]
        # without `kid` a signature is tried only where one key fits
        return keys if len(keys) == 1 else []

    def imported(self, jwk: Mapping[str, Any]) -> Key | None:
        """Return a published key ready for use, `None` for what is no key."""
        name = json.dumps(jwk, sort_keys=True)
        key = self._imported.get(name)
        if key is None:
            try:
                key = import_key(dict(jwk))
            except (JoseError, ValueError, TypeError, KeyError):
                return None
            if len(self._imported) >= _IMPORTED_MAX:
                self._imported.clear()
            self._imported[name] = key
        return key


def verify_with(jws: Jws, alg: str, key: Key | None) -> bool:
    """Return whether this key made the signature."""
    if key is None:
        return False
    try:
        return bool(JWSRegistry.algorithms[alg].verify(jws.signing_input, jws.signature, key))
    except (JoseError, ValueError):
        return False


def fits(jwk: Mapping[str, Any], alg: str) -> bool:
    """Return whether a published key may verify an algorithm (RFC 7517 §4)."""
    kind, curve = _FITS.get(alg, (None, None))
    if kind is None or jwk.get("kty") != kind or (curve is not None and jwk.get("crv") != curve):
        return False
    if kind == "RSA" and _bits(jwk) not in _RSA_BITS:
        return False
    if jwk.get("use", "sig") != "sig":
        return False
    named = jwk.get("alg", alg)
    return named == alg or (named in _EDWARDS and alg in _EDWARDS)


def _bits(jwk: Mapping[str, Any]) -> int:
    try:
        return int.from_bytes(decode_base64url(str(jwk.get("n", "")))).bit_length()
    except ValueError:
        return 0


def allowed_algorithms(client: Client, member: str) -> tuple[str, ...]:
    """Return the algorithms that a client may sign with for a use: its registered one, or all."""
    registered = client.metadata.get(member)
    if registered is not None:
        return _EDWARDS if registered in _EDWARDS else (str(registered),)
    return tuple(sorted(rules_of(client).algorithms))
