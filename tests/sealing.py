"""A client's key that others encrypt to, and what it reads."""

import json
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwe
from joserfc.jwk import ECKey, RSAKey

from idp.domain.ids import decode_base64url


@dataclass
class Opener:
    """A key pair for key management by an algorithm (RFC 7518 §4.1)."""

    alg: str = "ECDH-ES"
    kid: str = "enc1"
    key: Any = field(init=False)

    def __post_init__(self) -> None:
        is_curve = self.alg.startswith("ECDH")
        self.key = ECKey.generate_key("P-256") if is_curve else RSAKey.generate_key(2048)

    def public(self, **changes: Any) -> dict[str, Any]:
        told = {
            **self.key.as_dict(private=False),
            "kid": self.kid,
            "alg": self.alg,
            "use": "enc",
            **changes,
        }
        return {name: value for name, value in told.items() if value is not None}

    def jwks(self, **changes: Any) -> dict[str, Any]:
        return {"keys": [self.public(**changes)]}

    def open(self, text: str, enc: str) -> str:
        """Return what a compact JWE holds; it must have been made with exactly these algorithms."""
        found = jwe.decrypt_compact(text, self.key, algorithms=[self.alg, enc])
        return (found.plaintext or b"").decode()


def header_of(text: str) -> dict[str, Any]:
    """Return the header of a compact JWS or JWE."""
    found: dict[str, Any] = json.loads(decode_base64url(text.partition(".")[0]))
    return found
