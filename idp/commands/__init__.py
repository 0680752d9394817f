"""`siapkerja`: the program of operators. Each command prints facts or says what to do.

With `--json` a command prints one JSON document on standard output and nothing else. Exit 0: done,
1: refused, 2: wrong use; `plan` ends with 3 where it finds a difference.
"""

# ruff: noqa: E402 - collections are off before anything else is loaded

import gc

# what is loaded stays: collections meanwhile find nothing and take a fifth of the start
gc.disable()

import click

from idp.commands import (
    account,
    admin,
    audit,
    case,
    client,
    client_files,
    db,
    demo,
    doctor,
    keys,
    legacy,
    outbox,
    pages,
    review,
    server,
    sweep,
    upstream,
)
from idp.commands.output import JSON_OPTION, Output

# no collection looks through it either, now or later: the first one would take a tenth of a second
gc.freeze()
gc.enable()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@JSON_OPTION
@click.pass_context
def main(context: click.Context, is_json: bool) -> None:
    """SIAPkerja ID: the OpenID Connect identity provider of Kemnaker."""
    context.obj = Output(is_json=is_json)


for command in (
    server.serve,
    demo.demo,
    demo.sandbox,
    db.db,
    pages.compile_pages,
    client.client,
    client_files.export,
    client_files.plan,
    client_files.apply,
    account.account,
    admin.admin,
    case.case,
    review.review,
    keys.keys,
    audit.audit,
    outbox.outbox,
    sweep.sweep,
    legacy.legacy,
    upstream.upstream,
    doctor.doctor,
):
    main.add_command(command)
