"""Factors of the account: the authenticator app, passkeys, recovery codes; each on its own page."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from flask import make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext

from idp.domain.errors import Refused
from idp.domain.identity.factors import LABEL_MAX, PASSKEYS_MAX, Passkey, read_label
from idp.domain.identity.otp import read_code
from idp.services.sessions import SignedIn
from idp.services.totp import provisioning_uri, written_seed
from idp.web.citizen.blueprint import (
    NOTES,
    RETURNS,
    THINGS,
    citizen,
    must_be_confirmed,
    must_be_signed_in,
    present,
)
from idp.web.citizen.login import sent_passkey
from idp.web.context import services, visitor
from idp.web.forms import Form, ParsedField
from idp.web.puzzles import is_limit, refuse_by_limit
from idp.web.qr import qr_of
from idp.web.security import begin_session
from idp.web.submissions import once

for _page in (
    "app_code",
    "drop_app_code",
    "passkeys",
    "new_passkey",
    "passkey",
    "drop_passkey",
    "recovery_codes",
):
    RETURNS[_page] = f"citizen.{_page}"
THINGS["passkey"] = THINGS["drop_passkey"] = "passkey_id"
NOTES.update(
    {
        "aplikasi": ("ok", "check", lazy_gettext("Aplikasi autentikator terpasang.")),
        "aplikasi-hapus": ("ok", "check", lazy_gettext("Aplikasi autentikator dihapus.")),
        "kunci": ("ok", "check", lazy_gettext("Kunci sandi ditambahkan.")),
        "kunci-nama": ("ok", "check", lazy_gettext("Nama kunci sandi disimpan.")),
        "kunci-hapus": ("ok", "check", lazy_gettext("Kunci sandi dihapus.")),
    }
)


class AppForm(Form):
    """A code of the app that is to be enrolled."""

    code = ParsedField(parse=read_code)


class LabelForm(Form):
    """What a passkey is called."""

    label = ParsedField(parse=read_label)


@citizen.route("/akun/keamanan/totp", methods=["GET", "POST"])
@once(keep_pages=False)
@must_be_signed_in
@must_be_confirmed
def app_code() -> ResponseReturnValue:
    """Enrol an authenticator app in the place of any other."""
    session, account = present()
    form = AppForm()
    headers: Mapping[str, str] = {}
    if form.is_accepted():
        try:
            proved = services().factors.put_totp(session, account, form.code.value, visitor())
            return _risen(proved, url_for("citizen.account_security", pesan="aplikasi"))
        except Refused as refusal:
            headers = _refuse(form, refusal, "code")
    return _app_page(form), form.status, headers


def _app_page(form: Form) -> str:
    session, account = present()
    seed = services().factors.seed_for(session)
    name = account.email.address if account.email else account.person.name
    return render_template(
        "citizen/factors/app.html",
        form=form,
        fields=form if isinstance(form, AppForm) else AppForm(formdata=None),
        qr=qr_of(provisioning_uri(seed, name)),
        seed=written_seed(seed),
        is_there=services().factors.of(account.id).totp is not None,
    )


@citizen.route("/akun/keamanan/totp/hapus", methods=["GET", "POST"])
@once()
@must_be_signed_in
@must_be_confirmed
def drop_app_code() -> ResponseReturnValue:
    """Ask whether the authenticator app is to be forgotten, and do it."""
    form = Form()
    if form.is_accepted():
        try:
            services().factors.drop_totp(present()[1], visitor())
        except Refused:
            # another tab was first: what was asked for is done
            return redirect(url_for("citizen.account_security"), 303)
        return redirect(url_for("citizen.account_security", pesan="aplikasi-hapus"), 303)
    page = render_template(
        "citizen/factors/drop.html",
        form=form,
        question=gettext("Hapus aplikasi autentikator?"),
        effect=gettext("Tanpa aplikasi ini, kode dikirim ke email atau SMS Anda."),
        back=url_for("citizen.app_code"),
    )
    return page, form.status


@citizen.get("/akun/keamanan/kunci-sandi")
@must_be_signed_in
def passkeys() -> ResponseReturnValue:
    """List the passkeys, and say what they are."""
    factors = services().factors.of(present()[1].id)
    return render_template(
        "citizen/factors/passkeys.html", factors=factors, is_full=_is_full(factors.passkeys)
    )


@citizen.route("/akun/keamanan/kunci-sandi/baru", methods=["GET", "POST"])
@once(keep_pages=False)
@must_be_signed_in
@must_be_confirmed
def new_passkey() -> ResponseReturnValue:
    """Add a passkey, named after the browser that made it unless its owner says otherwise."""
    session, account = present()
    form = LabelForm()
    if not form.label.data:
        form.label.data = visitor().origin.device[:LABEL_MAX]
    headers: Mapping[str, str] = {}
    sent = sent_passkey()
    if sent is not None and form.is_accepted():
        try:
            proved = services().factors.add_passkey(
                session, account, sent, form.label.value, visitor()
            )
            return _risen(proved, url_for("citizen.passkeys", pesan="kunci"))
        except Refused as refusal:
            headers = _refuse(form, refusal)
    name = account.email.address if account.email else account.person.name
    offer = services().factors.offer_creation(session, account, name)
    page = render_template("citizen/factors/new_passkey.html", form=form, offer=offer)
    return page, form.status, headers


@citizen.route("/akun/keamanan/kunci-sandi/<uuid:passkey_id>", methods=["GET", "POST"])
@once()
@must_be_signed_in
@must_be_confirmed
def passkey(passkey_id: UUID) -> ResponseReturnValue:
    """Call a passkey something else."""
    _, account = present()
    found = _find(services().factors.of(account.id).passkeys, passkey_id)
    if found is None:
        return redirect(url_for("citizen.passkeys"), 303)
    form = LabelForm()
    if form.is_accepted():
        try:
            services().factors.rename_passkey(account, passkey_id, form.label.value, visitor())
        except Refused:
            return redirect(url_for("citizen.passkeys"), 303)
        return redirect(url_for("citizen.passkeys", pesan="kunci-nama"), 303)
    if not form.errors:
        form.label.data = form.label.data or found.label
    page = render_template("citizen/factors/passkey.html", form=form, passkey=found)
    return page, form.status


@citizen.route("/akun/keamanan/kunci-sandi/<uuid:passkey_id>/hapus", methods=["GET", "POST"])
@once()
@must_be_signed_in
@must_be_confirmed
def drop_passkey(passkey_id: UUID) -> ResponseReturnValue:
    """Ask whether a passkey is to be forgotten, and do it."""
    _, account = present()
    found = _find(services().factors.of(account.id).passkeys, passkey_id)
    if found is None:
        # another tab was first: what was asked for is done
        return redirect(url_for("citizen.passkeys"), 303)
    form = Form()
    if not form.is_accepted():
        page = render_template(
            "citizen/factors/drop.html",
            form=form,
            question=gettext("Hapus kunci sandi %(name)s?", name=found.label),
            effect=gettext(
                "Kunci sandi ini tidak dapat dipakai masuk lagi. Hapus juga dari perangkat Anda."
            ),
            back=url_for("citizen.passkey", passkey_id=passkey_id),
        )
        return page, form.status
    try:
        services().factors.drop_passkey(account, passkey_id, visitor())
    except Refused:
        return redirect(url_for("citizen.passkeys"), 303)
    return redirect(url_for("citizen.passkeys", pesan="kunci-hapus"), 303)


@citizen.route("/akun/keamanan/kode-pemulihan", methods=["GET", "POST"])
@once()
@must_be_signed_in
@must_be_confirmed
def recovery_codes() -> ResponseReturnValue:
    """Make recovery codes and show them this once; a double tap shows the same ones."""
    _, account = present()
    form = Form()
    codes: Sequence[str] = ()
    if form.is_accepted():
        codes = services().factors.make_recovery_codes(account, visitor())
    page = render_template(
        "citizen/factors/codes.html",
        form=form,
        codes=codes,
        factors=services().factors.of(account.id),
    )
    return page, form.status


def _risen(proved: SignedIn, there: str) -> ResponseReturnValue:
    """Go on with the cookie of a session that rose by the new factor."""
    response = make_response(redirect(there, 303))
    begin_session(response, proved.cookie)
    return response


def _is_full(found: Sequence[Passkey]) -> bool:
    return len(found) >= PASSKEYS_MAX


def _find(found: Sequence[Passkey], passkey_id: UUID) -> Passkey | None:
    return next((one for one in found if one.id == passkey_id), None)


def _refuse(form: Form, refusal: Refused, *fields: str) -> Mapping[str, str]:
    if is_limit(refusal):
        return refuse_by_limit(form, refusal, "", *fields)
    form.refuse(refusal, *fields)
    return {}
