"""Ours: `siapkerja serve` with two workers, on SQLite as it comes or on PostgreSQL."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from bench.peers.base import CALLBACK, WORKERS, Running, people
from bench.processes import answers, ended, free_port, output_of, until
from bench.stores import RunningStore, running_postgres
from bench.target import Clients, Endpoints, Person, Registration, Target

#: Of the environment that runs the measurement.
_COMMAND: Final = Path(sys.executable).with_name("siapkerja")
_READY_SECONDS: Final = 120.0
_COMMON: Final[dict[str, Any]] = {
    "first_party": True,
    "redirect_uris": [CALLBACK],
    "response_types": ["code"],
}
_OFFLINE: Final = ["authorization_code", "refresh_token"]

#: Metadata of the clients that `Target` names. ES256 ID tokens, as the peer to beat signs them.
_CLIENTS: Final[dict[str, dict[str, Any]]] = {
    "portal": {
        **_COMMON,
        "client_name": "Portal",
        "scope": "openid profile email",
        "token_endpoint_auth_method": "client_secret_basic",
        "id_token_signed_response_alg": "ES256",
    },
    "offline": {
        **_COMMON,
        "client_name": "Portal luring",
        "scope": "openid profile email offline_access",
        "grant_types": _OFFLINE,
        "token_endpoint_auth_method": "client_secret_basic",
        "id_token_signed_response_alg": "ES256",
    },
    "public": {
        **_COMMON,
        "client_name": "Aplikasi",
        "scope": "openid profile email offline_access",
        "grant_types": _OFFLINE,
        "token_endpoint_auth_method": "none",
        "id_token_signed_response_alg": "ES256",
    },
    "machine": {
        "client_name": "Layanan",
        "grant_types": ["client_credentials"],
        "response_types": [],
        "redirect_uris": [],
        "token_endpoint_auth_method": "client_secret_basic",
    },
}


def running_siapkerja(store: str) -> Callable[[Path], AbstractContextManager[Running]]:
    """Return what runs ours on `sqlite` or `postgresql`."""

    @contextmanager
    def running(folder: Path) -> Iterator[Running]:
        with ExitStack() as stack:
            database = stack.enter_context(_STORES[store](folder))
            port = free_port()
            installed = Installation(folder, port, database.url if database else "")
            installed.command("db", "upgrade")
            registered = {name: installed.client(told) for name, told in _CLIENTS.items()}
            known = tuple(installed.account(*person) for person in people())
            server = stack.enter_context(installed.serving())
            yield Running(
                target=_target(port, registered, known),
                pids=(server.pid, *([database.pid] if database else [])),
                server_pid=server.pid,
                store_log=database.log if database else None,
                store_url=database.url if database else "",
            )

    return running


@contextmanager
def _no_server(folder: Path) -> Iterator[RunningStore | None]:
    del folder
    yield None


_STORES: Final[dict[str, Callable[[Path], AbstractContextManager[RunningStore | None]]]] = {
    "sqlite": _no_server,
    "postgresql": running_postgres,
}


class Installation:
    """One database with its settings, and the commands upon it."""

    def __init__(self, folder: Path, port: int, database_url: str) -> None:
        self.port = port
        self._folder = folder
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("SIAPKERJA_")},
            "SIAPKERJA_ENV": "test",
            "SIAPKERJA_ISSUER": f"http://localhost:{port}",
            "SIAPKERJA_DATABASE_URL": database_url or f"sqlite:///{folder / 'siapkerja.db'}",
            "SIAPKERJA_SECRET_KEY": secrets.token_urlsafe(48),
            # one address signs in as fast as it can: no limit may answer in the provider's place
            "SIAPKERJA_LIMITS_FACTOR": "1000000",
            "SIAPKERJA_LOGIN_UNKNOWN_DEVICE": "none",
        }

    def command(self, *words: str, document: object = None) -> Any:
        """Run a command and return what it prints as JSON."""
        told = output_of(
            [_COMMAND, *words, "--json"],
            input=json.dumps(document) if document is not None else None,
            env=self._environment,
            cwd=self._folder,
        )
        return json.loads(told)

    def client(self, metadata: dict[str, Any]) -> Registration:
        """Register a client."""
        made = self.command("client", "create", "--file", "-", document=metadata)
        return Registration(made["client_id"], made.get("client_secret", ""))

    def account(self, person: Person, claims: dict[str, Any]) -> Person:
        """Make an account."""
        number = int(claims["phone_number"][-3:])
        told = {"nik": f"327301170889{9000 + number}", "password": person.password, **claims}
        self.command("account", "create", "--file", "-", document=told)
        return person

    @contextmanager
    def serving(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run the server until the context is left."""
        server = self.start()
        try:
            yield server
        finally:
            ended(server, signal.SIGTERM)

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server and return when it says that it is ready."""
        words = ["serve", "--port", str(self.port), "--workers", str(WORKERS)]
        with (self._folder / "server.log").open("ab") as log:
            server = subprocess.Popen(
                [_COMMAND, *words], env=self._environment, cwd=self._folder, stdout=log, stderr=log
            )
        try:
            until(lambda: answers(self.port, "/readyz"), _READY_SECONDS, server)
        except RuntimeError:
            ended(server, signal.SIGTERM)
            raise
        return server


def start_seconds(folder: Path, store: str, times: int) -> list[float]:
    """Return how long each of several starts took until `/readyz` answered 200."""
    with _STORES[store](folder) as database:
        installed = Installation(folder, free_port(), database.url if database else "")
        installed.command("db", "upgrade")
        taken = []
        for _ in range(times + 1):
            began = time.monotonic()
            with installed.serving():
                taken.append(time.monotonic() - began)
        # the first one makes the keys of a new installation
        return taken[1:]


def _target(port: int, registered: dict[str, Registration], known: tuple[Person, ...]) -> Target:
    return Target(
        port=port,
        callback=CALLBACK,
        endpoints=Endpoints("/authorize", "/token", "/userinfo", "/introspect", "/jwks"),
        people=known,
        login_fields=("identifier",),
        password_fields=("password",),
        machine_form={},
        offline_form={},
        clients=Clients(**registered),
    )
