"""Requests that portals sent while the person was elsewhere (CIBA Core §8)."""

from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from idp.domain.errors import Refused
from idp.oidc.pending import Proof
from idp.web.citizen.blueprint import RETURNS, citizen, must_be_signed_in, present, words_of_scope
from idp.web.context import provider, visitor
from idp.web.errors import error_page
from idp.web.failures import note_cause
from idp.web.forms import Form
from idp.web.messages import words_for
from idp.web.submissions import once

RETURNS["permintaan"] = "citizen.start"


@citizen.route("/akun/permintaan/<page_id>", methods=["GET", "POST"])
@once()
@must_be_signed_in
def backchannel_request(page_id: str) -> ResponseReturnValue:
    """Show what a portal asks, and take the answer."""
    session, account = present()
    try:
        asked = provider().pending.find_backchannel(page_id, account)
        if session.aal < asked.level:
            return redirect(url_for("citizen.choose_method", permintaan=page_id), 303)
        form = Form()
        decision = form.pressed("allow", "deny")
        if decision == "allow":
            proof = Proof(session.aal, session.amr, session.auth_time)
            provider().pending.allow(asked, account, proof, visitor().origin)
            return redirect(url_for("citizen.backchannel_done"), 303)
        if decision == "deny":
            provider().pending.deny(asked, account, visitor().origin)
            return redirect(url_for("citizen.backchannel_done", ditolak="1"), 303)
    except Refused as refusal:
        return _over(refusal)
    waiting: Any = asked.request
    page = render_template(
        "citizen/requests/ask.html",
        form=form,
        client=asked.client,
        scopes=[words_of_scope(scope) for scope in waiting.scopes if scope != "openid"],
        binding_message=waiting.binding_message,
        asked_at=waiting.created_at,
        expires_at=waiting.expires_at,
        details=waiting.details,
    )
    return page, form.status


@citizen.get("/akun/permintaan/selesai")
@must_be_signed_in
def backchannel_done() -> ResponseReturnValue:
    """Say that the portal goes on by itself."""
    return render_template("citizen/requests/done.html", is_denied="ditolak" in request.args)


def _over(refusal: Refused) -> ResponseReturnValue:
    """Say that the request is over, was answered, or is somebody else's."""
    if refusal.code == "request.unknown":
        return error_page(404)
    note_cause(refusal.code)
    return render_template("citizen/requests/over.html", words=words_for(refusal)), 410
