"""Client authentication by a signed JWT (RFC 7523 §2.2, §3, RFC 8725 §3, OIDC Core §9)."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from joserfc.jwk import RSAKey
from werkzeug.test import TestResponse

from idp.app import Application
from tests.fakes import NOW, FixedClock
from tests.key_server import KeyServer, running_key_server
from tests.keyed import KeyedPortal, a_keyed_portal
from tests.portal import ISSUER
from tests.racing import at_once
from tests.signing import ASSERTION_TYPE, Signer

TOKEN = f"{ISSUER}/token"


def a_service(app: Application, browser: FlaskClient, **metadata: Any) -> KeyedPortal:
    given = {
        "grant_types": ["client_credentials"],
        "redirect_uris": [],
        "scope": "jkp.read",
        **metadata,
    }
    return a_keyed_portal(app, browser, **given)


@pytest.fixture
def service(make_app: Callable[..., Application]) -> KeyedPortal:
    """A service client; failures are not limited, since most of these calls fail."""
    app = make_app(SIAPKERJA_LIMITS_FACTOR="1000")
    return a_service(app, app.test_client())


def refused(response: TestResponse, why: object = "") -> None:
    assert response.status_code == 401, (why, response.text)
    assert response.get_json()["error"] == "invalid_client", why


# --- what is taken


def test_an_assertion_buys_a_token(service: KeyedPortal) -> None:
    assert service.by_itself().status_code == 200


def test_the_client_may_be_named_beside_it(service: KeyedPortal) -> None:
    assert service.by_itself(client_id=service.client_id).status_code == 200
    response = service.by_itself(client_id="another")
    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": TOKEN},
        {"aud": [ISSUER]},
        {"aud": [TOKEN, ISSUER]},
        {"exp": NOW + 3600},
        {"exp": NOW + 3600.5},
        {"exp": NOW - 10},
        {"iat": None},
        {"iat": NOW + 10},
        {"nbf": NOW + 10},
        {"nbf": NOW - 600, "iat": NOW - 600},
        {"extra": {"x": [1]}},
    ],
)
def test_what_libraries_of_baseline_clients_send_is_taken(
    service: KeyedPortal, changes: dict[str, Any]
) -> None:
    """Contract, section 7, point 1."""
    assert service.by_itself(service.assertion(**changes)).status_code == 200


@pytest.mark.parametrize(
    "typ",
    [None, "JWT", "jwt", "client-authentication+jwt", "application/client-authentication+jwt"],
)
def test_oa_9_the_typ_is_absent_jwt_or_its_own(service: KeyedPortal, typ: str | None) -> None:
    assertion = service.signer.sign(service.claims_now(), typ=typ)

    assert service.by_itself(assertion).status_code == 200


@pytest.mark.parametrize("alg", ["ES256", "ES384", "ES512", "PS256", "RS256", "Ed25519", "EdDSA"])
def test_each_offered_algorithm_verifies(app: Application, browser: FlaskClient, alg: str) -> None:
    service = a_service(app, browser, signer=Signer(alg))

    assert service.by_itself().status_code == 200


def test_a_kid_may_be_missing_where_one_key_fits(app: Application, browser: FlaskClient) -> None:
    other = Signer("RS256", "rsa")
    signer = Signer()
    service = a_service(
        app, browser, signer=signer, jwks={"keys": [signer.public(), other.public()]}
    )
    without = signer.sign(service.claims_now(), kid=None)

    assert service.by_itself(without).status_code == 200


def test_a_missing_kid_is_refused_where_two_keys_fit(
    app: Application, browser: FlaskClient
) -> None:
    one, two = Signer(kid="one"), Signer(kid="two")
    service = a_service(app, browser, signer=one, jwks={"keys": [one.public(), two.public()]})

    refused(service.by_itself(one.sign(service.claims_now(), kid=None)))
    assert service.by_itself(two.sign(service.claims_now())).status_code == 200


# --- OA-9: bent claims

BENT_CLAIMS: list[dict[str, Any]] = [
    {"iss": None},
    {"iss": "another"},
    {"iss": ["x"]},
    {"iss": ISSUER},
    {"sub": None},
    {"sub": 1},
    {"sub": ["x"]},
    {"iss": "\u0000", "sub": "\u0000"},
    {"aud": None},
    {"aud": ""},
    {"aud": "https://evil.example"},
    {"aud": [ISSUER, "https://evil.example"]},
    {"aud": []},
    {"aud": {"iss": ISSUER}},
    {"aud": f"{ISSUER}/"},
    {"aud": f"{ISSUER}/authorize"},
    {"aud": [[ISSUER]]},
    {"exp": None},
    {"exp": NOW - 11},
    {"exp": NOW + 3700},
    {"exp": "soon"},
    {"exp": str(NOW + 60)},
    {"exp": True},
    {"exp": 10**20},
    {"exp": [NOW + 60]},
    {"iat": NOW + 60},
    {"iat": "now"},
    {"nbf": NOW + 60},
    {"nbf": False},
    {"jti": None},
    {"jti": ""},
    {"jti": 7},
    {"jti": "j" * 513},
    {"jti": "\ud800"},
    {"iss": "\udfff", "sub": "\udfff"},
]


@pytest.mark.parametrize("changes", BENT_CLAIMS, ids=lambda changes: json.dumps(changes)[:50])
def test_oa_9_bent_claims_are_refused(service: KeyedPortal, changes: dict[str, Any]) -> None:
    refused(service.by_itself(service.assertion(**changes)), changes)


@pytest.mark.parametrize("claims", [b"not json", b"[]", b'"x"', b"null", b"", b"\xff", b"1"])
def test_a_payload_that_is_no_object_is_refused(service: KeyedPortal, claims: bytes) -> None:
    refused(service.by_itself(service.signer.sign(claims)))


def test_numbers_that_json_does_not_have_are_refused(service: KeyedPortal) -> None:
    for word in ("NaN", "Infinity", "-Infinity", "1e999"):
        claims = json.dumps(service.claims_now()).replace(str(NOW + 60), word)
        refused(service.by_itself(service.signer.sign(claims.encode())), word)


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "exp", "jti", "else"])
def test_a_claim_that_stands_twice_is_refused(service: KeyedPortal, name: str) -> None:
    """RFC 7519 §4: two readers of one assertion must not see two clients."""
    claims = json.dumps(service.claims_now())[:-1] + f', "{name}": "x", "{name}": "y"}}'
    refused(service.by_itself(service.signer.sign(claims.encode())), name)


STRICT = [
    {"aud": TOKEN},
    {"aud": [ISSUER]},
    {"aud": [ISSUER, TOKEN]},
    {"exp": NOW + 311},
]


@pytest.mark.parametrize("changes", STRICT, ids=json.dumps)
def test_oa_9_a_strict_client_names_the_issuer_alone_for_five_minutes(
    make_app: Callable[..., Application], changes: dict[str, Any]
) -> None:
    app = make_app()
    service = a_service(app, app.test_client(), assertion_audience="issuer")

    assert service.by_itself().status_code == 200
    assert service.by_itself(service.assertion(exp=NOW + 300)).status_code == 200
    refused(service.by_itself(service.assertion(**changes)), changes)


def test_oa_9_an_assertion_of_another_client_is_refused(
    service: KeyedPortal,
) -> None:
    other = a_service(service.app, service.browser)
    stolen = service.claims_now(iss=other.client_id, sub=other.client_id)

    refused(service.by_itself(service.signer.sign(stolen)))
    refused(service.by_itself(other.signer.sign(service.claims_now())))


def test_oa_9_each_endpoint_takes_its_own_address_or_the_issuer(service: KeyedPortal) -> None:
    for path in ("/introspect", "/revoke", "/par"):
        own = service.token(
            path=path, token="x", client_assertion=service.assertion(aud=f"{ISSUER}{path}")
        )
        assert own.status_code != 401, path
    other = service.token(
        path="/introspect", token="x", client_assertion=service.assertion(aud=f"{ISSUER}/par")
    )
    refused(other)


# --- OA-10: forgeries


def test_oa_10_a_registered_algorithm_excludes_the_others(
    app: Application, browser: FlaskClient
) -> None:
    es, ps = Signer("ES256", "es"), Signer("PS256", "ps")
    service = a_service(
        app,
        browser,
        signer=es,
        jwks={"keys": [es.public(), ps.public()]},
        token_endpoint_auth_signing_alg="ES256",
    )

    assert service.by_itself().status_code == 200
    refused(service.by_itself(ps.sign(service.claims_now())))


def test_oa_10_a_key_serves_only_its_own_algorithm_and_use(
    app: Application, browser: FlaskClient
) -> None:
    rsa = Signer("PS256")
    for changes in ({"alg": "RS256"}, {"use": "enc"}, {"kty": "oct"}):
        try:
            service = a_service(app, browser, signer=rsa, jwks=rsa.jwks(**changes))
        except Exception as error:
            assert "jwks" in str(error)  # noqa: PT017 - both ways of ending are right
            continue
        refused(service.by_itself(), changes)


def test_oa_10_an_rsa_key_under_2048_bits_verifies_nothing(
    app: Application, browser: FlaskClient
) -> None:
    import warnings

    signer = Signer("RS256")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        signer.key = RSAKey.generate_key(1024)
    service = a_service(app, browser, signer=signer)

    refused(service.by_itself())


@pytest.mark.parametrize(
    "form",
    [
        {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
        {"client_assertion_type": ASSERTION_TYPE.upper()},
        {"client_assertion_type": ""},
        {"client_assertion": ""},
    ],
)
def test_the_assertion_type_is_the_one_for_jwt(service: KeyedPortal, form: dict[str, str]) -> None:
    given = {
        "client_assertion": service.assertion(),
        "client_assertion_type": ASSERTION_TYPE,
        **form,
    }

    refused(service.browser.post("/token", data={"grant_type": "client_credentials", **given}))


# --- replay


def test_oa_9_an_assertion_is_good_once(service: KeyedPortal) -> None:
    assertion = service.assertion()

    assert service.by_itself(assertion).status_code == 200
    refused(service.by_itself(assertion))
    refused(service.token(path="/introspect", token="x", client_assertion=assertion))


def test_oa_9_a_jti_is_remembered_beyond_its_end(service: KeyedPortal, clock: FixedClock) -> None:
    assertion = service.assertion(exp=NOW + 5)
    assert service.by_itself(assertion).status_code == 200
    clock.move(14)

    refused(service.by_itself(assertion))


def test_oa_9_two_clients_may_use_the_same_jti(service: KeyedPortal) -> None:
    other = a_service(service.app, service.browser)

    assert service.by_itself(service.assertion(jti="same")).status_code == 200
    assert other.by_itself(other.assertion(jti="same")).status_code == 200


def test_oa_9_a_refused_assertion_spends_no_jti(service: KeyedPortal) -> None:
    claims = service.claims_now(jti="twice")
    refused(service.by_itself(Signer().sign(claims)))

    assert service.by_itself(service.signer.sign(claims)).status_code == 200


def test_oa_9_one_assertion_twelve_times_at_once_has_one_success(
    service: KeyedPortal, make_app: Callable[..., Application]
) -> None:
    twin = make_app(SIAPKERJA_LIMITS_FACTOR="1000")
    for _ in range(3):
        form = {
            "grant_type": "client_credentials",
            "client_assertion": service.assertion(),
            "client_assertion_type": ASSERTION_TYPE,
        }

        def send(app: Application, form: dict[str, str] = form) -> int:
            return app.test_client().post("/token", data=form).status_code

        calls = [lambda app=app: send(app) for app in [service.app, twin] * 6]
        assert sorted(at_once(calls)) == [200] + [401] * 11


# --- KM-4: keys behind an address


@pytest.fixture
def key_server() -> Iterator[KeyServer]:
    with running_key_server() as server:
        yield server


@pytest.fixture
def fetching(make_app: Callable[..., Application], key_server: KeyServer) -> KeyedPortal:
    """A client that publishes its keys itself."""
    app = make_app(SIAPKERJA_FETCH_PRIVATE_HOSTS=key_server.host, SIAPKERJA_LIMITS_FACTOR="1000")
    signer = Signer()
    key_server.document = signer.jwks()
    return a_service(app, app.test_client(), signer=signer, jwks_uri=key_server.url)


def test_km_4_keys_are_fetched_once_in_a_quarter_of_an_hour(
    fetching: KeyedPortal, key_server: KeyServer, clock: FixedClock
) -> None:
    for _ in range(5):
        assert fetching.by_itself().status_code == 200
    assert key_server.asked == 1
    clock.move(899)
    assert fetching.by_itself().status_code == 200
    assert key_server.asked == 1
    clock.move(1)
    assert fetching.by_itself().status_code == 200
    assert key_server.asked == 2


def test_km_4_a_new_key_is_found_in_the_moment_in_which_it_is_published(
    fetching: KeyedPortal, key_server: KeyServer
) -> None:
    for kid in ("k1", "new"):
        fetching.signer = Signer(kid=kid)
        key_server.document = fetching.signer.jwks()

        assert fetching.by_itself().status_code == 200


def test_km_4_a_key_that_took_the_place_of_another_is_found_too(
    fetching: KeyedPortal, key_server: KeyServer
) -> None:
    """A client whose assertions name no key, or whose keys all have one name."""
    assert fetching.by_itself().status_code == 200
    fetching.signer = Signer()
    key_server.document = fetching.signer.jwks()

    unnamed = fetching.signer.sign(fetching.claims_now(), kid=None)

    assert fetching.by_itself(unnamed).status_code == 200


def test_km_4_unknown_kids_make_one_fetch_a_minute(
    fetching: KeyedPortal, key_server: KeyServer, clock: FixedClock
) -> None:
    assert fetching.by_itself().status_code == 200
    for number in range(30):
        refused(fetching.by_itself(fetching.signer.sign(fetching.claims_now(), kid=f"n{number}")))
    assert key_server.asked == 2
    for minute in range(3):
        clock.move(60)
        for number in range(9):
            assertion = fetching.signer.sign(fetching.claims_now(), kid=f"{minute}{number}")
            refused(fetching.by_itself(assertion))
        assert key_server.asked == 3 + minute


def test_km_4_unknown_kids_from_many_threads_make_few_fetches(
    fetching: KeyedPortal, key_server: KeyServer, clock: FixedClock
) -> None:
    assert fetching.by_itself().status_code == 200
    forms = [
        {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": fetching.signer.sign(fetching.claims_now(), kid=f"n{number}"),
        }
        for number in range(8)
    ]

    statuses = at_once(
        [
            lambda form=form: fetching.app.test_client().post("/token", data=form).status_code
            for form in forms
        ]
    )

    assert statuses == [401] * 8
    assert key_server.asked in {2, 3}


def test_km_4_keys_are_kept_for_a_day_while_their_server_is_down(
    fetching: KeyedPortal, key_server: KeyServer, clock: FixedClock
) -> None:
    assert fetching.by_itself().status_code == 200
    key_server.status = 503
    for _ in range(3):
        clock.move(28000)
        assert fetching.by_itself().status_code == 200
    clock.move(3000)

    refused(fetching.by_itself())


@pytest.mark.parametrize(
    "bend",
    [
        {"raw": b"not json"},
        {"raw": b"[]"},
        {"raw": b'{"keys": {}}'},
        {"raw": b'{"keys": [1, null, "x"]}'},
        {"raw": b'{"keys": [{"kty": "EC"}]}'},
        {"raw": b'{"keys": [{"kty": "EC", "crv": "P-256", "kid": "k1", "x": "AA", "y": "AA"}]}'},
        {"raw": b'{"keys": [{"kty": "EC", "crv": "P-256", "kid": "k1", "alg": []}]}'},
        {"raw": b'{"keys": [{"kty": "EC", "crv": "P-256", "kid": "k1", "x": 1, "y": {}}]}'},
        {"raw": b'{"keys": [{"kty": "EC", "crv": "P-256", "kid": "k1", "key_ops": 1}]}'},
        {"raw": b"{" * 60000},
        {"raw": b'{"keys": [' + b" " * 70000 + b"]}"},
        {"raw": b"\xff\xfe"},
        {"status": 404},
        {"status": 302, "headers": {"Location": "/jwks"}},
        {"status": 204},
    ],
    ids=str,
)
def test_km_4_a_server_that_publishes_rubbish_lets_nobody_in(
    fetching: KeyedPortal, key_server: KeyServer, bend: dict[str, Any]
) -> None:
    for name, value in bend.items():
        setattr(key_server, name, value)

    refused(fetching.by_itself())


def test_km_4_a_private_key_by_mistake_is_still_only_used_to_verify(
    fetching: KeyedPortal, key_server: KeyServer
) -> None:
    whole = {**fetching.signer.key.as_dict(private=True), "kid": "k1", "use": "sig"}
    key_server.document = {"keys": [whole]}

    assert fetching.by_itself().status_code == 200


def test_ss_1_a_private_address_is_not_asked(
    make_app: Callable[..., Application], key_server: KeyServer
) -> None:
    app = make_app()
    service = a_service(app, app.test_client(), jwks_uri=key_server.url)
    key_server.document = service.signer.jwks()

    refused(service.by_itself())
    assert key_server.asked == 0
