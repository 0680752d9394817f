"""The conformance suite's side: a relying party and a browser in front of a TLS proxy.

It does what the OpenID Foundation's suite does, over HTTP alone, against an application with the
settings under which certification is run; people sign in and decide on the pages.
"""

import json
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit

from flask.testing import FlaskClient
from joserfc import jws
from joserfc.jwk import KeySet
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.support import Failure
from tests.fakes import FixedClock
from tests.portal import form_fields

HOST = "akun.contoh.go.id"
ISSUER = f"https://{HOST}"
MTLS = f"https://mtls.{HOST}"
SUITE = "https://suite.example/test/a/siapkerja"
CALLBACK = f"{SUITE}/callback"
NIK = "3273011708909001"
PASSWORD = "tiga kata acak sekali"
SETTINGS = {
    "SIAPKERJA_ISSUER": ISSUER,
    "SIAPKERJA_OAUTH_PKCE": "public",
    "SIAPKERJA_OAUTH_REGISTRATION": "open",
    "SIAPKERJA_OAUTH_REQUEST_URI": "on",
    "SIAPKERJA_LIMITS_FACTOR": "1000",
    "SIAPKERJA_LOGIN_UNKNOWN_DEVICE": "none",
    "SIAPKERJA_HTTP_TRUSTED_PROXIES": "127.0.0.1",
    "SIAPKERJA_HTTP_CLIENT_CERT_HEADER": "X-Client-Cert",
    "SIAPKERJA_HTTP_CLIENT_CERT_VERIFIED_HEADER": "X-Client-Verify",
    "SIAPKERJA_HTTP_MTLS_URL": MTLS,
}

#: A person who has every claim of OpenID Connect Core §5.1.
PERSON: dict[str, Any] = {
    "nik": NIK,
    "password": PASSWORD,
    "name": "Budi Santoso",
    "given_name": "Budi",
    "family_name": "Santoso",
    "middle_name": "Ahmad",
    "nickname": "Bud",
    "preferred_username": "budi.santoso",
    "profile": "https://orang.contoh.id/budi",
    "picture": "https://orang.contoh.id/budi.jpg",
    "website": "https://budi.contoh.id",
    "gender": "male",
    "birthdate": "1990-08-17",
    "zoneinfo": "Asia/Jakarta",
    "locale": "id-ID",
    "email": "budi@contoh.id",
    "email_verified": True,
    "phone_number": "+6281200000001",
    "phone_number_verified": True,
    "address": {
        "formatted": "Jl. Merdeka 1, Bandung",
        "street_address": "Jl. Merdeka 1",
        "locality": "Bandung",
        "region": "Jawa Barat",
        "postal_code": "40111",
        "country": "Indonesia",
    },
}


class _Forms(HTMLParser):
    """Where the forms of a page go to."""

    def __init__(self) -> None:
        super().__init__()
        self.actions: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "form":
            self.actions.append(dict(attrs).get("action") or "")


@dataclass(frozen=True)
class Answer:
    """What came back to the callback, and how: `query`, `fragment` or `form_post`."""

    mode: str
    params: dict[str, str]

    def __getitem__(self, name: str) -> str:
        return self.params[name]


@dataclass
class Suite:
    """`pages`: paths of the pages that the person saw, in order."""

    app: Application
    clock: FixedClock
    browser: FlaskClient
    pages: list[str] = field(default_factory=list)

    @property
    def discovery(self) -> dict[str, Any]:
        found: dict[str, Any] = self.get("/.well-known/openid-configuration").get_json()
        return found

    # --- calls, as the proxy passes them on

    def get(self, url: str, **headers: str) -> TestResponse:
        return self._call("GET", url, headers=headers)

    def post(self, url: str, data: Any = None, **headers: str) -> TestResponse:
        return self._call("POST", url, data=data, headers=headers)

    def _call(self, method: str, url: str, **given: Any) -> TestResponse:
        host = MTLS.removeprefix("https://") if url.startswith(MTLS) else HOST
        path = url.removeprefix(MTLS).removeprefix(ISSUER)
        passed_on = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
        given["headers"] = {**passed_on, **given.get("headers", {})}
        return self.browser.open(path, method=method, base_url=f"http://{host}", **given)

    # --- clients

    def static_client(self, **metadata: Any) -> dict[str, Any]:
        """Return what an operator got when registering a client."""
        given = {"client_name": "Suite", "redirect_uris": [CALLBACK], **metadata}
        registered = self.app.wiring.services.clients.register(given)
        told = {"client_id": registered.client.client_id, "redirect_uris": [CALLBACK]}
        if registered.secret is not None:
            told["client_secret"] = registered.secret
        return {**given, **told}

    def dynamic_client(self, **metadata: Any) -> dict[str, Any]:
        """Return what the registration endpoint answered."""
        answer = self.register(**metadata)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.get_json()
        return found

    def register(self, **metadata: Any) -> TestResponse:
        given = {
            "client_name": "Suite",
            "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "client_secret_basic",
            **metadata,
        }
        kept = {name: value for name, value in given.items() if value is not None}
        return self.browser.post("/register", json=kept, base_url=f"http://{HOST}")

    # --- the authorization endpoint

    def request(self, client: dict[str, Any], **changes: Any) -> dict[str, str]:
        """Return the parameters of a request; a change to `None` leaves one out."""
        told = {
            "client_id": client["client_id"],
            "redirect_uri": client["redirect_uris"][0],
            "response_type": "code",
            "scope": "openid",
            "state": "state-of-the-suite",
            "nonce": "nonce-of-the-suite",
            **changes,
        }
        return {name: str(value) for name, value in told.items() if value is not None}

    def open(self, client: dict[str, Any], **changes: Any) -> TestResponse:
        return self.get(f"/authorize?{urlencode(self.request(client, **changes))}")

    def authorize(
        self, client: dict[str, Any], *, decision: str = "allow", **changes: Any
    ) -> Answer:
        """Send the person through every page; return what came back."""
        return self.walk(self.open(client, **changes), decision=decision)

    def walk(self, response: TestResponse, *, decision: str = "allow") -> Answer:
        """Do what pages ask for until the browser is sent to the callback."""
        for _ in range(20):
            answer = _answer(response)
            if answer is not None:
                return answer
            assert response.status_code in {302, 303}, response.text
            there = response.headers["Location"]
            response = self._page(there, decision)
        raise AssertionError("the pages have no end")

    def _page(self, there: str, decision: str) -> TestResponse:
        """Open an address of ours, and fill in the form if it is a page with one."""
        page = self.get(there)
        if page.status_code != 200 or _answer(page) is not None:
            return page
        path = urlsplit(there).path
        self.pages.append(path)
        told = {
            "/masuk": {"identifier": NIK, "password": PASSWORD},
            "/izin": {"decision": decision},
        }[path]
        same = {"Origin": ISSUER, "Sec-Fetch-Site": "same-origin"}
        return self.post(there, {**form_fields(page), **told}, **same)

    # --- the machine endpoints

    def token(self, client: dict[str, Any], **form: Any) -> TestResponse:
        told = {name: value for name, value in form.items() if value is not None}
        headers = told.pop("headers", {})
        url = told.pop("url", "/token")
        method = client.get("token_endpoint_auth_method", "client_secret_basic")
        if method == "client_secret_basic":
            pair = f"{quote_plus(client['client_id'])}:{quote_plus(client['client_secret'])}"
            headers["Authorization"] = "Basic " + b64encode(pair.encode()).decode()
        elif method == "client_secret_post":
            told |= {"client_id": client["client_id"], "client_secret": client["client_secret"]}
        else:
            told.setdefault("client_id", client["client_id"])
        return self.post(url, told, **headers)

    def redeem(self, client: dict[str, Any], code: str, **form: Any) -> TestResponse:
        return self.token(
            client,
            grant_type="authorization_code",
            code=code,
            redirect_uri=client["redirect_uris"][0],
            **form,
        )

    def tokens(self, client: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """Go the whole way with a person; return the answer of the token endpoint."""
        answer = self.redeem(client, self.authorize(client, **changes)["code"])
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.get_json()
        return found

    def userinfo(self, access_token: str) -> TestResponse:
        return self.get("/userinfo", Authorization=f"Bearer {access_token}")

    def verified(self, token: str, *, algorithms: tuple[str, ...] = ("RS256",)) -> dict[str, Any]:
        """Return the claims of a token of the provider by its published keys."""
        keys = KeySet.import_key_set(self.get("/jwks").get_json())
        found = jws.deserialize_compact(token.encode(), keys, algorithms=list(algorithms))
        claims: dict[str, Any] = json.loads(found.payload or b"")
        return claims

    def id_token(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Return the claims of an ID token after the checks of OpenID Connect Core §3.1.3.7."""
        claims = self.verified(answer["id_token"])
        now = self.clock.now()
        assert claims["iss"] == ISSUER
        assert claims["exp"] > now
        assert now - 300 <= claims["iat"] <= now
        assert isinstance(claims["sub"], str)
        assert 0 < len(claims["sub"]) <= 255
        return claims


def _answer(response: TestResponse) -> Answer | None:
    """Return what a response brings to the callback, `None` if it does not go there."""
    there = response.headers.get("Location", "")
    if there.startswith(SUITE):
        parts = urlsplit(there)
        registered = dict(parse_qsl(urlsplit(there.partition("#")[0]).query))
        if parts.fragment:
            return Answer("fragment", dict(parse_qsl(parts.fragment, strict_parsing=True)))
        return Answer("query", registered)
    if response.status_code != 200 or not response.text.lstrip().startswith("<!"):
        return None
    forms = _Forms()
    forms.feed(response.text)
    if not any(action.startswith(SUITE) for action in forms.actions):
        return None
    return Answer("form_post", form_fields(response))


def cause_of(app: Application, response: TestResponse) -> str:
    """Return what a portal's team finds under the support code of an error page."""
    [code] = re.findall(r"\b[A-Z\d]{4}-[A-Z\d]{4}\b", response.text)
    moments = app.wiring.services.support.timeline(code).moments
    [failure] = [m.what for m in moments if isinstance(m.what, Failure) and m.what.detail]
    return failure.detail


def is_error_page(response: TestResponse, *words: str) -> bool:
    """Return whether the person is told here, and nobody is sent anywhere."""
    return (
        response.status_code == 400
        and "Location" not in response.headers
        and all(word in response.text for word in words)
    )


def a_suite(make_app: Callable[..., Application], clock: FixedClock) -> Suite:
    """Return a suite in front of a fresh provider, with one person who has every claim."""
    app = make_app(**SETTINGS)
    app.wiring.services.accounts.create(PERSON)
    return Suite(app, clock, app.test_client())
