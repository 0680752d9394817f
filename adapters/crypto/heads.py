"""Signed heads of the audit chain: Ed25519 under a key derived from the key of the chain.

Keys of tokens are retired after days, and what they signed proves nothing from then on. A head has
to prove something for as long as its rows are kept, so its key is as old as the chain.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import digest as hmac_digest
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from idp.domain.ids import decode_base64url, encode_base64url
from idp.ports.vault import Vault

#: `typ` of a signed head.
HEAD_TYPE: Final = "siapkerja-audit-head+jwt"


@dataclass(frozen=True, slots=True)
class AuditHeads:
    """Implements `idp.ports.heads.HeadSigner`."""

    vault: Vault

    def sign(self, claims: Mapping[str, Any]) -> str:
        jwk = self.public_jwk()
        header = {"alg": "Ed25519", "kid": jwk["kid"], "typ": HEAD_TYPE}
        message = f"{_part(header)}.{_part(claims)}"
        return f"{message}.{encode_base64url(self._key().sign(message.encode()))}"

    def read(self, text: str) -> Mapping[str, Any] | None:
        message, _, signature = text.rpartition(".")
        head, _, payload = message.partition(".")
        try:
            header = json.loads(decode_base64url(head))
            if not isinstance(header, dict) or header.get("typ") != HEAD_TYPE:
                return None
            self._key().public_key().verify(decode_base64url(signature), message.encode())
            claims = json.loads(decode_base64url(payload))
        except (ValueError, RecursionError, InvalidSignature):
            return None
        return claims if isinstance(claims, dict) else None

    def public_jwk(self) -> Mapping[str, str]:
        public = self._key().public_key().public_bytes_raw()
        required = {"crv": "Ed25519", "kty": "OKP", "x": encode_base64url(public)}
        # RFC 7638 §3: the required members in the order of their names, without blanks
        thumbprint = sha256(json.dumps(required, separators=(",", ":")).encode()).digest()
        return {**required, "alg": "Ed25519", "use": "sig", "kid": encode_base64url(thumbprint)}

    def _key(self) -> Ed25519PrivateKey:
        seed = hmac_digest(self.vault.audit_key(), b"signed head", sha256)
        return Ed25519PrivateKey.from_private_bytes(seed)


def _part(claims: Mapping[str, Any]) -> str:
    return encode_base64url(json.dumps(claims, separators=(",", ":")).encode())
