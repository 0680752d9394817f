"""`python -m bench.console`: how long the console's lists take in a large database (issue 6).

A PostgreSQL of its own is filled with accounts, clients and what they leave behind: the services
make the first rows, PostgreSQL multiplies them. Then every page of the console whose address has no
arguments is asked for, each list to its tenth page, and every kind of search. Told for each: median
and p95 of one request in the process that answers, and how often PostgreSQL read a table of more
than 10,000 rows from end to end meanwhile. Ends with 1 where a page takes longer than 150 ms (p95)
or a large table is read so. Exports are no pages.
"""

import argparse
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import psycopg
from flask.testing import FlaskClient

from adapters.sql import schema
from bench.stores import running_postgres
from config.settings import Settings
from idp.app import Application, create_app
from idp.domain.identity.admin import PASSKEY, Admin, AdminStatus
from idp.domain.identity.audit import Origin
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.roles import Role
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of

_ROOT: Final = "bench-root-7Hk2Vq9Zx4Nc8Lw3Rb6Ty1Jm5Pd0Gs"
_ASKED_MS: Final = 150.0
_LARGE: Final = 10_000
_PAGES: Final = 10
_REQUESTS: Final = 40
_ISSUER: Final = "http://localhost:8000"
_OURS: Final = {"Origin": _ISSUER, "Sec-Fetch-Site": "same-origin"}
_ORIGIN: Final = Origin("203.0.113.0/24", "bench", "Firefox, Linux")
_PERSON: Final = {
    "nik": "3273011708909001",
    "email": "budi@contoh.id",
    "phone_number": "+6281200000001",
}

_HIDDEN: Final = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')

#: SQL of what differs from row to row, by table and column; `n` counts from 1. What is sealed stays
#: as it was: no list opens what it does not show.
_DIFFERING: Final[Mapping[str, Mapping[str, str]]] = {
    "account": {
        "id": "gen_random_uuid()",
        "subject": "substr(md5(n || 'subject'), 1, 22)",
        "nik_index": "sha256(('nik' || n)::bytea)",
        "phone_index": "sha256(('phone' || n)::bytea)",
        "email_index": "sha256(('email' || n)::bytea)",
        "created_at": "base.created_at - n",
    },
    "client": {
        "id": "gen_random_uuid()",
        "client_id": "'portal-' || n",
        "name_key": "'portal ' || n",
        "created_at": "base.created_at - n",
    },
    "audit_event": {
        "id": "gen_random_uuid()",
        "at": "base.at - n",
        "sequence": "1000000 + n",
        "client_id": "'portal-' || n % {clients}",
    },
    "failure": {
        "id": "gen_random_uuid()",
        "code": "upper(substr(md5(n || 'code'), 1, 8))",
        "at": "base.at - n",
        "client_id": "'portal-' || n % {clients}",
    },
    "client_request": {
        "id": "gen_random_uuid()",
        "at": "base.at - n",
        "client_id": "'portal-' || n % {clients}",
    },
    # one in a hundred letters waits
    "outbox": {
        "id": "gen_random_uuid()",
        "created_at": "base.created_at - n",
        "done_at": "CASE WHEN n % 100 > 0 THEN base.created_at END",
    },
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many rows there are of what."""

    accounts: int
    clients: int
    events: int

    @property
    def of_tables(self) -> Mapping[str, int]:
        return {
            "account": self.accounts,
            "client": self.clients,
            "audit_event": self.events,
            "failure": self.events // 10,
            "client_request": self.clients * 200,
            "outbox": self.events // 20,
        }


@dataclass(frozen=True, slots=True)
class Measured:
    """One address: milliseconds of its requests, and scans of large tables by their name."""

    address: str
    times: tuple[float, ...]
    scans: Mapping[str, int]

    @property
    def p95(self) -> float:
        return quantiles(self.times, n=20)[-1]

    @property
    def holds(self) -> bool:
        return self.p95 <= _ASKED_MS and not self.scans

    def told(self) -> str:
        scans = ", ".join(f"{table} {count}" for table, count in sorted(self.scans.items()))
        return f"| {self.address} | {median(self.times):.1f} | {self.p95:.1f} | {scans or 'none'} |"


def fill(url: str, app: Application, sizes: Sizes) -> None:
    """Let one person leave a row in each table, then multiply the rows."""
    services = app.wiring.services
    account = services.accounts.create(
        {"name": "Budi Santoso", "password": "tiga kata acak sekali", **_PERSON}
    )
    portal = {
        "client_name": "Portal Uji",
        "redirect_uris": ["https://portal.example/cb"],
        "scope": "openid profile",
    }
    registered = services.clients.register(portal)
    browser = app.test_client()
    # wrong requests leave a support code, and what a portal's team sees of them
    browser.get("/authorize", query_string={"client_id": registered.client.client_id})
    browser.get(
        "/authorize",
        query_string={
            "client_id": registered.client.client_id,
            "redirect_uri": portal["redirect_uris"][0],
            "response_type": "token",
        },
    )
    visitor = Visitor(digest_of("flow"), "127.0.0.1", _ORIGIN)
    services.email_proof.send_again(account.id, visitor)
    services.traffic.flush()
    services.failures.flush()
    with psycopg.connect(url) as connection:
        for table, rows in sizes.of_tables.items():
            _multiply(connection, table, rows, sizes)
        connection.execute(
            "UPDATE audit_event SET account_id = %s WHERE at %% 1000 = 0", (account.id,)
        )
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")


def _multiply(connection: psycopg.Connection, table: str, rows: int, sizes: Sizes) -> None:
    found = connection.execute(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name = %s",
        (table,),
    )
    names = [name for (name,) in found]
    differing = _DIFFERING[table]
    values = [differing.get(name, f"base.{name}").format(clients=sizes.clients) for name in names]
    text = (
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} "
        f"FROM (SELECT * FROM {table} LIMIT 1) AS base, generate_series(1, {rows}) AS n"
    )
    done = connection.execute(text.encode())
    if done.rowcount != rows:
        raise SystemExit(f"{table}: there was no row to multiply")
    connection.commit()


@dataclass
class Console:
    """An administrator's browser in the process that answers, and the database behind it."""

    browser: FlaskClient
    connection: psycopg.Connection

    def measure(self, address: str, requests: int, data: dict[str, str] | None = None) -> Measured:
        before = self._scans()
        times = [self._ask(address, data) for _ in range(requests)]
        after = self._scans()
        scans = {name: after[name] - count for name, count in before.items() if after[name] > count}
        return Measured(address, tuple(times), scans)

    def following(self, address: str) -> str | None:
        """Return the address of the list's next page."""
        page = self.browser.get(address).text
        found = re.search(r'href="([^"]*(?:sebelum|sesudah|lanjut)=[^"]+)"', page)
        return found[1].replace("&amp;", "&") if found else None

    def _ask(self, address: str, data: dict[str, str] | None) -> float:
        began = time.perf_counter()
        answer = self.browser.get(address)
        if data is not None:
            began = time.perf_counter()
            fields = dict(_HIDDEN.findall(answer.text))
            answer = self.browser.post(address, data={**fields, **data}, headers=_OURS)
        if answer.status_code not in {200, 303}:
            raise SystemExit(f"{address}: {answer.status_code}")
        return (time.perf_counter() - began) * 1000

    def _scans(self) -> dict[str, int]:
        found = self.connection.execute(
            "SELECT relname, seq_scan FROM pg_stat_user_tables WHERE n_live_tup > %s", (_LARGE,)
        )
        return {str(name): int(scans) for name, scans in found}


def measure(app: Application, url: str) -> Iterator[Measured]:
    """Yield each list with its tenth page, then each kind of search."""
    with psycopg.connect(url, autocommit=True) as connection:
        console = Console(_administrator(app), connection)
        for address in sorted(_addresses(app)):
            yield console.measure(address, _REQUESTS)
            deep = address
            for _ in range(_PAGES):
                deep = console.following(deep) or ""
                if not deep:
                    break
            else:
                yield replace(console.measure(deep, _REQUESTS), address=f"{address}, page {_PAGES}")
        for kind, words in _PERSON.items():
            found = console.measure("/admin/pengguna", _REQUESTS, {"q": words})
            yield replace(found, address=f"/admin/pengguna, {kind}")
        for query in _QUERIES:
            yield console.measure(query, _REQUESTS)


#: Filters and orders of the long lists.
_QUERIES: Final = (
    "/admin/portal?q=portal%204999",
    "/admin/portal?status=active&profil=baseline",
    "/admin/audit?jenis=login.failed",
    "/admin/audit?objek=portal-7",
    "/admin/audit?dari=2026-01-01&sampai=2026-01-31",
)


def _addresses(app: Application) -> Iterator[str]:
    """Yield the console's pages that take no argument and change nothing, but for its doors."""
    doors = ("/admin/masuk", "/admin/keluar", "/admin/konfirmasi", "/admin/static")
    for rule in app.url_map.iter_rules():
        is_page = "GET" in (rule.methods or ()) and not rule.arguments and "csv" not in rule.rule
        if is_page and rule.rule.startswith("/admin") and not rule.rule.startswith(doors):
            yield rule.rule


def _administrator(app: Application) -> FlaskClient:
    services = app.wiring.services
    now = services.clock.now()
    admin = Admin(
        id=services.entropy.uuid7(services.clock.now_ms()),
        email=EmailAddress("petugas@kemnaker.example"),
        status=AdminStatus.ACTIVE,
        roles=tuple(Role),
        created_at=now,
        changed_at=now,
        name="Rina Wulandari",
        password_changed_at=now,
    )
    visitor = Visitor(digest_of("flow"), "127.0.0.1", _ORIGIN)
    with services.store.write() as tx:
        tx.admins.add(admin)
        entered = services.admin_sessions.begin_full(admin, PASSKEY, visitor, tx=tx)
    browser = app.test_client()
    browser.set_cookie("asid", entered.cookie)
    return browser


@contextmanager
def _application(url: str) -> Iterator[Application]:
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("SIAPKERJA")}
    os.environ.update(
        SIAPKERJA_ENV="test",
        SIAPKERJA_SECRET_KEY=_ROOT,
        SIAPKERJA_DATABASE_URL=url,
        SIAPKERJA_LIMITS_FACTOR="100000",
        SIAPKERJA_LOG_LEVEL="ERROR",
    )
    app = create_app(Settings.from_env())
    app.wiring.services.keys.ensure()
    try:
        yield app
    finally:
        app.close()
        os.environ.update(kept)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.console", description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--clients", type=int, default=5_000)
    parser.add_argument("--events", type=int, default=2_000_000)
    asked = parser.parse_args()
    sizes = Sizes(asked.accounts, asked.clients, asked.events)
    with tempfile.TemporaryDirectory(prefix="siapkerja-bench-") as name:
        folder = Path(name)
        # PostgreSQL runs as another user, which must get through to its own folder
        folder.chmod(0o755)
        load = os.getloadavg()[0]
        with running_postgres(folder) as store:
            schema.upgrade(store.url)
            with _application(store.url) as app:
                fill(store.url, app, sizes)
                print("| page | median, ms | p95, ms | large tables read from end to end |")
                print("|---|---|---|---|")
                is_good = True
                for found in measure(app, store.url):
                    print(found.told(), flush=True)
                    is_good = is_good and found.holds
        print(f"load of the machine: {load:.1f} before, {os.getloadavg()[0]:.1f} after")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
