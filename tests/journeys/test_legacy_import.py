"""An operator brings accounts of old portals in: `siapkerja legacy import`, `wrap`, `report`."""

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from idp.app import Application
from idp.commands.legacy import summary_of
from idp.domain.errors import Refused
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.legacy_record import read_manifest
from idp.domain.identity.nik import Nik
from idp.services import Services
from idp.services.legacy_import import Export
from tests.conftest import ROOT
from tests.fakes import NOW
from tests.old_hashes import OLD_HASHES
from tests.old_portals import a_row, as_csv, json_lines, manifest, old_stores, rows
from tests.operator_console import Operator


@pytest.fixture
def operator(database_url: str) -> Operator:
    return Operator(database_url)


def load(
    services: Services,
    content: bytes,
    source: str | None = None,
    *,
    manifest: dict[str, Any] | None = None,
    is_pipe: bool = True,
    is_dry_run: bool = False,
) -> Any:
    """Import as the command does, without starting the program anew."""
    service = services.legacy_import
    work = service.try_out if is_dry_run else service.load
    described = read_manifest(manifest, NOW) if manifest is not None else None
    reopen = None if is_pipe else lambda: io.BytesIO(content)
    imported = work(Export(io.BytesIO(content), reopen, source, described), lambda _: None)
    return json.loads(json.dumps(summary_of(imported, is_dry_run=is_dry_run), default=str))


def figures(services: Services) -> dict[str, Any]:
    return {found.source: found for found in services.legacy_report.figures()}


#: A row whose hash has to be wrapped.
WEAK = a_row(source_id="weak", password={"scheme": "md5", "hash": "0" * 32})


def causes(told: Any) -> dict[str, list[int]]:
    return {cause: found["lines"] for cause, found in told["refused_by_cause"].items()}


def notes(told: Any) -> dict[str, list[int]]:
    return {word: found["lines"] for word, found in told["notes"].items()}


def test_an_import_tells_what_it_did(services: Services) -> None:
    told = load(services, json_lines(rows(5)))

    assert (told["records"], told["added"], told["refused"]) == (5, 5, 0)
    assert told["sources"] == {"wlkp": 5}
    assert sum(told["passwords"].values()) == 5


def test_the_same_import_again_changes_nothing(services: Services) -> None:
    content = json_lines(rows(5))
    load(services, content)

    again = load(services, content)

    assert (again["added"], again["changed"], again["unchanged"]) == (0, 0, 5)
    assert again["conflicts"] == {}


def test_a_newer_export_changes_what_changed(services: Services) -> None:
    load(services, json_lines(rows(3)))
    newer = rows(4)
    newer[1]["name"] = "Budi Hartono"

    told = load(services, json_lines(newer))

    assert (told["added"], told["changed"], told["unchanged"]) == (1, 1, 2)


def test_rows_of_two_portals_with_one_identifier_are_two(services: Services) -> None:
    told = load(services, json_lines([*rows(2), *rows(2, source="skkni")]))

    assert (told["added"], told["sources"]) == (4, {"wlkp": 2, "skkni": 2})


def test_every_store_of_the_corpus_comes_in_whole(services: Services) -> None:
    stores = old_stores()
    assert len(stores) >= 30
    whole = b""
    for store in stores:
        if store.name.endswith("jsonl"):
            whole += store.content
            continue
        told = load(services, store.content)
        assert (told["added"], told["refused"]) == (len(store.rows), 0), store.name
    assert load(services, whole)["refused"] == 0
    assert {store.source: len(store.rows) for store in stores} == {
        source: found.imported for source, found in figures(services).items()
    }


FORMS = [
    pytest.param(json_lines(rows(3)), id="json lines"),
    pytest.param(json_lines(rows(3)).rstrip(b"\n"), id="no last line break"),
    pytest.param(json_lines(rows(3)).replace(b"\n", b"\r\n"), id="crlf"),
    pytest.param(b"\xef\xbb\xbf" + json_lines(rows(3)), id="bom"),
    pytest.param(json_lines(rows(3)).replace(b"\n", b"\n\n \n"), id="blank lines"),
    pytest.param(gzip.compress(json_lines(rows(3))), id="gzip"),
    pytest.param(
        gzip.compress(json_lines(rows(2))) + gzip.compress(json_lines(rows(1, first=3))),
        id="two gzip members",
    ),
    pytest.param(as_csv(rows(3)), id="csv"),
    pytest.param(as_csv(rows(3), ";"), id="csv with semicolons"),
    pytest.param(as_csv(rows(3), "\t", "\r\n"), id="csv with tabs and crlf"),
    pytest.param(b"\xef\xbb\xbf" + as_csv(rows(3)), id="csv with a bom"),
    pytest.param(gzip.compress(as_csv(rows(3))), id="csv in gzip"),
    pytest.param(as_csv(rows(3)).replace(b"wlkp", b'"wlkp"'), id="csv with quotes"),
    pytest.param(
        as_csv(rows(3)).replace(b"scheme,hash,salt,", b"Password.Scheme,password_hash,SALT,", 1),
        id="csv columns by other names",
    ),
]


@pytest.mark.parametrize("content", FORMS)
def test_every_form_of_file_gives_the_same_rows(services: Services, content: bytes) -> None:
    load(services, content)
    told = load(services, json_lines([{**row, "orgs": []} for row in rows(3)]))

    # a CSV has no companies here: what differs is that alone
    assert told["refused"] == told["added"] == 0
    assert told["records"] == 3


BAD_ROWS = [
    ("nik.spreadsheet", a_row(nik="3.27E+15")),
    ("nik.spreadsheet", a_row(nik="3,27E15")),
    ("nik.number", a_row(nik=3273011708909001)),
    ("nik.number", a_row(nik=3.27e15)),
    ("nik.length", a_row(nik="327301170890900")),
    ("nik.character", a_row(nik="3273O11708909001")),
    ("source.missing", a_row(source=...)),
    ("source.invalid", a_row(source="WLKP Kemnaker")),
    ("source.invalid", a_row(source=7)),
    ("source_id.missing", a_row(source_id="")),
    ("source_id.missing", a_row(source_id=...)),
    ("source_id.invalid", a_row(source_id="x" * 129)),
    ("source_id.invalid", a_row(source_id=True)),
    ("source_id.invalid", a_row(source_id={"a": 1})),
    ("source_id.invalid", a_row(source_id="a\x00b")),
    ("source_id.invalid", a_row(source_id="\ud800")),
    ("identifier.missing", a_row(nik=None, emails=[], phones=[])),
    ("status.unknown", a_row(status="maybe")),
    ("status.unknown", a_row(status=3)),
    ("status.deleted", a_row(status="deleted")),
    ("hash.unknown", a_row(password={"scheme": "rot13", "hash": "Enunfvn"})),
    ("hash.cost", a_row(password={"scheme": "bcrypt", "hash": "$2y$31$" + "a" * 53})),
    (
        "hash.cost",
        a_row(
            password={
                "scheme": "pbkdf2_sha256",
                "hash": "0" * 64,
                "params": {"salt": "x", "iterations": 1_000_000_000},
            }
        ),
    ),
    ("hash.malformed", a_row(password="rahasia")),
    ("hash.malformed", a_row(password={"scheme": 1, "hash": 2})),
    ("hash.malformed", a_row(password={"scheme": "md5", "hash": "xyz"})),
    ("hash.parameters", a_row(password={"scheme": "md5", "hash": "0" * 32, "params": [1]})),
    ("hash.parameters", a_row(password={"scheme": "md5_salted", "hash": "0" * 32})),
]


def test_a_bad_row_is_a_counted_line_and_never_a_stop(services: Services) -> None:
    good = rows(len(BAD_ROWS) + 1, first=500)
    lines = [good[0]]
    expected: dict[str, list[int]] = {}
    for (cause, bad), row in zip(BAD_ROWS, good[1:], strict=True):
        expected.setdefault(cause, []).append(len(lines) + 1)
        lines += [bad, row]

    told = load(services, json_lines(lines))

    assert causes(told) == expected
    assert told["added"] == len(good)
    assert told["refused"] == len(BAD_ROWS)


BAD_LINES = [
    ("json.malformed", b"{"),
    ("json.malformed", b"[1, 2]"),
    ("json.malformed", b"null"),
    ("json.malformed", b"just words"),
    ("json.malformed", b"\x00\xff\xfe"),
    ("json.malformed", b'{"source_id": ' + b"9" * 5000 + b"}"),
    ("json.malformed", b"[" * 30_000),
    ("line.length", json_lines([a_row(name="x" * 70_000)]).strip()),
    ("line.length", json_lines([a_row(name="x" * 10_000_000)]).strip()),
]


def test_a_line_that_is_no_row_is_counted_with_its_number(services: Services) -> None:
    good = json_lines(rows(1))
    content = b"".join(bad + b"\n" + good for _, bad in BAD_LINES)

    told = load(services, content)

    expected: dict[str, list[int]] = {}
    for number, (cause, _) in enumerate(BAD_LINES):
        expected.setdefault(cause, []).append(2 * number + 1)
    repeated = [2 * number + 2 for number in range(1, len(BAD_LINES))]
    assert causes(told) == {**expected, "source_id.duplicate": repeated}
    assert told["added"] == 1


def test_a_quote_that_never_closes_costs_its_own_line(services: Services) -> None:
    lines = as_csv(rows(30)).split(b"\n")
    lines[4] = lines[4].replace(b"Budi", b'"Budi')

    told = load(services, b"\n".join(lines))

    assert causes(told) == {"csv.quote": [5]}
    assert told["added"] == 29


def test_a_field_may_hold_a_line_break(services: Services) -> None:
    content = as_csv(rows(2)).replace(b"Budi Santoso", b'"Budi\nSantoso"', 1)

    told = load(services, content)

    assert (told["added"], told["refused"]) == (2, 0)


def test_a_csv_line_with_too_few_or_too_many_cells_is_counted(services: Services) -> None:
    lines = as_csv(rows(3)).split(b"\n")
    lines[1] += b",more"
    lines[2] = b"wlkp,2,x"

    told = load(services, b"\n".join(lines))

    assert causes(told) == {"csv.columns": [2, 3]}
    assert told["added"] == 1


@pytest.mark.parametrize("cut", [1, 8, 9, 40])
def test_a_truncated_gzip_is_one_counted_line(services: Services, cut: int) -> None:
    whole = gzip.compress(json_lines(rows(200)))

    told = load(services, whole[:-cut])

    assert list(causes(told)) == ["gzip.truncated"]
    assert told["added"] == told["records"] - 1
    assert load(services, whole)["refused"] == 0


def test_a_damaged_gzip_is_one_counted_line(services: Services) -> None:
    whole = bytearray(gzip.compress(json_lines(rows(200))))
    whole[len(whole) // 2] ^= 0xFF
    whole[len(whole) // 2 + 1] ^= 0xFF

    told = load(services, bytes(whole))

    assert {"gzip.damaged", "gzip.truncated"} & set(causes(told))


def test_latin_1_is_read_and_noted(services: Services) -> None:
    content = json.dumps(a_row(name="José Núñez"), ensure_ascii=False).encode("latin-1")

    told = load(services, json_lines(rows(1, first=7)) + content + b"\n")

    assert (told["added"], told["refused"]) == (2, 0)
    assert notes(told) == {"input.latin1": [2]}


def test_how_a_file_is_written_is_noted_with_line_numbers(services: Services) -> None:
    told = load(services, b"\xef\xbb\xbf" + json_lines(rows(2)).replace(b"\n", b"\r\n"))

    assert notes(told) == {"input.bom": [1], "input.crlf": [1, 2]}
    assert told["added"] == 2


LEFT_OUT = [
    ("email.invalid", a_row(emails=[{"value": "no address"}])),
    ("email.invalid", a_row(emails=[{"value": 7}])),
    ("email.invalid", a_row(emails=["x" * 400 + "@example.org"])),
    ("email.many", a_row(emails=["a@example.org"] * 11)),
    ("phone.invalid", a_row(phones=[{"value": "+1 202 555 0101"}])),
    ("phone.invalid", a_row(phones=[{"value": "8.12E+11"}])),
    ("name.invalid", a_row(name=["Budi"])),
    ("name.invalid", a_row(name="x" * 300)),
    ("date.invalid", a_row(created_at="yesterday")),
    ("date.invalid", a_row(created_at="1975-01-01")),
    ("date.invalid", a_row(last_login_at="2999-01-01")),
    ("date.invalid", a_row(last_login_at=-5)),
    ("date.invalid", a_row(last_login_at=[1])),
    ("orgs.invalid", a_row(orgs="PT Maju")),
    ("orgs.invalid", a_row(orgs=["PT Maju"])),
    ("orgs.invalid", a_row(orgs=[{"name": 5}])),
]


def test_a_contact_or_date_without_sense_is_left_out_and_noted(services: Services) -> None:
    lines = [{**row, "source_id": str(number)} for number, (_, row) in enumerate(LEFT_OUT)]

    told = load(services, json_lines(lines))

    expected: dict[str, list[int]] = {}
    for number, (word, _) in enumerate(LEFT_OUT):
        expected.setdefault(word, []).append(number + 1)
    assert notes(told) == expected
    assert (told["added"], told["refused"]) == (len(LEFT_OUT), 0)


PLAIN_VALUES = [
    a_row(nik="3273 0117 0890 9001"),
    a_row(nik="'3273011708909001"),
    a_row(nik=None),
    a_row(nik="-"),
    a_row(emails=..., email="budi@example.org", email_verified="ya"),
    a_row(emails=["budi@example.org"], phones="0812-3456-7890"),
    a_row(created_at=1_550_000_000, last_login_at=1_550_000_000_000),
    a_row(created_at="2019-03-01 10:00:00", last_login_at="0000-00-00 00:00:00"),
    a_row(status="suspended"),
    a_row(status=None, orgs=None, name=None, phones=None),
    a_row(password=None),
    a_row(password={"scheme": "none", "hash": None}),
    a_row(password={"scheme": "bcrypt", "hash": "!"}),
    a_row(source_id=12345, login="Budi_S"),
    a_row(nik=None, emails=[], phones=[], login="budi"),
]


def test_values_as_portals_write_them_are_read(services: Services) -> None:
    lines = [{**row, "source_id": str(number)} for number, row in enumerate(PLAIN_VALUES)]

    told = load(services, json_lines(lines))

    assert (told["added"], told["refused"], told["notes"]) == (len(lines), 0, {})


def test_a_duplicate_identifier_is_counted_and_the_first_row_stands(services: Services) -> None:
    content = json_lines([a_row(), a_row(name="Somebody Else"), a_row()])

    told = load(services, content)

    assert causes(told) == {"source_id.duplicate": [2, 3]}
    assert load(services, json_lines([a_row()]))["unchanged"] == 1


CONFLICTS = [
    ("email", {"emails": [{"value": "BUDI@example.org", "verified": True}]}, 1),
    ("email", {"emails": [{"value": "budi@example.org", "verified": False}]}, 0),
    ("phone", {"phones": [{"value": "+62 812-3456-7890", "verified": True}]}, 1),
    ("phone", {"phones": [{"value": "+62 812-3456-7890", "verified": False}]}, 0),
    ("nik", {"nik": "3273011708909001"}, 1),
    ("nik", {"nik": "3273011708909001", "source": "skkni"}, 0),
]


@pytest.mark.parametrize("in_one_file", [True, False])
@pytest.mark.parametrize(("kind", "changes", "count"), CONFLICTS)
def test_conflicts_are_told_by_kind(
    services: Services, kind: str, changes: dict[str, Any], count: int, in_one_file: bool
) -> None:
    first = a_row(phones=[{"value": "081234567890", "verified": True}])
    other = {"nik": "3273011708909002", "emails": [], "phones": [], "login": "x", **changes}
    second = a_row(source_id="2", **other)
    files = [[first, second]] if in_one_file else [[first], [second]]

    dry = load(services, json_lines(files[0]), is_dry_run=True)
    found = [load(services, json_lines(file)) for file in files]

    assert sum(told["conflicts"].get(kind, 0) for told in found) == count
    assert not in_one_file or dry["conflicts"].get(kind, 0) == count
    assert load(services, json_lines(files[-1]))["conflicts"] == {}


def test_a_dry_run_tells_the_same_and_writes_nothing(services: Services) -> None:
    load(services, json_lines(rows(2)))
    changed = rows(4)
    changed[0]["name"] = "Somebody Else"
    content = json_lines([*changed, a_row(nik="3.27E+15"), changed[3]])

    trial = load(services, content, is_dry_run=True)
    before, runs = figures(services), services.legacy_report.runs()
    told = load(services, content)

    assert before["wlkp"].imported == 2
    assert len(runs) == 1
    same = set(told) - {"run", "dry_run", "seconds", "rows_per_second"}
    assert {name: trial[name] for name in same} == {name: told[name] for name in same}
    assert (trial["added"], trial["changed"], trial["unchanged"]) == (2, 1, 1)


def test_no_output_has_personal_data(operator: Operator, tmp_path: Path) -> None:
    content = json_lines([a_row(), a_row(nik="3.27E+15", source_id="77001"), a_row()])
    path = tmp_path / "export.jsonl"
    path.write_bytes(content)
    printed = "".join(
        result.stdout + result.stderr
        for words in (
            ("import", str(path), "--dry-run"),
            ("import", str(path), "--dry-run", "--json"),
            ("import", str(path)),
            ("wrap",),
            ("report",),
            ("report", "--csv"),
            ("report", "--json"),
        )
        for result in [operator.run("legacy", *words)]
    )

    secrets = ("3273", "3.27E", "Budi", "budi", "0812", "62812", "12345", "77001", "$2")
    assert not [word for word in secrets if word in printed.replace(OLD_HASHES[0].kind, "")]
    assert OLD_HASHES[0].hash not in printed


def test_people_read_what_was_done(operator: Operator, tmp_path: Path) -> None:
    path = tmp_path / "export.jsonl"
    path.write_bytes(json_lines([*rows(2), WEAK, a_row(nik="3.27E+15")]))

    printed = operator.run("legacy", "import", str(path)).stdout

    assert "4  records" in printed
    assert "nik.spreadsheet, line 4" in printed
    assert "siapkerja legacy wrap" in printed


def test_a_source_can_be_said_for_all_rows(services: Services) -> None:
    told = load(services, json_lines([a_row(source=...)]), "skkni")

    assert told["sources"] == {"skkni": 1}


def test_a_row_of_another_source_than_was_said_is_refused(services: Services) -> None:
    told = load(services, json_lines([a_row()]), "skkni")

    assert causes(told) == {"source.other": [1]}


@pytest.mark.parametrize("by_file", [True, False])
def test_a_manifest_that_fits_is_taken(operator: Operator, tmp_path: Path, by_file: bool) -> None:
    content = json_lines(rows(3))
    path, described = tmp_path / "export.jsonl", tmp_path / "manifest.json"
    path.write_bytes(content)
    described.write_bytes(manifest(content, 3))
    words = ("legacy", "import", str(path) if by_file else "-", "--manifest", str(described))

    told = operator.facts(*words, stdin=None if by_file else content)

    assert told["added"] == 3
    report = operator.facts("legacy", "report")["sources"][0]
    assert report["exported_at"] == 1_793_466_000


def test_a_manifest_beside_the_file_is_found(operator: Operator, tmp_path: Path) -> None:
    content = json_lines(rows(3))
    path = tmp_path / "export.jsonl"
    path.write_bytes(content)
    (tmp_path / "export.jsonl.manifest.json").write_bytes(manifest(content, 4))

    assert operator.refusal("legacy", "import", str(path)) == "manifest.count"


def test_a_manifest_may_describe_what_is_in_the_gzip(operator: Operator, tmp_path: Path) -> None:
    content = json_lines(rows(3))
    path, described = tmp_path / "export.jsonl.gz", tmp_path / "manifest.json"
    path.write_bytes(gzip.compress(content))
    for of in (content, path.read_bytes()):
        described.write_bytes(manifest(of, 3))
        told = operator.facts("legacy", "import", str(path), "--manifest", str(described))
        assert told["refused"] == 0


MANIFESTS = [
    ("manifest.sha256", {"sha256": "0" * 64}),
    ("manifest.count", {"count": 4}),
    ("manifest.count", {"count": 0}),
    ("manifest.invalid", {"count": "3"}),
    ("manifest.invalid", {"count": -1}),
    ("manifest.invalid", {"count": True}),
    ("manifest.invalid", {"sha256": "abc"}),
    ("manifest.invalid", {"sha256": None}),
    ("manifest.invalid", {"source": "Not A Source"}),
    ("manifest.invalid", {"exported_at": "soon"}),
    ("manifest.invalid", {"exported_at": "2999-01-01T00:00:00Z"}),
]


@pytest.mark.parametrize("is_pipe", [True, False])
@pytest.mark.parametrize(("code", "changes"), MANIFESTS)
def test_a_file_that_is_not_what_its_manifest_says_has_no_effect(
    services: Services, code: str, changes: dict[str, Any], is_pipe: bool
) -> None:
    content = json_lines(rows(3))
    described = json.loads(manifest(content, 3, **changes))

    with pytest.raises(Refused) as caught:
        load(services, content, manifest=described, is_pipe=is_pipe)

    assert caught.value.code == code
    with services.store.read() as tx:
        waiting = [row for row in tx.legacy_accounts.list_from(None, 10) if row.may_sign_in]
    assert waiting == []
    # the right one mends it
    assert load(services, content, manifest=json.loads(manifest(content, 3)))["refused"] == 0
    with services.store.read() as tx:
        assert all(row.is_released for row in tx.legacy_accounts.list_from(None, 10))


def test_a_manifest_that_is_none_is_refused(operator: Operator, tmp_path: Path) -> None:
    described = tmp_path / "manifest.json"
    words = ("legacy", "import", "-", "--manifest", str(described))

    for content in (b"{", b"null"):
        described.write_bytes(content)
        assert operator.refusal(*words, stdin=b"") == "manifest.invalid"


def test_wrong_use_is_refused_in_words(operator: Operator, tmp_path: Path) -> None:
    described = tmp_path / "manifest.json"
    described.write_bytes(manifest(b"", 0, source="skkni"))

    nowhere = str(tmp_path / "nowhere")
    assert operator.refusal("legacy", "import", nowhere) == "file.missing"
    assert operator.refusal("legacy", "import", str(tmp_path)) == "file.missing"
    assert operator.refusal("legacy", "import", "-", "--source", "A B") == "source.invalid"
    missing = ("legacy", "import", "-", "--manifest", nowhere)
    assert operator.refusal(*missing, stdin=b"") == "manifest.missing"
    other = ("legacy", "import", "-", "--manifest", str(described), "--source", "wlkp")
    assert operator.refusal(*other, stdin=b"") == "manifest.source"
    run = "00000000-0000-7000-8000-000000000000"
    assert operator.refusal("legacy", "report", "--run", run) == "run.unknown"
    assert operator.run("legacy", "report", "--run", "x").exit_code == 2


def test_an_empty_file_is_an_import_of_nothing(services: Services) -> None:
    assert load(services, b"")["records"] == 0
    assert load(services, b"\xef\xbb\xbf")["records"] == 0
    assert load(services, as_csv([]))["records"] == 0


def test_weak_hashes_are_wrapped_once(services: Services, operator: Operator) -> None:
    told = load(services, json_lines(rows(60)))
    weak = told["passwords"]["weak"]
    assert weak > 10

    first = operator.facts("legacy", "wrap")
    second = operator.facts("legacy", "wrap")

    assert (first["wrapped"], second["wrapped"]) == (weak, 0)
    assert first["share_of_limit"] > 0
    report = operator.facts("legacy", "report")["sources"][0]
    assert (report["password_weak"], report["password_ready"]) == (0, 60)
    assert load(services, json_lines(rows(60)))["unchanged"] == 60
    assert "hashes wrapped" in operator.run("legacy", "wrap").stdout


def test_no_weak_hash_stands_in_the_database(services: Services, operator: Operator) -> None:
    """Neither before it is wrapped, since it is sealed, nor after."""
    load(services, json_lines(rows(40)))
    if operator.database_url.startswith("sqlite"):
        stored = Path(operator.database_url.removeprefix("sqlite:///")).read_bytes()
        assert not [old for old in OLD_HASHES if old.hash.encode() in stored]
        assert b"orang1@" not in stored
        assert b"327301170890" not in stored


def test_the_report_counts_by_source_and_cause(services: Services, operator: Operator) -> None:
    load(
        services,
        json_lines(
            [
                *rows(2),
                a_row(source="skkni", source_id="1", nik=None),
                a_row(source="skkni", source_id="2", status="suspended", password=None),
                a_row(source="skkni", source_id="3", nik="3.27E+15"),
                a_row(source="skkni", source_id="4", last_login_at="2020-01-01"),
            ]
        ),
    )

    found = {row["source"]: row for row in operator.facts("legacy", "report")["sources"]}

    assert found["wlkp"]["imported"] == found["wlkp"]["waiting"] == 2
    skkni = found["skkni"]
    assert (skkni["imported"], skkni["identity_required"], skkni["blocked"]) == (3, 1, 1)
    assert (skkni["refused"], skkni["refused_by_cause"]) == (1, {"nik.spreadsheet": 1})
    assert (skkni["dormant_never_used"], skkni["dormant_long_unused"]) == (2, 1)
    assert skkni["password_none"] == 1


def test_a_row_that_was_mended_is_refused_no_more(services: Services) -> None:
    load(services, json_lines([a_row(nik="3.27E+15")]))
    assert figures(services)["wlkp"].refused == {"nik.spreadsheet": 1}

    load(services, json_lines([a_row()]))

    found = figures(services)["wlkp"]
    assert (found.imported, found.refused) == (1, {})


def test_the_report_speaks_csv_and_words(services: Services, operator: Operator) -> None:
    assert "Nothing was imported" in operator.run("legacy", "report").stdout
    load(services, json_lines(rows(2)))

    lines = operator.run("legacy", "report", "--csv").stdout.splitlines()

    assert lines[0].startswith("source,imported,claimed")
    assert lines[1].startswith("wlkp,2,0,2")
    assert "imported              2" in operator.run("legacy", "report").stdout


def test_the_refused_lines_of_a_run_are_all_kept(services: Services, operator: Operator) -> None:
    told = load(services, json_lines(a_row(nik="3.27E+15") for _ in range(30)))
    assert told["refused_by_cause"]["nik.spreadsheet"]["count"] == 30
    assert len(causes(told)["nik.spreadsheet"]) == 20

    found = operator.facts("legacy", "report", "--run", told["run"])["lines"]

    assert [line["line"] for line in found] == list(range(1, 31))
    printed = operator.run("legacy", "report", "--run", told["run"], "--csv").stdout
    assert printed.splitlines()[1] == "1,nik.spreadsheet,wlkp"
    assert "nik.spreadsheet" in operator.run("legacy", "report", "--run", told["run"]).stdout


def test_a_new_root_finds_the_rows_that_an_old_one_wrote(
    make_app: Callable[..., Application],
) -> None:
    both = [a_row(), a_row(source_id="2", nik="3273011708909002")]
    load(make_app().wiring.services, json_lines([*both, a_row(source_id="3")]))
    newer = "another-root-Pq7Zt3Xw9Lk5Vb1Nm8Rj4Hs6Dg2Cf0"
    app = make_app(SIAPKERJA_SECRET_KEY=f"{newer} {ROOT}")
    # found again under the new root before the old one's index was written anew
    load(app.wiring.services, json_lines([a_row(), *both[:1]]))

    for _ in range(2):
        assert list(app.wiring.services.index_rotation.rewrite_legacy()) == [3]
    app.wiring.services.index_rotation.rewrap_keys()

    with make_app(SIAPKERJA_SECRET_KEY=newer).wiring.services.store.read() as tx:
        found = tx.legacy_accounts.find_by_nik(Nik("3273011708909001"))
        assert {row.record.source_id for row in found} == {"12345", "3"}
        assert all(row.in_conflict for row in found)
        assert len(tx.legacy_accounts.find_by_email(EmailAddress("Budi@example.org"))) == 3
        assert tx.legacy_accounts.find_by_source_id("wlkp", "2") is not None
        members = [
            tx.legacy_conflicts.members(found.id) for found in tx.legacy_conflicts.list_open()
        ]
        assert sorted(map(len, members)) == [2, 3]
    told = load(make_app(SIAPKERJA_SECRET_KEY=newer).wiring.services, json_lines(both))
    assert told["unchanged"] == 2


def test_officers_see_conflicts_masked_and_settle_each_once(
    services: Services, operator: Operator
) -> None:
    other = a_row(source_id="2", nik="3273011708909002")
    load(services, json_lines([a_row(), other]))

    (found,) = operator.facts("legacy", "conflicts")["conflicts"]
    printed = operator.run("legacy", "conflicts").stdout

    assert (found["kind"], len(found["rows"])) == ("email", 2)
    assert {row["nik"] for row in found["rows"]} == {"3273••••••••••01", "3273••••••••••02"}
    assert "3273011708909001" not in printed
    assert "budi" not in printed.lower()
    words = ("settle", found["conflict"], "--by", "pegawai-7", "--decision")
    assert operator.run("legacy", *words, "whatever").exit_code == 2
    assert figures(services)["wlkp"].in_conflict == 2
    operator.facts("legacy", *words, "other_people")
    assert operator.refusal("legacy", *words, "same_person") == "conflict.unknown"
    assert operator.facts("legacy", "conflicts") == {"conflicts": []}
    assert figures(services)["wlkp"].in_conflict == 0
    assert load(services, json_lines([a_row(), other]))["conflicts"] == {}
