"""A real server in a process of its own, as operators run it, with the commands beside it."""

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from click.testing import CliRunner

from idp.commands import main
from tests.conftest import BASE, environment
from tests.servers import free_port

ROOT: Final = Path(__file__).parent.parent
SIAPKERJA: Final = [sys.executable, "-c", "from idp.commands import main; main()"]
START_SECONDS: Final = 30
STOP_SECONDS: Final = 25


class CommandError(Exception):
    """A command ended with another code than 0; `told` is what it printed as reason."""

    def __init__(self, code: int, told: str) -> None:
        super().__init__(f"exit {code}: {told}")
        self.code, self.told = code, told


@dataclass(frozen=True, slots=True)
class LiveServer:
    """A provider that answers at `url`, which is its issuer. `log`: its JSON lines."""

    url: str
    log: Path
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        return self.process.pid

    def cli(self, *arguments: str, document: Mapping[str, Any] | None = None) -> Any:
        """Run `siapkerja --json ...` on this server's settings and return what it prints.

        It runs in this process: starting one costs more than what the command does.
        `document`: sent as `--file -`. Raises `CommandError`.
        """
        given = [*arguments, "--file", "-"] if document is not None else list(arguments)
        text = json.dumps(document) if document is not None else ""
        settings = {
            name: value for name, value in self.environment.items() if name.startswith("SIAPKERJA")
        }
        with environment(**settings), same_logging():
            done = CliRunner().invoke(main, ["--json", *given], input=text)
        if done.exit_code != 0:
            raise CommandError(done.exit_code, done.stderr)
        return json.loads(done.stdout)

    def a_client(self, **metadata: Any) -> dict[str, Any]:
        """Register a client and return its registration, the secret in it."""
        given = {"client_name": "Portal Uji", "scope": "openid profile email", **metadata}
        registered: dict[str, Any] = self.cli("client", "create", document=given)
        return registered

    def an_account(self, *, number: int = 1, **claims: Any) -> dict[str, Any]:
        """Make a proofed account; returns what was given, with the local `subject`."""
        given = {
            "nik": f"327301170890{9000 + number}",
            "password": "tiga kata acak sekali",
            "name": "Budi Santoso",
            "email": f"budi{number}@contoh.id",
            "email_verified": True,
            "phone_number": f"+62812000000{number:02d}",
            "phone_number_verified": True,
            **claims,
        }
        return {**given, **self.cli("account", "create", document=given)}


@contextmanager
def same_logging() -> Iterator[None]:
    """Leave the log as it is: a command sets it up for a process of its own."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def inherited() -> dict[str, str]:
    """Return the environment of a child: ours without settings, with this checkout importable."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SIAPKERJA_", "PORTAL_", "JKP_"))
    }
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


@contextmanager
def running_server(*, workers: int = 1, **settings: str) -> Iterator[LiveServer]:
    """Run `siapkerja serve` on a free port while the block runs.

    `settings`: variables by name (`SIAPKERJA_LOGIN_UNKNOWN_DEVICE="none"`). Without
    `SIAPKERJA_DATABASE_URL` the database is an SQLite file of its own.
    """
    port = free_port()
    url = f"http://localhost:{port}"
    with tempfile.TemporaryDirectory(prefix="siapkerja-live-") as folder:
        environment = {
            **inherited(),
            **BASE,
            "SIAPKERJA_ISSUER": url,
            "SIAPKERJA_DATABASE_URL": f"sqlite:///{folder}/siapkerja.db",
            **settings,
        }
        log = Path(folder) / "log"
        command = [*SIAPKERJA, "serve", "--port", str(port), "--workers", str(workers)]
        with running_process(command, environment, log) as process:
            wait_for(f"{url}/readyz", process, log)
            yield LiveServer(url, log, environment, process)


@contextmanager
def running_process(
    command: list[str], environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in a process group of its own; what it leaves behind is ended too."""
    with log.open("wb") as written:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path, *, status: int = 200) -> None:
    """Wait until `url` answers so; raises with the log where the process ends or is too slow."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            if httpx.get(url, trust_env=False, timeout=5).status_code == status:
                return
        time.sleep(0.02)
    raise RuntimeError(f"nothing answers at {url}:\n{log.read_text()}")
