"""from when a changed address may recover an account"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "account",
        sa.Column(
            "email_recovers_at",
            sa.BigInteger(),
            nullable=True,
            comment="from when a changed address may recover the account",
        ),
    )


def downgrade() -> None:
    op.drop_column("account", "email_recovers_at")
