"""Signing in to the console, showing a factor again, signing out."""

from typing import Any

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.errors import Refused
from idp.domain.identity.admin import AdminStep
from idp.domain.identity.factors import PASSKEY, read_recovery_code
from idp.domain.identity.otp import read_code
from idp.domain.identity.password import normalise_password
from idp.domain.identity.roles import Permission
from idp.web.admin.blueprint import (
    NOTES,
    Door,
    admin,
    allows,
    current_admin,
    entered,
    open_to,
)
from idp.web.context import admin_here, services, visitor
from idp.web.forms import Form, ParsedField, SecretField
from idp.web.puzzles import refuse_by_limit
from idp.web.security import begin_admin_session, expire_cookie
from idp.web.submissions import once

NOTES["keluar"] = ("ok", "check", lazy_gettext("Anda sudah keluar dari konsol."))


def read_address(text: str) -> str:
    """Return what was typed as an address; refuses with `email.required` where nothing was."""
    typed = text.strip()
    if not typed:
        raise Refused("email.required")
    return typed


class PasswordForm(Form):
    """The first step."""

    email = ParsedField(parse=read_address)
    password = SecretField(parse=normalise_password)


class CodeForm(Form):
    """A code of the authenticator app."""

    code = ParsedField(parse=read_code)


class RecoveryForm(Form):
    """One recovery code."""

    recovery_code = ParsedField(parse=read_recovery_code)


@admin.route("/masuk", methods=["GET", "POST"])
@once()
@open_to(Door.STREET)
def login() -> ResponseReturnValue:
    """Take e-mail and password; the second factor comes next, always."""
    here = admin_here()
    if here is not None and request.method == "GET":
        is_half = here.session.step is AdminStep.PASSWORD
        there = "admin.login_code" if is_half else "admin.overview"
        return redirect(url_for(there, **_carried()), 303)
    form = PasswordForm()
    headers: dict[str, str] = {}
    if form.is_accepted():
        try:
            half = services().admin_login.sign_in(form.email.value, form.password.value, visitor())
            response = make_response(redirect(url_for("admin.login_code", **_carried()), 303))
            begin_admin_session(response, half.cookie)
            return response
        except Refused as refusal:
            headers = _refuse(form, refusal, "password")
    return render_template("admin/login/password.html", form=form), form.status, headers


@admin.route("/masuk/kode", methods=["GET", "POST"])
@once()
@open_to(Door.HALL)
def login_code() -> ResponseReturnValue:
    """Take the code of an authenticator app as the second factor."""
    return _take_code("admin/login/code.html")


@admin.post("/masuk/kunci-sandi")
@once()
@open_to(Door.HALL)
def login_passkey() -> ResponseReturnValue:
    """Take a passkey as the second factor."""
    return _take_passkey("admin/login/code.html")


@admin.route("/masuk/pemulihan", methods=["GET", "POST"])
@once()
@open_to(Door.HALL)
def login_recovery() -> ResponseReturnValue:
    """Take a recovery code in the place of a lost factor."""
    form = RecoveryForm()
    headers: dict[str, str] = {}
    if form.is_accepted():
        try:
            done = services().admin_factors.enter_recovery_code(
                current_admin(), form.recovery_code.value, visitor()
            )
            return entered(done.cookie)
        except Refused as refusal:
            headers = _refuse(form, refusal, "recovery_code")
    return render_template("admin/login/recovery.html", form=form), form.status, headers


@admin.route("/konfirmasi", methods=["GET", "POST"])
@once()
@allows(Permission.CONSOLE_USE)
def confirm() -> ResponseReturnValue:
    """Take a factor again before a dangerous act."""
    return _take_code("admin/login/confirm.html")


@admin.post("/konfirmasi/kunci-sandi")
@once()
@allows(Permission.CONSOLE_USE)
def confirm_passkey() -> ResponseReturnValue:
    """Take a passkey again before a dangerous act."""
    return _take_passkey("admin/login/confirm.html")


def _take_code(template: str) -> ResponseReturnValue:
    form = CodeForm()
    headers: dict[str, str] = {}
    if form.is_accepted():
        try:
            done = services().admin_login.enter_code(current_admin(), form.code.value, visitor())
            return entered(done.cookie)
        except Refused as refusal:
            headers = _refuse(form, refusal, "code")
    return _factor_page(template, form), form.status, headers


def _take_passkey(template: str) -> ResponseReturnValue:
    # the code's field stands beside the button: what is missing there is no fault here
    form = Form()
    headers: dict[str, str] = {}
    if form.is_accepted():
        try:
            done = services().admin_factors.enter_passkey(
                current_admin(), *sent_passkey(), visitor()
            )
            return entered(done.cookie)
        except Refused as refusal:
            headers = _refuse(form, refusal)
    shown = CodeForm()
    shown.status, shown.form_errors = form.status, form.form_errors
    return _factor_page(template, shown), form.status, headers


def _factor_page(template: str, form: Form) -> str:
    here = current_admin()
    factors = services().admin_factors.factors_of(here.admin.id)
    return render_template(
        template,
        form=form,
        offer=services().admin_factors.offer_proof(here),
        takes_code=factors.totp is not None and here.session.factor != PASSKEY,
        carried=_carried(),
    )


def sent_passkey() -> tuple[str, str]:
    """Return what a passkey's button sent: the token of its challenge, and the answer."""
    return request.form.get("passkey_token", ""), request.form.get("passkey_answer", "")


@admin.route("/keluar", methods=["GET", "POST"])
@once()
@open_to(Door.STREET)
def sign_out() -> ResponseReturnValue:
    """End the session, also one that waits for its second factor."""
    here = admin_here()
    form = Form()
    if here is None:
        return redirect(url_for("admin.login", pesan="keluar"), 303)
    if form.is_accepted():
        services().admin_sessions.end(here, visitor())
        response = make_response(redirect(url_for("admin.login", pesan="keluar"), 303))
        expire_cookie(response, "asid")
        return response
    return render_template("admin/login/sign_out.html", form=form), form.status


def _carried() -> dict[str, Any]:
    return {"lanjut": request.args["lanjut"]} if "lanjut" in request.args else {}


def _refuse(form: Form, refusal: Refused, *fields: str) -> dict[str, str]:
    if refusal.code == "admin.throttled":
        return dict(refuse_by_limit(form, refusal, "", *fields))
    form.refuse(refusal, *fields)
    return {}
