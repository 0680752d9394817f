"""The live sign-in tester: a real authorization code flow at the team's own sandbox client.

Nothing of it is kept: state, verifier and nonce are made of a key of ours, the tokens stand on the
one page that shows them, and no part of them goes to the log.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Any, Final
from uuid import UUID

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from idp.domain.errors import Refused
from idp.domain.identity.team import Right
from idp.domain.ids import decode_base64url, encode_base64url
from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import ProtocolError
from idp.oidc.endpoints import AUTHORIZATION
from idp.oidc.request import Parameters
from idp.oidc.response import WireResponse
from idp.oidc.trial import binds_by_certificate
from idp.services.partner_portals import PortalView
from idp.web.context import provider, services, visitor, web_settings
from idp.web.forms import Form
from idp.web.partner.blueprint import anybody, needs, partner, person
from idp.web.partner.forms import Choice, Line
from idp.web.partner.token_reader import Reading, read_token
from idp.web.submissions import once

CALLBACK: Final = "/pengembang/uji/kembali"
_LIFE_SECONDS: Final = 900
_AT, _ROW, _NONCE, _MAC = 8, 16, 8, 16
#: What of a secret value is shown, so that two can be told apart.
_GLIMPSE: Final = 6


class TestForm(Form):
    """Which portal to try, asking for what."""

    __test__ = False

    portal = Choice()
    scope = Line(default="openid profile")
    prompt = Choice(options=[("", "-"), ("login", "login"), ("consent", "consent")], default="")


@dataclass(frozen=True, slots=True)
class Try:
    """One test under way; everything is made of the state that travels."""

    state: str
    portal_id: UUID
    verifier: str
    nonce: str


@partner.route("/uji", methods=["GET", "POST"])
@once()
@needs(None)
def tester() -> ResponseReturnValue:
    """Choose a portal and begin; the browser goes the way that a citizen's would."""
    views = _triable()
    form = TestForm()
    form.portal.options = [
        (str(view.portal.id), view.sandbox.name_in(visitor().locale)) for view in views
    ]
    if request.method == "GET":
        first = str(views[0].portal.id) if views else ""
        form.portal.data = request.args.get("portal") or first
    elif form.is_accepted():
        view = next(view for view in views if str(view.portal.id) == form.portal.data)
        begun = _begin(view.portal.id)
        try:
            address = _address(view.sandbox, begun, form.scope.text, form.prompt.data)
            return redirect(address, 303)
        except ProtocolError as error:
            form.refuse(Refused("tester.refused", error=error.error, why=error.description))
        except Refused as refusal:
            form.refuse(refusal, "portal")
    page = render_template("partner/tester.html", form=form, views=views)
    return page, form.status


@partner.get("/uji/kembali")
@anybody
def tester_callback() -> ResponseReturnValue:
    """Take the answer, exchange the code, and show every step; only in the browser that began.

    Whoever signed in for it may be a test person, who is in no team: the state says who began.
    """
    given = request.args
    begun = _read(given.get("state", ""))
    if begun is None:
        return render_template("partner/tester_over.html"), 400
    portal = services().partner_portals.find(begun.portal_id)
    client = provider().directory.find(portal.sandbox_client_id) if portal is not None else None
    if client is None:
        return render_template("partner/tester_over.html"), 400
    answer = {name: _veiled(name, value) for name, value in given.items()}
    result = _exchange(client, begun, given) if "code" in given else None
    return render_template(
        "partner/tester_result.html",
        client=client,
        asked=_asked(client, begun),
        answer=answer,
        is_ours=given.get("iss") == web_settings().issuer,
        result=result,
        error=given.get("error"),
        description=given.get("error_description", ""),
        portal_id=begun.portal_id,
    )


@dataclass(frozen=True, slots=True)
class Result:
    """What the exchange gave. `tokens`: the token response, veiled; `is_bound`: to our key."""

    tokens: str
    reading: Reading | None
    userinfo: str
    nonce_fits: bool
    is_bound: bool = False
    error: ProtocolError | None = None


def _exchange(client: Client, begun: Try, given: MultiDict[str, str]) -> Result:
    form = {
        "grant_type": "authorization_code",
        "code": given["code"],
        "redirect_uri": web_settings().issuer + CALLBACK,
        "code_verifier": begun.verifier,
    }
    try:
        tried = provider().trial.finish(client, Parameters(form, {}, frozenset()), visitor().origin)
    except ProtocolError as error:
        return Result("", None, "", nonce_fits=False, error=error)
    told = tried.tokens
    reading = _reading_of(str(told.get("id_token", "")))
    nonce_fits = reading is not None and reading.claims.get("nonce") == begun.nonce
    return Result(
        _pretty({name: _veiled(name, value) for name, value in told.items()}),
        reading,
        _read_out(tried.userinfo),
        nonce_fits=nonce_fits,
        is_bound=tried.is_bound,
    )


def _reading_of(id_token: str) -> Reading | None:
    """Return what an ID token says, `None` for one that is sealed to the portal's own key."""
    try:
        return read_token(id_token)
    except Refused:
        return None


def _read_out(answer: WireResponse) -> str:
    try:
        return _pretty(json.loads(answer.body))
    except ValueError:
        # signed or encrypted, as the portal registered it
        return answer.body.decode()


def _triable() -> list[PortalView]:
    views = services().partner_portals.list_of(person().id)
    return [
        view
        for view in views
        if view.mine.may(Right.TRY) and "test_redirect_uri" in view.sandbox.metadata
    ]


def _address(client: Client, begun: Try, scope: str, prompt: str) -> str:
    """Return where the browser goes; refuses what can't be tried, or what a push is refused by."""
    if binds_by_certificate(client):
        raise Refused("tester.certificate")
    asked = _asked(client, begun, scope=scope, prompt=prompt)
    query = provider().trial.begin(client, asked, visitor().origin)
    return f"{AUTHORIZATION.path}?{query}"


def _asked(client: Client, begun: Try, *, scope: str = "", prompt: str = "") -> dict[str, str]:
    challenge = encode_base64url(sha256(begun.verifier.encode()).digest())
    asked = {
        "client_id": client.client_id,
        "response_type": "code",
        "redirect_uri": web_settings().issuer + CALLBACK,
        "scope": scope,
        "state": begun.state,
        "nonce": begun.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "prompt": prompt,
    }
    return {name: value for name, value in asked.items() if value}


def _begin(portal_id: UUID) -> Try:
    now = services().clock.now()
    body = now.to_bytes(_AT, "big") + portal_id.bytes + services().entropy.bytes(_NONCE)
    key = services().vault.keys("sign-in-tester")[0]
    return _made(body, key)


def _made(body: bytes, key: bytes) -> Try:
    state = encode_base64url(body + _derived(key, "state", body + visitor().flow_digest)[:_MAC])
    return Try(
        state,
        UUID(bytes=body[_AT : _AT + _ROW]),
        encode_base64url(_derived(key, "verifier", body)),
        encode_base64url(_derived(key, "nonce", body)[:_MAC]),
    )


def _read(state: str) -> Try | None:
    """Return the test of a state that this browser got, within a quarter of an hour."""
    try:
        value = decode_base64url(state)
    except ValueError:
        return None
    body = value[:-_MAC]
    if len(body) != _AT + _ROW + _NONCE:
        return None
    began_at = int.from_bytes(body[:_AT], "big")
    if not 0 <= services().clock.now() - began_at < _LIFE_SECONDS:
        return None
    made = (_made(body, key) for key in services().vault.keys("sign-in-tester"))
    return next((one for one in made if compare_digest(one.state, state)), None)


def _derived(key: bytes, label: str, body: bytes) -> bytes:
    return hmac_digest(key, f"{label}\n".encode() + body, sha256)


_SECRET: Final = frozenset({"code", "access_token", "refresh_token", "id_token"})


def _veiled(name: str, value: Any) -> Any:
    if name not in _SECRET or not isinstance(value, str):
        return value
    return f"{value[:_GLIMPSE]}… ({len(value)})"


def _pretty(told: Mapping[str, Any]) -> str:
    return json.dumps(told, indent=2, ensure_ascii=False)
