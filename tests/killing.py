"""A server that is killed at any moment and started again on the same port and database."""

import os
import random
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.conftest import BASE
from tests.live_server import SIAPKERJA, LiveServer, inherited, running_process, wait_for
from tests.servers import free_port

#: `CHAOS=full` runs the figures of `security.md` section 9.
FULL = os.environ.get("CHAOS") == "full"
#: Moments are random, and the same again with the same seed.
SEED = int(os.environ.get("CHAOS_SEED", "0")) or time.time_ns() % 10**6


def moments(name: str) -> random.Random:
    """Return the chances of one test; the seed stands in the output of a failure."""
    print(f"CHAOS_SEED={SEED} {name}")
    return random.Random(f"{SEED}{name}")  # noqa: S311 - to be repeated


@dataclass
class Mortal:
    """A server, its two workers and all: `kill` ends them at once, `start` begins anew."""

    environment: Mapping[str, str]
    port: int
    folder: Path
    workers: int = 2 if FULL else 1
    live: LiveServer = field(init=False)
    _stack: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def start(self) -> LiveServer:
        log = self.folder / "log"
        command = [*SIAPKERJA, "serve", "--port", str(self.port), "--workers", str(self.workers)]
        process = self._stack.enter_context(running_process(command, self.environment, log))
        wait_for(f"{self.url}/readyz", process, log)
        self.live = LiveServer(self.url, log, self.environment, process)
        return self.live

    def kill(self) -> None:
        """End every process of the server as a power cut would, without a word."""
        with suppress(ProcessLookupError):
            os.killpg(self.live.pid, signal.SIGKILL)
        self.live.process.wait()
        self._stack.close()

    def kill_in(self, seconds: float) -> threading.Timer:
        """Kill it after a while; join the timer to be sure."""
        timer = threading.Timer(seconds, self.kill)
        timer.start()
        return timer


@contextmanager
def mortal_server(**settings: str) -> Iterator[Mortal]:
    """Yield a server that is not started yet; what runs at the end is ended.

    `settings`: variables by name. Without `SIAPKERJA_DATABASE_URL` the database is an SQLite file.
    """
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="siapkerja-chaos-") as name:
        environment = {
            **inherited(),
            **BASE,
            "SIAPKERJA_ISSUER": f"http://localhost:{port}",
            "SIAPKERJA_DATABASE_URL": f"sqlite:///{name}/siapkerja.db",
            "SIAPKERJA_LIMITS_FACTOR": "100000",
            "SIAPKERJA_LOGIN_UNKNOWN_DEVICE": "none",
            **settings,
        }
        made = Mortal(environment, port, Path(name))
        try:
            yield made
        finally:
            made._stack.close()


class LiveBrowser:
    """What tests use of Flask's test client, over a real connection for each request."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(
            base_url=url, trust_env=False, timeout=20, headers={"Connection": "close"}
        )
        self.environ_base: dict[str, str] = {}

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self._client.get(path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self._client.post(path, **more)

    def cookie(self, name: str) -> str | None:
        return self._client.cookies.get(name)

    def close(self) -> None:
        self._client.close()
