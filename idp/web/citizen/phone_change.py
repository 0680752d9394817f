"""Changing the phone of the account: the new number, then its code (AU-14, OT-7)."""

from collections.abc import Mapping

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.errors import Refused
from idp.domain.identity.otp import read_code
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
from idp.web.context import services, visitor
from idp.web.forms import Form, ParsedField
from idp.web.puzzles import is_limit, refuse_by_limit, sent_solution
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

    phone = ParsedField(parse=parse_phone)


class CodeForm(Form):
    """The code that the new number got."""

    code = ParsedField(parse=read_code)


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
            headers = _refuse(form, refusal, "phone")
    page = render_template("citizen/phone_change/number.html", form=form, account=account)
    return page, form.status, headers


@citizen.route("/akun/keamanan/nomor-handphone/kode", methods=["GET", "POST"])
@once()
@must_be_signed_in
def phone_code() -> ResponseReturnValue:
    """Take the code, or send another; a GET never sends.

    The proof was fresh when the number was given; the code is taken from that session alone.
    """
    journey_id = request.args.get("m", "")
    asks_again = request.form.get("action") == "resend"
    form = Form() if asks_again else CodeForm()
    headers: Mapping[str, str] = {}
    try:
        if form.is_accepted():
            return _resend(journey_id) if asks_again else _take_code(journey_id, form)
    except Refused as refusal:
        if refusal.code == "journey.expired":
            return _over()
        headers = _refuse(form, refusal, "code")
    if asks_again:
        form = _shown_anew(form)
    form["code"].data = ""
    return _code_page(journey_id, form, headers)


def _take_code(journey_id: str, form: Form) -> ResponseReturnValue:
    session, _ = present()
    changed = services().phone_change.confirm(journey_id, form["code"].value, session, visitor())
    told = "nomor" if changed.phone_recovers_at is None else "nomor-ditahan"
    return redirect(url_for("citizen.account_security", pesan=told), 303)


def _resend(journey_id: str) -> ResponseReturnValue:
    session, _ = present()
    services().phone_change.resend(journey_id, session, visitor(), puzzle=sent_solution())
    return redirect(url_for("citizen.phone_code", m=journey_id), 303)


def _refuse(form: Form, refusal: Refused, name: str) -> Mapping[str, str]:
    beside = (name,) if name in form else ()
    if is_limit(refusal):
        return refuse_by_limit(form, refusal, otp.PUZZLE, *beside)
    form.refuse(refusal, *beside)
    return {}


def _shown_anew(refused: Form) -> CodeForm:
    """Return the page's own form with what was told about the other button."""
    form = CodeForm(formdata=None)
    form.form_errors, form.status = refused.form_errors, refused.status
    form.puzzle = refused.puzzle
    return form


def _code_page(journey_id: str, form: Form, headers: Mapping[str, str]) -> ResponseReturnValue:
    session, _ = present()
    try:
        sent = services().phone_change.sent_code(journey_id, session, visitor())
    except Refused:
        return _over()
    now = services().clock.now()
    page = render_template(
        "citizen/phone_change/code.html",
        form=form,
        sent=sent,
        wait=max(0, sent.challenge.resend_at - now),
        is_over=not sent.challenge.may_be_used(now),
    )
    return page, form.status, headers


def _over() -> ResponseReturnValue:
    """Show the number that the account has: done in another tab, or too late."""
    return redirect(url_for("citizen.account_security", pesan="nomor-usai"), 303)
