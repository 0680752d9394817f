"""Short messages and letters: what waits, how often it was tried, and how each template reads."""

import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from flask import abort, current_app, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.errors import Refused
from idp.domain.identity.otp import Purpose
from idp.domain.identity.roles import Permission
from idp.services.messages import SmsKind
from idp.web.admin.blueprint import (
    MENU,
    NOTES,
    MenuEntry,
    acting,
    admin,
    allows,
    current_admin,
    under,
)
from idp.web.context import services, web_settings
from idp.web.forms import Form
from idp.web.letters import LETTERS, SMS_NOTICES, LetterWriter
from idp.web.submissions import once

MENU.append(MenuEntry("messages", lazy_gettext("Pesan"), "mail", 70))
NOTES["dicoba"] = ("ok", "check", lazy_gettext("Pesan dicoba sekarang."))

#: How many that wait a page shows.
ROWS: Final = 25

KINDS: Final = {
    "sms": lazy_gettext("SMS"),
    "mail": lazy_gettext("Email"),
    "logout": lazy_gettext("Pemberitahuan keluar ke portal"),
    "ping": lazy_gettext("Pemberitahuan ke portal (CIBA)"),
}
STATES: Final = {
    "queued": lazy_gettext("Menunggu"),
    "accepted": lazy_gettext("Diterima operator"),
    "sent": lazy_gettext("Dikirim"),
    "delivered": lazy_gettext("Sampai"),
    "undelivered": lazy_gettext("Tidak sampai"),
    "expired": lazy_gettext("Kedaluwarsa"),
    "rejected": lazy_gettext("Ditolak operator"),
    "unknown": lazy_gettext("Belum diketahui"),
}


@dataclass(frozen=True, slots=True)
class Template:
    """One template as its reader would see it, with values of nobody."""

    kind: str
    subject: str
    text: str


@admin.get("/pesan")
@allows(Permission.MESSAGES_READ)
def messages() -> ResponseReturnValue:
    """Show the queue and the last hour's short messages; no text and no receiver."""
    return _page(Form())


@admin.post("/pesan/coba")
@once()
@allows(Permission.MESSAGES_RETRY)
def retry_message() -> ResponseReturnValue:
    """Let a message that waits for its next try be tried now."""
    form = Form()
    message = request.form.get("message", type=UUID)
    if message is None:
        abort(404)
    if form.is_accepted():
        try:
            services().outbox.try_now(message, acting())
            return redirect(url_for("admin.messages", pesan="dicoba"), 303)
        except Refused as refusal:
            form.refuse(refusal, status=409)
    return _page(form)


def _page(form: Form) -> ResponseReturnValue:
    under("messages")
    page = render_template(
        "admin/messages/queue.html",
        form=form,
        queue=services().outbox.look(ROWS),
        may_retry=current_admin().may(Permission.MESSAGES_RETRY),
        kinds=KINDS,
        states=STATES,
        letters=_letters(),
        notices=_notices(),
    )
    return page, form.status


def _writer() -> LetterWriter:
    settings = web_settings()
    return LetterWriter(
        current_app._get_current_object(),  # type: ignore[attr-defined]
        issuer=settings.issuer,
        host=urlsplit(settings.issuer).hostname or "",
        contact=settings.kemnaker_call_centre,
    )


#: What stands in the place of values in a preview; any other name stands for itself.
EXAMPLES: Final[dict[str, Any]] = {
    "purpose": Purpose.LOGIN,
    "code": "123456",
    "device": "Chrome, Android",
    "network": "203.0.113.0/24",
}
_NAME: Final = re.compile(r"%\((\w+)\)s")


def _values(*texts: object) -> dict[str, Any]:
    """Return values of nobody for everything that a template names."""
    now = services().clock.now()
    names = {name for text in texts for name in _NAME.findall(str(text))}
    named = {name: now if name == "at" else f"[{name}]" for name in names - {"contact"}}
    return {**named, **EXAMPLES}


def _letters() -> list[Template]:
    writer = _writer()
    found = []
    for kind, design in LETTERS.items():
        texts = (design.subject, *design.body, design.warning, design.lead, design.link)
        words = writer.letter(kind, g.locale, _values(*texts))
        found.append(Template(kind, words.subject, words.text))
    return found


def _notices() -> list[Template]:
    writer = _writer()
    found = [
        Template(kind, kind, writer.sms(kind, g.locale, _values(text)))
        for kind, text in SMS_NOTICES.items()
    ]
    return [Template("code", "code", writer.sms(SmsKind.CODE, g.locale, EXAMPLES)), *found]
