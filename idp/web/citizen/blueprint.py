"""The blueprint that every page for citizens registers with, and what those pages share."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, ParamSpec

from flask import Blueprint, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext

from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.session import LoginSession
from idp.services.interactions import Waiting
from idp.web import i18n
from idp.web.context import cookie_name, services, signed_in, visitor
from idp.web.failures import note_portal
from idp.web.security import may_leave_to

P = ParamSpec("P")

citizen = Blueprint("citizen", __name__)

#: The account's navigation: endpoint, words, icon.
ACCOUNT_MENU: Final[list[tuple[str, object, str]]] = []

#: Pages that a sign-in may return to, by the word that travels in `lanjut` (never a URL).
RETURNS: Final[dict[str, str]] = {}

#: Which part of their address names a thing, where such a page is about one; it travels in `di`.
THINGS: Final[dict[str, str]] = {}
_THING: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

#: What stands in the address of every page of a sign-in: portal, page to return to and which thing
#: it is about, CIBA request, the journey of an old account that was proved, or of old accounts that
#: are to move.
CARRIED: Final = ("i", "lanjut", "di", "permintaan", "lama", "gabung")

#: What a page tells once something was done, by the word in `pesan`: kind of note, icon, words.
NOTES: Final[dict[str, tuple[str, str, object]]] = {
    "berakhir": (
        "warn",
        "clock",
        lazy_gettext("Sesi Anda telah berakhir. Silakan masuk kembali."),
    ),
    "konfirmasi": (
        "",
        "lock",
        lazy_gettext("Untuk melanjutkan, konfirmasi bahwa ini benar Anda."),
    ),
}


def waiting_request() -> Waiting | None:
    """Return the portal's request that this page belongs to (`?i=`), `None` where there is none.

    Its language is preferred from here on, and the page's form may end at the portal. Refuses with
    `interaction.…` where the id is not this browser's.
    """
    interaction_id = request.args.get("i")
    if interaction_id is None:
        return None
    waiting = services().interactions.find(interaction_id, visitor())
    g.waiting_id = interaction_id
    note_portal(waiting.client)
    i18n.prefer(*waiting.request.ui_locales)
    scheme = waiting.request.redirect_uri.partition(":")[0]
    may_leave_to("" if scheme in {"http", "https"} else scheme)
    return waiting


def back_to_portal(interaction_id: str | None, otherwise: str) -> ResponseReturnValue:
    """Return to the waiting request, or to one of our pages where nobody waits."""
    if interaction_id is not None:
        return redirect(url_for("portal.resume", interaction_id=interaction_id), 303)
    return redirect(url_for(otherwise), 303)


def carried() -> dict[str, Any]:
    """Return what the next page's address carries on from this one's."""
    return {name: request.args[name] for name in CARRIED if name in request.args}


def onward(pesan: str | None = None) -> ResponseReturnValue:
    """Go where the person was on their way to: a portal, one of our pages, else their account."""
    args = request.args
    if "lama" in args:
        return redirect(url_for("citizen.link_legacy", **carried()), 303)
    if "gabung" in args:
        return redirect(url_for("citizen.join_accounts", **carried()), 303)
    if "i" in args and not _is_of_another_browser(args["i"]):
        return redirect(url_for("portal.resume", interaction_id=args["i"]), 303)
    if "permintaan" in args:
        there = url_for("citizen.backchannel_request", page_id=args["permintaan"])
        return redirect(there, 303)
    return redirect(_page_to_return_to(pesan), 303)


def _page_to_return_to(pesan: str | None) -> str:
    word, thing = request.args.get("lanjut", ""), request.args.get("di", "")
    endpoint, part = RETURNS.get(word), THINGS.get(word)
    if endpoint is None or (part is not None and not _THING.fullmatch(thing)):
        return url_for("citizen.account_home", pesan=pesan)
    about: dict[str, Any] = {} if part is None else {part: thing}
    return url_for(endpoint, pesan=pesan, **about)


def _is_of_another_browser(interaction_id: str) -> bool:
    """Return whether a request waits elsewhere: links in letters are opened on any device."""
    if g.get("waiting_id") == interaction_id:
        return False
    try:
        services().interactions.find(interaction_id, visitor())
    except Refused as refusal:
        return refusal.code == "interaction.unknown"
    return False


def must_be_signed_in(
    view: Callable[P, ResponseReturnValue],
) -> Callable[P, ResponseReturnValue]:
    """Send whoever is not signed in to the sign-in page, and back here afterwards."""

    @wraps(view)
    def guarded(*given: P.args, **named: P.kwargs) -> ResponseReturnValue:
        if signed_in() is None:
            # whoever brings the cookie of a session that ended was here before, or a form of ours
            was_here = cookie_name("sid") in request.cookies or request.method == "POST"
            there = url_for(
                "citizen.login",
                lanjut=_word_of_this_page(),
                di=_thing_of_this_page(),
                permintaan=(request.view_args or {}).get("page_id"),
                pesan="berakhir" if was_here else None,
            )
            return redirect(there, 303)
        _, account = present()
        i18n.tell_times_in(account.time_zone)
        i18n.prefer_own(account.locale)
        return view(*given, **named)

    return guarded


def must_be_confirmed(
    view: Callable[P, ResponseReturnValue],
) -> Callable[P, ResponseReturnValue]:
    """Ask for a fresh proof before a risky change, and come back here (AU-14)."""

    @wraps(view)
    def guarded(*given: P.args, **named: P.kwargs) -> ResponseReturnValue:
        if not services().profile.is_confirmed(*present()):
            word, thing = _word_of_this_page(), _thing_of_this_page()
            return redirect(url_for("citizen.confirm", lanjut=word, di=thing), 303)
        return view(*given, **named)

    return guarded


def _word_of_this_page() -> str | None:
    word = (request.endpoint or "").removeprefix("citizen.")
    return word if word in RETURNS else None


def _thing_of_this_page() -> str | None:
    part = THINGS.get(_word_of_this_page() or "")
    return str((request.view_args or {})[part]) if part is not None else None


def present() -> tuple[LoginSession, Account]:
    """Return who is signed in, behind `must_be_signed_in`."""
    found = signed_in()
    if found is None:
        raise LookupError("nobody is signed in")
    return found


@citizen.app_context_processor
def _menu() -> dict[str, object]:
    return {
        "account_menu": lambda: ACCOUNT_MENU,
        "current_page": request.endpoint,
        "session_end": _session_end,
        "sms_may_arrive": services().reports.may_arrive,
        "asks_portals": services().upgrade.asks_portals,
        "page_note": NOTES.get(request.args.get("pesan", "")),
    }


def _session_end() -> int | None:
    """Return when the session of whoever is here ends, unless another page is opened before."""
    found = signed_in()
    return found[0].ends_at(services().sessions.limits) if found is not None else None


#: Words of scopes on consent and portal pages; a scope without words is shown by its name.
SCOPE_WORDS: Final = {
    "profile": lazy_gettext("Nama lengkap dan data profil"),
    "email": lazy_gettext("Alamat email"),
    "phone": lazy_gettext("Nomor handphone"),
    "address": lazy_gettext("Alamat"),
    "nik": lazy_gettext("NIK"),
    "legacy": lazy_gettext("Nomor akun lama Anda di portal itu"),
    "offline_access": lazy_gettext("Tetap terhubung saat Anda tidak memakai portal"),
}


def words_of_scope(scope: str) -> str:
    """Return what a scope means, in the page's language."""
    words = SCOPE_WORDS.get(scope)
    return str(words) if words is not None else str(gettext("Layanan %(name)s", name=scope))
