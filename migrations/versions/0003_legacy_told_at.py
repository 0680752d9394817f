"""when the owner of a dormant old account was told"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "legacy_account",
        sa.Column(
            "told_at",
            sa.BigInteger(),
            nullable=True,
            comment="when its owner was told that it lies dormant",
        ),
    )


def downgrade() -> None:
    op.drop_column("legacy_account", "told_at")
