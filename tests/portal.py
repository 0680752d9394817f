"""A small relying party over a test client, and people who are signed in."""

import json
import re
from base64 import b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlencode, urlsplit

from flask.testing import FlaskClient
from joserfc import jws
from joserfc.jwk import KeySet
from typing_extensions import override
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.assurance import PASSWORD, Authentication
from idp.domain.identity.audit import Origin
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of, encode_base64url
from idp.domain.protocol.client import Client

ISSUER = "http://localhost:8000"
CALLBACK = "https://portal.example/cb"
VERIFIER = "a-verifier-of-at-least-forty-three-characters-x"
CHALLENGE = encode_base64url(sha256(VERIFIER.encode()).digest())


def an_account(app: Application, **given: Any) -> Account:
    """Return a proofed account; NIKs differ by `number`."""
    number = given.pop("number", 1)
    told = {
        "nik": f"327301170890{9000 + number}",
        "password": "tiga kata acak sekali",
        "name": "Budi Santoso",
        "email": f"budi{number}@contoh.id",
        "email_verified": True,
        "phone_number": f"+62812000000{number:02d}",
        "phone_number_verified": True,
        **given,
    }
    return app.wiring.services.accounts.create(told)


def sign_in(
    app: Application,
    browser: FlaskClient,
    account: Account,
    proof: Authentication = PASSWORD,
) -> str:
    """Begin a session in this browser, as the sign-in pages would; return its `sid`."""
    services = app.wiring.services
    visitor = Visitor(digest_of("flow"), "127.0.0.1", Origin(device="Chrome, Android"))
    with services.store.write() as tx:
        signed_in = services.sessions.start(account, proof, visitor, tx=tx)
    browser.set_cookie("sid", signed_in.cookie)
    return signed_in.session.sid


@dataclass
class Portal:
    """A registered client with its callback; `secret` is absent for public clients.

    `headers` go with every call at a machine endpoint.
    """

    app: Application
    browser: FlaskClient
    client: Client
    secret: str | None
    callback: str = CALLBACK
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def client_id(self) -> str:
        return self.client.client_id

    def authorization_url(self, **changes: str | None) -> str:
        params: dict[str, str | None] = {
            "client_id": self.client_id,
            "redirect_uri": self.callback,
            "response_type": "code",
            "scope": "openid",
            "state": "st",
            "nonce": "no",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **changes,
        }
        return "/authorize?" + urlencode({k: v for k, v in params.items() if v is not None})

    def start(self, **changes: str | None) -> TestResponse:
        return self.browser.get(self.authorization_url(**changes))

    def answer(self, response: TestResponse) -> dict[str, str]:
        """Return the parameters with which the browser was sent back."""
        location = response.headers["Location"]
        assert location.startswith(self.callback), location
        return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}

    def authorize(self, **changes: str | None) -> str:
        """Return a code; the person is signed in and allows what is asked."""
        response = self.start(**changes)
        while response.headers["Location"].startswith("/"):
            response = self._next(response.headers["Location"])
        return self.answer(response)["code"]

    def _next(self, location: str) -> TestResponse:
        if not location.startswith("/izin"):
            return self.browser.get(location)
        page = self.browser.get(location)
        return self.browser.post(
            location, data={**form_fields(page), "decision": "allow"}, headers=same_origin()
        )

    def token(self, **form: str | None) -> TestResponse:
        headers = dict(self.headers)
        data = {name: value for name, value in form.items() if value is not None}
        if self.client.auth_method == "client_secret_basic" and self.secret:
            pair = f"{quote_plus(self.client_id)}:{quote_plus(self.secret)}"
            headers["Authorization"] = "Basic " + b64encode(pair.encode()).decode()
        elif self.client.auth_method == "client_secret_post" and self.secret:
            data |= {"client_id": self.client_id, "client_secret": self.secret}
        elif self.client.auth_method == "none":
            data |= {"client_id": self.client_id}
        path = data.pop("path", "/token")
        return self.browser.post(path, data=data, headers=headers)

    def redeem(self, code: str, **changes: str | None) -> TestResponse:
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.callback,
            "code_verifier": VERIFIER,
            **changes,
        }
        return self.token(**form)

    def refresh(self, refresh_token: str, **changes: str | None) -> TestResponse:
        form: dict[str, str | None] = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            **changes,
        }
        return self.token(**form)

    def tokens(self, **changes: str | None) -> dict[str, Any]:
        answer = self.redeem(self.authorize(**changes))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.get_json()
        return found

    def introspect(self, token: str) -> dict[str, Any]:
        found: dict[str, Any] = self.token(path="/introspect", token=token).get_json()
        return found

    def userinfo(self, access_token: str) -> TestResponse:
        return self.browser.get("/userinfo", headers={"Authorization": f"Bearer {access_token}"})

    def claims(self, token: str) -> dict[str, Any]:
        """Return the claims of a token of ours after verifying it by the published keys."""
        keys = KeySet.import_key_set(self.browser.get("/jwks").get_json())
        algorithms = ["ES256", "RS256", "PS256", "ES384", "ES512", "Ed25519"]
        payload = jws.deserialize_compact(token.encode(), keys, algorithms=algorithms).payload
        found: dict[str, Any] = json.loads(payload or b"")
        return found


def a_portal(app: Application, browser: FlaskClient, **metadata: Any) -> Portal:
    """Register a client and return it as a relying party."""
    given = {
        "client_name": "Portal Uji",
        "redirect_uris": [CALLBACK],
        "scope": "openid profile email phone address offline_access",
        **metadata,
    }
    registered = app.wiring.services.clients.register(given)
    return Portal(app, browser, registered.client, registered.secret)


def same_origin() -> dict[str, str]:
    """Return the headers with which a browser sends one of our own forms."""
    return {"Origin": ISSUER, "Sec-Fetch-Site": "same-origin"}


class _Hidden(HTMLParser):
    """What hidden inputs are called and hold."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if told.get("type") == "hidden":
            self.found[told["name"] or ""] = told.get("value") or ""


def form_fields(page: TestResponse) -> dict[str, str]:
    """Return the hidden fields of a page's first form."""
    parser = _Hidden()
    # the rest of a page costs ten times as much; `>` is escaped in our values
    parser.feed("".join(re.findall(r"<input\b[^>]*>", page.text)))
    return parser.found
