"""Changing the address: by a code where the old one was proved, else by a link (AU-14, OT-7)."""

from collections.abc import Mapping
from typing import Final

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.session import LoginSession
from idp.services import otp
from idp.web.citizen.blueprint import (
    NOTES,
    RETURNS,
    citizen,
    must_be_confirmed,
    must_be_signed_in,
    present,
)
from idp.web.citizen.contact_change import CodePage, refuse
from idp.web.context import services, visitor
from idp.web.forms import Form, ParsedField, parse_email
from idp.web.puzzles import refuse_by_limit, sent_solution
from idp.web.submissions import once

RETURNS["change_email"] = "citizen.change_email"
NOTES["email-baru"] = ("ok", "check", lazy_gettext("Alamat email akun Anda telah diganti."))
NOTES["email-ditahan"] = (
    "ok",
    "check",
    lazy_gettext(
        "Alamat email akun Anda telah diganti. Demi keamanan, alamat ini baru dapat memulihkan "
        "akun setelah 48 jam."
    ),
)
NOTES["email-usai"] = (
    "warn",
    "clock",
    lazy_gettext("Penggantian alamat itu sudah selesai atau waktunya habis. Periksa alamat Anda."),
)

CODE_PAGE: Final = CodePage(
    changes=lambda: services().email_change,
    endpoint="citizen.email_code",
    begin="citizen.change_email",
    over="email-usai",
    told=lambda changed: "email-baru" if changed.email_recovers_at is None else "email-ditahan",
)


class EmailForm(Form):
    """The new address."""

    puzzle_for = otp.PUZZLE

    email = ParsedField(parse=parse_email)


@citizen.route("/akun/keamanan/email/ganti", methods=["GET", "POST"])
@once()
@must_be_signed_in
@must_be_confirmed
def change_email() -> ResponseReturnValue:
    """Take another address; it gets a code where the old one was proved, else a link."""
    session, account = present()
    form = EmailForm()
    headers: Mapping[str, str] = {}
    if form.is_accepted():
        try:
            return _begin(session, account, form.email.value)
        except Refused as refusal:
            headers = _refuse(form, refusal)
    page = render_template("citizen/contact_change/address.html", form=form, account=account)
    return page, form.status, headers


@citizen.route("/akun/keamanan/email/kode", methods=["GET", "POST"])
@once()
@must_be_signed_in
def email_code() -> ResponseReturnValue:
    """Take the code, or send another; a GET never sends.

    The proof was fresh when the address was given; the code is taken from that session alone.
    """
    return CODE_PAGE.answer()


def _begin(session: LoginSession, account: Account, email: EmailAddress) -> ResponseReturnValue:
    if account.verified_email is None:
        services().email_proof.change(session, email, visitor())
        return redirect(url_for("citizen.account_email", pesan="tautan"), 303)
    journey_id = services().email_change.start(
        session, account, email, visitor(), puzzle=sent_solution()
    )
    return redirect(url_for("citizen.email_code", m=journey_id), 303)


def _refuse(form: Form, refusal: Refused) -> Mapping[str, str]:
    if refusal.code == "limit.tries":
        return refuse_by_limit(form, refusal, "", "email")
    if refusal.code == "email.proved":
        form.refuse(refusal, "email", status=409)
        return {}
    return refuse(form, refusal, "email")
