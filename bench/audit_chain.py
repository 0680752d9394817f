"""`python -m bench.audit_chain`: how many audit events a second one chain takes, whole at the end.

Writers are threads over a few processes, each event in a transaction of its own, as in a server;
one more process seals meanwhile, as the housekeeper does. Counted is what was sealed by the end, so
the figure includes the chain; then the whole chain is verified.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, Final

from adapters.sql import schema
from bench.stores import running_postgres
from config.settings import Settings
from idp.app import Application, create_app
from idp.domain.identity.audit import Action, AuditEvent, Origin
from idp.services import Services

_ORIGIN: Final = Origin("203.0.113.0/24", "bench", "Firefox, Linux")
_DETAILS: Final = {"is_known": True, "amr": ["pwd", "otp", "mfa"]}
_SEAL_EVERY_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How many writers, over how many processes, write how many events each."""

    writers: int
    processes: int
    events: int


@contextmanager
def _application(url: str) -> Iterator[Services]:
    settings = Settings.from_env().model_copy(update={"database_url": url})
    app: Application = create_app(settings)
    try:
        yield app.wiring.services
    finally:
        app.close()


def _write(url: str, threads: int, events: int, begin: Event, written: Any) -> None:
    """Write from several threads once everybody is ready."""
    with _application(url) as services:

        def writer(_: int) -> None:
            for _ in range(events):
                with services.store.write() as tx:
                    now = services.clock.now()
                    event = AuditEvent(
                        Action.LOGIN_SUCCEEDED, now, origin=_ORIGIN, details=_DETAILS
                    )
                    tx.audit.record(event)

        services.vault.audit_key()
        written.put("ready")
        begin.wait()
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(writer, range(threads)))
        written.put("done")


def _seal(url: str, ended: Event) -> None:
    with _application(url) as services:
        while not ended.wait(_SEAL_EVERY_SECONDS):
            services.audit_log.seal_all()


def measure(url: str, plan: Plan, clock: Callable[[], float] = time.monotonic) -> dict[str, Any]:
    """Return what was written and sealed, and how fast."""
    schema.upgrade(url)
    with _application(url) as services:
        services.keys.ensure()
    spawn = get_context("spawn")
    begin, ended, told = spawn.Event(), spawn.Event(), spawn.Queue()
    share = plan.writers // plan.processes
    given = (url, share, plan.events, begin, told)
    writers = [spawn.Process(target=_write, args=given) for _ in range(plan.processes)]
    sealer = spawn.Process(target=_seal, args=(url, ended))
    for process in (*writers, sealer):
        process.start()
    for _ in writers:
        told.get()
    began = clock()
    begin.set()
    for _ in writers:
        told.get()
    written = clock() - began
    ended.set()
    for process in (*writers, sealer):
        process.join()
    with _application(url) as services:
        log = services.audit_log
        while log.seal_all():
            continue
        sealed = clock() - began
        count = share * plan.processes * plan.events
        checking = clock()
        flaws = list(log.verify())
        return {
            "writers": share * plan.processes,
            "events": count,
            "written_per_second": round(count / written),
            "sealed_per_second": round(count / sealed),
            "verified_per_second": round(count / (clock() - checking)),
            "whole": not flaws,
        }


def main(words: Sequence[str] | None = None) -> int:
    """Measure on a PostgreSQL of its own, or on the database that is named."""
    parser = argparse.ArgumentParser(prog="python -m bench.audit_chain", description=__doc__)
    parser.add_argument("--writers", type=int, default=50)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--events", type=int, default=200, help="of each writer")
    parser.add_argument("--database", help="SQLAlchemy URL of an empty database")
    asked = parser.parse_args(words)
    plan = Plan(asked.writers, asked.processes, asked.events)
    with tempfile.TemporaryDirectory(prefix="siapkerja-bench-") as name:
        folder = Path(name)
        # PostgreSQL runs as another user, which must get through to its own folder
        folder.chmod(0o755)
        if asked.database:
            figures = measure(asked.database, plan)
        else:
            with running_postgres(folder) as store:
                figures = measure(store.url, plan)
    sys.stdout.write(json.dumps(figures) + "\n")
    return 0 if figures["whole"] else 1


if __name__ == "__main__":
    sys.exit(main())
