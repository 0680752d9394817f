"""The JKP module with tokens of the real provider: its own audience counts, no other (JK-1)."""

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx
import pytest

from tests.interop.conftest import CALLBACK
from tests.interop.demo_process import Demo
from tests.interop.person import Person

pytestmark = pytest.mark.xdist_group("demo")

STRONG = {"id_token": {"acr": {"essential": True, "values": ["urn:kemnaker:aal:2"]}}}


@dataclass
class Caller:
    """Another portal that may ask for tokens for JKP, with a person in front of it."""

    demo: Demo
    person: Person
    client: dict[str, Any]

    @property
    def credentials(self) -> tuple[str, str]:
        return self.client["client_id"], self.client["client_secret"]

    def post(self, endpoint: str, **form: str) -> httpx.Response:
        return httpx.post(
            f"{self.demo.url('provider')}/{endpoint}",
            data=form,
            auth=self.credentials,
            trust_env=False,
        )

    def code(self, **changes: str) -> tuple[str, str]:
        """Return a code and the verifier that goes with it."""
        verifier = token_urlsafe(48)
        challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "client_id": self.client["client_id"],
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid profile jkp offline_access",
            "state": "s",
            "prompt": "consent",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **changes,
        }
        url = f"{self.demo.url('provider')}/authorize?{urlencode(asked)}"
        response = self.person.open(url, until=CALLBACK)
        there = urljoin(str(response.url), response.headers.get("Location", ""))
        assert there.startswith(CALLBACK), response.text
        return parse_qs(urlsplit(there).query)["code"][0], verifier

    def tokens(self, resource: str | None = None, **changes: str) -> dict[str, Any]:
        code, verifier = self.code(**changes)
        more = {} if resource is None else {"resource": resource}
        answer = self.post(
            "token",
            grant_type="authorization_code",
            code=code,
            redirect_uri=CALLBACK,
            code_verifier=verifier,
            **more,
        )
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def claim(self, token: str, **body: bool) -> httpx.Response:
        """Read the claim, or file it where a body is given."""
        return httpx.request(
            "POST" if body else "GET",
            f"{self.demo.url('jkp')}/api/klaim",
            headers={"Authorization": f"Bearer {token}"},
            json=body or None,
            trust_env=False,
        )


@pytest.fixture(scope="module")
def registration(demo: Demo) -> dict[str, Any]:
    return demo.cli(
        "client",
        "create",
        document={
            "client_name": "SIAPkerja",
            "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
            "scope": "openid profile jkp offline_access",
            "resources": [demo.url("jkp"), "https://karirhub.example"],
        },
    )


@pytest.fixture
def caller(demo: Demo, demo_person: Person, registration: dict[str, Any]) -> Caller:
    return Caller(demo, demo_person, registration)


@pytest.fixture
def new_caller(demo: Demo, newcomer: Person, registration: dict[str, Any]) -> Caller:
    """A caller whose person has not asked for any code yet."""
    return Caller(demo, newcomer, registration)


def test_jk_1_a_token_for_jkp_is_believed(caller: Caller) -> None:
    tokens = caller.tokens(resource=caller.demo.url("jkp"))

    answer = caller.claim(tokens["access_token"])

    assert answer.status_code == 200, answer.text
    assert "state" in answer.json()


def test_oa_12_no_other_token_of_the_provider_is_believed(caller: Caller) -> None:
    jkp = caller.demo.url("jkp")
    tokens = caller.tokens(resource=jkp)
    own = caller.post("token", grant_type="client_credentials", scope="jkp", resource=jkp)
    refused = {
        "ID token": tokens["id_token"],
        "refresh token": tokens["refresh_token"],
        "code": caller.code()[0],
        "for userinfo": caller.tokens()["access_token"],
        "for another portal": caller.tokens(resource="https://karirhub.example")["access_token"],
        "of a client without person": own.json().get("access_token", "none was issued"),
        "cut": tokens["access_token"][:-4],
    }

    statuses = {kind: caller.claim(token).status_code for kind, token in refused.items()}

    assert statuses == dict.fromkeys(refused, 401)


def test_oa_12_a_token_for_jkp_is_worth_nothing_at_userinfo(caller: Caller) -> None:
    token = caller.tokens(resource=caller.demo.url("jkp"))["access_token"]

    answer = httpx.get(
        f"{caller.demo.url('provider')}/userinfo",
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
    )

    assert answer.status_code == 401


def test_without_the_scope_jkp_a_token_for_jkp_does_not_suffice(caller: Caller) -> None:
    tokens = caller.tokens(resource=caller.demo.url("jkp"), scope="openid profile")

    assert caller.claim(tokens["access_token"]).status_code == 403


def test_jk_1_a_revoked_token_files_nothing_at_once(new_caller: Caller) -> None:
    tokens = new_caller.tokens(resource=new_caller.demo.url("jkp"), claims=json.dumps(STRONG))
    new_caller.post("revoke", token=tokens["refresh_token"]).raise_for_status()

    # it verifies by itself until it expires; a write asks
    assert new_caller.claim(tokens["access_token"]).status_code == 200
    assert new_caller.claim(tokens["access_token"], kapk=True).status_code == 401


def test_filing_with_one_factor_names_what_is_missing_and_with_two_goes_through(
    new_caller: Caller,
) -> None:
    jkp = new_caller.demo.url("jkp")
    weak = new_caller.claim(new_caller.tokens(resource=jkp)["access_token"], kapk=True)
    strong = new_caller.claim(
        new_caller.tokens(resource=jkp, claims=json.dumps(STRONG))["access_token"], kapk=True
    )

    assert weak.status_code == 401
    assert 'error="insufficient_user_authentication"' in weak.headers["WWW-Authenticate"]
    # what is refused now is refused by the rules of the claim, not of the token
    assert strong.status_code in {201, 409}, strong.text
