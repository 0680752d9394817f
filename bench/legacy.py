"""`python -m bench.legacy`: how fast old accounts come in (issue 5), in a process of its own.

Told: rows a second over all and in each hundred thousand, CPU of the importer and of PostgreSQL,
the most memory that the importer with its workers ever had. Hashes are bcrypt: nothing to wrap.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench import proc
from bench.stores import running_postgres

_STEP: Final = 100_000
_ROOT: Final = "bench-root-7Hk2Vq9Zx4Nc8Lw3Rb6Ty1Jm5Pd0Gs"
_REGIONS: Final = ("327301", "317101", "357801", "120701", "737101", "640501", "510301", "160701")
_SALT_AND_HASH: Final = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHI"


def a_row(number: int) -> dict[str, Any]:
    """Return one old account; every second address and every third number is verified."""
    day, month, year = number % 28 + 1, number // 28 % 12 + 1, number // 336 % 50 + 50
    region = _REGIONS[number // 9999 % len(_REGIONS)]
    return {
        "source": "wlkp",
        "source_id": str(number),
        "nik": f"{region}{day:02}{month:02}{year:02}{number % 9999 + 1:04}",
        "name": f"Orang Ke {number}",
        "emails": [{"value": f"orang{number}@example.org", "verified": number % 2 == 0}],
        "phones": [{"value": f"0812{number:08}", "verified": number % 3 == 0}],
        "password": {"scheme": "bcrypt", "hash": f"$2y$10${number:08}{_SALT_AND_HASH}"},
        "status": "active",
        "created_at": "2019-03-01T00:00:00+07:00",
        "last_login_at": "2025-03-01T00:00:00+07:00",
        "orgs": [{"type": "company", "nib": "1234567890123", "role": "manager"}],
    }


def write_export(path: Path, rows: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            file.write(json.dumps(a_row(number)) + "\n")


@dataclass(frozen=True, slots=True)
class Step:
    """What a hundred thousand rows took: seconds, and CPU of importer and database together."""

    seconds: float
    cpu: float


@dataclass
class Figures:
    """`steps`: one for each hundred thousand rows."""

    rows: int
    seconds: float = 0.0
    steps: list[Step] = field(default_factory=list)
    importer_cpu: float = 0.0
    database_cpu: float = 0.0
    most_memory: float = 0.0

    def told(self) -> str:
        lines = [
            f"{self.rows:,} rows in {self.seconds:,.1f} s: {self.rows / self.seconds:,.0f}/s",
            f"CPU: importer {self.importer_cpu:,.1f} s, database {self.database_cpu:,.1f} s",
            f"most memory of the importer and its workers: {self.most_memory:,.0f} MiB",
        ]
        if self.steps:
            lines += [
                f"rows {number * _STEP:>9,}: {step.seconds:6.1f} s, CPU {step.cpu:5.1f} s"
                for number, step in enumerate(self.steps, start=1)
            ]
        return "\n".join(lines)


def measure(rows: int, database: str, folder: Path) -> Figures:
    """Import a made-up export into an empty database."""
    export = folder / "export.jsonl"
    write_export(export, rows)
    with _database(database, folder) as (url, store):
        _siapkerja(url, "db", "upgrade")
        return _import(export, url, store, Figures(rows))


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[tuple[str, list[int]]]:
    """Yield a database's URL, and the processes whose CPU is its own."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/bench.db", []
        return
    with running_postgres(folder) as running:
        yield running.url, [running.pid]


def _environment(url: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SIAPKERJA")}
    ours = {"SIAPKERJA_ENV": "test", "SIAPKERJA_SECRET_KEY": _ROOT, "SIAPKERJA_DATABASE_URL": url}
    return {**kept, **ours}


def _siapkerja(url: str, *words: str) -> None:
    program = "from idp.commands import main; main()"
    command = [sys.executable, "-c", program, *words]
    subprocess.run(command, env=_environment(url), check=True, stdout=subprocess.DEVNULL)


def _import(export: Path, url: str, store: list[int], figures: Figures) -> Figures:
    """Run the import as its own process; hear of its progress line by line."""
    database_before = proc.cpu_seconds(store) if store else 0.0
    command = [sys.executable, "-m", "bench.legacy", "--run", str(export)]
    began = time.monotonic()
    with subprocess.Popen(command, env=_environment(url), stdout=subprocess.PIPE) as running:
        is_over = threading.Event()
        watch = threading.Thread(target=_watch, args=(running.pid, figures, is_over))
        watch.start()
        assert running.stdout is not None
        everybody = [running.pid, *store]
        step_began, step_cpu = began, proc.cpu_seconds(everybody)
        for line in running.stdout:
            told = json.loads(line)
            figures.importer_cpu = told["cpu"]
            if told["records"] >= (len(figures.steps) + 1) * _STEP:
                cpu = proc.cpu_seconds(everybody)
                figures.steps.append(Step(told["at"] - step_began, cpu - step_cpu))
                step_began, step_cpu = told["at"], cpu
        is_over.set()
        watch.join()
    if running.returncode:
        raise SystemExit("the import failed")
    figures.seconds = time.monotonic() - began
    figures.database_cpu = (proc.cpu_seconds(store) if store else 0.0) - database_before
    return figures


def _watch(pid: int, figures: Figures, is_over: threading.Event) -> None:
    while not is_over.wait(0.5):
        figures.most_memory = max(figures.most_memory, proc.memory([pid]).pss)


def run(export: Path) -> None:
    """Import, in this process, and tell how far it is."""
    from config.settings import Settings  # noqa: PLC0415 - the run alone needs it
    from idp.app import create_app  # noqa: PLC0415 - see above
    from idp.services.legacy_import import Export, Progress  # noqa: PLC0415 - see above

    def tell(progress: Progress | None, records: int) -> None:
        times = os.times()
        cpu = times.user + times.system + times.children_user + times.children_system
        if progress is None or progress.records % 10_000 < 1000:
            told = {"records": records, "at": time.monotonic(), "cpu": cpu}
            sys.stdout.write(json.dumps(told) + "\n")
            sys.stdout.flush()

    app = create_app(Settings.from_env())
    with export.open("rb") as file:
        service = app.wiring.services.legacy_import
        imported = service.load(
            Export(file, lambda: export.open("rb")),
            lambda progress: tell(progress, progress.records),
        )
    # now the workers have ended, and their CPU is counted
    tell(None, imported.counts["records"])
    assert imported.counts["added"] == imported.counts["records"], imported.counts
    app.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.legacy", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.run is not None:
        run(asked.run)
        return 0
    with tempfile.TemporaryDirectory(prefix="siapkerja-bench-") as name:
        folder = Path(name)
        # PostgreSQL runs as another user, which must get through to its own folder
        folder.chmod(0o755)
        load = os.getloadavg()[0]
        print(measure(asked.rows, asked.database, folder).told())
        print(f"load of the machine: {load:.1f} before, {os.getloadavg()[0]:.1f} after")
    return 0


if __name__ == "__main__":
    sys.exit(main())
