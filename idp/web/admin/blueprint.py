"""The blueprint that every page of the console registers with, and the guard before all of them.

A view says who may open it: `@allows(Permission.X)`, or `@open_to(Door.…)` for the few pages before
the second factor. A view that says nothing stops the application from being built.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar, cast

from flask import (
    Blueprint,
    Flask,
    abort,
    current_app,
    g,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from idp.domain.identity.admin import AdminHere, AdminStep
from idp.domain.identity.audit import Actor
from idp.domain.identity.roles import Permission
from idp.web import i18n
from idp.web.admin.audit_words import ACTORS, event_words
from idp.web.context import admin_here, request_id, services, visitor
from idp.web.errors import PAGES
from idp.web.security import begin_admin_session

P = ParamSpec("P")
View = TypeVar("View", bound=Callable[..., Any])

admin = Blueprint("admin", __name__, url_prefix="/admin")


class Door(StrEnum):
    """Which pages open without a permission.

    `STREET`: to anybody (signing in, links). `HALL`: to whoever showed the password alone.
    """

    STREET = "street"
    HALL = "hall"


_RULE: Final = "_console_rule"


class Unguarded(Exception):  # noqa: N818 - named for what was found
    """A route of the console says nobody who may open it."""


def allows(permission: Permission) -> Callable[[View], View]:
    """Let a view be opened by whoever has a permission, with a second factor behind them."""

    def mark(view: View) -> View:
        setattr(view, _RULE, permission)
        return view

    return mark


def open_to(door: Door) -> Callable[[View], View]:
    """Let a view be opened before the second factor."""

    def mark(view: View) -> View:
        setattr(view, _RULE, door)
        return view

    return mark


def rule_of(app: Flask, endpoint: str) -> Permission | Door:
    """Return what a route asks for; raises `Unguarded` where it does not say."""
    rule = getattr(app.view_functions[endpoint], _RULE, None)
    if not isinstance(rule, Permission | Door):
        raise Unguarded(f"{endpoint} names no permission: put @allows(Permission.…) on it")
    return rule


def init_app(app: Flask) -> None:
    """Register the console, every route of it guarded."""
    app.register_blueprint(admin)
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("admin."):
            rule_of(app, rule.endpoint)


@admin.before_request
def _guard() -> ResponseReturnValue | None:
    """Let nobody in whom the route's rule does not name: the default is no."""
    rule = rule_of(current_app, request.endpoint or "")
    here = admin_here()
    if here is not None:
        i18n.prefer_own(here.admin.locale)
    if rule is Door.STREET:
        return None
    if here is None:
        return redirect(url_for("admin.login", lanjut=_this_page()), 303)
    is_half = here.session.step is AdminStep.PASSWORD
    if rule is Door.HALL:
        return None if is_half else redirect(url_for("admin.overview"), 303)
    if is_half:
        return redirect(url_for("admin.login_code", lanjut=_this_page()), 303)
    return None if here.may(rule) else _refused()


def _refused() -> ResponseReturnValue:
    page = render_template(
        "admin/error.html",
        heading=PAGES[403][0],
        sentence=lazy_gettext("Peran Anda tidak mencakup halaman ini."),
        reference=request_id(),
    )
    return page, 403


def current_admin() -> AdminHere:
    """Return who is here, behind a rule that lets nobody else in."""
    here = admin_here()
    if here is None:
        abort(403)
    return here


def acting() -> Actor:
    """Return who acts, for use cases that write it down."""
    return current_admin().actor(visitor().origin)


def fresh(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Ask for a factor again where the last one is older than five minutes, and come back here.

    Put it below `@allows`. A dangerous page is fresh by GET already, so that no form is lost.
    """

    @wraps(view)
    def guarded(*given: P.args, **named: P.kwargs) -> ResponseReturnValue:
        if not current_admin().session.is_fresh(services().clock.now()):
            return redirect(url_for("admin.confirm", lanjut=_this_page()), 303)
        return view(*given, **named)

    setattr(guarded, _FRESH, True)
    return guarded


_FRESH: Final = "_asks_fresh_factor"


def _this_page() -> str | None:
    """Return what `lanjut` carries: this page's path, or what a page of a sign-in carried."""
    if isinstance(rule_of(current_app, request.endpoint or ""), Door):
        return request.args.get("lanjut")
    path = request.path
    if request.method != "GET" and _own_page(path) is None:
        # an address that only takes a form: its form stands on the page above
        path = path.rpartition("/")[0]
    return path if path != url_for("admin.overview") else None


def onward() -> ResponseReturnValue:
    """Go where the person was on their way to: one of the console's pages, else the overview.

    `lanjut` is matched against the console's own routes and its address is built anew: whatever
    else stands there leads nowhere.
    """
    there = _own_page(request.args.get("lanjut", ""))
    return redirect(there or url_for("admin.overview"), 303)


def _own_page(path: str) -> str | None:
    if not path.startswith("/admin/"):
        return None
    try:
        endpoint, values = current_app.url_map.bind("").match(path, method="GET")
    except (HTTPException, RequestRedirect):
        return None
    if not endpoint.startswith("admin.") or isinstance(rule_of(current_app, endpoint), Door):
        return None
    return url_for(endpoint, **values)


def entered(cookie: str) -> ResponseReturnValue:
    """Answer a step that renewed the session: its new cookie, and the way on."""
    response = make_response(onward())
    begin_admin_session(response, cookie)
    return response


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """One line of the console's menu; shown to whoever may open its page.

    `endpoint`: without `admin.`. `order`: where it stands.
    """

    endpoint: str
    words: object
    icon: str
    order: int

    @property
    def name(self) -> str:
        """The endpoint's whole name."""
        return f"admin.{self.endpoint}"


#: The menu; a page adds its own line beside its view.
MENU: Final[list[MenuEntry]] = []

#: What a page tells once something was done, by the word in `pesan`: kind of note, icon, words.
NOTES: Final[dict[str, tuple[str, str, object]]] = {}


def menu() -> list[MenuEntry]:
    """Return the lines that whoever is here may follow, in their order."""
    here = admin_here()
    if here is None:
        return []
    shown = [
        entry for entry in MENU if here.may(cast("Permission", rule_of(current_app, entry.name)))
    ]
    return sorted(shown, key=lambda entry: entry.order)


@admin.app_context_processor
def _layout() -> dict[str, object]:
    if request.blueprint != "admin":
        return {}
    return {
        "here": admin_here(),
        "admin_menu": menu,
        "current_page": g.get("menu_page", request.endpoint),
        "page_note": NOTES.get(request.args.get("pesan", "")),
        "role_words": role_words,
        "event_words": event_words,
        "actors": ACTORS,
    }


def under(endpoint: str) -> None:
    """Show this page as part of a menu line; `endpoint`: without `admin.`."""
    g.menu_page = f"admin.{endpoint}"


#: Roles as people call them.
ROLE_WORDS: Final[dict[str, object]] = {
    "reader": lazy_gettext("Pembaca"),
    "registrar": lazy_gettext("Admin klien"),
    "support": lazy_gettext("Petugas bantuan"),
    "key_officer": lazy_gettext("Petugas kunci"),
    "auditor": lazy_gettext("Auditor"),
    "approver": lazy_gettext("Penyetuju"),
    "administrator": lazy_gettext("Administrator"),
}


def role_words(roles: tuple[str, ...]) -> str:
    """Return roles as people call them."""
    return ", ".join(str(ROLE_WORDS[role]) for role in roles)
