"""OIDCC Basic OP, module by module, for a static and a dynamic client.

The suite's name of a module stands in the test's name, after `oidcc_`. Modules about unsigned
request objects are skipped by the suite, since `none` is in no list of the metadata; here they
have the other test that the suite has for that case: an error, and the right one.
"""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from idp.domain.ids import decode_base64url
from tests.conformance import CALLBACK, PERSON, SUITE, Answer, Suite, cause_of, is_error_page
from tests.fakes import FixedClock
from tests.portal import CHALLENGE, VERIFIER
from tests.signing import compact

#: OpenID Connect Core §5.4.
CLAIMS_OF_SCOPE = {
    "profile": {
        "name",
        "given_name",
        "family_name",
        "middle_name",
        "nickname",
        "preferred_username",
        "profile",
        "picture",
        "website",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
        "updated_at",
    },
    "email": {"email", "email_verified"},
    "address": {"address"},
    "phone": {"phone_number", "phone_number_verified"},
}
#: OpenID Connect Core §2, without `azp`: there is one audience.
SIGN_IN_CLAIMS = {"iss", "sub", "aud", "exp", "iat", "auth_time", "acr", "amr"}
BASIC = {"scope": "openid profile email address phone offline_access"}


@pytest.fixture(params=["static", "dynamic"])
def client(request: pytest.FixtureRequest, suite: Suite) -> dict[str, Any]:
    make = suite.static_client if request.param == "static" else suite.dynamic_client
    return make(**BASIC)


def is_answer(answer: Answer, *names: str, mode: str = "query") -> bool:
    """Return whether exactly these parameters came back, beside those of every answer."""
    wanted = {*names, "state", "iss"}
    assert answer.mode == mode
    assert set(answer.params) == wanted
    assert answer["state"] == "state-of-the-suite"
    return True


def test_oidcc_server(suite: Suite, client: dict[str, Any]) -> None:
    answer = suite.authorize(client)
    assert is_answer(answer, "code")
    response = suite.redeem(client, answer["code"])
    tokens = response.get_json()
    claims = suite.id_token(tokens)

    assert response.headers["Content-Type"].split(";")[0] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert tokens["token_type"].lower() == "bearer"
    assert tokens["expires_in"] > 0
    assert (claims["aud"], claims["nonce"]) == (client["client_id"], "nonce-of-the-suite")
    # the suite warns of every other name, where `openid` is all that was asked for
    assert set(claims) <= {*SIGN_IN_CLAIMS, "nonce", "at_hash", "sid"}
    assert suite.userinfo(tokens["access_token"]).get_json() == {"sub": claims["sub"]}
    assert suite.pages == ["/masuk", "/izin"]


def test_oidcc_response_type_missing(suite: Suite, client: dict[str, Any]) -> None:
    answer = suite.authorize(client, response_type=None)

    assert is_answer(answer, "error", "error_description")
    assert answer["error"] in {"invalid_request", "unsupported_response_type"}


def test_oidcc_idtoken_signature(suite: Suite, client: dict[str, Any]) -> None:
    """By the default algorithm, RS256, and with a `kid` that names a published key."""
    token = suite.tokens(client)["id_token"]
    header = json.loads(decode_base64url(token.partition(".")[0]))
    keys = {key["kid"]: key for key in suite.get("/jwks").get_json()["keys"]}

    assert header["alg"] == "RS256"
    assert keys[header["kid"]]["kty"] == "RSA"
    assert keys[header["kid"]]["use"] == "sig"


def test_oidcc_idtoken_unsigned(suite: Suite) -> None:
    """An algorithm `none` is refused when registering, and promised nowhere."""
    answer = suite.register(id_token_signed_response_alg="none")

    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_client_metadata")
    assert "none" not in suite.discovery["id_token_signing_alg_values_supported"]


def test_oidcc_userinfo_get(suite: Suite, client: dict[str, Any]) -> None:
    told = suite.userinfo(suite.tokens(client)["access_token"])

    assert (told.status_code, told.content_type.split(";")[0]) == (200, "application/json")


def test_oidcc_userinfo_post_header(suite: Suite, client: dict[str, Any]) -> None:
    token = suite.tokens(client)["access_token"]

    assert suite.post("/userinfo", Authorization=f"Bearer {token}").status_code == 200


def test_oidcc_userinfo_post_body(suite: Suite, client: dict[str, Any]) -> None:
    token = suite.tokens(client)["access_token"]

    assert suite.post("/userinfo", {"access_token": token}).status_code == 200


def test_oidcc_ensure_request_without_nonce_succeeds_for_code_flow(
    suite: Suite, client: dict[str, Any]
) -> None:
    assert "nonce" not in suite.id_token(suite.tokens(client, nonce=None))


@pytest.mark.parametrize("scope", [*CLAIMS_OF_SCOPE, "profile email address phone"])
def test_oidcc_scope(suite: Suite, client: dict[str, Any], scope: str) -> None:
    """Modules `scope-profile`, `-email`, `-address`, `-phone`, `-all`."""
    tokens = suite.tokens(client, scope=f"openid {scope}")
    wanted = set().union(*(CLAIMS_OF_SCOPE[name] for name in scope.split()))
    told = suite.userinfo(tokens["access_token"]).get_json()
    id_token = suite.id_token(tokens)

    assert set(told) == {"sub", *wanted}
    assert told["sub"] == id_token["sub"]
    for name in wanted - {"updated_at"}:
        assert told[name] == PERSON[name], name
    assert type(told.get("updated_at", 1)) is int
    # §5.4: where an access token is issued, they are at userinfo alone
    assert not wanted & set(id_token)


def test_oidcc_ensure_other_scope_order_succeeds(suite: Suite, client: dict[str, Any]) -> None:
    tokens = suite.tokens(client, scope="email openid")

    assert "id_token" in tokens
    assert "email" in suite.userinfo(tokens["access_token"]).get_json()


@pytest.mark.parametrize("display", ["page", "popup", "touch", "wap", "hologram"])
def test_oidcc_display(suite: Suite, client: dict[str, Any], display: str) -> None:
    """Modules `display-page` and `display-popup`."""
    assert is_answer(suite.authorize(client, display=display), "code")


def test_oidcc_prompt_login(suite: Suite, client: dict[str, Any], clock: FixedClock) -> None:
    first = suite.id_token(suite.tokens(client))
    clock.move(2)
    second = suite.id_token(suite.tokens(client, prompt="login"))

    assert suite.pages.count("/masuk") == 2
    assert second["sub"] == first["sub"]
    assert second["auth_time"] > first["auth_time"]


def test_oidcc_prompt_none_not_logged_in(suite: Suite, client: dict[str, Any]) -> None:
    answer = suite.authorize(client, prompt="none")

    assert is_answer(answer, "error", "error_description")
    assert answer["error"] in {"login_required", "interaction_required"}
    assert suite.pages == []


def test_oidcc_prompt_none_logged_in(
    suite: Suite, client: dict[str, Any], clock: FixedClock
) -> None:
    first = suite.id_token(suite.tokens(client))
    seen = list(suite.pages)
    clock.move(5)
    second = suite.id_token(suite.tokens(client, prompt="none"))

    assert suite.pages == seen
    assert (second["sub"], second["auth_time"]) == (first["sub"], first["auth_time"])
    assert second["iat"] > first["iat"]


def test_oidcc_max_age_1(suite: Suite, client: dict[str, Any], clock: FixedClock) -> None:
    first = suite.id_token(suite.tokens(client))
    clock.move(2)
    second = suite.id_token(suite.tokens(client, max_age="1"))

    assert suite.pages.count("/masuk") == 2
    assert second["auth_time"] > first["auth_time"]
    assert clock.now() - second["auth_time"] <= 1


def test_oidcc_max_age_10000(suite: Suite, client: dict[str, Any], clock: FixedClock) -> None:
    first = suite.id_token(suite.tokens(client, max_age="15000"))
    clock.move(5)
    second = suite.id_token(suite.tokens(client, max_age="10000"))

    assert suite.pages.count("/masuk") == 1
    assert second["auth_time"] == first["auth_time"]


def test_oidcc_ensure_request_with_unknown_parameter_succeeds(
    suite: Suite, client: dict[str, Any]
) -> None:
    assert is_answer(suite.authorize(client, extra="foobar"), "code")


def test_oidcc_id_token_hint(suite: Suite, client: dict[str, Any]) -> None:
    first = suite.tokens(client)
    second = suite.tokens(client, prompt="none", id_token_hint=first["id_token"])

    assert suite.id_token(second)["sub"] == suite.id_token(first)["sub"]
    assert suite.id_token(second)["auth_time"] == suite.id_token(first)["auth_time"]


@pytest.mark.parametrize(
    "wish",
    [
        {"login_hint": "bob@akun.contoh.go.id"},
        {"login_hint": "budi@contoh.id"},
        {"ui_locales": "se"},
        {"ui_locales": "en-GB id xx-nonsense"},
        {"claims_locales": "se"},
        {"claims_locales": "id-ID en"},
    ],
    ids=str,
)
def test_oidcc_wishes_stop_nothing(
    suite: Suite, client: dict[str, Any], wish: dict[str, str]
) -> None:
    """Modules `login-hint`, `ui-locales` and `claims-locales`."""
    assert is_answer(suite.authorize(client, **wish), "code")


def test_oidcc_ensure_request_with_acr_values_succeeds(
    suite: Suite, client: dict[str, Any]
) -> None:
    values = suite.discovery["acr_values_supported"]

    assert suite.id_token(suite.tokens(client, acr_values=" ".join(values)))["acr"] in values


def test_oidcc_codereuse(suite: Suite, client: dict[str, Any]) -> None:
    code = suite.authorize(client)["code"]
    suite.redeem(client, code)

    again = suite.redeem(client, code)

    assert (again.status_code, again.get_json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("seconds", [30, 120])
def test_oidcc_codereuse_30seconds(
    suite: Suite, client: dict[str, Any], clock: FixedClock, seconds: int
) -> None:
    code = suite.authorize(client)["code"]
    token = suite.redeem(client, code).get_json()["access_token"]
    clock.move(seconds)
    assert suite.userinfo(token).status_code == 200

    again = suite.redeem(client, code)

    assert (again.status_code, again.get_json()["error"]) == (400, "invalid_grant")
    after = suite.userinfo(token)
    assert after.status_code == 401
    assert 'error="invalid_token"' in after.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "redirect_uri",
    [f"{CALLBACK}/unregistered", f"{CALLBACK}?foo=bar", "https://evil.example/callback"],
)
def test_oidcc_ensure_registered_redirect_uri(
    suite: Suite, client: dict[str, Any], redirect_uri: str
) -> None:
    response = suite.open(client, redirect_uri=redirect_uri)

    assert is_error_page(response)
    assert cause_of(suite.app, response) == "redirect_uri is not one that this client registered"


def test_oidcc_ensure_redirect_uri_in_authorization_request(
    suite: Suite, client: dict[str, Any]
) -> None:
    response = suite.open(client, redirect_uri=None)

    assert is_error_page(response)
    assert cause_of(suite.app, response) == "redirect_uri is missing"


def test_oidcc_ensure_post_request_succeeds(suite: Suite, client: dict[str, Any]) -> None:
    """Another site's form: the browser sends the Lax cookies with the GET that follows only."""
    first = suite.authorize(client)
    seen = list(suite.pages)
    without_cookies = suite.app.test_client()
    told = without_cookies.post(
        "/authorize",
        data=suite.request(client),
        base_url="http://akun.contoh.go.id",
        headers={"Origin": "https://suite.example", "Sec-Fetch-Site": "cross-site"},
    )

    second = suite.walk(told)

    assert told.status_code == 303
    assert "Set-Cookie" not in told.headers
    assert is_answer(first, "code")
    assert is_answer(second, "code")
    assert suite.pages == seen


def test_oidcc_ensure_post_request_succeeds_for_somebody_unknown(
    suite: Suite, client: dict[str, Any]
) -> None:
    answer = suite.walk(suite.post("/authorize", suite.request(client)))

    assert is_answer(answer, "code")
    assert suite.pages == ["/masuk", "/izin"]


@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_oidcc_server_client_secret_post(suite: Suite, kind: str) -> None:
    make = suite.static_client if kind == "static" else suite.dynamic_client
    client = make(token_endpoint_auth_method="client_secret_post", **BASIC)

    assert "id_token" in suite.tokens(client)


@pytest.mark.parametrize("outside", [{}, {"redirect_uri": f"{SUITE}/invalid"}])
def test_oidcc_unsigned_request_object_is_rejected(
    suite: Suite, client: dict[str, Any], outside: dict[str, str]
) -> None:
    """Modules `unsigned-request-object-…` and `ensure-request-object-with-redirect-uri`."""
    claims = {**suite.request(client), "aud": "https://akun.contoh.go.id"}
    text = compact({"alg": "none"}, claims, None)
    query = {**suite.request(client), "request": text, **outside}

    response = suite.get(f"/authorize?{urlencode(query)}")

    if outside:
        assert is_error_page(response)
    else:
        assert suite.walk(response)["error"] == "invalid_request_object"
    assert "none" not in suite.discovery["request_object_signing_alg_values_supported"]


def test_oidcc_request_uri_unsigned_is_rejected(suite: Suite) -> None:
    client = suite.dynamic_client(request_uris=[f"{SUITE}/requesturi/abc"], **BASIC)

    answer = suite.authorize(client, request_uri=f"{SUITE}/requesturi/abc")

    assert client["request_uris"] == [f"{SUITE}/requesturi/abc"]
    assert answer["error"] == "invalid_request_uri"


def test_oidcc_claims_essential(suite: Suite, client: dict[str, Any]) -> None:
    tokens = suite.tokens(client, claims='{"userinfo":{"name":{"essential":true}}}')

    assert suite.userinfo(tokens["access_token"]).get_json()["name"] == PERSON["name"]
    assert "name" not in suite.id_token(tokens)


def test_oidcc_refresh_token(suite: Suite, clock: FixedClock) -> None:
    grants = ["authorization_code", "refresh_token"]
    one = suite.dynamic_client(grant_types=grants, **BASIC)
    two = suite.dynamic_client(grant_types=grants, **BASIC)
    wish = {"scope": "openid offline_access", "prompt": "consent"}
    first = suite.tokens(one, **wish)
    clock.move(1)
    second = suite.token(
        one, grant_type="refresh_token", refresh_token=first["refresh_token"]
    ).get_json()
    stolen = suite.tokens(two, **wish)["refresh_token"]
    before, after = suite.id_token(first), suite.id_token(second)

    assert second["access_token"] != first["access_token"]
    assert suite.userinfo(second["access_token"]).status_code == 200
    assert {n: before[n] for n in ("iss", "sub", "aud", "auth_time")} == {
        n: after[n] for n in ("iss", "sub", "aud", "auth_time")
    }
    assert after["iat"] > before["iat"]
    refused = suite.token(one, grant_type="refresh_token", refresh_token=stolen)
    assert (refused.status_code, refused.get_json()["error"]) == (400, "invalid_grant")
    assert "refresh_token" in suite.discovery["grant_types_supported"]


def test_oidcc_ensure_request_with_valid_pkce_succeeds(
    suite: Suite, client: dict[str, Any]
) -> None:
    pkce = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    code = suite.authorize(client, **pkce)["code"]

    assert suite.redeem(client, code, code_verifier=VERIFIER).status_code == 200


def test_oidcc_ensure_request_without_verifier_fails(suite: Suite, client: dict[str, Any]) -> None:
    pkce = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    refused = suite.redeem(client, suite.authorize(client, **pkce)["code"])

    assert refused.get_json()["error"] == "invalid_grant"
