"""Debian's mod_auth_openidc: Apache as a portal, for pages in any language behind it."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import pytest

from idp.domain.protocol.client import Client, ClientStatus, Profile
from idp.web.client_kinds import KIND_BY_NAME
from idp.web.client_snippets import snippet_for
from tests.interop.apache import Apache, is_installed, running_apache
from tests.interop.person import Person
from tests.live_server import LiveServer
from tests.servers import free_port
from tests.waiting_for import until

pytestmark = pytest.mark.xdist_group("interop")


@pytest.fixture(scope="module")
def apache(server: LiveServer, apache_port: int) -> Iterator[Apache]:
    assert is_installed(), "apache2 and libapache2-mod-auth-openidc: `make test` installs them"
    base = f"http://localhost:{apache_port}"
    client = server.a_client(
        redirect_uris=[f"{base}/oidc/cb"],
        post_logout_redirect_uris=[f"{base}/left.html"],
        backchannel_logout_uri=f"{base}/oidc/cb?logout=backchannel",
        scope="openid profile email offline_access",
    )
    with running_apache(apache_port, server.url, client) as running:
        yield running


@pytest.fixture
def person(account: dict[str, Any]) -> Iterator[Person]:
    somebody = Person(account)
    yield somebody
    somebody.close()


def enter(person: Person, apache: Apache) -> str:
    """Open the protected page, through the sign-in; return what it shows."""
    page = person.open(apache.secret)
    assert page.status_code == 200, page.text
    assert str(page.url) == apache.secret
    return page.text


def test_the_configuration_that_the_console_hands_out_signs_people_in(
    server: LiveServer, person: Person
) -> None:
    """Issue 6: the guided form for old PHP ends with these lines."""
    port = free_port()
    kind = KIND_BY_NAME["php-lama"]
    told = server.a_client(
        **{**kind.begins_with, "redirect_uris": [f"http://localhost:{port}/oidc/cb"]}
    )
    client = Client(uuid4(), told["client_id"], ClientStatus.ACTIVE, Profile.BASELINE, told)
    handed_out = snippet_for(kind.snippet, client, issuer=server.url, secret=told["client_secret"])
    # the passphrase is the machine's own, and a page of the tests stays open
    lines = [line for line in handed_out.splitlines() if "OIDCCryptoPassphrase" not in line]
    lines = ["<Location /secret>" if line == "<Location />" else line for line in lines]

    with running_apache(port, server.url, told, *lines) as apache:
        shown = enter(person, apache)
        kept = told_by(person, apache)

    assert f"user={kept['id_token']['sub']}" in shown
    assert kept["refresh_token"]


def told_by(person: Person, apache: Apache) -> dict[str, Any]:
    """Return what the module keeps of the session."""
    answer = person.browser.get(f"{apache.callback}?info=json")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def is_let_in(person: Person, apache: Apache) -> bool:
    return person.browser.get(apache.secret).status_code == 200


def test_a_page_of_apache_knows_who_signed_in(person: Person, apache: Apache) -> None:
    shown = enter(person, apache)

    assert "user=budi1@contoh.id" in shown
    assert "name=Siti Nurlela Putri" in shown
    assert "acr=urn:kemnaker:aal:1" in shown


def test_userinfo_and_id_token_are_about_the_same_person(
    person: Person, apache: Apache, server: LiveServer
) -> None:
    enter(person, apache)

    told = told_by(person, apache)

    assert told["userinfo"]["sub"] == told["id_token"]["sub"]
    assert told["userinfo"]["email_verified"] is True
    assert told["id_token"]["iss"] == server.url
    assert told["id_token"]["sid"]


def test_the_module_refreshes_its_access_token(person: Person, apache: Apache) -> None:
    enter(person, apache)
    before = told_by(person, apache)
    there = f"{apache.url}/left.html"
    query = urlencode({"refresh": there, "access_token": before["access_token"]})

    answer = person.browser.get(f"{apache.callback}?{query}")

    assert answer.headers["Location"] == there, answer.headers["Location"]
    after = told_by(person, apache)
    assert after["access_token"] != before["access_token"]
    # a confidential client keeps its refresh token (OA-14)
    assert after["refresh_token"] == before["refresh_token"]
    assert after["userinfo"]["sub"] == before["userinfo"]["sub"]


def test_a_logout_at_the_portal_ends_the_session_here_too(
    person: Person, apache: Apache, server: LiveServer
) -> None:
    enter(person, apache)
    left = f"{apache.url}/left.html"

    gone = person.open(f"{apache.callback}?{urlencode({'logout': left})}")

    assert str(gone.url) == left
    assert gone.text == "left"
    assert not is_let_in(person, apache)
    asked = person.browser.get(apache.secret)
    assert urlsplit(asked.headers["Location"]).path == "/authorize"
    page = person.browser.get(asked.headers["Location"])
    assert urlsplit(page.headers["Location"]).path == "/masuk"


def test_a_logout_here_ends_the_session_at_the_portal_behind_its_back(
    person: Person, apache: Apache, server: LiveServer
) -> None:
    enter(person, apache)
    assert is_let_in(person, apache)
    page = person.open(f"{server.url}/keluar")

    person.send(page, to="/keluar", decision="all")

    until(lambda: not is_let_in(person, apache))


def test_a_session_ended_from_another_browser_ends_at_the_portal(
    person: Person, apache: Apache, server: LiveServer, account: dict[str, Any]
) -> None:
    enter(person, apache)
    other = Person(account)
    page = other.open(f"{server.url}/akun/sesi")
    assert page.status_code == 200

    other.send(page, to="/akun/sesi", action="others")
    other.close()

    until(lambda: not is_let_in(person, apache))


def test_single_sign_on_asks_nobody_twice(
    person: Person, apache: Apache, server: LiveServer
) -> None:
    enter(person, apache)
    kept = person.browser.cookies
    for cookie in [cookie.name for cookie in kept.jar if "mod_auth" in cookie.name]:
        kept.delete(cookie)
    person.habits.clear()

    assert "user=budi1@contoh.id" in enter(person, apache)


def test_a_code_that_was_never_ours_lets_nobody_in(person: Person, apache: Apache) -> None:
    begun = person.browser.get(apache.secret)
    state = parse_qs(urlsplit(begun.headers["Location"]).query)["state"][0]

    answer = person.browser.get(
        f"{apache.callback}?{urlencode({'code': 'made-up', 'state': state})}"
    )

    assert "user=" not in answer.text
    assert not is_let_in(person, apache)


def test_a_no_of_the_person_lets_nobody_in(apache: Apache, server: LiveServer) -> None:
    somebody = Person(server.an_account(number=7))
    somebody.habits["/izin"] = lambda: {"decision": "deny"}

    answer = somebody.open(apache.secret)
    is_in = is_let_in(somebody, apache)
    somebody.close()

    # the module takes an error with `iss` (RFC 9207) for a sign-in that begins elsewhere
    assert "error=access_denied" in str(answer.url)
    assert "user=" not in answer.text
    assert not is_in
