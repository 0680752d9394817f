"""what kinds of codes, journeys and cases there are, told where they are kept"""

from typing import Final

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

#: Table, column, what it says, what it said.
_COMMENTS: Final = (
    (
        "otp_challenge",
        "purpose",
        "what the code is for: a word of idp.domain.identity.otp.Purpose",
        "signup, login, recovery, phone_change, step_up, legacy",
    ),
    (
        "journey",
        "kind",
        "what the pages are for: a word of idp.domain.identity.journey.JourneyKind",
        "login, recovery, confirm",
    ),
    (
        "identity_case",
        "kind",
        "why somebody doubts: a word of idp.domain.identity.case.CaseKind",
        "nik_taken, moved, deceased, legacy, other",
    ),
    ("identity_case", "opened_by", "which admin; all zeros for nobody", "which admin"),
)


def upgrade() -> None:
    for table, column, now, before in _COMMENTS:
        _say(table, column, now, before)


def downgrade() -> None:
    for table, column, now, before in _COMMENTS:
        _say(table, column, before, now)


def _say(table: str, column: str, comment: str, before: str) -> None:
    # SQLite keeps no comments
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column(table, column, comment=comment, existing_comment=before)
