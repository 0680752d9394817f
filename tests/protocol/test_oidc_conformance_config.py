"""OIDCC Config OP: the one module `oidcc-discovery-endpoint-verification`, check by check.

With it the first steps of every other module: fetching metadata and keys, also where they are
fetched by RFC 8414, and the aliases of RFC 8705.
"""

import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from idp.domain.ids import decode_base64url
from tests.conformance import HOST, ISSUER, MTLS, Suite

#: FAPI2CheckDisc…: at least one of these must be there.
FAPI_ALGORITHMS = {"PS256", "ES256", "EdDSA"}
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
#: RFC 7518 §6, RFC 8037 §2: what a public key of a kind has, in unpadded base64url.
PARTS = {"RSA": {"n", "e"}, "EC": {"x", "y"}, "OKP": {"x"}}


@pytest.fixture(params=["openid-configuration", "oauth-authorization-server"])
def document(request: pytest.FixtureRequest, suite: Suite) -> dict[str, Any]:
    answer = suite.get(f"/.well-known/{request.param}")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    found: dict[str, Any] = answer.get_json()
    return found


def test_the_issuer_is_what_was_asked(document: dict[str, Any]) -> None:
    parts = urlsplit(document["issuer"])

    assert document["issuer"] == ISSUER
    assert (parts.scheme, parts.query, parts.fragment) == ("https", "", "")


def test_every_endpoint_is_https_and_at_the_issuer(document: dict[str, Any]) -> None:
    endpoints = {name: url for name, url in document.items() if name.endswith("_endpoint")}

    assert {
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "registration_endpoint",
        "pushed_authorization_request_endpoint",
        "end_session_endpoint",
        "backchannel_authentication_endpoint",
        "device_authorization_endpoint",
    } <= set(endpoints)
    for url in [*endpoints.values(), document["jwks_uri"]]:
        assert url.startswith(f"{ISSUER}/"), url


def test_what_a_basic_op_needs_is_there(document: dict[str, Any]) -> None:
    assert "code" in document["response_types_supported"]
    assert "authorization_code" in document["grant_types_supported"]
    assert set(document["subject_types_supported"]) <= {"public", "pairwise"}
    assert "RS256" in document["id_token_signing_alg_values_supported"]
    assert "RS256" in document["request_object_signing_alg_values_supported"]
    assert "openid" in document["scopes_supported"]
    assert {"sub", "name", "email"} <= set(document["claims_supported"])
    assert document["claims_parameter_supported"] is True
    assert document["request_parameter_supported"] is True
    assert document["request_uri_parameter_supported"] is True
    assert document["code_challenge_methods_supported"] == ["S256"]


@pytest.mark.parametrize(
    "name",
    [
        "scopes_supported",
        "claims_supported",
        "grant_types_supported",
        "response_modes_supported",
        "prompt_values_supported",
        "acr_values_supported",
        "id_token_signing_alg_values_supported",
        "dpop_signing_alg_values_supported",
        "token_endpoint_auth_methods_supported",
    ],
)
def test_a_list_names_texts_and_each_once(document: dict[str, Any], name: str) -> None:
    values = document[name]

    assert values
    assert all(isinstance(value, str) for value in values)
    assert len(set(values)) == len(values)


def test_scopes_have_the_characters_of_scopes(document: dict[str, Any]) -> None:
    assert all(re.fullmatch(r"[\x21\x23-\x5B\x5D-\x7E]+", s) for s in document["scopes_supported"])


def test_locales_are_language_tags_in_their_usual_case(document: dict[str, Any]) -> None:
    for tag in document["ui_locales_supported"]:
        assert re.fullmatch(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?", tag)


@pytest.mark.parametrize(
    "name",
    [
        "id_token_signing_alg_values_supported",
        "userinfo_signing_alg_values_supported",
        "token_endpoint_auth_signing_alg_values_supported",
        "dpop_signing_alg_values_supported",
        "authorization_signing_alg_values_supported",
        "request_object_signing_alg_values_supported",
    ],
)
def test_fapi2_an_algorithm_of_its_own_is_there(document: dict[str, Any], name: str) -> None:
    assert FAPI_ALGORITHMS & set(document[name])


def test_fapi2_what_it_needs_is_there(document: dict[str, Any]) -> None:
    assert {"private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"} <= set(
        document["token_endpoint_auth_methods_supported"]
    )
    assert document["tls_client_certificate_bound_access_tokens"] is True
    assert document["authorization_response_iss_parameter_supported"] is True
    assert {"jwt", "query.jwt"} <= set(document["response_modes_supported"])
    assert document["authorization_details_types_supported"]


def test_fapi2_aliases_are_for_endpoints_that_are_there(
    suite: Suite, document: dict[str, Any]
) -> None:
    aliases = document["mtls_endpoint_aliases"]

    assert {
        "token_endpoint",
        "userinfo_endpoint",
        "pushed_authorization_request_endpoint",
        "introspection_endpoint",
        "revocation_endpoint",
        "backchannel_authentication_endpoint",
        "device_authorization_endpoint",
    } <= set(aliases)
    for name, url in aliases.items():
        assert url == document[name].replace(ISSUER, MTLS)
        assert suite.post(url).status_code in {400, 401}


def test_keys_are_public_whole_and_named_once(suite: Suite) -> None:
    keys = suite.get("/jwks").get_json()["keys"]

    assert len({key["kid"] for key in keys}) == len(keys)
    for key in keys:
        assert not PRIVATE & set(key)
        assert {"kty", "kid", "alg", "use"} <= set(key)
        for part in PARTS[key["kty"]]:
            assert "=" not in key[part]
            assert decode_base64url(key[part])
    sizes = [len(decode_base64url(key["n"])) * 8 for key in keys if key["kty"] == "RSA"]
    assert min(sizes) >= 2048


def test_no_address_follows_the_host_header(suite: Suite) -> None:
    for host in ("evil.example", f"evil.{HOST}", "localhost"):
        answer = suite.browser.get(
            "/.well-known/openid-configuration",
            base_url=f"http://{host}",
            headers={"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"},
        )
        assert answer.status_code in {200, 400, 421}
        assert "evil.example" not in answer.text
        assert answer.status_code != 200 or answer.get_json()["issuer"] == ISSUER


# --- 3rd-party-initiated login


def test_oidcc_3rd_party_init_login(suite: Suite) -> None:
    uri = "https://suite.example/test/a/siapkerja/initiate_login"
    client = suite.dynamic_client(initiate_login_uri=uri)
    managed = suite.get(
        client["registration_client_uri"],
        Authorization=f"Bearer {client['registration_access_token']}",
    )

    assert client["initiate_login_uri"] == uri
    assert (managed.status_code, managed.content_type) == (200, "application/json")
    assert managed.get_json()["initiate_login_uri"] == uri


@pytest.mark.parametrize(
    "uri",
    [
        "http://suite.example/initiate_login",
        "HTTP://suite.example/initiate_login",
        "ftp://suite.example/",
        "//suite.example/",
        "suite.example",
        "https:///x",
        "https://suite.example/#x",
        "javascript:alert(1)",
        "",
        1,
        ["https://suite.example/"],
    ],
)
def test_oidcc_3rd_party_init_login_nohttps(suite: Suite, uri: Any) -> None:
    answer = suite.register(initiate_login_uri=uri)

    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_client_metadata")
