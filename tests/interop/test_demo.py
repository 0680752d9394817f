"""`siapkerja demo`: one command, everything answers, one key ends it all."""

import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from socket import create_server

import httpx
import pytest

from tests.interop.demo_process import Demo, five_free_ports, running_demo
from tests.interop.person import Person
from tests.live_server import SIAPKERJA, START_SECONDS, inherited, running_process, wait_for

pytestmark = pytest.mark.xdist_group("demo")

PARTS = ("provider", "portal", "jkp", "sandbox")


def _is_gone(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


def _wait_until_gone(family: list[int]) -> list[int]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not all(map(_is_gone, family)):
        time.sleep(0.05)
    return [pid for pid in family if not _is_gone(pid)]


def test_everything_that_the_table_names_answers(demo: Demo) -> None:
    for part in PARTS:
        assert httpx.get(demo.url(part), trust_env=False).status_code == 200
    discovery = httpx.get(
        f"{demo.url('provider')}/.well-known/openid-configuration", trust_env=False
    )
    assert discovery.json()["issuer"] == demo.url("provider")


def test_three_people_of_the_sandbox_can_be_registered(demo: Demo) -> None:
    listed = httpx.get(f"{demo.url('sandbox')}/api/people?kind=A1", trust_env=False).json()
    free = {person["nik"]: person for person in listed["people"]}

    assert len(demo.told["people"]) == 3
    for person in demo.told["people"]:
        assert person["mother_name"] == free[person["nik"]]["mother_name"]
    assert demo.told["account"]["nik"] not in free


def test_secrets_are_readable_for_nobody_else(demo: Demo) -> None:
    kept = demo.folder / "var" / "demo"
    names = {path.name for path in kept.iterdir() if path.suffix != ".log"}

    assert names == {
        "jkp_private_key.json",
        "jkp_secret_key",
        "portal_client_secret",
        "portal_secret_key",
    }
    assert {path.stat().st_mode & 0o077 for path in kept.iterdir() if path.name in names} == {0}


def test_a_person_signs_in_at_the_portal_and_is_known_at_jkp(
    demo: Demo, demo_person: Person
) -> None:
    portal = demo_person.open(f"{demo.url('portal')}/masuk")
    jkp = demo_person.open(f"{demo.url('jkp')}/masuk")

    assert "Halo, Agus Setiawan" in portal.text
    assert "agus@contoh.id" in portal.text
    assert "urn:kemnaker:aal:1" in portal.text
    # no form came between: one account, one login
    assert "Halo, Agus Setiawan" in jkp.text
    assert "Belum ada laporan PHK." in jkp.text


def test_daftar_opens_an_account_for_one_of_the_people_and_leads_back(demo: Demo) -> None:
    """What the table names as the next thing to try."""
    somebody = demo.told["people"][-1]
    contact = {"email": "warga@contoh.id", "phone_number": "+628120000777"}
    person = Person({}, lambda: demo.next_code(contact))
    person.habits |= {
        "/daftar": lambda: {
            "nik": somebody["nik"],
            "full_name": somebody["name"],
            "mother_name": somebody["mother_name"],
        },
        "/daftar/kontak": lambda: {
            "email": contact["email"],
            "phone": contact["phone_number"],
            "password": "perahu-kabut-lada-64",
            "agree": "1",
        },
        "/daftar/kode": lambda: {"code": demo.next_code(contact)},
    }
    page = person.open(f"{demo.url('portal')}/daftar")
    person.close()

    assert str(page.url) == f"{demo.url('portal')}/", page.text
    assert somebody["name"] in page.text.upper()


def test_signing_out_at_one_portal_signs_out_everywhere(demo: Demo, demo_person: Person) -> None:
    page = demo_person.open(f"{demo.url('portal')}/masuk")
    demo_person.open(f"{demo.url('jkp')}/masuk")

    left = demo_person.send(page, to="/keluar")
    deadline = time.monotonic() + 60
    while "Halo" in demo_person.open(demo.url("jkp")).text and time.monotonic() < deadline:
        time.sleep(0.1)
    del demo_person.habits["/masuk"]
    again = demo_person.open(f"{demo.url('jkp')}/masuk")

    assert "Anda telah keluar" in left.text
    assert str(left.url).startswith(demo.url("portal"))
    assert "Halo" not in demo_person.open(demo.url("jkp")).text
    assert str(again.url).startswith(f"{demo.url('provider')}/masuk")


def test_signing_out_at_jkp_reaches_the_portal_too(demo: Demo, demo_person: Person) -> None:
    demo_person.open(f"{demo.url('portal')}/masuk")
    page = demo_person.open(f"{demo.url('jkp')}/masuk")

    left = demo_person.send(page, to="/keluar")
    deadline = time.monotonic() + 60
    while "Halo" in demo_person.open(demo.url("portal")).text and time.monotonic() < deadline:
        time.sleep(0.1)

    assert str(left.url).startswith(demo.url("jkp"))
    assert "Halo" not in demo_person.open(demo.url("portal")).text


def test_a_claim_needs_a_second_factor_and_is_filed(demo: Demo, newcomer: Person) -> None:
    page = newcomer.open(f"{demo.url('jkp')}/masuk")
    newcomer.send(page, to="/sandbox/laporan")
    form = newcomer.open(f"{demo.url('jkp')}/klaim/ajukan")
    filed = newcomer.send(form, to="/klaim/ajukan", kapk="1")

    assert "Komitmen Aktivitas Pencarian Kerja" in form.text
    assert "Klaim telah diajukan dan akan diverifikasi oleh BPJS Ketenagakerjaan." in filed.text


def test_the_portal_shows_plainly_what_the_provider_refused(
    demo: Demo, demo_person: Person
) -> None:
    demo_person.habits["/izin"] = lambda: {"decision": "deny"}
    begun = demo_person.browser.get(f"{demo.url('portal')}/masuk")
    there = begun.headers["Location"] + "&prompt=consent"

    page = demo_person.open(there)

    assert page.status_code == 400
    assert "access_denied" in page.text


def test_a_signal_ends_everything_and_the_next_start_finds_it_as_it_was(tmp_path: Path) -> None:
    kept, people = set(), []
    for number in (signal.SIGINT, signal.SIGTERM):
        with running_demo(tmp_path) as demo:
            family = demo.family()
            kept.add((tmp_path / "var/demo/portal_client_secret").read_text())
            people.append(demo.told["people"])
            demo.process.send_signal(number)
            assert demo.process.wait(START_SECONDS) == 0
            assert _wait_until_gone(family) == []

    assert len(kept) == 1
    assert people[0] == people[1]


def test_a_demo_that_is_killed_leaves_nobody_behind(tmp_path: Path) -> None:
    with running_demo(tmp_path) as demo:
        family = demo.family()
        demo.process.kill()
        assert _wait_until_gone(family) == []


def test_a_part_that_ends_is_named_and_ends_the_rest(tmp_path: Path) -> None:
    with running_demo(tmp_path) as demo:
        family = demo.family()
        (portal,) = (
            pid for pid in family if b"portal.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
        )
        os.kill(portal, signal.SIGKILL)
        assert demo.process.wait(START_SECONDS) == 1
        assert demo.process.stderr is not None
        told = json.loads(demo.process.stderr.read())
        assert _wait_until_gone(family) == []

    assert told["error"] == "demo.ended"
    assert told["message"].startswith("portal ended")


def ended_demo(folder: Path, port: int) -> "subprocess.CompletedProcess[str]":
    """Return what the demo said that can't begin in this folder or on this port."""
    return subprocess.run(
        [*SIAPKERJA, "demo", "--port", str(port)],
        env=inherited(),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=START_SECONDS,
    )


def test_a_taken_port_gives_one_line_that_names_it(tmp_path: Path) -> None:
    first = five_free_ports()
    with create_server(("127.0.0.1", first + 2)):
        done = ended_demo(tmp_path, first)

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"siapkerja: port {first + 2} is taken; "
        "`PORT=9000 make run` takes 9000 to 9004 (port.taken)\n"
    )
    assert not (tmp_path / "var").exists()


def test_a_folder_that_can_not_be_written_gives_one_line(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("in the way")
    done = ended_demo(tmp_path, five_free_ports())

    assert done.returncode == 1
    assert done.stderr == (
        "siapkerja: var/demo can't be written (Not a directory); run it somewhere else "
        "(demo.folder)\n"
    )


def test_the_sandbox_runs_alone_too(tmp_path: Path) -> None:
    port = five_free_ports()
    command = [*SIAPKERJA, "sandbox", "--port", str(port)]
    with running_process(command, inherited(), tmp_path / "log") as process:
        wait_for(f"http://127.0.0.1:{port}/api/people", process, tmp_path / "log")
        process.terminate()

        assert process.wait(START_SECONDS) == 0
