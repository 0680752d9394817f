"""Real servers for tests: PostgreSQL and Redis of Debian, each for one test session."""

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def children_of(pid: int) -> set[int]:
    """Return the process ids of what a process started and has not waited for."""
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return {int(child) for child in told.split()}


@contextmanager
def answering(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """Serve by a handler, from threads of this process, and yield the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def wait_for_port(port: int, *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as trying:
            if trying.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"nothing answers on port {port}")


def postgres_binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    return Path(initdb).parent if initdb else None


@dataclass(frozen=True, slots=True)
class StoppablePostgres:
    """A cluster that may be stopped and started on the same port; `url` of its `postgres`."""

    folder: Path
    port: int
    options: str

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        self._control("-w", "-o", self.options, "-l", self.folder / "log", "start")

    def stop(self) -> None:
        """Stop at once, as a crash would."""
        self._control("-m", "immediate", "stop", check=False)

    def _control(self, *words: object, check: bool = True) -> None:
        binaries = postgres_binaries()
        if binaries is None:
            raise RuntimeError("PostgreSQL is not installed: `make test` installs it where it may")
        command = [binaries / "pg_ctl", "-D", self.folder / "data", *words]
        _run(_as_postgres(self.folder), *command, check=check)


@contextmanager
def stoppable_postgres(*, durable: bool = True) -> Iterator[StoppablePostgres]:
    """Start a cluster of its own; `durable`: what it confirmed outlives a crash."""
    binaries = postgres_binaries()
    if binaries is None:
        raise RuntimeError("PostgreSQL is not installed: `make test` installs it where it may")
    folder = Path(tempfile.mkdtemp(prefix="siapkerja-pg-"))
    hasty = (
        " -c fsync=off -c full_page_writes=off -c synchronous_commit=off"
        # many small databases that go after a few minutes: nothing to tidy up, nobody to copy to
        " -c autovacuum=off -c wal_level=minimal -c max_wal_senders=0"
    )
    port = free_port()
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c max_connections=300"
    running = StoppablePostgres(folder, port, options if durable else options + hasty)
    try:
        initdb = [binaries / "initdb", "-D", folder / "data", "-A", "trust", "-U", "postgres"]
        _run(_as_postgres(folder), *initdb, "-N", "--locale=C.UTF-8")
        running.start()
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_postgres() -> Iterator[str]:
    """Start a cluster of its own and yield the URL of its `postgres` database."""
    with stoppable_postgres(durable=False) as running:
        yield running.url


@contextmanager
def running_redis() -> Iterator[str]:
    """Start a Redis without persistence and yield its URL."""
    binary = shutil.which("redis-server")
    if binary is None:
        raise RuntimeError("Redis is not installed: `make test` installs it where it may")
    port = free_port()
    arguments = [
        binary,
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--appendonly",
        "no",
    ]
    server = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    try:
        wait_for_port(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(10)


def _as_postgres(folder: Path) -> list[str]:
    """Return what runs a command as a user whom PostgreSQL accepts; it refuses root."""
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, "postgres")
    return ["runuser", "-u", "postgres", "--"]


def _run(as_user: list[str], *command: object, check: bool = True) -> None:
    done = subprocess.run(
        [*as_user, *map(str, command)], check=False, capture_output=True, text=True, cwd="/"
    )
    if check and done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)
