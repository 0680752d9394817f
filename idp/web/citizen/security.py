"""Security of the account: password, contacts, and proving oneself again before a change."""

from collections.abc import Mapping

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.factors import strongest_of
from idp.domain.identity.password import normalise_password
from idp.domain.identity.second_step import (
    Method,
    contacts_of,
    is_email_held,
    is_phone_held,
    recovery_contacts_of,
)
from idp.services import otp
from idp.web.citizen.blueprint import (
    RETURNS,
    citizen,
    must_be_confirmed,
    must_be_signed_in,
    onward,
    present,
)
from idp.web.citizen.login import MethodForm, Ways, go_by, ways_of
from idp.web.context import services, visitor
from idp.web.forms import Form, SecretField
from idp.web.puzzles import is_limit, refuse_by_limit
from idp.web.security import begin_session
from idp.web.submissions import once

RETURNS["account_security"] = "citizen.account_security"
RETURNS["change_password"] = "citizen.change_password"


class PasswordProof(Form):
    """The password once more."""

    password = SecretField(parse=normalise_password)


class ChangeForm(Form):
    """The old password and the new one."""

    current_password = SecretField(parse=normalise_password)
    password = SecretField(parse=normalise_password)


@citizen.get("/akun/keamanan")
@must_be_signed_in
def account_security() -> ResponseReturnValue:
    """Show password, contacts and what they are good for."""
    _, account = present()
    return render_template(
        "citizen/account/security.html",
        account=account,
        credential=services().profile.password_of(account.id),
        contacts=contacts_of(account),
        factors=services().factors.of(account.id),
        recovery=recovery_contacts_of(account, services().clock.now()),
        is_phone_held=is_phone_held(account, services().clock.now()),
        is_email_held=is_email_held(account, services().clock.now()),
    )


@citizen.route("/akun/keamanan/kata-sandi", methods=["GET", "POST"])
@once()
@must_be_signed_in
@must_be_confirmed
def change_password() -> ResponseReturnValue:
    """Change the password; everything but this session ends."""
    session, account = present()
    form = ChangeForm()
    headers: Mapping[str, str] = {}
    if form.is_accepted():
        try:
            changed = services().profile.change_password(
                session, account, form.current_password.value, form.password.value, visitor()
            )
            response = make_response(
                redirect(url_for("citizen.account_security", pesan="sandi"), 303)
            )
            begin_session(response, changed.cookie)
            return response
        except Refused as refusal:
            headers = _refuse_password(form, refusal)
    page = render_template(
        "citizen/account/password.html",
        form=form,
        account=account,
        minimum=services().passwords.minimum,
    )
    return page, form.status, headers


def _refuse_password(form: Form, refusal: Refused) -> Mapping[str, str]:
    current = "current_password" if "current_password" in form else "password"
    if refusal.code == "login.throttled":
        return refuse_by_limit(form, refusal, "", current)
    form.refuse(refusal, current if refusal.code == "password.wrong" else "password")
    return {}


@citizen.route("/konfirmasi", methods=["GET", "POST"])
@once()
@must_be_signed_in
def confirm() -> ResponseReturnValue:
    """Ask for a fresh proof by the strongest way: a code, the password where none can be sent.

    A code of hours ago is none: whoever sits at somebody else's browser has its session already.
    """
    session, account = present()
    ways = _strongest_ways(account)
    wants_code = ways.factors.is_enrolled or services().login.needs_code(account, is_known=False)
    form = PasswordProof()
    by_code = MethodForm()
    headers: Mapping[str, str] = {}
    if request.form.get("action") == "code":
        if by_code.is_accepted():
            try:
                return go_by(by_code.channel.value, "", ways)
            except Refused as refusal:
                headers = _refuse_sending(by_code, refusal)
        form = by_code
    elif not wants_code and form.is_accepted():
        try:
            proved = services().login.confirm(session, account, form.password.value, visitor())
            response = make_response(onward())
            begin_session(response, proved.cookie)
            return response
        except Refused as refusal:
            headers = _refuse_password(form, refusal)
    if request.method == "GET":
        by_code.channel.data = next(iter(ways.methods), None)
    page = render_template(
        "citizen/account/confirm.html",
        form=form,
        password=None if wants_code else (form if form is not by_code else PasswordProof()),
        by_code=by_code,
        ways=ways,
    )
    return page, form.status, headers


def _strongest_ways(account: Account) -> Ways:
    """Return the ways that are strong enough: an enrolled factor, a code where there is none."""
    factors = services().factors.of(account.id)
    strongest = {Method(proved_by) for proved_by in strongest_of(factors)}
    only = [method for method in Method if method in strongest]
    return ways_of(account, factors, only or [Method.EMAIL, Method.SMS])


def _refuse_sending(form: MethodForm, refusal: Refused) -> Mapping[str, str]:
    if is_limit(refusal):
        return refuse_by_limit(form, refusal, otp.PUZZLE)
    form.refuse(Refused("method.required"), "channel")
    return {}
