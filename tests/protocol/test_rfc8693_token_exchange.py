"""RFC 8693: token exchange between services of the ministry, by the policy of each client."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.audit import Action, AuditEvent
from tests.fakes import FixedClock
from tests.portal import ISSUER, Portal, a_portal

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
JWT = "urn:ietf:params:oauth:token-type:jwt"
API, BACKEND, FOREIGN = "https://api.example", "https://backend.example", "https://x.example"
SCOPE = "openid profile laporan:baca laporan:tulis"
NEVER = ("id_token", "refresh_token", "saml1", "saml2")


@dataclass
class Chain:
    """A portal with a person, the service that it calls, and the one behind that."""

    portal: Portal
    service: Portal
    backend: Portal

    def subject(self, **changes: Any) -> str:
        """Return the person's token for the service."""
        return str(
            self.portal.tokens(**{"scope": SCOPE, "resource": API, **changes})["access_token"]
        )

    def exchange(self, token: str | None, **changes: Any) -> TestResponse:
        """Exchange as the service does, for the backend."""
        return exchange(self.service, token, **{"audience": BACKEND, **changes})


def exchange(client: Portal, token: str | None, **changes: Any) -> TestResponse:
    form = {
        "grant_type": EXCHANGE,
        "subject_token": token,
        "subject_token_type": ACCESS_TOKEN,
        **changes,
    }
    return client.token(**form)


def a_service(app: Application, browser: FlaskClient, **metadata: Any) -> Portal:
    given = {
        "redirect_uris": [],
        "grant_types": [EXCHANGE, "client_credentials"],
        "scope": SCOPE,
        **metadata,
    }
    return a_portal(app, browser, **given)


@pytest.fixture
def chain(app: Application, browser: FlaskClient, person: Account) -> Chain:
    return Chain(
        a_portal(app, browser, scope=f"{SCOPE} offline_access", resources=[API]),
        a_service(app, browser, serves=[API], exchange_audiences=[BACKEND]),
        a_service(app, browser, serves=[BACKEND]),
    )


def refusal(answer: TestResponse) -> str:
    assert answer.status_code == 400, answer.text
    assert set(answer.get_json()) == {"error", "error_description"}
    return str(answer.get_json()["error"])


# --- on behalf of a person


def test_a_service_acts_for_the_person_towards_the_next_one(chain: Chain) -> None:
    subject = chain.subject()

    answer = chain.exchange(subject)

    told = answer.get_json()
    assert answer.status_code == 200
    assert told["issued_token_type"] == ACCESS_TOKEN
    assert told["token_type"] == "Bearer"
    assert set(told) == {
        "access_token",
        "issued_token_type",
        "token_type",
        "expires_in",
        "scope",
    }
    claims, before = chain.portal.claims(told["access_token"]), chain.portal.claims(subject)
    assert claims["aud"] == BACKEND
    assert claims["client_id"] == chain.service.client_id
    assert claims["act"] == {"sub": chain.service.client_id}
    assert {name: claims[name] for name in ("acr", "amr", "auth_time")} == {
        name: before[name] for name in ("acr", "amr", "auth_time")
    }


def test_every_service_knows_the_person_by_a_name_of_its_own(chain: Chain) -> None:
    subject = chain.subject()

    first = chain.portal.claims(chain.exchange(subject).get_json()["access_token"])
    again = chain.portal.claims(chain.exchange(chain.subject()).get_json()["access_token"])

    assert first["sub"] == again["sub"]
    assert first["sub"] not in {chain.portal.claims(subject)["sub"], chain.service.client_id}


def test_services_that_acted_before_stand_inside(
    chain: Chain, app: Application, browser: FlaskClient
) -> None:
    last = "https://last.example"
    middle = a_service(app, browser, serves=[BACKEND], exchange_audiences=[last])
    once = chain.exchange(chain.subject()).get_json()["access_token"]

    twice = exchange(middle, once, audience=last).get_json()["access_token"]

    assert chain.portal.claims(twice)["act"] == {
        "sub": middle.client_id,
        "act": {"sub": chain.service.client_id},
    }


def test_a_chain_of_services_has_an_end(
    app: Application, browser: FlaskClient, chain: Chain
) -> None:
    token = chain.exchange(chain.subject()).get_json()["access_token"]
    for _ in range(3):
        relay = a_service(app, browser, serves=[BACKEND], exchange_audiences=[BACKEND])
        token = exchange(relay, token, audience=BACKEND).get_json()["access_token"]
    relay = a_service(app, browser, serves=[BACKEND], exchange_audiences=[BACKEND])

    assert refusal(exchange(relay, token, audience=BACKEND)) == "unauthorized_client"


def test_the_resource_learns_who_acts_by_introspection(chain: Chain) -> None:
    token = chain.exchange(chain.subject()).get_json()["access_token"]

    assert chain.backend.introspect(token)["act"] == {"sub": chain.service.client_id}


def test_a_service_acts_for_another_service_under_that_ones_name(chain: Chain) -> None:
    caller = a_service(chain.portal.app, chain.portal.browser, resources=[API])
    asked = caller.token(grant_type="client_credentials", scope="laporan:baca", resource=API)

    answer = chain.exchange(asked.get_json()["access_token"])

    claims = chain.portal.claims(answer.get_json()["access_token"])
    assert claims["sub"] == caller.client_id
    assert claims["act"] == {"sub": chain.service.client_id}
    assert claims["client_id"] == chain.service.client_id


# --- narrowing


def test_a_client_narrows_its_own_token(
    app: Application, browser: FlaskClient, person: Account
) -> None:
    portal = a_portal(app, browser, scope=SCOPE, grant_types=["authorization_code", EXCHANGE])
    token = portal.tokens(scope=SCOPE)["access_token"]

    answer = exchange(portal, token, scope="laporan:baca")

    claims = portal.claims(answer.get_json()["access_token"])
    assert answer.get_json()["scope"] == claims["scope"] == "laporan:baca"
    assert claims["aud"] == ISSUER
    assert "act" not in claims
    assert claims["sub"] == portal.claims(token)["sub"]


def test_a_client_may_name_the_audience_that_its_token_has(
    app: Application, browser: FlaskClient, person: Account
) -> None:
    portal = a_portal(app, browser, scope=SCOPE, grant_types=["authorization_code", EXCHANGE])
    token = portal.tokens(scope=SCOPE)["access_token"]

    answer = exchange(portal, token, audience=ISSUER, scope="laporan:baca")

    assert portal.claims(answer.get_json()["access_token"])["aud"] == ISSUER


def test_oa_17_scope_never_grows_by_exchange(chain: Chain) -> None:
    token = chain.subject(scope="openid laporan:baca")

    assert refusal(chain.exchange(token, scope="laporan:baca laporan:tulis")) == "invalid_scope"
    assert chain.exchange(token).get_json()["scope"] == "openid laporan:baca"


def test_oa_17_a_service_gets_no_scope_that_it_did_not_register(
    chain: Chain, app: Application, browser: FlaskClient
) -> None:
    narrow = a_service(
        app, browser, serves=[API], exchange_audiences=[BACKEND], scope="laporan:baca"
    )
    token = chain.subject()

    assert exchange(narrow, token, audience=BACKEND).get_json()["scope"] == "laporan:baca"
    asked = exchange(narrow, token, audience=BACKEND, scope="laporan:tulis")
    assert refusal(asked) == "invalid_scope"


def test_a_new_token_outlives_the_old_one_by_nothing(chain: Chain, clock: FixedClock) -> None:
    subject = chain.subject()
    clock.move(200)

    told = chain.exchange(subject).get_json()

    claims = chain.portal.claims(told["access_token"])
    assert claims["exp"] == chain.portal.claims(subject)["exp"]
    assert told["expires_in"] == 100


def test_no_refresh_and_no_id_token_comes_of_it(chain: Chain) -> None:
    token = chain.subject(scope=f"{SCOPE} offline_access")

    told = chain.exchange(token).get_json()

    assert {"refresh_token", "id_token"}.isdisjoint(told)


def test_details_are_kept_or_narrowed_and_never_grow(
    app: Application, browser: FlaskClient, person: Account
) -> None:
    portal = a_portal(
        app,
        browser,
        scope="openid",
        grant_types=["authorization_code", EXCHANGE],
        authorization_details_types=["kemnaker_jkp_claim"],
    )
    granted = '[{"type":"kemnaker_jkp_claim","actions":["read"]}]'
    token = portal.tokens(authorization_details=granted)["access_token"]

    kept = exchange(portal, token).get_json()
    more = exchange(
        portal,
        token,
        authorization_details='[{"type":"kemnaker_jkp_claim","actions":["read","submit"]}]',
    )

    assert kept["authorization_details"] == [{"type": "kemnaker_jkp_claim", "actions": ["read"]}]
    assert refusal(more) == "invalid_authorization_details"


# --- forms of the new token


def test_a_jwt_may_be_asked_for_by_its_type(chain: Chain) -> None:
    told = chain.exchange(chain.subject(), requested_token_type=JWT).get_json()

    assert told["issued_token_type"] == JWT
    assert told["access_token"].count(".") == 2


def test_a_resource_that_takes_opaque_tokens_gets_one(
    chain: Chain, app: Application, browser: FlaskClient
) -> None:
    deaf = "https://deaf.example"
    server = a_service(app, browser, serves=[deaf], access_token_format="opaque")
    service = a_service(app, browser, serves=[API], exchange_audiences=[deaf])
    subject = chain.subject()

    token = exchange(service, subject, audience=deaf).get_json()["access_token"]

    assert "." not in token
    told = server.introspect(token)
    assert (told["active"], told["aud"]) == (True, deaf)
    assert told["act"] == {"sub": service.client_id}
    as_jwt = exchange(service, subject, audience=deaf, requested_token_type=JWT)
    assert refusal(as_jwt) == "invalid_request"


def test_an_opaque_token_can_be_exchanged_too(
    chain: Chain, app: Application, browser: FlaskClient
) -> None:
    portal = a_portal(app, browser, scope=SCOPE, resources=[API], access_token_format="opaque")
    token = portal.tokens(scope=SCOPE, resource=API)["access_token"]

    assert "." not in token
    assert chain.exchange(token).status_code == 200


# --- policy


def test_the_policy_names_every_audience(chain: Chain) -> None:
    subject = chain.subject()

    for named in (FOREIGN, ISSUER, API, f"{BACKEND}/", BACKEND.upper(), "backend"):
        assert refusal(chain.exchange(subject, audience=named)) == "invalid_target"
        answer = chain.exchange(subject, audience=None, resource=named)
        assert refusal(answer) == "invalid_target"


def test_a_service_names_exactly_one_audience(chain: Chain) -> None:
    subject = chain.subject()

    assert refusal(chain.exchange(subject, resource=BACKEND)) == "invalid_target"
    assert refusal(chain.exchange(subject, audience=None)) == "invalid_target"
    assert chain.exchange(subject, audience=None, resource=BACKEND).status_code == 200


def test_what_a_service_may_ask_for_anyway_it_may_ask_for_here(
    chain: Chain, app: Application, browser: FlaskClient
) -> None:
    service = a_service(app, browser, serves=[API], resources=[BACKEND])
    narrow = a_service(
        app, browser, serves=[API], resources=[BACKEND], exchange_audiences=["https://x.example"]
    )
    subject = chain.subject()

    assert exchange(service, subject, audience=BACKEND).status_code == 200
    assert refusal(exchange(service, subject, audience=FOREIGN + "/y")) == "invalid_target"
    assert refusal(exchange(narrow, subject, audience=BACKEND)) == "invalid_target"


def test_a_client_without_a_policy_reaches_nothing_further(
    chain: Chain, app: Application, browser: FlaskClient
) -> None:
    service = a_service(app, browser, serves=[API])

    assert refusal(exchange(service, chain.subject(), audience=BACKEND)) == "invalid_target"


def test_a_token_that_was_meant_for_somebody_else_is_refused(
    chain: Chain, app: Application, browser: FlaskClient
) -> None:
    other = a_service(app, browser, serves=[FOREIGN], exchange_audiences=[BACKEND])

    assert refusal(exchange(other, chain.subject(), audience=BACKEND)) == "invalid_request"


def test_only_clients_registered_for_it_exchange(chain: Chain) -> None:
    answer = exchange(chain.portal, chain.subject(), audience=BACKEND)

    assert refusal(answer) == "unauthorized_client"


def test_a_public_client_exchanges_nothing(
    app: Application, browser: FlaskClient, person: Account
) -> None:
    public = a_portal(
        app,
        browser,
        scope=SCOPE,
        token_endpoint_auth_method="none",
        grant_types=["authorization_code", EXCHANGE],
    )

    answer = exchange(public, public.tokens(scope=SCOPE)["access_token"])

    assert refusal(answer) == "unauthorized_client"


# --- never a person for a person


def test_the_token_of_a_person_is_no_actor(chain: Chain) -> None:
    subject = chain.subject()

    for actor in (subject, chain.exchange(subject).get_json()["access_token"]):
        answer = chain.exchange(subject, actor_token=actor, actor_token_type=ACCESS_TOKEN)
        assert refusal(answer) == "invalid_request"


def test_a_service_may_show_that_it_is_the_actor(chain: Chain) -> None:
    own = chain.service.token(grant_type="client_credentials", scope="laporan:baca")
    actor = own.get_json()["access_token"]

    answer = chain.exchange(chain.subject(), actor_token=actor, actor_token_type=ACCESS_TOKEN)

    claims = chain.portal.claims(answer.get_json()["access_token"])
    assert claims["act"] == {"sub": chain.service.client_id}


def test_no_service_acts_in_the_name_of_another(chain: Chain) -> None:
    own = chain.backend.token(grant_type="client_credentials", scope="laporan:baca")
    actor = own.get_json()["access_token"]

    answer = chain.exchange(chain.subject(), actor_token=actor, actor_token_type=ACCESS_TOKEN)

    assert refusal(answer) == "invalid_request"


def test_actor_and_its_type_come_together(chain: Chain) -> None:
    subject = chain.subject()

    assert refusal(chain.exchange(subject, actor_token=subject)) == "invalid_request"
    assert refusal(chain.exchange(subject, actor_token_type=ACCESS_TOKEN)) == "invalid_request"


# --- what is brought


@pytest.mark.parametrize("kind", NEVER)
def test_other_kinds_of_token_are_not_exchanged(chain: Chain, kind: str) -> None:
    subject, other = chain.subject(), f"urn:ietf:params:oauth:token-type:{kind}"

    for name in ("subject_token_type", "requested_token_type"):
        assert refusal(chain.exchange(subject, **{name: other})) == "invalid_request"


@pytest.mark.parametrize("name", ["subject_token", "subject_token_type"])
def test_what_is_needed_is_asked_for(chain: Chain, name: str) -> None:
    assert refusal(chain.exchange(chain.subject(), **{name: None})) == "invalid_request"


def test_something_else_than_an_access_token_is_refused(chain: Chain) -> None:
    tokens = chain.portal.tokens(scope=f"{SCOPE} offline_access", resource=API)
    good = tokens["access_token"]
    head, payload, signature = good.split(".")

    for bad in (
        tokens["id_token"],
        tokens["refresh_token"],
        f"{head}.{payload}.",
        f"{head}.{payload}.{signature[::-1]}",
        good[:-2],
        f"{good}A",
        "x",
        "é",
        "..",
    ):
        assert refusal(chain.exchange(bad)) == "invalid_request", bad


def test_an_expired_token_is_refused(chain: Chain, clock: FixedClock) -> None:
    subject = chain.subject()
    clock.move(300)

    assert refusal(chain.exchange(subject)) == "invalid_request"


def test_a_token_that_was_ended_is_refused(chain: Chain) -> None:
    subject = chain.subject()
    chain.portal.token(path="/revoke", token=subject)

    assert refusal(chain.exchange(subject)) == "invalid_request"


def test_a_token_of_a_suspended_client_is_refused(chain: Chain) -> None:
    subject = chain.subject()
    chain.portal.app.wiring.services.clients.suspend(chain.portal.client_id)

    assert refusal(chain.exchange(subject)) == "invalid_request"


@pytest.mark.parametrize("name", ["subject_token", "scope", "actor_token", "requested_token_type"])
def test_oa_4_a_parameter_given_twice_is_an_error(chain: Chain, name: str) -> None:
    body = f"grant_type={EXCHANGE}&{name}=a&{name}=b"
    answer = chain.service.browser.post(
        "/token",
        data=body,
        content_type="application/x-www-form-urlencoded",
        auth=(chain.service.client_id, chain.service.secret or ""),
    )

    assert refusal(answer) == "invalid_request"


# --- the end of what was exchanged


def test_oa_16_an_exchanged_token_ends_with_the_grant_behind_it(chain: Chain) -> None:
    subject = chain.subject()
    token = chain.exchange(subject).get_json()["access_token"]
    assert chain.backend.introspect(token)["active"] is True

    chain.portal.token(path="/revoke", token=subject)

    assert chain.backend.introspect(token) == {"active": False}


def test_oa_16_an_exchanged_token_ends_with_the_portal_behind_it(chain: Chain) -> None:
    token = chain.exchange(chain.subject()).get_json()["access_token"]

    chain.portal.app.wiring.services.clients.suspend(chain.portal.client_id)

    assert chain.backend.introspect(token) == {"active": False}


def test_a_service_ends_its_own_token_and_not_the_portals_grant(chain: Chain) -> None:
    subject = chain.subject()
    token = chain.exchange(subject).get_json()["access_token"]

    chain.service.token(path="/revoke", token=token)

    assert chain.backend.introspect(token) == {"active": False}
    assert chain.service.introspect(subject)["active"] is True
    assert refusal(exchange(chain.backend, token)) == "invalid_request"


def test_pd_6_every_exchange_is_audited(
    chain: Chain, audited: Callable[[Action], list[AuditEvent]], person: Account
) -> None:
    chain.exchange(chain.subject())

    (event,) = audited(Action.TOKEN_EXCHANGED)
    assert event.details == {"audience": BACKEND, "issued_to": chain.portal.client_id}
    assert (event.client_id, event.account_id) == (chain.service.client_id, person.id)
