"""How views get at what the wiring built, and at who is there.

The only reads of `current_app.extensions`. Everything about the present request is in `flask.g`.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol, cast

from flask import current_app, g, request

from idp.domain.identity.account import Account
from idp.domain.identity.admin import AdminHere
from idp.domain.identity.audit import Origin
from idp.domain.identity.session import LoginSession
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from idp.web.addresses import truncated, unit_of
from idp.web.devices import device_name
from idp.web.wire import WireReader

if TYPE_CHECKING:
    from idp.oidc.provider import IdentityProvider
    from idp.oidc.request import WireRequest
    from idp.services import Services

EXTENSION: Final = "siapkerja"

#: Names in the WSGI environment of what was found out before Flask: the outcome of an authorization
#: request, and the secret of the flow cookie that it is bound to.
DECIDED: Final = "siapkerja.decided"
FLOW: Final = "siapkerja.flow"


class ToldSetting(Protocol):
    """One setting as people may read it; `value`: `None` for a secret that is set."""

    @property
    def name(self) -> str:
        """The variable."""

    @property
    def value(self) -> str | None:
        """What it is."""

    @property
    def meaning(self) -> str:
        """What it does, in English."""

    @property
    def is_given(self) -> bool:
        """Whether the environment gave it; else it is the default."""


@dataclass(frozen=True, slots=True)
class WebSettings:
    """What pages need of the settings.

    `is_secure`: the issuer is https, which decides cookie names and HSTS.
    """

    issuer: str
    is_secure: bool
    is_production: bool
    env: str
    halo_dukcapil: str
    dukcapil_whatsapp: str
    kemnaker_call_centre: str
    device_seconds: int
    operator_token: str
    told: tuple[ToldSetting, ...] = ()


class Exposition(Protocol):
    """Figures in the text format that Prometheus reads."""

    def exposition(self) -> bytes:
        """Return them."""


@dataclass(frozen=True, slots=True)
class Wired:
    """What `create_app` leaves for the views."""

    services: "Services"
    provider: "IdentityProvider"
    metrics: "Exposition"
    settings: WebSettings
    read: WireReader


def _wired() -> Wired:
    return cast("Wired", current_app.extensions[EXTENSION])


def services() -> "Services":
    """Return the table of use cases."""
    return _wired().services


def provider() -> "IdentityProvider":
    """Return the OpenID provider."""
    return _wired().provider


def metrics() -> "Exposition":
    """Return what tells the figures."""
    return _wired().metrics


def web_settings() -> WebSettings:
    """Return what pages may know of the settings."""
    return _wired().settings


def wire_request() -> "WireRequest":
    """Return the present request as the provider reads it, without its body."""
    return _wired().read.without_body(request.environ)


def cookie_name(name: str) -> str:
    """Return the cookie's name: `__Host-` behind https (RFC 6265bis §4.1.3.2)."""
    return f"__Host-{name}" if web_settings().is_secure else name


def visitor() -> Visitor:
    """Return the browser behind this request; a new one gets its flow cookie with the answer."""
    known: Visitor | None = g.get("visitor")
    if known is None:
        flow = request.environ.get(FLOW) or request.cookies.get(cookie_name("flow"), "")
        if not is_flow(flow):
            flow = services().entropy.token()
        known = Visitor(
            flow_digest=digest_of(flow),
            address=unit_of(address()),
            origin=Origin(
                network=truncated(address()),
                request_id=request_id(),
                device=device_name(request.headers.get("User-Agent", "")),
            ),
            locale=g.get("locale", "id"),
            device_digest=_digest_of_cookie("device"),
            session_digest=_digest_of_cookie("sid"),
        )
        g.flow = flow
        g.visitor = known
    if known.locale != g.get("locale", "id"):
        known = replace(known, locale=g.locale)
    return known


def is_flow(value: str) -> bool:
    """Return whether a cookie's value can be a flow's secret."""
    return 20 <= len(value) <= 64


def flow() -> str:
    """Return the secret of the flow cookie: what forms are bound to before sign-in."""
    visitor()
    return cast("str", g.flow)


def signed_in() -> tuple[LoginSession, Account] | None:
    """Return who is signed in in this browser, looked up once a request."""
    if "signed_in" not in g:
        g.signed_in = services().sessions.find(_digest_of_cookie("sid"))
    return cast("tuple[LoginSession, Account] | None", g.signed_in)


def admin_here() -> AdminHere | None:
    """Return which admin is in the console in this browser, looked up once a request.

    Also one whose second factor is still missing: the guard of the console looks at that.
    """
    if "admin_here" not in g:
        g.admin_here = services().admin_sessions.find(_digest_of_cookie("asid"))
    return cast("AdminHere | None", g.admin_here)


def address() -> str:
    """Return the caller's address as the front worked it out."""
    return cast("str", request.environ.get("siapkerja.address", request.remote_addr or ""))


def request_id() -> str:
    """Return the name under which this request stands in logs and audit."""
    return cast("str", request.environ.get("siapkerja.request_id", ""))


def _digest_of_cookie(name: str) -> bytes | None:
    value = request.cookies.get(cookie_name(name))
    return digest_of(value) if value else None
