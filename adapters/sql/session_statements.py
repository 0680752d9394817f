"""What every table of signed-in browsers is asked and told, citizens' and admins' alike."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class SessionStatements:
    """Constant statements. `touch`, `end`: `which`, `now`; `unended`: `who`, the latest first."""

    touch: sa.Update
    end: sa.Update
    unended: sa.Select[Any]


def session_statements(table: sa.Table, owner: str) -> SessionStatements:
    """Return the statements for a table with `digest`, `sid`, `seen_at` and `ended_at`.

    `owner`: the column that says whose session it is.
    """
    which: sa.BindParameter[Any] = sa.bindparam("which")
    now: sa.BindParameter[Any] = sa.bindparam("now")
    is_unended = table.c.ended_at.is_(None)
    return SessionStatements(
        touch=sa.update(table).where(table.c.digest == which).values(seen_at=now),
        end=sa.update(table).where(table.c.sid == which, is_unended).values(ended_at=now),
        unended=sa.select(table)
        .where(table.c[owner] == sa.bindparam("who"), is_unended)
        .order_by(table.c.seen_at.desc()),
    )
