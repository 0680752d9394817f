"""oauth4webapi 3 from npm: each protocol step by itself, every answer held to its specification."""

from typing import Any

import pytest

from tests.interop.conftest import LEFT, a_client
from tests.interop.node import run_scenario
from tests.live_server import LiveServer

pytestmark = pytest.mark.xdist_group("interop")

SCRIPT = "oauth4webapi.mjs"
RESOURCE = "http://localhost:2"


def test_a_client_from_discovery_to_logout(server: LiveServer, account: dict[str, Any]) -> None:
    client = a_client(server)

    found = run_scenario(SCRIPT, "whole", issuer=server.url, client=client, account=account)

    assert found["about"]["sub"] == found["claims"]["sub"]
    assert found["about"]["name"] == "Siti Nurlela Putri"
    assert found["told"]["active"] is True
    assert found["ended"] == {"active": False}
    assert found["left"] == LEFT
    assert found["metadata"]["oidc"] == found["metadata"]["oauth2"]


def test_an_access_token_convinces_a_resource_server_of_its_own_audience(
    server: LiveServer, account: dict[str, Any]
) -> None:
    client = a_client(server, resources=[RESOURCE], default_resource=RESOURCE)

    found = run_scenario(
        SCRIPT,
        "resource_server",
        issuer=server.url,
        client=client,
        account=account,
        resource=RESOURCE,
    )

    assert found["claims"]["aud"] == RESOURCE
    assert found["claims"]["client_id"] == client["client_id"]
    assert found["elsewhere"] is not None


def test_what_does_not_fit_is_refused(server: LiveServer, account: dict[str, Any]) -> None:
    found = run_scenario(
        SCRIPT, "refused", issuer=server.url, client=a_client(server), account=account
    )

    assert {name for name, refusal in found.items() if refusal is None} == set()
    # a 401 to HTTP Basic carries its challenge (RFC 6749 §5.2)
    assert found["secret"]["code"] == "OAUTH_WWW_AUTHENTICATE_CHALLENGE"


def test_a_logout_token_comes_behind_the_portals_back(
    server: LiveServer, account: dict[str, Any], told_port: int
) -> None:
    client = a_client(
        server,
        backchannel_logout_uri=f"http://localhost:{told_port}/bc",
        backchannel_logout_session_required=True,
    )

    found = run_scenario(
        SCRIPT,
        "backchannel_logout",
        issuer=server.url,
        client=client,
        account=account,
        port=told_port,
    )

    told, claims = found["told"], found["claims"]
    assert (told["sub"], told["sid"]) == (claims["sub"], claims["sid"])
    assert "nonce" not in told


def test_introspection_answers_by_a_signed_token(
    server: LiveServer, account: dict[str, Any]
) -> None:
    client = a_client(server, introspection_signed_response_alg="ES256")

    found = run_scenario(
        SCRIPT, "signed_introspection", issuer=server.url, client=client, account=account
    )

    assert found["good"]["type"] == "application/token-introspection+jwt"
    assert found["good"]["told"]["active"] is True
    assert found["bad"]["told"] == {"active": False}
