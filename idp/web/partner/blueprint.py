"""What every page of the partner space shares: who may open it, and the way there and back.

A page names the right that it needs beside its route; `NEEDS` collects them, and a test walks every
route with every role. A page about a team or a portal is shown to its members alone.
"""

from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, cast
from uuid import UUID

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.team import Right, check_right
from idp.services.partner_portals import PortalView
from idp.services.teams import TeamView
from idp.web.citizen.blueprint import RETURNS, THINGS, must_be_signed_in, present
from idp.web.context import services
from idp.web.errors import error_page
from idp.web.failures import note_cause

P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]

partner = Blueprint("partner", __name__, url_prefix="/pengembang")

#: The space's navigation: endpoint, words, icon.
MENU: Final[list[tuple[str, object, str]]] = []

#: Which right each page needs; `None` for those that anybody who is signed in may open.
NEEDS: Final[dict[str, Right | None]] = {}
#: Pages that show nothing of anybody.
OPEN: Final[set[str]] = set()


def needs(right: Right | None, *, returns: bool = True) -> Callable[[View[P]], View[P]]:
    """Let those see a page who may; strangers get 404, members without the right 403.

    `returns`: whether signing in leads back to it.
    """

    def around(view: View[P]) -> View[P]:
        name = f"partner.{view.__name__}"
        NEEDS[name] = right
        if returns:
            RETURNS[name] = name

        @wraps(view)
        def guarded(*given: P.args, **named: P.kwargs) -> ResponseReturnValue:
            try:
                _find(right)
                return view(*given, **named)
            except Refused as refusal:
                if refusal.code == "team.unknown":
                    return error_page(404)
                if refusal.code == "team.right":
                    return _not_with_this_role()
                raise

        return must_be_signed_in(guarded)

    return around


def about(part: str) -> Callable[[View[P]], View[P]]:
    """Say which part of a page's address names what it is about, for the way back to it."""

    def around(view: View[P]) -> View[P]:
        THINGS[f"partner.{view.__name__}"] = part
        return view

    return around


def anybody(view: View[P]) -> View[P]:
    """Show a page to everybody."""
    OPEN.add(f"partner.{view.__name__}")
    return view


def person() -> Account:
    """Return who is signed in."""
    return present()[1]


def portal_view() -> PortalView:
    """Return the portal that this page is about."""
    return cast("PortalView", g.portal_view)


def team_view() -> TeamView:
    """Return the team that this page is about."""
    return cast("TeamView", g.team_view)


def _not_with_this_role() -> ResponseReturnValue:
    note_cause("team.right")
    page = render_template(
        "errors/page.html",
        heading=gettext("Peran Anda di tim ini tidak boleh melakukan itu"),
        sentence=gettext("Minta pemilik tim untuk melakukannya, atau untuk mengubah peran Anda."),
    )
    return page, 403


def _find(right: Right | None) -> None:
    """Look up what the page is about, and refuse whoever may not."""
    parts = request.view_args or {}
    if "portal_id" in parts and right is not None:
        found = services().partner_portals.get(parts["portal_id"], person().id, right)
        g.portal_view = found
    if "team_id" in parts and right is not None:
        view = services().teams.get(cast("UUID", parts["team_id"]), person().id)
        check_right(view.mine, right)
        g.team_view = view


@partner.app_context_processor
def _menu() -> dict[str, object]:
    return {"partner_menu": lambda: MENU}
