"""Rich authorization requests (RFC 9396): types, what a person sees, what a token says."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.protocol.authorization_details import TYPES
from idp.domain.protocol.errors import ProtocolError
from idp.web.details import WORDS
from tests.jar import request_object
from tests.keyed import a_keyed_portal
from tests.portal import CALLBACK, ISSUER, Portal

JKP = "https://jkp.example/"
READ = {"type": "kemnaker_jkp_claim", "actions": ["read"]}
BOTH = {"type": "kemnaker_jkp_claim", "actions": ["read", "submit"]}
PAPER = {"type": "kemnaker_document", "actions": ["read"], "identifier": "ak1-2026-17"}
OF = list(TYPES)


@pytest.fixture
def portal(register: Callable[..., Portal], person: Account) -> Portal:
    return register(authorization_details_types=OF, resources=[JKP])


def text(*details: Any) -> str:
    return json.dumps(list(details))


def error_of(portal: Portal, response: TestResponse) -> str:
    return portal.answer(response)["error"]


def claims_of(portal: Portal, body: dict[str, Any]) -> Any:
    return portal.claims(body["access_token"]).get("authorization_details")


# --- asking (§2, §3)


@pytest.mark.parametrize(
    "details",
    [
        [READ],
        [BOTH],
        [PAPER],
        [READ, PAPER],
        [{**READ, "locations": [JKP]}],
        [{**READ, "locations": [ISSUER, JKP]}],
    ],
    ids=str,
)
def test_what_was_granted_stands_in_the_answer_and_in_the_token(
    portal: Portal, details: list[Any]
) -> None:
    """§7 and §9.1."""
    body = portal.tokens(authorization_details=text(*details))

    assert body["authorization_details"] == details
    assert claims_of(portal, body) == details
    assert body["scope"] == "openid"


def test_they_may_be_asked_for_without_a_scope(portal: Portal) -> None:
    """§3: `scope` and `authorization_details` may stand alone."""
    body = portal.tokens(authorization_details=text(READ), scope=None)

    assert body["authorization_details"] == [READ]
    assert "scope" not in body
    assert "id_token" not in body
    assert "scope" not in portal.claims(body["access_token"])
    assert portal.userinfo(body["access_token"]).status_code == 403


def test_a_scope_that_is_not_registered_is_refused_in_spite_of_details(portal: Portal) -> None:
    response = portal.start(authorization_details=text(READ), scope="unheard-of")

    assert error_of(portal, response) == "invalid_scope"


def test_a_resource_may_be_named_beside_them(portal: Portal) -> None:
    body = portal.tokens(authorization_details=text(READ), resource=JKP)

    assert portal.claims(body["access_token"])["aud"] == JKP
    assert claims_of(portal, body) == [READ]


def test_they_may_be_pushed(portal: Portal) -> None:
    form = {
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid",
        "authorization_details": text(READ),
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }
    good = portal.token(path="/par", **form)
    bad = portal.token(path="/par", **{**form, "authorization_details": text({"type": "x"})})

    assert good.status_code == 201
    assert (bad.status_code, bad.get_json()["error"]) == (400, "invalid_authorization_details")


def test_they_stand_in_a_request_object_as_json(
    app: Application, browser: FlaskClient, person: Account
) -> None:
    portal = a_keyed_portal(app, browser, authorization_details_types=OF, first_party=True)
    signed = request_object(portal, authorization_details=[READ])

    response = browser.get(f"/authorize?client_id={portal.client_id}&request={signed}")

    assert portal.redeem(portal.answer(response)["code"]).get_json()["authorization_details"] == [
        READ
    ]


def test_metadata_names_the_types(browser: FlaskClient) -> None:
    """§10."""
    document = browser.get("/.well-known/oauth-authorization-server").get_json()

    assert document["authorization_details_types_supported"] == list(TYPES)


# --- refusing (§5)

BENT: list[str] = [
    "{",
    "null",
    "7",
    '"x"',
    "{}",
    "[]",
    "[null]",
    "[[]]",
    '["kemnaker_jkp_claim"]',
    "[{}]",
    '[{"type":null}]',
    '[{"type":1,"actions":["read"]}]',
    '[{"type":["kemnaker_jkp_claim"],"actions":["read"]}]',
    "[NaN]",
    '[{"type":"kemnaker_jkp_claim","type":"kemnaker_jkp_claim"}]',
    '[{"type":"kemnaker_jkp_claim","actions":["read"],"identifier":1e999}]',
    "[" * 1500,
    text(*[READ] * 11),
    text({"type": "unheard_of", "actions": ["read"]}),
    text({"type": "Kemnaker_jkp_claim", "actions": ["read"]}),
    text(READ, {"type": "unheard_of"}),
    text({"type": "kemnaker_jkp_claim"}),
    text({**READ, "actions": []}),
    text({**READ, "actions": "read"}),
    text({**READ, "actions": ["delete"]}),
    text({**READ, "actions": ["read", "delete"]}),
    text({**READ, "actions": [1]}),
    text({**READ, "actions": {"read": True}}),
    text({**READ, "unheard_of": 1}),
    text({**READ, "privileges": ["admin"]}),
    text({**READ, "datatypes": ["salary"]}),
    text({**READ, "identifier": "x"}),
    text({**READ, "locations": ["https://evil.example/"]}),
    text({**READ, "locations": [JKP, "https://evil.example/"]}),
    text({**READ, "locations": JKP}),
    text({**READ, "locations": [{}]}),
    text({"type": "kemnaker_document", "actions": ["read"]}),
    text({**PAPER, "identifier": None}),
    text({**PAPER, "identifier": ""}),
    text({**PAPER, "identifier": 17}),
    text({**PAPER, "identifier": ["x"]}),
    text({**PAPER, "identifier": "x" * 201}),
    text({**PAPER, "identifier": "a\nb"}),
    text({**PAPER, "identifier": "a\u0000b"}),
    text({**PAPER, "identifier": "\u202egpj.exe"}),
    text({**PAPER, "identifier": "\ud800"}),
]


@pytest.mark.parametrize("details", BENT, ids=lambda value: str(value)[:60])
def test_what_is_unknown_or_bent_is_refused(portal: Portal, details: str) -> None:
    response = portal.start(authorization_details=details)

    assert error_of(portal, response) == "invalid_authorization_details"


def test_without_a_value_it_counts_as_absent(portal: Portal) -> None:
    assert "authorization_details" not in portal.tokens(authorization_details="")


def test_a_client_asks_only_for_types_that_it_registered(
    register: Callable[..., Portal], person: Account
) -> None:
    none = register()
    one = register(authorization_details_types=["kemnaker_document"])

    for portal in (none, one):
        response = portal.start(authorization_details=text(READ))
        assert error_of(portal, response) == "invalid_authorization_details"
    assert one.tokens(authorization_details=text(PAPER))["authorization_details"] == [PAPER]


def test_given_twice_they_are_refused(portal: Portal) -> None:
    url = portal.authorization_url(authorization_details=text(READ))

    response = portal.browser.get(f"{url}&authorization_details=%5B%5D")

    assert error_of(portal, response) == "invalid_request"


# --- the person decides (§4)


def test_every_type_and_action_has_its_words() -> None:
    assert {(row.name, action) for row in TYPES.values() for action in row.actions} == set(WORDS)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("id", ["Mengajukan klaim JKP atas nama Anda", "Membaca dokumen ak1-2026-17"]),
        ("en", ["File a JKP claim in your name", "ak1-2026-17"]),
    ],
)
def test_the_page_says_what_would_be_allowed(
    portal: Portal, language: str, words: list[str]
) -> None:
    waiting = portal.start(authorization_details=text(BOTH, PAPER), ui_locales=language)

    page = portal.browser.get(waiting.headers["Location"]).text

    assert not [word for word in words if word not in page]


def test_oa_20_an_identifier_is_escaped_on_the_page(portal: Portal) -> None:
    hostile = {**PAPER, "identifier": "<script>alert(1)</script>"}
    waiting = portal.start(authorization_details=text(hostile))

    page = portal.browser.get(waiting.headers["Location"]).text

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_what_was_allowed_is_not_asked_again_and_more_is(portal: Portal) -> None:
    portal.tokens(authorization_details=text(READ))

    same = portal.start(authorization_details=text(READ), prompt="none")
    without = portal.start(prompt="none")
    more = portal.start(authorization_details=text(BOTH), prompt="none")
    other = portal.start(authorization_details=text(READ, PAPER), prompt="none")

    assert "code" in portal.answer(same)
    assert "code" in portal.answer(without)
    assert error_of(portal, more) == "consent_required"
    assert error_of(portal, other) == "consent_required"


def test_the_order_of_members_makes_no_difference(portal: Portal) -> None:
    portal.tokens(authorization_details=text(PAPER))
    turned = dict(reversed(PAPER.items()))

    response = portal.start(authorization_details=text(turned), prompt="none")

    assert "code" in portal.answer(response)


# --- the token endpoint (§6)


def test_a_code_may_buy_less_than_was_granted(portal: Portal) -> None:
    """§6.1."""
    code = portal.authorize(authorization_details=text(BOTH, PAPER))

    body = portal.redeem(code, authorization_details=text(READ)).get_json()

    assert body["authorization_details"] == [READ]
    assert claims_of(portal, body) == [READ]


@pytest.mark.parametrize(
    "asked",
    [
        [BOTH],
        [READ, PAPER],
        [{**READ, "locations": [JKP]}],
        [{"type": "unheard_of", "actions": ["read"]}],
        [{"type": "kemnaker_jkp_claim"}, PAPER],
    ],
    ids=str,
)
def test_oa_17_more_than_was_granted_is_refused(portal: Portal, asked: list[Any]) -> None:
    tokens = portal.tokens(authorization_details=text(READ), scope="openid offline_access")
    code = portal.authorize(authorization_details=text(READ))

    by_code = portal.redeem(code, authorization_details=text(*asked))
    by_refresh = portal.refresh(tokens["refresh_token"], authorization_details=text(*asked))

    for answer in (by_code, by_refresh):
        assert answer.status_code == 400
        assert answer.get_json()["error"] == "invalid_authorization_details"
    assert portal.redeem(code).status_code == 200


@pytest.mark.parametrize("details", ["{", "[]", "7", "[1]"])
def test_bent_details_are_refused_at_the_token_endpoint(portal: Portal, details: str) -> None:
    code = portal.authorize(authorization_details=text(READ))

    answer = portal.redeem(code, authorization_details=details)

    assert answer.get_json()["error"] == "invalid_authorization_details"
    assert portal.redeem(code).status_code == 200


def test_a_refresh_may_narrow_and_the_next_widen_again(portal: Portal) -> None:
    tokens = portal.tokens(authorization_details=text(BOTH), scope="openid offline_access")

    less = portal.refresh(tokens["refresh_token"], authorization_details=text(READ)).get_json()
    again = portal.refresh(tokens["refresh_token"]).get_json()

    assert less["authorization_details"] == [READ]
    assert again["authorization_details"] == [BOTH]


def test_nothing_granted_nothing_had(portal: Portal) -> None:
    code = portal.authorize()

    answer = portal.redeem(code, authorization_details=text(READ))

    assert answer.get_json()["error"] == "invalid_authorization_details"


def test_a_client_that_acts_for_itself_has_none(register: Callable[..., Portal]) -> None:
    service = register(
        grant_types=["client_credentials"],
        redirect_uris=[],
        scope="jkp.read",
        authorization_details_types=OF,
    )

    plain = service.token(grant_type="client_credentials")
    asking = service.token(grant_type="client_credentials", authorization_details=text(READ))

    assert plain.status_code == 200
    assert asking.get_json()["error"] == "invalid_authorization_details"


# --- introspection (§9.2) and registration (§10)


def test_introspection_tells_them(register: Callable[..., Portal], person: Account) -> None:
    portal = register(authorization_details_types=OF, resources=[JKP])
    server = register(serves=[JKP])
    body = portal.tokens(authorization_details=text(READ), resource=JKP)

    assert server.introspect(body["access_token"])["authorization_details"] == [READ]


@pytest.mark.parametrize("types", ["kemnaker_document", ["unheard_of"], [1], {}, [""]])
def test_only_known_types_can_be_registered(register: Callable[..., Portal], types: object) -> None:
    with pytest.raises(ProtocolError) as refusal:
        register(authorization_details_types=types)

    assert refusal.value.error == "invalid_client_metadata"
