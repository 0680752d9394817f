"""The registry port against the pretend Dukcapil, over real HTTP and real TLS."""

import datetime
import ipaddress
import logging
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from outside_world import (
    RecordedMetrics,
    SteppedClock,
    free_port,
    raw_server,
    stay_silent,
    whole_request,
)
from sandbox_server import Sandbox, running_sandbox

from adapters.circuit import Circuit
from adapters.dukcapil import CALL_SECONDS, CALLS_AT_ONCE, build_civil_registry
from adapters.dukcapil.http import HttpCivilRegistry, Question
from adapters.dukcapil.pinning import pinned_context
from adapters.dukcapil.question import Credentials
from adapters.dukcapil.quota import Quota
from adapters.outbound import CONNECT_SECONDS, OutboundHttp
from adapters.reaching import fault_of_server
from adapters.simulators.kinds import ALL_KINDS
from adapters.system import SystemClock, SystemEntropy
from idp.domain.identity.nik import parse_nik
from idp.domain.identity.registry import ElementAnswer, RegistryOutcome, RegistryQuery

ELEMENTS = ("NIK", "NAMA_LGKP", "NAMA_LGKP_IBU")
IN_TIME = 0.3

EXPECTED = {
    **dict.fromkeys(("A1", "A2", "A8"), "match"),
    **dict.fromkeys(("A3", "A4", "A5", "A6", "A7"), "mismatch"),
    **dict.fromkeys(("B1", "B2", "B3"), "not_found"),
    "B4": "deceased",
    "B5": "duplicate",
    "B6": "inactive",
    "B7": "deceased",
    **dict.fromkeys(("C1", "C2"), "quota_exhausted"),
    **dict.fromkeys(("C3", "C4", "C5", "C6", "C6b"), "config_error"),
    "C7": "request_error",
    "C8": "outside_hours",
    **dict.fromkeys(("D1", "D2", "D3", "D9", "D10", "D11"), "unavailable"),
    **dict.fromkeys(("D4", "D5", "D6", "D6b", "D6c", "D6d", "D8", "D12"), "bad_answer"),
    **dict.fromkeys(("D7", "D7b"), "config_error"),
    "E08": "not_verifiable",
    "E10": "config_error",
    "E99": "unknown",
}


@pytest.fixture(scope="module")
def running():
    with running_sandbox(pace=1) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running):
    running.reset()
    return running


def a_registry(
    url,
    *,
    seconds=5.0,
    connect_seconds=2.0,
    ca_file=None,
    elements=ELEMENTS,
    daily_quota=1_000_000,
    clock=None,
    metrics=None,
    **account,
):
    """The registry of the factory, with another deadline and a clock of the test's own."""
    clock = clock or SystemClock()
    metrics = metrics or RecordedMetrics()
    credentials = {"user_id": "sandbox", "password": "sandbox-password", "ip_user": "127.0.0.1"}
    return HttpCivilRegistry(
        Question(url, "KEMNAKER", Credentials(**credentials | account), elements, 90),
        OutboundHttp(
            SystemClock(),
            seconds=seconds,
            connect_seconds=connect_seconds,
            connections=CALLS_AT_ONCE,
            tls=pinned_context(ca_file) if ca_file else None,
        ),
        circuit=Circuit(clock),
        quota=Quota(clock, metrics, daily_quota=daily_quota),
        clock=clock,
        entropy=SystemEntropy(),
        metrics=metrics,
    )


def a_query(person, *, name=None, mother=None):
    names = {
        "NAMA_LGKP": person.name if name is None else name,
        "NAMA_LGKP_IBU": person.mother_name if mother is None else mother,
    }
    return RegistryQuery(parse_nik(person.nik), names)


# Every kind of answer -----------------------------------------------------------------------------


def test_the_table_names_every_kind():
    assert set(EXPECTED) == set(ALL_KINDS)


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_a_person_of_each_kind_has_the_outcome_of_the_table(sandbox: Sandbox, kind):
    person = sandbox.person(kind)
    registry = a_registry(sandbox.url, seconds=IN_TIME)

    answer = registry.check(a_query(person))

    assert answer.outcome == EXPECTED[kind]


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_a_switch_forces_each_kind_upon_anybody(sandbox: Sandbox, kind):
    person = sandbox.person("A1")
    sandbox.next_dukcapil(kind, nik=person.nik)
    registry = a_registry(sandbox.url, seconds=IN_TIME)

    assert registry.check(a_query(person)).outcome == EXPECTED[kind]


def test_everybody_who_matches_does_match(sandbox: Sandbox):
    registry = a_registry(sandbox.url)

    outcomes = {p.nik: registry.check(a_query(p)).outcome for p in sandbox.people("A1")}

    assert set(outcomes.values()) == {RegistryOutcome.MATCH}


def test_a_match_answers_every_element_and_tells_the_quota(sandbox: Sandbox):
    answer = a_registry(sandbox.url).check(a_query(sandbox.person("A2")))

    assert dict(answer.elements) == dict.fromkeys(ELEMENTS, ElementAnswer.MATCH)
    assert answer.score_buckets == {"NAMA_LGKP": 90, "NAMA_LGKP_IBU": 90}
    assert answer.quota_left == 999_999
    assert answer.request_id
    assert answer.latency_ms >= 0


@pytest.mark.parametrize(
    "typed",
    [
        "  budi   santoso ",
        "Budi\u00a0Santoso",
        "BUDI\u200b SANTOSO",
        "Budi Santosa",
    ],
)
def test_small_differences_of_typing_still_match(sandbox: Sandbox, typed):
    budi = sandbox.person("A1")
    assert budi.name == "BUDI SANTOSO"

    assert a_registry(sandbox.url).check(a_query(budi, name=typed)).outcome == "match"


@pytest.mark.parametrize("apostrophe", ["'", "’", "`", "‘", "´"])
def test_any_apostrophe_is_an_apostrophe(sandbox: Sandbox, apostrophe):
    person = next(p for p in sandbox.people("A1") if "O'NEILL" in p.name)
    typed = person.name.title().replace("'", apostrophe)

    answer = a_registry(sandbox.url).check(a_query(person, name=typed))

    assert answer.outcome == "match"


@pytest.mark.parametrize(
    ("name", "mother", "wrong"),
    [("SLAMET RIYADI", None, "NAMA_LGKP"), (None, "SRI REJEKI", "NAMA_LGKP_IBU")],
)
def test_wrong_names_are_compared_and_do_not_match(sandbox: Sandbox, name, mother, wrong):
    query = a_query(sandbox.person("A1"), name=name, mother=mother)

    answer = a_registry(sandbox.url).check(query)

    assert answer.outcome == "mismatch"
    assert [e for e, a in answer.elements.items() if a != "match"] == [wrong]


def test_only_configured_elements_are_sent(sandbox: Sandbox):
    registry = a_registry(sandbox.url, elements=("NIK", "NAMA_LGKP"))

    answer = registry.check(a_query(sandbox.person("A4")))

    assert set(answer.elements) == {"NIK", "NAMA_LGKP"}
    assert answer.outcome == "match"


@pytest.mark.parametrize("missing", ["", "   ", "\u200b"])
def test_a_missing_name_costs_no_call(sandbox: Sandbox, missing):
    sandbox.set_quota(10)

    answer = a_registry(sandbox.url).check(a_query(sandbox.person("A1"), mother=missing))

    assert answer.outcome == "request_error"
    assert sandbox.dukcapil_calls() == 0


@pytest.mark.parametrize(
    ("account", "code"),
    [
        ({"password": "wrong"}, "03"),
        ({"user_id": "wrong"}, "03"),
        ({"ip_user": "10.0.0.9"}, "04"),
        ({"password": ""}, "09"),
    ],
)
def test_wrong_credentials_are_an_error_of_ours(sandbox: Sandbox, account, code):
    answer = a_registry(sandbox.url, **account).check(a_query(sandbox.person("A1")))

    assert (answer.outcome, answer.raw_code) == ("config_error", code)


def test_lower_case_keys_are_a_matter_of_configuration(sandbox: Sandbox):
    registry = a_registry(sandbox.url, key_case="lower")

    assert registry.check(a_query(sandbox.person("A1"))).outcome == "match"


# Time ---------------------------------------------------------------------------------------------


def test_the_deadlines_are_those_of_the_contract():
    assert (CONNECT_SECONDS, CALL_SECONDS) == (2.0, 5.0)


def drip(line: bytes):
    def talk(connection: socket.socket) -> None:
        whole_request(connection)
        for sign in line:
            connection.sendall(bytes([sign]))
            time.sleep(0.1)

    return talk


DRIPPING = {
    "silence": stay_silent,
    "status line": drip(b"HTTP/1.1 200 OK                                           "),
    "head": drip(b"HTTP/1.1 200 OK\r\nX-Padding: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    "interim answers": drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 3),
}


@pytest.mark.parametrize("talk", DRIPPING.values(), ids=DRIPPING.keys())
def test_no_answer_takes_longer_than_the_deadline(sandbox: Sandbox, talk):
    with raw_server(talk) as port:
        registry = a_registry(f"http://127.0.0.1:{port}", seconds=0.3)
        started = time.monotonic()
        answer = registry.check(a_query(sandbox.person("A1")))
        elapsed = time.monotonic() - started

    assert answer.outcome == "unavailable"
    assert 0.2 < elapsed < 2


def test_a_dripping_body_ends_at_the_deadline(sandbox: Sandbox):
    person = sandbox.person("A1")
    sandbox.next_dukcapil("D10", nik=person.nik, seconds=0.1)
    registry = a_registry(sandbox.url, seconds=0.4)

    started = time.monotonic()
    answer = registry.check(a_query(person))

    assert answer.outcome == "unavailable"
    assert time.monotonic() - started < 2


def test_a_stalled_handshake_ends_at_the_deadline(sandbox: Sandbox, certificates):
    with raw_server(stay_silent) as port:
        registry = a_registry(
            f"https://127.0.0.1:{port}", seconds=0.3, ca_file=certificates.by_address.path
        )
        started = time.monotonic()
        answer = registry.check(a_query(sandbox.person("A1")))
        elapsed = time.monotonic() - started

    assert answer.outcome == "unavailable"
    assert elapsed < 2


def test_connecting_has_a_shorter_deadline_of_its_own(sandbox: Sandbox):
    with ExitStack() as open_sockets:
        listener = open_sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        # once the queue is full, the kernel answers no more calls
        for _ in range(4):
            waiting = open_sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        registry = a_registry(url, connect_seconds=0.2)
        started = time.monotonic()
        answer = registry.check(a_query(sandbox.person("A1")))
        elapsed = time.monotonic() - started

    assert answer.outcome == "unavailable"
    assert 0.15 < elapsed < 1.5


def test_a_closed_port_is_an_outage(sandbox: Sandbox):
    answer = a_registry(f"http://127.0.0.1:{free_port()}").check(a_query(sandbox.person("A1")))

    assert answer.outcome == "unavailable"


def test_a_body_without_end_is_read_to_its_limit(sandbox: Sandbox):
    sent = []

    def talk(connection: socket.socket) -> None:
        whole_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        for _ in range(2000):
            connection.sendall(b" " * 65536)
            sent.append(65536)

    with raw_server(talk) as port:
        answer = a_registry(f"http://127.0.0.1:{port}").check(a_query(sandbox.person("A1")))

    assert answer.outcome == "bad_answer"
    assert sum(sent) < 2000 * 65536


def test_a_redirect_is_not_followed(sandbox: Sandbox):
    visitors = []

    def elsewhere(connection: socket.socket) -> None:
        visitors.append(whole_request(connection))

    with raw_server(elsewhere) as other:

        def redirect(connection: socket.socket) -> None:
            whole_request(connection)
            location = f"http://127.0.0.1:{other}/".encode()
            connection.sendall(
                b"HTTP/1.1 307 Temporary Redirect\r\nContent-Length: 0\r\nLocation: "
                + location
                + b"\r\n\r\n"
            )

        with raw_server(redirect) as port:
            answer = a_registry(f"http://127.0.0.1:{port}").check(a_query(sandbox.person("A1")))

    assert answer.outcome == "bad_answer"
    assert visitors == []


def test_cookies_of_the_registry_do_not_join_citizens(sandbox: Sandbox):
    heads = []

    def talk(connection: socket.socket) -> None:
        heads.append(whole_request(connection))
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nSet-Cookie: JSESSIONID=1\r\nContent-Length: 2\r\n"
            b"Connection: close\r\n\r\n{}"
        )

    with raw_server(talk) as port:
        registry = a_registry(f"http://127.0.0.1:{port}")
        for _ in range(2):
            registry.check(a_query(sandbox.person("A1")))

    assert len(heads) == 2
    assert not any(b"cookie" in head.lower() for head in heads)


def test_a_hanging_registry_takes_eight_threads_and_no_more(sandbox: Sandbox):
    person = sandbox.person("A1")
    sandbox.next_dukcapil("D1", times=CALLS_AT_ONCE)
    registry = a_registry(sandbox.url, seconds=1.0)

    with ThreadPoolExecutor(CALLS_AT_ONCE + 1) as threads:
        hanging = [threads.submit(registry.check, a_query(person)) for _ in range(CALLS_AT_ONCE)]
        deadline = time.monotonic() + 1
        while sandbox.dukcapil_calls() < CALLS_AT_ONCE and time.monotonic() < deadline:
            time.sleep(0.01)
        started = time.monotonic()
        one_more = registry.check(a_query(person))
        at_once = time.monotonic() - started
        assert {call.result().outcome for call in hanging} == {RegistryOutcome.UNAVAILABLE}

    assert one_more.outcome == "unavailable"
    assert at_once < 0.5
    assert sandbox.dukcapil_calls() == CALLS_AT_ONCE


# The breaker and the quota ------------------------------------------------------------------------


def test_five_failures_open_the_breaker_and_one_trial_closes_it(sandbox: Sandbox):
    clock = SteppedClock()
    person = sandbox.person("A1")
    registry = a_registry(sandbox.url, clock=clock)
    sandbox.set_quota(100)
    sandbox.next_dukcapil("D3", times=5)

    for _ in range(5):
        assert registry.check(a_query(person)).outcome == "unavailable"
        clock.advance(1)
    assert not registry.is_reachable()
    assert registry.check(a_query(person)).outcome == "unavailable"
    assert sandbox.dukcapil_calls() == 5

    clock.advance(30)
    assert registry.is_reachable()
    assert registry.check(a_query(person)).outcome == "match"
    assert registry.is_reachable()


@pytest.mark.parametrize("kind", ["C3", "C4", "C5", "C6", "D7", "E10"])
def test_a_configuration_error_opens_the_breaker_for_five_minutes(sandbox: Sandbox, kind):
    clock = SteppedClock()
    person = sandbox.person("A1")
    registry = a_registry(sandbox.url, clock=clock)
    sandbox.next_dukcapil(kind)

    assert registry.check(a_query(person)).outcome == "config_error"
    clock.advance(299)
    assert registry.check(a_query(person)).outcome == "unavailable"
    clock.advance(2)
    assert registry.check(a_query(person)).outcome == "match"


@pytest.mark.parametrize("kind", ["C1", "C2"])
def test_a_used_up_quota_stops_calls_until_midnight_in_jakarta(sandbox: Sandbox, kind):
    clock = SteppedClock()
    person = sandbox.person("A1")
    registry = a_registry(sandbox.url, clock=clock)
    sandbox.next_dukcapil(kind)

    assert registry.check(a_query(person)).outcome == "quota_exhausted"
    clock.advance(14 * 3600 - 1)
    assert registry.check(a_query(person)).outcome == "quota_exhausted"
    assert not registry.is_reachable()
    clock.advance(1)
    assert registry.check(a_query(person)).outcome == "match"


def test_calls_stop_at_four_fifths_of_the_contract(sandbox: Sandbox):
    clock = SteppedClock()
    person = sandbox.person("A1")
    registry = a_registry(sandbox.url, clock=clock, daily_quota=5)
    outcomes = [registry.check(a_query(person)).outcome for _ in range(5)]

    assert outcomes == ["match"] * 4 + ["quota_exhausted"]


def test_the_register_refuses_when_its_own_count_is_used_up(sandbox: Sandbox):
    person = sandbox.person("A1")
    sandbox.set_quota(1)
    outcomes = [a_registry(sandbox.url).check(a_query(person)).outcome for _ in range(2)]

    assert outcomes == ["match", "quota_exhausted"]


# What others get to see ---------------------------------------------------------------------------


def test_figures_are_words_from_closed_lists(sandbox: Sandbox):
    metrics = RecordedMetrics()
    registry = a_registry(sandbox.url, metrics=metrics)

    registry.check(a_query(sandbox.person("A2")))

    assert metrics.counts["registry_checks", ("outcome", "match")] == 1
    assert metrics.counts["registry_scores", ("element", "NAMA_LGKP"), ("bucket", "90")] == 1
    assert metrics.gauges["registry_quota_left"] == 999_999
    assert metrics.gauges["registry_reachable"] == 1
    assert metrics.observed["registry_check"] == 1


@pytest.mark.parametrize("kind", ["A1", "A3", "B4", "C3", "D2", "D5", "E99"])
def test_no_log_record_holds_anything_personal(sandbox: Sandbox, kind, caplog):
    person = sandbox.person(kind)
    with caplog.at_level(logging.DEBUG):
        a_registry(sandbox.url).check(a_query(person))

    # httpcore's own debug records are switched off by the configuration of logging
    told = [repr(r.__dict__) for r in caplog.records if r.name.startswith("adapters")]
    assert told
    for secret in (person.nik, person.name, person.mother_name, "sandbox-password"):
        assert not any(secret in line for line in told)


# TLS ----------------------------------------------------------------------------------------------


class Certificate:
    """One certificate with its key on disk, and a server context that shows it."""

    def __init__(self, directory: Path, name: str, *, names, days=(-1, 1), issuer=None, ca=False):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(issuer.subject if issuer else self.subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=days[0]))
            .not_valid_after(now + datetime.timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        signed = builder.sign(issuer.key if issuer else self.key, hashes.SHA256())
        self.path = directory / f"{name}.pem"
        self.path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        self.key_path = directory / f"{name}.key"
        self.key_path.write_bytes(
            self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )

    def served(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path, self.key_path)
        return context


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    directory = tmp_path_factory.mktemp("certificates")
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))

    class Made:
        by_address = Certificate(directory, "by-address", names=[address])
        nameless = Certificate(directory, "nameless", names=[])
        # what `openssl req -x509` makes
        nameless_authority = Certificate(directory, "nameless-authority", names=[], ca=True)
        elsewhere = Certificate(directory, "elsewhere", names=[x509.DNSName("vpn.example")])
        expired = Certificate(directory, "expired", names=[address], days=(-30, -1))
        not_yet = Certificate(directory, "not-yet", names=[address], days=(1, 30))
        authority = Certificate(directory, "authority", names=[], ca=True)
        signed = Certificate(directory, "signed", names=[address], issuer=authority)
        signed_elsewhere = Certificate(
            directory, "signed-elsewhere", names=[x509.DNSName("vpn.example")], issuer=authority
        )
        signed_lookalike = Certificate(
            directory, "signed-lookalike", names=[x509.DNSName("127.0.0.1")], issuer=authority
        )
        signed_expired = Certificate(
            directory, "signed-expired", names=[address], issuer=authority, days=(-30, -1)
        )

    return Made


def outcome_over_tls(shown: Certificate, trusted: Certificate | None) -> str:
    with running_sandbox(tls=shown.served()) as sandbox:
        registry = a_registry(sandbox.url, ca_file=trusted.path if trusted else None)
        return registry.check(a_query(sandbox.state.people.all()[0])).outcome


@pytest.mark.parametrize(
    ("shown", "trusted"),
    [
        ("by_address", "by_address"),
        ("nameless", "nameless"),
        ("nameless_authority", "nameless_authority"),
        ("elsewhere", "elsewhere"),
        ("signed", "authority"),
        ("signed", "signed"),
        ("signed_elsewhere", "signed_elsewhere"),
    ],
)
def test_the_pinned_certificate_or_its_authority_is_trusted(certificates, shown, trusted):
    made = outcome_over_tls(getattr(certificates, shown), getattr(certificates, trusted))

    assert made == "match"


@pytest.mark.parametrize(
    ("shown", "trusted"),
    [
        ("by_address", "nameless"),
        ("by_address", "authority"),
        ("expired", "expired"),
        ("not_yet", "not_yet"),
        ("signed_expired", "authority"),
        ("signed_elsewhere", "authority"),
        ("signed_lookalike", "authority"),
        ("signed", "by_address"),
        ("by_address", None),
    ],
)
def test_every_other_certificate_is_refused_and_somebody_is_called(certificates, shown, trusted):
    made = outcome_over_tls(
        getattr(certificates, shown), getattr(certificates, trusted) if trusted else None
    )

    assert made == "config_error"


def test_nothing_is_sent_to_a_server_with_the_wrong_certificate(certificates):
    with running_sandbox(tls=certificates.by_address.served()) as sandbox:
        registry = a_registry(sandbox.url, ca_file=certificates.nameless.path)
        registry.check(a_query(sandbox.state.people.all()[0]))

        assert sandbox.state.quota.calls == 0


@pytest.mark.parametrize(
    ("shown", "trusted", "fault"),
    [
        ("by_address", "by_address", None),
        ("signed", "authority", None),
        ("by_address", "nameless", "shows a certificate that we do not trust"),
        ("expired", "expired", "shows a certificate that we do not trust"),
        ("signed_elsewhere", "authority", "shows a certificate that we do not trust"),
    ],
)
def test_sc_3_the_doctor_looks_at_the_certificate_and_asks_nothing(
    certificates, shown, trusted, fault
):
    pinned = pinned_context(getattr(certificates, trusted).path)
    with running_sandbox(tls=getattr(certificates, shown).served()) as sandbox:
        assert fault_of_server(sandbox.url, pinned) == fault
        assert sandbox.state.quota.calls == 0


def test_a_server_without_tls_is_told_apart_from_none():
    with running_sandbox() as sandbox:
        plain = sandbox.url.replace("http://", "https://")
        assert fault_of_server(sandbox.url) is None
        assert fault_of_server(plain, ssl.create_default_context()) == "does not speak TLS as we do"
    assert fault_of_server(sandbox.url) == "does not answer"


def the_factory(**changed):
    settings = {
        "url": "https://127.0.0.1:1",
        "institution": "KEMNAKER",
        "user_id": "u",
        "password": "p",
        "ip_user": "127.0.0.1",
        "ca_file": None,
        "threshold": 90,
        "elements": ELEMENTS,
        "daily_quota": 50_000,
        "key_case": "upper",
        "clock": SystemClock(),
        "entropy": SystemEntropy(),
        "metrics": RecordedMetrics(),
    }
    return build_civil_registry(**settings | changed)


def test_a_pin_without_tls_does_not_start(certificates):
    with pytest.raises(ValueError, match="https"):
        the_factory(url="http://127.0.0.1:1", ca_file=certificates.by_address.path)


def test_an_unreadable_pin_does_not_start(tmp_path):
    with pytest.raises(OSError, match="missing"):
        the_factory(ca_file=tmp_path / "missing.pem")


def test_a_pin_without_a_certificate_does_not_start(tmp_path):
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing here")
    with pytest.raises(ValueError, match="no certificate"):
        the_factory(ca_file=empty)


def test_the_nik_is_always_asked():
    with pytest.raises(ValueError, match="NIK"):
        the_factory(elements=("NAMA_LGKP",))
    assert the_factory(elements=("NAMA_LGKP", "NIK")).elements == ("NIK", "NAMA_LGKP")


def test_the_factory_builds_what_the_sandbox_answers(sandbox: Sandbox):
    registry = the_factory(url=sandbox.url, user_id="sandbox", password="sandbox-password")

    assert registry.check(a_query(sandbox.person("A1"))).outcome == "match"


def test_the_sandbox_may_shorten_the_pauses(sandbox: Sandbox):
    clock = SteppedClock()
    registry = the_factory(
        url=sandbox.url,
        user_id="sandbox",
        password="sandbox-password",
        clock=clock,
        config_pause_seconds=5,
        quota_pause_seconds=5,
    )
    person = sandbox.person("A1")
    for kind in ("C1", "C3"):
        sandbox.next_dukcapil(kind)
        registry.check(a_query(person))
        assert not registry.is_reachable()
        clock.advance(5)
        assert registry.check(a_query(person)).outcome == "match"
