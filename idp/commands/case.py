"""`siapkerja case`: doubts about whose an account is; people decide them, in the console."""

from typing import Any
from uuid import UUID

import click

from idp.commands.output import Output, application, command
from idp.services.cases import ShownCase


@click.group()
def case() -> None:
    """See the cases that officers decide in the console; nothing of the person is printed."""


def _told(shown: ShownCase) -> dict[str, Any]:
    found = shown.case
    return {
        "id": str(found.id),
        "kind": found.kind,
        "subject": shown.account.subject if shown.account is not None else None,
        "account_status": shown.account.status if shown.account is not None else None,
        "opened_at": found.opened_at,
        "opened_by": str(found.opened_by) if found.opened_by is not None else None,
    }


@case.command(name="list")
@command
def list_open(output: Output) -> None:
    """Print what waits for a decision, the oldest first."""
    found = [_told(one) for one in application().wiring.services.cases.queue()]
    lines = [
        f"{one['id']}  {one['opened_at']}  {one['kind']:<12} {one['subject']}" for one in found
    ]
    output.tell(found, "\n".join(lines) or "No case waits.")


@case.command()
@click.argument("which", type=click.UUID, metavar="ID")
@command
def show(output: Output, which: UUID) -> None:
    """Print where a case stands; evidence is for officers' eyes, in the console."""
    shown = application().wiring.services.cases.show(which)
    found = shown.case
    output.tell(
        {
            **_told(shown),
            "evidence": len(shown.notes),
            "decision": found.decision,
            "decided_at": found.decided_at,
            "decided_by": str(found.decided_by) if found.decided_by is not None else None,
        }
    )
