"""`/admin/portal/baru`: a guided form by kind of portal, and its ready-made configuration."""

from typing import Any, Final

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue

from idp.domain.errors import Refused
from idp.domain.identity.claims import SENSITIVE_SCOPES
from idp.domain.identity.roles import Permission
from idp.domain.protocol.client_changes import GUARDED_SCOPES
from idp.domain.protocol.metadata_faults import InvalidMetadata
from idp.services.client_registry import Registered
from idp.services.client_requests import CHANGE, change_payload
from idp.web.admin.blueprint import acting, admin, allows, under
from idp.web.client_fields import ClientForm, Typed, members_of, typed_now, typed_of
from idp.web.client_kinds import KIND_BY_NAME, KINDS, PortalKind, fields_of
from idp.web.client_snippets import snippet_for
from idp.web.context import services, web_settings
from idp.web.submissions import once

#: What a request for guarded scopes says by itself: its purposes stand in the registration.
_REASON: Final = "portal baru"


@admin.route("/portal/baru", methods=["GET", "POST"])
@once()
@allows(Permission.CLIENTS_WRITE)
def new_client() -> ResponseReturnValue:
    """Register a portal: its kind first, then what that kind needs."""
    under("clients")
    name = request.args.get("jenis")
    if name is None:
        return render_template("admin/clients/kinds.html", kinds=KINDS)
    if name not in KIND_BY_NAME:
        abort(404)
    kind = KIND_BY_NAME[name]
    fields = fields_of(kind)
    typed = typed_of(fields, kind.begins_with)
    if request.method == "POST":
        typed = typed_now(fields)
    form = ClientForm(fields, typed)
    if form.is_accepted():
        try:
            return _registered(kind, typed)
        except InvalidMetadata as refusal:
            form.tell(refusal.faults)
        except Refused as refusal:
            form.refuse(refusal)
    page = render_template("admin/clients/new.html", kind=kind, form=form)
    return page, form.status


def _registered(kind: PortalKind, typed: Typed) -> ResponseReturnValue:
    """Register at once what one officer may; guarded scopes wait for a second one."""
    wanted = {**kind.begins_with, **members_of(fields_of(kind), typed)}
    if not SENSITIVE_SCOPES.isdisjoint(str(wanted["scope"]).split()):
        # whoever may have what is sensitive asks for it where nobody can change the request
        wanted["require_pushed_authorization_requests"] = True
    desk = services().client_desk
    whole = desk.checked(wanted)
    guarded: list[str] = [scope for scope in GUARDED_SCOPES if scope in str(whole["scope"]).split()]
    made = desk.register(_without(wanted, guarded), acting())
    if guarded:
        services().approvals.propose(
            CHANGE,
            change_payload(made.client.client_id, whole, version=1, reason=_REASON),
            subject=made.client.client_id,
            reason=_REASON,
            actor=acting(),
        )
    return secret_page(made, kind=kind, waiting=guarded)


def _without(wanted: dict[str, Any], scopes: list[str]) -> dict[str, Any]:
    kept = [scope for scope in str(wanted["scope"]).split() if scope not in scopes]
    purposes = wanted.get("scope_purposes", {})
    return {
        **wanted,
        "scope": " ".join(kept),
        "scope_purposes": {name: told for name, told in purposes.items() if name not in scopes},
    }


def secret_page(
    made: Registered, *, kind: PortalKind | None = None, waiting: list[str] | None = None
) -> ResponseReturnValue:
    """Show a secret this once, with the configuration of a kind where there is one."""
    issuer = web_settings().issuer
    return render_template(
        "admin/clients/secret.html",
        client=made.client,
        secret=made.secret,
        expires_at=made.secret_expires_at,
        snippet=kind and snippet_for(kind.snippet, made.client, issuer=issuer, secret=made.secret),
        waiting=waiting or [],
        issuer=issuer,
    )
