"""`siapkerja sweep`: delete what has expired."""

import click

from idp.commands.output import Output, application, command


@click.command()
@click.option("--dry-run", is_flag=True, help="Only count.")
@command
def sweep(output: Output, *, dry_run: bool) -> None:
    """Delete what has expired; safe to run at any time, by several at once."""
    service = application().wiring.services.sweeping
    rows = dict(service.plan() if dry_run else service.sweep())
    lines = [f"{count:>8}  {table}" for table, count in sorted(rows.items()) if count]
    word = "would be deleted" if dry_run else "deleted"
    output.tell(
        {"deleted": not dry_run, "rows": rows},
        "\n".join([*lines, f"{sum(rows.values())} rows {word}."]),
    )
