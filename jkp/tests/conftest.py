"""The module on a database of its own, and a pretend issuer on real HTTP."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from jkp.app import create_app
from jkp.context import EXTENSION, Module
from jkp.settings import Settings
from jkp.tests.pretend_issuer import CLIENT_ID, PretendIssuer, running_issuer

URL = "http://localhost:8002"


@dataclass
class Clock:
    """Real time, moved by a test."""

    ahead: int = 0

    def __call__(self) -> int:
        return int(time.time()) + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer() -> Iterator[PretendIssuer]:
    with running_issuer(URL) as running:
        yield running


@pytest.fixture
def settings(issuer: PretendIssuer, tmp_path: Path) -> Settings:
    return Settings(
        issuer=issuer.url,
        client_id=CLIENT_ID,
        private_key=json.dumps(issuer.client_key.as_dict(private=True)),
        url=URL,
        database_url=f"sqlite:///{tmp_path}/jkp.db",
        secret_key="of-the-tests-9f3Zq8Lw1Yx7Rb5Nc9Vm2Kd",
        sandbox="on",
    )


@pytest.fixture
def app(settings: Settings, clock: Clock) -> Iterator[Flask]:
    made = create_app(settings, clock)
    yield made
    made.extensions[EXTENSION].store.engine.dispose()


@pytest.fixture
def module(app: Flask) -> Module:
    found: Module = app.extensions[EXTENSION]
    return found


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


def bearer(token: str) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {token}"}}
