"""from when a changed phone may recover an account"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "account",
        sa.Column(
            "phone_recovers_at",
            sa.BigInteger(),
            nullable=True,
            comment="from when a changed number may recover the account",
        ),
    )


def downgrade() -> None:
    op.drop_column("account", "phone_recovers_at")
