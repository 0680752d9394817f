"""`siapkerja db`: the schema. Works without building the application."""

import click

from idp.commands.output import Output, command, settings
from idp.wiring import pending_changes, schema_differences, upgrade_database


@click.group()
def db() -> None:
    """Look after the database schema."""


@db.command()
@click.option("--plan", is_flag=True, help="Only tell what would be done.")
@command
def upgrade(output: Output, *, plan: bool) -> None:
    """Bring the schema up to date."""
    chosen = settings()
    steps = pending_changes(chosen) if plan else upgrade_database(chosen)
    told = [{"revision": step.revision, "change": step.words} for step in steps]
    lines = [f"{step.revision}  {step.words}" for step in steps]
    output.tell(
        {"done": not plan, "changes": told}, "\n".join(lines) or "The schema is up to date."
    )


@db.command()
@command
def check(output: Output) -> None:
    """Compare the database with what this version expects."""
    chosen = settings()
    waiting = [step.revision for step in pending_changes(chosen)]
    found = [] if waiting else list(schema_differences(chosen))
    if waiting or found:
        what = f"changes are pending: {', '.join(waiting)}" if waiting else "; ".join(found)
        output.refuse("schema", f"{what}. Run `siapkerja db upgrade`.")
    output.tell({"current": True}, "The schema is what this version expects.")
