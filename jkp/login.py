"""Signing in at the issuer (OpenID Connect Core §3.1), and who is signed in here.

The signed cookie holds a random name of the session and the requests under way; everything about
the person is in the store.
"""

import json
import secrets
from hmac import compare_digest
from typing import Final
from urllib.parse import urlencode

from flask import redirect, request, session
from flask.typing import ResponseReturnValue
from joserfc.errors import JoseError
from joserfc.jwt import JWTClaimsRegistry

from jkp.context import here
from jkp.issuer import IssuerError
from jkp.store import LoginSession
from jkp.trust import STEP_UP_LEVELS, STEP_UP_SECONDS

SESSION_SECONDS: Final = 1800
REQUESTS_MAX: Final = 4
LOGOUT_TYPE: Final = "logout+jwt"
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
LEEWAY_SECONDS: Final = 30
_REQUESTS: Final = "requests"
_NAME: Final = "name"
_FORM: Final = "form"


class LoginRefused(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """The answer of the issuer can't be used; `code` names our words, the rest are its own."""

    def __init__(self, code: str, error: str = "", description: str = "") -> None:
        super().__init__(code)
        self.code, self.error, self.description = code, error, description


def begin(then: str, *, step_up: bool = False, opens_account: bool = False) -> ResponseReturnValue:
    """Send the browser to the issuer; `then`: the page of ours to come back to, by endpoint.

    `step_up`: two factors, and not older than a write may be (RFC 9470 §4). `opens_account`: on
    the page that opens an account, where there is none yet.
    """
    wanted: dict[str, str] = {}
    if step_up:
        essential = {"essential": True, "values": list(STEP_UP_LEVELS)}
        wanted |= {
            "max_age": str(STEP_UP_SECONDS),
            "claims": json.dumps({"id_token": {"acr": essential}}),
        }
    if opens_account:
        wanted["prompt"] = "create"
    url, state, kept = here().issuer.push(**wanted)
    waiting = dict(session.get(_REQUESTS, {}))
    waiting[state] = [then, kept]
    # a cookie has little room; whoever opens five tabs finishes the last four
    session[_REQUESTS] = dict(list(waiting.items())[-REQUESTS_MAX:])
    return redirect(url, 303)


def finish() -> str:
    """Take the issuer's answer and begin a session; returns the endpoint to go to.

    Refuses with `login.request`, `login.refused`, or raises what the issuer's errors are.
    """
    module = here()
    waiting = dict(session.get(_REQUESTS, {}))
    found = waiting.pop(request.args.get("state", ""), None)
    session[_REQUESTS] = waiting
    if found is None or request.args.get("iss") != module.settings.issuer:
        # RFC 9207 §2.4: an answer without our issuer's name is not for this request
        raise LoginRefused("login.request")
    then, kept = found
    if "error" in request.args:
        raise LoginRefused(
            "login.refused",
            request.args["error"],
            request.args.get("error_description", ""),
        )
    token, claims = module.issuer.redeem(request.args.get("code", ""), kept)
    person = module.issuer.userinfo(token["access_token"])
    if person.get("sub") != claims["sub"]:
        # OpenID Connect Core §5.3.2
        raise IssuerError("invalid_userinfo", "userinfo is about somebody else")
    opened = LoginSession(
        sub=claims["sub"],
        sid=str(claims.get("sid", "")),
        name=str(person.get("name", "")),
        acr=str(claims.get("acr", "")),
        auth_time=int(claims["auth_time"]),
        access_token=token["access_token"],
        id_token=token["id_token"],
    )
    _end()
    now, name = module.now(), secrets.token_urlsafe(32)
    module.store.begin_session(name, opened, expires_at=now + SESSION_SECONDS, now=now)
    session[_NAME] = name
    return str(then)


def present() -> LoginSession | None:
    """Return who is signed in in this browser."""
    name = session.get(_NAME)
    if not isinstance(name, str):
        return None
    module = here()
    return module.store.find_session(name, now=module.now())


def leave() -> str:
    """End the session here; returns where the issuer ends its own (RP-Initiated Logout §2)."""
    module, found = here(), present()
    _end()
    wanted = {
        "client_id": module.settings.client_id,
        "post_logout_redirect_uri": f"{module.settings.url}/",
    }
    if found is not None:
        wanted["id_token_hint"] = found.id_token
    return f"{module.issuer.metadata()['end_session_endpoint']}?{urlencode(wanted)}"


def end_as_told(logout_token: str) -> bool:
    """End what a logout token names; `False` for a token that does not count.

    Back-Channel Logout §2.6. Nothing is lost if one comes twice, so its `jti` is not kept.
    """
    module = here()
    found = module.issuer.verify(logout_token)
    if found is None:
        return False
    header, claims = found
    rules = JWTClaimsRegistry(
        now=module.now(),
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": module.settings.issuer},
        aud={"essential": True, "value": module.settings.client_id},
        iat={"essential": True},
        exp={"essential": True},
        jti={"essential": True},
    )
    try:
        rules.validate(claims)
    except JoseError:
        return False
    named = {name: claims.get(name) for name in ("sub", "sid")}
    events = claims.get("events")
    is_logout = (
        str(header.get("typ", "")).lower() == LOGOUT_TYPE
        and isinstance(events, dict)
        and isinstance(events.get(LOGOUT_EVENT), dict)
        and "nonce" not in claims
        and any(named.values())
        and all(value is None or isinstance(value, str) for value in named.values())
    )
    if is_logout:
        module.store.end_sessions_of(sub=named["sub"], sid=named["sid"])
    return is_logout


def form_token() -> str:
    """Return the token of this browser's forms."""
    token = session.setdefault(_FORM, secrets.token_urlsafe(24))
    return str(token)


def is_own_form() -> bool:
    """Return whether a form was sent from our own page in this browser."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    given = request.form.get("form_token", "")
    return (
        site in {None, "same-origin", "none"}
        and origin in {None, here().settings.url}
        and compare_digest(given.encode(), form_token().encode())
    )


def _end() -> None:
    name = session.pop(_NAME, None)
    if isinstance(name, str):
        here().store.end_session(name)
    session.pop(_FORM, None)
