"""`/admin/audit`: every event, found by who, what about, which kind and when; and as CSV."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.errors import Refused
from idp.domain.identity.audit import Action, AuditRow
from idp.domain.identity.audit_lines import instant
from idp.domain.identity.audit_search import AuditQuery
from idp.domain.identity.roles import Permission
from idp.services.audit_search import EXPORT_MAX
from idp.web.admin.audit_words import ACTORS, OUTCOMES, event_words
from idp.web.admin.blueprint import MENU, MenuEntry, acting, admin, allows, current_admin, under
from idp.web.context import services
from idp.web.csv_table import csv_answer
from idp.web.cursors import read_cursor, write_cursor
from idp.web.i18n import zone
from idp.web.messages import words_for

MENU.append(MenuEntry("audit", lazy_gettext("Audit"), "list", 40))


@dataclass
class Asked:
    """One field of the search as the page shows it."""

    name: str
    data: str
    errors: list[str] = field(default_factory=list)


@dataclass
class Search:
    """What the address asks for, field by field; what is wrong stands beside its field."""

    query: AuditQuery = field(default_factory=AuditQuery)
    fields: dict[str, Asked] = field(default_factory=dict)
    is_expired: bool = False

    def __getitem__(self, name: str) -> Asked:
        return self.fields[name]

    @property
    def status(self) -> int:
        """Of the answer that shows it."""
        return 422 if self.problems else 200

    @property
    def problems(self) -> list[tuple[str, str]]:
        """Field name and words of everything that is wrong."""
        return [(asked.name, words) for asked in self.fields.values() for words in asked.errors]

    @property
    def given(self) -> dict[str, str]:
        """The fields that ask for something, for the addresses of this search's other pages."""
        return {asked.name: asked.data for asked in self.fields.values() if asked.data}


def _by_actor(query: AuditQuery, text: str) -> AuditQuery:
    """Read a kind of actor, or the id of an admin."""
    if text in ACTORS:
        return replace(query, actor=text)
    try:
        return replace(query, actor="admin", actor_id=UUID(text))
    except ValueError as error:
        raise Refused("audit_actor.unknown") from error


def _by_action(query: AuditQuery, text: str) -> AuditQuery:
    try:
        return replace(query, action=Action(text))
    except ValueError as error:
        raise Refused("audit_action.unknown") from error


def _by_object(query: AuditQuery, text: str) -> AuditQuery:
    return services().audit_search.about(query, text)


def _since(query: AuditQuery, text: str) -> AuditQuery:
    return replace(query, since=_midnight(_day(text)))


def _until(query: AuditQuery, text: str) -> AuditQuery:
    until = _midnight(_day(text) + timedelta(days=1)) - 1
    if query.since is not None and until < query.since:
        raise Refused("audit_date.order")
    return replace(query, until=until)


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise Refused("audit_date.invalid") from error
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise Refused("audit_date.invalid")
    return day


#: Instants are whole seconds of a sane calendar: beyond, arithmetic ends before the log does.
_FIRST_YEAR, _LAST_YEAR = 2000, 2999


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time(), zone()).timestamp())


#: Fields of the search in their order: `until` is held against `since`.
FIELDS: Final[Mapping[str, Callable[[AuditQuery, str], AuditQuery]]] = {
    "objek": _by_object,
    "pelaku": _by_actor,
    "jenis": _by_action,
    "dari": _since,
    "sampai": _until,
}


def _asked() -> Search:
    """Read the search from the address; a field that can't be read asks for nothing."""
    search = Search()
    for name, read in FIELDS.items():
        asked = search.fields[name] = Asked(name, request.args.get(name, "").strip())
        if asked.data:
            try:
                search.query = read(search.query, asked.data)
            except Refused as refusal:
                asked.errors.append(words_for(refusal))
    return search


@admin.get("/audit")
@allows(Permission.AUDIT_READ)
def audit() -> ResponseReturnValue:
    """Show events, the newest first, a page at a time."""
    search = _asked()
    owner = current_admin().admin.id
    cursor = request.args.get("sebelum", "")
    before = read_cursor(cursor, owner) if cursor else None
    if cursor and before is None:
        return redirect(url_for("admin.audit", **_loose(search.given)), 303)
    finder = services().audit_search
    page = finder.page(search.query, before) if search.status == 200 else None
    admins = {one.id: one for one in finder.admins()}
    shown = render_template(
        "admin/audit/list.html",
        form=search,
        rows=page.rows if page is not None else (),
        following=write_cursor(page.next, owner) if page is not None and page.next else None,
        is_first=before is None,
        admins=admins,
        chain=finder.chain(),
        kinds=_kinds(),
        **_WORDS,
    )
    return shown, search.status


@admin.get("/audit/<uuid:event_id>")
@allows(Permission.AUDIT_READ)
def audit_event(event_id: UUID) -> ResponseReturnValue:
    """Show one event with all that it tells."""
    under("audit")
    seen = services().audit_search.find(event_id)
    if seen is None:
        abort(404)
    admins = {one.id: one for one in services().audit_search.admins()}
    return render_template(
        "admin/audit/event.html", seen=seen, row=seen.row, admins=admins, **_WORDS
    )


@admin.get("/audit/csv")
@allows(Permission.AUDIT_EXPORT)
def audit_csv() -> ResponseReturnValue:
    """Return what a search finds as a file; that it was taken is an event."""
    search = _asked()
    if search.problems:
        return redirect(url_for("admin.audit", **_loose(search.given)), 303)
    rows = services().audit_search.export(search.query, acting())
    return csv_answer("audit.csv", COLUMNS, map(_cells, rows))


COLUMNS: Final = (
    *("time", "action", "outcome", "actor", "actor_id", "account_id", "client_id", "object_id"),
    *("network", "device", "request_id", "details", "sequence", "id"),
)


def _cells(row: AuditRow) -> tuple[object, ...]:
    return (
        instant(row.at),
        row.action,
        row.outcome,
        row.actor,
        row.actor_id,
        row.account_id,
        row.client_id,
        row.object_id,
        row.network,
        row.device,
        row.request_id,
        json.dumps(row.details, sort_keys=True),
        row.sequence,
        row.id,
    )


def _loose(given: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of an address, as loosely typed as `url_for` takes them."""
    return dict(given)


def _kinds() -> dict[str, list[tuple[str, object]]]:
    """Return the kinds of events by what they are about, for the list to choose from."""
    kinds: dict[str, list[tuple[str, object]]] = {}
    for action in Action:
        kinds.setdefault(action.partition(".")[0], []).append((action, event_words(action)))
    return kinds


_WORDS: Final = {
    "actors": ACTORS,
    "outcomes": OUTCOMES,
    "event_words": event_words,
    "export_max": EXPORT_MAX,
}
