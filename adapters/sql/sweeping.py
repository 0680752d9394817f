"""Deleting what has expired, a thousand rows at a time (`security.md` PD-9, R-14)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from adapters.sql import engine as engines
from adapters.sql import tables
from adapters.sql.legacy import count_spent, forget_spent
from idp.domain.identity.support import KEPT_SECONDS

BATCH: Final = 1000
DAY: Final = 86400


@dataclass(frozen=True, slots=True)
class Retention:
    """One table: which column says that a row is over, and how long it stays after that."""

    table: sa.Table
    column: sa.ColumnElement[Any]
    keep_seconds: int = 0

    def expired(self, now: int) -> sa.ColumnElement[bool]:
        """Return the condition under which a row goes."""
        return self.column < now - self.keep_seconds


_session = tables.login_session
_grant = tables.client_grant

#: In the order that foreign keys ask for.
RETENTION: Final[tuple[Retention, ...]] = (
    Retention(tables.registration, tables.registration.c.expires_at),
    Retention(tables.otp_challenge, tables.otp_challenge.c.expires_at, DAY),
    Retention(tables.journey, tables.journey.c.expires_at),
    Retention(tables.proof_link, tables.proof_link.c.expires_at, DAY),
    Retention(_session, sa.func.coalesce(_session.c.ended_at, _session.c.expires_at), 30 * DAY),
    Retention(tables.admin_session, tables.admin_session.c.expires_at, 30 * DAY),
    Retention(tables.admin_invitation, tables.admin_invitation.c.expires_at, 30 * DAY),
    # who decided what stays in the audit log; what was to be done may hold somebody's data
    Retention(tables.approval, tables.approval.c.expires_at, 400 * DAY),
    Retention(tables.known_device, tables.known_device.c.expires_at),
    Retention(tables.refresh_token, tables.refresh_token.c.expires_at, 30 * DAY),
    Retention(_grant, _grant.c.expires_at, 31 * DAY),
    Retention(tables.device_code, tables.device_code.c.expires_at, 3600),
    Retention(tables.backchannel_request, tables.backchannel_request.c.expires_at, DAY),
    Retention(tables.initial_access_token, tables.initial_access_token.c.expires_at, DAY),
    Retention(tables.logout_notice, tables.logout_notice.c.created_at, 30 * DAY),
    Retention(tables.access_token, tables.access_token.c.expires_at, 60),
    Retention(tables.revoked_token, tables.revoked_token.c.expires_at, 60),
    Retention(tables.interaction, tables.interaction.c.expires_at),
    Retention(tables.pushed_request, tables.pushed_request.c.expires_at, 3600),
    Retention(tables.form_submission, tables.form_submission.c.expires_at),
    Retention(tables.rate_window, tables.rate_window.c.expires_at),
    Retention(tables.failure_count, tables.failure_count.c.expires_at),
    Retention(tables.replay, tables.replay.c.expires_at),
    Retention(tables.failure, tables.failure.c.at, KEPT_SECONDS),
    Retention(tables.outbox, tables.outbox.c.done_at, 7 * DAY),
    Retention(tables.sms_message, tables.sms_message.c.created_at, 90 * DAY),
    Retention(tables.team_invitation, tables.team_invitation.c.expires_at, 30 * DAY),
    Retention(tables.client_request, tables.client_request.c.at, 30 * DAY),
    Retention(tables.client_usage, tables.client_usage.c.day * DAY, 400 * DAY),
    Retention(tables.expiry_notice, tables.expiry_notice.c.ends_at, 30 * DAY),
    Retention(tables.signing_key, tables.signing_key.c.retired_at, 30 * DAY),
)


#: What is counted and told under this name: old hashes whose link can't be undone any more.
SPENT_HASHES: Final = "legacy_account.hash_sealed"


def count_expired(engine: Engine, now: int) -> dict[str, int]:
    """Return how many rows of each table would go."""
    with engines.reading(engine).connect() as connection:
        return {
            rule.table.name: int(
                connection.execute(
                    sa.select(sa.func.count()).select_from(rule.table).where(rule.expired(now))
                ).scalar_one()
            )
            for rule in RETENTION
        } | {SPENT_HASHES: count_spent(connection, now)}


def delete_expired(engine: Engine, now: int) -> Iterator[tuple[str, int]]:
    """Delete in batches, each its own transaction; yield table and count of each batch."""
    for rule in RETENTION:
        key = tuple(rule.table.primary_key.columns)
        chosen = sa.select(*key).where(rule.expired(now)).limit(BATCH)
        statement = sa.delete(rule.table).where(sa.tuple_(*key).in_(chosen))
        deleted = BATCH
        while deleted == BATCH:
            with engines.writing(engine).begin() as connection:
                deleted = connection.execute(statement).rowcount
            if deleted:
                yield rule.table.name, deleted
    forgotten = BATCH
    while forgotten == BATCH:
        with engines.writing(engine).begin() as connection:
            forgotten = forget_spent(connection, now, BATCH)
        if forgotten:
            yield SPENT_HASHES, forgotten
