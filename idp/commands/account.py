"""`siapkerja account`: accounts made by hand, for trying out and for tests."""

import click

from idp.commands.output import (
    BEGINS_WITH_HYPHEN,
    Output,
    application,
    command,
    read_document,
    settings,
)
from idp.domain.errors import Refused
from idp.services.accounts_admin import AccountsAdmin


@click.group()
def account() -> None:
    """Make and delete accounts; only where SIAPKERJA_ENV is sandbox or test."""


def _accounts() -> AccountsAdmin:
    chosen = settings()
    if chosen.is_production:
        raise Refused("account.environment")
    return application(chosen).wiring.services.accounts


@account.command()
@click.option("--file", "path", required=True, help="`nik`, `password` and OpenID claims as JSON.")
@command
def create(output: Output, path: str) -> None:
    """Make a proofed, active account; prints its local subject."""
    made = _accounts().create(read_document(path))
    output.tell({"subject": made.subject})


@account.command(context_settings=BEGINS_WITH_HYPHEN)
@click.argument("subject")
@command
def delete(output: Output, subject: str) -> None:
    """Erase an account and all that hangs on it."""
    _accounts().delete(subject)
    output.tell({"subject": subject, "deleted": True}, "The account is deleted.")
