"""Cases of identity rechecks: the queue, one case with its evidence, the decision."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.errors import Refused
from idp.domain.identity.case import Case, CaseKind, Decision, read_evidence, read_reference
from idp.domain.identity.people import masked_name, read_public_reason
from idp.domain.identity.roles import Permission
from idp.services.cases import ShownCase
from idp.web.admin.blueprint import (
    MENU,
    NOTES,
    MenuEntry,
    acting,
    admin,
    allows,
    current_admin,
    fresh,
    under,
)
from idp.web.admin.people import may_merge
from idp.web.context import services
from idp.web.forms import Form, ParsedField
from idp.web.submissions import once

MENU.append(MenuEntry("cases", lazy_gettext("Verifikasi"), "list", 25))
NOTES.update(
    {
        "kasus-dibuka": ("ok", "check", lazy_gettext("Kasus dibuka.")),
        "bukti": ("ok", "check", lazy_gettext("Bukti ditambahkan.")),
        "kasus-diputus": ("ok", "check", lazy_gettext("Kasus diputus.")),
        "kasus-menunggu": (
            "ok",
            "clock",
            lazy_gettext("Kasus diputus. Orang kedua memutuskan apa yang terjadi dengan akunnya."),
        ),
    }
)

KINDS: Final = {
    CaseKind.NIK_TAKEN: lazy_gettext("NIK dipakai orang lain"),
    CaseKind.MOVED: lazy_gettext("Tidak cocok setelah pindah"),
    CaseKind.DECEASED: lazy_gettext("Dukcapil melaporkan meninggal"),
    CaseKind.CONTACT_LOST: lazy_gettext("Nomor dan email hilang"),
    CaseKind.LEGACY: lazy_gettext("Akun lama"),
    CaseKind.OTHER: lazy_gettext("Lainnya"),
}
#: Kinds that an officer opens: new contacts are asked for by the person alone.
OPENED_BY_HAND: Final = {
    kind: words for kind, words in KINDS.items() if kind is not CaseKind.CONTACT_LOST
}
DECISIONS: Final = {
    Decision.UPHELD: lazy_gettext("Akun memang milik warga ini"),
    Decision.REJECTED: lazy_gettext("Bukan milik warga ini: kunci akun"),
}
#: The same of a case that asks for new contacts.
CONTACT_DECISIONS: Final = {
    Decision.UPHELD: lazy_gettext("Pemohon adalah pemilik akun: ganti kontaknya"),
    Decision.REJECTED: lazy_gettext("Bukan pemilik akun: akun tidak berubah"),
}


def decisions_of(case: Case) -> Mapping[Decision, object]:
    """Return what may be decided, in the words of the case's kind."""
    return CONTACT_DECISIONS if case.kind is CaseKind.CONTACT_LOST else DECISIONS


class EvidenceForm(Form):
    """What speaks for or against, and where the original lies."""

    evidence = ParsedField(parse=read_evidence)
    reference = ParsedField(parse=read_reference)


class DecisionForm(Form):
    """Why it is decided so."""

    reason = ParsedField(parse=read_public_reason)


@admin.get("/verifikasi")
@allows(Permission.CASES_READ)
def cases() -> ResponseReturnValue:
    """Show what waits, the oldest first."""
    return render_template(
        "admin/cases/list.html",
        waiting=services().cases.queue(),
        kinds=KINDS,
        masked_name=masked_name,
    )


@admin.route("/verifikasi/baru/<uuid:account_id>", methods=["GET", "POST"])
@once()
@allows(Permission.CASES_DECIDE)
def open_case(account_id: UUID) -> ResponseReturnValue:
    """Open a case about an account."""
    under("cases")
    form = EvidenceForm()
    kind = _kind(request.form.get("kind", CaseKind.OTHER))
    try:
        if form.is_accepted():
            opened = services().cases.open(
                account_id, kind, form.evidence.value, form.reference.value, acting()
            )
            there = url_for("admin.case", case_id=opened.id, pesan="kasus-dibuka")
            return redirect(there, 303)
        services().people.open(account_id, acting())
    except Refused as refusal:
        if refusal.code == "account.unknown":
            abort(404)
        form.refuse(refusal)
    page = render_template(
        "admin/cases/open.html", form=form, account_id=account_id, kinds=OPENED_BY_HAND, kind=kind
    )
    return page, form.status


@admin.get("/verifikasi/<uuid:case_id>")
@allows(Permission.CASES_READ)
def case(case_id: UUID) -> ResponseReturnValue:
    """Show one case."""
    return _page(_found(case_id), EvidenceForm())


@admin.post("/verifikasi/<uuid:case_id>/bukti")
@once()
@allows(Permission.CASES_DECIDE)
def add_evidence(case_id: UUID) -> ResponseReturnValue:
    """Take a further piece of evidence."""
    shown, form = _found(case_id), EvidenceForm()
    if form.is_accepted():
        try:
            services().cases.add_evidence(
                case_id, form.evidence.value, form.reference.value, acting()
            )
            return redirect(url_for("admin.case", case_id=case_id, pesan="bukti"), 303)
        except Refused as refusal:
            form.refuse(refusal)
    return _page(shown, form)


@admin.route("/verifikasi/<uuid:case_id>/putusan", methods=["GET", "POST"])
@once()
@allows(Permission.CASES_DECIDE)
@fresh
def decide_case(case_id: UUID) -> ResponseReturnValue:
    """Decide, with a reason; whoever opened a case does not decide it."""
    under("cases")
    shown, form = _found(case_id), DecisionForm()
    chosen = request.form.get("decision", "")
    if form.is_accepted():
        try:
            decision = _decision(chosen)
            needs_second = services().cases.decide(case_id, decision, form.reason.value, acting())
            told = "kasus-menunggu" if needs_second else "kasus-diputus"
            return redirect(url_for("admin.case", case_id=case_id, pesan=told), 303)
        except Refused as refusal:
            form.refuse(refusal)
    page = render_template(
        "admin/cases/decide.html",
        form=form,
        shown=shown,
        decisions=decisions_of(shown.case),
        chosen=chosen,
    )
    return page, form.status


def _decision(text: str) -> Decision:
    if text not in set(Decision):
        raise Refused("case.decision")
    return Decision(text)


def _kind(text: str) -> CaseKind:
    return CaseKind(text) if text in set(OPENED_BY_HAND) else CaseKind.OTHER


def _found(case_id: UUID) -> ShownCase:
    try:
        return services().cases.show(case_id)
    except Refused:
        abort(404)


def _page(shown: ShownCase, form: EvidenceForm) -> ResponseReturnValue:
    under("cases")
    here = current_admin()
    is_open = shown.case.decided_at is None
    may_work = is_open and here.may(Permission.CASES_DECIDE)
    page = render_template(
        "admin/cases/case.html",
        form=form,
        shown=shown,
        kinds=KINDS,
        decisions=decisions_of(shown.case),
        masked_name=masked_name,
        may_work=may_work,
        may_decide=may_work and shown.case.opened_by != here.admin.id,
        may_open=here.may(Permission.ACCOUNTS_SEARCH),
        may_merge=here.may(Permission.ACCOUNTS_LOCK)
        and shown.account is not None
        and may_merge(shown.account),
    )
    return page, form.status
