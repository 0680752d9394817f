"""What we encrypt to clients, and they to us (RFC 7516, OpenID Connect Core §10.2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import Key

from idp.domain.ids import decode_base64url
from idp.domain.protocol import algorithms
from idp.domain.protocol.client import Client
from idp.domain.protocol.json_text import read_json
from idp.oidc.client_keys import ClientKeys
from idp.oidc.tokens.key_ring import KeyRing

_KEY_TYPE: Final = {"ECDH": "EC", "RSA-": "RSA"}


class CannotEncrypt(Exception):  # noqa: N818 - named for what happened
    """The client registered encryption, but no key of it can be had."""


@dataclass(frozen=True, slots=True)
class Encryption:
    """Compact JWE in both directions; algorithms are those of the registration and our own."""

    keys: ClientKeys
    ring: KeyRing

    def to_client(self, token: str, client: Client, use: str, *, is_jwt: bool = True) -> str:
        """Return a text encrypted as registered for a use, or as it is where none is.

        `use`: the member's beginning, `id_token`, `userinfo`, `authorization`, `introspection`.
        Raises `CannotEncrypt`.
        """
        alg = client.metadata.get(f"{use}_encrypted_response_alg")
        if alg is None:
            return token
        enc = client.metadata.get(
            f"{use}_encrypted_response_enc", algorithms.CONTENT_ENCRYPTION_DEFAULT
        )
        jwk, key = self._key_of(client, alg)
        header: dict[str, Any] = {"alg": alg, "enc": enc}
        if is_jwt:
            header["cty"] = "JWT"
        if "kid" in jwk:
            header["kid"] = jwk["kid"]
        try:
            return jwe.encrypt_compact(header, token.encode(), key, algorithms=[alg, enc])
        except (JoseError, ValueError) as error:
            raise CannotEncrypt from error

    def _key_of(self, client: Client, alg: str) -> tuple[Mapping[str, Any], Key]:
        """Return the first of the client's keys that is for an algorithm (RFC 7517 §4)."""
        for fresh in (False, True):
            for jwk in self.keys.published(client, fresh=fresh):
                is_kind = jwk.get("kty") == _KEY_TYPE[alg[:4]]
                if is_kind and jwk.get("use", "enc") == "enc" and jwk.get("alg", alg) == alg:
                    key = self.keys.imported(jwk)
                    if key is not None:
                        return jwk, key
        raise CannotEncrypt

    def from_client(self, token: str) -> str | None:
        """Return what a compact JWE to us holds, `None` if it can't be opened."""
        try:
            header = read_json(decode_base64url(token.partition(".")[0]))
        except ValueError:
            return None
        alg = header.get("alg") if isinstance(header, dict) else None
        if alg not in algorithms.ENCRYPTION_NAMES or "crit" in header or "zip" in header:
            return None
        for held in self.ring.decrypters(alg):
            if header.get("kid") not in (None, held.row.kid):
                continue
            try:
                opened = jwe.decrypt_compact(
                    token, held.key, algorithms=[alg, *algorithms.CONTENT_ENCRYPTION]
                )
                return (opened.plaintext or b"").decode()
            except (JoseError, ValueError):
                continue
        return None
