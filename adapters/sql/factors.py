"""Factors beside the password, of admins and of citizens: the same statements on tables of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.sql import tables
from adapters.sql.upserts import ByDialect, replacing
from idp.domain.identity.factors import Factors, Passkey, TotpFactor
from idp.ports.vault import Place, Vault


@dataclass(frozen=True, slots=True)
class FactorTables:
    """The three tables of one kind of people, and the statements on them."""

    owner: str
    totp: sa.Table
    passkey: sa.Table
    code: sa.Table
    find_totp: sa.Select[Any]
    put_totp: ByDialect
    spend_step: sa.Update
    list_passkeys: sa.Select[Any]
    find_passkey: sa.Select[Any]
    insert_passkey: sa.Insert
    rename_passkey: sa.Update
    note_use: sa.Update
    drop_passkey: sa.Delete
    drop: tuple[sa.Delete, sa.Delete, sa.Delete]
    insert_code: sa.Insert
    count_codes: sa.Select[Any]
    use_code: sa.Update


def _of(owner: str, totp: sa.Table, passkey: sa.Table, code: sa.Table) -> FactorTables:
    """Return the statements; `owner`: the column that names the person in each table."""
    who: sa.BindParameter[Any] = sa.bindparam("who")
    its_own = sa.and_(passkey.c[owner] == who, passkey.c.id == sa.bindparam("which"))
    select = sa.select(*(c.label("owner_id") if c.name == owner else c for c in passkey.c))
    return FactorTables(
        owner,
        totp,
        passkey,
        code,
        find_totp=sa.select(totp).where(totp.c[owner] == who),
        put_totp=replacing(totp, owner),
        spend_step=sa.update(totp)
        .where(totp.c[owner] == who, totp.c.last_step < sa.bindparam("step"))
        .values(last_step=sa.bindparam("step")),
        list_passkeys=select.where(passkey.c[owner] == who).order_by(
            passkey.c.created_at, passkey.c.id
        ),
        find_passkey=select.where(passkey.c.credential_id == sa.bindparam("name")),
        insert_passkey=sa.insert(passkey),
        rename_passkey=sa.update(passkey).where(its_own).values(label=sa.bindparam("new_label")),
        note_use=sa.update(passkey)
        .where(passkey.c.id == sa.bindparam("which"))
        .values(sign_count=sa.bindparam("count"), last_used_at=sa.bindparam("now")),
        drop_passkey=sa.delete(passkey).where(its_own),
        drop=(
            sa.delete(totp).where(totp.c[owner] == who),
            sa.delete(passkey).where(passkey.c[owner] == who),
            sa.delete(code).where(code.c[owner] == who),
        ),
        insert_code=sa.insert(code),
        count_codes=sa.select(sa.func.count())
        .select_from(code)
        .where(code.c[owner] == who, code.c.used_at.is_(None)),
        use_code=sa.update(code)
        .where(
            code.c.digest == sa.bindparam("which"),
            code.c[owner] == who,
            code.c.used_at.is_(None),
        )
        .values(used_at=sa.bindparam("now")),
    )


OF_ADMINS: Final = _of(
    "admin_id", tables.admin_totp, tables.admin_passkey, tables.admin_recovery_code
)
OF_ACCOUNTS: Final = _of(
    "account_id", tables.account_totp, tables.account_passkey, tables.account_recovery_code
)


@dataclass(frozen=True, slots=True)
class SqlFactors:
    """Implements `idp.ports.factors.KeptFactors`."""

    connection: Connection
    vault: Vault
    its: FactorTables

    def of(self, owner_id: UUID) -> Factors:
        return Factors(
            self.find_totp(owner_id),
            self.list_passkeys(owner_id),
            self.count_recovery_codes(owner_id),
        )

    def find_totp(self, owner_id: UUID) -> TotpFactor | None:
        row = self.connection.execute(self.its.find_totp, {"who": owner_id}).first()
        if row is None:
            return None
        seed = self.vault.open(row.seed_sealed, self._seed_place(owner_id))
        return TotpFactor(owner_id, seed, row.created_at, row.last_step)

    def put_totp(self, factor: TotpFactor) -> None:
        self.connection.execute(
            self.its.put_totp.on(self.connection),
            {
                self.its.owner: factor.owner_id,
                "seed_sealed": self.vault.seal(factor.seed, self._seed_place(factor.owner_id)),
                "last_step": factor.last_step,
                "created_at": factor.created_at,
            },
        )

    def drop_totp(self, owner_id: UUID) -> bool:
        return self.connection.execute(self.its.drop[0], {"who": owner_id}).rowcount == 1

    def spend_step(self, owner_id: UUID, step: int) -> bool:
        given = {"who": owner_id, "step": step}
        return self.connection.execute(self.its.spend_step, given).rowcount == 1

    def list_passkeys(self, owner_id: UUID) -> Sequence[Passkey]:
        rows = self.connection.execute(self.its.list_passkeys, {"who": owner_id})
        return tuple(_passkey(row) for row in rows)

    def find_passkey(self, credential_id: bytes) -> Passkey | None:
        row = self.connection.execute(self.its.find_passkey, {"name": credential_id}).first()
        return None if row is None else _passkey(row)

    def add_passkey(self, passkey: Passkey) -> None:
        row = {
            column.name: getattr(
                passkey, "owner_id" if column.name == self.its.owner else column.name
            )
            for column in self.its.passkey.c
        }
        self.connection.execute(
            self.its.insert_passkey, {**row, "transports": list(passkey.transports)}
        )

    def rename_passkey(self, owner_id: UUID, passkey_id: UUID, label: str) -> bool:
        given = {"who": owner_id, "which": passkey_id, "new_label": label}
        return self.connection.execute(self.its.rename_passkey, given).rowcount == 1

    def note_use(self, passkey_id: UUID, *, sign_count: int, now: int) -> None:
        given = {"which": passkey_id, "count": sign_count, "now": now}
        self.connection.execute(self.its.note_use, given)

    def drop_passkey(self, owner_id: UUID, passkey_id: UUID) -> bool:
        given = {"who": owner_id, "which": passkey_id}
        return self.connection.execute(self.its.drop_passkey, given).rowcount == 1

    def put_recovery_codes(self, owner_id: UUID, digests: Sequence[bytes]) -> None:
        self.connection.execute(self.its.drop[2], {"who": owner_id})
        rows = [{"digest": d, self.its.owner: owner_id, "used_at": None} for d in digests]
        self.connection.execute(self.its.insert_code, rows)

    def count_recovery_codes(self, owner_id: UUID) -> int:
        return int(self.connection.execute(self.its.count_codes, {"who": owner_id}).scalar_one())

    def use_recovery_code(self, owner_id: UUID, digest: bytes, now: int) -> bool:
        given = {"which": digest, "who": owner_id, "now": now}
        return self.connection.execute(self.its.use_code, given).rowcount == 1

    def drop_all(self, owner_id: UUID) -> bool:
        dropped = [
            self.connection.execute(statement, {"who": owner_id}).rowcount
            for statement in self.its.drop
        ]
        return any(dropped)

    def _seed_place(self, owner_id: UUID) -> Place:
        return Place(self.its.totp.name, "seed_sealed", owner_id.bytes)


def _passkey(row: sa.Row[Any]) -> Passkey:
    return Passkey(**{**row._mapping, "transports": tuple(row.transports)})
