"""A relying party that authenticates by `private_key_jwt`."""

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from tests.fakes import NOW
from tests.portal import ISSUER, Portal, a_portal
from tests.signing import ASSERTION_TYPE, Signer

_numbers = count()


@dataclass
class KeyedPortal(Portal):
    """A portal with a key; every request carries a fresh assertion unless one is given."""

    signer: Signer = field(default_factory=Signer)

    def claims_now(self, **changes: Any) -> dict[str, Any]:
        """Return the claims of a good assertion; a change to `None` leaves a claim out."""
        now = self.app.wiring.services.clock.now()
        told = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": ISSUER,
            "iat": now,
            "exp": now + 60,
            "jti": f"jti-{next(_numbers)}",
            **changes,
        }
        return {name: value for name, value in told.items() if value is not None}

    def assertion(self, **changes: Any) -> str:
        return self.signer.sign(self.claims_now(**changes))

    def token(self, **form: str | None) -> TestResponse:
        if "client_assertion" not in form:
            form["client_assertion"] = self.assertion()
        form.setdefault("client_assertion_type", ASSERTION_TYPE)
        return super().token(**form)

    def by_itself(self, assertion: str | None = None, **form: str | None) -> TestResponse:
        """Ask for a token without a person, with this very assertion."""
        given = {} if assertion is None else {"client_assertion": assertion}
        return self.token(grant_type="client_credentials", **given, **form)


def a_keyed_portal(app: Application, browser: FlaskClient, **metadata: Any) -> KeyedPortal:
    """Register a client with a key of its own."""
    signer = metadata.pop("signer", None) or Signer()
    given: dict[str, Any] = {
        "token_endpoint_auth_method": "private_key_jwt",
        "grant_types": ["authorization_code", "client_credentials"],
        **metadata,
    }
    if not {"jwks", "jwks_uri"} & set(given):
        given["jwks"] = signer.jwks()
    made = a_portal(app, browser, **given)
    return KeyedPortal(app, browser, made.client, None, signer=signer)


#: So that tests may speak of instants relative to the standing clock.
__all__ = ["NOW", "KeyedPortal", "a_keyed_portal"]
