"""A citizen who opens an account with a browser, a KTP and a phone."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from adapters.simulators.people import SandboxPerson
from idp.app import Application
from tests.portal import form_fields, same_origin
from tests.sandbox_server import Sandbox

PASSWORD = "kuda hijau terbang tinggi"


@dataclass
class Registrant:
    """`query`: what every page of the way carries, such as `i`; `address`: of the network."""

    app: Application
    sandbox: Sandbox
    person: SandboxPerson
    phone: str = "0812 0000 0101"
    email: str = "siti@contoh.id"
    password: str = PASSWORD
    language: str = "id"
    address: str = "203.0.113.7"
    query: dict[str, str] = field(default_factory=dict)
    browser: FlaskClient = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        self.browser = self.browser or self.app.test_client()
        self.browser.environ_base["REMOTE_ADDR"] = self.address

    def get(self, path: str, **more: str) -> TestResponse:
        return self.browser.get(self._url(path, **more), headers={"Accept-Language": self.language})

    def post(self, path: str, page: TestResponse | None = None, **fields: Any) -> TestResponse:
        """Send a page's form; without `page` it is fetched first."""
        page = page or self.get(path)
        data = {**form_fields(page), **fields}
        return self.browser.post(
            self._url(path),
            data={name: value for name, value in data.items() if value is not None},
            headers={"Accept-Language": self.language, **same_origin()},
        )

    def _url(self, path: str, **more: str) -> str:
        query = {**self.query, **more}
        return f"{path}?{urlencode(query)}" if query else path

    def ktp(self, page: TestResponse | None = None, **changes: Any) -> TestResponse:
        return self.post("/daftar", page, **self.ktp_fields(**changes))

    def ktp_fields(self, **changes: Any) -> dict[str, Any]:
        return {
            "nik": self.person.nik,
            "full_name": self.person.name,
            "mother_name": self.person.mother_name,
            **changes,
        }

    def contact(self, page: TestResponse | None = None, **changes: Any) -> TestResponse:
        return self.post("/daftar/kontak", page, **self.contact_fields(**changes))

    def contact_fields(self, **changes: Any) -> dict[str, Any]:
        return {
            "email": self.email,
            "phone": self.phone,
            "password": self.password,
            "agree": "1",
            **changes,
        }

    def resend(self, page: TestResponse | None = None, **changes: Any) -> TestResponse:
        return self.post("/daftar/kode", page, action="resend", code="", **changes)

    def confirm(
        self, code: str | None = None, page: TestResponse | None = None, **changes: Any
    ) -> TestResponse:
        return self.post(
            "/daftar/kode", page, code=self.code() if code is None else code, **changes
        )

    def until_contact(self) -> "Registrant":
        assert self.ktp().headers["Location"].startswith("/daftar/kontak")
        return self

    def until_code(self) -> "Registrant":
        self.until_contact()
        answer = self.contact()
        assert answer.status_code == 303, answer.text
        assert answer.headers["Location"].startswith("/daftar/kode")
        return self

    def register(self) -> TestResponse:
        """Go all the way; return the answer to the right code."""
        self.until_code()
        answer = self.confirm()
        assert answer.status_code == 303, answer.text
        return answer

    def codes(self) -> list[str]:
        """The codes that reached the phone, newest first."""
        self.app.wiring.services.outbox.deliver_due()
        texts = [message["text"] for message in self.sandbox.sms_to(self.phone)]
        return [re.findall(r"\b\d{6}\b", text)[0] for text in texts]

    def code(self) -> str:
        return self.codes()[0]

    def letters(self, address: str | None = None) -> list[dict[str, Any]]:
        self.app.wiring.services.outbox.deliver_due()
        return self.sandbox.mail_to(address or self.email)


def a_wrong(code: str) -> str:
    """Return another code of six digits."""
    return f"{(int(code) + 1) % 10**6:06d}"
