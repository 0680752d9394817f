"""Somebody at the sign-in pages, with a browser, a mailbox and a phone of their own."""

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from tests.portal import form_fields, same_origin
from tests.sandbox_server import Sandbox

PASSWORD = "tiga kata acak sekali"
CHROME = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Mobile Safari/537.36"
)


@dataclass
class Guest:
    """`query`: what the first page's address carries; `address`: of the network."""

    app: Application
    sandbox: Sandbox | None = None
    address: str = "203.0.113.7"
    language: str = "id"
    query: dict[str, str] = field(default_factory=dict)
    browser: FlaskClient = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        self.browser = self.browser or self.app.test_client()
        self.browser.environ_base["REMOTE_ADDR"] = self.address

    def get(self, url: str) -> TestResponse:
        return self.browser.get(url, headers=self._headers())

    def post(self, url: str, page: TestResponse | None = None, **fields: Any) -> TestResponse:
        """Send a page's first form to its own address; without `page` it is fetched first."""
        page = page or self.get(url)
        assert "csrf_token" in page.text, (page.status_code, page.headers.get("Location"))
        data = {**form_fields(page), **fields}
        return self.browser.post(
            url,
            data={name: value for name, value in data.items() if value is not None},
            headers={**self._headers(), **same_origin()},
        )

    def _headers(self) -> dict[str, str]:
        return {"Accept-Language": self.language, "User-Agent": CHROME}

    def url(self, path: str) -> str:
        return f"{path}?{urlencode(self.query)}" if self.query else path

    def log_in(
        self,
        identifier: str,
        password: str = PASSWORD,
        page: TestResponse | None = None,
        **more: Any,
    ) -> TestResponse:
        """Send the sign-in page."""
        return self.post(self.url("/masuk"), page, identifier=identifier, password=password, **more)

    def enter(
        self, identifier: str, password: str = PASSWORD, *, remember: bool = False
    ) -> TestResponse:
        """Sign in all the way; return the answer that let the person in."""
        answer = self.log_in(identifier, password)
        assert answer.status_code == 303, answer.text
        there = answer.headers["Location"]
        if there.startswith("/masuk/kode"):
            ticked = {"remember": "1"} if remember else {}
            answer = self.post(there, code=self.code(), **ticked)
        assert answer.status_code == 303, answer.text
        return answer

    def messages(self) -> list[dict[str, Any]]:
        """Everything that waits to be sent, or was, newest last; read from the outbox itself."""
        found = []
        services = self.app.wiring.services
        now = services.clock.now()
        with services.store.write() as tx:
            for message in tx.outbox.claim(
                kinds=("sms", "mail"), worker="a test", now=now, lease_seconds=1, limit=1000
            ):
                tx.outbox.finish(message.id, now)
                found.append({"carrier": message.kind, **message.payload})
        self._read = [*getattr(self, "_read", []), *found]
        return self._read

    def code(self) -> str:
        """The newest code that was sent."""
        codes = [told["values"]["code"] for told in self.messages() if told["kind"] == "code"]
        return str(codes[-1])

    def secret(self, kind: str) -> str:
        """The secret of the newest link of a kind."""
        told = [message["values"] for message in self.messages() if message["kind"] == kind]
        secrets = [values["secret"] for values in told if "secret" in values]
        return str(secrets[-1])

    def kinds(self) -> list[str]:
        return [told["kind"] for told in self.messages()]


def path_of(answer: TestResponse) -> str:
    """Return the path that an answer leads to, without its query."""
    return urlsplit(answer.headers["Location"]).path


def words_of(answer: TestResponse) -> str:
    """Return what a person reads on a page, without its elements."""
    return " ".join(unescape(re.sub(r"<[^>]*>", "", answer.text)).split())


def without_nonces(answer: TestResponse) -> str:
    """Return a page without what differs every time."""
    return re.sub(
        r'name="(csrf|passkey)_token" value="[^"]*"|data-options="[^"]*"'
        r'|<span class="mono">[A-Z\d]{4}-[A-Z\d]{4}</span>',
        "",
        answer.text,
    )


def cookie_of(browser: FlaskClient, name: str) -> str | None:
    cookie = browser.get_cookie(name)
    return cookie.value if cookie is not None else None
