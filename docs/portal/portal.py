"""The sample portal: what stands around the ten lines of `minimal.py` in a portal of one's own.

It knows the issuer's URL and its own registration, nothing else; everything is found by discovery.
Settings: `PORTAL_ISSUER`, `PORTAL_CLIENT_ID`, `PORTAL_CLIENT_SECRET`, `PORTAL_URL`,
`PORTAL_SECRET_KEY`, each also as `..._FILE`. Run it with `python docs/portal/portal.py`.
"""

import argparse
import os
import signal
import sys
from hmac import compare_digest
from pathlib import Path
from secrets import token_urlsafe
from urllib.parse import urlsplit

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, render_template, request, session, url_for
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from werkzeug.serving import WSGIRequestHandler, make_server

NAMES = ("ISSUER", "CLIENT_ID", "CLIENT_SECRET", "URL", "SECRET_KEY")
EVENT = "http://schemas.openid.net/event/backchannel-logout"
#: What a logout token must say; Authlib's client leaves these to the portal.
LOGOUT = jwt.JWTClaimsRegistry(
    leeway=30,
    **{name: {"essential": True} for name in ("iss", "aud", "iat", "exp", "sid", "events")},
)
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' {issuer}; "
    "base-uri 'none'; frame-ancestors 'none'"
)


def read_settings(environment=os.environ):
    """Return the five settings by name; ends the program with every name that is missing."""
    found = {}
    for name in NAMES:
        variable = f"PORTAL_{name}"
        if f"{variable}_FILE" in environment:
            found[name] = Path(environment[f"{variable}_FILE"]).read_text("utf-8").strip()
        elif variable in environment:
            found[name] = environment[variable]
    missing = [f"PORTAL_{name}" for name in NAMES if not found.get(name)]
    if missing:
        sys.exit(f"portal: set {', '.join(missing)}")
    return found


def create_app(settings):
    """Return the portal."""
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=settings["SECRET_KEY"],
        # cookies ignore ports: every portal on one host needs a name of its own
        SESSION_COOKIE_NAME="portal_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings["URL"].startswith("https://"),
        TRUSTED_HOSTS=[urlsplit(settings["URL"]).hostname, "localhost", "127.0.0.1"],
    )
    siapkerja = OAuth(app).register(
        "siapkerja",
        server_metadata_url=settings["ISSUER"] + "/.well-known/openid-configuration",
        client_id=settings["CLIENT_ID"],
        client_secret=settings["CLIENT_SECRET"],
        client_kwargs={
            "scope": "openid profile email phone",
            "code_challenge_method": "S256",
            "default_timeout": 5,
        },
    )
    callback = settings["URL"] + "/kembali"
    #: Sessions of the provider that are over; a real portal keeps them beside its own sessions.
    ended = set()
    app.context_processor(lambda: {"issuer": settings["ISSUER"]})

    @app.get("/")
    def home():
        """Show the way in, or what the provider told of the person."""
        person = session.get("person")
        if person is not None and person["claims"].get("sid") in ended:
            session.clear()
            person = None
        if person is None:
            return render_template("home.html")
        session.setdefault("form_token", token_urlsafe(24))
        return render_template("person.html", person=person, form_token=session["form_token"])

    @app.get("/masuk")
    def sign_in():
        return siapkerja.authorize_redirect(callback)

    @app.get("/daftar")
    def register():
        """Begin on the provider's page that opens an account; the person comes back signed in."""
        return siapkerja.authorize_redirect(callback, prompt="create")

    @app.get("/kembali")
    def come_back():
        """Take the provider's answer: state, issuer, ID token and userinfo must all fit."""
        # RFC 9207: an answer that does not name our provider is not an answer to our request
        if request.args.get("iss") != settings["ISSUER"]:
            raise OAuthError("invalid_issuer", "the answer does not come from our provider")
        token = siapkerja.authorize_access_token()
        claims = dict(token["userinfo"])
        about = dict(siapkerja.userinfo(token=token))
        if about["sub"] != claims["sub"]:
            raise OAuthError("invalid_userinfo", "userinfo is about somebody else")
        session.clear()
        # an example keeps this in its signed cookie; a real portal has sessions of its own
        session["person"] = {"claims": claims, "about": about}
        session["id_token"] = token["id_token"]
        return redirect(url_for("home"), 303)

    @app.post("/keluar")
    def sign_out():
        """Sign out here, then everywhere; the provider sends the person back."""
        expected = session.get("form_token", "")
        if not expected or not compare_digest(request.form.get("form_token", ""), expected):
            return redirect(url_for("home"), 303)
        hint = session.get("id_token")
        session.clear()
        # the hint names us; the page to come back to is the registered one, exactly
        return siapkerja.logout_redirect(settings["URL"] + "/selesai", hint)

    @app.post("/keluar/pemberitahuan")
    def hear_of_logout():
        """Take the provider's word that a session ended (OpenID Connect Back-Channel Logout)."""
        keys = KeySet.import_key_set(siapkerja.fetch_jwk_set())
        text = request.form.get("logout_token", "")
        try:
            token = jwt.decode(text, keys, algorithms=["RS256", "ES256"])
            LOGOUT.validate(token.claims)
        except (JoseError, ValueError):
            return {"error": "invalid_request"}, 400
        ours = (settings["ISSUER"], settings["CLIENT_ID"], "logout+jwt")
        told = (token.claims["iss"], token.claims["aud"], token.header.get("typ"))
        if told != ours or EVENT not in token.claims["events"] or "nonce" in token.claims:
            return {"error": "invalid_request"}, 400
        ended.add(token.claims["sid"])
        return "", 200, {"Cache-Control": "no-store"}

    @app.get("/selesai")
    def signed_out():
        return render_template("signed_out.html")

    @app.errorhandler(OAuthError)
    def show_error(error):
        """Show what the provider, or Authlib, objected to, in its own words."""
        told = {"error": error.error, "description": error.description}
        return render_template("error.html", **told), 400

    @app.errorhandler(JoseError)
    def show_bad_token(error):
        return render_template("error.html", error="invalid_id_token", description=error.error), 400

    @app.errorhandler(requests.RequestException)
    def show_unreachable(error):
        told = {"error": "temporarily_unavailable", "description": type(error).__name__}
        return render_template("error.html", **told), 502

    @app.after_request
    def finish(response):
        response.headers["Content-Security-Policy"] = POLICY.format(issuer=settings["ISSUER"])
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        if response.mimetype == "text/html":
            response.headers["Cache-Control"] = "no-store"
        return response

    return app


class Quiet(WSGIRequestHandler):
    """Keep request lines, which hold authorization codes, out of every log."""

    def log_request(self, *_):
        """Say nothing."""


def main():
    parser = argparse.ArgumentParser(description="The sample portal of SIAPkerja ID.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001)
    arguments = parser.parse_args()
    app = create_app(read_settings())
    server = make_server(arguments.host, arguments.port, app, threaded=True, request_handler=Quiet)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    server.serve_forever()


if __name__ == "__main__":
    main()
