"""`siapkerja outbox`: what waits to leave, and one round of what a server's sender does."""

from typing import Final
from uuid import UUID

import click

from idp.commands.output import Output, application, command
from idp.domain.identity.audit import OPERATOR

#: How many that wait are printed.
ROWS: Final = 1000


@click.group(invoke_without_command=True)
@command
def outbox(output: Output) -> None:
    """Deliver everything that is due now; safe beside running servers."""
    if click.get_current_context().invoked_subcommand is not None:
        return
    outcomes = dict(application().wiring.services.outbox.deliver_due())
    lines = [f"{count:>8}  {outcome}" for outcome, count in sorted(outcomes.items())]
    output.tell({"outcomes": outcomes}, "\n".join(lines) or "Nothing was due.")


@outbox.command(name="list")
@command
def list_waiting(output: Output) -> None:
    """Print what waits, the first due first; not what it says, nor to whom."""
    waiting = application().wiring.services.outbox.look(ROWS).rows
    told = [
        {
            "id": str(one.id),
            "kind": one.kind,
            "attempts": one.attempts,
            "created_at": one.created_at,
            "due_at": one.due_at,
            "expires_at": one.expires_at,
            "last_error": one.last_error,
        }
        for one in waiting
    ]
    lines = [
        f"{one['id']}  {one['kind']:<6} {one['attempts']:>3}  {one['due_at']}  "
        f"{one['last_error'] or '-'}"
        for one in told
    ]
    output.tell(told, "\n".join(lines) or "Nothing waits.")


@outbox.command()
@click.argument("message", type=click.UUID)
@command
def retry(output: Output, message: UUID) -> None:
    """Make a waiting message due now; a running server, or `outbox`, delivers it."""
    found = application().wiring.services.outbox.try_now(message, OPERATOR)
    output.tell({"id": str(message), "kind": found.kind}, f"{message} is due now.")
