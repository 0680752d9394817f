"""`siapkerja export`, `plan`, `apply`: registrations as a file, on either database (issue 6)."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from idp.app import Application
from idp.domain.identity.audit import Action
from idp.services import Services
from tests.operator_console import Operator

PORTAL: dict[str, Any] = {
    "client_id": "portal-uji",
    "client_name": "Portal Uji",
    "redirect_uris": ["https://portal.example/kembali"],
    "scope": "openid profile",
}


@pytest.fixture
def operator(database_url: str) -> Operator:
    return Operator(database_url)


@pytest.fixture
def registered(services: Services) -> None:
    services.clients.register({**PORTAL, "client_name#en": "Trial portal: yes, 100 %"})
    services.clients.register(
        {
            "client_id": "a-mesin",
            "grant_types": ["client_credentials"],
            "token_endpoint_auth_method": "client_secret_basic",
            "client_secret": "rahasia-yang-tidak-boleh-keluar-sama-sekali",
            "owner": "Direktorat Uji",
        }
    )


@pytest.fixture
def exported(operator: Operator, registered: None) -> dict[str, Any]:
    """What `export` prints, read back."""
    document: dict[str, Any] = yaml.safe_load(operator.run("export").stdout)
    return document


def dumped(document: object) -> bytes:
    return yaml.safe_dump(document, allow_unicode=True).encode()


def entry(document: dict[str, Any], client_id: str) -> dict[str, Any]:
    found: dict[str, Any] = next(e for e in document["clients"] if e["client_id"] == client_id)
    return found


# Export -------------------------------------------------------------------------------------------


def test_the_export_has_every_member_of_every_client_and_no_secret(
    operator: Operator, registered: None, services: Services
) -> None:
    printed = operator.run("export").stdout

    document = yaml.safe_load(printed)
    assert [e["client_id"] for e in document["clients"]] == ["a-mesin", "portal-uji"]
    for client in services.clients.list_all():
        told = dict(entry(document, client.client_id))
        assert told.pop("status") == "active"
        assert told.pop("client_id") == client.client_id
        assert told.pop("logo") is None
        assert told == client.metadata
    assert "rahasia" not in printed
    assert "client_secret:" not in printed


def test_two_exports_of_the_same_clients_are_the_same_text(
    operator: Operator, registered: None
) -> None:
    assert operator.run("export").stdout == operator.run("export").stdout


def test_an_export_as_json_is_the_same_document(
    operator: Operator, exported: dict[str, Any]
) -> None:
    assert operator.facts("export") == exported


def test_an_export_of_nothing_is_a_document_that_can_be_applied(operator: Operator) -> None:
    printed = operator.run("export").stdout

    assert yaml.safe_load(printed) == {"version": 1, "clients": []}
    assert operator.run("plan", "-", stdin=printed.encode()).exit_code == 0


# Plan ---------------------------------------------------------------------------------------------


def test_what_was_exported_does_not_differ(operator: Operator, exported: dict[str, Any]) -> None:
    result = operator.run("plan", "-", stdin=dumped(exported))

    assert (result.exit_code, result.stdout) == (0, "No difference.\n")


def test_a_plan_shows_each_member_that_changes_and_ends_with_three(
    operator: Operator, exported: dict[str, Any], services: Services
) -> None:
    changed = entry(exported, "portal-uji")
    changed["redirect_uris"] = ["https://portal.example/baru"]
    changed["client_name"] = "Portal Lain"
    changed["scope"] = "openid profile email"
    exported["clients"].append({**PORTAL, "client_id": "portal-baru"})

    result = operator.run("plan", "-", stdin=dumped(exported))

    assert result.exit_code == 3
    assert result.stdout.splitlines() == [
        "~ portal-uji  Portal Uji",
        "    redirect_uris",
        "      - https://portal.example/kembali",
        "      + https://portal.example/baru",
        "    client_name: Portal Uji -> Portal Lain",
        "    scope",
        "      + email",
        "+ portal-baru  Portal Uji (new)",
        "",
        "1 to create, 1 to change, 0 not in the file.",
    ]
    assert services.clients.get("portal-uji").version == 1


def test_a_plan_as_json_tells_before_and_after(
    operator: Operator, exported: dict[str, Any]
) -> None:
    entry(exported, "portal-uji")["status"] = "suspended"
    exported["clients"] = [e for e in exported["clients"] if e["client_id"] != "a-mesin"]

    result = operator.run("plan", "-", "--json", stdin=dumped(exported))

    assert result.exit_code == 3
    assert json.loads(result.stdout) == {
        "changes": [
            {
                "client_id": "portal-uji",
                "action": "change",
                "members": {"status": {"before": "active", "after": "suspended"}},
            },
            {"client_id": "a-mesin", "action": "unlisted", "members": {}},
        ]
    }


def test_a_change_made_elsewhere_is_drift(
    operator: Operator, exported: dict[str, Any], services: Services
) -> None:
    services.clients.suspend("portal-uji")

    result = operator.run("plan", "-", stdin=dumped(exported))

    assert result.exit_code == 3
    assert "    status: suspended -> active" in result.stdout


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"redirect_uris": ["https://a.example/cb", "http://a.example/cb", "x"]},
            [
                "redirect_uris entry 2 must be https; http is for loopback addresses",
                (
                    "redirect_uris entry 3 is not an absolute URI without user, dot segment or "
                    "control character"
                ),
            ],
        ),
        ({"redirect_uri": "https://a.example"}, ["redirect_uri is no member that we know"]),
        ({"client_secret": "s" * 43}, ["client_secret must not stand in a document"]),
        (
            {"status": "deleted"},
            ["status must be one of: active, draft, suspended, retired"],
        ),
        ({"scope": 7, "profile": "strict"}, ["scope must be", "profile must be one of"]),
        ({"client_id": 7}, ["client_id must be 1 to 128 printable ASCII characters"]),
    ],
    ids=["addresses", "unknown", "secret", "status", "two at once", "name"],
)
@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_file_with_faults_is_refused_with_all_of_them_and_changes_nothing(
    operator: Operator,
    exported: dict[str, Any],
    services: Services,
    command: str,
    change: dict[str, Any],
    told: list[str],
) -> None:
    entry(exported, "a-mesin")["owner"] = "Lain"
    entry(exported, "portal-uji").update(change)

    result = operator.run(command, "-", stdin=dumped(exported))

    assert (result.exit_code, result.stdout) == (1, "")
    for words in told:
        assert words in result.stderr
    assert services.clients.get("a-mesin").owner == "Direktorat Uji"


def test_faults_as_json_name_client_member_position_and_reason(
    operator: Operator, exported: dict[str, Any]
) -> None:
    entry(exported, "portal-uji")["redirect_uris"] = ["https://a.example/cb", "https://a.example/#"]

    result = operator.run("plan", "-", "--json", stdin=dumped(exported))

    assert result.exit_code == 1
    assert json.loads(result.stderr) == {
        "error": "clients.invalid",
        "message": "the file can't be applied",
        "faults": [
            {
                "client_id": "portal-uji",
                "member": "redirect_uris",
                "position": 2,
                "reason": "has a fragment",
            }
        ],
    }


def test_a_client_that_is_listed_twice_is_refused(
    operator: Operator, exported: dict[str, Any]
) -> None:
    exported["clients"].append(dict(exported["clients"][0]))

    result = operator.run("plan", "-", stdin=dumped(exported))

    assert result.exit_code == 1
    assert "a-mesin: client_id stands there more than once" in result.stderr


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "clients.document"),
        (b"[]", "clients.document"),
        (b"version: 2\nclients: []", "clients.document"),
        (b"version: 1\nclients: {}", "clients.document"),
        (b"version: 1\nclients: [x]", "clients.document"),
        (b"version: 1\nversion: 1\nclients: []", "file.yaml"),
        (b"version: 1\nclients: [", "file.yaml"),
        (b"version: !!python/object/apply:os.system [exit]\nclients: []", "file.yaml"),
        (b"\xff\xfe\x00", "file.yaml"),
        (b"? [a, b]\n: x", "file.yaml"),
    ],
)
def test_what_is_no_such_document_is_refused(operator: Operator, text: bytes, code: str) -> None:
    assert operator.refusal("plan", "-", stdin=text) == code


def test_a_file_that_is_not_there_is_refused_by_plan(operator: Operator, tmp_path: Path) -> None:
    assert operator.refusal("plan", str(tmp_path / "nowhere.yaml")) == "file.missing"


# Apply --------------------------------------------------------------------------------------------


def test_applying_makes_one_version_for_each_client_that_changes(
    operator: Operator, exported: dict[str, Any], services: Services, tmp_path: Path
) -> None:
    changed = entry(exported, "portal-uji")
    changed |= {"client_name": "Portal Lain", "scope": "openid", "status": "suspended"}
    path = tmp_path / "clients.yaml"
    path.write_bytes(dumped(exported))

    result = operator.run("apply", str(path))

    assert (result.exit_code, result.stdout) == (0, "portal-uji: changed, version 2\n")
    client = services.clients.get("portal-uji")
    assert (client.name_in("id"), client.status, client.version) == ("Portal Lain", "suspended", 2)
    assert services.clients.get("a-mesin").version == 1
    assert operator.run("plan", str(path)).exit_code == 0


def test_applying_a_second_time_changes_nothing(
    operator: Operator, exported: dict[str, Any], services: Services
) -> None:
    entry(exported, "portal-uji")["client_name"] = "Portal Lain"
    operator.run("apply", "-", stdin=dumped(exported))

    again = operator.run("apply", "-", stdin=dumped(exported))

    assert (again.exit_code, again.stdout) == (0, "Nothing to do.\n")
    assert services.clients.get("portal-uji").version == 2


def test_a_new_client_gets_a_secret_that_is_told_this_once(
    operator: Operator, exported: dict[str, Any], make_app: Callable[..., Application]
) -> None:
    exported["clients"].append({**PORTAL, "client_id": "portal-baru"})

    told = operator.facts("apply", "-", stdin=dumped(exported))

    (applied,) = told["applied"]
    assert (applied["client_id"], applied["action"]) == ("portal-baru", "create")
    answer = make_app().test_client().post(
        "/token",
        data={"grant_type": "authorization_code", "code": "x"},
        auth=("portal-baru", applied["client_secret"]),
    )  # fmt: skip
    assert answer.json["error"] == "invalid_grant"
    assert applied["client_secret"] not in operator.run("export").stdout


def test_a_whole_installation_is_built_anew_from_its_export(
    operator: Operator, exported: dict[str, Any], make_database: Callable[[], str]
) -> None:
    entry(exported, "portal-uji")["status"] = "suspended"
    elsewhere = Operator(make_database())

    elsewhere.facts("apply", "-", stdin=dumped(exported))

    assert yaml.safe_load(elsewhere.run("export").stdout) == exported


def a_picture(colour: str) -> bytes:
    written = BytesIO()
    Image.new("RGB", (40, 20), colour).save(written, "PNG")
    return written.getvalue()


def test_a_logo_travels_in_the_file_and_a_version_brings_it_back(
    operator: Operator, registered: None, services: Services
) -> None:
    clients = services.clients
    red = clients.put_logo("portal-uji", a_picture("red"))
    drawn = clients.find_logo(red.id, red.logo or "")
    printed = operator.run("export").stdout
    document = yaml.safe_load(printed)
    assert entry(document, "portal-uji")["logo"] == red.logo
    assert max(map(len, printed.splitlines())) <= 100
    blue = clients.put_logo("portal-uji", a_picture("blue"))

    planned = operator.run("plan", "-", stdin=printed.encode())
    assert (planned.exit_code, planned.stdout.splitlines()[1]) == (
        3,
        f"    logo: {blue.logo} -> {red.logo}",
    )
    assert operator.run("apply", "-", stdin=printed.encode()).exit_code == 0
    back = clients.get("portal-uji")
    assert (back.logo, clients.find_logo(back.id, back.logo or "")) == (red.logo, drawn)
    assert operator.run("plan", "-", stdin=printed.encode()).exit_code == 0

    assert clients.restore("portal-uji", blue.version).logo == blue.logo
    assert clients.find_logo(blue.id, blue.logo or "") is not None
    assert clients.restore("portal-uji", 1).logo is None

    clients.delete("portal-uji")
    entry(document, "portal-uji")["client_id"] = "portal-lain"
    assert operator.run("apply", "-", stdin=dumped(document)).exit_code == 0
    made = clients.get("portal-lain")
    assert clients.find_logo(made.id, made.logo or "") == drawn


@pytest.mark.parametrize(
    ("logo", "logos", "words"),
    [
        ("0123456789abcdef", {}, "logo must be null, or one of the logos of the file"),
        ("../../etc/passwd", {}, "logo must be null, or one of the logos of the file"),
        ("0123456789abcdef", {"0123456789abcdef": "bm8gcGljdHVyZQ=="}, "logo is no picture"),
    ],
)
def test_a_file_with_a_bad_logo_is_refused_at_that_client(
    operator: Operator,
    exported: dict[str, Any],
    logo: str,
    logos: dict[str, str],
    words: str,
) -> None:
    entry(exported, "portal-uji")["logo"] = logo

    refused = operator.run("plan", "-", stdin=dumped({**exported, "logos": logos}))

    assert refused.exit_code == 1
    assert f"portal-uji: {words}" in refused.stderr


def test_a_client_that_is_not_listed_is_left_alone_unless_pruned(
    operator: Operator, exported: dict[str, Any]
) -> None:
    exported["clients"] = [entry(exported, "portal-uji")]

    left = operator.facts("apply", "-", stdin=dumped(exported))
    kept = operator.facts("client", "list")
    pruned = operator.facts("apply", "-", "--prune", stdin=dumped(exported))

    assert left == {"applied": []}
    assert {c["client_id"] for c in kept} == {"portal-uji", "a-mesin"}
    assert [(a["client_id"], a["action"]) for a in pruned["applied"]] == [("a-mesin", "delete")]
    assert operator.run("plan", "-", stdin=dumped(exported)).exit_code == 0


def test_what_applying_changes_stands_in_the_audit(
    operator: Operator, exported: dict[str, Any], services: Services
) -> None:
    entry(exported, "portal-uji")["status"] = "retired"
    entry(exported, "a-mesin")["owner"] = "Lain"

    operator.facts("apply", "-", stdin=dumped(exported))

    with services.store.read() as tx:
        events = {row.event.client_id: row.event for row in tx.audit.list_unsealed(100)[2:]}
    assert events["portal-uji"].action is Action.CLIENT_RETIRED
    assert events["a-mesin"].action is Action.CLIENT_CHANGED
    assert {event.actor for event in events.values()} == {"operator"}


def test_a_client_that_changed_after_the_plan_is_not_overwritten(services: Services) -> None:
    services.clients.register(PORTAL)
    document = services.client_files.export()
    document["clients"][0]["client_name"] = "Dari berkas"
    planned = services.client_files.plan(document)
    services.clients.replace("portal-uji", {**PORTAL, "client_name": "Dari layar"})

    with pytest.raises(Exception, match=r"client\.edited"):
        list(services.client_files.apply(planned))

    assert services.clients.get("portal-uji").name_in("id") == "Dari layar"


# The command line does what the console does -----------------------------------------------------


def test_versions_are_printed_with_author_and_changes_and_come_back(
    operator: Operator, registered: None, services: Services
) -> None:
    services.clients.replace("portal-uji", {**PORTAL, "client_name": "Lain"})
    services.clients.suspend("portal-uji", reason="laporan")

    told = operator.facts("client", "versions", "portal-uji")

    assert [(one["version"], one["status"], one["reason"]) for one in told] == [
        (3, "suspended", "laporan"),
        (2, "active", ""),
        (1, "active", ""),
    ]
    assert told[1]["changed"] == ["client_name", "client_name#en"]
    assert told[0]["changed"] == ["status"]
    services.clients.activate("portal-uji")
    services.clients.add_secret("portal-uji")
    changed = [one["changed"] for one in operator.facts("client", "versions", "portal-uji")]
    assert changed[:2] == [["client_secret"], ["status"]]
    assert {one["author"] for one in told} == {"command line"}
    assert operator.facts("client", "restore", "portal-uji", "1")["version"] == 6
    assert services.clients.get("portal-uji").name_in("id") == "Portal Uji"
    assert "client_name" in operator.run("client", "versions", "portal-uji").stdout
    assert operator.refusal("client", "restore", "portal-uji", "99") == "client.version_unknown"
    assert operator.refusal("client", "versions", "nobody") == "client.unknown"


def test_secrets_are_added_listed_and_ended(operator: Operator, registered: None) -> None:
    added = operator.facts("client", "add-secret", "portal-uji", "--days", "90")
    newest, oldest = operator.facts("client", "secrets", "portal-uji")

    assert len(added["client_secret"]) == 43
    assert added["client_secret_expires_at"] == newest["expires_at"]
    assert newest["expires_at"] - newest["created_at"] == 90 * 86_400
    assert oldest["expires_at"] is None
    assert operator.refusal("client", "add-secret", "portal-uji") == "client.secrets"
    operator.facts("client", "retire-secret", "portal-uji", oldest["id"])
    assert operator.facts("client", "secrets", "portal-uji") == [newest]
    refused = operator.refusal("client", "retire-secret", "portal-uji", newest["id"])
    assert refused == "client.secret_last"


def test_a_client_is_retired_for_good(operator: Operator, registered: None) -> None:
    assert operator.facts("client", "retire", "portal-uji")["status"] == "retired"
    assert operator.refusal("client", "activate", "portal-uji") == "client.retired"
