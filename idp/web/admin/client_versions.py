"""`/admin/portal/<id>/versi`: what a registration was, and how it comes back."""

from typing import Final
from uuid import UUID

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue

from idp.domain.errors import Refused
from idp.domain.identity.roles import Permission
from idp.domain.protocol.client import Client, ClientVersion
from idp.domain.protocol.client_changes import changes_between, logo_change
from idp.domain.protocol.metadata_faults import InvalidMetadata
from idp.services.client_registry import EditedMeanwhile, logo_of
from idp.web.admin.blueprint import admin, allows, current_admin
from idp.web.admin.client_edit import carried_out, confirm_page, wish_for
from idp.web.admin.client_pages import lines_of, the_client, versions_of
from idp.web.client_fields import FIELDS, ClientForm, Field, Typed, merged, typed_now, typed_of
from idp.web.context import services
from idp.web.messages import words_for
from idp.web.submissions import once

#: Versions on the page of all of them.
SHOWN_MAX: Final = 100


@admin.get("/portal/<uuid:row>/versi")
@allows(Permission.CLIENTS_READ)
def client_versions(row: UUID) -> ResponseReturnValue:
    """Show every version with its author and what it changed."""
    client = the_client(row)
    return render_template(
        "admin/clients/versions.html",
        client=client,
        versions=versions_of(client, limit=SHOWN_MAX),
    )


@admin.get("/portal/<uuid:row>/versi/<int:number>")
@allows(Permission.CLIENTS_READ)
def client_version(row: UUID, number: int) -> ResponseReturnValue:
    """Show an earlier version beside the present one."""
    client = the_client(row)
    return _page(client, _version(client, number), ClientForm((), {}))


@admin.post("/portal/<uuid:row>/versi/<int:number>/pulihkan")
@once()
@allows(Permission.CLIENTS_WRITE)
def restore_client(row: UUID, number: int) -> ResponseReturnValue:
    """Bring an earlier version back; what is no longer allowed is mended on the page."""
    client = the_client(row)
    version = _version(client, number)
    fields = tuple(FIELDS[name] for name in request.form.getlist("fields") if name in FIELDS)
    typed = typed_now(fields)
    form = ClientForm(fields, typed)
    if not form.is_accepted() or "back" in request.form:
        return _page(client, version, form)
    try:
        return _restored(client, version, form, fields, typed)
    except InvalidMetadata as refusal:
        names = dict.fromkeys(fault.member.partition("#")[0] for fault in refusal.faults)
        faulty = tuple(FIELDS[name] for name in names if name in FIELDS)
        wanted = tuple(dict.fromkeys([*fields, *faulty]))
        form = ClientForm(wanted, {**typed_of(wanted, version.metadata), **typed})
        form.tell(refusal.faults)
    except EditedMeanwhile as edited:
        client = edited.current
        form.refuse(edited, status=409)
    except Refused as refusal:
        form.refuse(refusal)
    return _page(client, version, form)


def _restored(
    client: Client,
    version: ClientVersion,
    form: ClientForm,
    fields: tuple[Field, ...],
    typed: Typed,
) -> ResponseReturnValue:
    given = merged(fields, version.metadata, typed, read=version.metadata)
    wish = wish_for(client, given, logo_of(version))
    if wish.changes and request.form.get("seen") != wish.mark:
        return confirm_page(wish, form, fields, typed)
    try:
        return carried_out(wish, request.form.get("reason", ""))
    except Refused as refusal:
        if not refusal.code.startswith("reason."):
            raise
        return confirm_page(wish, form, fields, typed, reason_error=words_for(refusal))


def _version(client: Client, number: int) -> ClientVersion:
    try:
        return services().client_desk.get_version(client.client_id, number)
    except Refused:
        abort(404)


def _page(client: Client, version: ClientVersion, form: ClientForm) -> ResponseReturnValue:
    page = render_template(
        "admin/clients/version.html",
        client=client,
        version=version,
        form=form,
        lines=lines_of(
            (
                *changes_between(client.metadata, version.metadata),
                *logo_change(client.logo, version.logo),
            )
        ),
        may_write=current_admin().may(Permission.CLIENTS_WRITE),
    )
    return page, form.status
