"""`siapkerja doctor`: what is wrong with an installation, and how to mend it.

Works without building the application, so also where production would refuse to start.
"""

import sys
from collections.abc import Iterator, Mapping
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


_A_ROOT: Final = "put a random text of at least 32 bytes into a file that {}_FILE names"
_LEAVE_OUT: Final = "leave {} out: production takes its default alone"

#: What mends a reason not to start (`security.md` SC-1), by the setting; `{}`: its name. Missing
#: here: secrets that somebody else gave us.
_MENDS_FOR_PRODUCTION: Final[Mapping[str, str]] = {
    "SIAPKERJA_SECRET_KEY": _A_ROOT,
    "SIAPKERJA_OPERATOR_TOKEN": _A_ROOT,
    "SIAPKERJA_ISSUER": "set it to the https address at which browsers reach the service",
    "SIAPKERJA_DATABASE_URL": "name a PostgreSQL, or serve with `--workers 1`",
    "SIAPKERJA_LIMITS_FACTOR": _LEAVE_OUT,
    "SIAPKERJA_FETCH_PRIVATE_HOSTS": _LEAVE_OUT,
    "SIAPKERJA_LOG_LEVEL": "set it to INFO, or leave it out",
    "SIAPKERJA_HTTP_TRUSTED_PROXIES": "name the address of the proxy that passes certificates",
    "SIAPKERJA_HTTP_MTLS_URL": "set it to the https address of the host that asks for certificates",
    "SIAPKERJA_PASSWORD_MEMORY_KIB, _PASSES": "raise both, or leave them out",
    "SIAPKERJA_UPSTREAM_ISSUER": "set it to the issuer's https address",
    "SIAPKERJA_DUKCAPIL_URL": "set it to the https address that Dukcapil gave with the agreement",
    "SIAPKERJA_DUKCAPIL_CA_FILE": (
        "name a PEM file of the server's certificate, or of the authority that signed it"
    ),
    "SIAPKERJA_SMS_GATEWAYS": (
        "name gateways with a contract; SIAPKERJA_SMS_<NAME>_URL is the https address of each"
    ),
    "SIAPKERJA_MAIL_URL": "set it to the mail server's address, smtps://user:password@host",
}


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
        yield from map(Finding.of_setting, error.problems)
        return
    yield Finding("settings", True, f"all can be read, environment {chosen.env}")
    for refusal in chosen.refusals(workers=2):
        name, _, why = refusal.partition(": ")
        mend = _MENDS_FOR_PRODUCTION.get(name, "put it into a file that {}_FILE names")
        yield Finding(name, False, f"{why}: production refuses to start", mend.format(name))
