"""The link that lets somebody into the console: name, password and a second factor at once."""

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.errors import Refused
from idp.domain.identity.admin import read_admin_name
from idp.domain.identity.otp import read_code
from idp.domain.identity.password import MINIMUM_ADMINISTRATOR, normalise_password
from idp.services.admin_factors import PasskeyJoining
from idp.services.admin_login import Joining, OpenInvitation
from idp.services.admin_sessions import AdminEntered
from idp.services.totp import provisioning_uri, written_seed
from idp.web.admin.blueprint import NOTES, Door, admin, open_to
from idp.web.admin.login import sent_passkey
from idp.web.context import services, visitor
from idp.web.forms import Form, ParsedField, SecretField
from idp.web.puzzles import refuse_by_limit
from idp.web.qr import qr_of
from idp.web.security import begin_admin_session
from idp.web.submissions import once

NOTES["bergabung"] = ("ok", "check", lazy_gettext("Akun admin Anda siap dipakai."))

#: Which field a refusal belongs to, by the first part of its code.
_FIELDS = {"password": "password", "admin_name": "full_name"}


class JoinForm(Form):
    """Everything that an admin sets before the first sign-in."""

    full_name = ParsedField(parse=read_admin_name)
    password = SecretField(parse=normalise_password)
    code = ParsedField(parse=lambda text: text and read_code(text))


@admin.route("/undangan/<secret>", methods=["GET", "POST"])
@once(keep_pages=False)
@open_to(Door.STREET)
def invitation(secret: str) -> ResponseReturnValue:
    """Let whoever holds the link join; opening it changes nothing."""
    try:
        opened = services().admin_login.open_invitation(secret)
    except Refused:
        return render_template("admin/invitation/over.html"), 410
    form = JoinForm()
    headers: dict[str, str] = {}
    if form.is_accepted():
        try:
            done = _join(secret, form)
            response = make_response(redirect(url_for("admin.overview", pesan="bergabung"), 303))
            begin_admin_session(response, done.cookie)
            return response
        except Refused as refusal:
            headers = _refuse(form, refusal)
    elif not form.is_submitted():
        form.full_name.data = opened.admin.name
    return _page(form, opened), form.status, headers


def _join(secret: str, form: JoinForm) -> AdminEntered:
    """Join by a passkey where the browser made one, else by the app's code."""
    name, password = form.full_name.value, form.password.value
    if request.form.get("by") == "passkey":
        by_passkey = PasskeyJoining(name, password, *sent_passkey())
        return services().admin_factors.join(secret, by_passkey, visitor())
    if not form.code.value:
        raise Refused("otp.required")
    return services().admin_login.join(secret, Joining(name, password, form.code.value), visitor())


def _refuse(form: Form, refusal: Refused) -> dict[str, str]:
    if refusal.code == "admin.throttled":
        return dict(refuse_by_limit(form, refusal, "", "code"))
    if refusal.code == "passkey.failed":
        form.refuse(refusal)
    else:
        form.refuse(refusal, _FIELDS.get(refusal.code.partition(".")[0], "code"))
    return {}


def _page(form: Form, opened: OpenInvitation) -> str:
    uri = provisioning_uri(opened.seed, opened.admin.email.address)
    return render_template(
        "admin/invitation/join.html",
        form=form,
        admin=opened.admin,
        is_reset=opened.invitation.purpose == "reset",
        qr=qr_of(uri),
        seed=written_seed(opened.seed),
        minimum=MINIMUM_ADMINISTRATOR,
        expires_at=opened.invitation.expires_at,
        offer=services().admin_factors.offer_joining(opened),
    )
