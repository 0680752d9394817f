"""Metadata (OpenID Connect Discovery §3, §4, RFC 8414 §2, §3) and who may read what from a page."""

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from idp.app import Application
from tests.dynamic import register
from tests.portal import ISSUER, Portal
from tests.signing import Signer

OPENID = "/.well-known/openid-configuration"
OAUTH = "/.well-known/oauth-authorization-server"

#: Members of the registry "OAuth Authorization Server Metadata", and CIBA Core §4.
KNOWN = frozenset(
    [
        "issuer",
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "registration_endpoint",
        "scopes_supported",
        "response_types_supported",
        "response_modes_supported",
        "grant_types_supported",
        "token_endpoint_auth_methods_supported",
        "token_endpoint_auth_signing_alg_values_supported",
        "service_documentation",
        "ui_locales_supported",
        "op_policy_uri",
        "op_tos_uri",
        "revocation_endpoint",
        "revocation_endpoint_auth_methods_supported",
        "revocation_endpoint_auth_signing_alg_values_supported",
        "introspection_endpoint",
        "introspection_endpoint_auth_methods_supported",
        "introspection_endpoint_auth_signing_alg_values_supported",
        "code_challenge_methods_supported",
        "signed_metadata",
        "device_authorization_endpoint",
        "tls_client_certificate_bound_access_tokens",
        "mtls_endpoint_aliases",
        "nfv_token_signing_alg_values_supported",
        "userinfo_endpoint",
        "acr_values_supported",
        "subject_types_supported",
        "id_token_signing_alg_values_supported",
        "id_token_encryption_alg_values_supported",
        "id_token_encryption_enc_values_supported",
        "userinfo_signing_alg_values_supported",
        "userinfo_encryption_alg_values_supported",
        "userinfo_encryption_enc_values_supported",
        "request_object_signing_alg_values_supported",
        "request_object_encryption_alg_values_supported",
        "request_object_encryption_enc_values_supported",
        "display_values_supported",
        "claim_types_supported",
        "claims_supported",
        "claims_locales_supported",
        "claims_parameter_supported",
        "request_parameter_supported",
        "request_uri_parameter_supported",
        "require_request_uri_registration",
        "require_signed_request_object",
        "pushed_authorization_request_endpoint",
        "require_pushed_authorization_requests",
        "introspection_signing_alg_values_supported",
        "introspection_encryption_alg_values_supported",
        "introspection_encryption_enc_values_supported",
        "authorization_response_iss_parameter_supported",
        "check_session_iframe",
        "frontchannel_logout_supported",
        "backchannel_logout_supported",
        "backchannel_logout_session_supported",
        "end_session_endpoint",
        "backchannel_token_delivery_modes_supported",
        "backchannel_authentication_endpoint",
        "backchannel_authentication_request_signing_alg_values_supported",
        "backchannel_user_code_parameter_supported",
        "authorization_details_types_supported",
        "dpop_signing_alg_values_supported",
        "client_id_metadata_document_supported",
        "authorization_signing_alg_values_supported",
        "authorization_encryption_alg_values_supported",
        "authorization_encryption_enc_values_supported",
        "prompt_values_supported",
        "protected_resources",
    ]
)

NEEDED = frozenset(
    [
        "issuer",
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
        "end_session_endpoint",
        "revocation_endpoint",
        "introspection_endpoint",
        "pushed_authorization_request_endpoint",
        "scopes_supported",
        "response_types_supported",
        "response_modes_supported",
        "grant_types_supported",
        "acr_values_supported",
        "subject_types_supported",
        "id_token_signing_alg_values_supported",
        "userinfo_signing_alg_values_supported",
        "token_endpoint_auth_methods_supported",
        "token_endpoint_auth_signing_alg_values_supported",
        "claims_supported",
        "claims_parameter_supported",
        "prompt_values_supported",
        "code_challenge_methods_supported",
        "ui_locales_supported",
        "authorization_response_iss_parameter_supported",
        "display_values_supported",
    ]
)


def test_both_documents_tell_the_same_facts(browser: FlaskClient) -> None:
    assert browser.get(OPENID).get_json() == browser.get(OAUTH).get_json()


def test_no_member_is_unknown_to_the_specifications(browser: FlaskClient) -> None:
    assert set(browser.get(OPENID).get_json()) - KNOWN == set()


def test_no_member_is_forgotten(browser: FlaskClient) -> None:
    assert NEEDED - set(browser.get(OPENID).get_json()) == set()


def test_no_member_is_empty_or_null(browser: FlaskClient) -> None:
    """RFC 8414 §3.2: claims with zero elements must be omitted."""
    document = browser.get(OPENID).get_json()

    assert not [name for name, value in document.items() if value in (None, "", [], {})]


def test_the_issuer_is_the_setting_and_every_address_begins_with_it(browser: FlaskClient) -> None:
    document = browser.get(OPENID).get_json()
    addresses = {name: value for name, value in document.items() if str(value).startswith("http")}

    assert document["issuer"] == ISSUER
    assert len(addresses) > 8
    assert not [value for value in addresses.values() if not value.startswith(ISSUER)]


def test_every_endpoint_that_is_announced_answers(browser: FlaskClient) -> None:
    document = browser.get(OPENID).get_json()
    paths = [
        value.removeprefix(ISSUER)
        for name, value in document.items()
        if name.endswith(("_endpoint", "_uri")) and not name.startswith("op_")
    ]

    answers = {path: browser.open(path, method="GET").status_code for path in paths}

    assert 404 not in answers.values(), answers


def test_oa_1_what_does_not_exist_here_is_not_announced(browser: FlaskClient) -> None:
    document = browser.get(OPENID).get_json()

    assert document["response_types_supported"] == ["code"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert not {"implicit", "password"} & set(document["grant_types_supported"])
    assert "registration_endpoint" not in document
    assert "check_session_iframe" not in document
    assert document.get("frontchannel_logout_supported") in {None, False}


def test_oa_10_neither_none_nor_a_shared_secret_signs_anything(browser: FlaskClient) -> None:
    document = browser.get(OPENID).get_json()
    lists = [value for name, value in document.items() if "alg_values" in name]

    assert lists
    assert not [alg for algs in lists for alg in algs if alg == "none" or alg.startswith("HS")]
    assert {"RSA1_5"}.isdisjoint(alg for algs in lists for alg in algs)


def test_every_announced_signature_has_a_published_key(browser: FlaskClient) -> None:
    document = browser.get(OPENID).get_json()
    published = {key["alg"] for key in browser.get("/jwks").get_json()["keys"]}

    assert set(document["id_token_signing_alg_values_supported"]) <= published
    assert set(document["userinfo_signing_alg_values_supported"]) <= published


def test_claims_and_prompts_are_those_that_work(browser: FlaskClient) -> None:
    document = browser.get(OPENID).get_json()

    assert {"sub", "name", "email", "phone_number", "nik", "acr", "auth_time", "ial"} <= set(
        document["claims_supported"]
    )
    assert document["prompt_values_supported"] == [
        "none",
        "login",
        "consent",
        "select_account",
        "create",
    ]
    assert document["acr_values_supported"] == [f"urn:kemnaker:aal:{n}" for n in (1, 2, 3)]


@pytest.mark.parametrize("path", [OPENID, OAUTH])
def test_metadata_may_be_kept_and_asked_for_again(browser: FlaskClient, path: str) -> None:
    first = browser.get(path)
    tag = first.headers["ETag"]

    assert first.content_type == "application/json"
    assert first.headers["Cache-Control"] == "public, max-age=3600"
    assert re.fullmatch(r'"[0-9a-f]{32}"', tag)
    again = browser.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    assert browser.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("path", [OPENID, OAUTH, "/jwks"])
def test_head_tells_the_headers_alone(browser: FlaskClient, path: str) -> None:
    response, whole = browser.head(path), browser.get(path)

    assert (response.status_code, response.data) == (200, b"")
    assert response.headers["ETag"] == whole.headers["ETag"]
    assert response.headers["Content-Length"] == str(len(whole.data))


@pytest.mark.parametrize("path", [OPENID, OAUTH, "/jwks"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_documents_are_only_read(browser: FlaskClient, path: str, method: str) -> None:
    response = browser.open(path, method=method)

    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]


# --- HD-4


@pytest.mark.parametrize("path", [OPENID, OAUTH, "/jwks"])
@pytest.mark.parametrize("origin", ["https://anybody.example", "null", "http://localhost:5173"])
def test_hd_4_everybody_may_read_metadata_and_keys(
    browser: FlaskClient, path: str, origin: str
) -> None:
    answer = browser.get(path, headers={"Origin": origin})
    preflight = browser.options(path, headers={"Origin": origin})

    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert (preflight.status_code, preflight.headers["Access-Control-Allow-Origin"]) == (204, "*")
    assert "Access-Control-Allow-Credentials" not in answer.headers


FOREIGN = [
    "null",
    "https://evil.example",
    "http://portal.example",
    "https://portal.example.evil.example",
    "https://evilportal.example",
    "https://portal.example:8443",
    "https://sub.portal.example",
    "https://portal.example/",
    "https://PORTAL.example",
    "*",
]


@pytest.mark.parametrize("path", ["/token", "/userinfo", "/revoke"])
def test_hd_4_only_registered_origins_read_the_other_answers(portal: Portal, path: str) -> None:
    good = {"Origin": "https://portal.example"}
    preflight = portal.browser.options(path, headers=good)
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://portal.example"
    assert preflight.headers["Vary"] == "Origin"
    allowed = preflight.headers["Access-Control-Allow-Headers"].lower()
    assert "authorization" in allowed
    assert "dpop" in allowed
    answer = portal.browser.post(path, headers=good)
    exposed = answer.headers["Access-Control-Expose-Headers"]
    assert "DPoP-Nonce" in exposed
    assert "WWW-Authenticate" in exposed
    for origin in FOREIGN:
        for response in (
            portal.browser.options(path, headers={"Origin": origin}),
            portal.browser.post(path, headers={"Origin": origin}),
        ):
            assert "Access-Control-Allow-Origin" not in response.headers, origin
            assert response.headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    "path", ["/introspect", "/par", "/authorize", "/end_session", "/", "/masuk", "/izin"]
)
def test_hd_4_pages_and_other_endpoints_are_for_no_page_elsewhere(
    portal: Portal, path: str
) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        response = portal.browser.open(
            path, method=method, headers={"Origin": "https://portal.example"}
        )
        assert not [name for name, _ in response.headers if name.startswith("Access-Control-")]


def test_hd_4_a_page_reads_only_what_its_own_client_was_told(
    portal: Portal, register: Callable[..., Portal]
) -> None:
    """A preflight names no client, so there any client's page is let in; the answer is not."""
    uris = ["https://Other.example:443/cb", "http://127.0.0.1:5173/cb"]
    register(redirect_uris=uris, subject_type="public")
    tokens = portal.tokens()
    for origin in ("https://portal.example", "https://other.example", "http://127.0.0.1:5173"):
        portal.headers = {"Origin": origin}
        bearer = {"Authorization": f"Bearer {tokens['access_token']}", "Origin": origin}
        preflight = portal.browser.options("/token", headers=portal.headers)
        assert preflight.headers["Access-Control-Allow-Origin"] == origin
        for answer in (
            portal.redeem("x"),
            portal.token(path="/revoke", token="x"),
            portal.browser.get("/userinfo", headers=bearer),
        ):
            told = answer.headers.get("Access-Control-Allow-Origin")
            assert told == (origin if origin == "https://portal.example" else None)
            assert "Access-Control-Allow-Credentials" not in answer.headers


def test_hd_4_the_origin_of_a_suspended_client_is_foreign_again(portal: Portal, clock) -> None:
    portal.app.wiring.services.clients.suspend(portal.client_id)
    clock.move(5)

    response = portal.browser.options("/token", headers={"Origin": "https://portal.example"})
    portal.headers = {"Origin": "https://portal.example"}

    assert "Access-Control-Allow-Origin" not in response.headers
    assert "Access-Control-Allow-Origin" not in portal.redeem("x").headers


# --- RFC 8705 §2, §3.3, §5: nothing is promised that no certificate could reach


def certificates_of(app: Application) -> tuple[set[str], bool, bool]:
    """Return the methods by certificate, whether tokens are bound to one, whether aliases are."""
    found = app.test_client().get(OAUTH, base_url=ISSUER).get_json()
    for endpoint in ("token", "introspection", "revocation"):
        methods = set(found[f"{endpoint}_endpoint_auth_methods_supported"])
        assert methods - {"none"} == set(found["token_endpoint_auth_methods_supported"]) - {"none"}
    resource = app.test_client().get("/.well-known/oauth-protected-resource", base_url=ISSUER)
    member = "tls_client_certificate_bound_access_tokens"
    assert resource.get_json()[member] is found[member]
    return (
        {name for name in methods if name.endswith("tls_client_auth")},
        found[member],
        "mtls_endpoint_aliases" in found,
    )


PROXY = {
    "SIAPKERJA_HTTP_TRUSTED_PROXIES": "127.0.0.1",
    "SIAPKERJA_HTTP_CLIENT_CERT_HEADER": "X-Client-Cert",
    "SIAPKERJA_HTTP_MTLS_URL": "https://mtls.example",
}
BOTH = {"tls_client_auth", "self_signed_tls_client_auth"}


def test_client_certificates_are_promised_where_a_trusted_proxy_passes_them_on(make_app) -> None:
    assert certificates_of(make_app(**PROXY)) == (BOTH, True, True)
    assert certificates_of(make_app(**{**PROXY, "SIAPKERJA_HTTP_MTLS_URL": ""})) == (
        BOTH,
        True,
        False,
    )


@pytest.mark.parametrize("left_out", ["TRUSTED_PROXIES", "CLIENT_CERT_HEADER"])
def test_client_certificates_are_promised_nowhere_else(make_app, left_out: str) -> None:
    app: Application = make_app(**{**PROXY, f"SIAPKERJA_HTTP_{left_out}": ""})

    assert certificates_of(app) == (set(), False, False)


def test_nobody_registers_by_themselves_for_certificates_that_can_not_come(make_app) -> None:
    app: Application = make_app(SIAPKERJA_OAUTH_REGISTRATION="open")
    named = {"tls_client_auth_subject_dn": "CN=portal"}
    for metadata in (
        {"token_endpoint_auth_method": "tls_client_auth", **named},
        {"token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": Signer().jwks()},
        {"tls_client_certificate_bound_access_tokens": True},
    ):
        answer = register(app.test_client(), **metadata)

        assert answer.status_code == 400
        assert answer.get_json()["error"] == "invalid_client_metadata"
        assert next(iter(metadata)) in answer.get_json()["error_description"]


# --- HD-5


BENT_HOSTS = [
    "evil.example",
    "localhost.evil.example",
    "localhost:8000.evil.example",
    "localhost:8000@evil.example",
    "evil.example#localhost",
    "localhost:evil",
    "127.0.0.1.evil.example",
    "",
    "localhost/../evil",
    "localhost:8000, evil.example",
    "[::1].evil.example",
    "localhost%00",
]


@pytest.mark.parametrize("path", [OPENID, "/masuk", "/token", "/kendala"])
def test_hd_5_a_foreign_host_is_refused_before_routing(browser: FlaskClient, path: str) -> None:
    for host in BENT_HOSTS:
        response = browser.get(path, headers={"Host": host})
        assert response.status_code == 421, host
        assert not response.data


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Host": "evil.example"},
        {"Forwarded": "host=evil.example;proto=https"},
        {"X-Forwarded-Proto": "https", "X-Forwarded-Port": "444"},
        {"X-Original-URL": "/evil", "X-Rewrite-URL": "/evil"},
        {"Host": "127.0.0.1:9999"},
        {"Host": "LOCALHOST:8000"},
        {"X-Forwarded-Prefix": "/evil", "X-Forwarded-For": "evil"},
    ],
)
def test_hd_5_no_address_is_made_of_what_a_caller_says(
    browser: FlaskClient, headers: dict[str, str]
) -> None:
    plain = browser.get(OPENID).data

    assert browser.get(OPENID, headers=headers).data == plain


def test_hd_5_a_deployment_may_name_further_hosts(make_app) -> None:
    app: Application = make_app(
        SIAPKERJA_ISSUER="https://akun.example", SIAPKERJA_HTTP_ALLOWED_HOSTS="dalam.example:8443"
    )
    browser = app.test_client()

    assert browser.get(OPENID, headers={"Host": "akun.example"}).status_code == 200
    found = browser.get(OPENID, headers={"Host": "dalam.example:8443"}).get_json()
    assert found["token_endpoint"] == "https://akun.example/token"
    assert browser.get(OPENID, headers={"Host": "dalam.example"}).status_code == 421
