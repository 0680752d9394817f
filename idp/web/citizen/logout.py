"""Signing out: from our own pages, and where a portal asks for it (RP-Initiated Logout §2).

A portal's request is checked at once and kept under an id; the hint itself, a signed token, stands
in no address of ours.
"""

from typing import Final

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.protocol.errors import ProtocolError
from idp.domain.protocol.logout import OWN_WISH, LogoutRequest
from idp.oidc.authorization.endpoint import ErrorPage
from idp.oidc.endpoints import END_SESSION
from idp.oidc.request import Parameters, parse_parameters
from idp.services.sign_out import UNTOLD
from idp.web import i18n
from idp.web.citizen.blueprint import citizen
from idp.web.context import provider, services, signed_in, visitor
from idp.web.forms import Form
from idp.web.outcomes import show_error
from idp.web.security import expire_cookie, may_leave_to
from idp.web.submissions import once

#: What became of telling a portal: kind of the mark, icon, words.
OUTCOMES: Final = {
    "confirmed": ("ok", "check", lazy_gettext("Sudah keluar")),
    "waiting": ("", "clock", lazy_gettext("Sedang diberi tahu")),
    "failed": ("warn", "alert", lazy_gettext("Belum menjawab. Keluar langsung di portal itu.")),
    UNTOLD: ("warn", "alert", lazy_gettext("Keluar langsung di portal itu.")),
}


@citizen.route(END_SESSION.path, methods=["GET", "POST"])
def end_session() -> ResponseReturnValue:
    """Take a portal's logout; ask first unless its hint names this very session."""
    try:
        wanted = provider().read_logout(_parameters())
    except ProtocolError as error:
        return show_error(ErrorPage(error))
    if request.method == "POST":
        # a form of another site comes without the Lax cookie: come back by GET to see it
        return _ask(wanted)
    return _leave(wanted) if provider().is_certain(wanted, signed_in()) else _ask(wanted)


@citizen.route("/keluar", methods=["GET", "POST"])
@once()
def sign_out() -> ResponseReturnValue:
    """Ask whether to sign out everywhere."""
    request_id = request.args.get("p")
    wanted = services().sign_out.kept(request_id) if request_id is not None else OWN_WISH
    i18n.prefer(*(wanted.ui_locales or "").split())
    may_leave_to()
    if provider().is_certain(wanted, signed_in()):
        return _leave(wanted)
    if signed_in() is None:
        return redirect(url_for("citizen.signed_out"), 303)
    form = Form()
    decision = form.pressed("all", "stay")
    if decision == "stay":
        return redirect(url_for("citizen.start"), 303)
    if decision == "all":
        return _leave(wanted)
    client = provider().query_client(wanted.client_id) if wanted.client_id is not None else None
    return render_template("citizen/logout/ask.html", form=form, client=client), form.status


@citizen.get("/keluar/selesai")
def signed_out() -> ResponseReturnValue:
    """Say that it is done, and what the portals answered so far."""
    page_id = request.args.get("h", "")
    if not page_id and signed_in() is not None:
        return redirect(url_for("citizen.start"), 303)
    told = services().sign_out.told(page_id, visitor()) if page_id else ()
    return render_template(
        "citizen/logout/done.html",
        told=[(portal.client, *OUTCOMES[portal.state]) for portal in told],
        is_waiting=any(portal.state == "waiting" for portal in told),
    )


def _ask(wanted: LogoutRequest) -> ResponseReturnValue:
    """Send the browser to the page that asks."""
    return redirect(url_for("citizen.sign_out", p=services().sign_out.keep(wanted)), 303)


def _leave(wanted: LogoutRequest) -> ResponseReturnValue:
    """End the session and go where the portal registered, or stay."""
    found = signed_in()
    page_id = services().sign_out.end(found[0], visitor()) if found is not None else None
    there = wanted.return_to or url_for("citizen.signed_out", h=page_id)
    response = make_response(redirect(there, 303))
    expire_cookie(response, "sid")
    return response


def _parameters() -> Parameters:
    if request.method == "GET":
        return parse_parameters(request.query_string)
    return parse_parameters(request.get_data(cache=False))
