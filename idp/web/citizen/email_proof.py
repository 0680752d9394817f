"""Proving an e-mail address: the link from the letter, and the page that asks for another."""

from collections.abc import Mapping
from typing import Final

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.errors import Refused
from idp.web.citizen.blueprint import (
    NOTES,
    RETURNS,
    citizen,
    must_be_signed_in,
    onward,
    present,
)
from idp.web.context import services, signed_in, visitor
from idp.web.failures import note_cause
from idp.web.forms import Form
from idp.web.messages import words_for
from idp.web.puzzles import refuse_by_limit
from idp.web.submissions import once

RETURNS["account_email"] = "citizen.account_email"
NOTES["email"] = ("ok", "check", lazy_gettext("Alamat email Anda sudah terbukti."))
NOTES["tautan"] = ("ok", "mail", lazy_gettext("Tautan baru sudah kami kirim ke email Anda."))

#: Refusals that are the link's own page: words and a way on.
_STATUS: Final = {"link.spent": 410, "recovery.invalid": 410, "email.proved_elsewhere": 409}


@citizen.route("/email/bukti/<secret>", methods=["GET", "POST"])
@once()
def prove_email(secret: str) -> ResponseReturnValue:
    """Show what the link would prove, and prove it by the button: never by looking."""
    form = Form()
    try:
        email = services().email_proof.check(secret)
        if form.is_accepted():
            services().email_proof.confirm(secret, visitor())
            if signed_in() is not None:
                return onward("email")
            return redirect(url_for("citizen.email_proved"), 303)
    except Refused as refusal:
        return _no_longer(refusal)
    page = render_template("citizen/email_proof/ask.html", form=form, email=email)
    return page, form.status


@citizen.get("/email/terbukti")
def email_proved() -> ResponseReturnValue:
    """Say that the address counts from now on."""
    return render_template("citizen/email_proof/done.html")


def _no_longer(refusal: Refused) -> ResponseReturnValue:
    note_cause(refusal.code)
    page = render_template(
        "citizen/email_proof/over.html", words=words_for(refusal), code=refusal.code
    )
    return page, _STATUS.get(refusal.code, 400)


@citizen.route("/akun/keamanan/email", methods=["GET", "POST"])
@once()
@must_be_signed_in
def account_email() -> ResponseReturnValue:
    """Show what is known of the address, and send another link."""
    _, account = present()
    form = Form()
    headers: Mapping[str, str] = {}
    if form.is_accepted():
        try:
            services().email_proof.send_again(account.id, visitor())
            return redirect(url_for("citizen.account_email", pesan="tautan"), 303)
        except Refused as refusal:
            if refusal.code == "limit.tries":
                headers = refuse_by_limit(form, refusal, "")
            else:
                form.refuse(refusal, status=409)
    page = render_template("citizen/account/email.html", form=form, account=account)
    return page, form.status, headers
