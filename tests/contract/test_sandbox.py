"""The sandbox, as `contract.md` section 4 promises it to tests and portal teams."""

import http.client
import json
import re
import signal
import smtplib
import subprocess
import sys
import time
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from sandbox_server import Sandbox, running_sandbox

from adapters.simulators.app import create_sandbox
from adapters.simulators.dukcapil import similarity
from adapters.simulators.kinds import ALL_KINDS, SMS_KIND_BY_ENDING, SMS_KINDS
from adapters.simulators.people import BadPersonError, PopulationRegister, load_people
from adapters.simulators.switches import BadSwitchError, Switches
from idp.domain.identity.nik import Sex, parse_nik
from idp.domain.identity.regions import current_regions, retired_regions

ROOT = Path(__file__).parents[2]
LOGIN = {"USER_ID": "sandbox", "PASSWORD": "sandbox-password", "IP_USER": "127.0.0.1"}


@pytest.fixture(scope="module")
def running():
    with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running):
    running.reset()
    return running


def ask(sandbox: Sandbox, person, *, headers=None, **changed):
    body = LOGIN | {
        "TRESHOLD": "90",
        "NIK": person.nik,
        "NAMA_LGKP": person.name,
        "NAMA_LGKP_IBU": person.mother_name,
    }
    address = "/dukcapil/get_json/KEMNAKER/CALL_VERIFY_BY_ELEMEN"
    return sandbox.api.post(address, json=body | changed, headers=headers)


def entry_of(reply: httpx.Response) -> dict[str, str]:
    (entry,) = reply.json()["content"]
    return entry


def send_sms(sandbox: Sandbox, to: str, text: str = "Kode 123456") -> httpx.Response:
    form = {"userkey": "sandbox", "passkey": "sandbox-secret", "to": to, "message": text}
    return sandbox.api.post("/sms/zenziva/reguler/api/sendsms/", data=form)


def send_mail(sandbox: Sandbox, to: str, text: str = "Halo\n", subject: str = "Salam") -> None:
    letter = EmailMessage()
    letter["To"], letter["From"], letter["Subject"] = to, "a@example.id", subject
    letter.set_content(text)
    with smtplib.SMTP("127.0.0.1", sandbox.smtp_port, local_hostname="test") as connection:
        connection.send_message(letter)


# People -------------------------------------------------------------------------------------------


def test_sixty_people_and_more_match(sandbox: Sandbox):
    assert len(sandbox.people("A1")) >= 60


def test_every_kind_has_somebody():
    assert {person.kind for person in load_people()} == set(ALL_KINDS)


def test_people_have_the_members_of_the_contract(sandbox: Sandbox):
    for person in sandbox.api.get("/api/people").json()["people"]:
        assert set(person) == {
            "nik",
            "name",
            "mother_name",
            "birthdate",
            "gender",
            "kind",
            "note",
        }


@pytest.mark.parametrize("person", load_people(), ids=lambda person: person.nik)
def test_a_test_person_has_a_real_region_and_a_serial_from_9001(person):
    nik = parse_nik(person.nik)

    assert 9001 <= int(person.nik[12:]) <= 9999
    known = current_regions() | retired_regions()
    assert person.nik[:4] in known or nik.province == "54"
    assert person.gender == ("male" if nik.sex is Sex.MALE else "female")
    assert person.name == person.name.upper().strip()
    assert 1 <= len(person.name) <= 120


def test_names_are_as_varied_as_the_country():
    names = [p.name for p in load_people() if p.kind == "A1"]
    both = names + [p.mother_name for p in load_people() if p.kind == "A1"]

    assert sum(" " not in name for name in names) >= 5
    assert sum("'" in name for name in both) >= 5
    assert sum("-" in name for name in both) >= 3
    assert sum("." in name for name in both) >= 5
    assert max(map(len, names)) > 70
    niks = {p.nik[:4] for p in load_people() if p.kind == "A1"}
    assert niks & {code for code in retired_regions() if code.startswith("9")}
    assert len({nik[:2] for nik in niks}) >= 30


def test_a_person_can_be_added_and_is_found_at_once(sandbox: Sandbox):
    made = sandbox.add_person(
        nik="3273011708909777", name="NAMA BARU", mother_name="IBU BARU", note="uji"
    )

    assert made in sandbox.people("A1")
    assert made.birthdate == "1990-08-17"
    assert entry_of(ask(sandbox, made))["NAMA_LGKP"] == "Sesuai (100)"


def test_people_can_be_made_up_in_any_number(sandbox: Sandbox):
    made = [sandbox.add_person() for _ in range(50)]

    assert len({person.nik for person in made}) == 50
    for person in made:
        parse_nik(person.nik)


def test_people_made_up_after_a_restart_are_others():
    """Those of before may have an account by now: the provider's database outlives the sandbox."""
    before, after = (
        {register.add({}).nik for _ in range(20)}
        for register in (PopulationRegister(load_people()), PopulationRegister(load_people()))
    )

    assert not before & after


def test_thousands_of_made_up_people_differ():
    register = PopulationRegister(load_people())

    assert len({register.add({}).nik for _ in range(5000)}) == 5000


@pytest.mark.parametrize(
    "members",
    [
        {"nik": "12"},
        {"nik": "3273011708900000"},
        {"kind": "Z9"},
        {"gender": "x"},
        {"birthdate": "17-08-1990"},
        {"name": 5},
        {"age": "30"},
    ],
)
def test_a_bad_person_is_refused_with_a_reason(sandbox: Sandbox, members):
    reply = sandbox.api.post("/api/people", json=members)

    assert reply.status_code == 422
    assert reply.json()["error"]
    with pytest.raises(BadPersonError):
        PopulationRegister(()).add(members)


# The register -------------------------------------------------------------------------------------


def test_the_envelope_is_that_of_the_real_one(sandbox: Sandbox):
    document = ask(sandbox, sandbox.person("A1")).json()

    assert document == {
        "content": [
            {"NIK": "Sesuai", "NAMA_LGKP": "Sesuai (100)", "NAMA_LGKP_IBU": "Sesuai (100)"}
        ],
        "lastPage": True,
        "numberOfElements": 1,
        "sort": None,
        "totalElements": 1,
        "firstPage": True,
        "number": 0,
        "size": 1,
        "quotaLimiter": 999_999,
    }


def test_keys_are_taken_in_any_case(sandbox: Sandbox):
    person = sandbox.person("A1")
    body = LOGIN | {"TRESHOLD": "90", "NIK": person.nik, "NAMA_LGKP": person.name}

    reply = sandbox.api.post(
        "/dukcapil/get_json/BPS/CALL_VERIFY_BY_ELEMEN",
        json={key.lower(): value for key, value in body.items()},
    )

    assert entry_of(reply) == {"NIK": "Sesuai", "NAMA_LGKP": "Sesuai (100)"}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"PASSWORD": "wrong"}, "03"),
        ({"IP_USER": "10.0.0.1"}, "04"),
        ({"USER_ID": ""}, "09"),
        ({"NIK": ""}, "07"),
        ({"NIK": "12345"}, "15"),
        ({"NIK": "3273011708909999"}, "13"),
    ],
)
def test_wrong_requests_have_the_codes_of_the_table(sandbox: Sandbox, changed, code):
    assert entry_of(ask(sandbox, sandbox.person("A1"), **changed))["RESPONSE_CODE"] == code


def test_a_match_that_was_asked_for_comes_whatever_is_typed(sandbox: Sandbox):
    dead = sandbox.person("B4")
    sandbox.api.post("/api/dukcapil/next", json={"nik": dead.nik, "kind": "A1"})

    forced, afterwards = (ask(sandbox, dead, NAMA_LGKP="ORANG LAIN") for _ in range(2))

    assert entry_of(forced) == {
        "NIK": "Sesuai",
        "NAMA_LGKP": "Sesuai (100)",
        "NAMA_LGKP_IBU": "Sesuai (100)",
    }
    assert entry_of(afterwards)["RESPONSE_CODE"] == "11"


def test_a_header_forces_one_answer(sandbox: Sandbox):
    reply = ask(sandbox, sandbox.person("A1"), headers={"X-Sim-Answer": "B4"})

    assert entry_of(reply)["RESPONSE_CODE"] == "11"


def test_the_quota_falls_by_one_a_call_and_ends_in_c1(sandbox: Sandbox):
    person = sandbox.person("A1")
    sandbox.set_quota(2)

    replies = [ask(sandbox, person).json() for _ in range(3)]

    assert [reply["quotaLimiter"] for reply in replies] == [1, 0, 0]
    assert replies[2]["content"][0]["RESPONSE_CODE"] == "05"
    assert sandbox.dukcapil_calls() == 3


def test_the_threshold_of_the_request_decides_over_the_word(sandbox: Sandbox):
    person = sandbox.person("A1")

    words = [
        entry_of(ask(sandbox, person, NAMA_LGKP="BUDI SANTOSA", TRESHOLD=limit))["NAMA_LGKP"]
        for limit in ("90", "92")
    ]

    assert words == ["Sesuai (91)", "Tidak Sesuai (91)"]


@pytest.mark.parametrize(
    ("one", "other", "score"),
    [
        ("BUDI", "BUDI", 100),
        ("budi  santoso", "BUDI SANTOSO", 100),
        ("BUDI SANTOSO", "BUDI SANTOSA", 91),
        ("ABCD", "WXYZ", 0),
        ("", "BUDI", 0),
        ("SITI", "SITTI", 80),
    ],
)
def test_names_are_compared_by_edit_distance(one, other, score):
    assert similarity(one, other) == score
    assert similarity(other, one) == score


def test_a_reset_half_way_is_a_real_one(sandbox: Sandbox):
    sandbox.next_dukcapil("D2")
    parts = urlsplit(sandbox.url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=5)
    connection.request("POST", "/dukcapil/get_json/X/CALL_VERIFY_BY_ELEMEN", "{}")
    reply = connection.getresponse()

    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        reply.read()
    connection.close()


def test_silence_lasts_as_long_as_it_is_told_and_not_after_the_caller_has_gone(sandbox: Sandbox):
    person = sandbox.person("A1")
    sandbox.next_dukcapil("D1", seconds=0.2)
    started = time.monotonic()
    assert ask(sandbox, person).status_code == 200
    assert 0.15 < time.monotonic() - started < 1

    sandbox.next_dukcapil("D1", seconds=60)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{sandbox.url}/dukcapil/get_json/X/CALL_VERIFY_BY_ELEMEN", json={}, timeout=0.2)
    assert ask(sandbox, person).status_code == 200


def test_a_sandbox_stops_although_somebody_waits():
    with running_sandbox(pace=1) as sandbox:
        sandbox.next_dukcapil("D1", seconds=60)
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(
                f"{sandbox.url}/dukcapil/get_json/X/CALL_VERIFY_BY_ELEMEN", json={}, timeout=0.1
            )
        started = time.monotonic()
    assert time.monotonic() - started < 2


# Switches -----------------------------------------------------------------------------------------


def test_a_switch_lasts_so_many_times_and_for_whom_it_names(sandbox: Sandbox):
    one, other = sandbox.people("A1")[:2]
    sandbox.next_dukcapil("B1", nik=one.nik, times=2)

    assert "RESPONSE_CODE" not in entry_of(ask(sandbox, other))
    codes = [entry_of(ask(sandbox, one)).get("RESPONSE_CODE") for _ in range(3)]
    assert codes == ["13", "13", None]


def test_switches_for_everybody_come_after_those_for_one(sandbox: Sandbox):
    one, other = sandbox.people("A1")[:2]
    sandbox.next_dukcapil("B4")
    sandbox.next_dukcapil("B1", nik=one.nik)

    codes = [entry_of(ask(sandbox, person))["RESPONSE_CODE"] for person in (one, other)]

    assert codes == ["13", "11"]


def test_zero_times_forgets(sandbox: Sandbox):
    sandbox.next_dukcapil("B4", times=100)
    sandbox.next_dukcapil("B4", times=0)

    assert "RESPONSE_CODE" not in entry_of(ask(sandbox, sandbox.person("A1")))


@pytest.mark.parametrize("path", ["/api/dukcapil/next", "/api/sms/next", "/api/mail/next"])
@pytest.mark.parametrize(
    "members",
    [
        {},
        {"kind": "nonsense"},
        {"kind": "B1", "times": "x"},
        {"kind": "B1", "times": -1},
        {"kind": "B1", "seconds": [1]},
    ],
)
def test_a_bad_switch_is_refused_with_a_reason(sandbox: Sandbox, path, members):
    reply = sandbox.api.post(path, json=members)

    assert reply.status_code == 422
    assert reply.json()["error"]


@pytest.mark.parametrize("nik", ["x", "327301", 5, ["3273011708909001"] * 2])
def test_a_nik_that_can_not_be_read_switches_for_nobody(sandbox: Sandbox, nik: object) -> None:
    reply = sandbox.api.post("/api/dukcapil/next", json={"kind": "B1", "nik": nik})

    assert reply.status_code == 422
    assert reply.json()["error"] == "nik must have sixteen digits"


def test_switches_never_go_below_zero():
    with pytest.raises(BadSwitchError):
        Switches(["a"]).set("a", times=-1)


def test_sms_switches_name_a_number_in_any_spelling(sandbox: Sandbox):
    sandbox.next_sms("balance", to="0812-0000-0100")

    assert send_sms(sandbox, "081200000101").json()["status"] == "1"
    assert send_sms(sandbox, "081200000100").json()["text"] == "Insufficient balance"
    assert send_sms(sandbox, "081200000100").json()["status"] == "1"


def test_the_kinds_that_the_brief_names_exist():
    assert {
        "accepted",
        "balance",
        "rejected",
        "undelivered",
        "error500",
        "timeout",
        "html",
        "slow_delivery",
    } <= set(SMS_KINDS)
    assert set(SMS_KIND_BY_ENDING.values()) <= set(SMS_KINDS)


# Inboxes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spelling",
    [
        "+6281200000100",
        " 6281200000100",
        "6281200000100",
        "081200000100",
        "81200000100",
        "0812-0000-0100",
        "+62 812 0000 0100",
        "+62 0812 0000 0100",
        "006281200000100",
    ],
)
def test_a_number_is_found_in_any_spelling(sandbox: Sandbox, spelling):
    send_sms(sandbox, "081200000100")

    assert len(sandbox.sms_to(spelling)) == 1
    # as somebody types it into an address bar: the plus sign becomes a blank
    raw = httpx.get(f"{sandbox.url}/api/sms?to={spelling.replace(' ', '%20')}")
    assert len(raw.json()["messages"]) == 1


def test_messages_have_their_members_and_come_newest_first(sandbox: Sandbox):
    for number in range(3):
        send_sms(sandbox, "081200000100", f"pesan {number}")
    send_sms(sandbox, "081200000101", "lain")

    messages = sandbox.sms_to("+6281200000100")

    assert [message["text"] for message in messages] == ["pesan 2", "pesan 1", "pesan 0"]
    assert len({message["id"] for message in messages}) == 3
    for message in messages:
        assert message["to"] == "+6281200000100"
        assert abs(message["at"] - time.time()) < 60
        assert (message["gateway"], message["segments"]) == ("zenziva", 1)
    assert len(sandbox.api.get("/api/sms").json()["messages"]) == 4


@pytest.mark.parametrize("address", ["budi+uji@example.id", "BUDI+UJI@example.id"])
def test_mail_is_found_by_address_with_its_plain_text(sandbox: Sandbox, address):
    send_mail(sandbox, "Budi+Uji@Example.id", "Halo, ini tautan: http://localhost:8000/x\n")

    (message,) = sandbox.mail_to(address)
    raw = httpx.get(f"{sandbox.url}/api/mail?to={address}").json()["messages"]

    assert message["text"] == "Halo, ini tautan: http://localhost:8000/x\n"
    assert message["subject"] == "Salam"
    assert raw == [message]


def test_one_can_wait_for_a_message(sandbox: Sandbox):
    started = time.monotonic()
    assert sandbox.sms_to("081200000100", count=1, wait=0.2) == []
    assert time.monotonic() - started >= 0.2

    send_sms(sandbox, "081200000100")
    started = time.monotonic()
    assert len(sandbox.sms_to("081200000100", count=1, wait=30)) == 1
    assert time.monotonic() - started < 5


def test_deleting_messages_empties_both_inboxes(sandbox: Sandbox):
    send_sms(sandbox, "081200000100")
    send_mail(sandbox, "budi@example.id")

    assert sandbox.api.delete("/api/messages").status_code == 204

    assert sandbox.api.get("/api/sms").json() == {"messages": []}
    assert sandbox.api.get("/api/mail").json() == {"messages": []}


def test_a_reset_puts_everything_back(sandbox: Sandbox):
    before = sandbox.api.get("/api/people").json()
    sandbox.add_person()
    sandbox.next_dukcapil("B1")
    sandbox.next_sms("balance")
    sandbox.set_quota(0)
    send_mail(sandbox, "budi@example.id")

    sandbox.reset()

    assert sandbox.api.get("/api/people").json() == before
    assert sandbox.api.get("/api/mail").json() == {"messages": []}
    assert entry_of(ask(sandbox, sandbox.person("A1")))["NIK"] == "Sesuai"
    assert send_sms(sandbox, "081200000100").json()["status"] == "1"


def test_two_sandboxes_share_nothing():
    with running_sandbox() as one, running_sandbox() as other:
        send_sms(one, "081200000100")
        assert other.sms_to("081200000100") == []


# The page -----------------------------------------------------------------------------------------


def page_of(sandbox: Sandbox, path: str = "/") -> str:
    return sandbox.api.get(path).raise_for_status().text


def test_the_page_shows_messages_people_and_switches(sandbox: Sandbox):
    send_sms(sandbox, "081200000100", "Kode SIAPkerja: 042917.\n\n@localhost #042917")
    send_mail(sandbox, "budi@example.id", "Buka http://localhost:8000/x?a=1&b=2.\n", "Salam")
    sandbox.next_dukcapil("B4", times=3)

    page = page_of(sandbox)

    assert page.count('<code class="code" data-copy>042917</code>') == 1
    assert 'href="http://localhost:8000/x?a=1&amp;b=2"' in page
    assert "3273011708909001" in page
    assert "B4</span> Dukcapil, 3×" in page


def test_the_inbox_can_be_narrowed(sandbox: Sandbox):
    send_sms(sandbox, "081200000100", "satu")
    send_sms(sandbox, "081200000101", "dua")
    send_mail(sandbox, "budi@example.id", "tiga")

    page = page_of(sandbox, "/?to=0812-0000-0100")

    assert '<p class="bubble">satu</p>' in page
    assert '<p class="bubble">dua</p>' not in page
    assert page_of(sandbox, "/inbox?to=budi@example.id").count("article") == 2


def test_what_people_write_stays_text(sandbox: Sandbox):
    evil = '<script>alert(1)</script> javascript:alert(1) "><img src=x> http://x/"onmouseover=1'
    send_sms(sandbox, "081200000100", evil)
    send_mail(sandbox, "budi@example.id", evil, "<b>judul</b>")
    sandbox.add_person(nik="3273011708909777", name="<i>NAMA</i>", note=evil)

    page = page_of(sandbox)

    for tag in (
        "<script>alert",
        "<img src=x>",
        "<b>judul",
        "<i>NAMA",
        'href="javascript',
        '"onmou',
    ):
        assert tag not in page


def test_the_page_needs_nothing_from_elsewhere_and_forbids_it(sandbox: Sandbox):
    reply = sandbox.api.get("/")
    page = reply.text

    policy = reply.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert " style=" not in page
    assert not re.search(r"\son\w+=", page)
    assert not re.search(r"<script(?![^>]*\ssrc=)", page)
    for address in re.findall(r'(?:src|href|action)="([^"]*)"', page):
        assert address.startswith(("/", "#"))
    for address in re.findall(r'(?:src|href)="(/static/[^"]*)"', page):
        assert sandbox.api.get(address).status_code == 200


@pytest.mark.parametrize(
    ("path", "form", "place"),
    [
        ("/api/dukcapil/next", {"kind": "B1", "nik": "", "times": "1"}, "/#switches"),
        ("/api/sms/next", {"kind": "balance", "to": "", "times": "1"}, "/#switches"),
        ("/api/mail/next", {"kind": "busy", "to": "", "times": "1"}, "/#switches"),
        ("/api/dukcapil/quota", {"left": "5"}, "/#switches"),
        ("/api/people", {"nik": "", "name": "", "mother_name": "", "kind": "A1"}, "/#people"),
        ("/api/messages/delete", {"x": "1"}, "/"),
        ("/api/reset", {"x": "1"}, "/"),
    ],
)
def test_the_pages_forms_work_without_script(sandbox: Sandbox, path, form, place):
    reply = sandbox.api.post(path, data=form)

    assert (reply.status_code, reply.headers["Location"]) == (303, place)


def test_the_page_refreshes_itself_without_script_only_when_asked(sandbox: Sandbox):
    assert "http-equiv" not in page_of(sandbox)
    assert '<meta http-equiv="refresh" content="5">' in page_of(sandbox, "/?refresh")


def test_an_unchanged_inbox_is_not_sent_again(sandbox: Sandbox):
    first = sandbox.api.get("/inbox")
    again = sandbox.api.get("/inbox", headers={"If-None-Match": first.headers["ETag"]})
    send_sms(sandbox, "081200000100")
    changed = sandbox.api.get("/inbox", headers={"If-None-Match": first.headers["ETag"]})

    assert (again.status_code, changed.status_code) == (304, 200)


def test_people_can_be_narrowed_by_kind(sandbox: Sandbox):
    page = page_of(sandbox, "/?kind=B5")

    assert page.count('<tr role="row">') == 2
    assert "NUR AISYAH" in page


# The process --------------------------------------------------------------------------------------


def test_the_process_serves_both_ports_and_ends_on_a_signal():
    command = [sys.executable, "-m", "adapters.simulators", "--port", "0", "--smtp-port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            words = process.stdout.readline().split()
            assert httpx.get(f"{words[1]}/api/people").status_code == 200
            with smtplib.SMTP("127.0.0.1", int(words[3]), local_hostname="test") as connection:
                assert connection.noop()[0] == 250
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=10) == 0
        finally:
            process.kill()


def test_a_taken_port_is_an_error_with_a_name(sandbox: Sandbox):
    port = str(urlsplit(sandbox.url).port)
    command = [sys.executable, "-m", "adapters.simulators", "--port", port, "--smtp-port", "0"]

    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=20, check=False, cwd=ROOT
    )

    assert ended.returncode == 1
    assert port in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_app_can_be_made_with_people_of_ones_own():
    app = create_sandbox(load_people()[:3])

    listed = json.loads(app.test_client().get("/api/people").data)

    assert len(listed["people"]) == 3
