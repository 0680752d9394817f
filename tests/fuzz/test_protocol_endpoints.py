"""Rubbish at every endpoint for clients: zero 500, zero traces (OA-21, OA-4, IN-2)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from idp.app import Application
from idp.oidc import endpoints
from idp.oidc.grants import GRANTS
from tests.bad_input import bent, check_error, encoded, times, values, words
from tests.keyed import KeyedPortal, a_keyed_portal
from tests.portal import CALLBACK, CHALLENGE, VERIFIER, a_portal, an_account, sign_in
from tests.proofs import Holder
from tests.signing import ASSERTION_TYPE

pytestmark = pytest.mark.fuzz

FORM = "application/x-www-form-urlencoded"
EVERYTHING = "openid profile email phone address offline_access nik"
NAMES = sorted(
    {name for grant in GRANTS.values() for name in grant.PARAMETERS}
    | set(
        words(
            "client_id client_secret client_assertion client_assertion_type response_type "
            "response_mode redirect_uri scope state nonce prompt max_age ui_locales "
            "id_token_hint login_hint acr_values claims request request_uri registration "
            "code_challenge code_challenge_method dpop_jkt resource audience "
            "authorization_details token token_type_hint binding_message user_code "
            "login_hint_token requested_expiry client_notification_token "
            "post_logout_redirect_uri logout_hint grant_type requested_token_type display"
        )
    )
)
CONTENT_TYPES = [
    FORM,
    f"{FORM}; charset=utf-16",
    "application/json",
    "multipart/form-data; boundary=x",
    "text/plain",
    "",
    "\x7f",
]


@dataclass
class World:
    """A running provider with good tokens of everything, and the good forms of every endpoint."""

    app: Application
    browser: FlaskClient
    portal: Any
    keyed: KeyedPortal
    tokens: dict[str, str]
    forms: dict[str, dict[str, str]]

    @property
    def known(self) -> list[str]:
        return [*self.tokens.values(), self.portal.client_id, self.keyed.client_id, CALLBACK]


@pytest.fixture
def world(make_app: Callable[..., Application]) -> World:
    app = make_app(
        SIAPKERJA_LIMITS_FACTOR="1000000",
        SIAPKERJA_OAUTH_REGISTRATION="open",
        SIAPKERJA_OAUTH_PKCE="public",
    )
    browser = app.test_client()
    sign_in(app, browser, an_account(app))
    given_ = {
        "scope": EVERYTHING,
        "grant_types": sorted(GRANTS),
        "first_party": True,
        "backchannel_token_delivery_mode": "poll",
    }
    portal = a_portal(app, browser, token_endpoint_auth_method="client_secret_post", **given_)
    keyed = a_keyed_portal(app, browser, **given_)
    tokens = portal.tokens(scope="openid profile offline_access")
    return World(app, browser, portal, keyed, _texts(portal, tokens), _forms(portal, keyed, tokens))


def _texts(portal: Any, tokens: dict[str, Any]) -> dict[str, str]:
    found = {k: v for k, v in tokens.items() if k.endswith("_token")}
    return {**found, "code": portal.authorize(), "proof": Holder().proof()}


def _forms(portal: Any, keyed: KeyedPortal, tokens: dict[str, Any]) -> dict[str, dict[str, str]]:
    who = {"client_id": portal.client_id, "client_secret": portal.secret}
    by_key = {
        "client_id": keyed.client_id,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": keyed.assertion(),
    }
    asked = {
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": "openid profile",
        "state": "st",
        "nonce": "no",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "prompt": "consent",
        "max_age": "100",
        "claims": '{"userinfo":{"name":null}}',
        "acr_values": "urn:kemnaker:aal:1",
    }
    exchange = "urn:ietf:params:oauth:token-type:access_token"
    return {
        "authorize": {"client_id": portal.client_id, **asked},
        "code": {
            **who, "grant_type": "authorization_code", "code": portal.authorize(),
            "redirect_uri": CALLBACK, "code_verifier": VERIFIER,
        },
        "refresh": {**who, "grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]},
        "machine": {**by_key, "grant_type": "client_credentials", "scope": "profile"},
        "exchange": {
            **who, "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": tokens["access_token"], "subject_token_type": exchange,
            "actor_token": tokens["access_token"], "actor_token_type": exchange,
        },
        "bearer": {
            **who, "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion": keyed.assertion(),
        },
        "device": {
            **who, "grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": "x",
        },
        "ciba": {**who, "grant_type": "urn:openid:params:grant-type:ciba", "auth_req_id": "x"},
        "revocation": {**who, "token": tokens["access_token"], "token_type_hint": "access_token"},
        "par": {**who, **asked},
        "device_authorization": {**who, "scope": "openid"},
        "backchannel_authentication": {
            **by_key, "scope": "openid", "login_hint": "budi1@contoh.id", "binding_message": "W4",
        },
        "end_session": {"id_token_hint": tokens["id_token"], "state": "x"},
        "userinfo": {"access_token": tokens["access_token"]},
    }  # fmt: skip


#: The good forms that an endpoint knows; an endpoint that takes none gets some all the same.
FORMS_AT = {
    "token": ("code", "refresh", "machine", "exchange", "bearer", "device", "ciba"),
    "introspection": ("revocation",),
    "jwks": ("userinfo",),
    "registration": ("par",),
}


def _headers(tokens: dict[str, str]) -> st.SearchStrategy[dict[str, str]]:
    rubbish = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30)
    credentials = st.one_of(rubbish, st.sampled_from(list(tokens.values())))
    schemes = st.sampled_from(["Bearer", "DPoP", "Basic", "basic", "", "Digest"])
    return st.fixed_dictionaries(
        {},
        optional={
            "Authorization": st.tuples(schemes, credentials).map(" ".join),
            "DPoP": credentials,
            "Accept": st.sampled_from(["*/*", "application/jwt", "x", ""]),
            "Origin": st.sampled_from(["https://portal.example", "null", "x"]),
            "Cookie": st.sampled_from(["sid=x; sid=y", "flow=\x01", "=;=;", "sid"]),
        },
    )


def test_oa_21_no_bent_request_at_any_endpoint_is_a_server_error(world: World) -> None:
    rows = [*endpoints.ENDPOINTS, endpoints.TRIAL]
    value = values(*world.known)

    @settings(max_examples=times(500, 20_000))
    @given(st.data())
    def run(data: st.DataObject) -> None:
        row = data.draw(st.sampled_from(rows))
        stems = FORMS_AT.get(row.name, (row.name,))
        good = world.forms.get(data.draw(st.sampled_from(stems)), {})
        pairs = data.draw(bent(good, NAMES, value))
        method = data.draw(st.sampled_from([*row.methods, *row.methods, "GET", "POST", "PUT"]))
        headers = data.draw(_headers(world.tokens))
        sent = encoded(pairs)
        if method == "GET":
            answer = world.browser.open(row.path, method=method, query_string=sent, headers=headers)
        else:
            kind = data.draw(st.sampled_from([FORM] * 6 + CONTENT_TYPES))
            answer = world.browser.open(
                row.path, method=method, data=sent.encode(), content_type=kind, headers=headers
            )
        check_error(answer, (row.path, method, sent, headers))

    run()


def test_oa_23_no_registration_document_is_a_server_error(world: World) -> None:
    leaf = st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20),
        st.sampled_from([CALLBACK, "ES256", "https://a.example/x", "code", "none", "jwt"]),
    )  # fmt: skip
    tree = st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
        ),
        max_leaves=6,
    )
    members = st.sampled_from(
        words(
            "redirect_uris jwks jwks_uri scope grant_types response_types "
            "token_endpoint_auth_method subject_type sector_identifier_uri "
            "id_token_signed_response_alg contacts client_name "
            "userinfo_encrypted_response_alg request_uris default_max_age "
            "require_auth_time logo_uri backchannel_logout_uri post_logout_redirect_uris "
            "authorization_details_types software_statement tls_client_auth_subject_dn "
            "backchannel_token_delivery_mode initiate_login_uri profile resources "
            "client_name#en dpop_bound_access_tokens"
        )
    )

    @settings(max_examples=times(80, 5_000))
    @given(st.dictionaries(members, tree, max_size=5), st.booleans())
    def run(document: dict[str, Any], with_uri: bool) -> None:
        given_ = {**({"redirect_uris": [CALLBACK]} if with_uri else {}), **document}
        check_error(world.browser.post("/register", json=given_), given_)

    run()


def described() -> dict[str, Any]:
    """Return an OpenAPI description of the endpoints, made from the registry."""
    text = {"type": "string"}
    form = {"type": "object", "properties": dict.fromkeys(NAMES, text)}
    body = {"content": {FORM: {"schema": form}}}
    query = [{"name": name, "in": "query", "schema": text} for name in NAMES]
    told: dict[str, Any] = {}
    for row in endpoints.ENDPOINTS:
        told[row.path] = {
            method.lower(): {
                "responses": {"default": {"description": "any"}},
                **({"parameters": query} if method == "GET" else {"requestBody": body}),
            }
            for method in row.methods
        }
    return {"openapi": "3.1.0", "info": {"title": "SIAPkerja ID", "version": "1"}, "paths": told}


def test_oa_21_schemathesis_finds_no_server_error(world: World) -> None:
    schema = schemathesis.openapi.from_dict(described())
    schema.app = world.app
    cases = st.one_of(*(found.ok().as_strategy() for found in schema.get_all_operations()))

    @settings(max_examples=times(40, 5_000))
    @given(cases)
    def run(case: schemathesis.Case) -> None:
        answer = case.call(base_url="http://localhost:8000")
        assert answer.status_code < 500, (case.path, case.query, case.body)

    run()
