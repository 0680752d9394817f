"""`create_app`: wiring, Flask, blueprints, error pages, and the front door before them."""

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from flask import Flask
from typing_extensions import override

from config import logging as logs
from config.settings import Settings
from idp.web import admin, assets, compiled, errors, failures, front, i18n, rendering, security
from idp.web.api import api
from idp.web.bodies import Bodies
from idp.web.citizen import citizen
from idp.web.context import EXTENSION, WebSettings, Wired
from idp.web.failures import FailureKeeper, noted
from idp.web.forms import parse_email
from idp.web.front import BODY_MAX, Front, FrontSettings
from idp.web.hooks import hooks
from idp.web.letters import LetterWriter
from idp.web.operations import operations
from idp.web.partner import partner
from idp.web.portal.authorization import portal
from idp.web.portal.machine import MachineEndpoints
from idp.web.portal.sandbox import sandbox
from idp.web.portal.single_sign_on import Answering, SingleSignOn, in_turn
from idp.web.wire import CertificateHeaders, WireReader
from idp.wiring import Given, Wiring, build_database, wire

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


logger = logging.getLogger(__name__)


class Application(Flask):
    """Flask, with what the wiring built. Call it as any WSGI application."""

    wiring: Wiring
    bodies: Bodies
    #: For servers that do not call `start` in their workers: the first request does.
    starts_with_first_request = False

    def start(self) -> None:
        """Begin this process's work in the background; call it after a fork."""
        self.starts_with_first_request = False
        self.wiring.provider.begin()
        self.wiring.sender.start()
        self.wiring.housekeeper.start()
        self.wiring.services.failures.start()
        self.bodies.start()

    def stop(self) -> None:
        """End the work in the background."""
        self.wiring.sender.stop()
        self.wiring.housekeeper.stop()
        self.wiring.services.failures.stop()
        self.bodies.stop()
        self.wiring.services.upgrade.verifier.close()

    def close(self) -> None:
        """End the work in the background and give back the connections: for short commands."""
        self.stop()
        with self.app_context():
            self.extensions["sqlalchemy"].engine.dispose()

    @override
    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Any:
        if self.starts_with_first_request:
            self.start()
        return super().__call__(environ, start_response)

    def build_front(self, settings: Settings) -> None:
        """Put the front door and the machine endpoints before Flask's own dispatch."""
        services = self.wiring.services
        self.bodies = Bodies(services.clock, self.wiring.cut_off)
        trusted = settings.http.trusted_proxies
        machine = MachineEndpoints(
            self.wiring.provider,
            is_secure=settings.is_secure,
            origins=self.wiring.provider.directory.origins,
            find_logo=services.clients.find_logo,
            read=_wire_reader(settings),
            offers_trial=not settings.is_production,
        )
        sign_on = SingleSignOn(self.wiring.provider, services.entropy, is_secure=settings.is_secure)
        ours = (settings.issuer, settings.http.mtls_url)
        hosts = {url.partition("://")[2] for url in ours if url} | {*settings.http.allowed_hosts}
        door = Front(
            self.wsgi_app,
            in_turn(guarded(machine), sign_on),
            FrontSettings(
                frozenset(host.lower() for host in hosts),
                not settings.is_production,
                trusted,
                settings.is_secure,
            ),
            clock=services.clock,
            entropy=services.entropy,
            metrics=services.metrics,
            tell_request=logs.RequestLog(front.__name__).tell,
            failures=FailureKeeper(
                services.support, services.failures, services.clock, services.entropy
            ),
            bodies=self.bodies,
        )
        self.wsgi_app = door  # type: ignore[method-assign]  # Flask's documented way to wrap


def guarded(machine: MachineEndpoints) -> Answering:
    """Answer a bug in a machine endpoint as Flask does in a page: 500, the rest in the log."""

    def answer(
        environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes] | None:
        try:
            return machine(environ, start_response)
        except Exception:
            logger.exception("bug", extra={"request_id": environ["siapkerja.request_id"]})
            found = noted(environ)
            found.is_bare, found.cause = True, "server_error"
            start_response("500 Internal Server Error", list(_BUG_HEADERS))
            return [_BUG]

    return answer


_BUG: Final = b'{"error":"server_error","error_description":"something went wrong on our side"}'
_BUG_HEADERS: Final = (
    ("Content-Type", "application/json"),
    ("Content-Length", str(len(_BUG))),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
)


def create_app(settings: Settings, given: Given | None = None) -> Application:
    """Return the application. `given`: clock and entropy of a test."""
    logs.set_up(settings.log_level)
    app = Application("idp.web", static_url_path="/aset")
    database, configuration = build_database(settings)
    app.config.from_mapping(_configuration(settings, configuration))
    database.init_app(app)
    with app.app_context():
        app.wiring = wire(settings, database.engine, parse_email, _letters(app, settings), given)
    app.extensions[EXTENSION] = Wired(
        app.wiring.services,
        app.wiring.provider,
        app.wiring.metrics,
        _web_settings(settings),
        _wire_reader(settings),
    )
    for part in (front, i18n, security, errors, failures, rendering, compiled, assets):
        part.init_app(app)
    for blueprint in (citizen, partner, portal, operations, hooks, api):
        app.register_blueprint(blueprint)
    admin.init_app(app)
    if not settings.is_production:
        app.register_blueprint(sandbox)
    app.build_front(settings)
    return app


def _letters(app: Flask, settings: Settings) -> LetterWriter:
    return LetterWriter(
        app, issuer=settings.issuer, host=settings.host, contact=settings.contact.kemnaker
    )


def _wire_reader(settings: Settings) -> WireReader:
    return WireReader(
        CertificateHeaders.named(
            settings.http.client_cert_header,
            settings.http.client_cert_verified_header,
            is_always_checked=not settings.is_production,
        ),
        settings.http.trusted_proxies,
    )


def _configuration(settings: Settings, database: dict[str, Any]) -> dict[str, Any]:
    return {
        **database,
        "MAX_CONTENT_LENGTH": BODY_MAX,
        "MAX_FORM_PARTS": security.FIELDS_MAX,
        "PREFERRED_URL_SCHEME": "https" if settings.is_secure else "http",
        # our own token is bound to the browser; Flask's session is not used
        "WTF_CSRF_ENABLED": True,
        "WTF_CSRF_CHECK_DEFAULT": False,
        "PROPAGATE_EXCEPTIONS": False,
    }


def _web_settings(settings: Settings) -> WebSettings:
    return WebSettings(
        issuer=settings.issuer,
        is_secure=settings.is_secure,
        is_production=settings.is_production,
        env=settings.env,
        halo_dukcapil=settings.contact.halo_dukcapil,
        dukcapil_whatsapp=settings.contact.dukcapil_whatsapp,
        kemnaker_call_centre=settings.contact.kemnaker,
        device_seconds=settings.login.device_seconds,
        operator_token=settings.operator_token,
        told=tuple(settings.told()),
    )
