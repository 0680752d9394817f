"""A year of rotations with a portal that caches as it is told to: no token fails (KM-2, R-10)."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from flask.testing import FlaskClient
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from idp.app import Application
from tests.fakes import FixedClock
from tests.portal import Portal, a_portal

DAY, HOUR = 86400, 3600


def kid_of(token: str) -> str:
    return str(jws.extract_compact(token.encode()).headers()["kid"])


@dataclass
class CachingPortal:
    """Keeps the key set for as long as its answer says, and fetches again for an unknown key."""

    browser: FlaskClient
    clock: FixedClock
    keys: dict[str, object] = field(default_factory=dict)
    kept: KeySet = field(default_factory=lambda: KeySet([]))
    until: int = 0
    fetched: int = 0

    def accepts(self, token: str) -> bool:
        now = self.clock.now()
        if now >= self.until or kid_of(token) not in self.keys:
            self._fetch(now)
        try:
            claims = jwt.decode(token, self.kept, algorithms=["ES256"]).claims
        except (JoseError, ValueError):
            return False
        return bool(claims["exp"] > now)

    def _fetch(self, now: int) -> None:
        answer = self.browser.get("/jwks")
        age = re.search(r"max-age=(\d+)", answer.headers["Cache-Control"])
        assert age is not None
        self.keys = {key["kid"]: key for key in answer.get_json()["keys"]}
        self.kept = KeySet.import_key_set(answer.get_json())
        self.until = now + int(age[1])
        self.fetched += 1


@pytest.fixture
def service(app: Application) -> Portal:
    given = {"redirect_uris": [], "grant_types": ["client_credentials"], "scope": "jkp.read"}
    return a_portal(app, app.test_client(), **given)


def token_of(service: Portal) -> str:
    answer = service.token(grant_type="client_credentials").get_json()
    return str(answer["access_token"])


def test_km_2_a_year_of_rotations_fails_no_token_of_a_caching_portal(
    app: Application, service: Portal, clock: FixedClock
) -> None:
    """Every 90 days by plan; twice a key leaks; the portal never hears of it by another way."""
    rotation = replace(app.wiring.services.keys, at_once=False)
    portal = CachingPortal(app.test_client(), clock)
    kids, failed = set(), []
    for day in range(365):
        if day % 90 == 10:
            rotation.rotate()
        if day in {130, 300}:
            rotation.rotate(emergency=True)
        for step in (HOUR, 23 * HOUR):
            token = token_of(service)
            kids.add(kid_of(token))
            taken_at = clock.now()
            # at once, and in the last second of its life
            for age in (0, 299):
                clock.at = taken_at + age
                if not portal.accepts(token):
                    failed.append((day, step, age))
            clock.at = taken_at + step

    assert failed == []
    assert len(kids) == 1 + 4 + 2
    # the answer's own lifetime decides, not each verification
    assert portal.fetched <= 365 * 2 + 10


def test_km_2_without_the_day_of_notice_a_cache_would_fail(
    app: Application, service: Portal, clock: FixedClock
) -> None:
    """The watch itself: a portal that never fetches again fails after a rotation at once."""
    portal = CachingPortal(app.test_client(), clock)
    assert portal.accepts(token_of(service))
    app.wiring.services.keys.rotate(emergency=True)
    portal.until, kept = clock.now() + DAY, dict(portal.keys)
    token = token_of(service)

    assert kid_of(token) not in kept
    assert portal.accepts(token)
    assert portal.fetched == 2


def test_km_2_two_nodes_and_a_portal_between_them_agree_over_a_rotation(
    make_app: Callable[..., Application], service: Portal, clock: FixedClock
) -> None:
    """The key set is fetched from one node, tokens come from the other."""
    other = make_app()
    portal = CachingPortal(other.test_client(), clock)
    rotation = replace(service.app.wiring.services.keys, at_once=False)
    for hour in range(60):
        if hour == 5:
            rotation.rotate()
        assert portal.accepts(token_of(service)), hour
        clock.move(HOUR)
