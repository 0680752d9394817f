"""An issuer of our own making on real HTTP: what the module must believe, and what it must not."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from secrets import token_urlsafe
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Flask, jsonify, request
from joserfc import jwt
from joserfc.jwk import ECKey
from werkzeug.serving import make_server

CLIENT_ID = "jkp"
SUBJECT = "sub-of-budi"
NAME = "Budi Santoso"
SESSION = "session-of-budi"


def a_key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": "ES256"})


@dataclass
class PretendIssuer:
    """`calls`: paths that were asked. `authentication`: of the person who signs in next."""

    url: str
    audience: str
    client_key: ECKey = field(default_factory=lambda: a_key("jkp-1"))
    keys: list[ECKey] = field(default_factory=lambda: [a_key("idp-1")])
    calls: list[str] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)
    pushed: dict[str, dict[str, str]] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    authentication: dict[str, Any] = field(default_factory=dict)
    is_away: bool = False

    def claims(self, **changes: Any) -> dict[str, Any]:
        """A good access token's claims for the module's API, with changes; `None` leaves out."""
        now = int(time.time())
        told = {
            "iss": self.url,
            "aud": self.audience,
            "sub": SUBJECT,
            "client_id": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "jti": token_urlsafe(12),
            "scope": "openid jkp",
            "auth_time": now - 30,
            "acr": "urn:kemnaker:aal:2",
            "amr": ["pwd", "otp", "mfa"],
            "ial": 1,
            **changes,
        }
        return {name: value for name, value in told.items() if value is not None}

    def sign(self, claims: dict[str, Any], *, key: ECKey | None = None, **header: Any) -> str:
        key = key or self.keys[0]
        told = {"alg": "ES256", "typ": "at+jwt", "kid": key.kid, **header}
        told = {name: value for name, value in told.items() if value is not None}
        return jwt.encode(told, claims, key, algorithms=["ES256"])

    def token(self, **changes: Any) -> str:
        return self.sign(self.claims(**changes))

    def logout_token(self, typ: str = "logout+jwt", **changes: Any) -> str:
        """A good logout token, with changes; `None` leaves out."""
        now = int(time.time())
        told = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 120,
            "jti": token_urlsafe(12),
            "sub": SUBJECT,
            "sid": SESSION,
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
            **changes,
        }
        told = {name: value for name, value in told.items() if value is not None}
        return self.sign(told, typ=typ)


def _app(issuer: PretendIssuer) -> Flask:
    app = Flask("pretend_issuer")

    @app.before_request
    def note() -> Any:
        issuer.calls.append(request.path)
        return ("away", 503) if issuer.is_away else None

    def check_client() -> dict[str, str]:
        form = request.form.to_dict()
        claims = jwt.decode(
            form["client_assertion"], issuer.client_key, algorithms=["ES256"]
        ).claims
        assert claims["iss"] == claims["sub"] == CLIENT_ID
        assert claims["aud"] == issuer.url
        assert claims["exp"] - claims["iat"] <= 60
        return form

    @app.get("/.well-known/openid-configuration")
    def discovery() -> Any:
        return {
            "issuer": issuer.url,
            "jwks_uri": f"{issuer.url}/jwks",
            "authorization_endpoint": f"{issuer.url}/authorize",
            "pushed_authorization_request_endpoint": f"{issuer.url}/par",
            "token_endpoint": f"{issuer.url}/token",
            "userinfo_endpoint": f"{issuer.url}/userinfo",
            "introspection_endpoint": f"{issuer.url}/introspect",
            "end_session_endpoint": f"{issuer.url}/logout",
        }

    @app.get("/jwks")
    def jwks() -> Any:
        return {"keys": [key.as_dict(private=False) for key in issuer.keys]}

    @app.post("/par")
    def par() -> Any:
        request_uri = f"urn:pushed:{len(issuer.pushed)}"
        issuer.pushed[request_uri] = check_client()
        return jsonify(request_uri=request_uri, expires_in=90), 201

    @app.post("/token")
    def token() -> Any:
        form = check_client()
        asked = issuer.codes.pop(form["code"], None)
        if asked is None:
            return jsonify(error="invalid_grant", error_description="the code is unknown"), 400
        assert form["redirect_uri"] == asked["redirect_uri"]
        assert form["resource"] == issuer.url
        sure = {"auth_time": int(time.time()), "acr": "urn:kemnaker:aal:1", **issuer.authentication}
        id_token = issuer.sign(
            {
                "iss": issuer.url,
                "aud": CLIENT_ID,
                "sub": SUBJECT,
                "iat": int(time.time()),
                "exp": int(time.time()) + 600,
                "nonce": asked["nonce"],
                "sid": SESSION,
                **sure,
            },
            typ="JWT",
        )
        access = issuer.token(**{**sure, "aud": issuer.url, "iss": issuer.url, "exp": None})
        return jsonify(access_token=access, token_type="Bearer", expires_in=300, id_token=id_token)

    @app.get("/userinfo")
    def userinfo() -> Any:
        return {"sub": SUBJECT, "name": NAME}

    @app.post("/introspect")
    def introspect() -> Any:
        text = check_client()["token"]
        if text in issuer.ended:
            return {"active": False}
        told = jwt.decode(text, issuer.keys[0], algorithms=["ES256"]).claims
        return {"active": True, **told}

    return app


@contextmanager
def running_issuer(audience: str) -> Iterator[PretendIssuer]:
    issuer = PretendIssuer("", audience)
    server = make_server("127.0.0.1", 0, _app(issuer), threaded=True)
    issuer.url = f"http://127.0.0.1:{server.port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answer_for(issuer: PretendIssuer, location: str, **changes: str) -> str:
    """Return the path to which the issuer sends the browser after a sign-in."""
    asked = {name: found[0] for name, found in parse_qs(urlsplit(location).query).items()}
    assert asked.keys() == {"client_id", "request_uri"}
    wanted = issuer.pushed[asked["request_uri"]]
    code = token_urlsafe(8)
    issuer.codes[code] = wanted
    told = {"code": code, "state": wanted["state"], "iss": issuer.url, **changes}
    path = urlsplit(wanted["redirect_uri"]).path
    return path + "?" + "&".join(f"{name}={value}" for name, value in told.items() if value)
