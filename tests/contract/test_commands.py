"""`siapkerja`: what commands print, with which exit code, and what they refuse (contract 1)."""

import io
import json
import logging
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import psycopg
import pytest
import redis
import sqlalchemy as sa
import yaml
from click.testing import CliRunner, Result

from adapters.sql import engine as engines
from adapters.sql import schema
from adapters.sql.health import may_write
from config.logging import JsonLines
from config.settings import Settings
from idp.app import Application, create_app
from idp.commands import main
from idp.commands.demo import Addresses, set_environment
from idp.commands.output import Output
from idp.domain.protocol.client import Client
from idp.oidc.tokens.key_ring import KEEP_SECONDS
from idp.web import compiled
from idp.wiring import examination
from tests.conftest import BASE, ROOT, environment
from tests.dynamic import a_key
from tests.fakes import FixedClock
from tests.guest import Guest
from tests.key_server import KeyServer, running_key_server
from tests.live_server import same_logging
from tests.servers import running_redis, stoppable_postgres
from tests.unit.config.test_settings import GOOD
from tests.waiting_for import until


@dataclass
class Siapkerja:
    """The command, with these settings."""

    settings: dict[str, str]

    def run(self, *arguments: str, given: object = None, **changed: str) -> Result:
        text = given if isinstance(given, str) else json.dumps(given)
        with environment(**{**self.settings, **changed}):
            return CliRunner().invoke(main, list(arguments), input=text if given else "")

    def told(self, *arguments: str, given: object = None, **changed: str) -> Any:
        """Return the one document that a command with `--json` prints."""
        result = self.run("--json", *arguments, given=given, **changed)
        assert result.exit_code == 0, result.output
        assert result.stderr == ""
        assert result.stdout.count("\n") == 1
        return json.loads(result.stdout)

    def refused(self, *arguments: str, given: object = None, **changed: str) -> dict[str, str]:
        """Return why a command with `--json` refused."""
        result = self.run("--json", *arguments, given=given, **changed)
        assert result.exit_code == 1, result.output
        assert result.stdout == ""
        found: dict[str, str] = json.loads(result.stderr)
        assert set(found) == {"error", "message"}
        assert found["message"]
        return found


@pytest.fixture
def siapkerja(database_url: str, limits_url: str) -> Iterator[Siapkerja]:
    with same_logging():
        yield Siapkerja(
            {**BASE, "SIAPKERJA_DATABASE_URL": database_url, "SIAPKERJA_REDIS_URL": limits_url}
        )


# The demo -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_file", [False, True], ids=["value", "file"])
def test_the_demo_reaches_its_own_parts_and_the_hosts_that_the_operator_named(
    tmp_path: Path, database_url: str, *, is_file: bool
) -> None:
    named = "localhost:3000, localhost:9001"
    (tmp_path / "hosts").write_text(named)
    name = "SIAPKERJA_FETCH_PRIVATE_HOSTS"
    given = {f"{name}_FILE": str(tmp_path / "hosts")} if is_file else {name: named}

    with environment(**BASE, SIAPKERJA_DATABASE_URL=database_url, **given):
        set_environment(Addresses(9000), Output())
        hosts = Settings.from_env().fetch.private_hosts

    assert hosts == ("localhost:3000", "localhost:9001", "localhost:9002")


# In general ---------------------------------------------------------------------------------------

GROUPS = {
    "client": {"create", "update", "show", "list", "suspend", "activate", "delete"},
    "account": {
        "create",
        "delete",
        "show",
        "lock",
        "unlock",
        "end-sessions",
        "recover",
        "merge",
    },
    "keys": {"list", "rotate", "rotate-index", "retire"},
    "db": {"upgrade", "check"},
    "admin": {
        "invite",
        "list",
        "suspend",
        "resume",
        "reset",
        "end-sessions",
        "roles",
        "approvals",
        "withdraw",
    },
    "case": {"list", "show"},
    "review": {"list", "show"},
    "outbox": {"list", "retry"},
    "audit": {"verify", "head", "key", "export"},
}
SINGLE = {"serve", "demo", "sandbox", "doctor", "sweep", "compile"}


def test_every_command_is_there_and_says_what_it_does(siapkerja: Siapkerja) -> None:
    assert set(main.commands) >= SINGLE | set(GROUPS)
    for name, wanted in GROUPS.items():
        assert set(main.commands[name].commands) >= wanted  # type: ignore[attr-defined]
    for words in (["--help"], ["-h"], *([name, "--help"] for name in main.commands)):
        result = siapkerja.run(*words)
        assert result.exit_code == 0
        assert "Usage: " in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"],
        ["client"],
        ["client", "create"],
        ["client", "show"],
        ["client", "list", "--colour"],
        ["serve", "--port", "80000"],
        ["serve", "--workers", "0"],
        ["keys", "retire"],
        ["serve", "--port", "http"],
        ["demo", "--port", "80"],
        ["demo", "--port", "65533"],
        ["sandbox", "--port", "0"],
        ["account", "delete"],
        ["sweep", "all"],
        ["audit", "verify", "--heads", "nowhere.txt"],
        ["audit", "verify", "--since", "4"],
        ["audit", "verify", "--key", __file__],
        ["audit", "export", "--format", "xml"],
        ["audit", "export", "--since", "-1"],
    ],
)
def test_wrong_use_ends_with_two(siapkerja: Siapkerja, arguments: list[str]) -> None:
    result = siapkerja.run(*arguments)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Usage: " in result.stderr


@pytest.mark.parametrize(
    "arguments", [["client", "list"], ["keys", "list"], ["db", "check"], ["doctor"], ["outbox"]]
)
def test_an_unknown_setting_stops_every_command_with_the_nearest(
    siapkerja: Siapkerja, arguments: list[str]
) -> None:
    result = siapkerja.run(*arguments, SIAPKERJA_ISUER="x")

    assert result.exit_code == 1
    assert "SIAPKERJA_ISSUER" in result.output


def test_json_may_stand_before_or_behind(siapkerja: Siapkerja) -> None:
    before, behind = (
        siapkerja.run("--json", "keys", "list"),
        siapkerja.run("keys", "list", "--json"),
    )

    assert before.stdout == behind.stdout
    assert json.loads(before.stdout)


def test_a_database_that_is_away_is_a_reason(siapkerja: Siapkerja) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = f"postgresql://x@127.0.0.1:{nobody.getsockname()[1]}/x"

        told = siapkerja.refused("client", "list", SIAPKERJA_DATABASE_URL=away)

    assert told["error"] == "store"
    assert "siapkerja doctor" in told["message"]


def test_people_get_a_sentence_and_the_code(siapkerja: Siapkerja) -> None:
    result = siapkerja.run("client", "show", "nobody")

    assert result.exit_code == 1
    assert result.stderr == "siapkerja: there is no such client (client.unknown)\n"


def test_sc_2_no_command_takes_a_secret_as_an_argument() -> None:
    def parameters(group: Any) -> Iterator[str]:
        for command in group.commands.values():
            if hasattr(command, "commands"):
                yield from parameters(command)
            yield from (parameter.name for parameter in command.params)

    names = set(parameters(main))

    assert not [name for name in names if any(w in name for w in ("secret", "password", "token"))]


# Clients ------------------------------------------------------------------------------------------

PORTAL = {
    "client_name": "Portal Uji",
    "redirect_uris": ["https://portal.example/kembali"],
    "scope": "openid profile",
}


def found(app: Application, client_id: str) -> Client:
    with app.wiring.services.store.read() as tx:
        client = tx.clients.find(client_id)
    assert client is not None
    return client


def test_a_registration_is_printed_as_rfc_7591_does(siapkerja: Siapkerja, app: Application) -> None:
    told = siapkerja.told("client", "create", "--file", "-", given=PORTAL)

    assert told["client_name"] == "Portal Uji"
    assert told["client_secret_expires_at"] == 0
    assert len(told["client_secret"]) >= 43
    assert isinstance(told["client_id_issued_at"], int)
    assert told["token_endpoint_auth_method"] == "client_secret_basic"
    assert found(app, told["client_id"]).metadata["redirect_uris"] == PORTAL["redirect_uris"]


def test_a_file_is_read_by_its_name(siapkerja: Siapkerja, tmp_path: Path) -> None:
    path = tmp_path / "portal.json"
    path.write_text(json.dumps(PORTAL), "utf-8")

    assert siapkerja.told("client", "create", "--file", str(path))["client_name"] == "Portal Uji"


OWN = {
    "profile": "fapi2",
    "first_party": True,
    "acr_floor": "urn:kemnaker:aal:2",
    "ial_floor": 0,
    "optional_scopes": ["phone"],
    "resources": ["https://api.example"],
    "default_resource": "https://api.example",
    "serves": ["https://own.example"],
    "access_token_format": "opaque",
    "owner": "Direktorat Uji",
}
KEYED = {
    "token_endpoint_auth_method": "private_key_jwt",
    "jwks": {"keys": [a_key()]},
    "id_token_signed_response_alg": "ES256",
    "scope": "openid profile phone",
}


@pytest.mark.parametrize("member", OWN)
def test_an_operator_may_set_each_member_of_our_own(siapkerja: Siapkerja, member: str) -> None:
    given = {**PORTAL, **KEYED, member: OWN[member]}

    assert siapkerja.told("client", "create", "--file", "-", given=given)[member] == OWN[member]


def test_all_members_of_our_own_together(siapkerja: Siapkerja, app: Application) -> None:
    given = {**PORTAL, **KEYED, **OWN, "client_id": "bank"}
    told = siapkerja.told("client", "create", "--file", "-", given=given)

    client = found(app, "bank")
    assert {name: told[name] for name in OWN} == OWN
    assert "client_secret" not in told
    assert client.profile == "fapi2"
    assert client.is_first_party
    assert (client.acr_floor, client.ial_floor) == (2, 0)
    assert client.owner == "Direktorat Uji"


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("profile", "strict"),
        ("first_party", "yes"),
        ("acr_floor", "aal2"),
        ("acr_floor", 4),
        ("ial_floor", 3),
        ("ial_floor", True),
        ("optional_scopes", "phone"),
        ("optional_scopes", ["email"]),
        ("optional_scopes", ["openid"]),
        ("resources", ["not a uri"]),
        ("resources", "https://api.example"),
        ("default_resource", "https://api.example/#part"),
        ("serves", [""]),
        ("access_token_format", "paseto"),
        ("client_secret", "short"),
        ("client_id", "with a\nline"),
        ("client_id", ""),
        ("client_id", "x" * 129),
        ("client_id", 7),
        ("redirect_uris", ["http://portal.example/"]),
        ("redirect_uris", ["https://portal.example/#x"]),
        ("token_endpoint_auth_method", "client_secret_jwt"),
        ("grant_types", ["password"]),
        ("response_types", ["token"]),
        ("jwks", {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}),
    ],
)
def test_a_member_with_a_bad_value_is_refused_by_name(
    siapkerja: Siapkerja, member: str, value: object
) -> None:
    given = {**PORTAL, member: value}

    told = siapkerja.refused("client", "create", "--file", "-", given=given)

    assert told["error"] in {"invalid_client_metadata", "invalid_redirect_uri"}
    assert member.removesuffix("s") in told["message"]
    assert siapkerja.told("client", "list") == []


def published_at(server: KeyServer) -> dict[str, Any]:
    """A registration whose keys stand at its own address."""
    given = {**PORTAL, **KEYED, "client_id": "kunci-sendiri", "jwks_uri": server.url}
    del given["jwks"]
    return given


@pytest.fixture
def publishing() -> Iterator[KeyServer]:
    with running_key_server({"keys": [a_key()]}) as server:
        yield server


def test_ss_1_an_address_of_keys_is_asked_before_it_is_registered(
    siapkerja: Siapkerja, publishing: KeyServer, app: Application
) -> None:
    reachable = {"SIAPKERJA_FETCH_PRIVATE_HOSTS": publishing.host}
    create = ("client", "create", "--file", "-")
    private = {**published_at(publishing), "jwks_uri": "https://10.0.0.1/jwks"}
    told = siapkerja.refused(*create, given=private)["message"]
    assert told.startswith("jwks_uri can not be fetched: it has a private address")
    assert "SIAPKERJA_FETCH_PRIVATE_HOSTS" in told
    publishing.document = {"keys": "none"}
    refusal = siapkerja.refused(*create, given=published_at(publishing), **reachable)
    assert refusal["message"] == "jwks_uri is no set of public keys"

    publishing.document = {"keys": [a_key()]}
    assert siapkerja.told(*create, given=published_at(publishing), **reachable)
    assert found(app, "kunci-sendiri").metadata["jwks_uri"] == publishing.url
    asked = publishing.asked
    update = ("client", "update", "kunci-sendiri", "--file", "-")
    changed = {**published_at(publishing), "client_name": "Lain"}
    assert siapkerja.told(*update, given=changed, **reachable)["client_name"] == "Lain"
    assert publishing.asked == asked


def test_an_address_of_keys_that_is_silent_is_a_warning(
    siapkerja: Siapkerja, publishing: KeyServer, app: Application
) -> None:
    publishing.status = 503
    reachable = {"SIAPKERJA_FETCH_PRIVATE_HOSTS": publishing.host}
    given = published_at(publishing)
    done = siapkerja.run("client", "create", "--file", "-", given=given, **reachable)

    assert done.exit_code == 0
    assert done.stderr == "siapkerja: warning: jwks_uri can not be fetched: status\n"
    document = yaml.safe_dump({"version": 1, "clients": [{**given, "client_id": "lain"}]})
    planned = siapkerja.run("plan", "-", given=document, **reachable)
    assert planned.exit_code == 3
    assert planned.stderr == "siapkerja: warning: lain: jwks_uri can not be fetched: status\n"
    assert siapkerja.run("apply", "-", given=document, **reachable).exit_code == 0
    assert found(app, "lain").metadata["jwks_uri"] == publishing.url


def test_a_member_that_no_registration_has_is_told_since_it_is_not_kept(
    siapkerja: Siapkerja,
) -> None:
    slipped = {**PORTAL, "redirect_uri": "https://a.example/", "scope#en": "openid"}
    done = siapkerja.run("client", "create", "--file", "-", given=slipped)

    warned = [
        f"siapkerja: warning: {name} is no member that we know, so it is not kept"
        for name in ("redirect_uri", "scope#en")
    ]
    assert done.exit_code == 0
    assert done.stderr.splitlines() == warned


def test_a_status_in_the_file_that_the_client_does_not_get_is_told(siapkerja: Siapkerja) -> None:
    given = {**PORTAL, "client_id": "portal-uji", "status": "suspended"}
    made = siapkerja.run("client", "create", "--file", "-", given=given)
    siapkerja.told("client", "suspend", "portal-uji")
    present = siapkerja.run("client", "update", "portal-uji", "--file", "-", given=given)
    given["status"] = "active"
    other = siapkerja.run("client", "update", "portal-uji", "--file", "-", given=given)

    assert (made.exit_code, present.exit_code, other.exit_code) == (0, 0, 0)
    start = "siapkerja: warning: status is not taken from the file: the client is "
    assert made.stderr.startswith(f"{start}active;")
    assert present.stderr == ""
    assert other.stderr.startswith(f"{start}suspended;")


def test_a_secret_beside_a_method_without_one_is_told_since_it_is_not_kept(
    siapkerja: Siapkerja,
) -> None:
    given = {
        **PORTAL,
        "client_id": "portal-uji",
        "client_secret": "a-secret-that-the-operator-brings-along-0",
        "token_endpoint_auth_method": "none",
    }
    told = "siapkerja: warning: client_secret is not kept: the method none has no secret\n"

    for arguments in (("create",), ("update", "portal-uji")):
        done = siapkerja.run("client", *arguments, "--file", "-", given=given)
        assert (done.exit_code, done.stderr) == (0, told)


def test_what_a_command_printed_comes_back_without_a_warning(siapkerja: Siapkerja) -> None:
    printed = siapkerja.told("client", "create", "--file", "-", given=PORTAL)
    shown = siapkerja.told("client", "show", printed["client_id"])

    for given in (printed, shown):
        told = siapkerja.told("client", "update", printed["client_id"], "--file", "-", given=given)
        assert told["client_name"] == "Portal Uji"


def test_a_plan_refuses_an_address_of_keys_that_answers_with_something_else(
    siapkerja: Siapkerja, publishing: KeyServer
) -> None:
    publishing.raw = b"<!doctype html>"
    document = yaml.safe_dump({"version": 1, "clients": [published_at(publishing)]})
    refused = siapkerja.run(
        "plan", "-", given=document, SIAPKERJA_FETCH_PRIVATE_HOSTS=publishing.host
    )

    assert refused.exit_code == 1
    assert "kunci-sendiri: jwks_uri is no set of public keys" in refused.stderr


def test_given_identifier_and_secret_are_kept(siapkerja: Siapkerja, make_app: Any) -> None:
    secret = "a-secret-that-the-operator-brings-along-0"
    given = {**PORTAL, "client_id": "portal-uji", "client_secret": secret}

    told = siapkerja.told("client", "create", "--file", "-", given=given)

    assert (told["client_id"], told["client_secret"]) == ("portal-uji", secret)
    answer = make_app().test_client().post(
        "/token", data={"grant_type": "authorization_code", "code": "x"},
        auth=("portal-uji", secret),
    )  # fmt: skip
    assert answer.json["error"] == "invalid_grant"


def test_an_identifier_is_given_once_for_ever(siapkerja: Siapkerja) -> None:
    given = {**PORTAL, "client_id": "portal-uji"}
    siapkerja.told("client", "create", "--file", "-", given=given)

    again = siapkerja.refused("client", "create", "--file", "-", given=given)
    siapkerja.told("client", "delete", "portal-uji")
    later = siapkerja.refused("client", "create", "--file", "-", given=given)

    assert again["error"] == later["error"] == "client.exists"


@pytest.mark.parametrize(
    ("text", "code"), [("[]", "file.json"), ("{", "file.json"), ("7", "file.json")]
)
def test_what_is_no_json_object_is_refused(siapkerja: Siapkerja, text: str, code: str) -> None:
    assert siapkerja.refused("client", "create", "--file", "-", given=text)["error"] == code


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{\n  "client_name": "A",\n}', "line 3, column 1: "),
        ('{"client_name": "A", "client_name": "B"}', 'the member "client_name" stands twice'),
        ('{"client_name": "\\ud800"}', "half of a surrogate pair"),
        ('{"default_max_age": NaN}', "NaN is no number"),
        ("[" * 200_000, "nested too deeply"),
    ],
    ids=["syntax", "twice", "surrogate", "NaN", "depth"],
)
@pytest.mark.parametrize("group", ["client", "account"])
def test_a_file_that_is_no_strict_json_is_refused_with_the_place_or_the_cause(
    siapkerja: Siapkerja, group: str, text: str, why: str
) -> None:
    told = siapkerja.refused(group, "create", "--file", "-", given=text)
    words = siapkerja.run(group, "create", "--file", "-", given=text)

    assert told["error"] == "file.json"
    assert why in told["message"]
    assert words.exit_code == 1
    assert words.stderr == f"siapkerja: {told['message']} (file.json)\n"


def test_a_file_that_is_not_utf_8_is_refused_and_a_byte_order_mark_is_borne(
    siapkerja: Siapkerja, tmp_path: Path
) -> None:
    path = tmp_path / "portal.json"
    create = ("client", "create", "--file", str(path))
    path.write_bytes(b'{"client_name": "\xff"}')
    assert "it is not UTF-8" in siapkerja.refused(*create)["message"]

    path.write_bytes(json.dumps(PORTAL).encode("utf-8-sig"))
    assert siapkerja.told(*create)["client_name"] == "Portal Uji"


def test_a_file_that_is_not_there_is_refused(siapkerja: Siapkerja, tmp_path: Path) -> None:
    told = siapkerja.refused("client", "create", "--file", str(tmp_path / "nowhere"))

    assert told["error"] == "file.missing"


def test_a_client_is_shown_listed_changed_stopped_started_and_deleted(
    siapkerja: Siapkerja,
) -> None:
    made = siapkerja.told(
        "client", "create", "--file", "-", given={**PORTAL, "client_id": "portal-uji"}
    )
    changed = siapkerja.told(
        "client", "update", "portal-uji", "--file", "-", given={**PORTAL, "client_name": "Baru"}
    )
    shown = siapkerja.told("client", "show", "portal-uji")
    stopped = siapkerja.told("client", "suspend", "portal-uji")
    listed = siapkerja.told("client", "list")
    started = siapkerja.told("client", "activate", "portal-uji")
    deleted = siapkerja.told("client", "delete", "portal-uji")

    assert "client_secret" in made
    assert "client_secret" not in changed
    assert "client_secret" not in shown
    assert (shown["client_name"], shown["status"], shown["version"]) == ("Baru", "active", 2)
    assert stopped == {"client_id": "portal-uji", "status": "suspended"}
    assert listed == [{"client_id": "portal-uji", "client_name": "Baru", "status": "suspended"}]
    assert started["status"] == "active"
    assert deleted == {"client_id": "portal-uji", "deleted": True}
    assert siapkerja.told("client", "list") == []


@pytest.mark.parametrize("command", ["show", "suspend", "activate", "delete"])
def test_a_client_that_is_not_there_is_refused(siapkerja: Siapkerja, command: str) -> None:
    assert siapkerja.refused("client", command, "nobody")["error"] == "client.unknown"


def test_a_client_that_is_not_there_is_not_changed(siapkerja: Siapkerja) -> None:
    told = siapkerja.refused("client", "update", "nobody", "--file", "-", given=PORTAL)

    assert told["error"] == "client.unknown"


# Accounts -----------------------------------------------------------------------------------------

SITI = {
    "nik": "3174094101009002",
    "password": "x",  # no policy here
    "name": "Siti Nurlela Putri",
    "given_name": "Siti",
    "nickname": "Lela",
    "picture": "https://foto.example/siti.png",
    "website": "https://siti.example",
    "birthdate": "2000-01-01",
    "gender": "female",
    "zoneinfo": "Asia/Jakarta",
    "locale": "en",
    "email": "siti@contoh.id",
    "email_verified": True,
    "phone_number": "0812-0000-902",
    "phone_number_verified": True,
    "address": {"region": "DKI Jakarta", "country": "ID"},
}


def test_an_account_is_made_proofed_with_every_claim_released_by_scope(
    siapkerja: Siapkerja, make_app: Callable[..., Application]
) -> None:
    told = siapkerja.told("account", "create", "--file", "-", given=SITI)

    app = make_app(SIAPKERJA_LOGIN_UNKNOWN_DEVICE="none")
    with app.wiring.services.store.read() as tx:
        account = tx.accounts.find_by_subject(told["subject"])
    assert set(told) == {"subject"}
    assert account is not None
    assert (account.status, account.ial, account.locale) == ("active", 1, "en")
    assert account.email_verified_at is not None
    assert account.phone is not None
    assert account.phone.e164 == "+628120000902"
    from idp.domain.identity.claims import SCOPES, read_claims

    claims = read_claims(account, scopes=SCOPES)
    assert claims.pop("updated_at") == claims.pop("nik_verified_at") == account.verified_at
    expected = {name: value for name, value in SITI.items() if name != "password"}
    assert claims == {**expected, "phone_number": "+628120000902"}
    # a password of one letter is good enough to sign in
    answer = Guest(app).post("/masuk", identifier=SITI["nik"], password="x")
    assert answer.status_code == 303


def test_an_account_may_have_an_address_that_is_for_tests(siapkerja: Siapkerja) -> None:
    """RFC 6761 §6.2: names under `test` are nobody's, so people who are made up live there."""
    given = {**SITI, "email": "siti@contoh.test"}

    assert siapkerja.told("account", "create", "--file", "-", given=given)["subject"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"nik": None}, "nik.required"),
        ({"nik": 3174094101009002}, "nik.required"),
        ({"nik": "31740941010090"}, "nik.length"),
        ({"nik": "3174094101009OO2"}, "nik.character"),
        ({"password": ""}, "password.required"),
        ({"password": None}, "password.required"),
        ({"phone_number": "+6591234567"}, "phone.foreign"),
        ({"phone_number": "12"}, "phone.invalid"),
        ({"email": "nobody"}, "email.invalid"),
    ],
)
def test_an_account_that_can_not_be_is_refused(
    siapkerja: Siapkerja, change: dict[str, object], code: str
) -> None:
    told = siapkerja.refused("account", "create", "--file", "-", given={**SITI, **change})

    assert told["error"] == code
    assert code.partition(".")[0] in told["message"]


@pytest.mark.parametrize("word", [False, None, "false", "no", 0, "true", 1])
def test_a_contact_is_proved_only_where_the_file_says_true(
    siapkerja: Siapkerja, app: Application, word: object
) -> None:
    given = {**SITI, "email_verified": word, "phone_number_verified": word}
    subject = siapkerja.told("account", "create", "--file", "-", given=given)["subject"]

    with app.wiring.services.store.read() as tx:
        account = tx.accounts.find_by_subject(subject)
    assert account is not None
    assert account.email_verified_at is account.phone_verified_at is None


@pytest.mark.parametrize("same", ["nik", "phone_number", "email"])
def test_an_account_that_is_there_is_refused(siapkerja: Siapkerja, same: str) -> None:
    siapkerja.told("account", "create", "--file", "-", given=SITI)
    other = {
        **SITI,
        "nik": "1171017112959003",
        "phone_number": "081200009003",
        "email": "cut@contoh.id",
        same: SITI[same],
    }

    told = siapkerja.refused("account", "create", "--file", "-", given=other)

    assert told["error"] == "account.exists"


def test_an_account_is_deleted_with_all_that_hangs_on_it(
    siapkerja: Siapkerja, app: Application
) -> None:
    subject = siapkerja.told("account", "create", "--file", "-", given=SITI)["subject"]

    assert siapkerja.told("account", "delete", subject) == {"subject": subject, "deleted": True}

    with app.wiring.services.store.read() as tx:
        assert tx.accounts.find_by_subject(subject) is None
    assert siapkerja.refused("account", "delete", subject)["error"] == "account.unknown"
    again = siapkerja.told("account", "create", "--file", "-", given=SITI)["subject"]
    assert again != subject


@pytest.mark.parametrize("command", [["create", "--file", "-"], ["delete", "x"]])
def test_production_makes_and_deletes_no_account_by_hand(
    siapkerja: Siapkerja, command: list[str]
) -> None:
    told = siapkerja.refused("account", *command, given=SITI, SIAPKERJA_ENV="production")

    assert told["error"] == "account.environment"


# Keys ---------------------------------------------------------------------------------------------


def test_keys_are_listed_rotated_and_retired(siapkerja: Siapkerja) -> None:
    first = siapkerja.told("keys", "list")
    made = siapkerja.told("keys", "rotate")
    both = siapkerja.told("keys", "list")
    gone = siapkerja.told("keys", "retire", first[0]["kid"], "--now")

    algorithms = {key["alg"] for key in first}
    assert {key["status"] for key in first} == {"active"}
    assert {key["alg"] for key in made} == algorithms
    assert {key["kid"] for key in both} == {key["kid"] for key in (*first, *made)}
    assert (gone["kid"], gone["status"]) == (first[0]["kid"], "retired")
    for key in both:
        assert set(key) == {"kid", "alg", "status", "created_at", "active_at", "retired_at"}


def test_keys_are_published_by_every_process_when_the_command_ends(siapkerja: Siapkerja) -> None:
    """Module `server-rotate-keys` reads the key set right after it."""
    [first, *_] = siapkerja.told("keys", "list")
    for command in (["rotate"], ["retire", first["kid"]]):
        began = time.monotonic()
        siapkerja.told("keys", *command)

        assert time.monotonic() - began >= KEEP_SECONDS


def test_the_last_key_of_an_algorithm_stays(siapkerja: Siapkerja) -> None:
    [key, *_] = siapkerja.told("keys", "list")

    assert siapkerja.refused("keys", "retire", key["kid"])["error"] == "key.last"
    assert siapkerja.refused("keys", "retire", "nowhere")["error"] == "key.unknown"


def test_production_publishes_a_key_a_day_before_it_signs(siapkerja: Siapkerja) -> None:
    made = siapkerja.told("keys", "rotate", SIAPKERJA_ENV="production")

    assert {key["status"] for key in made} == {"next"}
    assert all(key["active_at"] - key["created_at"] == 86400 for key in made)


def test_an_account_is_shown_without_its_person_and_locked_with_a_reason(
    siapkerja: Siapkerja,
) -> None:
    subject = siapkerja.told("account", "create", "--file", "-", given=SITI)["subject"]
    shown = siapkerja.told("account", "show", subject)
    assert (shown["status"], shown["sessions"]) == ("active", 0)
    assert not {SITI["nik"], SITI.get("email"), SITI.get("name")} & set(map(str, shown.values()))

    without = siapkerja.run("--json", "account", "lock", subject)
    assert without.exit_code == 2
    assert siapkerja.told("account", "end-sessions", subject, "--reason", "uji")["ended"] == 0
    locked = siapkerja.told("account", "lock", subject, "--reason", "laporan 12/2026")
    assert locked["status"] == "locked"
    again = siapkerja.refused("account", "lock", subject, "--reason", "laporan 12/2026")
    assert again["error"] == "people.status"
    unknown = siapkerja.refused("account", "lock", "-" * 22, "--reason", "laporan 12/2026")
    assert unknown["error"] == "account.unknown"
    assert siapkerja.refused("account", "lock", subject, "--reason", SITI["nik"])["error"]


def test_km_5_a_new_root_takes_over(siapkerja: Siapkerja) -> None:
    subject = siapkerja.told("account", "create", "--file", "-", given=SITI)["subject"]
    new = "another-root-Zq8Lw1Yx7Rb5Nc9Vm2Kd6Hg4"

    siapkerja.told("admin", "invite", "ika@kemnaker.example", "--role", "reader")
    told = siapkerja.told("keys", "rotate-index", SIAPKERJA_SECRET_KEY=f"{new} {ROOT}")
    suspending = ("admin", "suspend", "ika@kemnaker.example", "--reason", "pindah tugas")
    admin = siapkerja.told(*suspending, SIAPKERJA_SECRET_KEY=new)
    assert siapkerja.told("admin", "approvals", SIAPKERJA_SECRET_KEY=new) == []
    alone = siapkerja.refused(
        "account", "create", "--file", "-", given=SITI, SIAPKERJA_SECRET_KEY=new
    )

    assert told["accounts"] == 1
    assert told["data_keys"] >= 2
    assert (told["admins"], admin["status"]) == (1, "suspended")
    # found by its blind index, under the new root alone
    assert alone["error"] == "account.exists"
    assert siapkerja.told("account", "delete", subject, SIAPKERJA_SECRET_KEY=new)["deleted"]


@pytest.mark.parametrize("words", [("account", "delete"), ("keys", "retire")])
def test_a_name_that_begins_with_a_hyphen_is_no_option(
    siapkerja: Siapkerja, words: tuple[str, str]
) -> None:
    for name in ("-lQ9xkZ0aY", "-hQ9xkZ0aY"):
        assert siapkerja.refused(*words, name)["error"] in {"account.unknown", "key.unknown"}


# The rest -----------------------------------------------------------------------------------------


def test_pd_5_the_audit_log_is_verified_with_heads_from_outside(
    siapkerja: Siapkerja, app: Application, tmp_path: Path
) -> None:
    siapkerja.told("client", "create", "--file", "-", given=PORTAL)
    app.wiring.services.audit_log.seal()
    head = siapkerja.told("audit", "head")["head"]
    heads = tmp_path / "heads.txt"
    heads.write_text(f"{head}\nnot a head\n", "utf-8")

    whole = siapkerja.told("audit", "verify", "--heads", str(heads))
    with app.app_context(), app.extensions["sqlalchemy"].engine.begin() as connection:
        connection.execute(sa.text("UPDATE audit_event SET actor = 'client' WHERE sequence = 1"))
    broken = siapkerja.refused("audit", "verify")

    assert whole == {"whole": True, "heads": 1, "lines": 2}
    assert broken["error"] == "audit.broken"
    assert "changed at 1 " in broken["message"]


@pytest.fixture
def logged(siapkerja: Siapkerja, make_app: Callable[..., Application], clock: FixedClock) -> str:
    """What a server logged in two hours, a few rows in each: lines as they are written."""
    server = make_app(SIAPKERJA_LOG_LEVEL="INFO")
    [handler] = [h for h in logging.getLogger().handlers if isinstance(h.formatter, JsonLines)]
    written = io.StringIO()
    stream, handler.stream = handler.stream, written  # type: ignore[attr-defined]
    try:
        for _ in range(2):
            with same_logging():
                siapkerja.told("keys", "rotate")
            server.wiring.housekeeper.do_due()
            clock.move(3601)
    finally:
        handler.stream = stream  # type: ignore[attr-defined]
    return written.getvalue()


def cut(app: Application) -> None:
    """Delete the newest row and what the database keeps about it, as somebody with its role."""
    with app.app_context(), app.extensions["sqlalchemy"].engine.begin() as connection:
        last = connection.scalar(sa.text("SELECT max(sequence) FROM audit_event"))
        for table in ("audit_event", "audit_head"):
            connection.execute(sa.text(f"DELETE FROM {table} WHERE sequence = {last}"))  # noqa: S608


#: What collectors put around a line.
COLLECTED = {
    "as written": lambda line: line,
    "journal": lambda line: f"Nov 28 02:00:00 host siapkerja[7]: {line}",
    "compose": lambda line: f"server-1  | {line}",
    "docker": lambda line: json.dumps({"log": f"{line}\n", "stream": "stderr"}),
}


@pytest.mark.parametrize("collected", COLLECTED.values(), ids=COLLECTED)
def test_pd_5_the_lines_of_the_log_find_a_log_that_was_cut(
    siapkerja: Siapkerja,
    app: Application,
    logged: str,
    tmp_path: Path,
    collected: Callable[[str], str],
) -> None:
    heads = tmp_path / "server.log"
    heads.write_text("\n".join(map(collected, logged.splitlines())), "utf-8")

    whole = siapkerja.told("audit", "verify", "--heads", str(heads))
    cut(app)
    unseen = siapkerja.told("audit", "verify")
    seen = siapkerja.refused("audit", "verify", "--heads", str(heads))

    assert whole["heads"] == 2
    assert unseen["whole"]
    assert seen["error"] == "audit.broken"
    assert "cut at " in seen["message"]


@pytest.mark.parametrize(
    "bend",
    [
        lambda head: "[struck]",
        lambda head: "",
        lambda head: head[:60],
        lambda head: head[:-4],
        lambda head: head.replace(".", ".eyJ", 1),
    ],
    ids=["struck", "empty", "torn", "short", "forged"],
)
@pytest.mark.parametrize("collected", COLLECTED.values(), ids=COLLECTED)
def test_pd_5_a_line_that_should_tell_a_head_and_does_not_is_named(
    siapkerja: Siapkerja,
    logged: str,
    tmp_path: Path,
    collected: Callable[[str], str],
    bend: Callable[[str], str],
) -> None:
    lines = logged.splitlines()
    number = max(n for n, line in enumerate(lines) if '"audit head"' in line)
    head = json.loads(lines[number])["head"]
    lines[number] = lines[number].replace(head, bend(head))
    heads = tmp_path / "server.log"
    heads.write_text("\n".join(map(collected, lines)), "utf-8")

    refused = siapkerja.refused("audit", "verify", "--heads", str(heads))

    assert refused["error"] == "audit.head_unreadable"
    assert refused["message"].endswith(f": {number + 1}")


def test_pd_5_a_log_without_a_head_proves_nothing(
    siapkerja: Siapkerja, logged: str, tmp_path: Path
) -> None:
    heads = tmp_path / "server.log"
    empty = '{"head": null}\n'  # what `audit head` prints where nothing was sealed yet
    other = '{"event": "request", "job": "audit-head"}\n\nTraceback (most recent call last):\n'
    for text in ("", "\n\n", empty, other):
        heads.write_text(text, "utf-8")
        assert (
            siapkerja.refused("audit", "verify", "--heads", str(heads))["error"]
            == "audit.heads_missing"
        )

    heads.write_text(empty + other + logged, "utf-8")
    assert siapkerja.told("audit", "verify", "--heads", str(heads))["heads"] == 2


@pytest.mark.parametrize("line", ["[struck]", "nonsense", "a.b.c", '{"head":7}', "eyJhbGc.e30.e30"])
def test_pd_5_a_line_among_heads_that_is_none_is_named(
    siapkerja: Siapkerja, tmp_path: Path, line: str
) -> None:
    siapkerja.told("keys", "rotate")
    head = siapkerja.told("audit", "head")["head"]
    heads = tmp_path / "heads.txt"
    heads.write_text(f"{head}\n{line}\n" * 7, "utf-8")

    refused = siapkerja.refused("audit", "verify", "--heads", str(heads))

    assert refused["error"] == "audit.head_unreadable"
    assert refused["message"].endswith(": 2, 4, 6, 8, 10 and 2 more")


@pytest.mark.parametrize("words", [["--json", "audit", "head"], ["audit", "head"]])
@pytest.mark.parametrize("every", [[], ["--all"]])
def test_pd_5_heads_are_read_as_they_are_printed(
    siapkerja: Siapkerja, tmp_path: Path, words: list[str], every: list[str]
) -> None:
    for _ in range(2):
        siapkerja.told("keys", "rotate")
        siapkerja.told("audit", "head")
    heads = tmp_path / "heads.txt"
    heads.write_text(siapkerja.run(*words, *every).stdout, "utf-8")

    fits = siapkerja.run("audit", "verify", "--heads", str(heads))

    count = "2 heads" if every else "1 head"
    assert fits.stdout == f"The audit log is whole, and fits {count}.\n"
    assert siapkerja.run("audit", "verify").stdout == "The audit log is whole.\n"


@pytest.fixture
def exported(siapkerja: Siapkerja, tmp_path: Path) -> Path:
    """A folder with an export of a few rows, its key and a head; the database is gone."""
    siapkerja.told("client", "create", "--file", "-", given=PORTAL)
    for number in range(3):
        siapkerja.told("keys", "rotate", *(["--emergency"] if number else []))
    (tmp_path / "rows").write_text(siapkerja.run("audit", "export").stdout, "utf-8")
    (tmp_path / "key").write_text(siapkerja.run("audit", "key", "--json").stdout, "utf-8")
    head = siapkerja.told("audit", "head")
    (tmp_path / "heads").write_text(json.dumps({"message": "audit head", **head}), "utf-8")
    return tmp_path


def offline(folder: Path) -> list[str]:
    files = {"--file": "rows", "--key": "key", "--heads": "heads"}
    return [word for name, file in files.items() for word in (name, str(folder / file))]


NO_DATABASE = "postgresql://nobody@127.0.0.1:1/nothing"


def test_pd_5_an_export_is_verified_where_there_is_no_database(
    siapkerja: Siapkerja, exported: Path
) -> None:
    whole = siapkerja.told(
        "audit", "verify", *offline(exported), SIAPKERJA_DATABASE_URL=NO_DATABASE
    )

    assert whole == {"whole": True, "heads": 1, "lines": 1}


@pytest.mark.parametrize(
    ("bend", "told"),
    [
        (lambda rows: [*rows[:2], *rows[3:]], "missing at 3 "),
        (lambda rows: [*rows[:2], rows[3], rows[2], *rows[4:]], "missing at 3 "),
        (
            lambda rows: [*rows[:2], rows[2].replace('"done"', '"refused"'), *rows[3:]],
            "changed at 3 ",
        ),
        (lambda rows: [*rows[:3], rows[2], *rows[3:]], "missing at 4 "),
        (lambda rows: rows[:-1], "cut at "),
        (lambda rows: [*rows[:2], "nonsense", *rows[3:]], "unreadable at 3"),
        (lambda rows: [], "cut at "),
    ],
    ids=["deleted", "swapped", "changed", "inserted", "cut", "nonsense", "emptied"],
)
def test_pd_5_the_first_broken_row_of_an_export_is_named(
    siapkerja: Siapkerja, exported: Path, bend: Callable[[list[str]], list[str]], told: str
) -> None:
    file = exported / "rows"
    file.write_text("\n".join(bend(file.read_text("utf-8").splitlines())), "utf-8")

    broken = siapkerja.refused("audit", "verify", *offline(exported))

    assert broken["error"] == "audit.broken"
    assert told in broken["message"]


def test_pd_5_an_export_goes_on_behind_its_cursor(siapkerja: Siapkerja, exported: Path) -> None:
    rows = (exported / "rows").read_text("utf-8").splitlines()
    cursor = json.loads(rows[2])["cursor"]

    more = siapkerja.run("audit", "export", "--since", cursor).stdout.splitlines()
    two = siapkerja.run("audit", "export", "--since", cursor, "--limit", "2").stdout.splitlines()
    end = siapkerja.run("audit", "export", "--since", json.loads(rows[-1])["cursor"]).stdout
    syslog = siapkerja.run("audit", "export", "--format", "syslog").stdout.splitlines()
    (exported / "rows").write_text("\n".join(more), "utf-8")
    part = siapkerja.told("audit", "verify", *offline(exported), "--since", cursor)
    (exported / "rows").write_text("", "utf-8")
    behind = siapkerja.refused("audit", "verify", *offline(exported), "--since", "99")

    assert more == rows[3:]
    assert two == rows[3:5]
    assert end == ""
    assert len(syslog) == len(rows)
    assert all(line.startswith("<110>1 ") for line in syslog)
    assert part["whole"]
    assert behind["error"] == "audit.heads_missing"


def test_pd_5_another_database_is_verified_by_its_url(
    siapkerja: Siapkerja, database_url: str
) -> None:
    siapkerja.told("client", "create", "--file", "-", given=PORTAL)
    siapkerja.told("audit", "head")

    elsewhere = siapkerja.told(
        "audit", "verify", "--database", database_url, SIAPKERJA_DATABASE_URL=NO_DATABASE
    )

    assert elsewhere["whole"]


def test_pd_5_a_database_that_is_none_or_not_there_is_refused_and_not_made(
    siapkerja: Siapkerja, tmp_path: Path
) -> None:
    missing = siapkerja.refused(
        "audit", "verify", "--database", f"sqlite:///{tmp_path}/folder/x.db"
    )
    bent = siapkerja.run("audit", "verify", "--database", "x")

    assert missing["error"] == "database.missing"
    assert bent.exit_code == 2
    assert "--database: must begin with sqlite:/// or postgresql://" in bent.stderr
    assert not (tmp_path / "folder").exists()


@pytest.mark.parametrize("given", ["{}", '{"key": {"id": 1}}', '{"key": 7}'])
def test_what_is_no_key_of_the_audit_log_is_refused(
    siapkerja: Siapkerja, exported: Path, given: str
) -> None:
    (exported / "key").write_text(given, "utf-8")

    assert siapkerja.refused("audit", "verify", *offline(exported))["error"] == "key.file"


def test_km_5_the_key_of_the_audit_log_opens_with_its_root_alone(
    siapkerja: Siapkerja, exported: Path
) -> None:
    other = "another-root-Zq8Lw1Yx7Rb5Nc9Vm2Kd6Hg4"

    refused = siapkerja.refused("audit", "verify", *offline(exported), SIAPKERJA_SECRET_KEY=other)

    assert refused["error"] == "key.file"


def test_pd_5_kept_heads_are_printed_one_a_line(siapkerja: Siapkerja) -> None:
    siapkerja.told("client", "create", "--file", "-", given=PORTAL)
    head = siapkerja.told("audit", "head")["head"]

    assert [kept["head"] for kept in siapkerja.told("audit", "head", "--all")] == [head]
    assert siapkerja.run("audit", "head", "--all").stdout.count("\n") == 1


def test_nothing_to_send_is_said(siapkerja: Siapkerja) -> None:
    assert siapkerja.told("outbox") == {"outcomes": {}}
    assert siapkerja.run("outbox").stdout == "Nothing was due.\n"


def test_a_schema_that_is_right_is_said(siapkerja: Siapkerja) -> None:
    assert siapkerja.told("db", "check") == {"current": True}
    assert siapkerja.told("db", "upgrade", "--plan") == {"done": False, "changes": []}
    assert siapkerja.told("db", "upgrade") == {"done": True, "changes": []}


@pytest.fixture
def bare(siapkerja: Siapkerja, tmp_path: Path) -> Siapkerja:
    """A database without a schema, as before the first start."""
    url = f"sqlite:///{tmp_path}/bare.db"
    return Siapkerja({**siapkerja.settings, "SIAPKERJA_DATABASE_URL": url})


@pytest.mark.parametrize("env", ["test", "production"])
def test_the_schema_is_planned_made_and_checked_also_where_production_would_not_start(
    bare: Siapkerja, env: str
) -> None:
    newest = schema.newest_revision()

    planned = bare.told("db", "upgrade", "--plan", SIAPKERJA_ENV=env)
    missing = bare.refused("db", "check", SIAPKERJA_ENV=env)
    made = bare.told("db", "upgrade", SIAPKERJA_ENV=env)

    assert planned["done"] is False
    assert planned["changes"] == made["changes"]
    assert made["changes"][-1]["revision"] == newest
    assert all(change["change"] for change in made["changes"])
    assert missing["error"] == "schema"
    assert "siapkerja db upgrade" in missing["message"]
    assert bare.told("db", "check", SIAPKERJA_ENV=env) == {"current": True}


def test_a_schema_that_somebody_bent_is_found(bare: Siapkerja) -> None:
    bare.told("db", "upgrade")
    engine = sa.create_engine(bare.settings["SIAPKERJA_DATABASE_URL"])
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE outbox"))
    engine.dispose()

    told = bare.refused("db", "check")

    assert told["error"] == "schema"
    assert "outbox" in told["message"]


# Doctor -------------------------------------------------------------------------------------------


def findings(siapkerja: Siapkerja, **changed: str) -> dict[str, dict[str, Any]]:
    """Return what the doctor finds, by what it looked at."""
    result = siapkerja.run("--json", "doctor", **changed)
    told = json.loads(result.stdout)
    assert result.exit_code == (0 if told["ok"] else 1)
    assert told["ok"] == all(finding["ok"] for finding in told["findings"])
    for finding in told["findings"]:
        assert finding["found"]
        assert bool(finding["mend"]) != finding["ok"], finding
    return {finding["what"]: finding for finding in told["findings"]}


@pytest.fixture
def world(siapkerja: Siapkerja) -> Iterator[Siapkerja]:
    """Everything that we call answers, on one port."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listening:
        port = listening.getsockname()[1]
        address = f"http://127.0.0.1:{port}"
        yield Siapkerja({
            **siapkerja.settings,
            "SIAPKERJA_DUKCAPIL_URL": address,
            "SIAPKERJA_SMS_GATEWAYS": "zenziva",
            "SIAPKERJA_SMS_ZENZIVA_URL": address,
            "SIAPKERJA_MAIL_URL": f"smtp://127.0.0.1:{port}",
        })  # fmt: skip


def test_the_doctor_tells_of_clients_whose_certificates_can_not_come(world: Siapkerja) -> None:
    proxy = {
        "SIAPKERJA_HTTP_TRUSTED_PROXIES": "127.0.0.1",
        "SIAPKERJA_HTTP_CLIENT_CERT_HEADER": "X-Client-Cert",
    }
    assert "client certificates" not in findings(world)
    assert findings(world, **proxy)["client certificates"]["ok"]
    assert not findings(world, SIAPKERJA_HTTP_MTLS_URL="https://mtls.example")[
        "client certificates"
    ]["ok"]

    given = {**PORTAL, "token_endpoint_auth_method": "tls_client_auth"}
    given["tls_client_auth_san_dns"] = "portal.example"
    world.told("client", "create", "--file", "-", given=given)

    assert not findings(world)["client certificates"]["ok"]
    assert findings(world, **proxy)["client certificates"]["ok"]


def test_the_doctor_finds_a_good_installation_good(world: Siapkerja) -> None:
    found = findings(world)

    assert [name for name, finding in found.items() if not finding["ok"]] == []
    assert {"settings", "clock", "secret key", "signing keys", "adapters", "Dukcapil", "mail"} <= (
        set(found)
    )


def free_address() -> str:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{nobody.getsockname()[1]}"


@pytest.mark.parametrize(
    ("name", "value", "what", "mend"),
    [
        ("DUKCAPIL_URL", "http://{}", "Dukcapil", "SIAPKERJA_DUKCAPIL_URL"),
        ("MAIL_URL", "smtp://{}", "mail", "SIAPKERJA_MAIL_URL"),
        ("SMS_ZENZIVA_URL", "http://{}", "SMS gateway zenziva", "SIAPKERJA_SMS_ZENZIVA_URL"),
        ("REDIS_URL", "redis://{}/0", "Redis", "SIAPKERJA_REDIS_URL"),
        ("ISUER", "x", "SIAPKERJA_ISUER", "SIAPKERJA_ISUER"),
        ("ISSUER", "http://x:abc", "SIAPKERJA_ISSUER", "SIAPKERJA_ISSUER"),
        ("DATABASE_URL", "", "SIAPKERJA_DATABASE_URL", "SIAPKERJA_DATABASE_URL"),
        (
            "DATABASE_URL",
            "postgresql://x@127.0.0.1:abc/x",
            "SIAPKERJA_DATABASE_URL",
            "SIAPKERJA_DATABASE_URL",
        ),
        ("REDIS_URL", "redis://x:abc/0", "SIAPKERJA_REDIS_URL", "SIAPKERJA_REDIS_URL"),
        ("MAIL_URL", "smtp://x:99999", "SIAPKERJA_MAIL_URL", "SIAPKERJA_MAIL_URL"),
        ("MAIL_URL", "", "SIAPKERJA_MAIL_URL", "SIAPKERJA_MAIL_URL"),
        ("DUKCAPIL_URL", "https://", "SIAPKERJA_DUKCAPIL_URL", "SIAPKERJA_DUKCAPIL_URL"),
        ("SMS_ZENZIVA_URL", "x", "SIAPKERJA_SMS_ZENZIVA_URL", "SIAPKERJA_SMS_ZENZIVA_URL"),
        ("HTTP_MTLS_URL", "x", "SIAPKERJA_HTTP_MTLS_URL", "SIAPKERJA_HTTP_MTLS_URL"),
        ("ENV", "staging", "SIAPKERJA_ENV", "SIAPKERJA_ENV"),
        ("MAIL_URL", "imap://{}", "SIAPKERJA_MAIL_URL", "SIAPKERJA_MAIL_URL"),
        ("SECRET_KEY", "another-root-that-opens-nothing", "secret key", "SIAPKERJA_SECRET_KEY"),
        ("FETCH_CA_FILE", "/nowhere.pem", "SIAPKERJA_FETCH_CA_FILE", "SIAPKERJA_FETCH_CA_FILE"),
        (
            "OAUTH_STATEMENT_ISSUERS",
            "/nowhere.json",
            "SIAPKERJA_OAUTH_STATEMENT_ISSUERS",
            "SIAPKERJA_OAUTH_STATEMENT_ISSUERS",
        ),
    ],
)
def test_the_doctor_names_what_is_wrong_and_its_mend(
    world: Siapkerja, name: str, value: str, what: str, mend: str
) -> None:
    found = findings(world, **{f"SIAPKERJA_{name}": value.format(free_address())})

    assert found[what]["ok"] is False
    assert mend in found[what]["mend"]


def test_the_doctor_asks_redis_for_an_answer(world: Siapkerja) -> None:
    with running_redis() as url:
        good = findings(world, SIAPKERJA_REDIS_URL=url)["Redis"]
        with redis.Redis.from_url(url) as client:
            client.config_set("requirepass", "another")
        closed = url.replace("redis://", "redis://:wrong@")
        found = findings(world, SIAPKERJA_REDIS_URL=closed)["Redis"]
    silent = world.settings["SIAPKERJA_MAIL_URL"].replace("smtp:", "redis:")
    other = findings(world, SIAPKERJA_REDIS_URL=silent)["Redis"]

    assert good["ok"]
    assert "wrong" not in found["found"]
    assert found["found"].endswith("does not take our password")
    assert other["found"].endswith("does not answer")


def test_the_doctor_sees_a_database_that_is_away_empty_or_behind(
    world: Siapkerja, tmp_path: Path
) -> None:
    away = f"postgresql://x@{free_address()}/x"
    (tmp_path / "empty.db").touch()
    empty = f"sqlite:///{tmp_path}/empty.db"
    closed = "sqlite:////proc/nowhere/x.db"
    (tmp_path / "noise.db").write_bytes(b"no database " * 1000)
    damaged = f"sqlite:///{tmp_path}/noise.db"

    told = {
        url: next(
            finding
            for what, finding in findings(world, SIAPKERJA_DATABASE_URL=url).items()
            if what.startswith("database")
        )
        for url in (away, empty, closed, damaged)
    }

    assert "SIAPKERJA_DATABASE_URL" in told[away]["mend"]
    assert told[empty]["mend"] == "run `siapkerja db upgrade`"
    assert "writable" in told[closed]["mend"]
    assert "restore a damaged file" in told[damaged]["mend"]


def database_of(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return next(finding for what, finding in found.items() if what.startswith("database"))


def test_the_doctor_makes_nothing_and_names_the_folder_or_file_that_is_missing(
    world: Siapkerja, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # nor a root, where none is set
    bare = Siapkerja({k: v for k, v in world.settings.items() if k != "SIAPKERJA_SECRET_KEY"})
    folder, file = tmp_path / "nofolder", tmp_path / "x.db"

    without_folder = database_of(
        findings(bare, SIAPKERJA_DATABASE_URL=f"sqlite:///{folder}/deep/x.db")
    )
    without_file = database_of(findings(bare, SIAPKERJA_DATABASE_URL=f"sqlite:///{file}"))

    assert without_folder["found"] == f"there is no folder {folder}/deep"
    assert without_file["found"] == f"there is no file {file}"
    for told in (without_folder, without_file):
        assert "SIAPKERJA_DATABASE_URL" in told["mend"]
        assert "siapkerja db upgrade" in told["mend"]
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_says_what_makes_the_database_of_the_default_path(
    world: Siapkerja, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bare = Siapkerja({k: v for k, v in world.settings.items() if "DATABASE_URL" not in k})

    told = database_of(findings(bare))
    in_production = database_of(findings(bare, SIAPKERJA_ENV="production"))

    assert told["found"] == f"{tmp_path}/var/siapkerja.db is not there yet"
    for words in ("siapkerja db upgrade", "siapkerja serve", "siapkerja demo"):
        assert words in told["mend"]
    assert in_production["found"] == f"there is no folder {tmp_path}/var"
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_writes_no_key_into_a_database_and_makes_no_root(
    world: Siapkerja, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:///{tmp_path}/new.db"
    world.told("db", "upgrade", SIAPKERJA_DATABASE_URL=url)

    found = findings(world, SIAPKERJA_DATABASE_URL=url)
    rootless = findings(world, SIAPKERJA_DATABASE_URL=url, SIAPKERJA_SECRET_KEY="")

    assert found["secret key"]["ok"]
    assert rootless["secret key"]["found"] == "is nowhere"
    assert "var/secret_key" in rootless["secret key"]["mend"]
    assert not (tmp_path / "var").exists()
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM data_key")).scalar() == 0
    engine.dispose()


@pytest.fixture(scope="module")
def guarded_postgres() -> Iterator[int]:
    """A server with a role `kata` that has a password, and others that have none."""
    with stoppable_postgres(durable=False) as running:
        with psycopg.connect(running.url, autocommit=True) as connection:
            connection.execute("CREATE ROLE kata LOGIN PASSWORD 'a-word'")
            connection.execute("CREATE ROLE shut NOLOGIN")
            (running.folder / "data/pg_hba.conf").write_text(
                "host all kata 127.0.0.1/32 scram-sha-256\n"
                "host all postgres,shut,nobody 127.0.0.1/32 trust\n"
            )
            connection.execute("SELECT pg_reload_conf()")
        until(lambda: not lets_in(f"postgresql://kata@127.0.0.1:{running.port}/postgres"))
        yield running.port


def lets_in(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.mark.parametrize(
    ("who", "name", "found", "mend"),
    [
        ("kata:a-word", "nowhere", "answers, but has no database of this name", "created"),
        ("kata:wrong", "postgres", "answers, but does not take our role", "password"),
        ("kata", "postgres", "answers, but does not take our role", "password"),
        ("nobody", "postgres", "answers, but does not let this role in", "LOGIN"),
        ("shut", "postgres", "answers, but does not let this role in", "LOGIN"),
        ("stranger", "postgres", "answers, but does not let this role in", "pg_hba.conf"),
        ("kata:a-word", "postgres", "is at revision none", "db upgrade"),
    ],
)
def test_the_doctor_tells_apart_why_postgresql_does_not_serve_us(
    world: Siapkerja, guarded_postgres: int, who: str, name: str, found: str, mend: str
) -> None:
    url = f"postgresql://{who}@127.0.0.1:{guarded_postgres}/{name}"

    told = findings(world, SIAPKERJA_DATABASE_URL=url)["database (postgresql)"]

    assert told["found"].startswith(found)
    assert mend in told["mend"]
    assert "a-word" not in json.dumps(told)


def test_the_doctor_tells_a_postgresql_that_is_down_from_one_that_turns_us_away(
    world: Siapkerja,
) -> None:
    url = f"postgresql://x@{free_address()}/x"

    told = findings(world, SIAPKERJA_DATABASE_URL=url)["database (postgresql)"]

    assert told["found"] == "does not answer"
    assert told["mend"].startswith("start PostgreSQL")


@pytest.mark.parametrize(
    "text",
    [
        None,
        "nothing here",
        "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n",
    ],
    ids=["missing", "no certificate", "no base64", "no DER"],
)
def test_sc_3_the_doctor_names_the_setting_of_a_bad_certificate_file(
    world: Siapkerja, tmp_path: Path, text: str | None
) -> None:
    pinned = tmp_path / "dukcapil.pem"
    if text is not None:
        pinned.write_text(text)

    found = findings(
        world,
        SIAPKERJA_DUKCAPIL_URL=f"https://{free_address()}",
        SIAPKERJA_DUKCAPIL_CA_FILE=str(pinned),
    )

    assert found["SIAPKERJA_DUKCAPIL_CA_FILE"]["ok"] is False
    assert "SIAPKERJA_DUKCAPIL_CA_FILE" in found["SIAPKERJA_DUKCAPIL_CA_FILE"]["mend"]
    assert not [name for name in found if " or " in name]


@pytest.mark.parametrize("text", [None, "nothing here"], ids=["missing", "no certificate"])
def test_a_file_of_further_roots_that_can_not_be_used_is_told_by_every_command(
    world: Siapkerja, tmp_path: Path, text: str | None
) -> None:
    roots = tmp_path / "roots.pem"
    if text is not None:
        roots.write_text(text)
    changed = {"SIAPKERJA_FETCH_CA_FILE": str(roots)}

    told = world.refused("client", "list", **changed)

    assert told["error"] == "settings"
    assert told["message"].startswith("SIAPKERJA_FETCH_CA_FILE: ")
    assert findings(world, **changed)["SIAPKERJA_FETCH_CA_FILE"]["ok"] is False


def test_an_option_that_redis_does_not_know_is_told_by_every_command(world: Siapkerja) -> None:
    changed = {"SIAPKERJA_REDIS_URL": f"redis://{free_address()}/0?timeot=1"}

    told = world.refused("client", "list", **changed)

    assert told["error"] == "settings"
    assert told["message"] == "SIAPKERJA_REDIS_URL: an option in the address is unknown"
    assert "option in the address is unknown" in findings(world, **changed)["Redis"]["found"]


def test_an_option_that_postgresql_does_not_know_is_told_by_every_command(
    world: Siapkerja,
) -> None:
    changed = {"SIAPKERJA_DATABASE_URL": f"postgresql://x@{free_address()}/x?sslmod=require"}

    told = [world.refused(*words, **changed) for words in (["client", "list"], ["db", "check"])]

    assert {one["error"] for one in told} == {"store"}
    database = database_of(findings(world, **changed))
    assert "option in the address is unknown" in database["found"]
    assert "SIAPKERJA_DATABASE_URL" in database["mend"]


def test_the_doctor_names_the_setting_of_an_unknown_sms_gateway(world: Siapkerja) -> None:
    found = findings(world, SIAPKERJA_SMS_GATEWAYS="pigeon")

    assert found["SIAPKERJA_SMS_GATEWAYS"]["found"] == "no such SMS gateway: pigeon"


def test_the_doctor_sees_a_database_that_can_not_be_written(
    world: Siapkerja, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examination, "may_write", lambda _: False)
    [found] = [f for what, f in findings(world).items() if what.startswith("database")]

    assert found["found"] == "can be read but not written"
    assert "SIAPKERJA_DATABASE_URL" in found["mend"]


def test_a_standby_and_a_file_that_is_read_only_can_not_be_written(
    siapkerja: Siapkerja, database_url: str
) -> None:
    path = database_url.partition(":///")[2]
    read_only = (
        f"sqlite:///file:{path}?mode=ro&uri=true"
        if database_url.startswith("sqlite")
        else sa.make_url(database_url).update_query_dict(
            {"options": "-c default_transaction_read_only=on"}
        )
    )
    found = []
    for url in (database_url, read_only):
        engine = sa.create_engine(url)
        engines.prepare_engine(engine)
        found.append(may_write(engine))
        engine.dispose()

    assert found == [True, False]


def test_a_role_without_rights_is_told_of(world: Siapkerja, database_url: str) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("SQLite has no roles")
    admin = sa.create_engine(database_url, isolation_level="AUTOCOMMIT")
    poor = sa.make_url(database_url).set(username="poor", password="poor")
    url = poor.render_as_string(hide_password=False)
    try:
        with admin.connect() as connection:
            connection.exec_driver_sql("CREATE ROLE poor LOGIN PASSWORD 'poor'")
            refused = world.refused("client", "list", SIAPKERJA_DATABASE_URL=url)
            blind = findings(world, SIAPKERJA_DATABASE_URL=url)["database (postgresql)"]
            connection.exec_driver_sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO poor")
            mute = findings(world, SIAPKERJA_DATABASE_URL=url)["database (postgresql)"]
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql("DROP OWNED BY poor")
            connection.exec_driver_sql("DROP ROLE poor")
        admin.dispose()

    assert refused["error"] == "store"
    assert "let our role read its tables" in blind["mend"]
    assert blind["found"] == "does not let our role read its tables"
    assert mute["found"] == "can be read but not written"
    assert "a role that may write all tables" in mute["mend"]


def test_the_doctor_sees_a_database_without_keys(world: Siapkerja, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    world.told("db", "upgrade", SIAPKERJA_DATABASE_URL=url)

    assert findings(world, SIAPKERJA_DATABASE_URL=url)["signing keys"]["ok"] is False


def test_sc_1_the_doctor_works_where_production_would_not_start(world: Siapkerja) -> None:
    found = findings(world, SIAPKERJA_ENV="production", SIAPKERJA_OPERATOR_TOKEN="short")

    bad = {name for name, finding in found.items() if not finding["ok"]}
    assert {"SIAPKERJA_ISSUER", "SIAPKERJA_DUKCAPIL_URL", "SIAPKERJA_OPERATOR_TOKEN"} <= bad
    assert found["secret key"]["ok"]
    for name in bad:
        assert "docs/" not in found[name]["mend"]
        assert "{}" not in found[name]["mend"]
    assert "SIAPKERJA_OPERATOR_TOKEN_FILE" in found["SIAPKERJA_OPERATOR_TOKEN"]["mend"]


def test_sc_1_the_doctor_tells_refusals_beside_what_can_not_be_read(world: Siapkerja) -> None:
    found = findings(world, SIAPKERJA_ENV="production", SIAPKERJA_LIMITS_FACTOR="many")

    assert {"SIAPKERJA_LIMITS_FACTOR", "SIAPKERJA_ISSUER", "SIAPKERJA_DUKCAPIL_URL"} <= set(found)
    assert found["SIAPKERJA_ISSUER"]["found"].endswith(": production refuses to start")
    assert "{}" not in json.dumps(found)


def test_people_read_what_the_doctor_says(world: Siapkerja) -> None:
    result = world.run("doctor", SIAPKERJA_MAIL_URL=f"smtp://{free_address()}")

    lines = result.stdout.splitlines()
    assert result.exit_code == 1
    assert "ok   secret key: opens this database" in lines
    [bad] = [n for n, line in enumerate(lines) if line.startswith("BAD  mail: ")]
    assert lines[bad + 1].startswith("       mend: ")


def test_a_command_before_the_schema_says_what_to_do(bare: Siapkerja) -> None:
    told = bare.refused("client", "list")

    assert told["error"] == "migrations_pending"
    assert "siapkerja db upgrade" in told["message"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["client", "list"], "migrations_pending"),
        (["sweep", "--dry-run"], "migrations_pending"),
        (["db", "check"], "schema"),
    ],
)
def test_a_command_that_asks_makes_no_database(
    bare: Siapkerja, tmp_path: Path, arguments: list[str], error: str
) -> None:
    elsewhere = {"SIAPKERJA_DATABASE_URL": f"sqlite:///{tmp_path}/folder/x.db"}

    told = bare.refused(*arguments, **elsewhere)
    planned = bare.told("db", "upgrade", "--plan", **elsewhere)

    assert told["error"] == error
    assert planned["changes"][-1]["revision"] == schema.newest_revision()
    assert not (tmp_path / "folder").exists()


@pytest.mark.parametrize(
    "arguments", [["client", "list"], ["db", "check"], ["db", "upgrade"], ["keys", "rotate"]]
)
def test_a_damaged_database_is_a_reason(
    siapkerja: Siapkerja, tmp_path: Path, arguments: list[str]
) -> None:
    (tmp_path / "noise.db").write_bytes(b"no database " * 1000)

    told = siapkerja.refused(*arguments, SIAPKERJA_DATABASE_URL=f"sqlite:///{tmp_path}/noise.db")

    assert told["error"] == "store"


def test_a_command_with_another_root_says_so(siapkerja: Siapkerja) -> None:
    told = siapkerja.refused("keys", "list", SIAPKERJA_SECRET_KEY="another-root-of-somebody")

    assert "SIAPKERJA_SECRET_KEY" in told["message"]


# Servers ------------------------------------------------------------------------------------------


def test_serve_says_which_port_is_taken(siapkerja: Siapkerja) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        told = siapkerja.refused("serve", "--port", str(port))

    assert told == {
        "error": "port.taken",
        "message": f"port {port} is taken; `--port` names another",
    }


def test_sc_1_serve_names_every_reason_at_once(siapkerja: Siapkerja) -> None:
    told = siapkerja.refused(
        "serve", "--workers", "2", SIAPKERJA_ENV="production", SIAPKERJA_SECRET_KEY="short"
    )

    assert told["error"] == "production"
    for name in ("SECRET_KEY", "ISSUER", "DUKCAPIL_URL", "SMS_GATEWAYS", "MAIL_URL"):
        assert f"SIAPKERJA_{name}" in told["message"]
    assert "short;" not in told["message"]


@pytest.mark.parametrize(
    ("name", "value"), [("ISUER", "x"), ("LIMITS_FACTOR", "many"), ("MAIL_URL", "imap://x")]
)
def test_sc_1_serve_names_every_reason_also_beside_a_setting_that_can_not_be(
    siapkerja: Siapkerja, name: str, value: str
) -> None:
    told = siapkerja.refused(
        "serve", "--workers", "2",
        SIAPKERJA_ENV="production", SIAPKERJA_SECRET_KEY="short", **{f"SIAPKERJA_{name}": value},
    )  # fmt: skip

    assert told["error"] == "settings"
    for known in (name, "SECRET_KEY", "ISSUER", "DUKCAPIL_URL", "SMS_GATEWAYS", "MAIL_URL"):
        assert f"SIAPKERJA_{known}: " in told["message"]


def test_the_demo_is_not_for_production(siapkerja: Siapkerja) -> None:
    told = siapkerja.refused("demo", "--port", "9830", SIAPKERJA_ENV="production")

    assert told["error"] == "demo.environment"


@pytest.mark.parametrize("part", range(5))
def test_a_taken_port_is_one_clear_line_that_says_which_and_how_to_change_it(
    siapkerja: Siapkerja, part: int
) -> None:
    with socket.create_server(("127.0.0.1", 9840 + part)):
        result = siapkerja.run("demo", "--port", "9840")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == (
        f"siapkerja: port {9840 + part} is taken; `PORT=9000 make run` takes 9000 to 9004 "
        "(port.taken)\n"
    )


def test_a_portal_uses_what_the_command_registered(
    siapkerja: Siapkerja, make_app: Callable[..., Application]
) -> None:
    """Suspending is felt by a process that was running before."""
    app = make_app()
    made = siapkerja.told("client", "create", "--file", "-", given={
        **PORTAL, "grant_types": ["client_credentials"], "redirect_uris": [],
    })  # fmt: skip
    auth = (made["client_id"], made["client_secret"])
    data = {"grant_type": "client_credentials"}

    before = app.test_client().post("/token", data=data, auth=auth)
    siapkerja.told("client", "suspend", made["client_id"])
    app.wiring.services.clock.move(6)  # type: ignore[attr-defined]
    after = app.test_client().post("/token", data=data, auth=auth)

    assert before.status_code == 200, before.text
    assert after.status_code == 401


def test_sc_1_pending_migrations_stop_production(siapkerja: Siapkerja, tmp_path: Path) -> None:
    good = {**GOOD, "SIAPKERJA_DATABASE_URL": f"sqlite:///{tmp_path}/new.db"}

    told = Siapkerja(good).refused("serve", "--workers", "1")

    assert told["error"] == "production"
    assert told["message"] == "migrations are pending: run `siapkerja db upgrade`"


def test_compile_keeps_every_template_for_whoever_starts_next(
    siapkerja: Siapkerja, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "FOLDER", tmp_path / "made" / "templates")
    first = siapkerja.told("compile")
    monkeypatch.setattr(jinja2.Environment, "compile", None)
    second = siapkerja.told("compile")

    assert first == second
    assert first["templates"] == len([*compiled.FOLDER.iterdir()]) > 150


def test_compile_compiles_anew_what_changed(
    siapkerja: Siapkerja, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "FOLDER", tmp_path)
    siapkerja.told("compile")
    app = create_app(Settings.of_nobody())
    assert isinstance(app.jinja_loader, jinja2.FileSystemLoader)
    (tmp_path / "site" / "citizen" / "login").mkdir(parents=True)
    page = tmp_path / "site" / "citizen" / "login" / "changed.html"
    page.write_text("before")
    app.jinja_loader.searchpath.append(str(tmp_path / "site"))
    before = app.jinja_env.get_template("citizen/login/changed.html").render()
    page.write_text("and after")
    fresh = create_app(Settings.of_nobody())
    assert isinstance(fresh.jinja_loader, jinja2.FileSystemLoader)
    fresh.jinja_loader.searchpath.append(str(tmp_path / "site"))

    assert before == "before"
    assert fresh.jinja_env.get_template("citizen/login/changed.html").render() == "and after"


def test_compile_says_where_nothing_can_be_kept_and_pages_are_served_nevertheless(
    siapkerja: Siapkerja, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(compiled, "FOLDER", tmp_path / "file" / "templates")

    assert siapkerja.refused("compile")["error"] == "compile.folder"
    app = create_app(Settings.of_nobody())
    compiled.load_compiled(app)
    assert app.jinja_env.get_template("citizen/login/login.html")
