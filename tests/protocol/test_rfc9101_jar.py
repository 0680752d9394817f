"""Signed and encrypted requests (RFC 9101, OpenID Connect Core §6), by value and by reference."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.ids import decode_base64url, encode_base64url
from tests.fakes import NOW, FixedClock
from tests.jar import beside_good, by_value, encrypted, pushed, request_claims, request_object
from tests.key_server import KeyServer, running_key_server
from tests.keyed import KeyedPortal, a_keyed_portal
from tests.portal import ISSUER, Portal, an_account, sign_in
from tests.signing import Signer, compact

OTHER_ISSUER = "https://other.example"


@pytest.fixture
def portal(app: Application, browser: FlaskClient, person: Account) -> KeyedPortal:
    """A keyed client of the ministry's own, so that a good request is answered at once."""
    return a_keyed_portal(app, browser, first_party=True)


def is_code(portal: Portal, response: TestResponse) -> bool:
    return "code" in portal.answer(response)


def refused(portal: Portal, response: TestResponse, error: str = "invalid_request_object") -> None:
    told = portal.answer(response)
    assert (told.get("error"), told.get("state"), told.get("iss")) == (error, "st", ISSUER), told


def stays_here(response: TestResponse) -> bool:
    return response.status_code == 400 and "Location" not in response.headers


# --- by value (§5.1): what is taken


def test_a_signed_request_is_answered(portal: KeyedPortal) -> None:
    answer = portal.answer(by_value(portal, request_object(portal)))

    assert (answer["state"], answer["iss"]) == ("st", ISSUER)
    assert portal.redeem(answer["code"]).status_code == 200


@pytest.mark.parametrize("alg", ["ES256", "ES384", "ES512", "PS256", "RS256", "Ed25519", "EdDSA"])
def test_each_announced_algorithm_signs(
    app: Application, browser: FlaskClient, person: Account, alg: str
) -> None:
    portal = a_keyed_portal(
        app, browser, first_party=True, signer=Signer(alg), request_object_signing_alg=alg
    )
    announced = browser.get("/.well-known/openid-configuration").get_json()

    assert alg in announced["request_object_signing_alg_values_supported"]
    assert is_code(portal, by_value(portal, request_object(portal)))


@pytest.mark.parametrize(
    "typ",
    [None, "JWT", "jwt", "oauth-authz-req+jwt", "application/oauth-authz-req+jwt"],
)
def test_the_typ_is_its_own_or_that_of_older_libraries(
    portal: KeyedPortal, typ: str | None
) -> None:
    text = portal.signer.sign(request_claims(portal), typ=typ)

    assert is_code(portal, by_value(portal, text))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": None},
        {"aud": None},
        {"aud": [ISSUER]},
        {"aud": [OTHER_ISSUER, ISSUER]},
        {"exp": None, "nbf": None},
        {"nbf": NOW + 10},
        {"iat": NOW + 10},
        {"exp": NOW - 10},
        {"max_age": 10_000},
        {"max_age": "10000"},
        {"nonce": ""},
        {"jti": "x", "sub": "whoever", "unheard_of": {"a": [1]}, "another": 1.5},
    ],
)
def test_what_a_client_of_the_baseline_may_leave_out_or_add(
    portal: KeyedPortal, changes: dict[str, Any]
) -> None:
    assert is_code(portal, by_value(portal, request_object(portal, **changes)))


@pytest.mark.parametrize("as_text", [True, False])
def test_claims_stand_in_it_as_an_object_or_as_text(portal: KeyedPortal, as_text: bool) -> None:
    """OpenID Connect Core §6.1: JSON in a request object is JSON, not text."""
    asked: Any = {"id_token": {"email": {"essential": True}}}
    text = request_object(portal, claims=json.dumps(asked) if as_text else asked)

    code = portal.answer(by_value(portal, text))["code"]

    assert "email" in portal.claims(portal.redeem(code).get_json()["id_token"])


def test_a_client_may_push_it(portal: KeyedPortal) -> None:
    answer = pushed(portal, request_object(portal)).get_json()
    query = urlencode({"client_id": portal.client_id, "request_uri": answer["request_uri"]})

    assert is_code(portal, portal.browser.get(f"/authorize?{query}"))


def test_it_comes_by_post_as_well(portal: KeyedPortal) -> None:
    form = {"client_id": portal.client_id, "request": request_object(portal)}

    there = portal.browser.post("/authorize", data=form).headers["Location"]

    assert is_code(portal, portal.browser.get(there))


def test_it_may_have_sixteen_kilobytes_by_get_and_by_post(portal: KeyedPortal) -> None:
    """A request of a bank, with rich authorization details or many claims by name."""
    asked = {"userinfo": {f"https://claims.example/{n:0>90}": None for n in range(92)}}
    text = request_object(portal, claims=asked)
    assert 15_500 < len(text) <= 16_384

    there = portal.browser.post(
        "/authorize", data={"client_id": portal.client_id, "request": text}
    ).headers["Location"]

    assert is_code(portal, by_value(portal, text))
    assert is_code(portal, portal.browser.get(there))


# --- one source of parameters (§5, §6.3)


@pytest.mark.parametrize(
    "beside",
    [
        {"redirect_uri": "https://evil.example/cb"},
        {"redirect_uri": "https://portal.example/other"},
        {"response_type": "token"},
        {"scope": "openid nik unheard-of"},
        {"prompt": "login"},
        {"max_age": "0"},
        {"response_mode": "fragment"},
        {"code_challenge": "x"},
        {"state": "another", "nonce": "another"},
    ],
)
def test_what_stands_beside_it_is_passed_over(portal: KeyedPortal, beside: dict[str, str]) -> None:
    answer = portal.answer(by_value(portal, request_object(portal), **beside))
    tokens = portal.redeem(answer["code"]).get_json()

    assert answer["state"] == "st"
    assert portal.claims(tokens["id_token"])["nonce"] == "no"


def test_a_state_outside_alone_does_not_come_back(portal: KeyedPortal) -> None:
    answer = portal.answer(by_value(portal, request_object(portal, state=None), state="outside"))

    assert "code" in answer
    assert "state" not in answer


@pytest.mark.parametrize("name", ["redirect_uri", "client_id"])
def test_what_it_lacks_is_not_taken_from_outside(portal: KeyedPortal, name: str) -> None:
    text = request_object(portal, **{name: None})

    response = by_value(portal, text, redirect_uri=portal.callback)

    assert stays_here(response) or "error" in portal.answer(response)


@pytest.mark.parametrize("name", ["response_type", "code_challenge"])
def test_a_parameter_that_it_lacks_is_missing(portal: KeyedPortal, name: str) -> None:
    response = by_value(portal, request_object(portal, **{name: None}), **{name: "code"})

    refused(portal, response, "invalid_request")


def test_a_redirect_uri_inside_that_is_not_registered_is_told_here(portal: KeyedPortal) -> None:
    text = request_object(portal, redirect_uri="https://evil.example/cb")

    assert stays_here(by_value(portal, text))
    assert stays_here(by_value(portal, text, redirect_uri=portal.callback))


def test_the_client_stands_outside_too(portal: KeyedPortal) -> None:
    assert stays_here(by_value(portal, request_object(portal), client_id=None))


# --- refused (§6.2, §10.8)

BENT: list[dict[str, Any]] = [
    {"client_id": None},
    {"client_id": "another"},
    {"client_id": ["a", "b"]},
    {"iss": "another"},
    {"iss": ISSUER},
    {"aud": OTHER_ISSUER},
    {"aud": [OTHER_ISSUER]},
    {"aud": []},
    {"aud": f"{ISSUER}/"},
    {"aud": f"{ISSUER}/authorize"},
    {"aud": {"a": ISSUER}},
    {"aud": 1},
    {"exp": NOW - 61},
    {"exp": NOW - 3600},
    {"exp": "soon"},
    {"exp": True},
    {"exp": -1},
    {"exp": [NOW + 60]},
    {"exp": 10**30},
    {"nbf": NOW + 61},
    {"nbf": "now"},
    {"iat": NOW + 61},
    {"iat": {}},
    {"request": "eyJhbGciOiJub25lIn0.e30."},
    {"request_uri": "https://portal.example/r"},
    {"request_uri": "urn:ietf:params:oauth:request_uri:x"},
    {"redirect_uri": ["https://portal.example/cb"]},
    {"scope": ["openid"]},
    {"state": {"a": 1}},
    {"nonce": 5},
    {"prompt": True},
    {"max_age": 1.5},
    {"max_age": [1]},
    {"max_age": True},
    {"ui_locales": ["id"]},
    {"code_challenge": 1},
    {"resource": [1]},
    {"resource": {"a": 1}},
    {"state": "a\u0000b"},
    {"nonce": "\ud800"},
    {"scope": "openid\u0007"},
]


@pytest.mark.parametrize("changes", BENT, ids=[json.dumps(item)[:60] for item in BENT])
def test_a_bent_request_object_is_refused(portal: KeyedPortal, changes: dict[str, Any]) -> None:
    refused(portal, beside_good(portal, request_object(portal, **changes)))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"claims": "{"}, "invalid_request"),
        ({"claims": ["x"]}, "invalid_request"),
        ({"authorization_details": {"type": "x"}}, "invalid_authorization_details"),
        ({"max_age": -1}, "invalid_request"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"resource": "https://unknown.example/"}, "invalid_target"),
    ],
)
def test_its_parameters_are_checked_like_any(
    portal: KeyedPortal, changes: dict[str, Any], error: str
) -> None:
    refused(portal, by_value(portal, request_object(portal, **changes)), error)


def _unsigned(portal: KeyedPortal) -> str:
    return compact({"alg": "none"}, request_claims(portal), None)


def _by_a_secret(portal: KeyedPortal) -> str:
    public = json.dumps(portal.signer.public()).encode()
    return compact({"alg": "HS256", "kid": "k1"}, request_claims(portal), public)


def _by_a_stranger(portal: KeyedPortal) -> str:
    return Signer().sign(request_claims(portal))


def _with_its_own_key(portal: KeyedPortal) -> str:
    stranger = Signer()
    return stranger.sign(request_claims(portal), jwk=stranger.public())


def _with_another_kid(portal: KeyedPortal) -> str:
    return portal.signer.sign(request_claims(portal), kid="k2")


def _with_another_alg(portal: KeyedPortal) -> str:
    return portal.signer.sign(request_claims(portal), alg="ES384", signed_by="ES256")


def _changed(portal: KeyedPortal) -> str:
    head, _, signature = request_object(portal).split(".")
    payload = encode_base64url(json.dumps(request_claims(portal, state="evil")).encode())
    return f"{head}.{payload}.{signature}"


def _cut(portal: KeyedPortal) -> str:
    return request_object(portal)[:-4]


def _critical(portal: KeyedPortal) -> str:
    return portal.signer.sign(request_claims(portal), crit=["exp"])


def _unencoded(portal: KeyedPortal) -> str:
    return portal.signer.sign(request_claims(portal), b64=False)


def _unencoded_critical(portal: KeyedPortal) -> str:
    return portal.signer.sign(request_claims(portal), b64=False, crit=["b64"])


def _another_type(portal: KeyedPortal) -> str:
    return portal.signer.sign(request_claims(portal), typ="client-authentication+jwt")


def _type_of_a_list(portal: KeyedPortal) -> str:
    return portal.signer.sign(request_claims(portal), typ=["JWT"])


def _list_of_claims(portal: KeyedPortal) -> str:
    return portal.signer.sign([request_claims(portal)])


def _no_json(portal: KeyedPortal) -> str:
    return compact({"alg": "ES256", "kid": "k1"}, b"not json", portal.signer.key)


def _deep(portal: KeyedPortal) -> str:
    return compact({"alg": "ES256", "kid": "k1"}, b"[" * 5000, portal.signer.key)


UNBELIEVED = [
    _unsigned,
    _by_a_secret,
    _by_a_stranger,
    _with_its_own_key,
    _with_another_kid,
    _with_another_alg,
    _changed,
    _cut,
    _critical,
    _unencoded,
    _unencoded_critical,
    _another_type,
    _type_of_a_list,
    _list_of_claims,
    _no_json,
    _deep,
]


@pytest.mark.parametrize("make", UNBELIEVED, ids=lambda make: make.__name__.strip("_"))
def test_oa_10_what_no_registered_key_signed_is_refused(
    portal: KeyedPortal, make: Callable[[KeyedPortal], str]
) -> None:
    text = make(portal)

    refused(portal, beside_good(portal, text))
    response = pushed(portal, text)
    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_request_object")


@pytest.mark.parametrize(
    "text",
    ["x", ".", "..", "...", "....", "a.b.c", "a.b.c.d.e", "é.é.é", "=.=.=", "e30.e30.", "{}"],
)
def test_rubbish_is_refused(portal: KeyedPortal, text: str) -> None:
    refused(portal, beside_good(portal, text))


def test_one_request_object_not_two(portal: KeyedPortal) -> None:
    text = request_object(portal)
    twice = [("client_id", portal.client_id), ("request", text), ("request", text)]

    assert stays_here(portal.browser.get("/authorize?" + urlencode(twice)))
    by_both = by_value(portal, text, request_uri="https://portal.example/r", state="st")
    assert stays_here(by_both)


def test_oa_4_an_error_goes_to_no_redirect_uri_that_came_twice(portal: KeyedPortal) -> None:
    query = [
        ("client_id", portal.client_id),
        ("request", "x"),
        ("redirect_uri", portal.callback),
        ("redirect_uri", "https://evil.example/"),
    ]

    assert stays_here(portal.browser.get("/authorize?" + urlencode(query)))


def test_a_request_object_without_anything_beside_it_is_refused_here(portal: KeyedPortal) -> None:
    assert stays_here(by_value(portal, "x"))


def test_a_request_object_that_is_too_long_is_refused(portal: KeyedPortal) -> None:
    answer = portal.answer(beside_good(portal, "x" * 16_385))
    posted = portal.browser.post(
        "/authorize", data={"client_id": portal.client_id, "request": "x" * 16_385}
    )

    assert answer["error"] == "invalid_request"
    assert stays_here(posted)


def test_the_registered_algorithm_is_the_only_one(
    app: Application, browser: FlaskClient, person: Account
) -> None:
    """OpenID Connect Registration §2: everything else MUST be rejected."""
    one, two = Signer("ES256", "one"), Signer("PS256", "two")
    portal = a_keyed_portal(
        app,
        browser,
        first_party=True,
        signer=one,
        jwks={"keys": [one.public(), two.public()]},
        request_object_signing_alg="PS256",
    )

    refused(portal, beside_good(portal, request_object(portal)))
    assert is_code(portal, by_value(portal, two.sign(request_claims(portal))))


def test_a_request_of_another_client_is_refused(
    app: Application, browser: FlaskClient, portal: KeyedPortal
) -> None:
    other = a_keyed_portal(app, browser, first_party=True)

    refused(portal, beside_good(portal, request_object(other)))
    refused(portal, beside_good(portal, other.signer.sign(request_claims(portal))))
    assert pushed(portal, request_object(other)).status_code == 400


def test_a_client_without_keys_has_no_request_objects(
    register: Callable[..., Portal], person: Account
) -> None:
    portal = register()
    text = Signer().sign(request_claims(portal))

    refused(portal, beside_good(portal, text))


# --- demanding it (§10.5)


@pytest.fixture
def signing(app: Application, browser: FlaskClient, person: Account) -> KeyedPortal:
    return a_keyed_portal(app, browser, first_party=True, require_signed_request_object=True)


def test_a_client_that_must_sign_gets_nothing_otherwise(signing: KeyedPortal) -> None:
    assert signing.answer(signing.start())["error"] == "invalid_request"
    plain = signing.token(path="/par", **{n: str(v) for n, v in _plain(signing).items()})
    assert (plain.status_code, plain.get_json()["error"]) == (400, "invalid_request")
    assert is_code(signing, by_value(signing, request_object(signing)))


def test_no_request_says_of_itself_that_it_was_signed(signing: KeyedPortal) -> None:
    query = urlencode({**_plain(signing), " signed": "true", "signed": "true"})

    assert signing.answer(signing.browser.get(f"/authorize?{query}"))["error"] == "invalid_request"


def _plain(portal: Portal) -> dict[str, Any]:
    claims = request_claims(portal)
    return {name: claims[name] for name in claims if name not in {"iss", "aud", "nbf", "exp"}}


# --- encrypted to us (§6.1)


@pytest.mark.parametrize("alg", ["ECDH-ES", "ECDH-ES+A256KW", "RSA-OAEP-256"])
@pytest.mark.parametrize("enc", ["A256GCM", "A128CBC-HS256"])
def test_an_encrypted_request_is_answered(portal: KeyedPortal, alg: str, enc: str) -> None:
    text = encrypted(portal.browser, request_object(portal), alg, enc)

    assert text.count(".") == 4
    assert is_code(portal, by_value(portal, text))


def test_it_may_be_pushed_encrypted(portal: KeyedPortal) -> None:
    text = encrypted(portal.browser, request_object(portal), "ECDH-ES", "A256GCM")

    assert pushed(portal, text).status_code == 201


def _encrypted_plain(portal: KeyedPortal) -> str:
    text = json.dumps(request_claims(portal))
    return encrypted(portal.browser, text, "ECDH-ES", "A256GCM", cty=None)


def _encrypted_unsigned(portal: KeyedPortal) -> str:
    return encrypted(portal.browser, _unsigned(portal), "ECDH-ES", "A256GCM")


def _encrypted_twice(portal: KeyedPortal) -> str:
    once = encrypted(portal.browser, request_object(portal), "ECDH-ES", "A256GCM")
    return encrypted(portal.browser, once, "ECDH-ES", "A256GCM")


def _another_key(portal: KeyedPortal) -> str:
    text = encrypted(portal.browser, request_object(portal), "ECDH-ES", "A256GCM", kid="unknown")
    assert text
    return text


def _a_kid_that_is_a_list(portal: KeyedPortal) -> str:
    text = encrypted(portal.browser, request_object(portal), "ECDH-ES", "A256GCM")
    head, rest = text.split(".", 1)
    header = {**json.loads(decode_base64url(head)), "kid": []}
    return f"{encode_base64url(json.dumps(header).encode())}.{rest}"


def _changed_ciphertext(portal: KeyedPortal) -> str:
    parts = encrypted(portal.browser, request_object(portal), "ECDH-ES", "A256GCM").split(".")
    parts[3] = parts[3][:-2] + ("AA" if not parts[3].endswith("AA") else "BB")
    return ".".join(parts)


@pytest.mark.parametrize(
    "make",
    [
        _encrypted_plain,
        _encrypted_unsigned,
        _encrypted_twice,
        _another_key,
        _a_kid_that_is_a_list,
        _changed_ciphertext,
    ],
    ids=lambda make: make.__name__.strip("_"),
)
def test_encryption_replaces_no_signature(
    portal: KeyedPortal, make: Callable[[KeyedPortal], str]
) -> None:
    refused(portal, beside_good(portal, make(portal)))


# --- keys at an address


def test_the_keys_are_fetched_again_for_an_unknown_kid(
    make_app: Callable[..., Application], clock: FixedClock
) -> None:
    old, new = Signer(kid="old"), Signer(kid="new")
    with running_key_server(old.jwks()) as server:
        app = make_app(SIAPKERJA_FETCH_PRIVATE_HOSTS=server.host)
        browser = app.test_client()
        sign_in(app, browser, an_account(app))
        portal = a_keyed_portal(
            app, browser, first_party=True, jwks_uri=_at(server, "/jwks"), signer=old
        )
        assert is_code(portal, by_value(portal, request_object(portal)))
        server.document = {"keys": [old.public(), new.public()]}
        clock.move(61)
        portal.signer = new

        assert is_code(portal, by_value(portal, request_object(portal)))
        assert server.asked == 2


# --- by reference (§5.2)


def _at(server: KeyServer, path: str) -> str:
    return f"http://{server.host}{path}"


@pytest.fixture
def objects() -> Iterator[KeyServer]:
    with running_key_server() as server:
        yield server


@pytest.fixture
def referring(make_app: Callable[..., Application], objects: KeyServer) -> KeyedPortal:
    """A client whose request object is at an address; the operator switched that on."""
    app = make_app(
        SIAPKERJA_OAUTH_REQUEST_URI="on",
        SIAPKERJA_FETCH_PRIVATE_HOSTS=objects.host,
    )
    browser = app.test_client()
    sign_in(app, browser, an_account(app))
    portal = a_keyed_portal(
        app, browser, first_party=True, request_uris=[_at(objects, "/request.jwt")]
    )
    objects.raw = request_object(portal).encode()
    return portal


def by_reference(portal: Portal, objects: KeyServer, path: str = "/request.jwt") -> TestResponse:
    query = {
        "client_id": portal.client_id,
        "request_uri": _at(objects, path),
        "redirect_uri": portal.callback,
        "state": "st",
    }
    return portal.browser.get("/authorize?" + urlencode(query))


def test_the_object_at_a_registered_address_is_answered(
    referring: KeyedPortal, objects: KeyServer
) -> None:
    assert is_code(referring, by_reference(referring, objects))


def test_a_hash_may_follow_the_address(referring: KeyedPortal, objects: KeyServer) -> None:
    """OpenID Connect Core §6.2: its hash as fragment says which content is meant."""
    assert is_code(referring, by_reference(referring, objects, "/request.jwt#aGFzaA"))


def test_the_object_is_fetched_for_every_request(
    referring: KeyedPortal, objects: KeyServer
) -> None:
    for state in ("one", "two", "three"):
        objects.raw = request_object(referring, state=state).encode()
        assert referring.answer(by_reference(referring, objects))["state"] == state
    assert objects.asked == 3


def test_it_may_be_encrypted_too(referring: KeyedPortal, objects: KeyServer) -> None:
    text = encrypted(referring.browser, request_object(referring), "ECDH-ES", "A256GCM")
    objects.raw = f"{text}\n".encode()

    assert is_code(referring, by_reference(referring, objects))


def test_metadata_says_whether_references_are_taken(
    referring: KeyedPortal, browser: FlaskClient
) -> None:
    path = "/.well-known/openid-configuration"
    on, off = referring.browser.get(path).get_json(), browser.get(path).get_json()

    assert (on["request_uri_parameter_supported"], off["request_uri_parameter_supported"]) == (
        True,
        False,
    )
    assert on["require_request_uri_registration"] is True
    assert on["request_parameter_supported"] is True


@pytest.mark.parametrize(
    "path",
    ["/other.jwt", "/request.jwt/", "/request.jwt?x=1", "/REQUEST.jwt", "", "/../request.jwt"],
)
def test_ss_1_an_address_that_is_not_registered_is_never_called(
    referring: KeyedPortal, objects: KeyServer, path: str
) -> None:
    refused(referring, by_reference(referring, objects, path), "invalid_request_uri")
    assert objects.asked == 0


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:1/x",
        "file:///etc/passwd",
        "https://evil.example/request.jwt",
        "urn:x",
        "javascript:alert(1)",
        "x",
    ],
)
def test_ss_1_no_other_address_is_called(
    referring: KeyedPortal, objects: KeyServer, address: str
) -> None:
    query = {
        "client_id": referring.client_id,
        "request_uri": address,
        "redirect_uri": referring.callback,
        "state": "st",
    }
    response = referring.browser.get("/authorize?" + urlencode(query))

    refused(referring, response, "invalid_request_uri")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"status": 404}, "invalid_request_uri"),
        ({"status": 500}, "invalid_request_uri"),
        ({"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}}, "invalid_request_uri"),
        ({"raw": b"x" * 70_000}, "invalid_request_uri"),
        ({"raw": b"\xff\xfe"}, "invalid_request_uri"),
        ({"raw": b""}, "invalid_request_object"),
        ({"raw": b"<html></html>"}, "invalid_request_object"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_object_that_can_not_be_had_is_an_error(
    referring: KeyedPortal, objects: KeyServer, change: dict[str, Any], error: str
) -> None:
    for name, value in change.items():
        setattr(objects, name, value)

    refused(referring, by_reference(referring, objects), error)


def test_an_unsigned_object_is_refused_by_reference_too(
    referring: KeyedPortal, objects: KeyServer
) -> None:
    objects.raw = _unsigned(referring).encode()

    refused(referring, by_reference(referring, objects), "invalid_request_object")


def test_the_operator_must_switch_references_on(portal: KeyedPortal) -> None:
    query = {
        "client_id": portal.client_id,
        "request_uri": "https://portal.example/request.jwt",
        "redirect_uri": portal.callback,
        "state": "st",
    }
    response = portal.browser.get("/authorize?" + urlencode(query))

    refused(portal, response, "request_uri_not_supported")


def test_no_reference_can_be_pushed(referring: KeyedPortal, objects: KeyServer) -> None:
    """RFC 9126 §2.1."""
    response = referring.token(path="/par", request_uri=_at(objects, "/request.jwt"))

    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_request")
    assert objects.asked == 0
