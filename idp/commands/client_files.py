"""`siapkerja export`, `plan`, `apply`: client registrations as a file under version control."""

import json
import sys
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

import click
import yaml

from idp.commands.output import Output, application, command, hinted
from idp.domain.errors import Refused
from idp.domain.protocol.client_changes import Change
from idp.services.client_files import Applied, DocumentRefused, Planned, Step

#: `plan` found differences.
DRIFT: Final = 3
BYTES_MAX: Final = 64 * 1024 * 1024
_HEAD: Final = (
    "# Client registrations of SIAPkerja ID, without secrets (siapkerja export).\n"
    "# `siapkerja plan FILE` tells what would change, `siapkerja apply FILE` changes it.\n"
)


class _Loader(yaml.CSafeLoader):
    """Plain values only; a key that stands twice is refused instead of forgotten."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    loader.flatten_mapping(node)
    keys = [loader.construct_object(key) for key, _ in node.value]
    if len(set(map(str, keys))) != len(keys):
        raise yaml.constructor.ConstructorError(problem="a key stands twice")
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


@click.command()
@command
def export(output: Output) -> None:
    """Print all client registrations as YAML, without secrets, always in the same order."""
    document = application().wiring.services.client_files.export()
    output.tell(document, _HEAD + _written(document).rstrip("\n"))


@click.command()
@click.argument("path", metavar="FILE")
@command
def plan(output: Output, path: str) -> None:
    """Print how the clients differ from a file; ends with 3 where they do."""
    files = application().wiring.services.client_files
    try:
        planned = files.plan(_read(path))
    except DocumentRefused as refusal:
        _refuse(output, refusal)
    _warn(output, planned)
    output.tell({"changes": [_told(step) for step in planned]}, _readable(planned))
    if planned:
        sys.exit(DRIFT)


@click.command()
@click.argument("path", metavar="FILE")
@click.option("--prune", is_flag=True, help="Delete the clients that the file does not list.")
@command
def apply(output: Output, path: str, prune: bool) -> None:
    """Bring the clients to what a file says; a second time changes nothing."""
    files = application().wiring.services.client_files
    try:
        planned = files.plan(_read(path))
        _warn(output, planned)
        done = list(files.apply(planned, prune=prune))
    except DocumentRefused as refusal:
        _refuse(output, refusal)
    output.tell({"applied": [_told_done(one) for one in done]}, _readable_done(done))


def _read(path: str) -> object:
    """Return the document of a file, or of standard input for `-`."""
    try:
        body = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise Refused("file.missing") from error
    if len(body) > BYTES_MAX:
        raise Refused("file.large")
    try:
        return yaml.load(body, _Loader)  # noqa: S506 - a safe loader with one rule more
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
        raise Refused("file.yaml") from error


def _written(document: Mapping[str, Any]) -> str:
    text: str = yaml.dump(
        _with_blocks(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100
    )
    return text


class _Dumper(yaml.CSafeDumper):
    """Writes what stands in several places out in each: nobody has to follow references."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


class _Block(str):
    """Text of many lines: written as it stands."""

    __slots__ = ()


_Dumper.add_representer(
    _Block,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style="|"),
)


def _with_blocks(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document whose pictures stand there in lines of 76 characters."""
    logos = {
        name: _Block("\n".join(text[at : at + 76] for at in range(0, len(text), 76)) + "\n")
        for name, text in document.get("logos", {}).items()
    }
    return {**document, "logos": logos} if logos else dict(document)


def _refuse(output: Output, refusal: DocumentRefused) -> NoReturn:
    """Print every fault with its client, and end with 1."""
    message = hinted("the file can't be applied", (fault for _, fault in refusal.faults))
    if output.is_json:
        faults = [
            {
                "client_id": client_id,
                "member": fault.member,
                "position": fault.position,
                "reason": fault.reason.text,
            }
            for client_id, fault in refusal.faults
        ]
        told = {"error": refusal.code, "message": message, "faults": faults}
        click.echo(json.dumps(told), err=True)
    else:
        for client_id, fault in refusal.faults:
            click.echo(f"{client_id}: {fault.text}", err=True)
        click.echo(f"siapkerja: {message} ({refusal.code})", err=True)
    sys.exit(1)


def _warn(output: Output, planned: Sequence[Planned]) -> None:
    """Print what could not be checked from here; `plan` and `apply` go on all the same."""
    for step in planned:
        for doubt in step.warnings:
            output.warn(f"{step.client_id}: {doubt.text}")


def _told(step: Planned) -> dict[str, Any]:
    return {
        "client_id": step.client_id,
        "action": step.step.value,
        "members": {
            change.member: {"before": change.before, "after": change.after}
            for change in step.changes
        },
    }


def _told_done(one: Applied) -> dict[str, Any]:
    action = "delete" if one.planned.step is Step.UNLISTED else one.planned.step.value
    told = {"client_id": one.planned.client_id, "action": action, "version": one.version}
    return told if one.secret is None else {**told, "client_secret": one.secret}


_SIGNS: Final = {Step.CREATE: "+", Step.CHANGE: "~", Step.UNLISTED: "?"}


def _readable(planned: Sequence[Planned]) -> str:
    """Return a plan as people read it: a sign, a client, and a line for each thing that changes."""
    lines: list[str] = []
    for step in planned:
        note = {Step.CREATE: " (new)", Step.UNLISTED: " (not in the file)"}.get(step.step, "")
        lines.append(f"{_SIGNS[step.step]} {step.client_id}  {step.name}{note}".rstrip())
        for change in step.changes:
            lines += _lines(change)
    times = {kind: sum(step.step is kind for step in planned) for kind in Step}
    total = (
        f"{times[Step.CREATE]} to create, {times[Step.CHANGE]} to change, "
        f"{times[Step.UNLISTED]} not in the file."
    )
    return "\n".join([*lines, "", total]) if lines else "No difference."


def _lines(change: Change) -> Iterator[str]:
    if change.is_list:
        yield f"    {change.member}"
        yield from (f"      - {_short(entry)}" for entry in change.removed)
        yield from (f"      + {_short(entry)}" for entry in change.added)
    else:
        yield f"    {change.member}: {_short(change.before)} -> {_short(change.after)}"


def _short(value: object) -> str:
    """Return a value on one line; `(none)` where there is none."""
    if value is None:
        return "(none)"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:199]}…"


def _readable_done(done: Sequence[Applied]) -> str:
    lines = []
    for one in done:
        told = _told_done(one)
        lines.append(f"{told['client_id']}: {told['action']}d, version {told['version']}")
        if one.secret is not None:
            lines.append(f"  client_secret (told this once): {one.secret}")
    return "\n".join(lines) or "Nothing to do."
