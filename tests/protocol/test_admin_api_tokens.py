"""Who may call the API of administration (RFC 6750, RFC 9068 §4, RFC 9449 §7, RFC 8705 §3)."""

import re
from collections.abc import Callable
from itertools import product

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.admin_scopes import ADMIN_PATH, ADMIN_SCOPES, WORDS, scope_of
from idp.domain.identity.roles import Permission
from idp.web.api.operation import OPERATIONS, Operation
from tests.administration import AUDIENCE, Program, a_program, ask_token
from tests.certificates import HEADER, VERIFIED, Pair
from tests.fakes import FixedClock
from tests.portal import ISSUER, Portal, a_portal, an_account, sign_in
from tests.proofs import Holder, hash_of

KEYS_READ = scope_of(Permission.KEYS_READ)
KEYS = f"{ADMIN_PATH}/keys"
METADATA = f"{ISSUER}/.well-known/oauth-protected-resource{ADMIN_PATH}"
PROXY = "192.0.2.10"


@pytest.fixture
def program(app: Application) -> Program:
    """It may read keys, and nothing else."""
    return a_program(app, KEYS_READ)


def address_of(operation: Operation) -> str:
    """Return an address of an operation at which there is nothing."""
    return re.sub(r"\{\w+\}", "00000000-0000-4000-8000-000000000000", operation.path)


def challenge(answer: TestResponse) -> str:
    assert answer.mimetype == "application/problem+json"
    return answer.headers["WWW-Authenticate"]


def test_ad_2_every_operation_answers_its_own_scope_and_no_other(app: Application) -> None:
    programs = {scope: a_program(app, scope) for scope in ADMIN_SCOPES}
    asked = set()

    for operation, (scope, program) in product(OPERATIONS, programs.items()):
        if operation.scope == scope:
            continue
        answer = program.call(operation.method, address_of(operation))
        asked.add((operation.name, scope))
        assert answer.status_code == 403, (operation.name, scope)
        assert answer.get_json()["code"] == "insufficient_scope"
        assert 'error="insufficient_scope"' in challenge(answer)
        assert f'scope="{operation.scope}"' in challenge(answer)
    for operation in OPERATIONS:
        answer = programs[operation.scope].call(operation.method, address_of(operation))
        assert answer.status_code not in {401, 403}, (operation.name, answer.text)
    assert len(asked) == len(OPERATIONS) * (len(ADMIN_SCOPES) - 1)


def test_ad_2_every_operation_needs_a_token(browser: FlaskClient) -> None:
    for operation in OPERATIONS:
        answer = browser.open(f"{ADMIN_PATH}{address_of(operation)}", method=operation.method)
        assert answer.status_code == 401, operation.name
        assert answer.get_json()["code"] == "token.required"
        offered = answer.headers.getlist("WWW-Authenticate")
        assert [line.split()[0] for line in offered] == ["Bearer", "DPoP"]
        assert all("error=" not in line and METADATA in line for line in offered)


def test_every_permission_of_the_api_has_an_operation() -> None:
    assert {operation.permission for operation in OPERATIONS} == set(WORDS)


@pytest.mark.parametrize("token", ["x", "a.b.c", "\xe9", "Bearer", "'; DROP TABLE client; --"])
def test_a_token_that_is_none_is_invalid(program: Program, token: str) -> None:
    program.token = token
    answer = program.get("/keys")

    assert answer.status_code == 401
    assert 'error="invalid_token"' in challenge(answer)


def test_a_token_for_another_resource_is_invalid(app: Application, program: Program) -> None:
    other = ask_token(
        program.browser, program.client_id, program.secret, scope=KEYS_READ, resource=ISSUER
    )
    program.token = other.get_json()["access_token"]

    assert program.get("/keys").status_code == 401


def test_a_client_without_the_resource_gets_no_token_for_it(app: Application) -> None:
    registered = app.wiring.services.clients.register(
        {
            "redirect_uris": [],
            "grant_types": ["client_credentials"],
            "scope": KEYS_READ,
        }
    )
    answer = ask_token(
        app.test_client(), registered.client.client_id, registered.secret or "", scope=KEYS_READ
    )

    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_target")


def test_nobody_but_an_operator_gives_a_client_scopes_of_the_api(
    make_app: Callable[..., Application],
) -> None:
    app = make_app(SIAPKERJA_OAUTH_REGISTRATION="open")
    given = {
        "redirect_uris": ["https://portal.example/cb"],
        "grant_types": ["client_credentials"],
        "scope": f"openid {KEYS_READ}",
        "resources": [AUDIENCE],
    }
    told = app.test_client().post("/register", json=given).get_json()

    assert (told["scope"], told.get("resources")) == ("openid", None)


def test_a_persons_token_administers_nothing(app: Application, browser: FlaskClient) -> None:
    portal = a_portal(app, browser, scope=f"openid {KEYS_READ}", resources=[AUDIENCE])
    sign_in(app, browser, an_account(app))
    token = portal.tokens(scope=f"openid {KEYS_READ}", resource=AUDIENCE)["access_token"]
    answer = browser.get(KEYS, headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 401
    assert "acts for itself" in answer.get_json()["detail"]


def test_a_token_in_the_url_is_refused(program: Program) -> None:
    answer = program.browser.get(f"{KEYS}?access_token={program.token}")

    assert answer.status_code == 400
    assert 'error="invalid_request"' in challenge(answer)


def test_a_token_expires(program: Program, clock: FixedClock) -> None:
    assert program.get("/keys").status_code == 200
    clock.move(301)

    assert program.get("/keys").status_code == 401


def test_a_revoked_token_ends_at_once(program: Program) -> None:
    portal = Portal(
        program.app,
        program.browser,
        program.app.wiring.services.clients.get(program.client_id),
        program.secret,
    )
    assert portal.token(path="/revoke", token=program.token).status_code == 200

    assert program.get("/keys").status_code == 401


def test_a_suspended_client_ends_at_once_in_every_process(
    program: Program, make_app: Callable[..., Application]
) -> None:
    twin = make_app()
    elsewhere = twin.test_client()
    about = {"Authorization": f"Bearer {program.token}"}
    assert elsewhere.get(KEYS, headers=about).status_code == 200

    program.app.wiring.services.clients.suspend(program.client_id)

    assert program.get("/keys").status_code == 401
    assert elsewhere.get(KEYS, headers=about).status_code == 401


@pytest.mark.parametrize(
    ("metadata", "status"),
    [({"scope": "admin:audit:read"}, 403), ({"resources": ["https://else.example"]}, 401)],
)
def test_what_an_operator_takes_from_a_client_its_tokens_lose_at_once(
    program: Program, metadata: dict[str, object], status: int
) -> None:
    registry = program.app.wiring.services.clients
    before = registry.get(program.client_id).metadata
    registry.replace(program.client_id, {**before, **metadata})

    assert program.get("/keys").status_code == status


def test_a_token_of_a_key_needs_its_proofs(app: Application) -> None:
    holder = Holder()
    program = a_program(app, KEYS_READ)
    client = app.wiring.services.clients.get(program.client_id)
    portal = holder.calls(Portal(app, program.browser, client, program.secret))
    form = {"grant_type": "client_credentials", "scope": KEYS_READ, "resource": AUDIENCE}
    program.token = portal.token(**form).get_json()["access_token"]
    url = f"{AUDIENCE}/keys"

    good = holder.reads(program.browser, url, program.token)
    assert good.status_code == 200
    assert good.headers["DPoP-Nonce"]
    bearer = program.get("/keys")
    assert (bearer.status_code, bearer.get_json()["code"]) == (401, "invalid_token")
    bare = program.browser.get(KEYS, headers={"Authorization": f"DPoP {program.token}"})
    assert (bare.status_code, bare.get_json()["code"]) == (401, "invalid_dpop_proof")
    assert challenge(bare).startswith("DPoP ")
    other = Holder().reads(program.browser, url, program.token)
    assert (other.status_code, other.get_json()["code"]) == (401, "invalid_token")
    elsewhere = holder.proof(f"{AUDIENCE}/clients", "GET", ath=hash_of(program.token))
    headers = {"Authorization": f"DPoP {program.token}", "DPoP": elsewhere}
    assert program.browser.get(KEYS, headers=headers).status_code == 401


def test_a_token_of_a_certificate_needs_it(make_app: Callable[..., Application]) -> None:
    app = make_app(
        SIAPKERJA_HTTP_CLIENT_CERT_HEADER=HEADER,
        SIAPKERJA_HTTP_CLIENT_CERT_VERIFIED_HEADER=VERIFIED,
        SIAPKERJA_HTTP_TRUSTED_PROXIES=PROXY,
    )
    own, other = Pair(), Pair()
    program = a_program(app, KEYS_READ)
    registry = app.wiring.services.clients
    bound = {"tls_client_certificate_bound_access_tokens": True}
    registry.replace(program.client_id, {**registry.get(program.client_id).metadata, **bound})
    program.browser.environ_base["REMOTE_ADDR"] = PROXY
    portal = Portal(app, program.browser, registry.get(program.client_id), program.secret)
    portal.headers = own.headers()
    form = {"grant_type": "client_credentials", "scope": KEYS_READ, "resource": AUDIENCE}
    program.token = portal.token(**form).get_json()["access_token"]

    assert program.get("/keys", headers=own.headers()).status_code == 200
    assert program.get("/keys", headers=other.headers()).status_code == 401
    assert program.get("/keys").status_code == 401


def test_who_calls_too_often_is_told_when_to_try_again(
    make_app: Callable[..., Application],
) -> None:
    program = a_program(make_app(SIAPKERJA_LIMITS_FACTOR="0.001"), KEYS_READ)
    answers = [program.get("/keys") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert answers[-1].mimetype == "application/problem+json"


def test_the_api_describes_itself_as_a_protected_resource(browser: FlaskClient) -> None:
    told = browser.get(METADATA.removeprefix(ISSUER)).get_json()

    assert (told["resource"], told["authorization_servers"]) == (AUDIENCE, [ISSUER])
    assert set(told["scopes_supported"]) == set(ADMIN_SCOPES)
    assert told["bearer_methods_supported"] == ["header"]
    assert browser.get(told["resource_documentation"].removeprefix(ISSUER)).status_code == 200


def test_scopes_of_the_api_are_not_offered_to_portals(browser: FlaskClient) -> None:
    metadata = browser.get("/.well-known/openid-configuration").get_json()

    assert not set(ADMIN_SCOPES) & set(metadata["scopes_supported"])
