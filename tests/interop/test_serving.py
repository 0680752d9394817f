"""`siapkerja serve` as operators run it: in production, with several workers, and when it can't."""

import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tests.conftest import BASE
from tests.live_server import (
    SIAPKERJA,
    STOP_SECONDS,
    LiveServer,
    inherited,
    running_process,
    running_server,
    wait_for,
)
from tests.servers import children_of, free_port
from tests.unit.config.test_settings import GOOD
from tests.waiting_for import until

TOKEN = "an-operator-token-of-many-letters"
AS_OPERATOR = {"Authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("changed", "code", "words"),
    [
        (
            {"SIAPKERJA_SECRET_KEY": "another-root-than-that-of-the-database-0123"},
            "secret_key_does_not_open_the_database",
            "not the root",
        ),
        ({"SIAPKERJA_SMS_GATEWAYS": "pigeon"}, "settings", "no such SMS gateway: pigeon"),
        ({"SIAPKERJA_DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}, "store", "siapkerja doctor"),
    ],
)
def test_serve_says_why_it_does_not_start(
    tmp_path: Path, changed: dict[str, str], code: str, words: str
) -> None:
    url = f"sqlite:///{tmp_path}/known.db"
    known = {**inherited(), **BASE, "SIAPKERJA_DATABASE_URL": url}
    for words_before in (["db", "upgrade"], ["keys", "rotate"]):
        command = [*SIAPKERJA, *words_before]
        subprocess.run(command, env=known, cwd=tmp_path, check=True, capture_output=True)
    done = subprocess.run(
        [*SIAPKERJA, "--json", "serve", "--port", str(free_port())],
        env={**known, **changed}, cwd=tmp_path,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    told = json.loads(done.stderr)
    assert told["error"] == code
    assert words in told["message"]


@pytest.mark.parametrize(
    ("host", "code", "words"),
    [
        ("192.0.2.1", "host.unknown", "192.0.2.1 is no address of this machine"),
        ("nowhere.invalid", "host.unknown", "`--host` names another"),
        ("127.0.0.1", "port.taken", "`--port` names another"),
    ],
)
def test_serve_says_in_one_line_why_it_can_not_listen(
    tmp_path: Path, host: str, code: str, words: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*SIAPKERJA, "serve", "--host", host, "--port", port],
            env={**inherited(), **BASE}, cwd=tmp_path,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith(f"({code})\n")
    assert words in done.stderr


def test_sc_1_production_boots_with_everything_good(tmp_path: Path) -> None:
    """Its issuer is https, so it is called as the proxy calls it: by `Host`."""
    pinned = tmp_path / "dukcapil.pem"
    pinned.write_text(a_certificate())
    port = free_port()
    settings = {
        **inherited(),
        **GOOD,
        "SIAPKERJA_DATABASE_URL": f"sqlite:///{tmp_path}/production.db",
        "SIAPKERJA_DUKCAPIL_CA_FILE": str(pinned),
    }
    upgrade = [*SIAPKERJA, "db", "upgrade"]
    subprocess.run(upgrade, env=settings, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    serve = [*SIAPKERJA, "serve", "--port", str(port), "--workers", "1"]
    with running_process(serve, settings, tmp_path / "log") as process:
        wait_for(f"http://127.0.0.1:{port}/readyz", process, tmp_path / "log")
        host = {"Host": "id.example.go.id"}
        url = f"http://127.0.0.1:{port}"
        discovery = httpx.get(
            f"{url}/.well-known/openid-configuration", headers=host, trust_env=False
        )
        page = httpx.get(f"{url}/masuk", headers=host, trust_env=False)
        stranger = httpx.get(f"{url}/masuk", trust_env=False)
        figures = httpx.get(f"{url}/metrics", headers=host, trust_env=False)

    assert discovery.json()["issuer"] == "https://id.example.go.id"
    assert "__Host-flow" in page.headers["set-cookie"]
    assert "max-age=63072000" in page.headers["strict-transport-security"]
    assert stranger.status_code == 421
    assert figures.status_code == 401
    # what the server writes is JSON, line by line
    for line in (tmp_path / "log").read_text().splitlines():
        assert line.startswith("{"), line
        assert json.loads(line)["level"]


def a_certificate() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "dukcapil.example")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    return built.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def test_a_request_comes_through_as_long_as_the_provider_takes_it() -> None:
    with running_server(workers=1) as server:
        url = f"{server.url}/authorize?client_id=nobody&request="
        found = [
            httpx.get(url + "x" * size, trust_env=False).status_code
            for size in (16_384, 32_000, 32_768, 60_000)
        ]

    assert found == [400, 400, 414, 414]


COUNT = "siapkerja_request_seconds_count"


def test_workers_share_no_connection_to_the_database() -> None:
    with running_server(workers=2) as server:
        held = [str(entry.readlink()) for entry in Path(f"/proc/{server.pid}/fd").iterdir()]

    # what the supervisor held open its workers would inherit; the rows of a transaction would mix
    assert not [name for name in held if "siapkerja.db" in name]


def workers_of(server: LiveServer) -> set[int]:
    return children_of(server.pid)


def test_a_worker_that_was_killed_is_replaced() -> None:
    with running_server(workers=2) as server:
        before = workers_of(server)
        for worker in before:
            os.kill(worker, signal.SIGKILL)
        until(lambda: len(workers_of(server) - before) == 2)
        wait_for(f"{server.url}/readyz", server.process, server.log)
        answers = [httpx.get(f"{server.url}/masuk", trust_env=False) for _ in range(8)]

    assert {answer.status_code for answer in answers} == {200}


@contextmanager
def two_cores() -> Iterator[set[int]]:
    """Let what is started meanwhile run on two cores only."""
    before = os.sched_getaffinity(0)
    if len(before) < 2:
        pytest.skip("there is one core")
    chosen = set(sorted(before)[:2])
    os.sched_setaffinity(0, chosen)
    try:
        yield chosen
    finally:
        os.sched_setaffinity(0, before)


def kept_to(server: LiveServer) -> set[int] | None:
    """Return the cores that workers keep to, `None` while one may run on several."""
    places = [os.sched_getaffinity(pid) for pid in workers_of(server)]
    return set().union(*places) if all(len(place) == 1 for place in places) else None


def test_each_worker_keeps_to_a_core_of_its_own_and_so_does_its_replacement() -> None:
    with two_cores() as cores, running_server(workers=2) as server:
        until(lambda: kept_to(server) == cores)
        before = workers_of(server)
        os.kill(min(before), signal.SIGKILL)
        until(lambda: len(workers_of(server) - before) == 1)
        until(lambda: kept_to(server) == cores)


def test_fewer_workers_than_cores_may_run_on_any() -> None:
    with two_cores() as cores, running_server(workers=1) as server:
        assert [os.sched_getaffinity(pid) for pid in workers_of(server)] == [cores]


def test_the_supervisor_keeps_nothing_of_the_application_in_memory() -> None:
    with running_server(workers=1) as server:
        rollup = Path(f"/proc/{server.pid}/smaps_rollup").read_text()

    [kibibytes] = re.findall(r"Private_Dirty:\s+(\d+) kB", rollup)
    assert int(kibibytes) < 8 * 1024


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_r_17_a_signal_ends_the_server_and_takes_its_figures_away(
    tmp_path: Path, number: signal.Signals
) -> None:
    with running_server(workers=2, TMPDIR=str(tmp_path)) as server:
        workers = workers_of(server)
        assert list(tmp_path.glob("siapkerja-figures-*/*.db"))
        server.process.send_signal(number)
        code = server.process.wait(STOP_SECONDS)
        told = server.log.read_text()

    assert code == 0
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
    assert not list(tmp_path.glob("siapkerja-figures-*"))
    assert "ERROR" not in told


def test_workers_end_with_a_supervisor_that_was_killed() -> None:
    with running_server(workers=2) as server:
        before = workers_of(server)
        os.kill(min(before), signal.SIGKILL)
        until(lambda: len(workers_of(server) - before) == 1)
        (late,) = workers_of(server) - before
        # one that is still beginning ends as soon as it has begun
        until(lambda: serves(late))
        workers = workers_of(server)
        server.process.kill()
        until(lambda: not [pid for pid in workers if serves(pid)])


def serves(pid: int) -> bool:
    """Return whether a process listens to somebody: it holds a socket."""
    try:
        held = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return False
    return any(name.startswith("socket:") for name in held)


def test_sighup_renews_workers_one_by_one_and_none_is_missed() -> None:
    with two_cores() as cores, running_server(workers=2, SIAPKERJA_LIMITS_FACTOR="1000") as server:
        before = workers_of(server)
        server.process.send_signal(signal.SIGHUP)
        counts, answers = set(), set()
        while (now := workers_of(server)) & before or len(now) != 2:
            counts.add(len(now))
            answers.add(httpx.get(f"{server.url}/livez", trust_env=False).status_code)
        told = server.log.read_text()
        renewed = kept_to(server)

    assert answers == {200}
    # never one less, and one more at most; between two renewals we may have looked elsewhere
    assert {3} <= counts <= {2, 3}
    assert renewed == cores
    assert "ERROR" not in told


def test_a_server_whose_workers_end_at_once_again_and_again_ends() -> None:
    with running_server(workers=2) as server:
        known = workers_of(server)
        os.kill(min(known), signal.SIGKILL)
        until(lambda: bool(workers_of(server) - known))
        os.kill((workers_of(server) - known).pop(), signal.SIGKILL)
        code = server.process.wait(STOP_SECONDS)
        told = [json.loads(line) for line in server.log.read_text().splitlines()]

    assert code == 1
    assert not [pid for pid in known if Path(f"/proc/{pid}").exists()]
    assert told[-1]["event"] == "workers end as soon as they begin"


WITH_FIGURES = {"SIAPKERJA_OPERATOR_TOKEN": TOKEN, "SIAPKERJA_LIMITS_FACTOR": "1000"}


def asked_for_keys(server: LiveServer, times: int) -> None:
    for _ in range(times):
        httpx.get(f"{server.url}/jwks", trust_env=False)


def told_of_keys(server: LiveServer) -> set[str]:
    """Return every line that tells how often the keys were asked for, from whoever answers."""
    found = {
        httpx.get(f"{server.url}/metrics", headers=AS_OPERATOR, trust_env=False).text
        for _ in range(6)
    }
    return {
        line
        for text in found
        for line in text.splitlines()
        if line.startswith(f'{COUNT}{{endpoint="jwks"')
    }


def test_workers_of_one_server_tell_the_sum() -> None:
    with running_server(workers=2, **WITH_FIGURES) as server:
        asked_for_keys(server, 30)
        told = told_of_keys(server)

    assert told == {f'{COUNT}{{endpoint="jwks",status="2xx"}} 30.0'}


def test_workers_that_came_later_tell_what_those_before_them_counted() -> None:
    with running_server(workers=2, **WITH_FIGURES) as server:
        asked_for_keys(server, 30)
        before = workers_of(server)
        for worker in before:
            os.kill(worker, signal.SIGKILL)
        until(lambda: len(workers_of(server) - before) == 2)
        wait_for(f"{server.url}/readyz", server.process, server.log)
        told = told_of_keys(server)

    assert told == {f'{COUNT}{{endpoint="jwks",status="2xx"}} 30.0'}
