"""Portals of teams: a sandbox client at once, what it does, and its secrets, each shown once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.errors import Refused
from idp.domain.identity.team import Right
from idp.domain.protocol.traffic import SeenRequest, day_begins
from idp.services.client_registry import Registered
from idp.services.partner_portals import PortalView
from idp.services.traffic import UsageDay
from idp.web.citizen.blueprint import NOTES, must_be_confirmed
from idp.web.context import services, visitor, web_settings
from idp.web.forms import Form
from idp.web.partner.blueprint import about, needs, partner, person, portal_view
from idp.web.partner.forms import KINDS, LIBRARIES, NewPortalForm, PortalForm
from idp.web.partner.remedies import Remedy, remedy_of
from idp.web.partner.samples import read_snippet
from idp.web.portal_words import STATES, words_of_endpoint, words_of_member, words_of_value
from idp.web.submissions import once

NOTES.update(
    {
        "portal-ubah": ("ok", "check", lazy_gettext("Perubahan disimpan dan langsung berlaku.")),
        "portal-akhir": ("ok", "check", lazy_gettext("Portal diakhiri.")),
    }
)

F = TypeVar("F", bound=PortalForm)

#: What the page of a portal shows of its registration.
_SHOWN: Final = (
    "redirect_uris",
    "post_logout_redirect_uris",
    "backchannel_logout_uri",
    "scope",
    "token_endpoint_auth_method",
    "policy_uri",
    "contacts",
)
#: Bars of the chart, in units of its own drawing.
_BAR, _GAP, _HEIGHT = 14, 4, 96


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of the chart. `sign_ins`, `errors`: heights."""

    x: int
    sign_ins: int
    errors: int


@dataclass(frozen=True, slots=True)
class ShownRequest:
    """A request with its cause and mend in words."""

    request: SeenRequest
    endpoint: str
    remedy: Remedy | None


@partner.get("/portal")
@needs(None)
def portals() -> ResponseReturnValue:
    """Show the portals of every team of the person."""
    mine = services().partner_portals
    return render_template(
        "partner/portals.html",
        views=mine.list_of(person().id),
        ended=mine.list_ended(person().id),
        states=STATES,
    )


@partner.route("/portal/baru", methods=["GET", "POST"])
@once()
@needs(None)
def new_portal() -> ResponseReturnValue:
    """Register a sandbox client: it works at once, and its secret stands on the answer alone."""
    allowed = [
        (str(team.id), team.name)
        for team, mine in services().teams.list_of(person().id)
        if mine.may(Right.REGISTER)
    ]
    form = _for_sandbox(NewPortalForm())
    form.team.options = allowed
    if request.method == "GET":
        form.team.data = request.args.get("tim") or (allowed[0][0] if allowed else None)
        form.kind.data = request.args.get("jenis", "web")
        form.scopes.data = ["profile", "email"]
    elif form.is_accepted():
        try:
            made = form.new_metadata()
            portal, registered = services().partner_portals.register(
                UUID(form.team.data),
                person(),
                made,
                visitor(),
                kind=form.kind.data,
                library=form.chosen_library(),
            )
            view = services().partner_portals.get(portal.id, person().id)
            return secret_page(view, registered, is_new=True)
        except Refused as refusal:
            form.refuse_metadata(refusal)
    page = render_template(
        "partner/new_portal.html",
        form=form,
        teams=allowed,
        kinds=KINDS,
        libraries=LIBRARIES,
        is_production=web_settings().is_production,
    )
    return page, form.status


@partner.get("/portal/<uuid:portal_id>")
@about("portal_id")
@needs(Right.SEE)
def portal(portal_id: UUID) -> ResponseReturnValue:
    """Show a portal: its clients, its release, what ends soon."""
    del portal_id
    view = portal_view()
    clients = [client for client in (view.sandbox, view.live) if client is not None]
    outlooks = [(client, services().expiry.outlook_of(client)) for client in clients]
    return render_template(
        "partner/portal.html",
        view=view,
        states=STATES,
        shown=_shown_members(view),
        expiring=[one for _, outlook in outlooks for one in outlook.ends],
        keys_away=[client for client, outlook in outlooks if outlook.keys_away],
        may={right.value: view.mine.may(right) for right in Right},
        snippet=_snippet(view),
        library=LIBRARIES[view.portal.library],
        usage=services().traffic.usage((view.live or view.sandbox).client_id)[:7],
    )


@partner.route("/portal/<uuid:portal_id>/ubah", methods=["GET", "POST"])
@once()
@about("portal_id")
@needs(Right.CHANGE)
def change_portal(portal_id: UUID) -> ResponseReturnValue:
    """Change the sandbox client."""
    view = portal_view()
    form = _for_sandbox(PortalForm())
    if request.method == "GET":
        form.fill(view.sandbox.metadata)
    elif form.is_accepted():
        try:
            changed = services().partner_portals.change(
                portal_id, person(), form.metadata(view.sandbox.metadata), visitor()
            )
            if changed.secret is not None:
                return secret_page(view, changed)
            there = url_for("partner.portal", portal_id=portal_id, pesan="portal-ubah")
            return redirect(there, 303)
        except Refused as refusal:
            form.refuse_metadata(refusal)
    page = render_template(
        "partner/change_portal.html",
        form=form,
        view=view,
        is_production=web_settings().is_production,
    )
    return page, form.status


@partner.route("/portal/<uuid:portal_id>/rahasia", methods=["GET", "POST"])
@once()
@about("portal_id")
@needs(Right.RENEW_SECRET)
@must_be_confirmed
def renew_secret(portal_id: UUID) -> ResponseReturnValue:
    """Give the sandbox client a new secret."""
    return _renewed(portal_id, of_live=False)


@partner.route("/portal/<uuid:portal_id>/rahasia-produksi", methods=["GET", "POST"])
@once()
@about("portal_id")
@needs(Right.RENEW_LIVE_SECRET)
@must_be_confirmed
def renew_live_secret(portal_id: UUID) -> ResponseReturnValue:
    """Give the client in production a new secret."""
    return _renewed(portal_id, of_live=True)


@partner.route("/portal/<uuid:portal_id>/akhiri", methods=["GET", "POST"])
@once()
@about("portal_id")
@needs(Right.RETIRE)
@must_be_confirmed
def retire_portal(portal_id: UUID) -> ResponseReturnValue:
    """Give a portal up for good."""
    form = Form()
    if form.is_accepted():
        services().partner_portals.retire(portal_id, person(), visitor())
        return redirect(url_for("partner.portals", pesan="portal-akhir"), 303)
    page = render_template("partner/retire.html", form=form, view=portal_view())
    return page, form.status


@partner.get("/portal/<uuid:portal_id>/angka")
@about("portal_id")
@needs(Right.SEE)
def usage(portal_id: UUID) -> ResponseReturnValue:
    """Show what was counted, by day: a drawing, and the same figures as a table."""
    del portal_id
    view = portal_view()
    client = view.live if view.live is not None and not _wants_sandbox() else view.sandbox
    days = services().traffic.usage(client.client_id)
    return render_template(
        "partner/usage.html",
        view=view,
        client=client,
        days=days,
        bars=_bars(days),
        begins=day_begins,
        size=(len(days) * (_BAR + _GAP), _HEIGHT),
        bar=_BAR,
    )


@partner.get("/portal/<uuid:portal_id>/permintaan")
@about("portal_id")
@needs(Right.SEE)
def requests(portal_id: UUID) -> ResponseReturnValue:
    """Show the last requests of the portal's own client, each with its cause and mend."""
    del portal_id
    view = portal_view()
    client = view.live if view.live is not None and not _wants_sandbox() else view.sandbox
    wanted = request.args.get("q", "").strip()[:64]
    shown = [
        ShownRequest(one, words_of_endpoint(one.endpoint), remedy_of(one))
        for one in _wanted(client.client_id, wanted)
    ]
    return render_template(
        "partner/requests.html", view=view, client=client, shown=shown, wanted=wanted
    )


def _for_sandbox(form: F) -> F:
    """Offer what the installation lets a team try: guarded data only of synthetic people."""
    return form.without_guarded() if web_settings().is_production else form


def _wants_sandbox() -> bool:
    return request.args.get("klien") == "uji"


def _wanted(client_id: str, wanted: str) -> Sequence[SeenRequest]:
    """Return requests by reference, error or support code; `galat` is every one that failed."""
    found = services().traffic.recent(client_id)
    if not wanted:
        return found
    if wanted == "galat":
        return [one for one in found if one.error]
    named = [one for one in found if wanted in {one.request_id, one.error}]
    return named or _under_code(client_id, wanted, found)


def _under_code(client_id: str, code: str, found: Sequence[SeenRequest]) -> Sequence[SeenRequest]:
    """Return what failed under a support code where it was this client's own request.

    What is among the last requests too is shown as it stands there, with its parameters.
    """
    known = {one.request_id: one for one in found}
    return [
        known.get(failure.request_id)
        or SeenRequest(
            client_id,
            failure.at,
            failure.endpoint,
            failure.cause,
            failure.detail,
            failure.status,
            failure.request_id,
            is_proved=False,
        )
        for failure in services().support.for_client(code, client_id)
    ]


def _renewed(portal_id: UUID, *, of_live: bool) -> ResponseReturnValue:
    view = portal_view()
    form = Form()
    if form.is_accepted():
        try:
            renewed = services().partner_portals.renew_secret(
                portal_id, person(), visitor(), of_live=of_live
            )
            return secret_page(view, renewed)
        except Refused as refusal:
            form.refuse(_without_secret(refusal), status=409)
    page = render_template("partner/renew_secret.html", form=form, view=view, of_live=of_live)
    return page, form.status


def _without_secret(refusal: Refused) -> Refused:
    """Say in our words what the registry says in the protocol's."""
    return Refused("portal.no_secret") if "invalid" in refusal.code else refusal


def secret_page(
    view: PortalView, registered: Registered, *, is_new: bool = False
) -> ResponseReturnValue:
    """Show a client's secret, this once."""
    return render_template(
        "partner/secret.html",
        view=view,
        client=registered.client,
        secret=registered.secret,
        is_new=is_new,
        snippet=_snippet(view, registered),
        library=LIBRARIES[view.portal.library],
    )


def _snippet(view: PortalView, registered: Registered | None = None) -> str:
    """Return code to copy; the secret is never in it."""
    client = registered.client if registered is not None else view.sandbox
    uris: Sequence[str] = client.metadata.get("redirect_uris") or [""]
    scope = str(client.metadata.get("scope", ""))
    return read_snippet(
        view.portal.library,
        {
            "issuer": web_settings().issuer,
            "client_id": client.client_id,
            "redirect_uri": uris[0],
            "scope": scope,
            "scope_list": ", ".join(scope.split()),
        },
    )


def _shown_members(view: PortalView) -> list[tuple[str, list[str]]]:
    metadata = view.sandbox.metadata
    return [
        (words_of_member(name), words_of_value(metadata[name]))
        for name in _SHOWN
        if metadata.get(name)
    ]


def _bars(days: Sequence[UsageDay]) -> list[Bar]:
    most = max((max(day.sign_ins, day.errors) for day in days), default=0) or 1
    return [
        Bar(
            number * (_BAR + _GAP),
            round(day.sign_ins * _HEIGHT / most),
            round(day.errors * _HEIGHT / most),
        )
        for number, day in enumerate(reversed(days))
    ]
