"""PD-4: a walk through everything, and nothing of anybody in a log."""

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from werkzeug.test import TestResponse

from idp.app import Application
from tests.eavesdropping import Everything, listening
from tests.everywhere import FORMS, NEW_PASSWORD, World
from tests.guest import PASSWORD, Guest, cookie_of
from tests.portal import a_portal, an_account, sign_in
from tests.sandbox_server import Sandbox

#: Parameters of addresses that are secrets, or that name what a person does where.
_SECRET_PARAMETERS = ("m", "k", "i", "code", "p", "h", "state", "nonce")


def _secrets_in(answer: TestResponse) -> set[str]:
    """Return cookies, form tokens and secrets of addresses that an answer gives away."""
    found = set(re.findall(r'name="(?:csrf_token|puzzle)" value="([^"]+)"', answer.text))
    for cookie in answer.headers.getlist("Set-Cookie"):
        found.add(cookie.partition("=")[2].partition(";")[0])
    query = parse_qs(urlsplit(answer.headers.get("Location", "")).query)
    found |= {value for name in _SECRET_PARAMETERS for value in query.get(name, ())}
    return {value for value in found if len(value) >= 16}


def _told_in(guest: Guest) -> set[str]:
    """Return what messages say that nobody but their reader may know."""
    told = set()
    for message in guest.messages():
        values = message["values"]
        told |= {values[name] for name in ("code", "secret", "page") if name in values}
        told.add(message["to"])
    return told


def test_pd_4_a_walk_through_every_form_leaves_nothing_personal_in_a_log(
    make_app: Callable[..., Application], sandbox: Sandbox
) -> None:
    app = make_app(SIAPKERJA_LIMITS_FACTOR="1000", **sandbox.environment())
    # an application sets up its logs when it is made: listen from then on
    with listening() as log:
        markers = _walk(app, sandbox)

    assert len(markers) > 100
    everything = "\n".join(log.lines)
    assert everything.count('"name": "idp.web.front"') > 100
    for marker in markers:
        assert marker not in everything, marker


def _walk(app: Application, sandbox: Sandbox) -> set[str]:
    """Go through every form and return what nobody may read of it afterwards."""
    markers = {PASSWORD, NEW_PASSWORD, "Santoso", "kuda hijau terbang tinggi", "contoh.id"}
    for number, form in enumerate(FORMS, start=1):
        world = World(app, sandbox, number)
        sent = form(world)
        markers |= {f"32730117089{9000 + number:05d}"[:16], f"0812000000{number:02d}"}
        markers |= {value for name, value in sent.fields.items() if "password" in name}
        for name in ("flow", "sid", "device"):
            markers |= {cookie_of(sent.guest.browser, name) or PASSWORD}
        answers = [sent.page, sent.send(csrf_token="forged"), sent.send(), sent.send()]
        markers |= _told_in(sent.guest)
        for answer in answers:
            markers |= _secrets_in(answer)
    return markers


def test_pd_4_a_walk_through_the_protocol_leaves_no_token_and_no_query_in_a_log(
    app: Application, log: Everything
) -> None:
    account = an_account(app)
    guest = Guest(app)
    sid = sign_in(app, guest.browser, account)
    portal = a_portal(app, guest.browser, scope="openid profile email nik offline_access")
    scope = "openid profile email nik offline_access"
    given = {
        "state": "penanda-state-1",
        "nonce": "penanda-nonce-1",
        "login_hint": "penanda.petunjuk@contoh.id",
    }
    code = portal.authorize(scope=scope, prompt="consent", **given)
    tokens = portal.redeem(code).get_json()
    refreshed = portal.refresh(tokens["refresh_token"]).get_json()
    portal.redeem(code)
    portal.redeem("penanda-kode-1")
    portal.userinfo(refreshed["access_token"])
    portal.userinfo("penanda-token-1")
    portal.introspect(tokens["access_token"])
    portal.token(path="/revoke", token=tokens["refresh_token"])
    portal.browser.post(
        "/token", data={"client_id": portal.client_id, "client_secret": "penanda-rahasia-1"}
    )
    portal.start(redirect_uri="https://evil.example/penanda-alamat-1")
    guest.get(f"/end_session?id_token_hint={tokens['id_token']}&state=penanda-state-2")
    guest.get("/masuk?i=penanda-permintaan-1&lanjut=penanda-lanjut-1")

    everything = "\n".join(log.lines)
    markers = {code, sid, portal.secret or "", "3273011708909001", "Santoso", "budi1@contoh.id"}
    for answer in (tokens, refreshed):
        markers |= {answer[name] for name in ("access_token", "id_token") if name in answer}
    markers |= {tokens["refresh_token"]}
    for marker in markers:
        assert marker, markers
        assert marker not in everything, marker
    assert [line for line in log.lines if "penanda" in line and "alamat" not in line] == []
