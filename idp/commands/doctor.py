"""`siapkerja doctor`: what is wrong with an installation, and how to mend it.

Works without building the application, so also where production would refuse to start.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import click

from config.settings import SHARED_SECRET, Settings, SettingsError
from idp.commands.output import Output, command
from idp.wiring.examination import Finding, examine


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
    "SIAPKERJA_HTTP_TRUSTED_PROXIES": "name the proxy's own address, or the network it stands in",
    "SIAPKERJA_LOGIN_FAILURE_FLOOR_MS": "raise it, or leave it out",
    "SIAPKERJA_HTTP_MTLS_URL": "set it to the https address of the host that asks for certificates",
    "SIAPKERJA_PASSWORD_MEMORY_KIB, _PASSES": "raise both, or leave them out",
    "SIAPKERJA_UPSTREAM_ISSUER": "set it to the issuer's https address",
    "SIAPKERJA_DUKCAPIL_URL": "set it to the https address that Dukcapil gave with the agreement",
    "SIAPKERJA_DUKCAPIL_INSTITUTION": "set it to our name or number in the agreement",
    "SIAPKERJA_DUKCAPIL_USER_ID": "set it to the user that Dukcapil gave with the agreement",
    "SIAPKERJA_DUKCAPIL_CA_FILE": (
        "name a PEM file of the server's certificate, or of the authority that signed it"
    ),
    "SIAPKERJA_SMS_GATEWAYS": (
        "name gateways with a contract; SIAPKERJA_SMS_<NAME>_URL is the https address of each"
    ),
    "SIAPKERJA_MAIL_URL": "set it to the mail server's address, smtps://user:password@host",
}

#: What mends a secret that stands twice, or an SMS gateway's address, whatever the setting.
_SHARED: Final = "let each service have a secret of its own; none of ours may be one of theirs"
_GATEWAY: Final = "set it to the https address that the carrier gave with the contract"

#: The settings are examined as for a server of several processes.
_WORKERS: Final = 2


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
        chosen = Settings.from_env(workers=_WORKERS)
    except SettingsError as error:
        for problem in error.problems:
            is_refusal = problem in error.refusals
            yield _of_refusal(problem) if is_refusal else Finding.of_setting(problem)
        return
    yield Finding("settings", True, f"all can be read, environment {chosen.env}")
    yield from map(_of_refusal, chosen.refusals(workers=_WORKERS))


def _of_refusal(refusal: str) -> Finding:
    """Tell why production would not start; `refusal`: a setting's name, a colon, and why."""
    name, _, why = refusal.partition(": ")
    if SHARED_SECRET in why:
        mend = _SHARED
    elif name.startswith("SIAPKERJA_SMS_") and name.endswith("_URL"):
        mend = _GATEWAY
    else:
        mend = _MENDS_FOR_PRODUCTION.get(name, "put it into a file that {}_FILE names")
    return Finding(name, False, f"{why}: production refuses to start", mend.format(name))
