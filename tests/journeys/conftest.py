"""Fixtures of journeys: one sandbox for all of them, emptied before each."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from idp.app import Application
from tests.eavesdropping import Everything, listening
from tests.registrant import Registrant
from tests.sandbox_server import Sandbox, running_sandbox


@pytest.fixture(scope="session")
def _running() -> Iterator[Sandbox]:
    with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_running: Sandbox) -> Sandbox:
    """Return a sandbox in which nothing has happened yet."""
    _running.reset()
    return _running


@pytest.fixture
def app(make_app: Callable[..., Application], sandbox: Sandbox) -> Application:
    return make_app(**sandbox.environment())


@pytest.fixture
def citizen(app: Application, sandbox: Sandbox) -> Callable[..., Registrant]:
    """Return what makes a citizen with a browser of their own."""

    def make(**given: Any) -> Registrant:
        return Registrant(app, sandbox, **{"person": sandbox.person(), **given})

    return make


@pytest.fixture
def log() -> Iterator[Everything]:
    """Return all that is logged in this test."""
    with listening() as everything:
        yield everything
