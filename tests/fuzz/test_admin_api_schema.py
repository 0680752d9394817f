"""Schemathesis on the API of administration: what it is described to do is what it does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from werkzeug.serving import make_server

from idp.app import Application
from idp.domain.identity.admin_scopes import ADMIN_PATH
from tests.administration import Program, a_program
from tests.bad_input import times

pytestmark = pytest.mark.fuzz

CLIENT_ID = "portal-uji"
#: Their bodies have seventy members: every value of each would take minutes.
METADATA = {"register_client", "replace_client", "change_client"}


@contextmanager
def serving(app: Application) -> Iterator[str]:
    """Serve on a port of its own: Schemathesis sends its probes over the wire alone."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def program(make_app: Callable[..., Application]) -> Program:
    """It may do everything, and there is a client to do it to."""
    program = a_program(make_app(SIAPKERJA_LIMITS_FACTOR="1000000"))
    given = {"client_id": CLIENT_ID, "redirect_uris": ["https://portal.example/cb"]}
    assert program.post("/clients", given).status_code == 201
    return program


def failures(
    program: Program, *, phases: dict[str, Any], tries: int, chosen: Callable[[Any], bool]
) -> list[str]:
    """Return what Schemathesis finds, in words, in the operations that `chosen` names."""
    found = []
    with serving(program.app) as url:
        config = SchemathesisConfig.from_dict(
            {
                "base-url": f"{url}{ADMIN_PATH}",
                "headers": {"Authorization": f"Bearer {program.token}"},
                "parameters": {"client_id": CLIENT_ID},
                "seed": 1,
                "generation": {"max-examples": tries, "deterministic": True, "database": "none"},
                "phases": {
                    name: {"enabled": False, **phases.get(name, {})}
                    for name in ("examples", "coverage", "fuzzing", "stateful")
                },
                # what a registration contradicts itself in, no schema tells
                "checks": {
                    "positive_data_acceptance": {"enabled": False},
                    "negative_data_rejection": {"expected-statuses": ["4xx"]},
                    "missing_required_header": {"expected-statuses": ["428"]},
                },
            }
        )
        schema = schemathesis.openapi.from_url(f"{url}{ADMIN_PATH}/openapi.json", config=config)
        for event in from_schema(schema.include(chosen)).execute():
            found += told(event)
    return found


def told(event: object) -> Iterator[str]:
    """Return what an event of the engine tells of failures, and of what could not be tried."""
    if isinstance(event, events.NonFatalError):
        yield f"{event.label}: {event.value}"
    if isinstance(event, events.FatalError):
        yield str(event.exception)
    if isinstance(event, events.ScenarioFinished):
        for case, checks in event.recorder.checks.items():
            request = event.recorder.interactions[case].request
            for check in checks:
                if check.failure_info is not None:
                    failure = f"{check.name}: {check.failure_info.failure}"
                    yield f"{request.method} {request.uri}: {failure}"


def test_ad_2_every_operation_keeps_to_its_description(program: Program) -> None:
    phases = {
        "coverage": {"enabled": True, "unexpected-methods": ["TRACE", "PUT", "PATCH"]},
        "fuzzing": {"enabled": True},
    }

    assert not failures(program, phases=phases, tries=times(3, 200), chosen=not_metadata)


def test_ad_2_every_registration_is_taken_or_refused_at_its_members(program: Program) -> None:
    phases = {"fuzzing": {"enabled": True}}

    assert not failures(program, phases=phases, tries=times(15, 500), chosen=is_metadata)


def is_metadata(context: Any) -> bool:
    return context.operation.definition.raw["operationId"] in METADATA


def not_metadata(context: Any) -> bool:
    return not is_metadata(context)
