"""A client that registers itself, as RFC 7591 has it."""

from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.ids import encode_base64url
from tests.portal import CALLBACK, ISSUER, Portal

JSON = {"Content-Type": "application/json"}


def register(browser: FlaskClient, token: str | None = None, **metadata: Any) -> TestResponse:
    """Send a registration; a member of `None` is left out."""
    given = {"client_name": "Portal Uji", "redirect_uris": [CALLBACK], **metadata}
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    told = {name: value for name, value in given.items() if value is not None}
    return browser.post("/register", json=told, headers=headers)


@dataclass
class Registration:
    """What the answer said, and the calls at the client's own address (RFC 7592)."""

    app: Application
    browser: FlaskClient
    told: dict[str, Any] = field(repr=False)

    @property
    def path(self) -> str:
        return str(self.told["registration_client_uri"]).removeprefix(ISSUER)

    def call(self, method: str, token: str | None = None, **given: Any) -> TestResponse:
        chosen = token if token is not None else self.told["registration_access_token"]
        headers = {"Authorization": f"Bearer {chosen}"}
        return self.browser.open(self.path, method=method, headers=headers, **given)

    def read(self) -> TestResponse:
        return self.call("GET")

    def update(self, **changes: Any) -> TestResponse:
        """Send the registration back with changes, as RFC 7592 §2.2 wants it."""
        ours = {
            "registration_access_token",
            "registration_client_uri",
            "client_secret_expires_at",
            "client_id_issued_at",
        }
        kept = {name: value for name, value in self.told.items() if name not in ours}
        told = {name: value for name, value in {**kept, **changes}.items() if value is not None}
        return self.call("PUT", json=told)

    def delete(self) -> TestResponse:
        return self.call("DELETE")

    def portal(self) -> Portal:
        """Return it as a relying party."""
        client = self.app.wiring.services.clients.get(self.told["client_id"])
        return Portal(self.app, self.browser, client, self.told.get("client_secret"))


def a_registration(app: Application, browser: FlaskClient, **metadata: Any) -> Registration:
    answer = register(browser, **metadata)
    assert answer.status_code == 201, answer.text
    return Registration(app, browser, answer.get_json())


def a_key(kind: str = "EC", **changes: Any) -> dict[str, Any]:
    """Return something that looks like a public key; `None` leaves a member out."""
    made = encode_base64url(b"x" * 32)
    told = {
        "EC": {"kty": "EC", "crv": "P-256", "x": made, "y": made},
        "RSA": {"kty": "RSA", "n": encode_base64url(b"\\xff" * 256), "e": "AQAB"},
        "OKP": {"kty": "OKP", "crv": "Ed25519", "x": made},
    }[kind]
    return {name: value for name, value in {**told, **changes}.items() if value is not None}
