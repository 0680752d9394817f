"""openid-client 6 from npm: a relying party of another language, by its own rules."""

from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tests.interop.conftest import LEFT, a_client
from tests.interop.node import run_scenario
from tests.live_server import LiveServer

pytestmark = pytest.mark.xdist_group("interop")

SCRIPT = "openid_client.mjs"
CIBA = "urn:openid:params:grant-type:ciba"


def _key(kind: str) -> Any:
    parameters: Any = {"use": "sig", "alg": kind, "kid": f"k-{kind}"}
    if kind in {"RS256", "PS256"}:
        return RSAKey.generate_key(2048, parameters)
    if kind == "Ed25519":
        return OKPKey.generate_key("Ed25519", parameters)
    return ECKey.generate_key("P-256", parameters)


def _check_whole(found: dict[str, Any], client_id: str, issuer: str) -> None:
    claims, about = found["claims"], found["about"]
    assert claims["iss"] == issuer
    assert claims["aud"] == client_id
    assert about["sub"] == claims["sub"]
    assert about["name"] == "Siti Nurlela Putri"
    assert about["email_verified"] is True
    assert "name" not in claims
    assert found["after"]["code"] == "OAUTH_WWW_AUTHENTICATE_CHALLENGE"
    assert found["left"] == f"{LEFT}?state=left"
    assert found["again"]["error"] == "login_required"


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_confidential_client_from_discovery_to_logout(
    server: LiveServer, account: dict[str, Any], method: str
) -> None:
    client = a_client(server, token_endpoint_auth_method=method)

    found = run_scenario(SCRIPT, "whole", issuer=server.url, client=client, account=account)

    _check_whole(found, client["client_id"], server.url)
    assert found["told"]["active"] is True
    assert found["ended"] == {"active": False}
    # confidential clients keep their refresh token (OA-14)
    assert found["refreshed"].get("refresh_token") in {None, found["tokens"]["refresh_token"]}


@pytest.mark.parametrize("alg", ["ES256", "RS256", "Ed25519"])
def test_private_key_jwt_with_pushed_request(
    server: LiveServer, account: dict[str, Any], alg: str
) -> None:
    key = _key(alg)
    client = a_client(
        server,
        token_endpoint_auth_method="private_key_jwt",
        jwks={"keys": [key.as_dict(private=False)]},
        require_pushed_authorization_requests=True,
        id_token_signed_response_alg="ES256",
    )
    client["private_key"] = key.as_dict(private=True)

    found = run_scenario(
        SCRIPT, "whole", issuer=server.url, client=client, account=account, pushed=True
    )

    _check_whole(found, client["client_id"], server.url)
    assert found["told"]["active"] is True


def test_a_public_client_rotates_its_refresh_token(
    server: LiveServer, account: dict[str, Any]
) -> None:
    client = a_client(server, token_endpoint_auth_method="none")

    found = run_scenario(
        SCRIPT, "whole", issuer=server.url, client=client, account=account, is_public=True
    )

    _check_whole(found, client["client_id"], server.url)
    assert found["refreshed"]["refresh_token"] != found["tokens"]["refresh_token"]


@pytest.mark.parametrize("alg", ["RS256", "ES384", "PS256", "Ed25519"])
def test_the_answer_posted_as_a_form_and_every_id_token_algorithm(
    server: LiveServer, account: dict[str, Any], alg: str
) -> None:
    client = a_client(server, id_token_signed_response_alg=alg)

    found = run_scenario(SCRIPT, "form_post", issuer=server.url, client=client, account=account)

    assert found["method"] == "POST"
    assert found["claims"]["aud"] == client["client_id"]


def test_the_answer_as_a_signed_token(server: LiveServer, account: dict[str, Any]) -> None:
    client = a_client(server, authorization_signed_response_alg="ES256")

    found = run_scenario(SCRIPT, "jwt_response", issuer=server.url, client=client, account=account)

    assert found["names"] == ["response"]


def test_tokens_bound_to_a_key_of_the_client(server: LiveServer, account: dict[str, Any]) -> None:
    client = a_client(server)

    found = run_scenario(SCRIPT, "dpop", issuer=server.url, client=client, account=account)

    assert found["type"] == "dpop"
    assert found["about"]["name"] == "Siti Nurlela Putri"
    assert found["bare"] is not None


def test_client_credentials_without_a_person(server: LiveServer) -> None:
    client = a_client(
        server, grant_types=["client_credentials"], redirect_uris=[], scope="laporan:baca"
    )

    found = run_scenario(
        SCRIPT, "client_credentials", issuer=server.url, client=client, scope="laporan:baca"
    )

    assert found["tokens"]["token_type"] == "bearer"
    assert found["told"]["active"] is True
    assert found["told"]["sub"] == client["client_id"]


def test_what_does_not_fit_is_refused_by_the_library_or_by_us(
    server: LiveServer, account: dict[str, Any]
) -> None:
    found = run_scenario(
        SCRIPT, "refused", issuer=server.url, client=a_client(server), account=account
    )

    by_library = {"nonce", "state", "issuer", "no_issuer", "max_age"}
    assert {name for name in by_library if found[name] is None} == set()
    assert {name: found[name]["error"] for name in ("verifier", "code", "twice", "scope")} == {
        "verifier": "invalid_grant",
        "code": "invalid_grant",
        "twice": "invalid_grant",
        "scope": "invalid_scope",
    }


def test_a_device_without_a_keyboard(server: LiveServer, account: dict[str, Any]) -> None:
    client = a_client(
        server,
        redirect_uris=[],
        grant_types=["urn:ietf:params:oauth:grant-type:device_code"],
        token_endpoint_auth_method="none",
    )

    found = run_scenario(SCRIPT, "device", issuer=server.url, client=client, account=account)

    assert found["verification_uri"] == f"{server.url}/perangkat"
    assert found["claims"]["aud"] == client["client_id"]
    assert found["about"]["name"] == "Siti Nurlela Putri"
    assert found["again"]["error"] == "invalid_grant"


def test_a_portal_asks_from_afar_and_polls(server: LiveServer, account: dict[str, Any]) -> None:
    client = a_client(
        server, redirect_uris=[], grant_types=[CIBA], backchannel_token_delivery_mode="poll"
    )

    found = run_scenario(
        SCRIPT,
        "ciba",
        issuer=server.url,
        client=client,
        account=account,
        request={"binding_message": "Loket 7", "requested_expiry": "120"},
    )

    assert found["claims"]["aud"] == client["client_id"]
    assert found["about"]["name"] == "Siti Nurlela Putri"
    assert found["nobody"]["error"] == "unknown_user_id"
    assert found["no"]["error"] == "access_denied"


def test_a_portal_is_pinged_when_the_answer_waits(
    server: LiveServer, account: dict[str, Any], told_port: int
) -> None:
    key = _key("ES256")
    client = a_client(
        server,
        redirect_uris=[],
        grant_types=[CIBA],
        backchannel_token_delivery_mode="ping",
        backchannel_client_notification_endpoint=f"http://localhost:{told_port}/ping",
        token_endpoint_auth_method="private_key_jwt",
        jwks={"keys": [key.as_dict(private=False)]},
    )
    client["private_key"] = key.as_dict(private=True)

    found = run_scenario(
        SCRIPT, "ciba_ping", issuer=server.url, client=client, account=account, port=told_port
    )

    assert found["path"] == "/ping"
    assert found["bearer_fits"]
    assert found["body_fits"]
    assert found["claims"]["aud"] == client["client_id"]


def test_a_portal_verifies_the_logout_token_that_comes_behind_its_back(
    server: LiveServer, account: dict[str, Any], told_port: int
) -> None:
    client = a_client(server, backchannel_logout_uri=f"http://localhost:{told_port}/bc")

    found = run_scenario(
        SCRIPT,
        "backchannel_logout",
        issuer=server.url,
        client=client,
        account=account,
        port=told_port,
    )

    told, claims = found["told"], found["claims"]
    assert found["path"] == "/bc"
    assert found["type"] == "application/x-www-form-urlencoded"
    assert (told["sub"], told["sid"]) == (claims["sub"], claims["sid"])
    assert told["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert "nonce" not in told
