"""authenticator apps, passkeys and recovery codes of citizens"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "login_session",
        sa.Column(
            "proved_by",
            sa.String(length=8),
            nullable=True,
            comment="factor of the newest proof: app, recovery, passkey",
        ),
    )
    op.create_table(
        "account_totp",
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="whose app"),
        sa.Column(
            "seed_sealed", sa.LargeBinary(), nullable=False, comment="sealed: 160 random bits"
        ),
        sa.Column(
            "last_step", sa.Integer(), nullable=False, comment="newest time step that was spent"
        ),
        sa.Column("created_at", sa.BigInteger(), nullable=False, comment="enrolled"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_account_totp_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account_totp")),
    )
    op.create_table(
        "account_passkey",
        sa.Column("id", sa.Uuid(), nullable=False, comment="UUIDv7"),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="whose"),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False, comment="its own name"),
        sa.Column("public_key", sa.LargeBinary(), nullable=False, comment="COSE key"),
        sa.Column("sign_count", sa.BigInteger(), nullable=False, comment="the highest seen"),
        sa.Column("is_synced", sa.Boolean(), nullable=False, comment="may be on further devices"),
        sa.Column("transports", sa.JSON(), nullable=False, comment="how browsers reach it"),
        sa.Column("label", sa.String(length=40), nullable=False, comment="what its owner calls it"),
        sa.Column("created_at", sa.BigInteger(), nullable=False, comment="enrolled"),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True, comment="newest sign-in with it"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_account_passkey_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_passkey")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_account_passkey_credential_id")),
    )
    op.create_index(op.f("ix_account_passkey_account_id"), "account_passkey", ["account_id"])
    op.create_table(
        "account_recovery_code",
        sa.Column(
            "digest",
            sa.LargeBinary(length=32),
            nullable=False,
            comment="SHA-256 of an 80-bit code",
        ),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="whose code"),
        sa.Column("used_at", sa.BigInteger(), nullable=True, comment="spent"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_account_recovery_code_account_id")
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_account_recovery_code")),
    )
    op.create_index(
        op.f("ix_account_recovery_code_account_id"), "account_recovery_code", ["account_id"]
    )


def downgrade() -> None:
    op.drop_table("account_recovery_code")
    op.drop_table("account_passkey")
    op.drop_table("account_totp")
    op.drop_column("login_session", "proved_by")
