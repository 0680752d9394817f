"""Keycloak, the peer that most ministries know: its production mode, on PostgreSQL."""

import re
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import urlopen

from bench.peers.base import ARGON2, BUILD, CALLBACK, Running, people, write_json
from bench.processes import answers, ended, free_port, output_of, until
from bench.stores import running_postgres
from bench.target import Clients, Endpoints, Registration, Target

VERSION: Final = "26.5.6"
_ARCHIVE: Final = (
    "https://repo.maven.apache.org/maven2/org/keycloak/keycloak-quarkus-dist/"
    f"{VERSION}/keycloak-quarkus-dist-{VERSION}.tar.gz"
)
_SHA256: Final = "fa3dd5df90b9ac006712c2f0991be4e8a6cb30ac538e0439ce2f45fc40f4c692"
_DOWNLOAD_SECONDS: Final = 600
_JAVA_LEAST: Final = 17

_PLACE: Final = BUILD / f"keycloak-{VERSION}"
_COMMAND: Final = _PLACE / "bin" / "kc.sh"
_READY_SECONDS: Final = 300.0
_REALM: Final = "bench"
_BASE: Final = f"/realms/{_REALM}/protocol/openid-connect"
#: In the realm's file: it is read by this machine alone.
_SECRET: Final = "rahasia-untuk-pengukuran-saja-bukan-sungguhan"
_CLIENTS: Final = ("portal", "offline", "public", "machine")


def has_java() -> bool:
    """Whether this machine can run it."""
    java = shutil.which("java")
    if java is None:
        return False
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', told)
    return found is not None and int(found[1]) >= _JAVA_LEAST


@contextmanager
def running_keycloak(folder: Path) -> Iterator[Running]:
    """Run it built for PostgreSQL, one process with threads as it chooses them."""
    _install()
    port = free_port()
    with running_postgres(folder) as database:
        known = list(people())
        imported = _PLACE / "data" / "import"
        shutil.rmtree(_PLACE / "data", ignore_errors=True)
        imported.mkdir(parents=True)
        write_json(imported / f"{_REALM}.json", _realm(known))
        parts = urlsplit(database.url)
        words = [
            "start",
            "--optimized",
            "--import-realm",
            f"--hostname=http://localhost:{port}",
            "--http-enabled=true",
            "--http-host=127.0.0.1",
            f"--http-port={port}",
            "--http-management-port=" + str(free_port()),
            f"--db-url=jdbc:postgresql://{parts.hostname}:{parts.port}{parts.path}",
            f"--db-username={parts.username}",
            "--db-password=",
            f"--spi-password-hashing--argon2--memory={ARGON2['memory_kib']}",
            f"--spi-password-hashing--argon2--iterations={ARGON2['passes']}",
            f"--spi-password-hashing--argon2--parallelism={ARGON2['lanes']}",
        ]
        with (folder / "server.log").open("wb") as log:
            server = subprocess.Popen([_COMMAND, *words], cwd=folder, stdout=log, stderr=log)
        try:
            until(lambda: answers(port, f"{_BASE}/certs"), _READY_SECONDS, server)
            registered = {name: _registration(name) for name in _CLIENTS}
            target = Target(
                port=port,
                callback=CALLBACK,
                endpoints=Endpoints(
                    f"{_BASE}/auth",
                    f"{_BASE}/token",
                    f"{_BASE}/userinfo",
                    f"{_BASE}/token/introspect",
                    f"{_BASE}/certs",
                ),
                people=tuple(person for person, _ in known),
                login_fields=("username",),
                password_fields=("password",),
                machine_form={},
                offline_form={},
                clients=Clients(**registered),
            )
            yield Running(target, (server.pid, database.pid), server.pid)
        finally:
            ended(server, signal.SIGTERM)


def _realm(known: list[tuple[Any, dict[str, Any]]]) -> dict[str, Any]:
    """Return a realm as its own import reads it: defaults, but for ES256 and these clients."""
    return {
        "realm": _REALM,
        "enabled": True,
        # on loopback without TLS
        "sslRequired": "none",
        "defaultSignatureAlgorithm": "ES256",
        "clients": [_client(name) for name in _CLIENTS],
        "users": [
            {
                "username": person.login,
                "email": claims["email"],
                "emailVerified": True,
                "enabled": True,
                "firstName": claims["given_name"],
                "lastName": claims["family_name"],
                "credentials": [{"type": "password", "value": person.password}],
                # what may ask for tokens that outlive the session
                "realmRoles": ["offline_access", f"default-roles-{_REALM}"],
            }
            for person, claims in known
        ],
    }


def _client(name: str) -> dict[str, Any]:
    is_public, is_machine = name == "public", name == "machine"
    return {
        "clientId": name,
        "enabled": True,
        "protocol": "openid-connect",
        "publicClient": is_public,
        **({} if is_public else {"secret": _SECRET}),
        "redirectUris": [CALLBACK],
        "standardFlowEnabled": not is_machine,
        "serviceAccountsEnabled": is_machine,
        "directAccessGrantsEnabled": False,
        "consentRequired": False,
        "attributes": {"pkce.code.challenge.method": "S256"},
        "defaultClientScopes": ["basic", "profile", "email"],
        "optionalClientScopes": ["offline_access"],
        # a client may only introspect tokens that are for it
        "protocolMappers": [
            {
                "name": "audience",
                "protocol": "openid-connect",
                "protocolMapper": "oidc-audience-mapper",
                "config": {"included.client.audience": name, "access.token.claim": "true"},
            }
        ],
    }


def _registration(name: str) -> Registration:
    return Registration(name, "" if name == "public" else _SECRET)


def _install() -> None:
    """Fetch what the digest pins, once, and build it for PostgreSQL as its guide says."""
    if (_PLACE / "built.txt").exists():
        return
    shutil.rmtree(_PLACE, ignore_errors=True)
    BUILD.mkdir(parents=True, exist_ok=True)
    archive = BUILD / f"keycloak-{VERSION}.tar.gz"
    if not archive.exists():
        with urlopen(_ARCHIVE, timeout=_DOWNLOAD_SECONDS) as answer:
            archive.write_bytes(answer.read())
    if sha256(archive.read_bytes()).hexdigest() != _SHA256:
        archive.unlink()
        raise RuntimeError("Keycloak's archive is another than the one that was pinned")
    with tarfile.open(archive) as packed:
        packed.extractall(BUILD, filter="data")
    output_of([_COMMAND, "build", "--db=postgres"])
    (_PLACE / "built.txt").touch()
