"""Citizens: found by what is exact and sent by POST, masked until somebody says why.

No address holds anything but an account's internal id.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext

from idp.domain.errors import Refused
from idp.domain.identity.account import Account, AccountStatus
from idp.domain.identity.audit import Actor
from idp.domain.identity.people import (
    LOCKABLE,
    UNLOCKABLE,
    masked_name,
    read_public_reason,
)
from idp.domain.identity.roles import Permission
from idp.domain.identity.support import Failure, read_support_code, write_support_code
from idp.domain.identity.visitor import Visitor
from idp.services import Services, people
from idp.services.factor_reset import RESET
from idp.services.merging import MERGE
from idp.services.people import PersonPage
from idp.services.support import Moment
from idp.web.admin.approvals import READERS
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
from idp.web.context import services, visitor
from idp.web.cursors import read_cursor, write_cursor
from idp.web.forms import Form, ParsedField
from idp.web.submissions import once

MENU.append(MenuEntry("people", lazy_gettext("Pengguna"), "user", 20))
NOTES.update(
    {
        "dikunci": ("ok", "lock", lazy_gettext("Akun dikunci; semua sesinya berakhir.")),
        "sesi-warga": ("ok", "check", lazy_gettext("Semua sesi akun itu sudah diakhiri.")),
        "pemulihan": (
            "ok",
            "mail",
            lazy_gettext("Pemulihan dikirim ke kontak warga yang terbukti."),
        ),
    }
)

STATUSES: Final = {
    AccountStatus.ACTIVE: ("ok", lazy_gettext("Aktif")),
    AccountStatus.LOCKED: ("bad", lazy_gettext("Dikunci")),
    AccountStatus.SUSPENDED: ("warn", lazy_gettext("Ditahan untuk diperiksa")),
    AccountStatus.CLOSED: ("", lazy_gettext("Ditutup")),
}
READERS["account_status"] = lambda text: str(STATUSES[AccountStatus(text)][1]) if text else ""


class SearchForm(Form):
    """What is known of somebody. `client_id`: whose `sub` it is."""

    q = ParsedField(parse=str.strip)
    client_id = ParsedField(parse=str.strip)


class ReasonForm(Form):
    """Why."""

    reason = ParsedField(parse=read_public_reason)


def _read_account(text: str) -> str:
    """Return a number of an account or a `sub`, as typed; refuses with `merge.required`."""
    if not text.strip():
        raise Refused("merge.required")
    return text.strip()


class MergeForm(ReasonForm):
    """Which account stays, and why."""

    stays = ParsedField(parse=_read_account)


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that an officer does to an account at once.

    `words`: heading and button. `effect`: what follows. `done`: the note afterwards.
    `fits`: statuses in which it makes sense.
    """

    words: object
    effect: object
    done: str
    fits: frozenset[AccountStatus]
    do: Callable[[Services, UUID, str, Actor, Visitor], Any]


#: By the word in the address.
ACTS: Final[dict[str, Act]] = {
    "kunci": Act(
        lazy_gettext("Kunci akun"),
        lazy_gettext(
            "Warga tidak dapat masuk ke portal mana pun sampai orang kedua menyetujui pembukaannya."
        ),
        "dikunci",
        LOCKABLE,
        lambda found, who, why, actor, _: found.people.lock(who, why, actor),
    ),
    "akhiri-sesi": Act(
        lazy_gettext("Akhiri sesi"),
        lazy_gettext("Warga dikeluarkan dari semua perangkat dan dapat masuk lagi."),
        "sesi-warga",
        frozenset(AccountStatus),
        lambda found, who, why, actor, _: found.people.end_sessions(who, why, actor),
    ),
}
RECOVERY: Final = Act(
    lazy_gettext("Mulai pemulihan"),
    lazy_gettext(
        "Warga menerima tautan yang biasa di email terbuktinya; tanpa email terbukti, SMS tanpa "
        "kode yang menunjukkan di mana ia meminta kodenya. Kata sandi ia atur sendiri. Anda tidak "
        "melihat tautan, kode, atau kata sandi."
    ),
    "pemulihan",
    frozenset({AccountStatus.ACTIVE}),
    lambda found, who, why, actor, guest: found.people.start_recovery(who, why, actor, guest),
)


@admin.route("/pengguna", endpoint="people", methods=["GET", "POST"])
@allows(Permission.ACCOUNTS_SEARCH)
def people_search() -> ResponseReturnValue:
    """Find one account, or what stands under a support code; the words never stand in a URL."""
    under("people")
    form = SearchForm()
    found: Account | None = None
    is_searched = False
    if form.is_accepted():
        if (code := _support_code(form.q.value)) is not None:
            return _support(form, code)
        try:
            found = services().people.search(
                form.q.value, acting(), visitor(), client_id=form.client_id.value
            )
            is_searched = True
        except Refused as refusal:
            field = "client_id" if refusal.code == "client.unknown" else "q"
            limited = refusal.code == "people.searches"
            form.refuse(refusal, field, status=429 if limited else 422)
    page = render_template(
        "admin/people/search.html",
        form=form,
        found=found,
        is_searched=is_searched,
        statuses=STATUSES,
        masked_name=masked_name,
    )
    return page, form.status


def _support_code(text: str) -> str | None:
    """Return the code where a text is one; digits alone are rather a number of somebody."""
    try:
        letters = read_support_code(text)
    except Refused:
        return None
    return None if letters.isdigit() else letters


def _support(form: SearchForm, code: str) -> ResponseReturnValue:
    """Show all that hangs together with a support code."""
    try:
        timeline = services().support.timeline(code)
    except Refused as refusal:
        form.refuse(refusal, "q", status=404)
        page = render_template("admin/people/search.html", form=form, statuses=STATUSES)
        return page, form.status
    return render_template(
        "admin/people/support.html",
        code=write_support_code(timeline.code),
        moments=timeline.moments,
        accounts=sorted(timeline.accounts),
        is_failure=_is_failure,
    )


def _is_failure(moment: Moment) -> bool:
    return isinstance(moment.what, Failure)


@admin.get("/pengguna/<uuid:account_id>")
@allows(Permission.ACCOUNTS_SEARCH)
def person(account_id: UUID) -> ResponseReturnValue:
    """Show one account, masked; that it was opened is told to its owner."""
    return _page(_found(account_id), None)


@admin.route("/pengguna/<uuid:account_id>/lihat", methods=["GET", "POST"])
@allows(Permission.ACCOUNTS_UNMASK)
@fresh
def look_at_person(account_id: UUID) -> ResponseReturnValue:
    """Ask why, and show personal data in this one answer."""
    under("people")
    found = _found(account_id)
    form = ReasonForm()
    if form.is_accepted():
        try:
            if request.form.get("ask") == "approver":
                services().approvals.propose(
                    people.LOOK,
                    people.look_payload(account_id),
                    subject=f"{current_admin().admin.id.hex}.{account_id.hex}",
                    reason=form.reason.value,
                    actor=acting(),
                )
                return redirect(url_for("admin.approvals", pesan="diajukan"), 303)
            revealed = services().people.look(account_id, form.reason.value, acting(), visitor())
            return _page(_found(account_id), revealed)
        except Refused as refusal:
            form.refuse(refusal, status=429 if refusal.code == "people.quota" else 422)
            found = _found(account_id)
    page = render_template(
        "admin/people/look.html",
        form=form,
        found=found,
        masked_name=masked_name,
        needs_approver=found.looks_left == 0 and not found.has_approved_look,
    )
    return page, form.status


@admin.get("/pengguna/<uuid:account_id>/riwayat")
@allows(Permission.ACCOUNTS_SEARCH)
def person_timeline(account_id: UUID) -> ResponseReturnValue:
    """Show all that happened to an account, a page at a time."""
    under("people")
    _found(account_id)
    cursor = request.args.get("sebelum", "")
    before = read_cursor(cursor, account_id) if cursor else None
    if cursor and before is None:
        return redirect(url_for("admin.person_timeline", account_id=account_id), 303)
    account, events = services().people.timeline(account_id, before=before)
    return render_template(
        "admin/people/timeline.html",
        account=account,
        name=masked_name(account.person.name),
        events=events.events,
        is_first=before is None,
        following=write_cursor(events.next, account_id) if events.next is not None else None,
    )


@admin.route("/pengguna/<uuid:account_id>/buka-kunci", methods=["GET", "POST"])
@once()
@allows(Permission.ACCOUNTS_LOCK)
@fresh
def unlock_person(account_id: UUID) -> ResponseReturnValue:
    """Ask a second person to lift a lock."""
    found = _found(account_id)
    if found.account.status not in UNLOCKABLE:
        abort(404)
    effect = lazy_gettext("Orang kedua memutuskannya. Setelah itu warga dapat masuk lagi.")
    return _ask(
        found,
        people.UNLOCK,
        services().people.unlock_payload,
        lazy_gettext("Minta buka kunci"),
        effect,
    )


@admin.route("/pengguna/<uuid:account_id>/langkah-kedua", methods=["GET", "POST"])
@once()
@allows(Permission.ACCOUNTS_LOCK)
@fresh
def reset_factors(account_id: UUID) -> ResponseReturnValue:
    """Ask a second person to forget the factors of somebody who lost them."""
    found = _found(account_id)
    if not found.factors.is_enrolled:
        abort(404)
    effect = lazy_gettext(
        "Orang kedua memutuskannya. Setelah itu aplikasi, kunci sandi, dan kode pemulihan warga "
        "hilang, semua sesinya berakhir, dan warga diberi tahu. Kata sandinya tetap."
    )
    return _ask(
        found,
        RESET,
        services().factor_reset.payload,
        lazy_gettext("Minta hapus langkah kedua"),
        effect,
    )


@admin.route("/pengguna/<uuid:account_id>/gabungkan", methods=["GET", "POST"])
@once()
@allows(Permission.ACCOUNTS_LOCK)
@fresh
def merge_person(account_id: UUID) -> ResponseReturnValue:
    """Ask a second person to merge this account into the one that has its owner's NIK."""
    found = _found(account_id)
    if not may_merge(found.account):
        abort(404)
    form = MergeForm()
    if form.is_accepted():
        try:
            services().approvals.propose(
                MERGE,
                services().merging.payload(account_id, form.stays.value, form.reason.value),
                subject=account_id.hex,
                reason=form.reason.value,
                actor=acting(),
            )
            return redirect(url_for("admin.approvals", pesan="diajukan"), 303)
        except Refused as refusal:
            form.refuse(refusal, *(["stays"] if refusal.code.startswith("merge.") else []))
    effect = lazy_gettext(
        "Orang kedua memutuskannya. Setelah itu akun lama pindah ke akun yang tetap dipakai, dan "
        "akun ini dikunci serta keluar dari semua portal."
    )
    return _act_page(form, found, lazy_gettext("Minta gabungkan akun"), effect)


def may_merge(account: Account) -> bool:
    """Return whether an account may be one that another takes in: of nobody's NIK."""
    return account.nik is None and account.status in LOCKABLE


@admin.route("/pengguna/<uuid:account_id>/pemulihan", methods=["GET", "POST"])
@once()
@allows(Permission.ACCOUNTS_RECOVER)
@fresh
def recover_person(account_id: UUID) -> ResponseReturnValue:
    """Send the citizen the ordinary recovery; nothing of it passes through the officer."""
    return _act(account_id, RECOVERY)


@admin.route("/pengguna/<uuid:account_id>/<act>", methods=["GET", "POST"])
@once()
@allows(Permission.ACCOUNTS_LOCK)
@fresh
def act_on_person(account_id: UUID, act: str) -> ResponseReturnValue:
    """Say what would follow, ask why, and do it at once."""
    wanted = ACTS.get(act)
    if wanted is None:
        abort(404)
    return _act(account_id, wanted)


def _act(account_id: UUID, act: Act) -> ResponseReturnValue:
    found = _found(account_id)
    if found.account.status not in act.fits:
        abort(404)
    form = ReasonForm()
    if form.is_accepted():
        try:
            act.do(services(), account_id, form.reason.value, acting(), visitor())
            return redirect(url_for("admin.person", account_id=account_id, pesan=act.done), 303)
        except Refused as refusal:
            form.refuse(refusal)
    return _act_page(form, found, act.words, act.effect)


def _ask(
    found: PersonPage,
    kind: str,
    payload_of: Callable[[UUID], dict[str, Any]],
    words: object,
    effect: object,
) -> ResponseReturnValue:
    """Ask for a reason, and put a request about this account before a second person."""
    account_id = found.account.id
    form = ReasonForm()
    if form.is_accepted():
        try:
            services().approvals.propose(
                kind,
                payload_of(account_id),
                subject=account_id.hex,
                reason=form.reason.value,
                actor=acting(),
            )
            return redirect(url_for("admin.approvals", pesan="diajukan"), 303)
        except Refused as refusal:
            form.refuse(refusal)
    return _act_page(form, found, words, effect)


def _act_page(
    form: ReasonForm, found: PersonPage, words: object, effect: object
) -> ResponseReturnValue:
    under("people")
    page = render_template(
        "admin/people/act.html",
        form=form,
        found=found,
        words=words,
        effect=effect,
        masked_name=masked_name,
    )
    return page, form.status


def _page(found: PersonPage, revealed: object) -> str:
    under("people")
    here = current_admin()
    status = found.account.status
    may_lock = here.may(Permission.ACCOUNTS_LOCK)
    return render_template(
        "admin/people/person.html",
        found=found,
        account=found.account,
        revealed=revealed,
        name=masked_name(found.account.person.name),
        status=STATUSES[status],
        ways=_ways_of(found),
        acts={word: act for word, act in ACTS.items() if may_lock and status in act.fits},
        may_unlock=may_lock and status in UNLOCKABLE,
        may_reset=may_lock and found.factors.is_enrolled,
        may_merge=may_lock and may_merge(found.account),
        may_recover=here.may(Permission.ACCOUNTS_RECOVER) and status in RECOVERY.fits,
        may_look=here.may(Permission.ACCOUNTS_UNMASK),
        may_open_case=here.may(Permission.CASES_DECIDE),
    )


def _ways_of(found: PersonPage) -> Sequence[str]:
    """Return by what somebody takes a second step; nothing of it is personal."""
    factors = found.factors
    ways = (
        (found.account.verified_phone, gettext("SMS")),
        (found.account.verified_email, gettext("email")),
        (factors.totp, gettext("aplikasi")),
        (factors.passkeys, gettext("kunci sandi: %(n)s", n=len(factors.passkeys))),
        (
            factors.recovery_codes_left,
            gettext("kode pemulihan: %(n)s", n=factors.recovery_codes_left),
        ),
    )
    return [words for has_it, words in ways if has_it]


def _found(account_id: UUID) -> PersonPage:
    try:
        return services().people.open(account_id, acting())
    except Refused:
        abort(404)
