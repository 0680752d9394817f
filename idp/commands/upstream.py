"""`siapkerja upstream`: what another OpenID provider, such as INApas, has to know of us."""

import json
import os
from pathlib import Path

import click

from idp.commands.output import Output, command, settings
from idp.domain.errors import Refused
from idp.wiring import outside


@click.group()
def upstream() -> None:
    """Be registered at another OpenID provider that people sign in by."""


@upstream.command()
@click.option(
    "--keys",
    "keys_file",
    type=click.Path(path_type=Path),
    help="The private JWK set; SIAPKERJA_UPSTREAM_KEYS_FILE without it.",
)
@command
def show(output: Output, *, keys_file: Path | None) -> None:
    """Print what to register there: redirect URI, public keys, algorithms (RFC 7591 §2).

    Nothing printed is secret. It needs no database and no client_id: those come later.
    """
    chosen = settings()
    path = keys_file or chosen.upstream.keys_file
    if path is None:
        raise Refused("upstream.keys")
    try:
        told = outside.upstream_registration(chosen, path)
    except OSError as error:
        raise Refused("file.missing") from error
    except ValueError as error:
        raise Refused("upstream.keys") from error
    output.tell(told)


@upstream.command(name="make-keys")
@click.argument("file", type=click.Path(path_type=Path))
@command
def make_keys(output: Output, *, file: Path) -> None:
    """Write a new private JWK set: P-521 to sign with, P-256 to decrypt with.

    Only its owner may read the file; one that exists is left alone.
    """
    made = outside.new_upstream_keys()
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Refused("file.exists") from error
    except OSError as error:
        raise Refused("file.unwritable") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        json.dump(made, opened)
    kids = [key["kid"] for key in made["keys"]]
    output.tell({"file": str(file), "kids": kids}, f"{file}: {', '.join(kids)}")
