"""What waits for a second person: the list, one request and its difference, the decision."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.errors import Refused
from idp.domain.identity.approval import Change, read_reason
from idp.domain.identity.roles import Permission, parse_roles
from idp.services.approvals import ShownRequest
from idp.web.admin.blueprint import (
    MENU,
    NOTES,
    MenuEntry,
    acting,
    admin,
    allows,
    current_admin,
    fresh,
    role_words,
    under,
)
from idp.web.admin.overview import PANELS, Panel
from idp.web.context import services
from idp.web.forms import Form, ParsedField
from idp.web.submissions import once

MENU.append(MenuEntry("approvals", lazy_gettext("Persetujuan"), "check", 60))
NOTES.update(
    {
        "disetujui": ("ok", "check", lazy_gettext("Permintaan disetujui dan sudah dijalankan.")),
        "ditolak": ("ok", "check", lazy_gettext("Permintaan ditolak.")),
        "ditarik": ("ok", "check", lazy_gettext("Permintaan ditarik.")),
        "diajukan": (
            "ok",
            "clock",
            lazy_gettext("Permintaan diajukan. Orang kedua memutuskannya dalam 72 jam."),
        ),
    }
)


def _count() -> int:
    return services().approvals.count_open()


PANELS.append(Panel("admin/approvals/_panel.html", Permission.APPROVALS_DECIDE, _count, 5))

#: How many that are over a page shows.
LATEST: Final = 25

#: Kinds of requests as people call them; whoever adds an executor adds its line.
KINDS: Final[dict[str, object]] = {
    "admin.invite": lazy_gettext("Undang admin baru"),
    "admin.roles": lazy_gettext("Ubah peran admin"),
    "people.unlock": lazy_gettext("Buka kunci akun warga"),
    "people.factors": lazy_gettext("Hapus langkah kedua warga"),
    "people.look": lazy_gettext("Lihat data pribadi di luar batas harian"),
    "people.contact": lazy_gettext("Ganti nomor dan email yang hilang"),
    "people.merge": lazy_gettext("Gabungkan dua akun warga"),
}
#: Lines of a difference as people call them.
LABELS: Final[dict[str, object]] = {
    "admin": lazy_gettext("Admin"),
    "email": lazy_gettext("Alamat email"),
    "phone": lazy_gettext("Nomor handphone"),
    "roles": lazy_gettext("Peran"),
    "account": lazy_gettext("Akun"),
    "account_status": lazy_gettext("Status"),
    "factors": lazy_gettext("Aplikasi / kunci sandi"),
    "merge_former": lazy_gettext("Akun yang dikunci"),
    "merge_to": lazy_gettext("Akun yang tetap dipakai"),
    "merge_old": lazy_gettext("Akun lama yang pindah"),
}
#: What makes a value of a line readable, by the line's label.
READERS: Final[dict[str, Callable[[str], str]]] = {
    "roles": lambda text: role_words(parse_roles(text.split(","))) if text else "",
}
STATUSES: Final = {
    "waiting": ("warn", lazy_gettext("Menunggu")),
    "approved": ("ok", lazy_gettext("Disetujui")),
    "refused": ("bad", lazy_gettext("Ditolak")),
    "withdrawn": ("", lazy_gettext("Ditarik")),
    "expired": ("", lazy_gettext("Kedaluwarsa")),
}


class DecisionForm(Form):
    """Why; a refusal needs it, an approval may have it."""

    reason = ParsedField(parse=lambda text: text and read_reason(text))


@admin.get("/persetujuan")
@allows(Permission.APPROVALS_READ)
def approvals() -> ResponseReturnValue:
    """Show what waits and what was decided: all of it to who decides, else one's own."""
    own = None if _sees_all() else current_admin().admin.id
    waiting = services().approvals.list_open()
    return render_template(
        "admin/approvals/list.html",
        waiting=[one for one in waiting if own in {None, one.request.author_id}],
        latest=services().approvals.list_latest(LATEST, author_id=own),
        kinds=KINDS,
        status_of=_status_of,
    )


@admin.get("/persetujuan/<uuid:request_id>")
@allows(Permission.APPROVALS_READ)
def approval(request_id: UUID) -> ResponseReturnValue:
    """Show one request: who wants what changed, and why."""
    return _page(_found(request_id), DecisionForm())


@admin.post("/persetujuan/<uuid:request_id>/putusan")
@once()
@allows(Permission.APPROVALS_DECIDE)
@fresh
def decide_approval(request_id: UUID) -> ResponseReturnValue:
    """Take a second person's decision; an approved request is carried out at once."""
    shown = _found(request_id)
    form = DecisionForm()
    if form.is_accepted():
        try:
            return _decide(request_id, form)
        except Refused as refusal:
            fields = ("reason",) if refusal.code.startswith("reason.") else ()
            form.refuse(refusal, *fields)
            shown = _found(request_id)
    return _page(shown, form)


@admin.post("/persetujuan/<uuid:request_id>/tarik")
@once()
@allows(Permission.APPROVALS_READ)
def withdraw_approval(request_id: UUID) -> ResponseReturnValue:
    """Take one's own request back."""
    shown = _found(request_id)
    form = DecisionForm()
    if form.is_accepted():
        try:
            services().approvals.withdraw(request_id, acting())
            return redirect(url_for("admin.approvals", pesan="ditarik"), 303)
        except Refused as refusal:
            form.refuse(refusal)
    return _page(shown, form)


def _decide(request_id: UUID, form: DecisionForm) -> ResponseReturnValue:
    seen, reason = _seen(), form.reason.value
    if request.form.get("decision") == "approve":
        services().approvals.approve(request_id, seen=seen, reason=reason, actor=acting())
        return redirect(url_for("admin.approvals", pesan="disetujui"), 303)
    if not reason:
        raise Refused("reason.required")
    services().approvals.refuse(request_id, seen=seen, reason=reason, actor=acting())
    return redirect(url_for("admin.approvals", pesan="ditolak"), 303)


def _seen() -> bytes:
    """Return the digest of what the decider's page showed."""
    try:
        return bytes.fromhex(request.form.get("seen", ""))
    except ValueError:
        return b""


def _sees_all() -> bool:
    here = current_admin()
    return here.may(Permission.APPROVALS_DECIDE) or here.may(Permission.AUDIT_READ)


def _found(request_id: UUID) -> ShownRequest:
    try:
        shown = services().approvals.show(request_id)
    except Refused:
        abort(404)
    if not _sees_all() and shown.request.author_id != current_admin().admin.id:
        abort(404)
    return shown


def _page(shown: ShownRequest, form: Form) -> ResponseReturnValue:
    under("approvals")
    here = current_admin()
    is_own = shown.request.author_id == here.admin.id
    now = services().clock.now()
    is_open = shown.request.is_open(now)
    page = render_template(
        "admin/approvals/request.html",
        form=form,
        shown=shown,
        changes=[_readable(change) for change in shown.changes],
        kinds=KINDS,
        status=_status_of(shown),
        may_decide=is_open and not is_own and here.may(Permission.APPROVALS_DECIDE),
        may_withdraw=is_open and is_own,
        is_fresh=here.session.is_fresh(now),
    )
    return page, form.status


def _status_of(shown: ShownRequest) -> tuple[str, object]:
    if shown.request.is_expired(services().clock.now()):
        return STATUSES["expired"]
    return STATUSES[shown.request.status]


def _readable(change: Change) -> tuple[object, str, str]:
    read = READERS.get(change.label, str)
    words = LABELS.get(change.label, change.label)
    return words, read(change.before), read(change.after)
