"""What only ours is asked: statements, start, and userinfo beside a rush of sign-ins."""

import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Final

import psycopg

from bench.harness import LoadFailed, prepared
from bench.load import Bounds, Outcome
from bench.peers import Running
from bench.peers.siapkerja import start_seconds

_FLOWS_COUNTED: Final = 60
#: PostgreSQL logs a simple query as "statement", a prepared one as "execute <name>".
_STATEMENT: Final = re.compile(rb"LOG:  (?:statement|execute [^:]*): (\w+)")
_CONTROL: Final = frozenset({b"BEGIN", b"COMMIT", b"ROLLBACK", b"SET", b"DEALLOCATE"})

LOGINS_A_SECOND: Final = 60.0
_USERINFOS_A_SECOND: Final = 50.0
_LOGIN_CONNECTIONS: Final = 24
_USERINFO_CONNECTIONS: Final = 4
_STARTS: Final = 5


@dataclass(frozen=True, slots=True)
class Rush:
    """Userinfo while people sign in: quantiles in ms, and the sign-ins that got through."""

    p50_ms: float
    p99_ms: float
    logins_a_second: float


def statements(peer: Running, flow: str) -> float | None:
    """Return the statements of one flow, without BEGIN and COMMIT; `None` off PostgreSQL.

    Caches are read anew every few seconds, which shows as a small fraction.
    """
    if peer.store_log is None:
        return None
    with prepared(peer.target, flow, 1) as load:
        load.run(Bounds(_FLOWS_COUNTED, 30))
        _log_statements(peer.store_url, "all")
        before = peer.store_log.stat().st_size
        outcome = load.run(Bounds(_FLOWS_COUNTED, 30))
        _log_statements(peer.store_url, "none")
    written = peer.store_log.read_bytes()[before:]
    counted = [word for word in _STATEMENT.findall(written) if word.upper() not in _CONTROL]
    # the statement that ends the logging is logged itself
    return (len(counted) - 1) / outcome.flows


def rush(peer: Running, seconds: float) -> Rush:
    """Measure userinfo at a steady rate while people sign in with passwords at another."""
    logins: list[Outcome] = []
    with (
        prepared(peer.target, "password", _LOGIN_CONNECTIONS) as signing_in,
        prepared(peer.target, "userinfo", _USERINFO_CONNECTIONS) as asking,
    ):
        asking.run(Bounds(200, 5))
        bounds = Bounds(10**6, seconds + 2, LOGINS_A_SECOND)
        crowd = Thread(target=lambda: logins.append(signing_in.run(bounds)))
        crowd.start()
        time.sleep(1)
        asked = asking.run(Bounds(10**6, seconds, _USERINFOS_A_SECOND))
        crowd.join()
    if not logins:
        raise LoadFailed("the sign-ins failed")
    return Rush(asked.p50_ms, asked.p99_ms, logins[0].flows / logins[0].seconds)


def starts(store: str) -> list[float]:
    """Return the seconds of several starts, from the command to `/readyz`, in ascending order."""
    with tempfile.TemporaryDirectory(prefix="siapkerja-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        return sorted(start_seconds(folder, store, _STARTS))


def _log_statements(url: str, which: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET log_statement = '{which}'")
        connection.execute("SELECT pg_reload_conf()")
    # servers read the changed configuration at their next command after the signal
    time.sleep(0.3)
