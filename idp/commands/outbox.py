"""`siapkerja outbox`: one round of what a server's sender does by itself."""

import click

from idp.commands.output import Output, application, command


@click.command()
@command
def outbox(output: Output) -> None:
    """Deliver everything that is due now; safe beside running servers."""
    outcomes = dict(application().wiring.services.outbox.deliver_due())
    lines = [f"{count:>8}  {outcome}" for outcome, count in sorted(outcomes.items())]
    output.tell({"outcomes": outcomes}, "\n".join(lines) or "Nothing was due.")
