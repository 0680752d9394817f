"""What `siapkerja doctor` looks at: without the application, and making nothing."""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from flask import Flask
from sqlalchemy.engine import Engine

from adapters.crypto.loaded_keys import LoadedDataKeys
from adapters.crypto.vault import DerivedVault
from adapters.dukcapil.pinning import pinned_context
from adapters.metrics import PrometheusMetrics
from adapters.reaching import UNKNOWN_OPTION, fault_of_redis, fault_of_server
from adapters.sql import engine as engines
from adapters.sql.absence import Absence, absence_of_file, absence_of_server
from adapters.sql.health import may_write, probe_database
from adapters.sql.keys import SqlDataKeys
from adapters.sql.store import SqlStore
from adapters.system import SystemClock, SystemEntropy
from config.settings import (
    DEVELOPMENT_ROOT,
    SANDBOX_MAIL,
    SANDBOX_URL,
    Settings,
    SettingsError,
)
from idp.domain.protocol.client import CERTIFICATE_METHODS, Client
from idp.ports.store import StoreUnavailable
from idp.wiring import build_database, certificate_methods, statement_issuers
from idp.wiring.outside import build_fetcher, build_outside


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that `siapkerja doctor` looked at; `mend` where it is not good."""

    what: str
    is_good: bool
    found: str
    mend: str = ""

    @classmethod
    def of_setting(cls, problem: str) -> "Finding":
        """Return what is wrong with a setting; `problem`: its name, a colon, and why."""
        name, _, why = problem.partition(": ")
        return cls(name, False, why, f"set {name} right; README.md lists all settings")


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at the database, its keys and clock, and at everything that we call.

    Makes nothing, neither files nor rows: what is missing may be a mistyped path.
    """
    absence = absence_of_file(settings.database_url)
    if absence is None:
        yield from _open_and_examine_database(settings)
    else:
        yield _finding_of_file(settings, *absence)
    yield from _examine_adapters(settings)


def _examine_servers(settings: Settings) -> Iterator[Finding]:
    """Try whether whatever we call takes a connection; nothing is asked."""
    outside = {
        "Dukcapil": (settings.dukcapil.url, "SIAPKERJA_DUKCAPIL_URL"),
        "mail": (settings.mail.url, "SIAPKERJA_MAIL_URL"),
        **{
            f"SMS gateway {name}": (account.url, f"SIAPKERJA_SMS_{name.upper()}_URL")
            for name, account in settings.sms.accounts.items()
            if account.url
        },
    }
    for what, (url, name) in outside.items():
        tls = _tls_of_registry(settings) if what == "Dukcapil" else ssl.create_default_context()
        is_sandbox = url.startswith((SANDBOX_URL, SANDBOX_MAIL))
        mend = "run `siapkerja sandbox`, or set {}" if is_sandbox else "check {} and the way there"
        if what == "Dukcapil" and url.startswith("https://"):
            mend += ", and SIAPKERJA_DUKCAPIL_CA_FILE"
        yield _finding_of_server(what, url, fault_of_server(url, tls), mend.format(name))
    if settings.redis_url:
        mend = "check SIAPKERJA_REDIS_URL and the way there"
        fault = fault_of_redis(settings.redis_url)
        yield _finding_of_server("Redis", settings.redis_url, fault, mend)


def _tls_of_registry(settings: Settings) -> ssl.SSLContext | None:
    """Return what trusts the registry's certificate; a file that can't be used is told already."""
    ca_file = settings.dukcapil.ca_file
    try:
        return pinned_context(ca_file) if ca_file is not None else ssl.create_default_context()
    except (OSError, ValueError):
        return None


def _finding_of_server(what: str, url: str, fault: str | None, mend: str) -> Finding:
    """Tell of a server by its host and port: an address may hold a password."""
    where = urlsplit(url).netloc.rpartition("@")[2] or urlsplit(url).path
    return Finding(what, fault is None, f"{where} {fault or 'answers'}", mend)


_MEND_OF_FILE: Final = (
    "let its folder and file be writable to this user, restore a damaged file from a backup, "
    "or set SIAPKERJA_DATABASE_URL"
)

#: What is found and what mends it, by why PostgreSQL gives us no connection; `None`: it gives one.
_ABSENCES: Final[Mapping[Absence | None, tuple[str, str]]] = {
    Absence.SERVER: (
        "does not answer",
        "start PostgreSQL, or set host and port in SIAPKERJA_DATABASE_URL",
    ),
    Absence.DATABASE: (
        "answers, but has no database of this name",
        "name the right one in SIAPKERJA_DATABASE_URL; a new one has to be created first",
    ),
    Absence.ROLE: (
        "answers, but does not take our role with this password",
        "set role and password in SIAPKERJA_DATABASE_URL, or the role's password in PostgreSQL",
    ),
    Absence.ENTRY: (
        "answers, but does not let this role in",
        "name a role in SIAPKERJA_DATABASE_URL that has LOGIN and that pg_hba.conf lets in",
    ),
    Absence.OTHER: (
        "answers, but turns us away",
        "read in PostgreSQL's log why, and set SIAPKERJA_DATABASE_URL",
    ),
    None: (
        "does not let our role read its tables",
        "let our role read its tables, or set SIAPKERJA_DATABASE_URL",
    ),
}


def _finding_of_file(settings: Settings, absence: Absence, path: Path) -> Finding:
    """Tell of a SQLite database that nobody has made yet."""
    what = "database (sqlite)"
    is_default = settings.database_url == Settings.model_fields["database_url"].default
    if absence is Absence.CONTENT:
        return Finding(what, False, f"{path} is empty", _UPGRADE)
    if is_default and not settings.is_production:
        mend = f"{_UPGRADE}; `siapkerja serve` and `siapkerja demo` make it too"
        return Finding(
            what, False, f"{engines.file_of(settings.database_url)} is not there yet", mend
        )
    mend = f"set the right path in SIAPKERJA_DATABASE_URL; for a new installation {_UPGRADE}"
    if absence is Absence.FOLDER:
        mend = (
            "set the right path in SIAPKERJA_DATABASE_URL; for a new installation make the folder, "
            f"writable to this user, then {_UPGRADE}"
        )
    return Finding(what, False, f"there is no {absence.value} {path}", mend)


_UPGRADE: Final = "run `siapkerja db upgrade`"


def _open_and_examine_database(settings: Settings) -> Iterator[Finding]:
    try:
        app = Flask("doctor")
        database, configuration = build_database(settings)
        app.config.from_mapping(configuration)
        database.init_app(app)
        with app.app_context():
            yield from _examine_database(settings, database.engine)
            database.engine.dispose()
    except StoreUnavailable:
        found, mend = "can't be opened", _MEND_OF_FILE
        if engines.file_of(settings.database_url) is None:
            found = UNKNOWN_OPTION
            mend = "set the right options, such as sslmode, in SIAPKERJA_DATABASE_URL"
        yield Finding("database", False, found, mend)


def _examine_database(settings: Settings, engine: Engine) -> Iterator[Finding]:
    what = f"database ({engine.dialect.name})"
    engines.prepare_engine(engine)
    clock = SystemClock()
    try:
        revision, newest, epoch, disk_free, _ = probe_database(engine)
    except StoreUnavailable:
        found, mend = "does not answer", _MEND_OF_FILE
        if engine.dialect.name == "postgresql":
            found, mend = _ABSENCES[absence_of_server(engine)]
        yield Finding(what, False, found, mend)
        return
    if not may_write(engine):
        mend = (
            _MEND_OF_FILE
            if engine.dialect.name == "sqlite"
            else "let SIAPKERJA_DATABASE_URL name the primary, and a role that may write all tables"
        )
        yield Finding(what, False, "can be read but not written", mend)
        return
    if revision is None or revision < newest:
        found = f"is at revision {revision or 'none'}, this version needs {newest}"
        yield Finding(what, False, found, _UPGRADE)
        return
    yield Finding(what, True, f"answers, at revision {revision}")
    skew = abs(epoch - clock.now())
    yield Finding(
        "clock", skew <= 30, f"{skew} s off the database's", "set up NTP on both machines"
    )
    if disk_free is not None:
        found = f"{disk_free:.0%} free"
        yield Finding("disk", disk_free > 0.05, found, "make room where the database lies")
    roots = settings.roots_so_far
    if not roots:
        mend = (
            f"set SIAPKERJA_SECRET_KEY to the root of this database, or restore {DEVELOPMENT_ROOT}"
        )
        yield Finding("secret key", False, "is nowhere", mend)
        return
    vault = DerivedVault(roots, SqlDataKeys(engine), SystemEntropy(), clock)
    try:
        vault.try_roots()
        with SqlStore(engine, vault, SystemEntropy(), clock).read() as tx:
            keys = [key for key in tx.signing_keys.list_all() if key.may_sign(clock.now())]
            clients = tx.clients.list_all()
    except ValueError:
        mend = "SIAPKERJA_SECRET_KEY must hold the root under which this database was written"
        yield Finding("secret key", False, "does not open this database", mend)
        return
    yield Finding("secret key", True, "opens this database")
    mend = "start the server once, or run `siapkerja keys list`"
    yield Finding("signing keys", bool(keys), f"{len(keys)} can sign", mend)
    yield from _examine_certificates(settings, clients)


def _examine_certificates(settings: Settings, clients: Sequence[Client]) -> Iterator[Finding]:
    """Tell of client certificates where somebody needs them, or a setting speaks of them."""
    methods = certificate_methods(settings)
    stranded = [
        client
        for client in clients
        if client.is_active
        and (
            client.auth_method in CERTIFICATE_METHODS - methods
            or (client.metadata.get("tls_client_certificate_bound_access_tokens") and not methods)
        )
    ]
    if not (stranded or settings.http.mtls_url or settings.http.client_cert_header):
        return
    mend = (
        "set SIAPKERJA_HTTP_TRUSTED_PROXIES, _CLIENT_CERT_HEADER and _CLIENT_CERT_VERIFIED_HEADER;"
        " docs/mtls-nginx.conf is an example"
    )
    found = f"{len(methods)} ways to authenticate by them, {len(stranded)} clients without theirs"
    yield Finding("client certificates", bool(methods) and not stranded, found, mend)


def _examine_adapters(settings: Settings) -> Iterator[Finding]:
    """Build what calls others, look for the files that settings name, then for the servers."""
    clock, entropy = SystemClock(), SystemEntropy()
    # of nobody's root, as the real one may not be there: its secrets go nowhere
    vault = DerivedVault(Settings.of_nobody().roots, LoadedDataKeys(()), entropy, clock)
    metrics = PrometheusMetrics()
    problems: list[str] = []
    for build in (
        lambda: build_outside(settings, vault, clock=clock, entropy=entropy, metrics=metrics),
        lambda: statement_issuers(settings),
        lambda: build_fetcher(settings, clock=clock, metrics=metrics),
    ):
        try:
            build()
        except SettingsError as error:
            problems += error.problems
    yield from map(Finding.of_setting, problems)
    if not problems:
        yield Finding("adapters", True, "Dukcapil, SMS and mail are configured")
    yield from _examine_servers(settings)
