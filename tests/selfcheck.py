"""The standing invariants of `security.md` section 9, asked of a database after every fault.

What only a caller can know (which success pages were sent, how often a code was good) the tests
check themselves; this looks at what is stored.
"""

from collections import Counter
from collections.abc import Iterator
from uuid import UUID

import sqlalchemy as sa

from idp.app import Application
from idp.services import Services

#: One row each: what must not be repeated, as `table.column`.
_ONCE = (
    ("account", "nik_index"),
    ("account", "phone_index"),
    ("account", "subject"),
    ("client_grant", "code_digest"),
    ("replay", "digest"),
    ("pushed_request", "digest"),
    ("otp_challenge", "subject"),
)
_ACCOUNTS = sa.text("SELECT id, ial, verified_at, nik_index FROM account")
#: Holders of old accounts that the register did not confirm: level 0, and no NIK.
_OLD = sa.text(
    "SELECT r.account_id FROM registration r"
    " WHERE r.account_id IS NOT NULL AND r.legacy_id IS NOT NULL AND r.matched_at IS NULL"
)
#: An account that a registration opened, and whether the register confirmed that NIK.
_UNPROVED = sa.text(
    "SELECT r.account_id FROM registration r WHERE r.account_id IS NOT NULL "
    "AND r.matched_at IS NOT NULL AND NOT EXISTS "
    "(SELECT 1 FROM registry_check c WHERE c.account_id = r.account_id AND c.outcome = 'match')"
)
_LOST = sa.text(
    "SELECT r.account_id FROM registration r WHERE r.account_id IS NOT NULL AND NOT EXISTS "
    "(SELECT 1 FROM account a WHERE a.id = r.account_id)"
)
_HALF = sa.text(
    "SELECT a.id FROM account a WHERE a.verified_at IS NOT NULL AND a.closed_at IS NULL "
    "AND NOT EXISTS (SELECT 1 FROM password_credential p WHERE p.account_id = a.id)"
)


def selfcheck(app: Application) -> list[str]:
    """Return what does not hold, in words; nothing where all does."""
    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
    with engine.connect() as connection:
        found = [*_of_rows(connection), *_of_pages(connection)]
        accounts = [UUID(str(row.id)) for row in connection.execute(_ACCOUNTS)]
    return [*found, *_of_secrets(app.wiring.services, accounts), *_of_audit(app.wiring.services)]


def _of_rows(connection: sa.Connection) -> Iterator[str]:
    for table, column in _ONCE:
        rows = connection.execute(
            sa.text(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL")  # noqa: S608 - names of our own tables
        )
        twice = [
            value for value, count in Counter(bytes_of(r[0]) for r in rows).items() if count > 1
        ]
        if twice:
            yield f"{table}.{column} is not unique: {len(twice)} values"
    old = {UUID(str(row.account_id)) for row in connection.execute(_OLD)}
    for row in connection.execute(_ACCOUNTS):
        is_proved = row.ial >= 1 and row.verified_at is not None
        is_open = row.ial == 0 and row.verified_at is None and row.nik_index is None
        if not is_proved and not (is_open and UUID(str(row.id)) in old):
            yield f"account {row.id} has no finished proof"
    for words, statement in (
        ("was opened without a match of the register", _UNPROVED),
        ("was opened and is gone", _LOST),
        ("has no password", _HALF),
    ):
        yield from (f"account {row[0]} {words}" for row in connection.execute(statement))


def _of_pages(connection: sa.Connection) -> Iterator[str]:
    """Ask SQLite whether its file is whole."""
    if connection.dialect.name != "sqlite":
        return
    for pragma, good in (("integrity_check", ["ok"]), ("foreign_key_check", [])):
        told = [row[0] for row in connection.exec_driver_sql(f"PRAGMA {pragma}")]
        if told != good:
            yield f"{pragma}: {told[:3]}"


def _of_secrets(services: Services, accounts: list[UUID]) -> Iterator[str]:
    """Open everything that is sealed: a half written row does not open."""
    with services.store.read() as tx:
        for account in accounts:
            try:
                tx.accounts.find(account)
            except ValueError as error:
                yield f"account {account} does not open: {error}"
        try:
            tx.signing_keys.list_all()
        except ValueError as error:
            yield f"a signing key does not open: {error}"


def _of_audit(services: Services) -> Iterator[str]:
    while services.audit_log.seal():
        continue
    yield from (f"audit: {flaw.what} at {flaw.sequence}" for flaw in services.audit_log.verify())


def bytes_of(value: object) -> object:
    """Return what can be counted: PostgreSQL gives memory views."""
    return bytes(value) if isinstance(value, memoryview) else value
