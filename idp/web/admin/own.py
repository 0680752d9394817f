"""One's own place in the console: password, factors, recovery codes, sessions."""

from typing import Any
from uuid import UUID

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.errors import Refused
from idp.domain.identity.factors import PASSKEY, read_label
from idp.domain.identity.otp import read_code
from idp.domain.identity.password import MINIMUM_ADMINISTRATOR, normalise_password
from idp.domain.identity.roles import Permission
from idp.services.totp import provisioning_uri, written_seed
from idp.web.admin.blueprint import (
    MENU,
    NOTES,
    MenuEntry,
    acting,
    admin,
    allows,
    current_admin,
    fresh,
    under,
)
from idp.web.admin.login import sent_passkey
from idp.web.context import services, visitor
from idp.web.forms import Form, ParsedField, SecretField
from idp.web.puzzles import refuse_by_limit
from idp.web.qr import qr_of
from idp.web.submissions import once

MENU.append(MenuEntry("own", lazy_gettext("Akun saya"), "user", 100))
NOTES.update(
    {
        "kata-sandi": ("ok", "check", lazy_gettext("Kata sandi Anda sudah diganti.")),
        "faktor": ("ok", "check", lazy_gettext("Langkah kedua Anda sudah diperbarui.")),
        "sesi-saya": ("ok", "check", lazy_gettext("Sesi lain sudah diakhiri.")),
    }
)


class PasswordForm(Form):
    """The old password and the new one."""

    current_password = SecretField(parse=normalise_password)
    password = SecretField(parse=normalise_password)


class AppForm(Form):
    """A code of the app that is to be enrolled."""

    code = ParsedField(parse=read_code)


class PasskeyForm(Form):
    """What a new passkey is called."""

    label = ParsedField(parse=read_label)


@admin.get("/saya")
@allows(Permission.CONSOLE_USE)
def own() -> ResponseReturnValue:
    """Show password, factors and sessions."""
    return _page(Form())


@admin.route("/saya/kata-sandi", methods=["GET", "POST"])
@once(keep_pages=False)
@allows(Permission.CONSOLE_USE)
@fresh
def own_password() -> ResponseReturnValue:
    """Change the password; every other session ends."""
    under("own")
    form = PasswordForm()
    headers: dict[str, str] = {}
    if form.is_accepted():
        try:
            services().admin_login.change_password(
                current_admin(), form.current_password.value, form.password.value, visitor()
            )
            return redirect(url_for("admin.own", pesan="kata-sandi"), 303)
        except Refused as refusal:
            is_old = refusal.code in {"password.wrong", "admin.throttled"}
            headers = _refuse(form, refusal, "current_password" if is_old else "password")
    page = render_template("admin/own/password.html", form=form, minimum=MINIMUM_ADMINISTRATOR)
    return page, form.status, headers


@admin.route("/saya/aplikasi", methods=["GET", "POST"])
@once(keep_pages=False)
@allows(Permission.CONSOLE_USE)
@fresh
def own_app() -> ResponseReturnValue:
    """Enrol an authenticator app in the place of any other."""
    under("own")
    here = current_admin()
    form = AppForm()
    headers: dict[str, str] = {}
    if form.is_accepted():
        try:
            services().admin_factors.put_totp(here, form.code.value, visitor())
            return redirect(url_for("admin.own", pesan="faktor"), 303)
        except Refused as refusal:
            headers = _refuse(form, refusal, "code")
    seed = services().admin_factors.seed_for(here)
    page = render_template(
        "admin/own/app.html",
        form=form,
        qr=qr_of(provisioning_uri(seed, here.admin.email.address)),
        seed=written_seed(seed),
    )
    return page, form.status, headers


@admin.post("/saya/aplikasi/hapus")
@once()
@allows(Permission.CONSOLE_USE)
@fresh
def drop_own_app() -> ResponseReturnValue:
    """Forget the authenticator app."""
    form = Form()
    if form.is_accepted():
        try:
            services().admin_factors.drop_totp(current_admin(), visitor())
            return redirect(url_for("admin.own", pesan="faktor"), 303)
        except Refused as refusal:
            form.refuse(refusal)
    return _page(form)


@admin.route("/saya/kunci-sandi", methods=["GET", "POST"])
@once(keep_pages=False)
@allows(Permission.CONSOLE_USE)
@fresh
def own_passkey() -> ResponseReturnValue:
    """Add a passkey."""
    under("own")
    here = current_admin()
    form = PasskeyForm()
    headers: dict[str, str] = {}
    if form.is_accepted():
        try:
            services().admin_factors.add_passkey(here, *sent_passkey(), form.label.value, visitor())
            return redirect(url_for("admin.own", pesan="faktor"), 303)
        except Refused as refusal:
            headers = _refuse(form, refusal)
    offer = services().admin_factors.offer_creation(here)
    page = render_template("admin/own/passkey.html", form=form, offer=offer)
    return page, form.status, headers


@admin.post("/saya/kunci-sandi/<uuid:passkey_id>/hapus")
@once()
@allows(Permission.CONSOLE_USE)
@fresh
def drop_own_passkey(passkey_id: UUID) -> ResponseReturnValue:
    """Forget a passkey."""
    form = Form()
    if form.is_accepted():
        try:
            services().admin_factors.drop_passkey(current_admin(), passkey_id, visitor())
            return redirect(url_for("admin.own", pesan="faktor"), 303)
        except Refused as refusal:
            form.refuse(refusal)
    return _page(form)


@admin.route("/saya/kode-pemulihan", methods=["GET", "POST"])
@once(keep_pages=False)
@allows(Permission.CONSOLE_USE)
@fresh
def own_recovery_codes() -> ResponseReturnValue:
    """Make recovery codes and show them this once."""
    under("own")
    form = Form()
    codes: Any = ()
    if form.is_accepted():
        try:
            codes = services().admin_factors.make_recovery_codes(current_admin(), visitor())
        except Refused as refusal:
            form.refuse(refusal)
    return render_template("admin/own/codes.html", form=form, codes=codes), form.status


@admin.post("/saya/sesi")
@once()
@allows(Permission.CONSOLE_USE)
def end_own_sessions() -> ResponseReturnValue:
    """End every session but this one."""
    form = Form()
    if form.is_accepted():
        here = current_admin()
        services().admin_sessions.end_all(here.admin.id, acting(), kept_sid=here.session.sid)
        return redirect(url_for("admin.own", pesan="sesi-saya"), 303)
    return _page(form)


def _page(form: Form) -> ResponseReturnValue:
    under("own")
    here = current_admin()
    factors = services().admin_factors.factors_of(here.admin.id)
    page = render_template(
        "admin/own/home.html",
        form=form,
        factors=factors,
        may_change=here.session.factor == PASSKEY or not factors.passkeys,
        sessions=services().admin_sessions.list_alive(here.admin.id),
    )
    return page, form.status


def _refuse(form: Form, refusal: Refused, *fields: str) -> dict[str, str]:
    if refusal.code == "admin.throttled":
        return dict(refuse_by_limit(form, refusal, "", *fields))
    form.refuse(refusal, *fields)
    return {}
