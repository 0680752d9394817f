"""logos belong to versions of a client"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "client_picture",
        sa.Column("id", sa.Uuid(), nullable=False, comment="the client's id"),
        sa.Column("digest", sa.String(length=16), nullable=False, comment="its name in versions"),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="PNG that we drew ourselves"),
        sa.Column("made_at", sa.BigInteger(), nullable=False, comment="fetched"),
        sa.PrimaryKeyConstraint("id", "digest", name=op.f("pk_client_picture")),
    )
    op.execute(
        "INSERT INTO client_picture (id, digest, body, made_at) "
        "SELECT l.id, c.logo, l.body, l.made_at FROM client_logo l "
        "JOIN client c ON c.id = l.id WHERE c.logo IS NOT NULL"
    )
    op.drop_table("client_logo")
    op.add_column(
        "client_version",
        sa.Column(
            "logo", sa.String(length=16), nullable=True, comment="beginning of its logo's digest"
        ),
    )
    op.execute(
        "UPDATE client_version SET logo = (SELECT c.logo FROM client c "
        "WHERE c.client_id = client_version.client_id AND c.version = client_version.version)"
    )


def downgrade() -> None:
    op.drop_column("client_version", "logo")
    op.create_table(
        "client_logo",
        sa.Column("id", sa.Uuid(), nullable=False, comment="the client's id"),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="PNG that we drew ourselves"),
        sa.Column("made_at", sa.BigInteger(), nullable=False, comment="fetched"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client_logo")),
    )
    op.execute(
        "INSERT INTO client_logo (id, body, made_at) "
        "SELECT p.id, p.body, p.made_at FROM client_picture p "
        "JOIN client c ON c.id = p.id AND c.logo = p.digest"
    )
    op.drop_table("client_picture")
