"""The front page: values to copy, five minutes to a first sign-in, people to try it with."""

import json
from typing import Any, Final

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.oidc.metadata import OPENID_PATH
from idp.web.context import provider, services, signed_in, web_settings
from idp.web.partner.blueprint import MENU, anybody, partner

MENU.extend(
    (
        ("partner.start", lazy_gettext("Mulai"), "home"),
        ("partner.portals", lazy_gettext("Portal saya"), "link"),
        ("partner.teams", lazy_gettext("Tim"), "user"),
        ("partner.tester", lazy_gettext("Uji masuk"), "check"),
        ("partner.token_reader", lazy_gettext("Baca token"), "eye"),
    )
)

#: Values of the discovery document that configuration screens of libraries ask for.
_TOLD: Final = (
    ("issuer", lazy_gettext("Penerbit (issuer)")),
    ("authorization_endpoint", lazy_gettext("Permintaan masuk")),
    ("token_endpoint", lazy_gettext("Permintaan token")),
    ("userinfo_endpoint", lazy_gettext("Userinfo")),
    ("jwks_uri", lazy_gettext("Kunci publik (JWKS)")),
    ("pushed_authorization_request_endpoint", lazy_gettext("Pushed authorization request")),
    ("end_session_endpoint", lazy_gettext("Keluar")),
)


@partner.get("")
@anybody
def start() -> ResponseReturnValue:
    """Show what a developer needs before anything else."""
    document: dict[str, Any] = json.loads(provider().document(OPENID_PATH, "").body)
    return render_template(
        "partner/start.html",
        discovery=document["issuer"] + OPENID_PATH,
        values=[(words, document[name]) for name, words in _TOLD if name in document],
        people=services().test_people.list_some(),
        sandbox=services().test_people.address,
        is_production=web_settings().is_production,
        is_signed_in=signed_in() is not None,
    )
