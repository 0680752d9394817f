"""What the pages about one portal share: finding it, who changed it, what differs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from flask import abort
from flask_babel import lazy_gettext

from idp.domain.errors import Refused
from idp.domain.protocol.client import Client, ClientStatus, ClientVersion
from idp.domain.protocol.client_changes import Change, changes_between, logo_change
from idp.services.client_requests import written
from idp.web.admin.blueprint import under
from idp.web.client_fields import FIELDS
from idp.web.context import services

#: A status as people call it, and the tone of its tag.
STATUSES: Final = {
    ClientStatus.ACTIVE: ("ok", lazy_gettext("Aktif")),
    ClientStatus.DRAFT: ("warn", lazy_gettext("Draf")),
    ClientStatus.SUSPENDED: ("bad", lazy_gettext("Ditangguhkan")),
    ClientStatus.RETIRED: ("", lazy_gettext("Dihentikan")),
}
_LANGUAGES: Final = {"id": lazy_gettext("Bahasa Indonesia"), "en": lazy_gettext("Inggris")}


@dataclass(frozen=True, slots=True)
class Line:
    """One member of a difference, in words."""

    label: str
    member: str
    before: str
    after: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def is_list(self) -> bool:
        """Whether entries tell more than the two values."""
        return bool(self.added or self.removed)


@dataclass(frozen=True, slots=True)
class ShownVersion:
    """A version with who made it and what it changed."""

    version: ClientVersion
    author: str
    lines: tuple[Line, ...]
    status: tuple[str, object] | None


def the_client(row: UUID) -> Client:
    """Return the client of an address, 404 where there is none."""
    under("clients")
    try:
        return services().client_desk.get_row(row)
    except Refused:
        abort(404)


_LOGO: Final = lazy_gettext("Logo")


def lines_of(changes: Iterable[Change]) -> tuple[Line, ...]:
    """Return a difference in words."""
    return tuple(
        Line(
            label_of(change.member),
            change.member,
            written(change.before),
            written(change.after),
            tuple(map(written, change.added)),
            tuple(map(written, change.removed)),
        )
        for change in changes
    )


def label_of(member: str) -> str:
    """Return what a member is called, with its language if it has one."""
    name, _, tag = member.partition("#")
    if name == "logo":
        return str(_LOGO)
    if name not in FIELDS:
        return member
    words = str(FIELDS[name].label)
    return f"{words} ({_LANGUAGES.get(tag, tag)})" if tag else words


def versions_of(client: Client, *, limit: int) -> list[ShownVersion]:
    """Return the newest versions, each with what it changed."""
    found = list(services().client_desk.list_versions(client.client_id, limit=limit + 1))
    names = _Names()
    shown = []
    for position, version in enumerate(found[:limit]):
        before = found[position + 1] if position + 1 < len(found) else None
        changes = (
            (
                *changes_between(before.metadata, version.metadata),
                *logo_change(before.logo, version.logo),
            )
            if before
            else ()
        )
        is_new_status = before is None or before.status is not version.status
        shown.append(
            ShownVersion(
                version,
                names.of(version.author),
                lines_of(changes),
                STATUSES.get(version.status) if is_new_status else None,
            )
        )
    return shown


class _Names:
    """Admins by the identifier that stands in a version."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, author: str) -> str:
        """Return the name of an admin, or whatever else made the change."""
        if author not in self._known:
            self._known[author] = self._find(author)
        return self._known[author]

    @staticmethod
    def _find(author: str) -> str:
        try:
            admin_id = UUID(author)
        except ValueError:
            return author
        with services().store.read() as tx:
            admin = tx.admins.find(admin_id)
        return author if admin is None else admin.shown_name
