"""Old accounts that nobody used for 24 months: told, then erased (`portals.md` §5 rule 7)."""

import io
from typing import Any

import pytest

from idp.domain.identity.email import EmailAddress
from idp.domain.identity.legacy import NOTICE_SECONDS, LegacyAccount, LegacyState
from idp.services import Services
from idp.services.legacy_import import Export
from tests.fakes import FixedClock
from tests.guest import Guest
from tests.old_hashes import OLD_HASHES
from tests.old_portals import a_row, json_lines
from tests.operator_console import Operator

OLD = next(old for old in OLD_HASHES if old.kind == "bcrypt" and len(old.password) > 15)
LONG_AGO = "2024-09-01T00:00:00+07:00"
LATELY = "2025-03-01T00:00:00+07:00"
YEAR = 365 * 86400


def bring(services: Services, *rows: dict[str, Any]) -> None:
    given = [a_row(password=OLD.given, **row) for row in rows]
    services.legacy_import.load(Export(io.BytesIO(json_lines(given))), lambda _: None)


def one(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "source_id": str(number),
        "nik": None,
        "emails": [{"value": f"lama{number}@contoh.id", "verified": True}],
        "phones": [],
        "last_login_at": LONG_AGO,
        **changes,
    }


def stored(services: Services, number: int) -> LegacyAccount:
    with services.store.read() as tx:
        found = tx.legacy_accounts.find_by_source_id("wlkp", str(number))
    assert found is not None
    return found


def letters(guest: Guest) -> list[str]:
    return sorted(told["to"] for told in guest.messages() if told["kind"] == "legacy_dormant")


@pytest.fixture
def services(app: Any) -> Services:
    found: Services = app.wiring.services
    return found


def test_owners_of_dormant_rows_are_told_once_where_their_portal_had_verified_the_address(
    app: Any, services: Services
) -> None:
    unverified = [{"value": "tak-terbukti@contoh.id", "verified": False}]
    bring(
        services,
        one(1),
        one(2, last_login_at=LATELY),
        one(3, emails=unverified),
        one(4, status="suspended"),
        # nothing is known of its use: its time began when it came in
        one(5, last_login_at=None),
    )
    assert services.legacy_dormancy.plan().due == 3

    done = services.legacy_dormancy.run(100)

    assert (done.due, done.told, done.without_address, done.erased) == (0, 1, 2, 0)
    guest = Guest(app)
    assert letters(guest) == ["lama1@contoh.id"]
    assert services.legacy_dormancy.run(100).told == 0
    assert letters(guest) == ["lama1@contoh.id"]


def test_letters_are_written_so_many_at_a_time(app: Any, services: Services) -> None:
    bring(services, *(one(number) for number in range(5)))

    assert services.legacy_dormancy.run(2).due == 3
    assert services.legacy_dormancy.run(2).told == 2
    assert services.legacy_dormancy.run(0).told == 0

    assert len(letters(Guest(app))) == 4


def test_half_a_year_after_the_letter_nothing_personal_is_left(
    app: Any, services: Services, clock: FixedClock
) -> None:
    row = one(1, nik="3273011708909001", phones=[{"value": "081200000199", "verified": True}])
    bring(services, row, one(2))
    services.legacy_dormancy.run(100)
    clock.move(NOTICE_SECONDS - 1)
    assert services.legacy_dormancy.run(100).erased == 0
    assert stored(services, 1).state is LegacyState.WAITING
    clock.move(1)
    assert services.legacy_dormancy.plan().erased == 2

    assert services.legacy_dormancy.run(100).erased == 2

    gone = stored(services, 1)
    record = gone.record
    assert gone.state is LegacyState.CLOSED
    assert (record.nik, record.name, record.emails, record.phones) == (None, None, (), ())
    assert (record.hash, record.source_id, record.orgs) == (None, "", ())
    with services.store.read() as tx:
        assert not tx.legacy_accounts.find_by_email(EmailAddress("lama1@contoh.id"))
    # and an export that still has it does not bring it back
    bring(services, row)
    assert stored(services, 1) == gone
    assert Guest(app).log_in("lama1@contoh.id", OLD.password).status_code == 422


def test_whoever_came_home_or_used_it_again_keeps_it(
    app: Any, services: Services, clock: FixedClock
) -> None:
    bring(services, one(1), one(2), one(3))
    services.legacy_dormancy.run(100)
    with services.store.write() as tx:
        assert tx.legacy_accounts.claim(stored(services, 1).id, stored(services, 1).id, 1)
    # a newer export tells that it was used
    bring(services, one(2, last_login_at="2026-11-01T00:00:00+07:00"))
    clock.move(NOTICE_SECONDS)

    assert services.legacy_dormancy.run(100).erased == 1

    assert stored(services, 1).state is LegacyState.CLAIMED
    assert stored(services, 2).record.emails
    assert stored(services, 3).state is LegacyState.CLOSED
    # long after, its owner is told anew
    clock.move(2 * YEAR)
    assert services.legacy_dormancy.run(100).told == 1


def test_the_command_counts_first_and_tells_nothing_personal(database_url: str) -> None:
    operator = Operator(database_url)
    export = json_lines([a_row(password=None, **one(1))])
    operator.facts("legacy", "import", "-", stdin=export)

    planned = operator.facts("legacy", "dormant", "--dry-run")
    said = operator.run("legacy", "dormant")

    nothing = {"told": 0, "without_address": 0, "erased": 0}
    assert planned == {"dry_run": True, "due": 1, **nothing}
    assert "1  letters written" in said.stdout
    assert "lama1" not in said.output
    assert operator.facts("legacy", "dormant") == {"dry_run": False, "due": 0, **nothing}
