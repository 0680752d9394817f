"""`siapkerja client`: registrations of portals."""

from collections.abc import Mapping
from itertools import pairwise
from typing import IO, Any, Final
from uuid import UUID

import click

from idp.commands.output import Output, application, command, read_document
from idp.domain.errors import Refused
from idp.domain.protocol.client import SECRET_METHODS, Client, ClientVersion
from idp.domain.protocol.client_changes import changes_between, logo_change
from idp.services.client_files import doubts_of, unknown_members
from idp.services.client_registry import (
    LOGO_BYTES_MAX,
    ClientRegistry,
    Registered,
    registration_document,
)

#: Versions that are printed.
VERSIONS_MAX: Final = 1000
#: What stands in what these commands print, beside metadata: it may come back in a file.
_ANSWERED: Final = frozenset(
    {"client_id_issued_at", "client_secret", "client_secret_expires_at", "status", "version"}
)


@click.group()
def client() -> None:
    """Register and look after portals."""


def _registry() -> ClientRegistry:
    return application().wiring.services.clients


FILE = click.option("--file", "path", required=True, help="Client metadata as JSON; `-`: stdin.")


@client.command()
@FILE
@command
def create(output: Output, path: str) -> None:
    """Register a client; prints the registration, the secret this once."""
    registry, given = _registry(), read_document(path)
    _warn(output, registry, given)
    done = registry.register(given)
    _warn_of_unused(output, given, done)
    output.tell(registration_document(done))


@client.command()
@click.argument("client_id")
@FILE
@command
def update(output: Output, client_id: str, path: str) -> None:
    """Put new metadata in the place of the old."""
    registry, given = _registry(), read_document(path)
    _warn(output, registry, given, registry.get(client_id))
    done = registry.replace(client_id, given)
    _warn_of_unused(output, given, done)
    output.tell(registration_document(done))


def _warn(
    output: Output,
    registry: ClientRegistry,
    given: Mapping[str, Any],
    known: Client | None = None,
) -> None:
    """Tell what does not stop a registration: keys that can't be fetched, unknown members.

    Refuses a new address of keys whose answer is of no use.
    """
    for doubt in doubts_of(registry, registry.checked(given, known), known):
        output.warn(doubt.text)
    for dropped in unknown_members(given, _ANSWERED):
        output.warn(f"{dropped.text}, so it is not kept")


def _warn_of_unused(output: Output, given: Mapping[str, Any], done: Registered) -> None:
    """Tell what stands in the file and did not come to be: another status, a secret."""
    status, method = done.client.status, done.client.auth_method
    if given.get("status") not in (None, status):
        output.warn(
            f"status is not taken from the file: the client is {status};"
            " `siapkerja client suspend`, `activate` and `retire` change it"
        )
    if given.get("client_secret") is not None and method not in SECRET_METHODS:
        output.warn(f"client_secret is not kept: the method {method} has no secret")


@client.command()
@click.argument("client_id")
@command
def show(output: Output, client_id: str) -> None:
    """Print a registration, without its secret."""
    found = _registry().get(client_id)
    document = registration_document(Registered(found, None))
    output.tell({**document, "status": found.status, "version": found.version})


@client.command(name="list")
@command
def list_all(output: Output) -> None:
    """Print every client."""
    found = _registry().list_all()
    told = [
        {"client_id": c.client_id, "client_name": c.name_in("id"), "status": c.status}
        for c in found
    ]
    lines = [f"{c['client_id']:<34} {c['status']:<10} {c['client_name']}" for c in told]
    output.tell(told, "\n".join(lines) or "No client is registered.")


@client.command()
@click.argument("client_id")
@command
def suspend(output: Output, client_id: str) -> None:
    """Stop a client; every process knows within five seconds."""
    found = _registry().suspend(client_id)
    output.tell({"client_id": client_id, "status": found.status}, f"{client_id} is suspended.")


@client.command()
@click.argument("client_id")
@command
def activate(output: Output, client_id: str) -> None:
    """Let a suspended client go on."""
    found = _registry().activate(client_id)
    output.tell({"client_id": client_id, "status": found.status}, f"{client_id} is active.")


@client.command()
@click.argument("client_id")
@command
def retire(output: Output, client_id: str) -> None:
    """Stop a client for good; its history stays."""
    found = _registry().retire(client_id)
    output.tell({"client_id": client_id, "status": found.status}, f"{client_id} is retired.")


@client.command()
@click.argument("client_id")
@command
def versions(output: Output, client_id: str) -> None:
    """Print every version of a registration, newest first: who made it, when, and what changed."""
    found = list(_registry().list_versions(client_id, limit=VERSIONS_MAX))
    if not found:
        raise Refused("client.unknown")
    told = [_told(version, before) for version, before in pairwise([*found, None])]
    lines = [
        f"{one['version']:>5}  {one['created_at']}  {one['status']:<10} {one['author']}: "
        f"{', '.join(one['changed']) or '-'}"
        for one in told
    ]
    output.tell(told, "\n".join(lines))


def _told(version: ClientVersion | None, before: ClientVersion | None) -> dict[str, Any]:
    if version is None:
        raise LookupError("a version is compared with one before it")
    changes = (
        *(changes_between(before.metadata, version.metadata) if before else ()),
        *logo_change(before.logo if before else None, version.logo),
    )
    changed = [change.member for change in changes]
    if before is not None and before.status is not version.status:
        changed.append("status")
    # secrets stand in no version: what changed nothing else was about one of them
    if before is not None and not changed:
        changed.append("client_secret")
    return {
        "version": version.number,
        "created_at": version.created_at,
        "status": version.status,
        "author": version.author,
        "reason": version.reason,
        "changed": changed,
    }


@client.command()
@click.argument("client_id")
@click.argument("version", type=click.IntRange(1))
@command
def restore(output: Output, client_id: str, version: int) -> None:
    """Bring back the metadata of an earlier version, as a new one."""
    found = _registry().restore(client_id, version)
    output.tell(
        {"client_id": client_id, "version": found.version},
        f"{client_id} is as in version {version} again: version {found.version}.",
    )


@client.command()
@click.argument("client_id")
@click.option("--file", "path", type=click.File("rb"), help="A picture; without it: initials.")
@command
def logo(output: Output, client_id: str, path: IO[bytes] | None) -> None:
    """Draw a picture anew as a client's logo, or leave it its initials."""
    found = _registry().put_logo(client_id, None if path is None else path.read(LOGO_BYTES_MAX + 1))
    output.tell(
        {"client_id": client_id, "logo": found.logo, "version": found.version},
        f"{client_id} has {'its initials' if found.logo is None else 'a new logo'}.",
    )


@client.command()
@click.argument("client_id")
@command
def secrets(output: Output, client_id: str) -> None:
    """Print when each secret was made and ends; never the secret."""
    found = _registry().get(client_id).secrets
    told = [
        {"id": str(one.id), "created_at": one.created_at, "expires_at": one.expires_at}
        for one in found
    ]
    lines = [f"{one['id']}  {one['created_at']}  {one['expires_at'] or '-'}" for one in told]
    output.tell(told, "\n".join(lines) or "The client has no secret.")


@client.command()
@click.argument("client_id")
@click.option("--days", type=click.IntRange(1, 3650), help="How long it lives; else without end.")
@command
def add_secret(output: Output, client_id: str, days: int | None) -> None:
    """Print a second secret beside the one so far, to move to without a stop."""
    life = None if days is None else days * 86_400
    done = _registry().add_secret(client_id, life_seconds=life)
    output.tell(
        {
            "client_id": client_id,
            "client_secret": done.secret,
            "client_secret_expires_at": done.secret_expires_at or 0,
        }
    )


@client.command()
@click.argument("client_id")
@click.argument("which", type=click.UUID, metavar="ID")
@command
def retire_secret(output: Output, client_id: str, which: UUID) -> None:
    """End one of two secrets at once; `secrets` prints their ids."""
    _registry().retire_secret(client_id, which)
    output.tell({"client_id": client_id, "retired": str(which)}, f"The secret {which} ended.")


@client.command()
@click.argument("client_id")
@click.option("--overlap-hours", type=click.IntRange(0, 24 * 30), default=24, show_default=True)
@command
def rotate_secret(output: Output, client_id: str, overlap_hours: int) -> None:
    """Print a new secret; the one so far stays good for a while beside it."""
    done = _registry().rotate_secret(client_id, overlap_seconds=overlap_hours * 3600)
    output.tell({"client_id": client_id, "client_secret": done.secret})


@client.command()
@click.option("--note", default="", help="For whom it is, at most 80 characters.")
@click.option("--hours", type=click.IntRange(1, 24 * 90), default=24, show_default=True)
@command
def initial_token(output: Output, note: str, hours: int) -> None:
    """Print a token that registers one client at the registration endpoint."""
    token = _registry().make_initial_access_token(note=note[:80], life_seconds=hours * 3600)
    output.tell({"initial_access_token": token, "expires_in": hours * 3600})


@client.command()
@click.argument("client_id")
@command
def delete(output: Output, client_id: str) -> None:
    """Delete a client; its identifier is never given again."""
    _registry().delete(client_id)
    output.tell({"client_id": client_id, "deleted": True}, f"{client_id} is deleted.")
