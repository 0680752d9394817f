"""Somebody who builds a portal, with a team of their own."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.assurance import PASSWORD as BY_PASSWORD
from idp.domain.identity.assurance import SMS_CODE, combine
from idp.domain.identity.team import Membership, TeamRole
from tests.guest import Guest
from tests.portal import an_account, sign_in

BOTH = combine(BY_PASSWORD, SMS_CODE)
CALLBACK = "https://portal.example/kembali"


@dataclass
class Developer:
    """A citizen at the partner space, signed in with both factors a moment ago."""

    app: Application
    guest: Guest
    account: Account

    def get(self, path: str) -> TestResponse:
        return self.guest.get(f"/pengembang{path}")

    def post(self, path: str, page: TestResponse | None = None, **fields: Any) -> TestResponse:
        return self.guest.post(f"/pengembang{path}", page, **fields)

    def create_team(self, name: str = "Dinas Contoh") -> UUID:
        answer = self.post("/tim", name=name)
        assert answer.status_code == 303, answer.text
        return UUID(urlsplit(answer.headers["Location"]).path.rpartition("/")[2])

    def register(self, team_id: UUID, **fields: Any) -> "Registered":
        told = {
            "team": str(team_id),
            "kind": "web",
            "library": "authlib",
            "client_name": "Portal Uji",
            "redirect_uris": CALLBACK,
            "scopes": ["profile", "email"],
            **fields,
        }
        answer = self.post("/portal/baru", **told)
        assert answer.status_code == 200, answer.text
        client_id = re.search(r'id="client-id">([^<]+)<', answer.text)
        secret = re.search(r'id="client-secret">([^<]+)<', answer.text)
        portal_id = re.search(r"/pengembang/portal/([0-9a-f-]{36})", answer.text)
        assert client_id is not None, answer.text
        assert portal_id is not None
        return Registered(
            UUID(portal_id[1]), client_id[1], secret[1] if secret is not None else None, answer
        )

    def try_sign_in(self, portal_id: UUID) -> TestResponse:
        """Walk the sign-in tester to its end, allowing what is asked."""
        answer = self.post("/uji", portal=str(portal_id), scope="openid profile email")
        assert answer.status_code == 303, answer.text
        while answer.status_code == 303:
            there = answer.headers["Location"]
            if there.startswith("/izin"):
                answer = self.guest.post(there, decision="allow")
            else:
                answer = self.guest.get(there)
        return answer

    def draft(self, portal_id: UUID, **fields: Any) -> TestResponse:
        """Fill in what is proposed for production."""
        told = {
            "client_name": "Portal Uji",
            "redirect_uris": CALLBACK,
            "policy_uri": "https://portal.example/privasi",
            "contacts": "tim@portal.example",
            "scopes": ["profile", "email"],
            "token_endpoint_auth_method": "client_secret_basic",
            "purposes": "profile: menyapa | UU 27/2022\nemail: kabar lamaran | UU 27/2022",
            **fields,
        }
        return self.post(f"/portal/{portal_id}/pengajuan", **told)

    def submit(self, portal_id: UUID) -> TestResponse:
        return self.post(f"/portal/{portal_id}/ajukan")


@dataclass
class Registered:
    """What the wizard told. `secret`: stands on `page` alone."""

    portal_id: UUID
    client_id: str
    secret: str | None
    page: TestResponse


def a_developer(app: Application, number: int = 1, **given: Any) -> Developer:
    account = an_account(app, number=number, **given)
    guest = Guest(app, address=f"203.0.113.{number}", language=given.get("locale", "id"))
    sign_in(app, guest.browser, account, BOTH)
    return Developer(app, guest, account)


def a_member(app: Application, team_id: UUID, role: TeamRole, number: int) -> Developer:
    """Return somebody who is in a team already."""
    developer = a_developer(app, number)
    services = app.wiring.services
    with services.store.write() as tx:
        tx.teams.put_member(Membership(team_id, developer.account.id, role, services.clock.now()))
    return developer


def query_of(answer: TestResponse) -> dict[str, str]:
    asked = parse_qs(urlsplit(answer.headers["Location"]).query)
    return {name: values[0] for name, values in asked.items()}
