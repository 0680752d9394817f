"""one open case of a kind for an account"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # two that were opened in the same moment become one, with the evidence of both
    op.execute(
        """
        UPDATE case_note SET case_id = (
            SELECT first.id FROM identity_case AS later JOIN identity_case AS first
            ON first.account_id = later.account_id AND first.kind = later.kind
            WHERE later.id = case_note.case_id AND first.decided_at IS NULL
            ORDER BY first.opened_at, first.id LIMIT 1
        )
        WHERE case_id IN (SELECT id FROM identity_case WHERE decided_at IS NULL)
        """
    )
    op.execute(
        """
        DELETE FROM identity_case WHERE decided_at IS NULL AND id <> (
            SELECT first.id FROM identity_case AS first
            WHERE first.account_id = identity_case.account_id AND first.kind = identity_case.kind
            AND first.decided_at IS NULL ORDER BY first.opened_at, first.id LIMIT 1
        )
        """
    )
    op.create_index(
        "uq_identity_case_open",
        "identity_case",
        ["account_id", "kind"],
        unique=True,
        sqlite_where=sa.text("decided_at IS NULL"),
        postgresql_where=sa.text("decided_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("uq_identity_case_open", table_name="identity_case")
