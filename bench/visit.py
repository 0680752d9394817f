"""A browser and a relying party, as far as a provider can tell: what each flow is made of."""

import json
import re
import secrets
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from html import unescape
from typing import Any, Final
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit

from bench.target import Person, Registration, Target
from bench.wire import Answer, Connection, PeerFailed

_FORM: Final = "application/x-www-form-urlencoded"
_REDIRECTS: Final = frozenset({301, 302, 303, 307})
_STEPS_MAX: Final = 12

_POSTED_FORM: Final = re.compile(r"<form\b(?P<of>[^>]*)>(?P<in>.*?)</form>", re.S | re.I)
_INPUT: Final = re.compile(r"<input\b([^>]*)>", re.I)
_ATTRIBUTE: Final = re.compile(r"""([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")


@dataclass(slots=True)
class Browser:
    """One person's browser: cookies with their paths, redirects, forms."""

    target: Target
    connection: Connection
    _cookies: dict[str, tuple[str, str]] = field(default_factory=dict)

    def get(self, path: str) -> Answer:
        """Fetch a page; a redirect is an answer like any other."""
        return self._keep_cookies(self.connection.ask("GET", path, self._headers(path)))

    def post(self, path: str, fields: dict[str, str]) -> Answer:
        """Send a form as a browser sends one of the site's own."""
        headers = self._headers(path) | {
            "Content-Type": _FORM,
            "Origin": self.target.origin,
            "Sec-Fetch-Site": "same-origin",
        }
        body = urlencode(fields).encode()
        return self._keep_cookies(self.connection.ask("POST", path, headers, body))

    def _headers(self, path: str) -> dict[str, str]:
        plain = path.partition("?")[0]
        sent = [
            f"{name}={value}"
            for name, (value, below) in self._cookies.items()
            if plain.startswith(below)
        ]
        return {"Cookie": "; ".join(sent)} if sent else {}

    def _keep_cookies(self, answer: Answer) -> Answer:
        for line in answer.headers.get("set-cookie", ()):
            first, *rest = line.split(";")
            name, _, value = first.strip().partition("=")
            told = dict(part.strip().partition("=")[::2] for part in rest)
            below = next((v for n, v in told.items() if n.lower() == "path"), "/")
            if value:
                self._cookies[name] = (value, below)
            else:
                self._cookies.pop(name, None)
        return answer


@dataclass(frozen=True, slots=True)
class Asked:
    """What a portal must remember of its authorization request."""

    path: str
    state: str
    nonce: str
    verifier: str


@dataclass(slots=True)
class Visit:
    """One person at one portal: the browser, and the portal's own calls on the same connection."""

    target: Target
    connection: Connection
    person: Person
    browser: Browser

    @classmethod
    def begin(cls, target: Target, person: Person) -> "Visit":
        """Return a visit in a browser without cookies."""
        connection = Connection(target.port)
        return cls(target, connection, person, Browser(target, connection))

    def forget(self) -> None:
        """Go on in a new browser over the same connection."""
        self.browser = Browser(self.target, self.connection)

    def ask(self, client: Registration, scope: str, **more: str) -> Asked:
        """Return an authorization request with state, nonce and PKCE (RFC 7636 §4.1, §4.2)."""
        verifier = secrets.token_urlsafe(32)
        digest = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=")
        state, nonce = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
        query = {
            "client_id": client.client_id,
            "redirect_uri": self.target.callback,
            "response_type": "code",
            "scope": scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": digest.decode(),
            "code_challenge_method": "S256",
            **more,
        }
        path = f"{self.target.endpoints.authorization}?{urlencode(query)}"
        return Asked(path, state, nonce, verifier)

    def authorize(self, asked: Asked) -> str:
        """Return the code that a live session gets without any page."""
        answer = self.browser.get(asked.path)
        code = self._code(answer, asked)
        if code is None:
            told = answer.header("location") or answer.body[:200].decode("utf-8", "replace")
            raise PeerFailed(f"authorize: {answer.status} {told}")
        return code

    def sign_in(self, asked: Asked) -> str:
        """Return the code after walking through every page that comes in between."""
        answer = self.browser.get(asked.path)
        path = asked.path
        for _ in range(_STEPS_MAX):
            code = self._code(answer, asked)
            if code is not None:
                return code
            if answer.status in _REDIRECTS:
                path = _local(answer.header("location"))
                answer = self.browser.get(path)
            elif answer.status == 200:
                path, fields = self._filled(path, answer.body.decode())
                answer = self.browser.post(path, fields)
            else:
                break
        raise PeerFailed(f"sign-in: {answer.status} at {path.partition('?')[0]}")

    def redeem(self, client: Registration, code: str, asked: Asked) -> dict[str, Any]:
        """Return the tokens for a code; the ID token must carry the nonce."""
        tokens = self.token(
            client,
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self.target.callback,
                "code_verifier": asked.verifier,
            },
        )
        claims = _claims(tokens["id_token"])
        if claims["nonce"] != asked.nonce or client.client_id not in _listed(claims["aud"]):
            raise PeerFailed("the ID token is for another request")
        return tokens

    def token(self, client: Registration, form: dict[str, str]) -> dict[str, Any]:
        """Call the token endpoint as a client."""
        answer = self._call(client, self.target.endpoints.token, form)
        if "access_token" not in answer:
            raise PeerFailed("token: no access token")
        return answer

    def introspect(self, client: Registration, token: str) -> dict[str, Any]:
        """Ask whether a token counts (RFC 7662 §2.1)."""
        return self._call(client, self.target.endpoints.introspection, {"token": token})

    def userinfo(self, token: str) -> dict[str, Any]:
        """Ask who the person is (OpenID Connect Core §5.3.1)."""
        path = self.target.endpoints.userinfo
        answer = self.connection.ask("GET", path, {"Authorization": f"Bearer {token}"})
        return _document(answer, "userinfo")

    def jwks(self) -> dict[str, Any]:
        """Fetch the provider's keys."""
        answer = self.connection.ask("GET", self.target.endpoints.jwks, {})
        return _document(answer, "jwks")

    def _call(self, client: Registration, path: str, form: dict[str, str]) -> dict[str, Any]:
        headers = {"Content-Type": _FORM}
        if client.secret:
            pair = f"{quote_plus(client.client_id)}:{quote_plus(client.secret)}"
            headers["Authorization"] = "Basic " + b64encode(pair.encode()).decode()
        else:
            form = {**form, "client_id": client.client_id}
        answer = self.connection.ask("POST", path, headers, urlencode(form).encode())
        return _document(answer, path)

    def _code(self, answer: Answer, asked: Asked) -> str | None:
        location = answer.header("location")
        if answer.status not in _REDIRECTS or not location.startswith(self.target.callback):
            return None
        told = dict(parse_qsl(urlsplit(location).query))
        if told.get("state") != asked.state or "code" not in told:
            raise PeerFailed(f"the portal was told {told.get('error', 'another state')}")
        return told["code"]

    def _filled(self, path: str, page: str) -> tuple[str, dict[str, str]]:
        """Return where the page's form goes to and its fields as this person fills them."""
        for form in _POSTED_FORM.finditer(page):
            told = _attributes(form["of"])
            if told.get("method", "").lower() == "post":
                fields = self._fields(form["in"])
                return _local(told.get("action") or path), fields
        raise PeerFailed(f"no form at {path.partition('?')[0]}")

    def _fields(self, inside: str) -> dict[str, str]:
        fields = {}
        for given in _INPUT.finditer(inside):
            told = _attributes(given[1])
            name = told.get("name", "")
            if name in self.target.login_fields:
                fields[name] = self.person.login
            elif name in self.target.password_fields:
                fields[name] = self.person.password
            elif told.get("type") == "hidden":
                fields[name] = told.get("value", "")
        return fields


def _attributes(text: str) -> dict[str, str]:
    return {m[1].lower(): unescape(m[2] or m[3] or "") for m in _ATTRIBUTE.finditer(text)}


def _local(location: str) -> str:
    parts = urlsplit(location)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _document(answer: Answer, where: str) -> dict[str, Any]:
    if answer.status != 200:
        told = answer.body[:300].decode("utf-8", "replace")
        raise PeerFailed(f"{where}: {answer.status} {told}")
    found: dict[str, Any] = json.loads(answer.body)
    return found


def _claims(token: str) -> dict[str, Any]:
    """Return what a JWT says. A client would verify it; that is not the server's work."""
    payload = token.split(".")[1]
    found: dict[str, Any] = json.loads(_decoded(payload))
    return found


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _listed(audience: str | list[str]) -> list[str]:
    return [audience] if isinstance(audience, str) else audience
