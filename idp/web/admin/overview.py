"""The console's first page: panels that other pages add."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.identity.roles import Permission
from idp.web.admin.blueprint import MENU, MenuEntry, admin, allows, current_admin

MENU.append(MenuEntry("overview", lazy_gettext("Ringkasan"), "home", 0))


@dataclass(frozen=True, slots=True)
class Panel:
    """One part of the overview, for whoever has the permission.

    `template`: included with `panel` set to what `load` returns; it brings a `section` with a
    heading of its own. `order`: where it stands.
    """

    template: str
    permission: Permission
    load: Callable[[], Any]
    order: int


#: The panels; a page adds its own beside its views.
PANELS: Final[list[Panel]] = []


@admin.get("", strict_slashes=False)
@allows(Permission.CONSOLE_USE)
def overview() -> ResponseReturnValue:
    """Show how things stand, each panel to whoever may see it."""
    here = current_admin()
    shown = sorted((p for p in PANELS if here.may(p.permission)), key=lambda panel: panel.order)
    return render_template(
        "admin/overview/home.html", panels=[(panel.template, panel.load()) for panel in shown]
    )
