"""Request objects of a keyed client, well and badly made (RFC 9101)."""

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from flask.testing import FlaskClient
from joserfc import jwe
from joserfc.jwk import import_key
from werkzeug.test import TestResponse

from tests.keyed import KeyedPortal
from tests.portal import ISSUER, Portal


def parameters(portal: Portal, **changes: Any) -> dict[str, Any]:
    """Return the parameters of a good request; a change to `None` leaves one out."""
    url = portal.authorization_url()
    told = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    return {name: value for name, value in {**told, **changes}.items() if value is not None}


def request_claims(portal: Portal, **changes: Any) -> dict[str, Any]:
    """Return the claims of a good request object."""
    now = portal.app.wiring.services.clock.now()
    claims = {
        "iss": portal.client_id,
        "aud": ISSUER,
        "nbf": now,
        "exp": now + 300,
        **parameters(portal),
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def request_object(portal: KeyedPortal, **changes: Any) -> str:
    return portal.signer.sign(request_claims(portal, **changes), typ="oauth-authz-req+jwt")


def by_value(portal: Portal, text: str, **beside: str | None) -> TestResponse:
    """Open the authorization endpoint with a request object and its client alone."""
    query = {"client_id": portal.client_id, "request": text, **beside}
    sent = {name: value for name, value in query.items() if value is not None}
    return portal.browser.get("/authorize?" + urlencode(sent))


def beside_good(portal: Portal, text: str) -> TestResponse:
    """Do the same with a good redirect URI and state beside it, so that an error can travel."""
    return by_value(portal, text, redirect_uri=portal.callback, state="st")


def pushed(portal: Portal, text: str, **beside: str) -> TestResponse:
    return portal.token(path="/par", request=text, **beside)


def encrypted(browser: FlaskClient, text: str, alg: str, enc: str, **header: Any) -> str:
    """Return a text encrypted to the key of ours that is published for an algorithm."""
    keys = browser.get("/jwks").get_json()["keys"]
    jwk = next(key for key in keys if key["use"] == "enc" and key["alg"] == alg)
    told = {"alg": alg, "enc": enc, "kid": jwk["kid"], "cty": "JWT", **header}
    kept = {name: value for name, value in told.items() if value is not None}
    return jwe.encrypt_compact(kept, text.encode(), import_key(jwk), algorithms=[alg, enc])
