"""PostgreSQL and Redis as an operator would run them: durable, on disk, nothing else tuned."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.processes import ended, free_port, output_of, until

_READY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class RunningStore:
    """`url`: for clients; `pid`: of the process whose tree is the store; `log`: what it wrote."""

    url: str
    pid: int
    log: Path


@contextmanager
def running_postgres(folder: Path) -> Iterator[RunningStore]:
    """Run a cluster of its own with the defaults of its version: fsync and WAL as they are."""
    binaries = _postgres_binaries()
    user = "postgres" if os.geteuid() == 0 else None
    place = folder / "postgres"
    place.mkdir()
    if user is not None:
        shutil.chown(place, user)
    data, port, log = place / "data", free_port(), place / "log"
    initdb: list[str | Path] = [
        binaries / "initdb",
        "-D",
        data,
        "-A",
        "trust",
        "-U",
        "postgres",
        "--locale=C.UTF-8",
    ]
    output_of(initdb, user=user, cwd=place)
    command: list[str | Path] = [binaries / "postgres", "-D", data, "-p", str(port), "-k", place]
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output, user=user, cwd=place)
    try:
        probe: list[str | Path] = [
            binaries / "pg_isready",
            "-q",
            "-h",
            "127.0.0.1",
            "-p",
            str(port),
        ]
        until(lambda: subprocess.run(probe, check=False).returncode == 0, _READY_SECONDS, server)
        yield RunningStore(f"postgresql://postgres@127.0.0.1:{port}/postgres", server.pid, log)
    finally:
        # SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for its clients
        ended(server, signal.SIGINT)


@contextmanager
def running_redis(folder: Path) -> Iterator[RunningStore]:
    """Run a Redis that keeps what it is told: append-only file, synced each second."""
    binary = shutil.which("redis-server")
    if binary is None:
        raise RuntimeError("Redis is not installed")
    place = folder / "redis"
    place.mkdir()
    port, log = free_port(), place / "log"
    durable = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
    command = [binary, "--bind", "127.0.0.1", "--port", str(port), "--dir", str(place), *durable]
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        until(lambda: b"Ready to accept" in log.read_bytes(), _READY_SECONDS, server)
        yield RunningStore(f"redis://127.0.0.1:{port}/0", server.pid, log)
    finally:
        ended(server, signal.SIGTERM)


def _postgres_binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    if initdb is None:
        raise RuntimeError("PostgreSQL is not installed")
    return Path(initdb).parent
