"""`siapkerja doctor`: what is wrong with an installation, and how to mend it.

Works without building the application, so also where production would refuse to start.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import click

from config.settings import Settings, SettingsError
from idp.commands.output import Output, command
from idp.wiring import Finding, examine


@dataclass(frozen=True, slots=True)
class _Mark:
    sign: str
    word: str


_MARKS: Final = {True: _Mark("ok  ", "ok"), False: _Mark("BAD ", "bad")}


@click.command()
@command
def doctor(output: Output) -> None:
    """Examine settings, database, keys, clock, disk and everything that we call."""
    findings = list(_settings_findings())
    chosen = _settings_or_none()
    if chosen is not None:
        findings += examine(chosen)
    told = [
        {"what": f.what, "ok": f.is_good, "found": f.found, "mend": "" if f.is_good else f.mend}
        for f in findings
    ]
    lines = []
    for finding in findings:
        lines.append(f"{_MARKS[finding.is_good].sign} {finding.what}: {finding.found}")
        if not finding.is_good:
            lines.append(f"       mend: {finding.mend}")
    output.tell({"ok": all(f.is_good for f in findings), "findings": told}, "\n".join(lines))
    if not all(finding.is_good for finding in findings):
        sys.exit(1)


def _settings_or_none() -> Settings | None:
    try:
        return Settings.from_env()
    except SettingsError:
        return None


def _settings_findings() -> Iterator[Finding]:
    try:
        chosen = Settings.from_env()
    except SettingsError as error:
        for problem in error.problems:
            name, _, why = problem.partition(": ")
            yield Finding(name, False, why, f"set {name} right; docs/operate.md lists them all")
        return
    yield Finding("settings", True, f"all can be read, environment {chosen.env}")
    for refusal in chosen.refusals(workers=2):
        name, _, why = refusal.partition(": ")
        yield Finding(
            name, False, why, "production refuses to start like this; see docs/operate.md"
        )
