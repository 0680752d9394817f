"""Who is in the console: the list, one person, letting in, changing roles, shutting out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.errors import Refused
from idp.domain.identity.admin import Admin, AdminStatus
from idp.domain.identity.approval import read_reason
from idp.domain.identity.audit import Actor
from idp.domain.identity.audit_search import AuditQuery
from idp.domain.identity.roles import Permission, Role, parse_roles
from idp.services import Services, admin_requests
from idp.web.admin.blueprint import (
    MENU,
    NOTES,
    ROLE_WORDS,
    MenuEntry,
    acting,
    admin,
    allows,
    current_admin,
    fresh,
    under,
)
from idp.web.context import services
from idp.web.forms import Form, ParsedField, parse_email
from idp.web.submissions import once

MENU.append(MenuEntry("admins", lazy_gettext("Admin"), "shield", 90))
NOTES.update(
    {
        "ditangguhkan": ("ok", "check", lazy_gettext("Admin itu sudah ditangguhkan.")),
        "diaktifkan": ("ok", "check", lazy_gettext("Admin itu dapat masuk lagi.")),
        "sesi-admin": ("ok", "check", lazy_gettext("Semua sesi admin itu sudah diakhiri.")),
        "diatur-ulang": (
            "ok",
            "mail",
            lazy_gettext("Akun admin itu diatur ulang. Tautannya dikirim lewat email."),
        ),
    }
)

#: How many events about somebody their page shows.
EVENTS: Final = 8

STATUSES: Final = {
    AdminStatus.INVITED: ("warn", lazy_gettext("Diundang")),
    AdminStatus.ACTIVE: ("ok", lazy_gettext("Aktif")),
    AdminStatus.SUSPENDED: ("bad", lazy_gettext("Ditangguhkan")),
}

#: What each role is for, beside its box.
ROLE_HINTS: Final = {
    Role.READER: lazy_gettext("Melihat angka dan portal."),
    Role.REGISTRAR: lazy_gettext("Mendaftarkan, mengubah, dan meninjau portal."),
    Role.SUPPORT: lazy_gettext("Membantu warga; data pribadi tertutup sampai ada alasan."),
    Role.KEY_OFFICER: lazy_gettext("Merotasi dan mengakhiri kunci penandatanganan."),
    Role.AUDITOR: lazy_gettext("Membaca dan mengekspor jejak audit."),
    Role.APPROVER: lazy_gettext("Memutuskan permintaan orang lain."),
    Role.ADMINISTRATOR: lazy_gettext("Mengelola admin lain; selalu dengan kunci sandi."),
}


class ReasonForm(Form):
    """Why; where roles are given, their boxes are read beside it."""

    reason = ParsedField(parse=read_reason)


class InviteForm(ReasonForm):
    """Whom to let in."""

    email = ParsedField(parse=parse_email)


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that an administrator does to somebody at once.

    `words`: heading and button. `effect`: what follows. `done`: the note afterwards.
    `fits`: statuses in which it makes sense. `asks_reason`: whether why is kept with it.
    """

    words: object
    effect: object
    done: str
    fits: frozenset[AdminStatus]
    do: Callable[[Services, UUID, Actor, str], Any]
    asks_reason: bool = True


_PRESENT: Final = frozenset({AdminStatus.INVITED, AdminStatus.ACTIVE})

#: How many people of the console a page of their list shows.
ON_PAGE: Final = 25

#: By the word in the address.
ACTS: Final[dict[str, Act]] = {
    "tangguhkan": Act(
        lazy_gettext("Tangguhkan admin"),
        lazy_gettext("Semua sesi dan tautannya berakhir sekarang juga."),
        "ditangguhkan",
        _PRESENT,
        lambda found, admin_id, actor, why: found.admins.suspend(admin_id, actor, why),
    ),
    "aktifkan": Act(
        lazy_gettext("Aktifkan kembali"),
        lazy_gettext("Orang ini dapat masuk lagi dengan langkah kedua yang dimilikinya."),
        "diaktifkan",
        frozenset({AdminStatus.SUSPENDED}),
        lambda found, admin_id, actor, why: found.admins.resume(admin_id, actor, why),
    ),
    "atur-ulang": Act(
        lazy_gettext("Atur ulang akun"),
        lazy_gettext(
            "Kata sandi dan langkah kedua yang lama berakhir. Tautan untuk mengatur yang baru "
            "dikirim ke alamat emailnya; Anda tidak melihatnya."
        ),
        "diatur-ulang",
        _PRESENT,
        lambda found, admin_id, actor, why: found.admins.reset(admin_id, actor, why),
    ),
    "akhiri-sesi": Act(
        lazy_gettext("Akhiri semua sesi"),
        lazy_gettext("Orang ini dikeluarkan dari semua peramban dan dapat masuk lagi."),
        "sesi-admin",
        frozenset({AdminStatus.ACTIVE}),
        lambda found, admin_id, actor, _: found.admin_sessions.end_all(admin_id, actor),
        asks_reason=False,
    ),
}


@admin.get("/admin")
@allows(Permission.ADMINS_READ)
def admins() -> ResponseReturnValue:
    """Show everybody in the console, 25 on a page."""
    everybody = services().admins.list_all()
    last = max(1, -(-len(everybody) // ON_PAGE))
    asked = request.args.get("halaman", "1")
    number = min(last, max(1, int(asked))) if asked.isascii() and asked.isdigit() else 1
    begin = (number - 1) * ON_PAGE
    return render_template(
        "admin/admins/list.html",
        admins=everybody[begin : begin + ON_PAGE],
        total=len(everybody),
        begin=begin,
        number=number,
        last=last,
        statuses=STATUSES,
    )


@admin.route("/admin/undang", methods=["GET", "POST"])
@once()
@allows(Permission.ADMINS_MANAGE)
@fresh
def invite_admin() -> ResponseReturnValue:
    """Ask a second person to let somebody in."""
    under("admins")
    form = InviteForm()
    chosen = request.form.getlist("roles")
    if form.is_accepted():
        try:
            roles = parse_roles(chosen)
            _propose(
                admin_requests.INVITE,
                admin_requests.invite_payload(form.email.value, roles),
                subject=services().vault.blind_index("admin", form.email.value.normalised).hex(),
                reason=form.reason.value,
            )
            return redirect(url_for("admin.approvals", pesan="diajukan"), 303)
        except Refused as refusal:
            form.refuse(refusal)
    return _roles_page("admin/admins/invite.html", form, chosen), form.status


@admin.get("/admin/<uuid:admin_id>")
@allows(Permission.ADMINS_READ)
def admin_person(admin_id: UUID) -> ResponseReturnValue:
    """Show one person of the console."""
    under("admins")
    person = _found(admin_id)
    here = current_admin()
    return render_template(
        "admin/admins/person.html",
        person=person,
        status=STATUSES[person.status],
        factors=services().admin_factors.factors_of(person.id),
        sessions=services().admin_sessions.list_alive(person.id),
        acts={word: act for word, act in ACTS.items() if person.status in act.fits},
        may_manage=here.may(Permission.ADMINS_MANAGE) and here.admin.id != person.id,
        events=services().audit_search.page(AuditQuery(object_id=person.id.hex), size=EVENTS).rows,
        names={one.id: one.shown_name for one in services().admins.list_all()},
    )


@admin.route("/admin/<uuid:admin_id>/peran", methods=["GET", "POST"])
@once()
@allows(Permission.ADMINS_MANAGE)
@fresh
def change_admin_roles(admin_id: UUID) -> ResponseReturnValue:
    """Ask a second person to change somebody's roles."""
    under("admins")
    person = _found(admin_id)
    form = ReasonForm()
    sent = request.form.getlist("roles")
    chosen = sent if request.method == "POST" else [str(role) for role in person.roles]
    if form.is_accepted():
        try:
            roles = parse_roles(chosen)
            _propose(
                admin_requests.ROLES,
                admin_requests.roles_payload(person, roles),
                subject=person.id.hex,
                reason=form.reason.value,
            )
            return redirect(url_for("admin.approvals", pesan="diajukan"), 303)
        except Refused as refusal:
            form.refuse(refusal)
    page = _roles_page("admin/admins/roles.html", form, chosen, person=person)
    return page, form.status


@admin.route("/admin/<uuid:admin_id>/<act>", methods=["GET", "POST"])
@once()
@allows(Permission.ADMINS_MANAGE)
@fresh
def act_on_admin(admin_id: UUID, act: str) -> ResponseReturnValue:
    """Say what would follow, and do it at once: shutting somebody out must not wait."""
    under("admins")
    person = _found(admin_id)
    wanted = ACTS.get(act)
    if wanted is None or person.status not in wanted.fits:
        abort(404)
    form = ReasonForm()
    if not wanted.asks_reason:
        del form.reason
    if form.is_accepted():
        try:
            why = form.reason.value if wanted.asks_reason else ""
            wanted.do(services(), person.id, acting(), why)
            return redirect(
                url_for("admin.admin_person", admin_id=person.id, pesan=wanted.done), 303
            )
        except Refused as refusal:
            form.refuse(refusal)
    page = render_template("admin/admins/act.html", form=form, person=person, act=wanted)
    return page, form.status


def _propose(kind: str, payload: dict[str, Any], *, subject: str, reason: str) -> None:
    services().approvals.propose(kind, payload, subject=subject, reason=reason, actor=acting())


def _roles_page(
    template: str, form: Form, chosen: list[str], *, person: Admin | None = None
) -> str:
    return render_template(
        template,
        form=form,
        person=person,
        chosen=chosen,
        roles=[(role, ROLE_WORDS[role], ROLE_HINTS[role]) for role in Role],
    )


def _found(admin_id: UUID) -> Admin:
    try:
        return services().admins.get(admin_id)
    except Refused:
        abort(404)
