"""What stands under a support code, for each who may look: each sees their own and no more."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.audit import AuditEvent
from idp.domain.identity.support import ALPHABET, LENGTH, Failure, Side, read_support_code
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.store import Store, Transaction
from idp.services.failures import FailureWriter

#: How far around a failure its timeline reaches.
AROUND_SECONDS: Final = 1800
#: A request and what it wrote are this close together.
_REQUEST_SECONDS: Final = 10
#: Rows of each kind at most.
_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class ClientFailure:
    """A failure as the portal's team sees it: the cause of its own request, nobody's account."""

    at: int
    endpoint: str
    status: int
    cause: str
    detail: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of a timeline: an answer that failed, or an event of the audit."""

    at: int
    what: Failure | AuditEvent


@dataclass(frozen=True, slots=True)
class Timeline:
    """All that hangs together with a code, the oldest first. `accounts`: whom it was about."""

    code: str
    moments: Sequence[Moment]
    accounts: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class SupportService:
    """Makes codes and looks them up. `writer`: may still hold what this process just met."""

    store: Store
    clock: Clock
    entropy: Entropy
    writer: FailureWriter

    def make_code(self) -> str:
        """Return a new code without asking the database, which may be what failed."""
        return "".join(ALPHABET[self.entropy.below(len(ALPHABET))] for _ in range(LENGTH))

    def for_client(self, code: str, client_id: str) -> Sequence[ClientFailure]:
        """Return what failed under a code, as typed, where it was this client's own request.

        Empty for everything else, told apart by nothing: another client's request, a page that a
        person met, a code that does not exist.
        """
        try:
            letters = read_support_code(code)
        except Refused:
            return ()
        self.writer.flush()
        with self.store.read() as tx:
            found = tx.failures.find(letters)
        return tuple(
            ClientFailure(
                failure.at,
                failure.endpoint,
                failure.status,
                failure.cause,
                failure.detail,
                failure.request_id,
            )
            for failure in found
            if failure.side is Side.PORTAL and failure.client_id == client_id
        )

    def last_code(self, trail: bytes, cause: str) -> str | None:
        """Return the eight letters of the newest failure of a browser, where it has that cause."""
        now = self.clock.now()
        self.writer.flush()
        with self.store.read() as tx:
            found = tx.failures.list_trail(
                trail, begin=now - AROUND_SECONDS, end=now + _REQUEST_SECONDS, limit=_MOST
            )
        return next((each.code for each in reversed(found) if each.cause == cause), None)

    def timeline(self, code: str) -> Timeline:
        """Return everything around a code, over all processes, for officers of support.

        Refuses with `support.form`, or with `support.unknown` where nothing is kept under it.
        """
        letters = read_support_code(code)
        self.writer.flush()
        with self.store.read() as tx:
            named = tx.failures.find(letters)
            if not named:
                raise Refused("support.unknown")
            failures = _with_trail(named, tx)
            events = _events_of(failures, tx)
            met = [failure.account_id for failure in failures]
            met += [event.account_id for event in events]
            accounts = frozenset(account for account in met if account is not None)
            for account_id in sorted(accounts):
                begin, end = _around(failures)
                events += tx.audit.list_of_account(account_id, begin=begin, end=end, limit=_MOST)
        distinct = {event.id: event for event in events}
        moments = [
            *(Moment(failure.at, failure) for failure in failures),
            *(Moment(event.at, event) for event in distinct.values()),
        ]
        return Timeline(letters, sorted(moments, key=_place), accounts)


def _with_trail(named: Sequence[Failure], tx: Transaction) -> Sequence[Failure]:
    """Return failures and whatever else failed in the same browsers around them."""
    found = {failure.id: failure for failure in named}
    begin, end = _around(named)
    for trail in {failure.trail for failure in named if failure.trail is not None}:
        for failure in tx.failures.list_trail(trail, begin=begin, end=end, limit=_MOST):
            found[failure.id] = failure
    return tuple(found.values())


def _events_of(failures: Sequence[Failure], tx: Transaction) -> list[AuditEvent]:
    """Return what the failed requests themselves wrote into the audit."""
    events: list[AuditEvent] = []
    for failure in failures:
        begin, end = failure.at - _REQUEST_SECONDS, failure.at + _REQUEST_SECONDS
        events += tx.audit.list_of_request(failure.request_id, begin=begin, end=end)
    return events


def _around(failures: Sequence[Failure]) -> tuple[int, int]:
    instants = [failure.at for failure in failures]
    return min(instants) - AROUND_SECONDS, max(instants) + AROUND_SECONDS


def _place(moment: Moment) -> tuple[int, str]:
    return moment.at, str(moment.what.id)
