"""Short messages and letters: what waits, how often it was tried, and how each template reads."""

import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from flask import current_app, g, render_template
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.identity.otp import Purpose
from idp.domain.identity.roles import Permission
from idp.services.messages import SmsKind
from idp.web.admin.blueprint import MENU, MenuEntry, admin, allows
from idp.web.context import services, web_settings
from idp.web.letters import LETTERS, SMS_NOTICES, LetterWriter

MENU.append(MenuEntry("messages", lazy_gettext("Pesan"), "mail", 70))

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
    return render_template(
        "admin/messages/queue.html",
        queue=services().outbox.look(ROWS),
        kinds=KINDS,
        states=STATES,
        letters=_letters(),
        notices=_notices(),
    )


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
