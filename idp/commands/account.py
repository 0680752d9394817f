"""`siapkerja account`: what an operator does to one account, without seeing whose it is."""

from typing import Any

import click

from idp.commands.output import (
    BEGINS_WITH_HYPHEN,
    Output,
    application,
    ask_officers,
    command,
    read_document,
    settings,
)
from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.audit import NOWHERE, OPERATOR
from idp.domain.identity.people import read_public_reason
from idp.domain.identity.visitor import Visitor
from idp.services.accounts_admin import AccountsAdmin
from idp.services.factor_reset import RESET
from idp.services.merging import MERGE
from idp.services.people import UNLOCK, PeopleService


@click.group()
def account() -> None:
    """Look at accounts and shut them; make and delete them in sandbox and test alone."""


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


REASON = click.option(
    "--reason", required=True, help="Why; the owner and officers see it in the account's events."
)


def _told(found: Account, sessions: int) -> dict[str, Any]:
    """Return what says nothing of the person."""
    return {
        "subject": found.subject,
        "status": found.status,
        "ial": found.ial,
        "created_at": found.created_at,
        "verified_at": found.verified_at,
        "phone_verified": found.phone_verified_at is not None,
        "email_verified": found.email_verified_at is not None,
        "sessions": sessions,
    }


@account.command(context_settings=BEGINS_WITH_HYPHEN)
@click.argument("subject")
@command
def show(output: Output, subject: str) -> None:
    """Print an account's state, nothing of the person; its owner sees that it was looked at."""
    output.tell(_told(*_people().show(subject, OPERATOR)))


@account.command(context_settings=BEGINS_WITH_HYPHEN)
@click.argument("subject")
@REASON
@command
def lock(output: Output, subject: str, reason: str) -> None:
    """Let an account sign in no more; two officers lift the lock in the console."""
    why, people = read_public_reason(reason), _people()
    found, _ = people.show(subject, OPERATOR)
    people.lock(found.id, why, OPERATOR)
    output.tell(_told(*people.show(subject, OPERATOR)), "The account is locked.")


@account.command(context_settings=BEGINS_WITH_HYPHEN)
@click.argument("subject")
@REASON
@command
def end_sessions(output: Output, subject: str, reason: str) -> None:
    """Sign somebody out everywhere; they may sign in again."""
    why, people = read_public_reason(reason), _people()
    found, _ = people.show(subject, OPERATOR)
    ended = people.end_sessions(found.id, why, OPERATOR)
    output.tell({"subject": subject, "ended": ended}, f"{ended} sessions ended.")


@account.command(context_settings=BEGINS_WITH_HYPHEN)
@click.argument("subject")
@REASON
@command
def recover(output: Output, subject: str, reason: str) -> None:
    """Send somebody the ordinary recovery, to their proved contact; nobody sees a credential."""
    why, people = read_public_reason(reason), _people()
    found, _ = people.show(subject, OPERATOR)
    people.start_recovery(found.id, why, OPERATOR, Visitor(b"", "", NOWHERE))
    output.tell({"subject": subject, "started": True}, "The recovery is on its way to its owner.")


@account.command(context_settings=BEGINS_WITH_HYPHEN)
@click.argument("subject")
@REASON
@command
def unlock(output: Output, subject: str, reason: str) -> None:
    """Ask for a lock to be lifted; an officer decides in the console."""
    why, services = read_public_reason(reason), application().wiring.services
    found, _ = services.people.show(subject, OPERATOR)
    payload = services.people.unlock_payload(found.id)
    ask_officers(output, services.approvals, UNLOCK, payload, about=found.id, reason=why)


@account.command(context_settings=BEGINS_WITH_HYPHEN)
@click.argument("subject")
@REASON
@command
def reset_factors(output: Output, subject: str, reason: str) -> None:
    """Ask for app, passkeys and recovery codes to be forgotten; decided in the console."""
    why, services = read_public_reason(reason), application().wiring.services
    found, _ = services.people.show(subject, OPERATOR)
    payload = services.factor_reset.payload(found.id)
    ask_officers(output, services.approvals, RESET, payload, about=found.id, reason=why)


@account.command(context_settings=BEGINS_WITH_HYPHEN)
@click.argument("former")
@click.argument("stays")
@REASON
@command
def merge(output: Output, former: str, stays: str, reason: str) -> None:
    """Ask for two accounts of one person to become one; an officer decides in the console."""
    why, services = read_public_reason(reason), application().wiring.services
    found, _ = services.people.show(former, OPERATOR)
    payload = services.merging.payload(found.id, stays, why)
    ask_officers(output, services.approvals, MERGE, payload, about=found.id, reason=why)


def _people() -> PeopleService:
    return application().wiring.services.people
