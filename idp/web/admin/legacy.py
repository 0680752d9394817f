"""Old accounts: the cut-over in figures, and what officers decide about shared contacts."""

from collections.abc import Mapping
from itertools import islice
from typing import Final
from uuid import UUID

from flask import Response, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.errors import Refused
from idp.domain.identity.legacy import ConflictKind, Decision
from idp.domain.identity.roles import Permission
from idp.services.legacy_report import FIGURES, as_csv, told
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
from idp.web.context import services
from idp.web.forms import Form, ParsedField
from idp.web.submissions import once

MENU.append(MenuEntry("legacy", lazy_gettext("Akun lama"), "user", 30))
NOTES["konflik"] = ("ok", "check", lazy_gettext("Keputusan Anda sudah disimpan."))

#: How many undecided conflicts the page shows; the command line lists all.
SHOWN: Final = 50

KINDS: Final[Mapping[ConflictKind, object]] = {
    ConflictKind.EMAIL: lazy_gettext("Satu alamat email, beberapa NIK"),
    ConflictKind.PHONE: lazy_gettext("Satu nomor handphone, beberapa NIK"),
    ConflictKind.NIK: lazy_gettext("Satu NIK, beberapa akun di satu portal"),
}
DECISIONS: Final[Mapping[Decision, object]] = {
    Decision.SAME_PERSON: lazy_gettext("Orang yang sama"),
    Decision.OTHER_PEOPLE: lazy_gettext("Orang yang berbeda"),
    Decision.PORTAL_MENDS: lazy_gettext("Portal memperbaiki datanya"),
}
STATES: Final[Mapping[str, object]] = {
    "waiting": lazy_gettext("Menunggu"),
    "identity_required": lazy_gettext("Menunggu, tanpa NIK"),
    "blocked": lazy_gettext("Diblokir portal"),
    "claimed": lazy_gettext("Terhubung"),
    "closed": lazy_gettext("Ditutup"),
}


def read_decision(text: str) -> Decision:
    """Return what was chosen; refuses with `decision.required`."""
    if text not in set(Decision):
        raise Refused("decision.required")
    return Decision(text)


class DecisionForm(Form):
    """What an officer found."""

    decision = ParsedField(parse=read_decision)


@admin.get("/akun-lama")
@allows(Permission.LEGACY_READ)
def legacy() -> ResponseReturnValue:
    """Show where the old accounts of each portal stand, the newest imports, what is undecided."""
    report = services().legacy_report
    return render_template(
        "admin/legacy/report.html",
        sources=[told(figures) for figures in report.figures()],
        runs=report.runs(),
        conflicts=list(islice(report.conflicts(), SHOWN)),
        kinds=KINDS,
    )


@admin.get("/akun-lama.csv")
@allows(Permission.LEGACY_READ)
def legacy_csv() -> ResponseReturnValue:
    """Give the figures as CSV: counts, and words of ours."""
    rows = [told(figures) for figures in services().legacy_report.figures()]
    answer = Response("".join(as_csv(FIGURES, rows)), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = 'attachment; filename="akun-lama.csv"'
    return answer


@admin.get("/akun-lama/konflik/<uuid:conflict_id>")
@allows(Permission.LEGACY_READ)
def legacy_conflict(conflict_id: UUID) -> ResponseReturnValue:
    """Show which old accounts share what they should not, everything personal masked."""
    return _page(conflict_id, DecisionForm())


@admin.post("/akun-lama/konflik/<uuid:conflict_id>/putusan")
@once()
@allows(Permission.LEGACY_DECIDE)
def settle_legacy_conflict(conflict_id: UUID) -> ResponseReturnValue:
    """Keep what an officer decided."""
    form = DecisionForm()
    if form.is_accepted():
        try:
            services().legacy_report.settle(
                conflict_id,
                form.decision.value,
                by=current_admin().admin.id.hex,
                actor=acting(),
            )
        except Refused:
            abort(404)
        return redirect(url_for("admin.legacy", pesan="konflik"), 303)
    return _page(conflict_id, form)


def _page(conflict_id: UUID, form: DecisionForm) -> ResponseReturnValue:
    under("legacy")
    try:
        conflict, rows = services().legacy_report.conflict(conflict_id)
    except Refused:
        abort(404)
    page = render_template(
        "admin/legacy/conflict.html",
        form=form,
        conflict=conflict,
        rows=rows,
        kinds=KINDS,
        states=STATES,
        decisions=DECISIONS,
        may_decide=current_admin().may(Permission.LEGACY_DECIDE),
    )
    return page, form.status
