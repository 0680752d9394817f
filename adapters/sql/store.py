"""Transactions: what `idp.ports.store` promises, over one SQLAlchemy connection."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from threading import Lock

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from adapters.sql import engine as engines
from adapters.sql.accounts import SqlAccounts, SqlCredentials, SqlPasswordHolders
from adapters.sql.admins import SqlAdmins, SqlAdminSessions
from adapters.sql.approvals import SqlApprovals
from adapters.sql.audit import SqlAudit, SqlLeases
from adapters.sql.cases import SqlCases
from adapters.sql.clients import SqlClients
from adapters.sql.connections import Connections, KeptConnection
from adapters.sql.consents import SqlConsents
from adapters.sql.factors import OF_ACCOUNTS, OF_ADMINS, SqlFactors
from adapters.sql.failures import SqlFailures
from adapters.sql.figures import SqlFigures
from adapters.sql.grants import (
    SqlGrants,
    SqlOpaqueTokens,
    SqlRefreshFamilies,
    SqlRevokedTokens,
)
from adapters.sql.interactions import SqlInteractions
from adapters.sql.keys import SqlSigningKeys
from adapters.sql.legacy import SqlLegacyAccounts
from adapters.sql.legacy_dormancy import SqlLegacyDormancy
from adapters.sql.legacy_intake import SqlLegacyIntake
from adapters.sql.legacy_links import SqlLegacyConflicts, SqlLegacyLinks
from adapters.sql.legacy_runs import SqlLegacyRuns
from adapters.sql.limits import SqlLimits, SqlReplays, SqlSubmissions
from adapters.sql.messages import SqlLogoutNotices, SqlOutbox, SqlSmsRecords
from adapters.sql.pending import SqlBackchannelRequests, SqlDeviceRequests
from adapters.sql.registration_tokens import SqlInitialAccessTokens
from adapters.sql.registrations import SqlChallenges, SqlRegistrations, SqlRegistryChecks
from adapters.sql.sign_in import SqlDevices, SqlJourneys, SqlSessions
from adapters.sql.team_portals import SqlTeamPortals
from adapters.sql.teams import SqlTeams
from adapters.sql.traffic import SqlTraffic
from adapters.sql.upstream import SqlUpstreamLinks
from idp.domain.errors import Conflict, Refused
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.store import StoreUnavailable, Transaction
from idp.ports.vault import Vault

logger = logging.getLogger(__name__)

#: Which unique value a constraint guards; SQLite names columns, PostgreSQL names constraints.
_UNIQUE = {
    # the longer name first: the other one stands in it
    "admin_email_index": "admin",
    "nik_index": "nik",
    "phone_index": "phone",
    "email_index": "email",
    "client_id": "client_id",
    "flow_digest": "registration",
    "subject": "subject",
    "credential_id": "passkey",
}


@dataclass
class SqlTransaction:
    """Implements `idp.ports.store.Transaction`; a repository is made when it is first used."""

    connection: KeptConnection
    vault: Vault
    entropy: Entropy
    clock: Clock
    is_begun: bool = False

    def begin(self) -> None:
        if not self.is_begun:
            is_sqlite = self.connection.dialect.name == "sqlite"
            self.connection.run("BEGIN IMMEDIATE" if is_sqlite else "BEGIN")
            self.is_begun = True

    def end(self, *, keeps: bool) -> None:
        """Commit or undo what was changed since `begin`."""
        if self.is_begun:
            self.connection.run("COMMIT" if keeps else "ROLLBACK")
            self.is_begun = False

    @property
    def is_urgent(self) -> bool:
        """Whether the outbox has something new that must leave at once."""
        outbox: SqlOutbox | None = self.__dict__.get("outbox")
        return outbox is not None and outbox.is_urgent

    @cached_property
    def accounts(self) -> SqlAccounts:
        return SqlAccounts(self.connection, self.vault)

    @cached_property
    def password_holders(self) -> SqlPasswordHolders:
        return SqlPasswordHolders(self.connection, self.vault)

    @cached_property
    def credentials(self) -> SqlCredentials:
        return SqlCredentials(self.connection)

    @cached_property
    def sessions(self) -> SqlSessions:
        return SqlSessions(self.connection, self.vault)

    @cached_property
    def devices(self) -> SqlDevices:
        return SqlDevices(self.connection)

    @cached_property
    def registrations(self) -> SqlRegistrations:
        return SqlRegistrations(self.connection, self.vault)

    @cached_property
    def challenges(self) -> SqlChallenges:
        return SqlChallenges(self.connection)

    @cached_property
    def journeys(self) -> SqlJourneys:
        return SqlJourneys(self.connection)

    @cached_property
    def clients(self) -> SqlClients:
        return SqlClients(self.connection, self.entropy, self.clock)

    @cached_property
    def grants(self) -> SqlGrants:
        return SqlGrants(self.connection, self.vault)

    @cached_property
    def refresh_families(self) -> SqlRefreshFamilies:
        return SqlRefreshFamilies(self.connection)

    @cached_property
    def opaque_tokens(self) -> SqlOpaqueTokens:
        return SqlOpaqueTokens(self.connection)

    @cached_property
    def revoked_tokens(self) -> SqlRevokedTokens:
        return SqlRevokedTokens(self.connection)

    @cached_property
    def interactions(self) -> SqlInteractions:
        return SqlInteractions(self.connection)

    @cached_property
    def device_requests(self) -> SqlDeviceRequests:
        return SqlDeviceRequests(self.connection)

    @cached_property
    def backchannel_requests(self) -> SqlBackchannelRequests:
        return SqlBackchannelRequests(self.connection, self.vault)

    @cached_property
    def initial_access_tokens(self) -> SqlInitialAccessTokens:
        return SqlInitialAccessTokens(self.connection)

    @cached_property
    def logout_notices(self) -> SqlLogoutNotices:
        return SqlLogoutNotices(self.connection)

    @cached_property
    def consents(self) -> SqlConsents:
        return SqlConsents(self.connection)

    @cached_property
    def signing_keys(self) -> SqlSigningKeys:
        return SqlSigningKeys(self.connection, self.vault)

    @cached_property
    def audit(self) -> SqlAudit:
        return SqlAudit(self.connection, self.entropy, self.clock, self.vault)

    @cached_property
    def leases(self) -> SqlLeases:
        return SqlLeases(self.connection)

    @cached_property
    def outbox(self) -> SqlOutbox:
        return SqlOutbox(self.connection, self.vault)

    @cached_property
    def sms_records(self) -> SqlSmsRecords:
        return SqlSmsRecords(self.connection)

    @cached_property
    def registry_checks(self) -> SqlRegistryChecks:
        return SqlRegistryChecks(self.connection, self.vault)

    @cached_property
    def cases(self) -> SqlCases:
        return SqlCases(self.connection, self.vault)

    @cached_property
    def failures(self) -> SqlFailures:
        return SqlFailures(self.connection)

    @cached_property
    def submissions(self) -> SqlSubmissions:
        return SqlSubmissions(self.connection, self.vault)

    @cached_property
    def legacy_accounts(self) -> SqlLegacyAccounts:
        return SqlLegacyAccounts(self.connection, self.vault)

    @cached_property
    def legacy_intake(self) -> SqlLegacyIntake:
        return SqlLegacyIntake(self.connection)

    @cached_property
    def legacy_dormancy(self) -> SqlLegacyDormancy:
        return SqlLegacyDormancy(self.connection, self.vault)

    @cached_property
    def legacy_links(self) -> SqlLegacyLinks:
        return SqlLegacyLinks(self.connection, self.vault)

    @cached_property
    def legacy_conflicts(self) -> SqlLegacyConflicts:
        return SqlLegacyConflicts(self.connection, self.vault, self.entropy, self.clock)

    @cached_property
    def legacy_runs(self) -> SqlLegacyRuns:
        return SqlLegacyRuns(self.connection)

    @cached_property
    def upstream_links(self) -> SqlUpstreamLinks:
        return SqlUpstreamLinks(self.connection)

    @cached_property
    def admins(self) -> SqlAdmins:
        return SqlAdmins(self.connection, self.vault)

    @cached_property
    def admin_factors(self) -> SqlFactors:
        return SqlFactors(self.connection, self.vault, OF_ADMINS)

    @cached_property
    def account_factors(self) -> SqlFactors:
        return SqlFactors(self.connection, self.vault, OF_ACCOUNTS)

    @cached_property
    def admin_sessions(self) -> SqlAdminSessions:
        return SqlAdminSessions(self.connection, self.vault)

    @cached_property
    def approvals(self) -> SqlApprovals:
        return SqlApprovals(self.connection, self.vault)

    @cached_property
    def teams(self) -> SqlTeams:
        return SqlTeams(self.connection, self.vault)

    @cached_property
    def team_portals(self) -> SqlTeamPortals:
        return SqlTeamPortals(self.connection)

    @cached_property
    def traffic(self) -> SqlTraffic:
        return SqlTraffic(self.connection, self.entropy, self.clock)

    @cached_property
    def figures(self) -> SqlFigures:
        return SqlFigures(self.connection)

    @cached_property
    def limits(self) -> SqlLimits:
        return SqlLimits(self.connection)

    @cached_property
    def replays(self) -> SqlReplays:
        return SqlReplays(self.connection)


class SqlStore:
    """Implements `idp.ports.store.Store`.

    `on_outbox`: called after a commit of messages that must leave at once.
    """

    def __init__(self, engine: Engine, vault: Vault, entropy: Entropy, clock: Clock) -> None:
        self._connections = Connections(engine)
        self._vault = vault
        self._given = (vault, entropy, clock)
        self._turn = Lock() if engine.dialect.name == "sqlite" else None
        self.on_outbox: Callable[[], None] = _nobody_listens

    def read(self) -> AbstractContextManager[Transaction]:
        return _Reading(self)

    def write(
        self, *, brief: bool = False, alone: bool = False
    ) -> AbstractContextManager[Transaction]:
        return _Writing(self, is_brief=brief, is_alone=alone)

    def lend(self, *, is_brief: bool) -> SqlTransaction:
        """Return repositories over a connection that nobody else has until `take_back`."""
        return SqlTransaction(self._connections.take(is_brief=is_brief), *self._given)

    def take_back(self, lent: SqlTransaction) -> None:
        """Let others have the connection."""
        self._connections.give(lent.connection)

    def wait_for_turn(self) -> None:
        """Let one thread of this process write at a time, where the database lets only one.

        SQLite makes the others poll for its lock, which costs more than what they want to write.
        """
        self._vault.prepare()
        if self._turn is not None and not self._turn.acquire(timeout=engines.BUSY_SECONDS):
            raise StoreUnavailable

    def end_turn(self) -> None:
        """Let the next thread write."""
        if self._turn is not None:
            self._turn.release()


class _Reading:
    """A connection for the length of a block, its errors told in our words.

    Classes, since nested generators of `contextlib` cost as much as a statement (`make bench`).
    """

    __slots__ = ("_lent", "_store")

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def __enter__(self) -> Transaction:
        try:
            self._lent = self._store.lend(is_brief=False)
        except sa.exc.SQLAlchemyError as error:
            _tell(error)
            raise
        return self._lent

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            self._store.take_back(self._lent)
        except sa.exc.SQLAlchemyError as failure:
            _tell_at_end(failure, error)
        if error is not None:
            _tell(error)


class _Writing:
    """A transaction for the length of a block; `is_alone`: one that is begun by its user."""

    __slots__ = ("_is_alone", "_is_brief", "_lent", "_store")

    def __init__(self, store: SqlStore, *, is_brief: bool, is_alone: bool) -> None:
        self._store = store
        self._is_brief = is_brief
        self._is_alone = is_alone

    def __enter__(self) -> Transaction:
        try:
            self._store.wait_for_turn()
        except sa.exc.SQLAlchemyError as error:
            _tell(error)
            raise
        try:
            self._begin()
        except BaseException as error:
            self._store.end_turn()
            _tell(error)
            raise
        return self._lent

    def _begin(self) -> None:
        self._lent = self._store.lend(is_brief=self._is_brief)
        if self._is_alone:
            return
        try:
            self._lent.begin()
        except BaseException:
            self._store.take_back(self._lent)
            raise

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        keeps = error is None or (isinstance(error, Refused) and error.recorded)
        try:
            try:
                self._lent.end(keeps=keeps)
            finally:
                self._store.take_back(self._lent)
        except sa.exc.SQLAlchemyError as failure:
            _tell_at_end(failure, error)
        finally:
            self._store.end_turn()
        if error is not None:
            _tell(error)
        elif self._lent.is_urgent:
            self._store.on_outbox()


def _nobody_listens() -> None:
    """Stand in until the wiring names who delivers."""


def _tell_at_end(failure: sa.exc.SQLAlchemyError, error: BaseException | None) -> None:
    """Raise what failed when a block ended, unless that was interrupted: `error` then goes on."""
    if error is None or isinstance(error, Exception):
        _tell(failure)
        raise failure


def _tell(error: BaseException) -> None:
    """Raise what a store's caller knows instead of a driver's error; nothing for other errors."""
    if isinstance(error, sa.exc.IntegrityError):
        raise Conflict(_guarded(error)) from error
    if isinstance(error, sa.exc.DBAPIError) and engines.is_unavailable(error):
        logger.warning("store.unavailable", extra={"cause": type(error.orig).__name__})
        raise StoreUnavailable from error
    if isinstance(error, sa.exc.TimeoutError):
        raise StoreUnavailable from error


def _guarded(error: sa.exc.IntegrityError) -> str:
    diagnosis = getattr(error.orig, "diag", None)
    told = str(getattr(diagnosis, "constraint_name", "") or error.orig)
    return next((what for column, what in _UNIQUE.items() if column in told), "row")
