"""canaille, the peer that is written in Python: its own production server, its SQL storage."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bench.peers.base import ARGON2, BUILD, CALLBACK, WORKERS, Running, people
from bench.processes import answers, ended, free_port, output_of, until
from bench.stores import running_postgres
from bench.target import Clients, Endpoints, Registration, Target
from bench.wire import Connection

_REQUIREMENTS: Final = Path(__file__).with_name("canaille.requirements.txt")
_PLACE: Final = BUILD / "canaille"
_COMMAND: Final = _PLACE / "bin" / "canaille"
_READY_SECONDS: Final = 60.0
_JWKS: Final = "/oauth/jwks.json"

_COMMON: Final = {
    "redirect_uris": [CALLBACK],
    "response_types": ["code"],
    # a portal on a trusted domain shows no consent page
    "client_uri": "https://portal.example",
    "id_token_signed_response_alg": "ES256",
}
_OFFLINE: Final = ["authorization_code", "refresh_token"]
_CLIENTS: Final[dict[str, dict[str, Any]]] = {
    "portal": {
        **_COMMON,
        "client_name": "Portal",
        "scope": "openid profile email",
        "grant_types": ["authorization_code"],
        "token_endpoint_auth_method": "client_secret_basic",
    },
    "offline": {
        **_COMMON,
        "client_name": "Portal luring",
        "scope": "openid profile email",
        "grant_types": _OFFLINE,
        "token_endpoint_auth_method": "client_secret_basic",
    },
    "public": {
        **_COMMON,
        "client_name": "Aplikasi",
        "scope": "openid profile email",
        "grant_types": _OFFLINE,
        "token_endpoint_auth_method": "none",
    },
    "machine": {
        **_COMMON,
        "client_name": "Layanan",
        "scope": "profile",
        "grant_types": ["client_credentials"],
        "token_endpoint_auth_method": "client_secret_basic",
    },
}


@contextmanager
def running_canaille(folder: Path) -> Iterator[Running]:
    """Run it with two workers, on PostgreSQL."""
    _install()
    port = free_port()
    with running_postgres(folder) as database:
        configuration = folder / "canaille.toml"
        configuration.write_text(_settings(port, database.url), "utf-8")
        environment = {**os.environ, "CANAILLE_CONFIG": str(configuration)}
        _command(environment, folder, "install")
        known = list(people())
        for person, claims in known:
            fields = {
                "user-name": person.login,
                "password": person.password,
                "formatted-name": claims["name"],
                "given-name": claims["given_name"],
                "family-name": claims["family_name"],
                "emails": claims["email"],
                "phone-numbers": claims["phone_number"],
            }
            given = [f"--{name}={value}" for name, value in fields.items()]
            _command(environment, folder, "create", "user", "--quiet", *given)
        words = ["run", f"--bind=127.0.0.1:{port}", "--workers", str(WORKERS)]
        with (folder / "server.log").open("wb") as log:
            server = subprocess.Popen(
                [_COMMAND, *words], env=environment, cwd=folder, stdout=log, stderr=log
            )
        try:
            until(lambda: answers(port, _JWKS), _READY_SECONDS, server)
            registered = {name: _register(port, told) for name, told in _CLIENTS.items()}
            target = Target(
                port=port,
                callback=CALLBACK,
                endpoints=Endpoints(
                    "/oauth/authorize",
                    "/oauth/token",
                    "/oauth/userinfo",
                    "/oauth/introspect",
                    _JWKS,
                ),
                people=tuple(person for person, _ in known),
                login_fields=("login",),
                password_fields=("password",),
                machine_form={},
                offline_form={},
                refreshes_id_token=False,
                clients=Clients(**registered),
            )
            yield Running(target, (server.pid, database.pid), server.pid)
        finally:
            ended(server, signal.SIGTERM)


def _settings(port: int, database_url: str) -> str:
    """Return its configuration: defaults, but for what loopback and Argon2id ask."""
    # the driver that its `postgresql` extra brings; SQLAlchemy's own choice is another
    url = database_url.replace("postgresql://", "postgresql+psycopg2://", 1)
    keys = ", ".join(_key(kind) for kind in (("ec",), ("rsa",)))
    parameters = {
        "argon2__type": "ID",
        "argon2__memory_cost": ARGON2["memory_kib"],
        "argon2__rounds": ARGON2["passes"],
        "argon2__parallelism": ARGON2["lanes"],
    }
    told = ", ".join(f"{name} = {json.dumps(value)}" for name, value in parameters.items())
    return f"""
SECRET_KEY = "{secrets.token_urlsafe(48)}"
SERVER_NAME = "localhost:{port}"
PREFERRED_URL_SCHEME = "http"

[CANAILLE]
DATABASE = "sql"
FORCE_HTTPS = false

[CANAILLE_SQL]
DATABASE_URI = "{url}"
PASSWORD_SCHEMES = "argon2"
PASSWORD_HASH_PARAMS = {{ {told} }}

[CANAILLE_OIDC]
DYNAMIC_CLIENT_REGISTRATION_OPEN = true
TRUSTED_DOMAINS = ["portal.example"]
ACTIVE_JWKS = [{keys}]
"""


def _key(kind: tuple[str, ...]) -> str:
    """Return a new key as its own command writes it for the configuration."""
    return output_of([_COMMAND, "jwk", "create", *kind, "--format", "toml"]).strip()


def _command(environment: dict[str, str], folder: Path, *words: str) -> None:
    output_of([_COMMAND, *words], env=environment, cwd=folder)


def _register(port: int, metadata: dict[str, Any]) -> Registration:
    """Register a client by RFC 7591."""
    connection = Connection(port)
    body = json.dumps(metadata).encode()
    answer = connection.ask("POST", "/oauth/register", {"Content-Type": "application/json"}, body)
    connection.close()
    if answer.status != 201:
        raise RuntimeError(f"canaille refuses a client: {answer.body.decode()[:500]}")
    made = json.loads(answer.body)
    # it makes a secret for public clients too, and refuses them when they use it
    is_public = metadata["token_endpoint_auth_method"] == "none"
    return Registration(made["client_id"], "" if is_public else made["client_secret"])


def _install() -> None:
    """Install what the requirements pin, once, into an environment of its own."""
    installed = _PLACE / "installed.txt"
    if installed.exists() and installed.read_bytes() == _REQUIREMENTS.read_bytes():
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", _PLACE], check=True)
    options = ["--quiet", "--disable-pip-version-check", "--no-deps"]
    pip = _PLACE / "bin" / "pip"
    subprocess.run([pip, "install", *options, "--requirement", _REQUIREMENTS], check=True)
    shutil.copy(_REQUIREMENTS, installed)
