"""`create_app`: settings, store, issuer, pages and API of the JKP module."""

import json
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from flask import Flask, Response
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, import_key

from jkp import login
from jkp.api import api
from jkp.context import EXTENSION, Module
from jkp.issuer import Issuer, Registration
from jkp.settings import Settings, SettingsError
from jkp.store import Store, connect, upgrade
from jkp.trust import AccessTokenValidator
from jkp.views import views
from jkp.words import date_in_words

BODY_MAX: Final = 65536

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' {issuer}; "
    "base-uri 'none'; frame-ancestors 'none'"
)


def epoch_seconds() -> int:
    """Return the time."""
    return int(time.time())


def create_app(settings: Settings, now: Callable[[], int] = epoch_seconds) -> Flask:
    """Return the application with its database brought up to date. `now`: a test's clock."""
    app = Flask(__name__)
    app.config.from_mapping(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME="jkp_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.is_secure,
        MAX_CONTENT_LENGTH=BODY_MAX,
        TRUSTED_HOSTS=[urlsplit(settings.url).hostname or "", "127.0.0.1", "localhost"],
    )
    engine = connect(settings.database_url)
    upgrade(engine)
    issuer = Issuer(
        Registration(
            settings.issuer,
            settings.client_id,
            read_key(settings.private_key),
            f"{settings.url}/masuk/kembali",
        ),
        now,
    )
    app.extensions[EXTENSION] = Module(
        settings,
        Store(engine, settings.secret_key),
        issuer,
        AccessTokenValidator(issuer, settings.url, now),
        now,
    )
    app.register_blueprint(views)
    app.register_blueprint(api)
    app.jinja_env.filters["day"] = date_in_words
    app.context_processor(
        lambda: {"form_token": login.form_token, "issuer": settings.issuer, "settings": settings}
    )
    policy = _POLICY.format(issuer=settings.issuer)

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", policy)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        if response.mimetype == "text/html":
            response.headers.setdefault("Cache-Control", "no-store")
        if settings.is_secure:
            response.headers.setdefault("Strict-Transport-Security", "max-age=63072000")
        return response

    return app


def read_key(text: str) -> ECKey:
    """Return our private key for ES256; raises `SettingsError` for any other."""
    try:
        key = import_key(text, "EC") if text.startswith("-") else import_key(dict(json.loads(text)))
    except (JoseError, ValueError, TypeError) as error:
        raise SettingsError(["JKP_PRIVATE_KEY: is no key in PEM or JWK"]) from error
    if not isinstance(key, ECKey) or not key.is_private or key.curve_name != "P-256":
        raise SettingsError(["JKP_PRIVATE_KEY: must be a private key on P-256"])
    return key
