"""The `claims` parameter in all its forms (OpenID Connect Core §5.5), and `acr` (§5.5.1.1)."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.assurance import APP_CODE, PASSWORD, Authentication, combine
from tests.jar import request_claims
from tests.keyed import a_keyed_portal
from tests.portal import Portal, sign_in
from tests.waiting import page_of, resumed, sign_in_for

TWO_FACTORS = combine(PASSWORD, APP_CODE)
KEY = Authentication(3, ("hwk", "user", "mfa"))
LEVELS = {n: f"urn:kemnaker:aal:{n}" for n in (1, 2, 3)}
FORMS: list[Any] = [
    None,
    {},
    {"essential": True},
    {"essential": False},
    {"value": "whatever"},
    {"values": ["a", "b"]},
    {"value": None},
    {"purpose": "why not", "essential": True},
    {"ekyc": {"deep": [1, 2, {"x": None}]}},
]


@pytest.fixture
def portal(register: Callable[..., Portal], person: Account) -> Portal:
    return register(first_party=True)


def asked(**sections: Any) -> str:
    return json.dumps(sections)


def id_token(portal: Portal, **changes: str | None) -> dict[str, Any]:
    return portal.claims(portal.tokens(**changes)["id_token"])


# --- individual claims (§5.5.1)


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("section", ["id_token", "userinfo"])
def test_a_claim_comes_however_it_is_asked_for(portal: Portal, section: str, form: Any) -> None:
    tokens = portal.tokens(scope="openid", claims=asked(**{section: {"email": form}}))
    told = {
        "id_token": portal.claims(tokens["id_token"]),
        "userinfo": portal.userinfo(tokens["access_token"]).get_json(),
    }
    other = {"id_token": "userinfo", "userinfo": "id_token"}[section]

    assert told[section]["email"] == "budi1@contoh.id"
    assert "email" not in told[other]


def test_a_scope_and_a_name_together_tell_both(portal: Portal) -> None:
    tokens = portal.tokens(scope="openid phone", claims=asked(userinfo={"email": None}))
    told = portal.userinfo(tokens["access_token"]).get_json()

    assert set(told) == {"sub", "email", "phone_number", "phone_number_verified"}


def test_a_name_does_not_bring_its_neighbours(portal: Portal) -> None:
    told = id_token(portal, claims=asked(id_token={"phone_number": None}))

    assert "phone_number" in told
    assert "phone_number_verified" not in told


@pytest.mark.parametrize(
    "section",
    [
        {"email#id": None},
        {"EMAIL": None},
        {" email": None},
        {"": None},
        {"é→": None},
        {"x" * 300: None},
        {"_claim_names": None},
        {"password": {"essential": True}},
        {"__class__": None},
        {"nik": {"essential": True}},
        {"nik_verified_at": None},
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_unknown_or_never_told_by_name_is_passed_over(
    portal: Portal, section: dict[str, Any]
) -> None:
    tokens = portal.tokens(scope="openid", claims=asked(id_token=section, userinfo=section))

    assert not {*section} & set(portal.claims(tokens["id_token"]))
    assert set(portal.userinfo(tokens["access_token"]).get_json()) == {"sub"}


@pytest.mark.parametrize(
    "name", ["iss", "aud", "exp", "iat", "sub", "nonce", "at_hash", "sid", "auth_time", "amr"]
)
def test_claims_about_the_sign_in_stay_what_they_are(portal: Portal, name: str) -> None:
    plain = id_token(portal)
    told = id_token(portal, claims=asked(id_token={name: {"essential": True}}))

    assert (name in told) == (name in plain)
    if name in {"iss", "aud", "sub", "nonce", "sid", "auth_time", "amr"}:
        assert told[name] == plain[name]


@pytest.mark.parametrize("text", ["{}", '{"id_token":{}}', '{"id_token":null,"userinfo":null}'])
def test_nothing_asked_is_nothing_told(portal: Portal, text: str) -> None:
    assert set(id_token(portal, claims=text)) == set(id_token(portal))


@pytest.mark.parametrize(
    "text",
    [
        '{"id_token":{"email":NaN}}',
        '{"id_token":{"acr":{"value":1e999}}}',
        '{"id_token":{"acr":{"value":-Infinity}}}',
        '{"id_token":{"\\ud800":null}}',
        '{"id_token":{"sub":{"value":"\\udfff"}}}',
        '{"id_token":{"email":true}}',
        '{"id_token":{"email":"essential"}}',
        '{"id_token":[["email"]]}',
        '{"id_token":{"email":null},"id_token":{}}',
        '{"id_token":{"acr":{"essential":true,"essential":false}}}',
        '{"id_token":{"acr":{"essential":"true","value":"urn:kemnaker:aal:2"}}}',
        '{"id_token":{"acr":{"essential":1,"value":"urn:kemnaker:aal:2"}}}',
        '{"id_token":{"acr":{"essential":true,"values":"urn:kemnaker:aal:2"}}}',
        '{"id_token":{"acr":{"essential":true,"values":{"0":"urn:kemnaker:aal:2"}}}}',
        '{"id_token":{"acr":{"essential":true,"values":null}}}',
        json.dumps({"id_token": {f"c{n}": None for n in range(101)}}),
        "'",
        "{'id_token':{}}",
        "\ufeff{}",
    ],
    ids=lambda value: value[:40],
)
def test_what_is_no_good_json_is_an_error(portal: Portal, text: str) -> None:
    assert portal.answer(portal.start(claims=text))["error"] == "invalid_request"


def test_a_hundred_claims_are_borne(portal: Portal) -> None:
    wishes = {f"c{n}": None for n in range(99)} | {"email": None}
    told = portal.token(
        path="/par",
        **{
            **{n: v for n, v in request_claims(portal).items() if n not in _OF_THE_JWT},
            "claims": asked(id_token=wishes, userinfo=wishes),
        },
    ).get_json()
    query = urlencode({"client_id": portal.client_id, "request_uri": told["request_uri"]})

    code = portal.answer(portal.browser.get(f"/authorize?{query}"))["code"]

    assert "email" in portal.claims(portal.redeem(code).get_json()["id_token"])


_OF_THE_JWT = {"iss", "aud", "nbf", "exp"}


def test_given_twice_it_is_refused(portal: Portal) -> None:
    url = portal.authorization_url(claims="{}")

    assert portal.answer(portal.browser.get(f"{url}&claims=%7B%7D"))["error"] == "invalid_request"


def test_the_identity_level_comes_where_it_was_asked_for(portal: Portal) -> None:
    asking = asked(userinfo={"ial": None})
    tokens = portal.tokens(scope="openid", claims=asking)
    plain = portal.tokens(scope="openid profile")

    assert portal.userinfo(tokens["access_token"]).get_json()["ial"] == 1
    assert "ial" not in portal.claims(tokens["id_token"])
    assert "ial" not in portal.userinfo(plain["access_token"]).get_json()


def test_what_was_asked_lasts_as_long_as_the_grant(portal: Portal) -> None:
    wish = {"email": None}
    first = portal.tokens(scope="openid offline_access", claims=asked(id_token=wish, userinfo=wish))

    again = portal.refresh(first["refresh_token"]).get_json()

    assert "email" in portal.claims(again["id_token"])
    assert "email" in portal.userinfo(again["access_token"]).get_json()


def test_metadata_says_that_it_works(browser: FlaskClient) -> None:
    document = browser.get("/.well-known/openid-configuration").get_json()

    assert document["claims_parameter_supported"] is True
    assert {"email", "address", "acr", "auth_time", "ial", "sid"} <= set(
        document["claims_supported"]
    )


# --- acr (§5.5.1.1)


def acr(*values: object, essential: bool = True, **more: Any) -> str:
    wish = {"essential": essential, "values": list(values), **more}
    return asked(id_token={"acr": wish})


@pytest.mark.parametrize(
    ("reached", "changes", "told"),
    [
        (PASSWORD, {"claims": acr(LEVELS[1])}, 1),
        (TWO_FACTORS, {"claims": acr(LEVELS[1])}, 1),
        (TWO_FACTORS, {"claims": acr(LEVELS[1], LEVELS[2])}, 2),
        (TWO_FACTORS, {"claims": acr(LEVELS[3], LEVELS[2])}, 2),
        (TWO_FACTORS, {"claims": acr(LEVELS[2], "urn:else:9")}, 2),
        (KEY, {"claims": acr(LEVELS[2])}, 2),
        (KEY, {"claims": acr(LEVELS[3])}, 3),
        (KEY, {"claims": acr(LEVELS[1], essential=False)}, 1),
        (KEY, {"claims": asked(id_token={"acr": {"essential": True, "value": LEVELS[2]}})}, 2),
        (KEY, {"claims": asked(id_token={"acr": {"essential": True}})}, 3),
        (KEY, {"claims": asked(id_token={"acr": None})}, 3),
        (TWO_FACTORS, {"acr_values": f"{LEVELS[2]} {LEVELS[1]}"}, 2),
        (TWO_FACTORS, {"acr_values": f"{LEVELS[3]} {LEVELS[1]}"}, 1),
        (TWO_FACTORS, {"acr_values": f"urn:else:9 {LEVELS[1]}"}, 1),
        (TWO_FACTORS, {"acr_values": "urn:else:9"}, 2),
        (PASSWORD, {"acr_values": LEVELS[3]}, 1),
        (PASSWORD, {"claims": acr(LEVELS[3], essential=False)}, 1),
        # what must be has precedence over what is wished
        (TWO_FACTORS, {"claims": acr(LEVELS[2]), "acr_values": LEVELS[1]}, 2),
        # `acr` asked for at userinfo says nothing of the sign-in
        (PASSWORD, {"claims": asked(userinfo={"acr": {"essential": True, "value": "x"}})}, 1),
    ],
    ids=str,
)
def test_the_acr_is_one_of_those_asked_for_and_never_more_than_was_reached(
    app: Application,
    browser: FlaskClient,
    portal: Portal,
    person: Account,
    reached: Authentication,
    changes: dict[str, str],
    told: int,
) -> None:
    sign_in(app, browser, person, reached)

    assert id_token(portal, **changes)["acr"] == LEVELS[told]


@pytest.mark.parametrize(
    "claims",
    [
        acr("urn:else:9"),
        acr("urn:else:9", "phr"),
        acr(LEVELS[3]),
        acr(""),
        acr(2),
        acr(None),
        acr({"x": 1}),
        acr(LEVELS[1].upper()),
        asked(id_token={"acr": {"essential": True, "value": "urn:else:9"}}),
    ],
)
@pytest.mark.parametrize("prompt", [None, "none"])
def test_an_essential_acr_that_can_not_be_reached_is_an_error(
    portal: Portal, claims: str, prompt: str | None
) -> None:
    """OpenID Connect Core Error Code unmet_authentication_requirements §2."""
    answer = portal.answer(portal.start(claims=claims, prompt=prompt))

    assert answer["error"] == "unmet_authentication_requirements"


def test_an_essential_acr_is_reached_by_a_further_proof(
    app: Application, browser: FlaskClient, portal: Portal, person: Account
) -> None:
    waiting = portal.start(claims=acr(LEVELS[2]))
    assert page_of(waiting) == "/masuk/metode"

    sign_in_for(app, browser, person, waiting, TWO_FACTORS)

    code = portal.answer(resumed(browser, waiting))["code"]
    assert portal.claims(portal.redeem(code).get_json()["id_token"])["acr"] == LEVELS[2]


def test_a_sign_in_that_is_too_weak_does_not_meet_it(
    app: Application, browser: FlaskClient, portal: Portal, person: Account
) -> None:
    waiting = portal.start(claims=acr(LEVELS[2]))

    sign_in_for(app, browser, person, waiting, PASSWORD)

    assert page_of(resumed(browser, waiting)) == "/masuk/metode"


@pytest.mark.parametrize(
    ("default", "told"), [([LEVELS[1]], 1), (["urn:else:9", LEVELS[2]], 2), (["urn:else:9"], 3)]
)
def test_registered_values_count_where_none_are_asked(
    app: Application,
    browser: FlaskClient,
    register: Callable[..., Portal],
    person: Account,
    default: list[str],
    told: int,
) -> None:
    """OpenID Connect Registration §2, `default_acr_values`."""
    sign_in(app, browser, person, KEY)
    portal = register(first_party=True, default_acr_values=default)

    assert id_token(portal)["acr"] == LEVELS[told]
    assert id_token(portal, acr_values=LEVELS[2])["acr"] == LEVELS[2]


def test_it_counts_in_a_request_object_too(
    app: Application, browser: FlaskClient, person: Account
) -> None:
    portal = a_keyed_portal(app, browser, first_party=True)
    wish = {"id_token": {"acr": {"essential": True, "values": [LEVELS[3]]}}}
    signed = portal.signer.sign(request_claims(portal, claims=wish))
    query = urlencode({"client_id": portal.client_id, "request": signed})

    answer = portal.answer(browser.get(f"/authorize?{query}"))

    assert answer["error"] == "unmet_authentication_requirements"
