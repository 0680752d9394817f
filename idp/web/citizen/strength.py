"""Words about a new password while its page is still open (`ui.md` section 8).

The judgement is that of the form itself, which asks again; nothing is kept and nothing is logged.
"""

from typing import Final

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from idp.domain.errors import Refused
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.password import normalise_password, personal_words
from idp.domain.identity.phone import Phone, parse_phone
from idp.ports.ephemeral import Bucket
from idp.web.citizen.blueprint import citizen
from idp.web.context import services, signed_in, visitor
from idp.web.forms import Form, SecretField, parse_email
from idp.web.messages import words_for

#: Questions of one network in ten minutes; whoever asks more often is told by the form alone.
ASKED_MAX: Final = 120
ASKED_SECONDS: Final = 600


class StrengthForm(Form):
    """The password that was typed so far."""

    password = SecretField(parse=normalise_password)


@citizen.post("/kata-sandi/nilai")
def judge_password() -> ResponseReturnValue:
    """Say in words what the form would say of this password."""
    bucket = Bucket("password_words", visitor().address, ASKED_MAX, ASKED_SECONDS)
    if services().rate_limits.hit(bucket)[0].is_over:
        return {"words": "", "good": False}, 429
    form = StrengthForm()
    if not form.is_accepted():
        words = "" if form.is_expired else " ".join(map(str, form.password.errors))
        return {"words": words, "good": False}, form.status
    try:
        services().passwords.check(form.password.value, _personal())
    except Refused as refusal:
        return {"words": words_for(refusal), "good": False}
    return {"words": gettext("Kata sandi ini kuat."), "good": True}


def _personal() -> tuple[str, ...]:
    """Return what is known of the person here: typed, registered, or signed in."""
    found = signed_in()
    registration = services().registration.find(visitor())
    words = personal_words(phone=_typed_phone(), email=_typed_email())
    if registration is not None:
        words += personal_words(registration.person.name, nik=registration.nik)
    if found is not None:
        account = found[1]
        words += personal_words(
            account.person.name, nik=account.nik, phone=account.phone, email=account.email
        )
    return words


def _typed_email() -> EmailAddress | None:
    try:
        return parse_email(request.form.get("email", ""))
    except Refused:
        return None


def _typed_phone() -> Phone | None:
    try:
        return parse_phone(request.form.get("phone", ""))
    except Refused:
        return None
