"""A passkey in software: makes keys and proofs as a browser with an authenticator does (AU-10)."""

import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import encode_cbor

from idp.domain.ids import decode_base64url, encode_base64url
from tests.portal import ISSUER

USER_PRESENT, USER_VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class Authenticator:
    """`origin`: of the page that it believes to be on; `host`: the relying party of its keys."""

    origin: str = ISSUER
    host: str = "localhost"
    flags: int = USER_PRESENT | USER_VERIFIED
    sign_count: int = 0
    credential_id: bytes = b"a credential of these tests"
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def create(self, options: dict[str, Any], **changed: Any) -> str:
        """Answer `navigator.credentials.create`, as JSON."""
        client = self._client_data("webauthn.create", options["challenge"], **changed)
        size = len(self.credential_id).to_bytes(2, "big")
        data = self._data(ATTESTED) + bytes(16) + size + self.credential_id + self.cose()
        made = encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(
            clientDataJSON=client, attestationObject=made, transports=["internal", "unheard-of"]
        )

    def get(self, options: dict[str, Any], **changed: Any) -> str:
        """Answer `navigator.credentials.get`, as JSON."""
        self.sign_count += 1
        client = self._client_data("webauthn.get", options["challenge"], **changed)
        data = self._data(0)
        signature = self.key.sign(data + sha256(client).digest(), ec.ECDSA(SHA256()))
        return self._answer(clientDataJSON=client, authenticatorData=data, signature=signature)

    def _client_data(self, kind: str, asked: str, **changed: Any) -> bytes:
        told = {"type": kind, "challenge": asked, "origin": self.origin, "crossOrigin": False}
        return json.dumps({**told, **changed}).encode()

    def _data(self, flags: int) -> bytes:
        count = self.sign_count.to_bytes(4, "big")
        return sha256(self.host.encode()).digest() + bytes([self.flags | flags]) + count

    def cose(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        x, y = (value.to_bytes(32, "big") for value in (numbers.x, numbers.y))
        return encode_cbor({1: 2, 3: -7, -1: 1, -2: x, -3: y})

    def _answer(self, **response: Any) -> str:
        told = {
            name: encode_base64url(value) if isinstance(value, bytes) else value
            for name, value in response.items()
        }
        name = encode_base64url(self.credential_id)
        return json.dumps(
            {
                "id": name,
                "rawId": name,
                "type": "public-key",
                "response": told,
                "clientExtensionResults": {},
            }
        )


def challenge_in(options: dict[str, Any]) -> bytes:
    return decode_base64url(options["challenge"])
