"""Signing in by another OpenID provider: the way out, and the way back."""

from typing import Final

from flask import jsonify, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.errors import Refused
from idp.web.citizen.blueprint import (
    NOTES,
    carried,
    citizen,
    must_be_confirmed,
    must_be_signed_in,
    onward,
    present,
)
from idp.web.context import services, signed_in, visitor
from idp.web.errors import error_page
from idp.web.messages import words_for
from idp.web.security import begin_session

NOTES["penyedia-batal"] = ("", "info", lazy_gettext("Masuk lewat penyedia lain dibatalkan."))

_STATUS: Final = {
    "upstream.unavailable": 503,
    "upstream.unknown": 403,
    "limit.upstream": 429,
    "journey.expired": 410,
    "identity.exists": 409,
    "identity.old_nik": 422,
    "identity.confirmed": 409,
}


@citizen.app_context_processor
def _upstream() -> dict[str, object]:
    upstream = services().upstream
    return {"upstream_name": upstream.name if upstream.is_there else ""}


@citizen.get("/masuk/penyedia")
def sign_in_upstream() -> ResponseReturnValue:
    """Send the browser to the other provider to sign in."""
    if not services().upstream.is_there:
        return error_page(404)
    try:
        return redirect(services().upstream.set_out(visitor(), carried()), 303)
    except Refused as refusal:
        return _refused(refusal)


@citizen.get("/akun/identitas/penyedia")
@must_be_signed_in
@must_be_confirmed
def prove_by_upstream() -> ResponseReturnValue:
    """Send the browser to the other provider to prove whose account this is."""
    _, account = present()
    if not services().upstream.is_there or account.ial > 0:
        return redirect(url_for("citizen.confirm_identity"), 303)
    try:
        return redirect(services().upstream.set_out(visitor(), {}, account), 303)
    except Refused as refusal:
        return _refused(refusal)


@citizen.get("/masuk/penyedia/kembali")
def back_from_upstream() -> ResponseReturnValue:
    """Take what the other provider answered."""
    upstream = services().upstream
    if not upstream.is_there:
        return error_page(404)
    state, code = request.args.get("state", ""), request.args.get("code")
    try:
        if code is None:
            kept = upstream.give_up(state, visitor())
            page = "citizen.login" if signed_in() is None else "citizen.account_home"
            return redirect(url_for(page, pesan="penyedia-batal", **kept), 303)
        arrived = upstream.arrive(state, code, request.args.get("iss"), visitor())
    except Refused as refusal:
        return _refused(refusal)
    if arrived.signed_in is None:
        return redirect(url_for("citizen.account_home", pesan="identitas"), 303)
    response = make_response(redirect(url_for("citizen.arrived", **arrived.carried), 303))
    begin_session(response, arrived.signed_in.cookie)
    return response


@citizen.get("/masuk/penyedia/jwks.json")
def keys_for_upstream() -> ResponseReturnValue:
    """Give the public keys by which the other provider knows us (`jwks_uri`, RFC 7591 §2)."""
    upstream = services().upstream
    if not upstream.is_there:
        return error_page(404)
    return jsonify(upstream.public_keys())


@citizen.get("/masuk/lanjut")
@must_be_signed_in
def arrived() -> ResponseReturnValue:
    """Go on to where a sign-in by another provider was on its way."""
    return onward()


def _refused(refusal: Refused) -> ResponseReturnValue:
    page = render_template(
        "citizen/upstream/refused.html",
        words=words_for(refusal),
        code=refusal.code,
        join=refusal.values.get("join"),
    )
    return page, _STATUS.get(refusal.code, 400)
