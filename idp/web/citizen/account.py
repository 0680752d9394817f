"""The account's own pages: overview, sessions, activity, connected portals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flask import g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext

from idp.domain.errors import Refused
from idp.domain.identity.audit import Action, AuditEvent
from idp.domain.protocol.client import Client
from idp.services.consents import ConnectedPortal
from idp.services.profile import Happening
from idp.web.citizen.blueprint import (
    ACCOUNT_MENU,
    NOTES,
    RETURNS,
    citizen,
    must_be_signed_in,
    present,
    words_of_scope,
)
from idp.web.context import provider, services, visitor
from idp.web.cursors import read_cursor, write_cursor
from idp.web.errors import error_page
from idp.web.forms import Form
from idp.web.submissions import once

ACCOUNT_MENU.extend(
    (
        ("citizen.account_home", lazy_gettext("Beranda"), "home"),
        ("citizen.account_security", lazy_gettext("Keamanan"), "shield"),
        ("citizen.account_sessions", lazy_gettext("Perangkat dan sesi"), "dev"),
        ("citizen.account_activity", lazy_gettext("Aktivitas"), "clock"),
        ("citizen.account_portals", lazy_gettext("Portal terhubung"), "link"),
        ("citizen.old_accounts", lazy_gettext("Akun lama"), "user"),
    )
)
RETURNS.update(
    (name, f"citizen.{name}")
    for name in ("account_home", "account_sessions", "account_activity", "account_portals")
)
NOTES.update(
    {
        "sesi": ("ok", "check", lazy_gettext("Perangkat itu telah dikeluarkan.")),
        "sesi-lain": ("ok", "check", lazy_gettext("Perangkat lain telah dikeluarkan.")),
        "portal": ("ok", "check", lazy_gettext("Akses portal telah dicabut.")),
    }
)

#: What the overview shows of each.
GLIMPSE: Final = 3
#: Portals to open that the overview shows.
TILES: Final = 12

_UNKNOWN: Final = lazy_gettext("perangkat yang tidak dikenali")
_MOBILE: Final = ("Android", "iOS", "iPhone")

#: Events in words; `%(device)s` and `%(portal)s` stand for the event's own. Icon beside it.
ACTIVITY: Final[Mapping[Action, tuple[str, object]]] = {
    Action.ACCOUNT_OPENED: ("user", lazy_gettext("Akun dibuka")),
    Action.ACCOUNT_LOCKED: ("lock", lazy_gettext("Petugas mengunci akun Anda")),
    Action.ACCOUNT_UNLOCKED: ("lock", lazy_gettext("Petugas membuka kunci akun Anda")),
    Action.ACCOUNT_MERGED: ("link", lazy_gettext("Petugas menggabungkan dua akun Anda")),
    Action.PERSON_OPENED: ("eye", lazy_gettext("Petugas membuka halaman akun Anda, data tertutup")),
    Action.PERSON_UNMASKED: ("eye", lazy_gettext("Petugas melihat data pribadi Anda")),
    Action.PERSON_SIGNED_OUT: ("out", lazy_gettext("Petugas mengakhiri semua sesi Anda")),
    Action.PERSON_HELPED: (
        "key",
        lazy_gettext("Petugas membantu Anda mengatur ulang kata sandi lewat email atau SMS"),
    ),
    Action.ACCOUNT_TAKEN: ("alert", lazy_gettext("Ada yang mencoba mendaftar dengan NIK Anda")),
    Action.LOGIN_SUCCEEDED: ("dev", lazy_gettext("Masuk dari %(device)s")),
    Action.LOGIN_FAILED: ("alert", lazy_gettext("Percobaan masuk gagal dari %(device)s")),
    Action.PASSWORD_DISABLED: (
        "lock",
        lazy_gettext("Kata sandi dinonaktifkan karena terlalu sering salah"),
    ),
    Action.SESSION_ENDED: ("out", lazy_gettext("Satu perangkat dikeluarkan dari akun")),
    Action.PASSWORD_CHANGED: ("lock", lazy_gettext("Kata sandi diubah")),
    Action.RECOVERY_STARTED: ("key", lazy_gettext("Pengaturan ulang kata sandi diminta")),
    Action.RECOVERY_FINISHED: ("key", lazy_gettext("Kata sandi diatur ulang")),
    Action.EMAIL_VERIFIED: ("mail", lazy_gettext("Alamat email dibuktikan")),
    Action.EMAIL_CHANGED: ("mail", lazy_gettext("Alamat email diganti")),
    Action.PHONE_CHANGED: ("phone", lazy_gettext("Nomor handphone diganti")),
    Action.CONTACT_REPLACED: ("phone", lazy_gettext("Petugas mengganti nomor dan email Anda")),
    Action.FACTOR_ADDED: ("key", lazy_gettext("Cara masuk ditambahkan")),
    Action.FACTOR_REMOVED: ("key", lazy_gettext("Cara masuk dihapus")),
    Action.RECOVERY_CODE_USED: ("key", lazy_gettext("Satu kode pemulihan dipakai")),
    Action.CONTACT_STOPPED: (
        "x",
        lazy_gettext("Permintaan mengganti nomor dan email Anda dihentikan"),
    ),
    Action.PHONE_MOVED: ("phone", lazy_gettext("Nomor handphone Anda dipakai akun lain")),
    Action.CONSENT_GIVEN: ("link", lazy_gettext("%(portal)s diizinkan menerima data Anda")),
    Action.CONSENT_WITHDRAWN: ("link", lazy_gettext("Akses %(portal)s dicabut")),
    Action.REQUEST_ALLOWED: (
        "link",
        lazy_gettext("Permintaan %(portal)s dari perangkat lain diizinkan"),
    ),
    Action.REQUEST_DENIED: ("x", lazy_gettext("Permintaan %(portal)s dari perangkat lain ditolak")),
    Action.TOKEN_FAMILY_ENDED: (
        "alert",
        lazy_gettext("Akses %(portal)s dihentikan demi keamanan"),
    ),
    Action.IDENTITY_CONFIRMED: ("shield", lazy_gettext("Identitas dikonfirmasi Dukcapil")),
    Action.UPSTREAM_LINKED: ("link", lazy_gettext("Cara masuk lewat penyedia lain dihubungkan")),
    Action.LEGACY_LINKED: ("link", lazy_gettext("Akun lama dihubungkan")),
    Action.LEGACY_RELEASED: ("x", lazy_gettext("Akun lama dilepaskan")),
}
#: A session that the person ended by signing out.
_SIGNED_OUT: Final = lazy_gettext("Keluar dari akun")
#: What somebody else may have done.
_DOUBTFUL: Final = frozenset(
    {
        Action.LOGIN_SUCCEEDED,
        Action.PASSWORD_CHANGED,
        Action.RECOVERY_FINISHED,
        Action.EMAIL_CHANGED,
        Action.PHONE_CHANGED,
        Action.CONTACT_REPLACED,
        Action.FACTOR_ADDED,
        Action.FACTOR_REMOVED,
        Action.RECOVERY_CODE_USED,
    }
)


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """One event as the page shows it. `is_doubtful`: whether to ask «Bukan saya?»."""

    icon: str
    words: str
    network: str
    at: int
    is_doubtful: bool


@citizen.get("/akun")
@must_be_signed_in
def account_home() -> ResponseReturnValue:
    """Show the overview."""
    session, account = present()
    portals = services().consents.list_connected(account.id)
    return render_template(
        "citizen/account/home.html",
        account=account,
        credential=services().profile.password_of(account.id),
        portals=portals[:GLIMPSE],
        events=_shown(services().profile.activity(account.id, limit=GLIMPSE).happenings),
        session=session,
        waiting=provider().pending.list_waiting(account),
        tiles=_tiles(portals)[:TILES],
    )


def _tiles(connected: Sequence[ConnectedPortal]) -> list[tuple[Client, str]]:
    """Return the portals that can be opened from here, those that the person knows first."""
    place = {portal.client.client_id: number for number, portal in enumerate(connected)}
    found = provider().startable_portals()
    return sorted(found, key=lambda tile: place.get(tile[0].client_id, len(place)))


@citizen.route("/akun/sesi", methods=["GET", "POST"])
@once()
@must_be_signed_in
def account_sessions() -> ResponseReturnValue:
    """Show where somebody is signed in, and end one or all others."""
    session, account = present()
    form = Form()
    if form.is_accepted():
        answer = _end_sessions()
        if answer is not None:
            return answer
    sessions = services().sessions.list_alive(account.id)
    page = render_template(
        "citizen/account/sessions.html",
        form=form,
        here=session,
        others=[other for other in sessions if other.sid != session.sid],
        icon_of=_icon_of,
    )
    return page, form.status


def _end_sessions() -> ResponseReturnValue | None:
    session, account = present()
    sid = request.form.get("sid", "")
    if request.form.get("action") == "others":
        services().profile.end_other_sessions(session, account, visitor())
        return redirect(url_for("citizen.account_sessions", pesan="sesi-lain"), 303)
    if sid == session.sid:
        return redirect(url_for("citizen.sign_out"), 303)
    if not sid:
        return None
    try:
        services().sessions.end(account.id, sid, visitor(), reason="ended_by_owner")
    except Refused:
        # it ended by itself, or in another tab: what was asked for is done
        return redirect(url_for("citizen.account_sessions"), 303)
    return redirect(url_for("citizen.account_sessions", pesan="sesi"), 303)


@citizen.get("/akun/aktivitas")
@must_be_signed_in
def account_activity() -> ResponseReturnValue:
    """Show what happened to the account, a page at a time."""
    _, account = present()
    cursor = request.args.get("sebelum", "")
    before = read_cursor(cursor, account.id) if cursor else None
    if cursor and before is None:
        return redirect(url_for("citizen.account_activity"), 303)
    page = services().profile.activity(account.id, before=before)
    return render_template(
        "citizen/account/activity.html",
        events=_shown(page.happenings),
        is_first=before is None,
        following=write_cursor(page.next, account.id) if page.next is not None else None,
    )


@citizen.get("/akun/portal")
@must_be_signed_in
def account_portals() -> ResponseReturnValue:
    """Show which portals get what."""
    _, account = present()
    portals = services().consents.list_connected(account.id)
    return render_template(
        "citizen/account/portals.html", portals=portals, words_of=_words_of, tiles=_tiles(portals)
    )


@citizen.route("/akun/portal/<uuid:portal_id>", methods=["GET", "POST"])
@once()
@must_be_signed_in
def account_portal(portal_id: object) -> ResponseReturnValue:
    """Ask whether to withdraw what a portal may have, and do it."""
    _, account = present()
    connected = services().consents.list_connected(account.id)
    portal = next((found for found in connected if found.client.id == portal_id), None)
    if portal is None:
        return error_page(404)
    form = Form()
    if form.is_accepted():
        try:
            services().consents.withdraw(account.id, portal.client.client_id, visitor())
        except Refused:
            # withdrawn in another tab a moment ago
            return redirect(url_for("citizen.account_portals"), 303)
        return redirect(url_for("citizen.account_portals", pesan="portal"), 303)
    page = render_template(
        "citizen/account/withdraw.html", form=form, portal=portal, words=_words_of(portal)
    )
    return page, form.status


def _words_of(portal: ConnectedPortal) -> list[str]:
    """Return what a portal gets, in the words of the consent page."""
    scopes = [words_of_scope(scope) for scope in sorted(portal.scopes - {"openid"})]
    return [*scopes, gettext("Status verifikasi")]


def _shown(happenings: Sequence[Happening]) -> list[ShownEvent]:
    return [_show(happening) for happening in happenings]


def _show(happening: Happening) -> ShownEvent:
    event, client = happening.event, happening.client
    icon, words = ACTIVITY[event.action]
    if event.action is Action.SESSION_ENDED and event.details.get("reason") == "signed_out":
        words = _SIGNED_OUT
    portal = client.name_in(g.locale) if client is not None else gettext("Sebuah portal")
    told = str(words) % {"device": event.origin.device or _UNKNOWN, "portal": portal}
    return ShownEvent(
        icon=_icon_of(event.origin.device) if event.action in _DEVICES else icon,
        words=told,
        # where an officer sits is nobody's business
        network=event.origin.network if event.actor != "admin" else "",
        at=event.at,
        is_doubtful=_is_doubtful(event),
    )


_DEVICES: Final = frozenset({Action.LOGIN_SUCCEEDED})


def _is_doubtful(event: AuditEvent) -> bool:
    return event.action in _DOUBTFUL and event.origin.device != visitor().origin.device


def _icon_of(device: str) -> str:
    return "phone" if any(name in device for name in _MOBILE) else "dev"
