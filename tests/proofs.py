"""DPoP proofs as an application makes them (RFC 9449 §4.2), and bent ones."""

from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import count
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.domain.ids import encode_base64url
from tests.fakes import NOW
from tests.portal import ISSUER, Portal
from tests.signing import Signer

TOKEN = f"{ISSUER}/token"
USERINFO = f"{ISSUER}/userinfo"
TRIAL = f"{ISSUER}/sandbox/resource"

_numbers = count()


def hash_of(access_token: str) -> str:
    """Return `ath`."""
    return encode_base64url(sha256(access_token.encode()).digest())


@dataclass
class Holder:
    """An application that holds a key."""

    signer: Signer = field(default_factory=Signer)

    @property
    def jwk(self) -> dict[str, Any]:
        return dict(self.signer.key.as_dict(private=False))

    @property
    def jkt(self) -> str:
        return str(self.signer.key.thumbprint())

    def claims(self, url: str = TOKEN, method: str = "POST", **changes: Any) -> dict[str, Any]:
        """Return the claims of a good proof; a change to `None` leaves a claim out."""
        told = {
            "jti": f"proof-{next(_numbers)}",
            "htm": method,
            "htu": url,
            "iat": NOW,
            **changes,
        }
        return {name: value for name, value in told.items() if value is not None}

    def proof(self, url: str = TOKEN, method: str = "POST", **changes: Any) -> str:
        return self.sign(self.claims(url, method, **changes))

    def sign(self, claims: object, **header: Any) -> str:
        return self.signer.sign(
            claims, **{"typ": "dpop+jwt", "jwk": self.jwk, "kid": None} | header
        )

    def calls(self, portal: Portal, url: str = TOKEN, **changes: Any) -> Portal:
        """Return the portal with a fresh proof for its next call."""
        return with_proof(portal, self.proof(url, **changes))

    def reads(
        self, browser: FlaskClient, url: str, token: str, scheme: str = "DPoP", **changes: Any
    ) -> TestResponse:
        """Use a token at a resource, with a proof for it."""
        proof = self.proof(url, "GET", **{"ath": hash_of(token)} | changes)
        return read(browser, url, token, proof, scheme)


def with_proof(portal: Portal, proof: str) -> Portal:
    return replace(portal, headers={"DPoP": proof})


def read(
    browser: FlaskClient, url: str, token: str, proof: str | None, scheme: str = "DPoP"
) -> TestResponse:
    headers = {"Authorization": f"{scheme} {token}"}
    if proof is not None:
        headers["DPoP"] = proof
    return browser.get(url.removeprefix(ISSUER), headers=headers)
