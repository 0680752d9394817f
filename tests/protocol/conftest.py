"""A signed-in person, and portals of every kind that they use."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.audit import Action, AuditEvent
from tests.conformance import Suite, a_suite
from tests.fakes import FixedClock
from tests.keyed import KeyedPortal, a_keyed_portal
from tests.portal import Portal, a_portal, an_account, sign_in


@pytest.fixture
def person(app: Application, browser: FlaskClient) -> Account:
    """Somebody who is signed in in `browser`."""
    account = an_account(app)
    sign_in(app, browser, account)
    return account


@pytest.fixture
def portal(app: Application, browser: FlaskClient, person: Account) -> Portal:
    """A confidential client with a secret."""
    return a_portal(app, browser)


@pytest.fixture
def public_portal(app: Application, browser: FlaskClient, person: Account) -> Portal:
    """A client that has nothing to prove itself with."""
    return a_portal(app, browser, token_endpoint_auth_method="none")


@pytest.fixture
def keyed_portal(app: Application, browser: FlaskClient, person: Account) -> KeyedPortal:
    """A client that signs its requests."""
    return a_keyed_portal(app, browser)


@pytest.fixture
def register(app: Application, browser: FlaskClient) -> Callable[..., Portal]:
    """Return what registers further clients."""

    def make(**metadata: Any) -> Portal:
        return a_portal(app, browser, **metadata)

    return make


@pytest.fixture
def forget_clients(app: Application, clock: FixedClock) -> Callable[[], None]:
    """Return what lets a cached registration expire."""
    return lambda: clock.move(5)


@pytest.fixture
def suite(make_app: Callable[..., Application], clock: FixedClock) -> Suite:
    """The conformance suite in front of a fresh provider, with its settings and its person."""
    return a_suite(make_app, clock)


@pytest.fixture
def audited(app: Application) -> Callable[[Action], list[AuditEvent]]:
    """Return what finds the events of a kind, in the order in which they happened."""

    def find(action: Action) -> list[AuditEvent]:
        with app.wiring.services.store.read() as tx:
            rows = tx.audit.list_unsealed(1000)
        return [row.event for row in rows if row.event.action is action]

    return find
