"""`/admin/portal/<id>/ubah/<bagian>`: one section of a registration, shown before it is saved.

What touches addresses, keys, methods or scopes is shown as a difference first; what takes four eyes
goes to a second officer; what somebody else saved meanwhile is shown beside what was typed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.errors import Refused
from idp.domain.identity.approval import read_reason
from idp.domain.identity.roles import Permission
from idp.domain.protocol.client import Client
from idp.domain.protocol.client_changes import (
    SHOWN_FIRST,
    Change,
    changes_between,
    logo_change,
    needs_second_officer,
)
from idp.domain.protocol.metadata_faults import InvalidMetadata
from idp.services.client_registry import EditedMeanwhile, Logo
from idp.services.client_requests import CHANGE, change_payload
from idp.web.admin.approvals import KINDS, LABELS
from idp.web.admin.blueprint import acting, admin, allows
from idp.web.admin.client_pages import lines_of, the_client, versions_of
from idp.web.client_fields import (
    FIELDS,
    SECTIONS,
    ClientForm,
    Field,
    Section,
    Typed,
    merged,
    typed_now,
    typed_of,
)
from idp.web.context import services
from idp.web.messages import words_for
from idp.web.submissions import once

KINDS.update(
    {
        "client.change": lazy_gettext("Ubah portal"),
        "client.delete": lazy_gettext("Hapus portal"),
    }
)
LABELS.update({"client": lazy_gettext("Portal")})
LABELS.update({name: one.label for name, one in FIELDS.items()})

#: Why a change waits for a second officer, in words.
GUARDED: Final = {
    "scope": lazy_gettext("memberi cakupan yang dijaga"),
    "redirect_uris": lazy_gettext("mengubah alamat pengalihan portal yang sudah aktif"),
    "environment": lazy_gettext("memindahkan portal uji coba ke produksi"),
    "keys": lazy_gettext("mengubah kunci atau metode autentikasi portal yang sudah aktif"),
}
_SECTIONS: Final = {section.name: section for section in SECTIONS}


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants of a client. `checked`: the whole registration as it would be kept.

    `logo`: of an earlier version, where that one is to come back.
    """

    client: Client
    checked: Mapping[str, Any]
    changes: tuple[Change, ...]
    guarded: tuple[str, ...]
    logo: Logo | None = None

    @property
    def is_shown_first(self) -> bool:
        """Whether the difference is shown before anything is saved."""
        names = {change.member.partition("#")[0] for change in self.changes}
        return bool(self.guarded) or not SHOWN_FIRST.isdisjoint(names)

    @property
    def mark(self) -> str:
        """What a page that showed exactly this sends back."""
        logo = None if self.logo is None else [self.logo.name]
        told = json.dumps([self.client.version, self.checked, logo], sort_keys=True)
        return sha256(told.encode()).hexdigest()


def wish_for(client: Client, given: Mapping[str, Any], logo: Logo | None = None) -> Wish:
    """Return what a registration would become; refuses with `InvalidMetadata`."""
    checked = services().client_desk.checked(given, client)
    changes = changes_between(client.metadata, checked)
    if logo is not None:
        changes = (*changes, *logo_change(client.logo, logo.name))
    return Wish(client, checked, changes, needs_second_officer(client, checked), logo)


def carried_out(wish: Wish, reason: str) -> ResponseReturnValue:
    """Save what is wanted, or ask a second officer; refuses as those do."""
    client = wish.client
    here = url_for("admin.client", row=client.id)
    _check_reason(reason)
    if not wish.changes:
        return redirect(f"{here}?pesan=tetap", 303)
    if wish.guarded:
        payload = change_payload(
            client.client_id,
            wish.checked,
            version=client.version,
            reason=read_reason(reason),
            logo=wish.logo,
        )
        services().approvals.propose(
            CHANGE,
            payload,
            subject=client.client_id,
            reason=read_reason(reason),
            actor=acting(),
        )
        return redirect(f"{here}?pesan=diajukan", 303)
    services().client_desk.replace(
        client.client_id,
        dict(wish.checked),
        acting(),
        version=client.version,
        reason=reason and read_reason(reason),
        logo=wish.logo,
    )
    return redirect(f"{here}?pesan=disimpan", 303)


def _check_reason(text: str) -> None:
    """Refuse what no line of text has; a reason is kept and shown."""
    if any(ord(c) < 32 or 127 <= ord(c) < 160 for line in text.splitlines() for c in line):
        raise Refused("reason.character")


@admin.route("/portal/<uuid:row>/ubah/<section>", methods=["GET", "POST"])
@once()
@allows(Permission.CLIENTS_WRITE)
def edit_client(row: UUID, section: str) -> ResponseReturnValue:
    """Change one section of a registration."""
    client = the_client(row)
    if section not in _SECTIONS:
        abort(404)
    part = _SECTIONS[section]
    typed = typed_of(part.fields, client.metadata)
    if request.method == "POST":
        typed = typed_now(part.fields)
    form = ClientForm(part.fields, typed)
    if not form.is_accepted():
        return _page(client, part, form, read_at=_version(client))
    if "back" in request.form:
        return _page(client, part, form, read_at=_version(client))
    try:
        return _saved(client, part, typed, form)
    except InvalidMetadata as refusal:
        form.tell(refusal.faults)
    except EditedMeanwhile:
        return _conflict(the_client(row), part, typed)
    except Refused as refusal:
        form.refuse(refusal)
    return _page(client, part, form, read_at=_version(client))


def _saved(client: Client, part: Section, typed: Typed, form: ClientForm) -> ResponseReturnValue:
    read = _read_at(client)
    if read is None:
        return _conflict(client, part, typed)
    wish = wish_for(client, merged(part.fields, client.metadata, typed, read=read))
    if wish.changes and wish.is_shown_first and request.form.get("seen") != wish.mark:
        return confirm_page(wish, form, part.fields, typed)
    try:
        return carried_out(wish, request.form.get("reason", ""))
    except Refused as refusal:
        if not refusal.code.startswith("reason."):
            raise
        return confirm_page(wish, form, part.fields, typed, reason_error=words_for(refusal))


def _version(client: Client) -> int:
    """Return which version the form was filled in from."""
    text = request.form.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else client.version


def _read_at(client: Client) -> Mapping[str, Any] | None:
    """Return the registration that the form was filled in from; `None` if it is not the newest."""
    return client.metadata if _version(client) == client.version else None


def _conflict(client: Client, part: Section, typed: Typed) -> ResponseReturnValue:
    """Show what somebody else saved beside what was typed; saving again puts one on the other."""
    try:
        read = services().client_desk.get_version(client.client_id, _version(client))
    except Refused:
        abort(404)
    mine = merged(part.fields, read.metadata, typed, read=read.metadata)
    both = merged(part.fields, client.metadata, typed, read=read.metadata)
    form = ClientForm(part.fields, typed_of(part.fields, both))
    form.status = 409
    page = render_template(
        "admin/clients/conflict.html",
        client=client,
        section=part,
        form=form,
        theirs=lines_of(changes_between(read.metadata, client.metadata)),
        mine=lines_of(changes_between(read.metadata, mine)),
        author=_last_author(client),
        version=client.version,
    )
    return page, 409


def _last_author(client: Client) -> str:
    return versions_of(client, limit=1)[0].author


def confirm_page(
    wish: Wish,
    form: ClientForm,
    fields: tuple[Field, ...],
    typed: Typed,
    *,
    reason_error: str = "",
) -> ResponseReturnValue:
    """Show the difference before anything is saved; what was typed goes along."""
    page = render_template(
        "admin/clients/confirm.html",
        client=wish.client,
        form=form,
        fields=fields,
        typed=[
            (name, one)
            for name, value in typed.items()
            for one in (value if isinstance(value, list) else [value])
            if one
        ],
        lines=lines_of(wish.changes),
        guarded=[GUARDED[why] for why in wish.guarded],
        mark=wish.mark,
        version=wish.client.version,
        reason=request.form.get("reason", ""),
        reason_error=reason_error,
    )
    return page, 422 if reason_error else 200


def _page(client: Client, part: Section, form: ClientForm, *, read_at: int) -> ResponseReturnValue:
    page = render_template(
        "admin/clients/edit.html",
        client=client,
        section=part,
        form=form,
        version=read_at,
    )
    return page, form.status
