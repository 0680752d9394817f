"""When a session ends by itself (`security.md` SE-3) and how long a proof is fresh (AU-14)."""

from dataclasses import replace
from uuid import UUID

import pytest

from idp.domain.identity.session import (
    FRESH_SECONDS,
    LoginSession,
    SessionLimits,
    sid_for_client,
)

NOW = 1_800_000_000
LIMITS = SessionLimits(idle=1800, absolute=43200)
SESSION = LoginSession(
    digest=b"d" * 32,
    sid="sid",
    account_id=UUID(int=1),
    aal=1,
    amr=("pwd",),
    auth_time=NOW,
    created_at=NOW,
    seen_at=NOW,
    expires_at=NOW + LIMITS.absolute,
    device="Chrome, Android",
    network="203.0.113.0/24",
)


@pytest.mark.parametrize(("after", "is_alive"), [(0, True), (1800, True), (1801, False)])
def test_se_3_an_unused_session_ends_after_30_minutes(after: int, is_alive: bool) -> None:
    assert SESSION.is_alive(NOW + after, LIMITS) is is_alive


@pytest.mark.parametrize(("after", "is_alive"), [(43199, True), (43200, False)])
def test_se_3_a_used_session_ends_after_12_hours(after: int, is_alive: bool) -> None:
    used = replace(SESSION, seen_at=NOW + after)

    assert used.is_alive(NOW + after, LIMITS) is is_alive


def test_an_ended_session_is_dead() -> None:
    assert not replace(SESSION, ended_at=NOW).is_alive(NOW, LIMITS)


@pytest.mark.parametrize(("after", "is_fresh"), [(FRESH_SECONDS, True), (FRESH_SECONDS + 1, False)])
def test_au_14_a_proof_is_fresh_for_five_minutes(after: int, is_fresh: bool) -> None:
    assert FRESH_SECONDS == 300
    assert SESSION.is_fresh(NOW + after) is is_fresh


def test_portals_see_names_of_a_session_that_they_cannot_join() -> None:
    names = {sid_for_client("sid", client) for client in ("a", "b")}

    assert len(names) == 2
    assert all(len(name) == 22 for name in names)
    assert sid_for_client("sid", "a") in names
