"""`/admin/portal`: the list of client registrations, and one of them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext

from idp.domain.identity.roles import Permission
from idp.domain.protocol.client import SECRET_METHODS, Client, ClientStatus, Profile
from idp.domain.protocol.client_search import ClientOrder, ClientSearch, Place, parse_words
from idp.ports.partners import Expiring
from idp.web.admin.blueprint import MENU, NOTES, MenuEntry, admin, allows, current_admin
from idp.web.admin.client_pages import STATUSES, label_of, the_client, versions_of
from idp.web.admin.overview import PANELS, Panel
from idp.web.client_fields import SECTION_OF, SECTIONS
from idp.web.context import services
from idp.web.csv_table import csv_answer
from idp.web.i18n import moment
from idp.web.list_cursors import read_list_cursor, write_list_cursor

MENU.append(MenuEntry("clients", lazy_gettext("Portal klien"), "link", 10))
NOTES.update(
    {
        "disimpan": ("ok", "check", lazy_gettext("Perubahan disimpan.")),
        "tetap": ("", "info", lazy_gettext("Tidak ada yang berubah.")),
        "ditangguhkan": (
            "ok",
            "check",
            lazy_gettext("Portal ditangguhkan. Semua proses berhenti melayaninya dalam 5 detik."),
        ),
        "diaktifkan": ("ok", "check", lazy_gettext("Portal diaktifkan.")),
        "dihentikan": ("ok", "check", lazy_gettext("Portal dihentikan untuk seterusnya.")),
        "rahasia-diakhiri": ("ok", "check", lazy_gettext("Rahasia diakhiri.")),
        "dipulihkan": ("ok", "check", lazy_gettext("Versi dipulihkan sebagai versi baru.")),
        "logo": ("ok", "check", lazy_gettext("Logo disimpan.")),
    }
)

#: How many rows a CSV file has at most.
CSV_MAX: Final = 10_000
#: Versions in the panel beside a portal.
PANEL: Final = 5

COLUMNS: Final = (
    ("nama", lazy_gettext("Portal")),
    ("", lazy_gettext("Client ID")),
    ("", lazy_gettext("Unit")),
    ("", lazy_gettext("Status")),
    ("diubah", lazy_gettext("Diubah")),
)


#: How much of what ends soon the overview shows.
ENDING: Final = 10


def _ending() -> Sequence[tuple[Client, Expiring]]:
    return services().expiry.upcoming(ENDING)


PANELS.append(Panel("admin/clients/_panel.html", Permission.CLIENTS_READ, _ending, 20))


@admin.get("/portal")
@allows(Permission.CLIENTS_READ)
def clients() -> ResponseReturnValue:
    """Show the portals that are searched for, 25 on a page."""
    wanted = _wanted()
    page = services().client_desk.search(wanted)
    following = None
    if page.following is not None:
        following = _address(lanjut=write_list_cursor(page.following, wanted.order))
    return render_template(
        "admin/clients/list.html",
        page=page,
        wanted=wanted,
        columns=list(_columns(wanted)),
        following=following,
        first=_address(lanjut=None) if wanted.after else None,
        csv=_with(url_for("admin.clients_csv"), lanjut=None),
        statuses=STATUSES,
        profiles=[profile.value for profile in Profile],
        text=request.args.get("q", ""),
    )


@admin.get("/portal/unduh.csv")
@allows(Permission.CLIENTS_READ)
def clients_csv() -> ResponseReturnValue:
    """Send everything that is searched for as a table."""
    wanted = replace(_wanted(), after=None, limit=CSV_MAX)
    found = services().client_desk.search(wanted).clients
    head = (
        gettext("Portal"),
        "client_id",
        gettext("Unit"),
        gettext("Status"),
        gettext("Profil keamanan"),
        gettext("Domain"),
        gettext("Didaftarkan"),
        gettext("Diubah"),
    )
    rows = (
        (
            client.name_in("id"),
            client.client_id,
            client.owner,
            STATUSES[client.status][1],
            client.profile,
            client.domain,
            moment(client.created_at),
            moment(client.updated_at),
        )
        for client in found
    )
    return csv_answer("portal.csv", head, rows)


@admin.get("/portal/<uuid:row>")
@allows(Permission.CLIENTS_READ)
def client(row: UUID) -> ResponseReturnValue:
    """Show one portal with every member of its registration, and what became of it."""
    found = the_client(row)
    return render_template(
        "admin/clients/client.html",
        client=found,
        status=STATUSES[found.status],
        sections=_sections(found),
        versions=versions_of(found, limit=PANEL),
        may_write=current_admin().may(Permission.CLIENTS_WRITE),
        may_suspend=current_admin().may(Permission.CLIENTS_SUSPEND),
        has_secrets=found.auth_method in SECRET_METHODS,
        waiting=_waiting(found),
        outlook=services().expiry.outlook_of(found),
    )


def _waiting(found: Client) -> bool:
    """Return whether a change of this portal waits for a second officer."""
    return any(
        one.request.subject == found.client_id and one.request.kind.startswith("client.")
        for one in services().approvals.list_open()
    )


def _sections(found: Client) -> list[tuple[str, object, list[tuple[str, str, object]]]]:
    """Return the sections with the members that the portal registered, each by its label."""
    told: dict[str, list[tuple[str, str, object]]] = {section.name: [] for section in SECTIONS}
    for member, value in found.metadata.items():
        name = member.partition("#")[0]
        if name in SECTION_OF:
            told[SECTION_OF[name].name].append((label_of(member), member, value))
    return [(section.name, section.words, told[section.name]) for section in SECTIONS]


def _wanted() -> ClientSearch:
    """Return what the address asks for; what it says wrongly is left out."""
    given = request.args
    order = _one_of(ClientOrder, given.get("urut")) or ClientOrder.NAME
    return ClientSearch(
        words=parse_words(given.get("q", "")[:200]),
        status=_one_of(ClientStatus, given.get("status")),
        profile=_one_of(Profile, given.get("profil")),
        order=order,
        after=_place(given.get("lanjut", ""), order),
    )


E = TypeVar("E", ClientOrder, ClientStatus, Profile)


def _one_of(kind: type[E], text: str | None) -> E | None:
    return next((one for one in kind if one.value == text), None)


def _place(text: str, order: ClientOrder) -> Place | None:
    """Return where the page begins; a place that we did not write is the beginning."""
    found = read_list_cursor(text, order) if text else None
    if found is None:
        return None
    key, last = found
    is_text = order.column == "nama"
    return (key, last) if isinstance(key, str) is is_text else None


def _asked(**changes: str | None) -> dict[str, str]:
    """Return the parameters of this page with changes; `None` leaves one out."""
    given = {name: request.args.get(name) for name in ("q", "status", "profil", "urut", "lanjut")}
    return {name: value for name, value in {**given, **changes}.items() if value}


def _address(**changes: str | None) -> str:
    return _with(url_for("admin.clients"), **changes)


def _with(path: str, **changes: str | None) -> str:
    asked = urlencode(_asked(**changes))
    return f"{path}?{asked}" if asked else path


def _columns(wanted: ClientSearch) -> Iterator[tuple[object, str | None, str | None]]:
    """Return each column with the address that sorts by it, and how it is sorted now."""
    for key, words in COLUMNS:
        if not key:
            yield words, None, None
            continue
        is_now = wanted.order.column == key
        turned = f"-{key}" if is_now and not wanted.order.is_down else key
        how = ("descending" if wanted.order.is_down else "ascending") if is_now else "none"
        yield words, _address(urut=turned, lanjut=None), how
