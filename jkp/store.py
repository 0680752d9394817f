"""The module's own database: benefit claims by `sub`, and login sessions."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import sqlalchemy as sa
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from jkp.benefit_claims import FINAL, BenefitClaim, ClaimRefused, State

_schema = sa.MetaData()

schema_version = sa.Table("schema_version", _schema, sa.Column("version", sa.Integer))

benefit_claim = sa.Table(
    "benefit_claim",
    _schema,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("sub", sa.String(255), nullable=False, index=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("layoff_on", sa.Date, nullable=False),
    sa.Column("filed_on", sa.Date),
    sa.Column("month", sa.SmallInteger),
    sa.Column("reason", sa.String(200)),
    sa.Column("due_on", sa.Date),
    sa.Column("created_at", sa.BigInteger, nullable=False),
)
_OPEN: Final = benefit_claim.c.state.not_in(sorted(FINAL))
sa.Index(
    "one_open_claim",
    benefit_claim.c.sub,
    unique=True,
    sqlite_where=_OPEN,
    postgresql_where=_OPEN,
)

#: Who changed what: every transition leaves a row.
transition = sa.Table(
    "transition",
    _schema,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("claim_id", sa.ForeignKey("benefit_claim.id"), nullable=False, index=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("event", sa.String(32), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
)

login_session = sa.Table(
    "login_session",
    _schema,
    sa.Column("digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("sub", sa.String(255), nullable=False, index=True),
    sa.Column("sid", sa.String(255), nullable=False),
    sa.Column("sealed", sa.Text, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False, index=True),
)

#: Each step brings the schema one version on; steps are only ever added.
MIGRATIONS: Final[tuple[Callable[[sa.Connection], None], ...]] = (_schema.create_all,)

_FIND: Final = (
    sa.select(benefit_claim)
    .where(benefit_claim.c.sub == sa.bindparam("sub"))
    .order_by(benefit_claim.c.created_at.desc())
    .limit(1)
)
_FILE: Final = (
    sa.update(benefit_claim)
    .where(benefit_claim.c.id == sa.bindparam("claim"), benefit_claim.c.state == State.DRAFT)
    .values(state=State.SUBMITTED, filed_on=sa.bindparam("today"))
)


@dataclass(frozen=True, slots=True)
class LoginSession:
    """A signed-in browser: who, how sure, and the tokens that the issuer gave for it.

    Sealed at rest as a whole; `sub` and `sid`, the issuer's name of its session, stand beside it
    in the clear.
    """

    sub: str
    sid: str
    name: str
    acr: str
    auth_time: int
    access_token: str = field(repr=False)
    id_token: str = field(repr=False)


def connect(url: str) -> sa.Engine:
    """Return an engine for a SQLAlchemy URL; SQLite files wait for one another."""
    parsed = sa.make_url(url)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(parsed)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: object) -> None:
    for pragma in ("journal_mode=WAL", "busy_timeout=5000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def upgrade(engine: sa.Engine) -> None:
    """Bring the schema up to date."""
    with engine.begin() as connection:
        schema_version.create(connection, checkfirst=True)
        found = connection.scalar(sa.select(sa.func.max(schema_version.c.version))) or 0
        for number, migrate in enumerate(MIGRATIONS[found:], start=found + 1):
            migrate(connection)
            connection.execute(sa.insert(schema_version).values(version=number))


@dataclass(frozen=True, slots=True)
class Store:
    """Reads and writes; one transaction a call. `secret`: seals login sessions."""

    engine: sa.Engine
    secret: str = field(repr=False)

    def find_claim(self, sub: str) -> BenefitClaim | None:
        """Return a person's newest claim."""
        with self.engine.connect() as connection:
            row = connection.execute(_FIND, {"sub": sub}).mappings().first()
        if row is None:
            return None
        told = {name: row[name] for name in BenefitClaim.__slots__}
        return BenefitClaim(**{**told, "state": State(row["state"])})

    def accept_report(self, sub: str, layoff_on: date, *, now: int) -> None:
        """Note an accepted layoff report: a claim that may be filed, unless one is open."""
        claim_id = str(uuid4())
        claim = {"id": claim_id, "sub": sub, "state": State.DRAFT, "layoff_on": layoff_on}
        try:
            with self.engine.begin() as connection:
                connection.execute(sa.insert(benefit_claim).values(**claim, created_at=now))
                _record(connection, claim_id, "report_accepted", State.DRAFT, now)
        except sa.exc.IntegrityError:
            # the index decided: a claim of this person is open
            return

    def file(self, claim: BenefitClaim, today: date, *, now: int) -> BenefitClaim:
        """File a claim and return it as it stands; the store decides which of two calls does.

        Refuses with `claim.filed`.
        """
        with self.engine.begin() as connection:
            done = connection.execute(_FILE, {"claim": claim.id, "today": today}).rowcount == 1
            if done:
                _record(connection, claim.id, "filed", State.SUBMITTED, now)
        if not done:
            raise ClaimRefused("claim.filed", claim)
        return replace(claim, state=State.SUBMITTED, filed_on=today)

    def note_verdict(
        self,
        claim: BenefitClaim,
        state: State,
        *,
        now: int,
        month: int | None = None,
        reason: str | None = None,
        due_on: date | None = None,
    ) -> None:
        """Write down what was decided about a claim."""
        change = {"state": state, "month": month, "reason": reason, "due_on": due_on}
        with self.engine.begin() as connection:
            connection.execute(
                sa.update(benefit_claim).where(benefit_claim.c.id == claim.id).values(**change)
            )
            _record(connection, claim.id, "verdict", state, now)

    def begin_session(self, token: str, opened: LoginSession, *, expires_at: int, now: int) -> None:
        """Keep a login session under the digest of its cookie, and drop those that expired."""
        row = {
            "digest": _digest(token),
            "sub": opened.sub,
            "sid": opened.sid,
            "sealed": self._seal(asdict(opened)),
            "expires_at": expires_at,
        }
        with self.engine.begin() as connection:
            connection.execute(sa.delete(login_session).where(login_session.c.expires_at <= now))
            connection.execute(sa.insert(login_session).values(**row))

    def find_session(self, token: str, *, now: int) -> LoginSession | None:
        """Return the session of a cookie that has not expired."""
        wanted = sa.select(login_session.c.sealed).where(
            login_session.c.digest == _digest(token), login_session.c.expires_at > now
        )
        with self.engine.connect() as connection:
            sealed = connection.scalar(wanted)
        return None if sealed is None else self._open(sealed)

    def end_session(self, token: str) -> None:
        """Forget a session."""
        with self.engine.begin() as connection:
            connection.execute(
                sa.delete(login_session).where(login_session.c.digest == _digest(token))
            )

    def end_sessions_of(self, *, sub: str | None, sid: str | None) -> None:
        """Forget the sessions of a person, of one session of the issuer, or of both together."""
        named = {"sub": sub, "sid": sid}
        wanted = [
            login_session.c[name] == value for name, value in named.items() if value is not None
        ]
        if not wanted:
            return
        with self.engine.begin() as connection:
            connection.execute(sa.delete(login_session).where(*wanted))

    def _seal(self, document: Mapping[str, Any]) -> str:
        header = {"alg": "dir", "enc": "A256GCM"}
        return jwe.encrypt_compact(header, json.dumps(document).encode(), self._key())

    def _open(self, sealed: str) -> LoginSession | None:
        try:
            text = jwe.decrypt_compact(sealed, self._key()).plaintext
        except JoseError:
            # sealed under an older key: the person signs in again
            return None
        return LoginSession(**json.loads(text or b"{}"))

    def _key(self) -> OctKey:
        return OctKey.import_key(sha256(b"jkp login session\0" + self.secret.encode()).digest())


def _record(connection: sa.Connection, claim: str, event: str, state: State, now: int) -> None:
    row = {"claim_id": claim, "at": now, "event": event, "state": state}
    connection.execute(sa.insert(transition).values(**row))


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
