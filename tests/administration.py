"""A program that administers: a client with scopes of the API, and what it sends."""

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.admin_scopes import ADMIN_PATH, ADMIN_SCOPES
from tests.portal import ISSUER

AUDIENCE = f"{ISSUER}{ADMIN_PATH}"


@dataclass
class Program:
    """A client and its token."""

    app: Application
    browser: FlaskClient
    client_id: str
    secret: str
    token: str = field(default="", repr=False)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        **given: Any,
    ) -> TestResponse:
        """Call below the API, or a whole address that it told."""
        address = path if path.startswith(ISSUER) else f"{AUDIENCE}{path}"
        parts = urlsplit(address)
        about = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        if body is not None:
            given["json"] = body
        return self.browser.open(
            f"{parts.path}?{parts.query}" if parts.query else parts.path,
            method=method,
            headers=about,
            **given,
        )

    def get(self, path: str, **given: Any) -> TestResponse:
        return self.call("GET", path, **given)

    def post(self, path: str, body: Any = None, **given: Any) -> TestResponse:
        return self.call("POST", path, body, **given)

    def renew(self, *scopes: str) -> None:
        """Get the next token, with some of the client's scopes, all where none is named."""
        own = self.app.wiring.services.clients.get(self.client_id).scopes
        scope = " ".join(scopes or sorted(own))
        answer = ask_token(self.browser, self.client_id, self.secret, scope=scope)
        assert answer.status_code == 200, answer.text
        self.token = answer.get_json()["access_token"]

    def facts(self, path: str) -> dict[str, Any]:
        """Return the document at a path that must be there."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.get_json()
        return found


def ask_token(
    browser: FlaskClient, client_id: str, secret: str, *, scope: str, resource: str = AUDIENCE
) -> TestResponse:
    """Ask for a token by client credentials."""
    pair = b64encode(f"{client_id}:{secret}".encode()).decode()
    form = {"grant_type": "client_credentials", "scope": scope, "resource": resource}
    return browser.post("/token", data=form, headers={"Authorization": f"Basic {pair}"})


def a_program(app: Application, *scopes: str, **metadata: Any) -> Program:
    """Register a program with scopes, all of them where none is named, and get its token."""
    scope = " ".join(scopes or ADMIN_SCOPES)
    given = {
        "client_name": "Program admin",
        "redirect_uris": [],
        "response_types": [],
        "grant_types": ["client_credentials"],
        "scope": scope,
        "resources": [AUDIENCE],
        **metadata,
    }
    registered = app.wiring.services.clients.register(given)
    client_id, secret = registered.client.client_id, registered.secret or ""
    program = Program(app, app.test_client(), client_id, secret)
    program.renew()
    return program
