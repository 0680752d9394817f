"""Everything that a person's browser meets: provider, portals, JKP and sandbox on real sockets."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlencode

import httpx

from idp.services import Services
from idp.services.client_registry import registration_document
from tests.interop.demo_process import Demo

PASSWORD = "perahu-kabut-lada-64"
#: Of the example verifier (RFC 7636, appendix B).
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
CODE = r"(?<![\w#])\d{6}(?!\w)"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
CIBA = "urn:openid:params:grant-type:ciba"


@dataclass
class World:
    """A running demo. Everybody in it has a network, a phone and an address of their own.

    `services`: the provider's own use cases on the same database, for what an operator does.
    """

    demo: Demo
    services: Services
    api: httpx.Client
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    read: set[str] = field(default_factory=set)

    def url(self, part: str, path: str = "/") -> str:
        return self.demo.url(part) + path

    def address(self) -> str:
        """Return a network address that no limit knows yet."""
        number = next(self.numbers)
        return f"10.{number // 250}.{number % 250}.1"

    def a_person(self) -> dict[str, str]:
        """Return somebody whom Dukcapil knows, with contacts that nobody has."""
        number = next(self.numbers)
        made = self.api.post("/api/people", json={}).raise_for_status().json()
        return {
            "nik": made["nik"],
            "name": made["name"],
            "mother_name": made["mother_name"],
            "email": f"warga{number}@contoh.id",
            "phone": f"+62812{3000 + number}{7000 + number}",
            "password": PASSWORD,
        }

    def a_phone(self) -> str:
        """Return a number that nobody has."""
        number = next(self.numbers)
        return f"+62815{3000 + number}{7000 + number}"

    def a_mailbox(self) -> str:
        """Return an address that nobody has."""
        return f"baru{next(self.numbers)}@contoh.id"

    def an_account(self, **claims: Any) -> dict[str, Any]:
        """Open an account for somebody who gets codes of their own."""
        number = next(self.numbers)
        given = {
            "nik": f"327301250588{9000 + number}",
            "password": PASSWORD,
            "name": "Agus Setiawan",
            "email": f"agus{number}@contoh.id",
            "email_verified": True,
            "phone_number": f"+62813{3000 + number}{7000 + number}",
            "phone_number_verified": True,
            **claims,
        }
        given = {name: value for name, value in given.items() if value is not None}
        self.services.accounts.create(given)
        return given

    def a_client(self, **metadata: Any) -> dict[str, Any]:
        """Register a portal."""
        given = {"client_name": "Portal Uji", "scope": "openid profile email", **metadata}
        return registration_document(self.services.clients.register(given))

    def sms_code(self, phone: str) -> str:
        """Return the code of a short message that nobody read yet."""
        return self._find("/api/sms", phone, CODE)

    def mail_code(self, address: str) -> str:
        """Return the code of a letter that nobody read yet."""
        return self._find("/api/mail", address, CODE)

    def mail_link(self, address: str, path: str) -> str:
        """Return the link that begins with a path, from a letter that nobody read yet."""
        return self._find("/api/mail", address, re.escape(self.url("provider", path)) + r"\S+")

    def next_dukcapil(self, kind: str, nik: str, *, times: int = 1) -> None:
        told = {"kind": kind, "nik": nik, "times": times}
        self.api.post("/api/dukcapil/next", json=told).raise_for_status()

    def next_sms(self, kind: str, to: str, *, times: int = 1) -> None:
        told = {"kind": kind, "to": to, "times": times}
        self.api.post("/api/sms/next", json=told).raise_for_status()

    def _find(self, inbox: str, to: str, pattern: str) -> str:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            reply = self.api.get(inbox, params={"to": to}).raise_for_status()
            for message in reply.json()["messages"]:
                found = re.search(pattern, message["text"])
                if found is not None and message["id"] not in self.read:
                    self.read.add(message["id"])
                    return found[0]
            time.sleep(0.02)
        raise AssertionError(f"nothing came to {to} that has {pattern}")

    def discovery(self) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(
            self.url("provider", "/.well-known/openid-configuration"), trust_env=False
        ).json()
        return found

    def post_as(self, client: dict[str, Any], endpoint: str, **params: str) -> dict[str, Any]:
        """Send a portal's own request to an endpoint of the discovery document."""
        reply = httpx.post(
            self.discovery()[endpoint],
            data=params,
            auth=(client["client_id"], client["client_secret"]),
            trust_env=False,
        )
        reply.raise_for_status()
        found: dict[str, Any] = reply.json()
        return found

    def authorize(self, client: dict[str, Any], **params: str) -> str:
        """Return the address to which a portal sends a browser."""
        asked = {
            "client_id": client["client_id"],
            "redirect_uri": client["redirect_uris"][0],
            "response_type": "code",
            "scope": "openid profile email",
            "state": "keadaan",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **params,
        }
        return f"{self.discovery()['authorization_endpoint']}?{urlencode(asked)}"
