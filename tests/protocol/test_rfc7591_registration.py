"""Clients that register themselves (RFC 7591, OpenID Connect Dynamic Client Registration)."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from idp.commands import main
from idp.domain.ids import decode_base64url
from idp.domain.protocol.client import ClientStatus
from idp.wiring import Given
from tests.conftest import BASE, environment
from tests.dynamic import a_key, a_registration, register
from tests.fakes import NOW, FixedClock
from tests.key_server import KeyServer, running_key_server
from tests.keyed import KeyedPortal
from tests.portal import CALLBACK, ISSUER, an_account, sign_in
from tests.racing import at_once
from tests.signing import Signer, compact

OPEN = {
    "SIAPKERJA_OAUTH_REGISTRATION": "open",
    "SIAPKERJA_LIMITS_FACTOR": "1000",
    "SIAPKERJA_HTTP_TRUSTED_PROXIES": "127.0.0.1",
    "SIAPKERJA_HTTP_CLIENT_CERT_HEADER": "X-Client-Cert",
}


@pytest.fixture
def app(make_app: Callable[..., Application]) -> Application:
    return make_app(**OPEN)


@pytest.fixture
def person(app: Application, browser: FlaskClient) -> None:
    sign_in(app, browser, an_account(app))


def refused(
    response: TestResponse, error: str = "invalid_client_metadata", why: object = ""
) -> None:
    assert response.status_code == 400, (why, response.text)
    assert response.get_json()["error"] == error, (why, response.text)
    assert response.headers["Cache-Control"] == "no-store"


# --- §3.2.1: what is told


def test_a_client_that_says_little_gets_the_defaults(browser: FlaskClient) -> None:
    """§2 and OpenID Connect Registration §2."""
    answer = browser.post("/register", json={"redirect_uris": [CALLBACK]})

    assert (answer.status_code, answer.content_type) == (201, "application/json")
    assert answer.headers["Cache-Control"] == "no-store"
    told = answer.get_json()
    assert len(told["client_secret"]) == 43
    assert told["client_secret_expires_at"] == 0
    assert told["client_id_issued_at"] == NOW
    assert told["redirect_uris"] == [CALLBACK]
    assert told["token_endpoint_auth_method"] == "client_secret_basic"
    assert told["grant_types"] == ["authorization_code", "refresh_token"]
    assert told["response_types"] == ["code"]
    assert told["application_type"] == "web"
    assert told["id_token_signed_response_alg"] == "RS256"
    assert told["registration_client_uri"] == f"{ISSUER}/register/{told['client_id']}"
    assert len(told["registration_access_token"]) == 43


@pytest.mark.parametrize("use", ["id_token", "userinfo", "authorization", "introspection"])
def test_what_a_registration_leaves_to_us_about_encryption_is_told(
    browser: FlaskClient, use: str
) -> None:
    """OpenID Connect Registration §2 and §3.2: the default of the content algorithm."""
    sent = {
        "redirect_uris": [CALLBACK],
        "jwks": {"keys": [a_key("RSA")]},
        f"{use}_encrypted_response_alg": "RSA-OAEP",
    }

    told = browser.post("/register", json=sent).get_json()

    assert told[f"{use}_encrypted_response_enc"] == "A128CBC-HS256"


def test_what_was_registered_works_at_once(
    app: Application, browser: FlaskClient, person: None
) -> None:
    portal = a_registration(app, browser).portal()

    tokens = portal.tokens(scope="openid email")

    assert portal.claims(tokens["id_token"])["aud"] == portal.client_id
    assert portal.userinfo(tokens["access_token"]).get_json()["email"] == "budi1@contoh.id"


def test_every_client_gets_a_name_and_a_secret_of_its_own(
    app: Application, browser: FlaskClient
) -> None:
    told = [register(browser, client_id="mine", client_secret="s" * 43).get_json() for _ in "ab"]

    assert len({t["client_id"] for t in told} | {"mine"}) == 3
    assert len({t["client_secret"] for t in told} | {"s" * 43}) == 3


@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("client_secret_basic", {}),
        ("client_secret_post", {}),
        ("private_key_jwt", {"jwks": {"keys": [a_key()]}}),
        ("tls_client_auth", {"tls_client_auth_san_dns": "portal.example"}),
        ("self_signed_tls_client_auth", {"jwks": {"keys": [a_key("RSA")]}}),
        ("none", {}),
    ],
)
def test_each_method_is_registered_and_only_secrets_are_told(
    browser: FlaskClient, method: str, more: dict[str, Any]
) -> None:
    told = register(browser, token_endpoint_auth_method=method, **more).get_json()

    assert told["token_endpoint_auth_method"] == method
    assert ("client_secret" in told) == method.startswith("client_secret")
    assert ("client_secret_expires_at" in told) == method.startswith("client_secret")


def test_human_readable_members_may_come_by_language(browser: FlaskClient) -> None:
    """§2.2."""
    words = {
        "client_name": "Portal",
        "client_name#id": "Portal Kerja",
        "client_name#en-GB": "Work portal",
        "tos_uri#id": "https://portal.example/syarat",
    }

    told = register(browser, **words).get_json()

    assert {name: told[name] for name in words} == words
    for bad in ("client_name#", "client_name#x y", "client_name#id#en"):
        response = register(browser, **{bad: "x"})
        assert response.status_code == 400 or bad not in response.get_json(), bad


def test_unknown_members_are_dropped(browser: FlaskClient) -> None:
    """§2: the server ignores what it does not understand."""
    told = register(browser, example_extension="x", redirect_uri="https://evil.example").get_json()

    assert "example_extension" not in told
    assert "redirect_uri" not in told


def test_a_null_counts_as_left_out(browser: FlaskClient) -> None:
    """RFC 7592 §2.2 says so of updates."""
    answer = browser.post(
        "/register", json={"redirect_uris": [CALLBACK], "logo_uri": None, "jwks": None}
    )

    assert answer.status_code == 201
    assert "jwks" not in answer.get_json()


# --- who may register


def test_where_it_is_closed_nobody_registers(make_app: Callable[..., Application]) -> None:
    app = make_app()
    browser = app.test_client()
    token = app.wiring.services.clients.make_initial_access_token(note="x", life_seconds=60)

    for answer in (register(browser), register(browser, token)):
        assert (answer.status_code, answer.get_json()["error"]) == (403, "access_denied")
    document = browser.get("/.well-known/openid-configuration").get_json()
    assert "registration_endpoint" not in document


def test_where_it_is_open_metadata_says_where(browser: FlaskClient) -> None:
    document = browser.get("/.well-known/openid-configuration").get_json()

    assert document["registration_endpoint"] == f"{ISSUER}/register"


@pytest.fixture
def guarded(make_app: Callable[..., Application]) -> Application:
    """A provider where only the bearer of an initial access token registers."""
    return make_app(SIAPKERJA_OAUTH_REGISTRATION="token", SIAPKERJA_LIMITS_FACTOR="1000")


def a_token(app: Application, life_seconds: int = 3600) -> str:
    clients = app.wiring.services.clients
    return clients.make_initial_access_token(note="tim portal", life_seconds=life_seconds)


def challenged(response: TestResponse) -> None:
    assert (response.status_code, response.get_json()["error"]) == (401, "invalid_token")
    assert response.headers["WWW-Authenticate"].startswith("Bearer ")


def test_oa_23_an_initial_access_token_registers_one_client(guarded: Application) -> None:
    browser, token = guarded.test_client(), a_token(guarded)

    assert register(browser, token).status_code == 201
    challenged(register(browser, token))
    challenged(register(browser))


def test_an_operator_makes_the_token_by_command(
    make_app: Callable[..., Application], database_url: str
) -> None:
    with environment(**BASE, SIAPKERJA_DATABASE_URL=database_url):
        done = CliRunner().invoke(main, ["--json", "client", "initial-token", "--note", "tim"])
    told = json.loads(done.stdout)
    # the command's clock is the real one
    app = make_app(Given(), SIAPKERJA_OAUTH_REGISTRATION="token")

    assert (done.exit_code, told["expires_in"]) == (0, 86400)
    assert register(app.test_client(), told["initial_access_token"]).status_code == 201


@pytest.mark.parametrize("spelling", ["{}x", "x{}", " ", "", "{} ", "Basic"])
def test_oa_23_what_is_no_initial_access_token_registers_nothing(
    guarded: Application, spelling: str
) -> None:
    browser, token = guarded.test_client(), a_token(guarded)
    header = {"Authorization": f"Bearer {spelling.format(token)}"}

    answer = browser.post("/register", json={"redirect_uris": [CALLBACK]}, headers=header)

    if spelling == "{} ":
        # blanks around a credential are no part of it (RFC 9110 §5.6.3)
        assert answer.status_code == 201
    else:
        challenged(answer)


def test_oa_23_an_initial_access_token_ends(guarded: Application, clock: FixedClock) -> None:
    token = a_token(guarded, life_seconds=60)
    clock.move(60)

    challenged(register(guarded.test_client(), token))


def test_oa_23_a_token_in_the_url_is_none(guarded: Application) -> None:
    browser, token = guarded.test_client(), a_token(guarded)

    answer = browser.post(f"/register?access_token={token}", json={"redirect_uris": [CALLBACK]})

    assert answer.status_code in {400, 401}
    assert register(browser, token).status_code == 201


def test_a_mistake_in_the_metadata_does_not_cost_the_token(guarded: Application) -> None:
    browser, token = guarded.test_client(), a_token(guarded)
    refused(register(browser, token, redirect_uris=[]), "invalid_redirect_uri")

    assert register(browser, token).status_code == 201


def test_a_stranger_learns_nothing_and_makes_us_fetch_nothing(guarded: Application) -> None:
    """Without the token the body is not even read."""
    browser = guarded.test_client()

    challenged(register(browser, redirect_uris=["javascript:alert(1)"]))
    challenged(browser.post("/register", data=b"{" * 60000))


def test_oa_23_one_token_eight_times_at_once_registers_one_client(
    make_app: Callable[..., Application], guarded: Application
) -> None:
    twin = make_app(SIAPKERJA_OAUTH_REGISTRATION="token", SIAPKERJA_LIMITS_FACTOR="1000")
    for _ in range(3):
        token = a_token(guarded)

        def call(app: Application, token: str = token) -> int:
            return register(app.test_client(), token).status_code

        calls = [lambda app=app: call(app) for app in [guarded, twin] * 4]
        assert sorted(at_once(calls)) == [201] + [401] * 7


def test_oa_23_ten_registrations_an_hour_come_from_one_address(
    make_app: Callable[..., Application], clock: FixedClock
) -> None:
    browser = make_app(SIAPKERJA_OAUTH_REGISTRATION="open").test_client()

    statuses = [register(browser).status_code for _ in range(12)]

    assert statuses == [201] * 10 + [429] * 2
    assert "Retry-After" in register(browser).headers
    browser.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    assert register(browser).status_code == 201
    browser.environ_base["REMOTE_ADDR"] = "127.0.0.1"
    clock.move(3600)
    assert register(browser).status_code == 201


# --- what an unreviewed client may have


def test_oa_23_what_an_operator_decides_a_stranger_does_not(browser: FlaskClient) -> None:
    decided = {
        "first_party": True,
        "profile": "fapi2",
        "acr_floor": "urn:kemnaker:aal:3",
        "ial_floor": 0,
        "optional_scopes": ["email"],
        "resources": ["https://jkp.example"],
        "default_resource": "https://jkp.example",
        "serves": [ISSUER],
        "exchange_audiences": ["https://jkp.example"],
        "access_token_format": "opaque",
        "assertion_audience": "any",
        "owner": "Kementerian Ketenagakerjaan",
    }

    told = register(browser, **decided).get_json()

    assert told.pop("profile") == "baseline"
    assert not set(decided) & set(told)


def test_pd_3_an_unreviewed_client_gets_no_nik(
    app: Application, browser: FlaskClient, person: None
) -> None:
    registration = a_registration(app, browser, scope="openid nik email jkp.read")

    assert registration.told["scope"].split() == ["openid", "email"]
    portal = registration.portal()
    answer = portal.start(scope="openid nik")
    assert "error" in answer.headers["Location"] or answer.status_code == 303
    code = portal.authorize(scope="openid email")
    assert "nik" not in portal.redeem(code).get_json()["scope"].split()


def test_oa_1_an_unreviewed_client_exchanges_no_tokens(browser: FlaskClient) -> None:
    grant = "urn:ietf:params:oauth:grant-type:token-exchange"

    refused(register(browser, grant_types=["authorization_code", grant]))


@pytest.mark.parametrize("grant", ["implicit", "password", "x", "authorization code"])
def test_oa_1_grants_that_do_not_exist_are_not_registered(browser: FlaskClient, grant: str) -> None:
    refused(register(browser, grant_types=[grant]))


@pytest.mark.parametrize(
    "types", [["token"], ["id_token"], ["code id_token"], ["code", "token"], ["none"], "code"]
)
def test_oa_1_response_types_that_do_not_exist_are_not_registered(
    browser: FlaskClient, types: object
) -> None:
    refused(register(browser, response_types=types))


def test_in_production_a_client_waits_for_an_administrator(
    make_app: Callable[..., Application], clock: FixedClock
) -> None:
    app = make_app(
        SIAPKERJA_ENV="production",
        SIAPKERJA_ISSUER="https://login.siapkerja.example",
        SIAPKERJA_HTTP_ALLOWED_HOSTS="localhost",
        SIAPKERJA_OAUTH_REGISTRATION="token",
    )
    browser = app.test_client()
    told = register(browser, a_token(app)).get_json()
    basic = b64encode(f"{told['client_id']}:{told['client_secret']}".encode()).decode()
    header = {"Authorization": f"Basic {basic}"}

    def push() -> int:
        return browser.post("/par", data={"scope": "openid"}, headers=header).status_code

    assert push() == 401
    app.wiring.services.clients.activate(told["client_id"])
    assert push() == 400


# --- OA-23: addresses

BAD_URIS = [
    "",
    " ",
    "portal",
    "/cb",
    "//portal.example/cb",
    "portal.example/cb",
    "http://portal.example/cb",
    "HTTP://portal.example/cb",
    "ftp://portal.example/cb",
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "vbscript:x",
    "blob:https://portal.example/x",
    "https://",
    "https:///cb",
    "https://:443/cb",
    "https://?x",
    "https:portal.example",
    "https://user@portal.example/cb",
    "https://user:word@portal.example/cb",
    "https://portal.example:99999/cb",
    "https://portal.example:x/cb",
    "https://portal.example\\cb",
    "https://portal.example/../cb",
    "https://portal.example/%2e%2e/cb",
    "https://portal.example/a b",
    "https://portal.example/cb%",
    "https://portal.example/cb%zz",
    "https://portal.example/cb\r\nX: 1",
    "https://portal.example/cb\x00",
    "https://portal.example/\u0430",
    "https://portal.exam\u0440le/cb",
    "https://portal..example/cb",
    "https://-portal.example/cb",
    "https://[::1/cb",
    "https://portal.example/<script>",
    'https://portal.example/"x',
    f"https://portal.example/{'x' * 2048}",
]
FIELDS = [
    "client_uri",
    "logo_uri",
    "policy_uri",
    "tos_uri",
    "jwks_uri",
    "sector_identifier_uri",
    "initiate_login_uri",
    "backchannel_logout_uri",
    "backchannel_client_notification_endpoint",
]
LISTS = ["redirect_uris", "post_logout_redirect_uris", "request_uris"]


@pytest.mark.parametrize("field", FIELDS + LISTS)
def test_oa_23_no_bad_address_is_registered(browser: FlaskClient, field: str) -> None:
    assert len(BAD_URIS) >= 25
    for uri in BAD_URIS:
        told = [uri] if field in LISTS else uri
        error = "invalid_redirect_uri" if field == "redirect_uris" else "invalid_client_metadata"
        response = register(browser, **{field: told})
        refused(response, error, (field, uri))
        assert field in response.get_json()["error_description"]
        assert uri.strip() not in response.text or len(uri) < 8


@pytest.mark.parametrize("field", FIELDS + LISTS)
def test_a_fragment_is_no_part_of_an_address_except_where_it_is_a_hash(
    browser: FlaskClient, field: str
) -> None:
    """OpenID Connect Registration §2: `request_uris` may carry the hash of their content."""
    for fragment in ("#", "#x"):
        uri = f"https://portal.example/x{fragment}"
        response = register(browser, **{field: [uri] if field in LISTS else uri})
        assert (response.status_code == 201) == (field == "request_uris"), (field, fragment)


@pytest.mark.parametrize("field", ["redirect_uris", "post_logout_redirect_uris"])
def test_an_application_on_a_device_has_a_scheme_of_its_own_name(
    browser: FlaskClient, field: str
) -> None:
    """RFC 8252 §7.1: a domain in reverse; a web application has none."""
    uri = "id.go.kemnaker.uji:/cb"
    redirects = {"redirect_uris": [uri]} if field == "redirect_uris" else {field: [uri]}

    native = register(browser, application_type="native", **redirects)
    web = register(browser, application_type="web", **redirects)

    assert native.status_code == 201
    assert web.status_code == 400
    assert register(browser, application_type="native", **{field: ["myapp:/cb"]}).status_code == 400


@pytest.mark.parametrize("field", FIELDS + LISTS)
def test_a_value_of_another_type_is_refused(browser: FlaskClient, field: str) -> None:
    for value in (1, True, {"x": 1}, [1], [["x"]], [None], {}, ["a"] * 21):
        response = register(browser, **{field: value})
        assert response.status_code == 400, (field, value)


# --- OA-23: keys

BAD_KEYS: list[object] = [
    None,
    "x",
    [],
    {},
    {"keys": None},
    {"keys": {}},
    {"keys": []},
    {"keys": ["x"]},
    {"keys": [None]},
    {"keys": [[]]},
    {"keys": [{}]},
    {"keys": [a_key(kty="oct", k="AAAA")]},
    {"keys": [a_key(kty="ec")]},
    {"keys": [a_key(kty=["EC"])]},
    {"keys": [a_key(x=None)]},
    {"keys": [a_key(y=None)]},
    {"keys": [a_key(crv=None)]},
    {"keys": [a_key(x=1)]},
    {"keys": [a_key(x="a+b/")]},
    {"keys": [a_key(x="")]},
    {"keys": [a_key(x="A" * 2000)]},
    {"keys": [a_key("RSA", n=None)]},
    {"keys": [a_key("RSA", e=None)]},
    {"keys": [a_key("OKP", x=None)]},
    {"keys": [a_key(kid=1)]},
    {"keys": [a_key(kid="k" * 513)]},
    {"keys": [a_key(kid="\n")]},
    {"keys": [a_key(alg=["ES256"])]},
    {"keys": [a_key(use=None, key_ops="verify")]},
    {"keys": [a_key(x5c="x")]},
    {"keys": [a_key(x5c=[1])]},
    {"keys": [a_key()] * 21},
]


def test_oa_23_what_is_no_set_of_public_keys_is_not_registered(browser: FlaskClient) -> None:
    for keys in BAD_KEYS[1:]:
        refused(register(browser, jwks=keys), why=keys)


@pytest.mark.parametrize("private", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
@pytest.mark.parametrize("kind", ["EC", "RSA", "OKP"])
def test_oa_23_a_private_key_is_refused_and_not_told_back(
    browser: FlaskClient, kind: str, private: str
) -> None:
    response = register(browser, jwks={"keys": [a_key(kind), a_key(kind, **{private: "c2VjcmV0"})]})

    refused(response)
    assert "key 2 holds a private or secret key" in response.get_json()["error_description"]
    assert "c2VjcmV0" not in response.text


def test_what_no_key_needs_is_dropped_from_it(browser: FlaskClient) -> None:
    described = a_key(kid="k1", use="sig", alg="ES256", x5t="abc", key_ops=["verify"])

    told = register(browser, jwks={"keys": [{**described, "note": {"deep": [1]}}]}).get_json()

    assert told["jwks"] == {"keys": [described]}


def test_keys_come_by_value_or_by_address(browser: FlaskClient) -> None:
    """§2: never both."""
    both = {"jwks": {"keys": [a_key()]}, "jwks_uri": "https://portal.example/jwks"}

    refused(register(browser, **both))
    for method in ("private_key_jwt", "self_signed_tls_client_auth"):
        refused(register(browser, token_endpoint_auth_method=method))


# --- OA-23: bodies


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"x", 400),
        (b"[]", 400),
        (b"null", 400),
        (b'"x"', 400),
        (b"1", 400),
        (b"{", 400),
        (b"{}", 400),
        (b'{"redirect_uris":["https://a.example"]', 400),
        (b"\xff\xfe", 400),
        (b'{"client_name":"\xff","redirect_uris":["https://a.example"]}', 400),
        (b'{"client_name":"\\ud800","redirect_uris":["https://a.example"]}', 400),
        (b'{"client_name":"\\u0000","redirect_uris":["https://a.example"]}', 400),
        (b'{"x":NaN,"redirect_uris":["https://a.example"]}', 400),
        (b'{"redirect_uris":["https://a.example"],"redirect_uris":["https://b.example"]}', 400),
        (b'{"x":-Infinity,"redirect_uris":["https://a.example"]}', 400),
        (b'{"default_max_age":1e999,"redirect_uris":["https://a.example"]}', 400),
        (b'{"default_max_age":' + b"9" * 5000 + b"}", 400),
        (b'{"redirect_uris":' + b"[" * 60000, 400),
        (b"[" * 30000 + b"]" * 30000, 400),
        (b'{"a":' * 12000, 400),
        (b'{"x":[[[[[[[[1]]]]]]]],"redirect_uris":["https://a.example"]}', 400),
        (b'{"x":"' + b"y" * 65536 + b'"}', 413),
        (b" " * 2 * 1024 * 1024, 413),
    ],
    ids=range(24),
)
def test_oa_23_a_body_that_is_no_metadata_is_refused(
    browser: FlaskClient, body: bytes, status: int
) -> None:
    answer = browser.post("/register", data=body, content_type="application/json")

    assert answer.status_code == status


def test_brackets_inside_a_text_are_no_nesting(browser: FlaskClient) -> None:
    assert register(browser, client_name='[{"' * 100).status_code == 201


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", "application/jwt", "json"]
)
def test_a_body_of_another_type_is_refused(browser: FlaskClient, kind: str) -> None:
    answer = browser.post(
        "/register", data=json.dumps({"redirect_uris": [CALLBACK]}), content_type=kind
    )

    assert (answer.status_code, answer.get_json()["error"]) == (415, "invalid_client_metadata")


def test_a_charset_beside_the_type_is_borne(browser: FlaskClient) -> None:
    kind = "application/json; charset=utf-8"

    answer = browser.post(
        "/register", data=json.dumps({"redirect_uris": [CALLBACK]}), content_type=kind
    )

    assert answer.status_code == 201


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_registration_is_a_post(browser: FlaskClient, method: str) -> None:
    answer = browser.open("/register", method=method)

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


SCALARS: dict[str, list[object]] = {
    "client_name": ["", " ", 1, ["x"], "x" * 1001, "a\nb", "a\u007f"],
    "contacts": ["x", [1], ["x"] * 51, [""]],
    "software_id": [1, ""],
    "application_type": ["desktop", 1, ["web"], ""],
    "scope": [1, ["openid"], "openid \u00e9", 'openid "x"', "x" * 1001],
    "token_endpoint_auth_method": ["client_secret_jwt", 1, ["none"], {"x": 1}, ""],
    "token_endpoint_auth_signing_alg": ["none", "HS256", ["ES256"], 1],
    "id_token_signed_response_alg": ["none", "HS256", ["ES256"], "es256"],
    "userinfo_signed_response_alg": ["none", "HS512", 1],
    "request_object_signing_alg": ["none", "HS256"],
    "id_token_encrypted_response_alg": ["RSA1_5", "dir", "A128KW", 1],
    "id_token_encrypted_response_enc": ["A128GCM", "x"],
    "subject_type": ["private", 1, ""],
    "default_max_age": [-1, 1.5, "1", True, 2**31],
    "require_auth_time": ["true", 1, 0],
    "default_acr_values": ["x", [1]],
    "backchannel_logout_session_required": ["true", 1],
    "require_pushed_authorization_requests": ["true", 1],
    "dpop_bound_access_tokens": ["true", 1],
    "tls_client_certificate_bound_access_tokens": ["true", 1],
    "backchannel_token_delivery_mode": ["push", 1],
    "authorization_details_types": [["x"], "x"],
    "software_statement": [1, ["x"], "x", "a.b.c", "x" * 20000],
}


@pytest.mark.parametrize("member", list(SCALARS))
def test_each_member_is_checked_and_named(browser: FlaskClient, member: str) -> None:
    for value in SCALARS[member]:
        response = register(browser, **{member: value})
        assert response.status_code == 400, (member, value, response.text)
        told = response.get_json()
        assert told["error"] in {"invalid_client_metadata", "invalid_software_statement"}
        if member != "software_statement":
            assert member in told["error_description"], (value, told)


CONTRADICTIONS: list[dict[str, Any]] = [
    {"redirect_uris": None},
    {"redirect_uris": []},
    {"grant_types": ["client_credentials"], "token_endpoint_auth_method": "none"},
    {"id_token_encrypted_response_alg": "RSA-OAEP"},
    {"id_token_encrypted_response_enc": "A128GCM", "jwks": {"keys": [a_key()]}},
    {"grant_types": ["urn:openid:params:grant-type:ciba"]},
    {
        "grant_types": ["urn:openid:params:grant-type:ciba"],
        "backchannel_token_delivery_mode": "ping",
    },
    {
        "grant_types": ["urn:openid:params:grant-type:ciba"],
        "backchannel_token_delivery_mode": "poll",
        "backchannel_user_code_parameter": True,
    },
    {"subject_type": "pairwise", "redirect_uris": ["https://a.example/", "https://b.example/"]},
]


@pytest.mark.parametrize("metadata", CONTRADICTIONS, ids=str)
def test_members_that_contradict_one_another_are_refused(
    browser: FlaskClient, metadata: dict[str, Any]
) -> None:
    response = register(browser, **metadata)

    assert response.status_code == 400
    assert response.get_json()["error"] in {"invalid_client_metadata", "invalid_redirect_uri"}


# --- §2.3: software statements


@pytest.fixture
def issuer() -> Signer:
    return Signer("ES256", "vouching")


@pytest.fixture
def vouching(make_app: Callable[..., Application], issuer: Signer, tmp_path: Path) -> FlaskClient:
    """A provider that trusts one issuer of statements."""
    written = tmp_path / "issuers.json"
    written.write_text(json.dumps({"https://vouch.example": issuer.jwks()}))
    return make_app(**OPEN, SIAPKERJA_OAUTH_STATEMENT_ISSUERS=str(written)).test_client()


def a_statement(issuer: Signer, **claims: Any) -> str:
    told = {
        "iss": "https://vouch.example",
        "iat": NOW,
        "software_id": "4NRB1-0XZABZI9E6-5SM3R",
        "client_name": "Portal Terjamin",
        "redirect_uris": ["https://vouched.example/cb"],
        **claims,
    }
    return issuer.sign({name: value for name, value in told.items() if value is not None})


def test_a_statement_rules_over_what_stands_beside_it(
    vouching: FlaskClient, issuer: Signer
) -> None:
    statement = a_statement(issuer)

    told = register(
        vouching, client_name="Portal Palsu", software_statement=statement, tos_uri="https://a.id/"
    ).get_json()

    assert told["client_name"] == "Portal Terjamin"
    assert told["redirect_uris"] == ["https://vouched.example/cb"]
    assert told["software_id"] == "4NRB1-0XZABZI9E6-5SM3R"
    assert told["tos_uri"] == "https://a.id/"
    assert told["software_statement"] == statement


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW - 11},
        {"exp": "soon"},
        {"exp": True},
        {"nbf": NOW + 60},
        {"iat": NOW + 60},
        {"iat": [1]},
    ],
    ids=str,
)
def test_a_statement_out_of_its_time_is_refused(
    vouching: FlaskClient, issuer: Signer, claims: dict[str, Any]
) -> None:
    statement = a_statement(issuer, **claims)

    refused(register(vouching, software_statement=statement), "invalid_software_statement")


def test_a_statement_does_not_lift_the_policy(vouching: FlaskClient, issuer: Signer) -> None:
    statement = a_statement(issuer, scope="openid nik", first_party=True, profile="fapi2")

    told = register(vouching, software_statement=statement).get_json()

    assert told["scope"] == "openid"
    assert "first_party" not in told
    assert told["profile"] == "baseline"
    bad = a_statement(issuer, redirect_uris=["http://vouched.example/cb"])
    refused(register(vouching, software_statement=bad), "invalid_redirect_uri")


def test_a_statement_of_a_stranger_is_not_approved(vouching: FlaskClient, issuer: Signer) -> None:
    for iss in ("https://evil.example", None, 1, ["https://vouch.example"]):
        statement = a_statement(issuer, iss=iss)
        response = register(vouching, software_statement=statement)
        refused(response, "unapproved_software_statement", iss)


def test_oa_10_a_forged_statement_is_invalid(vouching: FlaskClient, issuer: Signer) -> None:
    stranger = Signer("ES256", "vouching")
    claims = {"iss": "https://vouch.example", "redirect_uris": ["https://evil.example/cb"]}
    public = json.dumps(issuer.public()).encode()
    good = a_statement(issuer)
    head, payload, signature = good.split(".")
    forged = {
        "none": compact({"alg": "none"}, claims, None),
        "a stranger": stranger.sign(claims),
        "a stranger in jwk": stranger.sign(claims, jwk=stranger.public()),
        "jku": stranger.sign(claims, jku="https://evil.example/keys"),
        "HS256": compact({"alg": "HS256"}, claims, public),
        "crit": issuer.sign(claims, crit=["exp"]),
        "b64": issuer.sign(claims, b64=False),
        "another alg": compact({"alg": "ES384"}, claims, issuer.key, "ES256"),
        "no signature": f"{head}.{payload}.",
        "cut": f"{head}.{payload}",
        "reversed": f"{head}.{payload}.{signature[::-1]}",
    }
    for name, statement in forged.items():
        response = register(vouching, software_statement=statement)
        refused(response, "invalid_software_statement", name)


# --- what the OpenID Foundation's Dynamic OP plan registers, and expects


@pytest.fixture
def publishing() -> Iterator[KeyServer]:
    """The client's own web server."""
    with running_key_server() as server:
        yield server


@pytest.fixture
def fetching(make_app: Callable[..., Application], publishing: KeyServer) -> Application:
    return make_app(
        **OPEN, SIAPKERJA_FETCH_PRIVATE_HOSTS=publishing.host, SIAPKERJA_OAUTH_REQUEST_URI="on"
    )


def signing(app: Application, browser: FlaskClient, signer: Signer, **metadata: Any) -> KeyedPortal:
    """Register a client that authenticates by its key, as that plan does throughout."""
    given = {"token_endpoint_auth_method": "private_key_jwt", **metadata}
    if "jwks_uri" not in given:
        given["jwks"] = signer.jwks()
    made = a_registration(app, browser, **given).portal()
    return KeyedPortal(app, browser, made.client, None, signer=signer)


@pytest.mark.parametrize("alg", ["RS256", "ES256", "PS256"])
def test_the_registered_algorithm_signs_the_id_token_and_userinfo(
    app: Application, browser: FlaskClient, person: None, alg: str
) -> None:
    portal = signing(
        app,
        browser,
        Signer("RS256"),
        id_token_signed_response_alg=alg,
        userinfo_signed_response_alg=alg,
    )

    tokens = portal.tokens()
    told = portal.userinfo(tokens["access_token"])

    assert told.content_type == "application/jwt"
    for token in (tokens["id_token"], told.text):
        head = json.loads(decode_base64url(token.split(".")[0]))
        assert head["alg"] == alg
        assert portal.claims(token)["aud"] == portal.client_id


def test_a_client_rotates_its_keys_at_its_own_address(
    fetching: Application, publishing: KeyServer, clock: FixedClock
) -> None:
    """`oidcc-registration-jwks-uri`, then `oidcc-refresh-token-rp-key-rotation`: one address."""
    browser = fetching.test_client()
    sign_in(fetching, browser, an_account(fetching))
    for _ in range(2):
        old, new = Signer("RS256", "old"), Signer("RS256", "new")
        publishing.document = old.jwks()
        portal = signing(fetching, browser, old, jwks_uri=publishing.url)
        tokens = portal.tokens(scope="openid offline_access", prompt="consent")
        publishing.document = new.jwks()
        clock.move(60)
        portal.signer = new

        assert portal.refresh(tokens["refresh_token"]).status_code == 200


def test_a_sector_must_name_every_address(fetching: Application, publishing: KeyServer) -> None:
    """`oidcc-registration-sector-uri`, then `-sector-bad`, at one address in one minute."""
    browser = fetching.test_client()
    sector = f"http://{publishing.host}/redirect_uris.json"
    given = {"subject_type": "pairwise", "sector_identifier_uri": sector}
    publishing.document = [CALLBACK, "https://other.example/cb"]
    assert register(browser, **given).status_code == 201
    both = ["https://other.example/cb", CALLBACK]
    assert register(browser, **given, redirect_uris=both).status_code == 201

    for bad in (["https://other.example/cb"], [], {}, None, "x", [CALLBACK + "/"], [1, None]):
        publishing.document = bad
        refused(register(browser, **given), why=bad)
    publishing.document, publishing.status = [CALLBACK], 404
    refused(register(browser, **given))


def test_oa_22_clients_of_one_sector_know_a_person_by_one_name(
    fetching: Application, publishing: KeyServer
) -> None:
    browser = fetching.test_client()
    sign_in(fetching, browser, an_account(fetching))
    publishing.document = ["https://a.example/cb", "https://b.example/cb"]
    given = {"subject_type": "pairwise", "token_endpoint_auth_method": "none"}
    sector = {"sector_identifier_uri": f"http://{publishing.host}/s.json"}
    subjects = []
    for uri, more in (
        ("https://a.example/cb", sector),
        ("https://b.example/cb", sector),
        ("https://b.example/cb", {}),
        ("https://a.example/cb", {}),
        ("https://a.example/other", {}),
    ):
        made = a_registration(fetching, browser, redirect_uris=[uri], **given, **more).portal()
        made.callback = uri
        tokens = made.tokens()
        subject = made.claims(tokens["id_token"])["sub"]
        assert made.userinfo(tokens["access_token"]).get_json()["sub"] == subject
        subjects.append(subject)

    assert subjects[0] == subjects[1]
    assert subjects[3] == subjects[4]
    assert len(set(subjects)) == 3


def test_a_redirect_uri_may_carry_a_query(
    app: Application, browser: FlaskClient, person: None
) -> None:
    """`oidcc-redirect-uri-query-OK`, `-query-mismatch`, `-query-added`."""
    uri = f"{CALLBACK}?foo=bar"
    portal = a_registration(app, browser, redirect_uris=[uri]).portal()
    portal.callback = uri
    answer = portal.start()
    while answer.headers["Location"].startswith("/"):
        answer = portal._next(answer.headers["Location"])

    assert answer.headers["Location"].startswith(f"{uri}&")
    for bent in (CALLBACK, f"{CALLBACK}?foo=baz", f"{uri}&x=y", f"{CALLBACK}?foo=bar&foo=bar"):
        response = portal.start(redirect_uri=bent)
        assert (response.status_code, "Location" in response.headers) == (400, False), bent


def test_a_request_without_redirect_uri_is_an_error(
    app: Application, browser: FlaskClient, person: None
) -> None:
    """`oidcc-ensure-redirect-uri-in-authorization-request`: also where only one is registered."""
    response = a_registration(app, browser).portal().start(redirect_uri=None)

    assert (response.status_code, "Location" in response.headers) == (400, False)


@pytest.mark.parametrize("fragment", ["", "#47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"])
def test_a_signed_request_behind_a_registered_address_is_used(
    fetching: Application, publishing: KeyServer, fragment: str
) -> None:
    """`oidcc-request-uri-signed-rs256`: the plan's fragments are random, hashes of nothing."""
    browser = fetching.test_client()
    sign_in(fetching, browser, an_account(fetching))
    address = f"http://{publishing.host}/request.jwt{fragment}"
    portal = signing(
        fetching,
        browser,
        Signer("RS256"),
        request_uris=[address],
        request_object_signing_alg="RS256",
    )
    assert portal.client.metadata["request_uris"] == [address]
    claims = {
        "iss": portal.client_id,
        "aud": ISSUER,
        "client_id": portal.client_id,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid",
        "state": "inside",
        "nonce": "inside",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
        "exp": NOW + 300,
        "nbf": NOW,
    }
    publishing.raw = portal.signer.sign(claims).encode()

    answer = portal.start(request_uri=address, state="outside", redirect_uri="https://evil.example")
    while answer.headers["Location"].startswith("/"):
        answer = portal._next(answer.headers["Location"])

    assert portal.answer(answer)["state"] == "inside"


@pytest.mark.parametrize("member", ["policy_uri", "tos_uri"])
def test_the_pages_link_what_the_client_promises(
    app: Application, browser: FlaskClient, member: str
) -> None:
    """`oidcc-registration-policy-uri`, `-tos-uri`: on sign-in and consent pages alike."""
    portal = a_registration(app, browser, **{member: "https://portal.example/janji"}).portal()
    login = browser.get(portal.start().headers["Location"])
    assert 'href="https://portal.example/janji"' in login.text
    sign_in(app, browser, an_account(app))

    consent = browser.get(portal.start().headers["Location"])

    assert 'href="https://portal.example/janji"' in consent.text


def test_the_issuer_is_found_by_an_address(browser: FlaskClient) -> None:
    """`oidcc-discovery-webfinger` (OpenID Connect Discovery §2.1, RFC 7033 §4)."""
    relation = "http://openid.net/specs/connect/1.0/issuer"
    for resource in (
        "acct:budi@localhost:8000",
        "http://localhost:8000",
        "http://localhost:8000/budi",
    ):
        answer = browser.get(
            "/.well-known/webfinger", query_string={"resource": resource, "rel": relation}
        )
        assert answer.status_code == 200, resource
        assert answer.content_type == "application/jrd+json"
        assert answer.get_json() == {
            "subject": resource,
            "links": [{"rel": relation, "href": ISSUER}],
        }


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 400),
        ({"resource": ""}, 400),
        ({"resource": "acct:budi@evil.example"}, 404),
        ({"resource": "acct:budi"}, 404),
        ({"resource": "https://evil.example/"}, 404),
        ({"resource": "http://localhost:8000@evil.example/"}, 404),
        ({"resource": "http://[::1"}, 404),
        ({"resource": "budi"}, 404),
    ],
    ids=str,
)
def test_an_address_that_is_not_ours_is_not_answered_for(
    browser: FlaskClient, query: dict[str, str], status: int
) -> None:
    assert browser.get("/.well-known/webfinger", query_string=query).status_code == status


# --- afterwards


def test_what_was_registered_is_on_the_books(app: Application, browser: FlaskClient) -> None:
    told = register(browser).get_json()

    found = app.wiring.services.clients.get(told["client_id"])
    assert found.status is ClientStatus.ACTIVE
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM audit_event").fetchall()
        assert [row for row in rows if told["client_id"] in repr(row)]
        for table in ("client", "client_secret", "client_version", "audit_event"):
            kept = repr(connection.exec_driver_sql(f"SELECT * FROM {table}").fetchall())  # noqa: S608 - names of our own tables
            assert told["client_secret"] not in kept
            assert told["registration_access_token"] not in kept
