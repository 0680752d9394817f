"""`siapkerja demo` and `siapkerja sandbox`: everything on one machine, for trying out."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final, NoReturn

import click
from joserfc.jwk import ECKey

from config.settings import FILE_SUFFIX, FetchSettings, SmsSettings
from idp.app import Application, create_app
from idp.commands import server
from idp.commands.children import ChildEnded, Children, run_program
from idp.commands.output import Output, command, settings
from idp.domain.errors import Refused
from idp.domain.identity.nik import parse_nik
from idp.domain.ids import digest_of
from idp.services import Services
from idp.wiring import upgrade_database

PORTAL: Final = Path(__file__).parents[2] / "docs/portal/portal.py"
FOLDER: Final = Path("var/demo")
READY_SECONDS: Final = 60
PEOPLE_SHOWN: Final = 3
PORT_MAX: Final = 65535 - 4

#: What runs, in the order of its ports.
PARTS: Final[Mapping[str, str]] = {
    "provider": "SIAPkerja ID",
    "portal": "Sample portal",
    "jkp": "JKP module",
    "sandbox": "SMS and mail inbox, test people, switches",
    "smtp": "SMTP of the sandbox",
}

#: Somebody who has an account already; nobody of the sandbox's people.
READY_ACCOUNT: Final[Mapping[str, Any]] = {
    "nik": "3273012505889990",
    "password": "sawah-kopi-hujan-27",
    "name": "Agus Setiawan",
    "birthdate": "1988-05-25",
    "gender": "male",
    "email": "agus@contoh.id",
    "email_verified": True,
    "phone_number": "+628120000990",
    "phone_number_verified": True,
}


@dataclass(frozen=True, slots=True)
class Addresses:
    """The five ports in a row; `port` is the provider's."""

    port: int

    def port_of(self, part: str) -> int:
        """Return a part's port."""
        return self.port + list(PARTS).index(part)

    def url(self, part: str) -> str:
        """Return a part's address as people type it."""
        return f"http://localhost:{self.port_of(part)}"

    def near(self, part: str, scheme: str = "http") -> str:
        """Return a part's address for our own calls, which need no look-up of a name."""
        return f"{scheme}://127.0.0.1:{self.port_of(part)}"


@click.command()
@click.option("--port", type=click.IntRange(1, 65534), default=8003, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
def sandbox(port: int, host: str) -> None:
    """Run the pretend Dukcapil, SMS gateways and mail; SMTP takes the next port."""
    program = [sys.executable, "-m", "adapters.simulators"]
    told = ["--host", host, "--port", str(port), "--smtp-port", str(port + 1)]
    os.execv(program[0], [*program, *told])  # noqa: S606 - no shell wanted


@click.command()
@click.option(
    "--port",
    type=click.IntRange(1024, PORT_MAX),
    default=8000,
    show_default=True,
    help="Port of the provider; the other four follow it.",
)
@command
def demo(output: Output, port: int) -> None:
    """Run provider, sample portal, JKP module and sandbox, with accounts to try."""
    addresses = Addresses(port)
    if not PORTAL.exists():
        output.refuse("demo.checkout", "the demo needs a checkout of the source: `make run` there")
    _check_ports(addresses, output)
    _check_folder(output)
    set_environment(addresses, output)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    children = Children(FOLDER)
    try:
        told = _start(addresses, children, output)
        output.tell(told, _table(told))
        sys.stdout.flush()
        children.watch()
    except ChildEnded as ended:
        child = ended.child
        output.refuse("demo.ended", f"{child.name} ended; the reason is in {child.log}")
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        children.stop()


def _end(*_: object) -> NoReturn:
    sys.exit(0)


def _start(addresses: Addresses, children: Children, output: Output) -> dict[str, Any]:
    """Start all parts and return what the table tells, once everything answers."""
    children.start("sandbox", run_program(*_sandbox_program(addresses)))
    chosen = settings()
    upgrade_database(chosen)
    app = create_app(chosen)
    services = app.wiring.services
    services.keys.ensure()
    secrets = _Secrets(FOLDER, services.entropy.token)
    children.start("portal", run_program(*_portal_program(addresses, secrets)))
    children.start("jkp", run_program(*_jkp_program(addresses, secrets)))
    for metadata in _clients(addresses, secrets):
        _ensure_client(services, metadata)
    _ensure_account(services)
    _wait(children, output, addresses.port_of("sandbox"), "/api/people")
    people = _free_people(services, addresses)
    _let_go(app)
    children.start(
        "provider",
        lambda: server.run(chosen, output, host="127.0.0.1", port=addresses.port, workers=1),
    )
    for part, path in (("portal", "/"), ("jkp", "/livez"), ("provider", "/readyz")):
        _wait(children, output, addresses.port_of(part), path)
    urls = {part: addresses.url(part) for part in PARTS if part != "smtp"}
    return {
        "urls": {**urls, "smtp": f"localhost:{addresses.port_of('smtp')}"},
        "people": people,
        "account": dict(READY_ACCOUNT),
        "logs": str(FOLDER),
    }


# The environment ----------------------------------------------------------------------------------


_PRIVATE_HOSTS: Final = "SIAPKERJA_FETCH_PRIVATE_HOSTS"


def set_environment(addresses: Addresses, output: Output) -> None:
    """Point this process and its children at one another; what an operator set otherwise stays.

    Hosts that an operator lets us reach stand beside the demo's own, which it can't do without.
    """
    sandbox_url = addresses.near("sandbox")
    ours = {
        "SIAPKERJA_DUKCAPIL_URL": sandbox_url,
        "SIAPKERJA_MAIL_URL": addresses.near("smtp", "smtp"),
        **_sms_environment(sandbox_url),
    }
    environment = os.environ  # noqa: TID251 - children and settings read what is put here
    for name, value in ours.items():
        environment.setdefault(name, value)
    named = FetchSettings().private_hosts
    hosts = [f"localhost:{addresses.port_of(part)}" for part in ("portal", "jkp")]
    # read above: a variable that is set as a value and as a file is refused
    environment.pop(f"{_PRIVATE_HOSTS}{FILE_SUFFIX}", None)
    environment[_PRIVATE_HOSTS] = ",".join(dict.fromkeys([*named, *hosts]))
    environment["SIAPKERJA_ISSUER"] = addresses.url("provider")
    if settings().is_production:
        output.refuse("demo.environment", "the demo is for trying out, never for production")


def _sms_environment(sandbox_url: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, account in SmsSettings.SANDBOX.items():
        stem = f"SIAPKERJA_SMS_{name.upper()}"
        found |= {
            f"{stem}_URL": f"{sandbox_url}/sms/{name}",
            f"{stem}_KEY": account.key,
            f"{stem}_SECRET": account.secret,
            f"{stem}_SENDER": account.sender,
        }
    return found


def _environment(**own: str) -> dict[str, str]:
    """Return the environment of a part that is not the provider: without our settings."""
    ours = ("SIAPKERJA_", "PORTAL_", "JKP_")
    environment = os.environ  # noqa: TID251 - handed on to a child
    kept = {name: value for name, value in environment.items() if not name.startswith(ours)}
    return {**kept, **own, "PYTHONUNBUFFERED": "1"}


class _Secrets:
    """Secrets of the parts, made once into files that nobody else may read."""

    def __init__(self, folder: Path, make: Callable[[], str]) -> None:
        self._folder = folder
        self._make = make

    def path(self, name: str, make: Callable[[], str] | None = None) -> str:
        """Return the file of a secret."""
        path = self._folder / name
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write((make or self._make)())
        return str(path)

    def read(self, name: str) -> str:
        """Return a secret."""
        return Path(self.path(name)).read_text("utf-8")

    def jkp_key(self) -> ECKey:
        """Return the key with which the JKP module authenticates."""
        return ECKey.import_key(json.loads(Path(self.jkp_key_path()).read_text("utf-8")))

    def jkp_key_path(self) -> str:
        """Return the file of that key."""
        return self.path("jkp_private_key.json", _make_key)


def _make_key() -> str:
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256", "kid": "jkp-1"})
    return json.dumps(key.as_dict(private=True))


def _sandbox_program(addresses: Addresses) -> tuple[list[str], dict[str, str]]:
    ports = {"--port": "sandbox", "--smtp-port": "smtp"}
    told = [word for name, part in ports.items() for word in (name, str(addresses.port_of(part)))]
    return [sys.executable, "-m", "adapters.simulators", *told], _environment()


def _portal_program(addresses: Addresses, secrets: _Secrets) -> tuple[list[str], dict[str, str]]:
    program = [sys.executable, str(PORTAL)]
    return [*program, "--port", str(addresses.port_of("portal"))], _environment(
        PORTAL_ISSUER=addresses.url("provider"),
        PORTAL_URL=addresses.url("portal"),
        PORTAL_CLIENT_ID="portal-contoh",
        PORTAL_CLIENT_SECRET_FILE=secrets.path("portal_client_secret"),
        PORTAL_SECRET_KEY_FILE=secrets.path("portal_secret_key"),
    )


def _jkp_program(addresses: Addresses, secrets: _Secrets) -> tuple[list[str], dict[str, str]]:
    program = [sys.executable, "-m", "jkp", "--port", str(addresses.port_of("jkp"))]
    return program, _environment(
        JKP_ISSUER=addresses.url("provider"),
        JKP_URL=addresses.url("jkp"),
        JKP_CLIENT_ID="jkp",
        JKP_PRIVATE_KEY_FILE=secrets.jkp_key_path(),
        JKP_SECRET_KEY_FILE=secrets.path("jkp_secret_key"),
        JKP_SANDBOX="on",
    )


# What the parts need in the provider's database ---------------------------------------------------


def _clients(addresses: Addresses, secrets: _Secrets) -> Iterable[dict[str, Any]]:
    """Return the registrations of the two portals."""
    portal, jkp = addresses.url("portal"), addresses.url("jkp")
    yield {
        "client_id": "portal-contoh",
        "client_secret": secrets.read("portal_client_secret"),
        "client_name": "Portal Contoh",
        "client_name#en": "Sample Portal",
        "client_uri": portal,
        "redirect_uris": [f"{portal}/kembali"],
        "post_logout_redirect_uris": [f"{portal}/selesai"],
        "backchannel_logout_uri": f"{portal}/keluar/pemberitahuan",
        "token_endpoint_auth_method": "client_secret_basic",
        "scope": "openid profile email phone",
        "optional_scopes": ["phone"],
    }
    yield {
        "client_id": "jkp",
        "client_name": "JKP",
        "client_uri": jkp,
        "owner": "Kementerian Ketenagakerjaan",
        "first_party": True,
        "redirect_uris": [f"{jkp}/masuk/kembali"],
        "post_logout_redirect_uris": [f"{jkp}/"],
        "backchannel_logout_uri": f"{jkp}/keluar/pemberitahuan",
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256",
        "id_token_signed_response_alg": "ES256",
        "jwks": {"keys": [secrets.jkp_key().as_dict(private=False)]},
        "require_pushed_authorization_requests": True,
        "scope": "openid profile jkp",
        "resources": [jkp],
        "default_resource": jkp,
        "serves": [jkp],
    }


def _ensure_client(services: Services, metadata: dict[str, Any]) -> None:
    """Register a client, or bring its registration to what it should be."""
    client_id = metadata["client_id"]
    try:
        found = services.clients.get(client_id)
    except Refused:
        services.clients.register(metadata)
        return
    own = {"client_id", "client_secret"}
    wanted = {name: value for name, value in metadata.items() if name not in own}
    secret = metadata.get("client_secret")
    live = found.live_secrets(services.clock.now())
    has_secret = secret is None or digest_of(secret) in live
    if not has_secret or any(found.metadata.get(name) != value for name, value in wanted.items()):
        services.clients.replace(client_id, metadata)


def _ensure_account(services: Services) -> None:
    with services.store.read() as tx:
        found = tx.accounts.find_by_nik(parse_nik(READY_ACCOUNT["nik"]))
    if found is None:
        services.accounts.create(READY_ACCOUNT)


def _free_people(services: Services, addresses: Addresses) -> list[dict[str, str]]:
    """Return the first of the sandbox's people who match and have no account yet."""
    listed = json.loads(_get(addresses.port_of("sandbox"), "/api/people?kind=A1") or "{}")
    found: list[dict[str, str]] = []
    with services.store.read() as tx:
        for person in listed.get("people", ()):
            if tx.accounts.find_by_nik(parse_nik(person["nik"])) is None:
                found.append({name: person[name] for name in ("nik", "name", "mother_name")})
            if len(found) == PEOPLE_SHOWN:
                break
    return found


def _let_go(app: Application) -> None:
    """Close every connection to the database: none may be shared with a forked process."""
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()


# Ports, waiting, words ----------------------------------------------------------------------------


def _check_ports(addresses: Addresses, output: Output) -> None:
    """Refuse where one of the five ports is taken."""
    for part in PARTS:
        port = addresses.port_of(part)
        if any(server.is_taken(host, port) for host in _LOOPBACK):
            other = 9000 if addresses.port != 9000 else 7000
            output.refuse(
                "port.taken",
                f"port {port} is taken; `PORT={other} make run` takes {other} to {other + 4}",
            )


_LOOPBACK: Final = ("127.0.0.1", "::1")


def _check_folder(output: Output) -> None:
    """Refuse where logs and secrets of the parts could not be kept."""
    try:
        FOLDER.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=FOLDER):
            pass
    except OSError as error:
        why = os.strerror(error.errno or 0)
        output.refuse("demo.folder", f"{FOLDER} can't be written ({why}); run it somewhere else")


def _wait(children: Children, output: Output, port: int, path: str) -> None:
    is_ready = children.wait_until(lambda: _get(port, path) is not None, seconds=READY_SECONDS)
    if not is_ready:
        output.refuse("demo.silent", f"nothing answers on port {port}; the logs are in {FOLDER}")


def _get(port: int, path: str) -> bytes | None:
    """Return what a part answers with 200, `None` while it does not."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        try:
            connection.request("GET", path)
            reply = connection.getresponse()
            return reply.read() if reply.status == 200 else None
        except (OSError, HTTPException):
            return None


def _table(told: Mapping[str, Any]) -> str:
    """Return the one table that people read."""
    account = told["account"]
    rows: list[tuple[str, ...]] = [
        ("", "Address", "What it is"),
        *(("", told["urls"][part], words) for part, words in PARTS.items()),
        ("To register", "NIK", "Name", "Mother's name"),
        *(("", p["nik"], p["name"], p["mother_name"]) for p in told["people"]),
        ("Ready account", "E-mail, phone or NIK", "Password"),
        ("", account["email"], account["password"]),
        ("", "0812-0000-990"),
        ("", account["nik"]),
    ]
    lines = []
    for first, *rest in rows:
        if first or rest[0] == "Address":
            lines.append("")
        lines.append(f"  {first:<14} " + "".join(f"{cell:<26} " for cell in rest).rstrip())
    return "\n".join(
        [
            *lines,
            "",
            f"  Next: open {told['urls']['portal']}, choose Daftar, be one of these people, and",
            f"  read the SMS code at {told['urls']['sandbox']}. Then open {told['urls']['jkp']}:",
            "  you are known there already.",
            "",
            f"  Logs are in {told['logs']}. Ctrl-C ends everything.",
        ]
    )
