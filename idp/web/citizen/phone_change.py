"""Changing the phone of the account: the new number, then its code (AU-14, OT-7)."""

from collections.abc import Mapping
from typing import Final

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.errors import Refused
from idp.domain.identity.phone import parse_phone
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
from idp.web.forms import Form, ParsedField
from idp.web.puzzles import sent_solution
from idp.web.submissions import once

RETURNS["change_phone"] = "citizen.change_phone"
NOTES["nomor"] = ("ok", "check", lazy_gettext("Nomor handphone akun Anda telah diganti."))
NOTES["nomor-ditahan"] = (
    "ok",
    "check",
    lazy_gettext(
        "Nomor handphone akun Anda telah diganti. Demi keamanan, nomor ini baru dapat memulihkan "
        "akun setelah 48 jam."
    ),
)
NOTES["nomor-usai"] = (
    "warn",
    "clock",
    lazy_gettext("Penggantian nomor itu sudah selesai atau waktunya habis. Periksa nomor Anda."),
)


class PhoneForm(Form):
    """The new number."""

    puzzle_for = otp.PUZZLE

    phone = ParsedField(parse=parse_phone)


CODE_PAGE: Final = CodePage(
    changes=lambda: services().phone_change,
    endpoint="citizen.phone_code",
    begin="citizen.change_phone",
    over="nomor-usai",
    told=lambda changed: "nomor" if changed.phone_recovers_at is None else "nomor-ditahan",
)


@citizen.route("/akun/keamanan/nomor-handphone", methods=["GET", "POST"])
@once()
@must_be_signed_in
@must_be_confirmed
def change_phone() -> ResponseReturnValue:
    """Take another number and send it a code."""
    session, account = present()
    form = PhoneForm()
    headers: Mapping[str, str] = {}
    if form.is_accepted():
        try:
            journey_id = services().phone_change.start(
                session, account, form.phone.value, visitor(), puzzle=sent_solution()
            )
            return redirect(url_for("citizen.phone_code", m=journey_id), 303)
        except Refused as refusal:
            headers = refuse(form, refusal, "phone")
    page = render_template("citizen/contact_change/number.html", form=form, account=account)
    return page, form.status, headers


@citizen.route("/akun/keamanan/nomor-handphone/kode", methods=["GET", "POST"])
@once()
@must_be_signed_in
def phone_code() -> ResponseReturnValue:
    """Take the code, or send another; a GET never sends.

    The proof was fresh when the number was given; the code is taken from that session alone.
    """
    return CODE_PAGE.answer()
