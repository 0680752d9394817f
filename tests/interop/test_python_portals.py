"""Relying parties in Python: Authlib's client, the portal in ten lines, and Go's way of trying."""

import sys
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx
import pytest
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from tests.interop.conftest import CALLBACK, a_client
from tests.interop.person import Person
from tests.live_server import ROOT, LiveServer, inherited, running_process, wait_for
from tests.servers import free_port

pytestmark = pytest.mark.xdist_group("interop")


@pytest.fixture
def person(account: dict[str, Any]) -> Iterator[Person]:
    somebody = Person(account)
    yield somebody
    somebody.close()


def _back_at(person: Person, url: str) -> str:
    """Return the address at the portal to which the person comes back."""
    response = person.open(url, until=CALLBACK)
    there = urljoin(str(response.url), response.headers.get("Location", ""))
    assert there.startswith(CALLBACK), response.text
    return there


def _a_session(client: dict[str, Any], **more: Any) -> Any:
    session = OAuth2Session(
        client["client_id"],
        more.pop("secret", client.get("client_secret")),
        scope="openid profile email offline_access",
        redirect_uri=CALLBACK,
        code_challenge_method="S256",
        default_timeout=10,
        **more,
    )
    session.trust_env = False
    return session


def _metadata(server: LiveServer) -> dict[str, Any]:
    url = f"{server.url}/.well-known/openid-configuration"
    found: dict[str, Any] = httpx.get(url, trust_env=False).raise_for_status().json()
    return found


def _sign_in(server: LiveServer, session: Any, person: Person) -> tuple[dict[str, Any], str]:
    verifier, nonce = token_urlsafe(48), token_urlsafe(16)
    metadata = _metadata(server)
    url, state = session.create_authorization_url(
        metadata["authorization_endpoint"],
        code_verifier=verifier,
        nonce=nonce,
        prompt="consent",
    )
    answer = _back_at(person, url)
    token = session.fetch_token(
        metadata["token_endpoint"],
        authorization_response=answer,
        state=state,
        code_verifier=verifier,
    )
    return dict(token), nonce


def _verified(server: LiveServer, token: dict[str, Any], **expected: str) -> Any:
    keys = httpx.get(_metadata(server)["jwks_uri"], trust_env=False).json()
    decoded = jwt.decode(
        token["id_token"], KeySet.import_key_set(keys), algorithms=["RS256", "ES256"]
    )
    told = {"access_token": token["access_token"], **expected}
    claims = CodeIDToken(decoded.claims, decoded.header, {"iss": {"values": [server.url]}}, told)
    claims.validate()
    return claims


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_authlib_signs_in_refreshes_and_revokes(
    server: LiveServer, person: Person, method: str
) -> None:
    client = a_client(server, token_endpoint_auth_method=method)
    metadata = _metadata(server)
    with _a_session(client, token_endpoint_auth_method=method) as session:
        token, nonce = _sign_in(server, session, person)
        claims = _verified(server, token, nonce=nonce, client_id=client["client_id"])
        about = session.get(metadata["userinfo_endpoint"]).json()
        refreshed = session.refresh_token(metadata["token_endpoint"])
        session.revoke_token(
            metadata["revocation_endpoint"],
            token=refreshed["refresh_token"],
            auth=session.client_auth(method),
        )
        after = session.get(metadata["userinfo_endpoint"])

    assert about["sub"] == claims["sub"]
    assert about["name"] == "Siti Nurlela Putri"
    assert after.status_code == 401


def test_authlib_authenticates_with_a_key_as_its_documentation_says(
    server: LiveServer, person: Person
) -> None:
    key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256", "kid": "one"})
    client = a_client(
        server,
        token_endpoint_auth_method="private_key_jwt",
        jwks={"keys": [key.as_dict(private=False)]},
    )
    method = "private_key_jwt"
    with _a_session(client, secret=key, token_endpoint_auth_method=method) as session:
        # its audience is the token endpoint, and it lives an hour (contract section 7, point 1)
        session.register_client_auth_method(PrivateKeyJWT(_metadata(server)["token_endpoint"]))
        token, nonce = _sign_in(server, session, person)

    assert _verified(server, token, nonce=nonce, client_id=client["client_id"])["sub"]


def test_go_tries_basic_first_and_then_the_body_with_the_same_code(
    server: LiveServer, person: Person
) -> None:
    """The failed first try must spend nothing (contract section 7, point 2)."""
    for method in ("client_secret_post", "none"):
        client = a_client(server, token_endpoint_auth_method=method)
        name, secret = client["client_id"], client.get("client_secret", "")
        form, endpoint = _a_code(server, person, client), _metadata(server)["token_endpoint"]
        basic = {"Authorization": "Basic " + b64encode(f"{name}:{secret}".encode()).decode()}
        in_body = {"client_id": name, **({"client_secret": secret} if secret else {})}

        first = httpx.post(endpoint, data=form, headers=basic, trust_env=False)
        second = httpx.post(endpoint, data={**form, **in_body}, trust_env=False)

        assert first.status_code == 401
        assert first.json()["error"] == "invalid_client"
        assert second.status_code == 200, second.text
        assert second.json()["access_token"]


def test_a_try_with_the_wrong_method_counts_against_no_limit(
    server: LiveServer, person: Person
) -> None:
    client = a_client(server, token_endpoint_auth_method="none")
    endpoint = _metadata(server)["token_endpoint"]
    basic = {"Authorization": "Basic " + b64encode(f"{client['client_id']}:".encode()).decode()}
    for _ in range(40):
        told = httpx.post(endpoint, data={"grant_type": "x"}, headers=basic, trust_env=False)
        assert told.status_code == 401

    form = {**_a_code(server, person, client), "client_id": client["client_id"]}
    assert httpx.post(endpoint, data=form, trust_env=False).status_code == 200


def _a_code(server: LiveServer, person: Person, client: dict[str, Any]) -> dict[str, str]:
    verifier = token_urlsafe(48)
    challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "client_id": client["client_id"],
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid",
        "state": "s",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    there = _back_at(person, f"{_metadata(server)['authorization_endpoint']}?{urlencode(asked)}")
    return {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(there).query)["code"][0],
        "redirect_uri": CALLBACK,
        "code_verifier": verifier,
    }


def test_the_portal_in_ten_lines_works(server: LiveServer, person: Person, tmp_path: Path) -> None:
    port = free_port()
    portal = f"http://localhost:{port}"
    client = a_client(server, redirect_uris=[f"{portal}/"], scope="openid profile")
    environment = {
        **inherited(),
        "PORTAL_ISSUER": server.url,
        "PORTAL_CLIENT_ID": client["client_id"],
        "PORTAL_CLIENT_SECRET": client["client_secret"],
        "PORTAL_SECRET_KEY": token_urlsafe(32),
    }
    flask = [sys.executable, "-m", "flask", "--app", f"{ROOT}/docs/portal/minimal.py"]
    log = tmp_path / "log"
    with running_process([*flask, "run", "--port", str(port)], environment, log) as process:
        # any address that needs nobody signed in
        wait_for(f"{portal}/static/", process, log, status=404)
        page = person.open(f"{portal}/")

    assert page.json()["name"] == "Siti Nurlela Putri"


def test_the_example_has_ten_lines() -> None:
    text = (ROOT / "docs/portal/minimal.py").read_text()
    lines = [line for line in text.partition("\napp = ")[2].splitlines() if line.strip()]

    assert len(lines) == 10, "\n".join(lines)
