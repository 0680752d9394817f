"""`siapkerja keys`: our signing keys."""

from collections.abc import Iterable
from typing import Any

import click

from idp.commands.output import BEGINS_WITH_HYPHEN, Output, application, command
from idp.domain.protocol.signing_key import SigningKey
from idp.oidc.tokens.key_ring import KEEP_SECONDS
from idp.services.key_rotation import KeyRotation


@click.group()
def keys() -> None:
    """Look after the keys that sign tokens."""


def _rotation() -> KeyRotation:
    rotation = application().wiring.services.keys
    rotation.ensure()
    return rotation


def _until_published() -> None:
    """Wait until the JWKS of every process says what was changed: then the command is done."""
    application().wiring.services.clock.sleep(KEEP_SECONDS)


def _told(found: Iterable[SigningKey]) -> list[dict[str, Any]]:
    return [
        {
            "kid": key.kid,
            "alg": key.alg,
            "status": key.status,
            "created_at": key.created_at,
            "active_at": key.active_at,
            "retired_at": key.retired_at,
        }
        for key in found
    ]


def _lines(found: list[dict[str, Any]]) -> str:
    return "\n".join(f"{k['kid']}  {k['alg']:<8} {k['status']}" for k in found)


@keys.command(name="list")
@command
def list_all(output: Output) -> None:
    """Print every key that is still kept."""
    found = _told(_rotation().list_all())
    output.tell(found, _lines(found))


@keys.command()
@click.option("--emergency", is_flag=True, help="Switch now, and drop the old keys.")
@command
def rotate(output: Output, *, emergency: bool) -> None:
    """Publish the next keys; they sign after 24 hours (sandbox, test, emergency: at once)."""
    found = _told(_rotation().rotate(emergency=emergency))
    _until_published()
    output.tell(found, _lines(found))


@keys.command(name="rotate-index")
@command
def rotate_index(output: Output) -> None:
    """Move to the newest root: wrap data keys anew, write blind indexes under it."""
    rotation = application().wiring.services.index_rotation
    wrapped = rotation.rewrap_keys()
    done = 0
    for done in rotation.rewrite_accounts():
        if not output.is_json:
            click.echo(f"{done} accounts", err=True)
    legacy = 0
    for legacy in rotation.rewrite_legacy():
        if not output.is_json:
            click.echo(f"{legacy} legacy accounts", err=True)
    admins = rotation.rewrite_admins()
    rotation.note_done(done)
    sentence = (
        f"{wrapped} data keys, {done} accounts, {legacy} legacy accounts and {admins} admins"
        " are under the newest root."
    )
    told = {"data_keys": wrapped, "accounts": done, "legacy_accounts": legacy, "admins": admins}
    output.tell(told, sentence)


@keys.command(context_settings=BEGINS_WITH_HYPHEN)
@click.argument("kid")
@click.option("--now", "at_once", is_flag=True, help="Tokens that it signed stop verifying.")
@command
def retire(output: Output, kid: str, *, at_once: bool) -> None:
    """Let a key sign no more."""
    found = _told([_rotation().retire(kid, at_once=at_once)])
    _until_published()
    output.tell(found[0], _lines(found))
