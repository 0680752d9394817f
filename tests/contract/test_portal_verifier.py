"""Portals that are asked whether an old password is right, over the wire of a pretend one."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.portals import CALLS_AT_ONCE, PortalVerifier, build_portal_verifier, signature
from adapters.system import SystemEntropy
from idp.app import Application
from idp.ports.errors import GatewayUnavailable
from tests.fakes import FixedClock
from tests.sandbox_server import Sandbox, running_sandbox

KEY = "k" * 32


class Counts:
    """Keeps what is counted."""

    def __init__(self) -> None:
        self.told: list[dict[str, str]] = []

    def count(self, name: str, /, **labels: str) -> None:
        assert name == "portal_checks"
        self.told.append(labels)


@pytest.fixture(scope="module")
def _running() -> Iterator[Sandbox]:
    with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_running: Sandbox) -> Sandbox:
    _running.reset()
    _running.add_old_account("bizhub", "12345", "rahasia lama")
    return _running


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def verifier(sandbox: Sandbox, tmp_path: Path, clock: FixedClock, counts: Counts) -> PortalVerifier:
    path = tmp_path / "callbacks.json"
    path.write_text(sandbox.callbacks("bizhub", "jobfair"))
    return build_portal_verifier(
        path,
        is_production=False,
        clock=clock,
        entropy=SystemEntropy(),
        metrics=counts,  # type: ignore[arg-type]
    )


def test_a_portal_says_whether_a_password_is_right(
    verifier: PortalVerifier, sandbox: Sandbox, counts: Counts
) -> None:
    assert verifier.verify("bizhub", "12345", "rahasia lama")
    assert not verifier.verify("bizhub", "12345", "rahasia lama ")
    assert not verifier.verify("bizhub", "99999", "rahasia lama")
    assert not verifier.verify("jobfair", "12345", "rahasia lama")
    assert verifier.serves("jobfair")
    assert not verifier.serves("wlkp")
    assert sandbox.state.old_accounts.calls == 4
    assert [told["outcome"] for told in counts.told] == ["yes", "no", "no", "no"]


def test_a_portal_that_nobody_configured_is_never_asked(verifier: PortalVerifier) -> None:
    with pytest.raises(GatewayUnavailable):
        verifier.verify("wlkp", "12345", "rahasia lama")


UNUSABLE = {
    "down": "status",
    "reset": "reset",
    "rubbish": "answer",
    "forged": "signature",
    "other_nonce": "answer",
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_an_answer_that_is_not_the_portals_own_lets_nobody_in(
    verifier: PortalVerifier, sandbox: Sandbox, kind: str
) -> None:
    sandbox.next_portal(kind, source="bizhub")

    with pytest.raises(GatewayUnavailable) as caught:
        verifier.verify("bizhub", "12345", "not the password")

    assert caught.value.reason == UNUSABLE[kind]


def test_a_portal_is_asked_by_so_many_at_once_and_no_more(
    verifier: PortalVerifier, counts: Counts
) -> None:
    """Whoever makes a portal slow holds none of the threads that answer people."""
    for _ in range(CALLS_AT_ONCE):
        assert verifier.doors["bizhub"].places.acquire(blocking=False)

    with pytest.raises(GatewayUnavailable) as caught:
        verifier.ask("bizhub", "12345", "rahasia lama")

    assert caught.value.reason == "busy"
    assert counts.told == [{"source": "bizhub", "outcome": "busy"}]
    # nor does it keep another portal's people waiting
    assert verifier.ask("jobfair", "12345", "rahasia lama").wait(3) is False
    verifier.doors["bizhub"].places.release()
    assert verifier.ask("bizhub", "12345", "rahasia lama").wait(3) is True
    verifier.close()
    with pytest.raises(GatewayUnavailable):
        verifier.ask("bizhub", "12345", "rahasia lama")


def test_a_portal_that_is_silent_is_waited_for_three_seconds(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    from adapters import portals
    from adapters.metrics import PrometheusMetrics
    from adapters.outbound import OutboundHttp
    from adapters.system import SystemClock

    assert portals.CALL_SECONDS == 3
    path = tmp_path / "callbacks.json"
    path.write_text(sandbox.callbacks("bizhub"))
    clock = SystemClock()
    built = build_portal_verifier(
        path,
        is_production=False,
        clock=clock,
        entropy=SystemEntropy(),
        metrics=PrometheusMetrics(None),
    )
    door = built.doors["bizhub"]
    # the same door, with less patience: tests do not wait
    hasty = portals.PortalDoor(
        door.url, door.key, OutboundHttp(clock, seconds=0.2, connections=1), door.circuit
    )
    verifier = PortalVerifier({"bizhub": hasty}, clock, built.entropy, built.metrics)
    sandbox.next_portal("silent", source="bizhub")
    began = clock.monotonic()

    with pytest.raises(GatewayUnavailable) as caught:
        verifier.verify("bizhub", "12345", "rahasia lama")

    assert caught.value.reason == "timeout"
    assert clock.monotonic() - began < 3


def test_five_failures_open_the_breaker_and_one_try_after_the_pause_closes_it(
    verifier: PortalVerifier, sandbox: Sandbox, clock: FixedClock, counts: Counts
) -> None:
    sandbox.next_portal("down", source="bizhub", times=5)
    for _ in range(6):
        with pytest.raises(GatewayUnavailable):
            verifier.verify("bizhub", "12345", "rahasia lama")
    assert sandbox.state.old_accounts.calls == 5
    assert counts.told[-1]["outcome"] == "refused"
    # another portal is none the worse
    assert not verifier.verify("jobfair", "12345", "rahasia lama")
    clock.move(31)

    assert verifier.verify("bizhub", "12345", "rahasia lama")
    assert verifier.verify("bizhub", "12345", "rahasia lama")


def test_a_request_is_signed_and_asked_once(sandbox: Sandbox) -> None:
    url = f"{sandbox.url}/legacy/bizhub/verify"
    asked = {"source_id": "12345", "password": "rahasia lama", "nonce": "n", "at": 1}
    body = json.dumps(asked).encode()
    key = sandbox.state.account.portal_key.encode()
    signed = {"Siapkerja-Signature": f"v1={signature(key, b'request', body)}"}

    assert sandbox.api.post(url, content=body).status_code == 401
    assert sandbox.api.post(url, content=body + b" ", headers=signed).status_code == 401
    assert sandbox.api.post(url, content=body, headers=signed).json()["verified"] is True
    assert sandbox.api.post(url, content=body, headers=signed).status_code == 409


BAD_FILES = {
    "[]": "a JSON object",
    "{": "property name",
    '{"a": 1}': "url",
    '{"a": {"url": "https://x.example/"}}': "key",
    json.dumps({"a": {"url": "ftp://x.example/", "key": KEY}}): "https",
    json.dumps({"a": {"url": "http://x.example/", "key": KEY}}): "https",
    json.dumps({"a": {"url": "https://x.example/", "key": "short"}}): "32 bytes",
}


@pytest.mark.parametrize("content", BAD_FILES)
def test_a_file_that_cannot_be_used_stops_the_start(
    tmp_path: Path, clock: FixedClock, counts: Counts, content: str
) -> None:
    path = tmp_path / "callbacks.json"
    path.write_text(content)

    with pytest.raises(ValueError, match=BAD_FILES[content]):
        build_portal_verifier(
            path,
            is_production=True,
            clock=clock,
            entropy=SystemEntropy(),
            metrics=counts,  # type: ignore[arg-type]
        )


def test_a_missing_file_is_told_by_the_name_of_its_setting(
    make_app: Callable[..., Application],
) -> None:
    from config.settings import SettingsError

    with pytest.raises(SettingsError, match="SIAPKERJA_LEGACY_CALLBACKS"):
        make_app(SIAPKERJA_LEGACY_CALLBACKS="/nowhere/callbacks.json")
