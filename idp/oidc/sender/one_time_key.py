"""A key of a moment, where we are the application ourselves: DPoP proofs (RFC 9449 §4.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry

from idp.domain.ids import encode_base64url
from idp.domain.protocol.dpop import TYPE
from idp.oidc.compact_json import encode_json

_ALG: Final = "ES256"


@dataclass(frozen=True, slots=True)
class OneTimeKey:
    """Makes proofs; it lives as long as the one who made it, and is written nowhere."""

    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256"), repr=False)

    def proof(
        self,
        method: str,
        url: str,
        *,
        jti: str,
        now: int,
        nonce: str,
        access_token: str | None = None,
    ) -> str:
        """Return the proof for one call; `access_token`: where a resource is called with it."""
        claims = {"jti": jti, "htm": method, "htu": url, "iat": now, "nonce": nonce}
        if access_token is not None:
            claims["ath"] = encode_base64url(sha256(access_token.encode()).digest())
        header = {"typ": TYPE, "alg": _ALG, "jwk": self.key.as_dict(private=False)}
        message = f"{_part(header)}.{_part(claims)}".encode()
        signature = JWSRegistry.algorithms[_ALG].sign(message, self.key)
        return f"{message.decode()}.{encode_base64url(signature)}"


def _part(told: Mapping[str, Any]) -> str:
    return encode_base64url(encode_json(told))
