"""No officer hands out, or takes over, what a program may do that the officer may not (AD-2)."""

from typing import Any

import pytest

from idp.app import Application
from idp.domain.errors import Refused
from idp.domain.identity.admin_scopes import ADMIN_SCOPES, scope_of
from idp.domain.identity.audit import Actor
from idp.domain.identity.roles import Permission, Role
from idp.domain.protocol.metadata_faults import InvalidMetadata
from idp.services.client_registry import ClientRegistry
from tests.administration import AUDIENCE, Program, a_program
from tests.officer import an_officer

ROTATE = scope_of(Permission.KEYS_ROTATE)
GIVEN = {
    "client_name": "Otomasi",
    "redirect_uris": [],
    "response_types": [],
    "grant_types": ["client_credentials"],
    "scope": "jkp.read",
    "resources": [AUDIENCE],
}


@pytest.fixture
def registrar(app: Application) -> Actor:
    return an_officer(app, Role.REGISTRAR).actor


@pytest.fixture
def desk(app: Application) -> ClientRegistry:
    return app.wiring.services.client_desk


@pytest.mark.parametrize("scope", ADMIN_SCOPES)
def test_no_officer_gives_a_client_scopes_of_the_api(
    desk: ClientRegistry, registrar: Actor, scope: str
) -> None:
    wanted = {**GIVEN, "scope": scope}
    with pytest.raises(InvalidMetadata) as refusal:
        desk.register(wanted, registrar)
    assert [(f.member, f.reason.code) for f in refusal.value.faults] == [("scope", "scope.unknown")]

    client_id = desk.register(GIVEN, registrar).client.client_id
    with pytest.raises(InvalidMetadata):
        desk.replace(client_id, wanted, registrar)
    assert desk.get(client_id).scopes == {"jkp.read"}


def test_no_second_officer_lets_it_happen_either(
    app: Application, desk: ClientRegistry, registrar: Actor
) -> None:
    client_id = desk.register(GIVEN, registrar).client.client_id
    wanted = {**GIVEN, "scope": ROTATE}

    with app.wiring.services.store.write() as tx, pytest.raises(InvalidMetadata):
        desk.change_in(client_id, wanted, registrar, version=1, reason="", tx=tx)


@pytest.mark.parametrize(
    "act",
    ["add_secret", "rotate_secret", "replace", "put_logo", "delete", "activate", "retire"],
)
def test_no_officer_takes_over_a_program_that_administers(
    app: Application, desk: ClientRegistry, registrar: Actor, act: str
) -> None:
    program = a_program(app)
    given: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
        "replace": ((GIVEN,), {}),
        "put_logo": ((None,), {}),
        "rotate_secret": ((), {"overlap_seconds": 0}),
    }
    more, named = given.get(act, ((), {}))

    with pytest.raises(Refused, match=r"client\.administers"):
        getattr(desk, act)(program.client_id, *more, registrar, **named)
    assert program.get("/keys").status_code == 200


def test_an_officer_may_stop_a_program(
    app: Application, desk: ClientRegistry, registrar: Actor
) -> None:
    program: Program = a_program(app)
    desk.suspend(program.client_id, registrar)

    assert program.get("/keys").status_code == 401


def test_an_operator_may_do_all_of_it(app: Application) -> None:
    registry = app.wiring.services.clients
    program = a_program(app)

    registry.add_secret(program.client_id)
    registry.replace(program.client_id, {**GIVEN, "scope": f"jkp.read {ROTATE}"})
    assert ROTATE in registry.get(program.client_id).scopes
