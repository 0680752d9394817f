"""The consent page: what a portal would get, as real values, and two buttons."""

from dataclasses import dataclass

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale

from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.claims import CLAIM_BY_NAME, claims_of_scope, told_by_name
from idp.domain.protocol.scope import OPENID
from idp.services.interactions import Waiting
from idp.web.citizen.blueprint import citizen, waiting_request, words_of_scope
from idp.web.claims import told, values_of
from idp.web.context import provider, services, signed_in, visitor
from idp.web.forms import Form
from idp.web.i18n import tell_times_in
from idp.web.outcomes import show, show_refusal
from idp.web.submissions import once


@dataclass(frozen=True, slots=True)
class Shared:
    """One scope on the page: its words, what would go out by name and value, and why."""

    scope: str
    words: str
    values: list[tuple[str, str]]
    purpose: str | None


@citizen.route("/izin", methods=["GET", "POST"])
@once()
def consent() -> ResponseReturnValue:
    """Ask whether a portal may have what it asks for."""
    try:
        waiting = waiting_request()
    except Refused as refusal:
        return show_refusal(refusal, request.args.get("i", ""))
    if waiting is None:
        return redirect(url_for("citizen.start"), 303)
    found = signed_in()
    interaction_id = request.args["i"]
    if found is None:
        return redirect(url_for("portal.resume", interaction_id=interaction_id), 303)
    _, account = found
    tell_times_in(account.time_zone)
    form = Form()
    decision = form.pressed("allow", "deny")
    if decision == "deny":
        return show(provider().deny(interaction_id, visitor()))
    if decision == "allow":
        ticked = request.form.getlist("scope")
        services().consents.allow(account.id, interaction_id, visitor(), ticked=ticked)
        return redirect(url_for("portal.resume", interaction_id=interaction_id), 303)
    required, optional = _shared(waiting, account)
    page = render_template(
        "citizen/consent/ask.html",
        form=form,
        waiting=waiting,
        required=required,
        optional=optional,
        account=account,
        claims=_claims(waiting, account),
        details=waiting.request.details,
    )
    return page, form.status


def _shared(waiting: Waiting, account: Account) -> tuple[list[Shared], list[Shared]]:
    """Return what is asked: what the portal needs, and what may be unticked."""
    client = waiting.client
    asked = [s for s in waiting.request.scopes if s in client.scopes and s != OPENID]
    language = str(get_locale())
    shown = [
        Shared(s, words_of_scope(s), values_of(s, account), client.purpose_of(s, language))
        for s in asked
    ]
    optional = [item for item in shown if item.scope in client.optional_scopes]
    return [item for item in shown if item not in optional], optional


def _claims(waiting: Waiting, account: Account) -> list[tuple[str, str]]:
    """Return name and value of claims that are asked for by name, beyond the scopes."""
    names = waiting.request.claims.names - {
        claim.name for scope in waiting.request.scopes for claim in claims_of_scope(scope)
    }
    return told((CLAIM_BY_NAME[name] for name in sorted(told_by_name(names))), account)
