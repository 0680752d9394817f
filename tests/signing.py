"""What clients sign, well and badly: keys, assertions, and compact JWS with any header."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from idp.domain.ids import encode_base64url

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_MAKERS: dict[str, Any] = {
    "ES256": lambda: ECKey.generate_key("P-256"),
    "ES384": lambda: ECKey.generate_key("P-384"),
    "ES512": lambda: ECKey.generate_key("P-521"),
    "PS256": lambda: RSAKey.generate_key(2048),
    "RS256": lambda: RSAKey.generate_key(2048),
    "Ed25519": lambda: OKPKey.generate_key("Ed25519"),
    "EdDSA": lambda: OKPKey.generate_key("Ed25519"),
}


def compact(header: Mapping[str, Any], claims: object, key: Any, alg: str | None = None) -> str:
    """Return a compact JWS with exactly this header; `alg` signs by another one than it says."""
    head = encode_base64url(json.dumps(header).encode())
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    message = f"{head}.{encode_base64url(payload)}"
    chosen = alg or header["alg"]
    if chosen == "none":
        return f"{message}."
    if chosen.startswith("HS"):
        # joserfc would refuse a public key as secret; an attacker's library does not
        digest = hmac.digest(key, message.encode(), f"sha{chosen[2:]}")
        return f"{message}.{encode_base64url(digest)}"
    signature = JWSRegistry.algorithms[chosen].sign(message.encode(), key)
    return f"{message}.{encode_base64url(signature)}"


@dataclass
class Signer:
    """A key pair of a client."""

    alg: str = "ES256"
    kid: str = "k1"
    key: Any = field(init=False)

    def __post_init__(self) -> None:
        self.key = _MAKERS[self.alg]()

    def public(self, **changes: Any) -> dict[str, Any]:
        told = {
            **self.key.as_dict(private=False),
            "kid": self.kid,
            "alg": self.alg,
            "use": "sig",
            **changes,
        }
        return {name: value for name, value in told.items() if value is not None}

    def jwks(self, **changes: Any) -> dict[str, Any]:
        return {"keys": [self.public(**changes)]}

    def sign(self, claims: object, *, signed_by: str | None = None, **header: Any) -> str:
        given = {"alg": self.alg, "kid": self.kid, **header}
        kept = {name: value for name, value in given.items() if value is not None}
        return compact(kept, claims, self.key, signed_by)
