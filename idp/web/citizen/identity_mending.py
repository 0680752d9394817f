"""Confirming one's identity inside an account that came from an old one without a match."""

from collections.abc import Mapping

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.errors import Refused
from idp.services import identity_check
from idp.web.citizen.blueprint import (
    NOTES,
    RETURNS,
    citizen,
    must_be_confirmed,
    must_be_signed_in,
    present,
)
from idp.web.citizen.registration import OUTAGE_SECONDS, OUTAGES, KtpForm
from idp.web.context import services, visitor, web_settings
from idp.web.puzzles import is_limit, refuse_by_limit, sent_solution
from idp.web.submissions import once

RETURNS["confirm_identity"] = "citizen.confirm_identity"
NOTES["identitas"] = (
    "ok",
    "shield",
    lazy_gettext("Identitas Anda sudah dicocokkan dengan Dukcapil."),
)


@citizen.route("/akun/identitas", methods=["GET", "POST"])
@once(keep_pages=False)
@must_be_signed_in
@must_be_confirmed
def confirm_identity() -> ResponseReturnValue:
    """Ask for NIK and names once more, and have the registry check them."""
    _, account = present()
    form = KtpForm()
    if not services().identity_mending.identity.asks_for_mother:
        del form.mother_name
    headers: Mapping[str, str] = {}
    exists, join = False, ""
    if form.is_accepted():
        try:
            services().identity_mending.confirm(
                account, form.applicant(), visitor(), puzzle=sent_solution()
            )
            return redirect(url_for("citizen.account_home", pesan="identitas"), 303)
        except Refused as refusal:
            if refusal.code == "identity.confirmed":
                return redirect(url_for("citizen.account_home"), 303)
            exists = refusal.code == "identity.exists"
            join = str(refusal.values.get("join", ""))
            headers = _refuse(form, refusal)
    page = render_template(
        "citizen/identity_mending/confirm.html",
        form=form,
        account=account,
        exists=exists,
        join=join,
        contact=web_settings(),
    )
    return page, form.status, headers


def _refuse(form: KtpForm, refusal: Refused) -> Mapping[str, str]:
    if refusal.code == "limit.tries":
        return refuse_by_limit(form, refusal, "")
    if is_limit(refusal):
        return refuse_by_limit(form, refusal, identity_check.PUZZLE)
    if refusal.code in OUTAGES:
        form.refuse(refusal, status=503)
        return {"Retry-After": str(OUTAGE_SECONDS)}
    if refusal.code == "identity.old_nik":
        form.refuse(refusal, "nik")
        return {}
    form.refuse(refusal, status=409 if refusal.code == "identity.exists" else 422)
    return {}
