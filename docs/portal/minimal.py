"""A portal in ten lines: `flask --app minimal run --port 8001`.

`PORTAL_ISSUER`, `PORTAL_CLIENT_ID`, `PORTAL_CLIENT_SECRET` and `PORTAL_SECRET_KEY` come from the
environment; Authlib finds id and secret by the name under which the portal registers its client.
"""

import os

from authlib.integrations.flask_client import OAuth
from flask import Flask, request

app = Flask(__name__)
app.config.from_mapping(os.environ, SECRET_KEY=os.environ["PORTAL_SECRET_KEY"])
DISCOVERY = os.environ["PORTAL_ISSUER"] + "/.well-known/openid-configuration"
WANTED = {"scope": "openid profile", "code_challenge_method": "S256"}
siapkerja = OAuth(app).register("portal", server_metadata_url=DISCOVERY, client_kwargs=WANTED)


@app.get("/")
def home():
    if "state" in request.args:
        return siapkerja.userinfo(token=siapkerja.authorize_access_token())
    return siapkerja.authorize_redirect(request.base_url)
