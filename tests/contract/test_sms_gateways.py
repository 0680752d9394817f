"""The SMS port against the pretend carriers, over real HTTP; and what each sends, to the letter."""

import base64
import hashlib
import hmac
import json
import logging
import re
import socket
import time
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode

import pytest
from outside_world import RecordedMetrics, SteppedClock, free_port, raw_server, whole_request
from pytest_httpserver import HTTPServer
from sandbox_server import Sandbox, running_sandbox
from werkzeug import Request, Response

from adapters.outbound import OutboundHttp
from adapters.sms import CALL_SECONDS, GATEWAYS, build_sms_gateways
from adapters.sms.failover import FailoverSmsGateways
from adapters.system import SystemClock
from idp.domain.identity.messages import (
    DeliveryReport,
    Sms,
    SmsReceipt,
    SmsState,
    may_follow,
    segments_of,
)
from idp.domain.identity.phone import parse_phone

BASE = "https://account.example.go.id"
TOKEN = "a-secret-in-the-address"
CARRIERS = ("zenziva", "infobip", "twilio")
IN_TIME = 0.4


@dataclass(frozen=True)
class Account:
    url: str
    key: str = "sandbox"
    secret: str = "sandbox-secret"
    sender: str = "KEMNAKER"


@pytest.fixture(scope="module")
def running():
    with running_sandbox(pace=0.005) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running):
    running.reset()
    return running


def an_sms(phone="0812 0000 0100", *, name="0193f0a0-0001", text="Kode 123456. Berlaku 5 menit."):
    return Sms(name, parse_phone(phone), text, "signup", 300)


def a_gateway(name, url, *, seconds=3.0, report_url="", **account):
    outbound = OutboundHttp(SystemClock(), seconds=seconds, connections=4)
    return GATEWAYS[name](Account(url, **account), outbound, report_url)


def gateways_of(names, urls, *, clock=None, metrics=None, base=BASE):
    return build_sms_gateways(
        names,
        {name: Account(urls[name]) for name in names},
        report_base_url=base,
        report_token=TOKEN,
        clock=clock or SystemClock(),
        metrics=metrics or RecordedMetrics(),
    )


# What each says at once ---------------------------------------------------------------------------

TAKEN = dict.fromkeys(
    (
        "delivered",
        "accepted",
        "undelivered",
        "expired",
        "spam",
        "slow_delivery",
        "early_report",
        "double_report",
        "backward_report",
    ),
    (SmsState.ACCEPTED, None, False),
)
REFUSED = {
    "balance": (SmsState.REJECTED, "balance", True),
    "rejected": (SmsState.REJECTED, "number", False),
    "credentials": (SmsState.REJECTED, "credentials", True),
    "credentials_old": (SmsState.REJECTED, "credentials", True),
    "sender": (SmsState.REJECTED, "sender", True),
    "country": (SmsState.REJECTED, "country", True),
    "opted_out": (SmsState.REJECTED, "opted_out", False),
    "busy": (SmsState.REJECTED, "busy", True),
    "error503": (SmsState.REJECTED, "busy", True),
    "refused": (SmsState.REJECTED, "refused", True),
}
UNKNOWN = {
    "timeout": (SmsState.UNKNOWN, "timeout", False),
    "reset": (SmsState.UNKNOWN, "reset", False),
    "error500": (SmsState.UNKNOWN, "server_error", False),
    "html": (SmsState.UNKNOWN, "bad_answer", False),
    "list": (SmsState.UNKNOWN, "bad_answer", False),
}
ARRIVING = {*TAKEN, "timeout", "reset", "list"}


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("kind", TAKEN | REFUSED | UNKNOWN)
def test_every_kind_of_answer_has_its_receipt(sandbox: Sandbox, carrier, kind):
    sandbox.next_sms(kind, seconds=1)
    gateway = a_gateway(carrier, sandbox.sms_url(carrier), seconds=IN_TIME)

    receipt = gateway.send(an_sms())

    expected = (TAKEN | REFUSED | UNKNOWN)[kind]
    assert (receipt.state, receipt.reason, receipt.retryable) == expected
    assert receipt.gateway == carrier
    assert (receipt.provider_id is not None) == (receipt.state is SmsState.ACCEPTED)
    assert bool(sandbox.sms_to("081200000100")) == (kind in ARRIVING)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_the_message_arrives_as_it_was_written(sandbox: Sandbox, carrier):
    text = "Kode SIAPkerja: 042917 & 100% rahasia?\n\n@account.example.go.id #042917"

    a_gateway(carrier, sandbox.sms_url(carrier)).send(an_sms(text=text))

    (message,) = sandbox.sms_to("+62 812-0000-0100")
    assert message["text"] == text
    assert message["to"] == "+6281200000100"
    assert message["gateway"] == carrier


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize(
    ("ending", "reason"),
    [("0001", "balance"), ("0002", None), ("0004", "server_error"), ("0006", "bad_answer")],
)
def test_numbers_of_the_sandbox_behave_by_their_ending(sandbox: Sandbox, carrier, ending, reason):
    gateway = a_gateway(carrier, sandbox.sms_url(carrier))

    assert gateway.send(an_sms(f"08120000{ending}")).reason == reason


@pytest.mark.parametrize("carrier", CARRIERS)
def test_wrong_credentials_are_refused(sandbox: Sandbox, carrier):
    gateway = a_gateway(carrier, sandbox.sms_url(carrier), key="wrong", secret="wrong")

    assert gateway.send(an_sms()).reason == "credentials"


@pytest.mark.parametrize("carrier", CARRIERS)
def test_no_connection_is_a_refusal_since_nothing_was_sent(carrier):
    receipt = a_gateway(carrier, f"http://127.0.0.1:{free_port()}").send(an_sms())

    assert (receipt.state, receipt.reason) == (SmsState.REJECTED, "unreachable")
    assert receipt.retryable


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_dripping_carrier_is_given_up_in_time(carrier):
    def drip(connection: socket.socket) -> None:
        whole_request(connection)
        for sign in b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n":
            connection.sendall(bytes([sign]))
            time.sleep(0.05)

    with raw_server(drip) as port:
        gateway = a_gateway(carrier, f"http://127.0.0.1:{port}", seconds=0.3)
        started = time.monotonic()
        receipt = gateway.send(an_sms())
        elapsed = time.monotonic() - started

    assert (receipt.state, receipt.reason) == (SmsState.UNKNOWN, "timeout")
    assert elapsed < 1.5


def test_three_seconds_are_all_a_carrier_gets():
    assert CALL_SECONDS == 3.0


def test_the_same_message_handed_to_infobip_twice_is_one_message(sandbox: Sandbox):
    gateway = a_gateway("infobip", sandbox.sms_url("infobip"))

    receipts = [gateway.send(an_sms()) for _ in range(2)]

    assert {receipt.state for receipt in receipts} == {SmsState.ACCEPTED}
    assert len(sandbox.sms_to("081200000100")) == 1


# What each sends ----------------------------------------------------------------------------------


def request_of(carrier, httpserver: HTTPServer, *, path="", **account) -> Request:
    seen: list[Request] = []

    def keep(request: Request) -> Response:
        request.get_data()
        seen.append(request)
        return Response("{}", content_type="application/json")

    httpserver.expect_request("/").respond_with_data("")
    httpserver.handlers.clear()
    httpserver.expect_request(re.compile(".*")).respond_with_handler(keep)
    url = httpserver.url_for(path).rstrip("/") + ("/" if path.endswith("/") else "")
    a_gateway(carrier, url, report_url=f"{BASE}/hooks/sms/{carrier}", **account).send(an_sms())
    return seen[0]


def form_of(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.get_data(as_text=True)).items()}


@pytest.mark.parametrize(
    ("path", "sender", "called"),
    [
        ("", "", "/reguler/api/sendsms/"),
        ("", "KEMNAKER", "/masking/api/sendsms/"),
        ("/masking/api/sendOTP/", "KEMNAKER", "/masking/api/sendOTP/"),
        ("/masking/api/sendOTP", "KEMNAKER", "/masking/api/sendOTP/"),
    ],
)
def test_the_wire_of_zenziva(httpserver: HTTPServer, path, sender, called):
    request = request_of("zenziva", httpserver, path=path, sender=sender)

    assert (request.method, request.path) == ("POST", called)
    assert request.mimetype == "application/x-www-form-urlencoded"
    assert form_of(request) == {
        "userkey": "sandbox",
        "passkey": "sandbox-secret",
        "to": "081200000100",
        "message": "Kode 123456. Berlaku 5 menit.",
    }
    assert "Authorization" not in request.headers


def test_the_wire_of_infobip(httpserver: HTTPServer):
    request = request_of("infobip", httpserver)

    assert (request.method, request.path) == ("POST", "/sms/3/messages")
    assert request.headers["Authorization"] == "App sandbox"
    assert json.loads(request.get_data()) == {
        "messages": [
            {
                "sender": "KEMNAKER",
                "destinations": [{"to": "6281200000100", "messageId": "0193f0a0-0001"}],
                "content": {"text": "Kode 123456. Berlaku 5 menit."},
                "webhooks": {"delivery": {"url": f"{BASE}/hooks/sms/infobip"}},
            }
        ]
    }


@pytest.mark.parametrize(
    ("sender", "member"), [("KEMNAKER", "From"), ("MG0123456789", "MessagingServiceSid")]
)
def test_the_wire_of_twilio(httpserver: HTTPServer, sender, member):
    request = request_of("twilio", httpserver, sender=sender)

    assert (request.method, request.path) == (
        "POST",
        "/2010-04-01/Accounts/sandbox/Messages.json",
    )
    assert request.authorization is not None
    assert (request.authorization.username, request.authorization.password) == (
        "sandbox",
        "sandbox-secret",
    )
    assert form_of(request) == {
        "To": "+6281200000100",
        member: sender,
        "Body": "Kode 123456. Berlaku 5 menit.",
        "StatusCallback": f"{BASE}/hooks/sms/twilio",
        "ValidityPeriod": "300",
    }


@pytest.mark.parametrize("carrier", CARRIERS)
def test_no_credential_and_no_number_stands_in_an_address(httpserver: HTTPServer, carrier):
    request = request_of(carrier, httpserver, secret="the-secret")

    assert "the-secret" not in request.url
    assert "81200000100" not in request.url
    assert not request.query_string


@pytest.mark.parametrize(
    ("carrier", "status", "body", "expected"),
    [
        ("zenziva", 200, {"status": 1, "messageId": 77, "text": "Success"}, "accepted"),
        ("zenziva", 200, {"status": "0", "text": "Saldo tidak cukup"}, "balance"),
        ("zenziva", 200, {"status": "5", "text": "Userkey / Passkey salah"}, "credentials"),
        ("zenziva", 200, {"status": "0", "text": "Nomor tidak valid"}, "number"),
        ("zenziva", 200, {"status": "0"}, "refused"),
        ("zenziva", 200, {"text": "Success"}, "bad_answer"),
        ("zenziva", 404, {}, "refused"),
        ("infobip", 200, {"messages": []}, "bad_answer"),
        ("infobip", 200, {"messages": [{"status": {"groupId": [1]}}]}, "bad_answer"),
        ("infobip", 200, {"messages": [{"status": {"groupId": 3}}]}, "accepted"),
        ("infobip", 200, {"messages": [{"status": {"groupId": 4}}]}, "refused"),
        ("infobip", 403, {}, "credentials"),
        ("infobip", 400, {"errorCode": "E400"}, "refused"),
        ("twilio", 201, {"sid": ""}, "bad_answer"),
        ("twilio", 201, {"sid": "SM1"}, "accepted"),
        ("twilio", 400, {"code": 21614}, "number"),
        ("twilio", 400, {"code": 21657}, "sender"),
        ("twilio", 429, {"code": 20429}, "busy"),
        ("twilio", 400, {"code": "21211"}, "refused"),
        ("twilio", 400, {"code": [1]}, "refused"),
        ("twilio", 307, {}, "refused"),
    ],
)
def test_answers_that_the_sandbox_does_not_give(httpserver, carrier, status, body, expected):
    httpserver.expect_request(re.compile(".*")).respond_with_json(body, status=status)

    receipt = a_gateway(carrier, httpserver.url_for("")).send(an_sms())

    assert (receipt.reason or receipt.state) == expected


# Reports ------------------------------------------------------------------------------------------


class Receiver:
    """Stands for our web layer: takes reports at the hooks and reads them."""

    def __init__(self, httpserver: HTTPServer, sandbox: Sandbox, carrier: str):
        self.reports: list[DeliveryReport] = []
        self.refused = 0
        base = httpserver.url_for("").rstrip("/")
        self.gateways = gateways_of([carrier], {carrier: sandbox.sms_url(carrier)}, base=base)
        self.carrier = carrier
        httpserver.expect_request(re.compile("/hooks/sms/.*")).respond_with_handler(self.take)

    def take(self, request: Request) -> Response:
        read = self.gateways.read_report(
            self.carrier,
            request.get_data(),
            content_type=request.mimetype,
            headers=dict(request.headers),
            url=request.url,
        )
        if read is None:
            self.refused += 1
            return Response(status=403)
        self.reports += read
        return Response(status=200)

    def await_reports(self, count: int) -> list[SmsState]:
        ends_at = time.monotonic() + 30
        while len(self.reports) < count and time.monotonic() < ends_at:
            time.sleep(0.005)
        return [report.state for report in self.reports]


@pytest.mark.parametrize("carrier", ["infobip", "twilio"])
@pytest.mark.parametrize(
    ("kind", "states"),
    [
        ("delivered", ["delivered"]),
        ("undelivered", ["undelivered"]),
        ("expired", None),
        ("spam", None),
        ("slow_delivery", ["delivered"]),
        ("double_report", ["delivered", "delivered"]),
        ("backward_report", ["delivered", "sent"]),
        ("early_report", ["delivered"]),
    ],
)
def test_reports_come_to_the_hook_and_are_read(sandbox, httpserver, carrier, kind, states):
    receiver = Receiver(httpserver, sandbox, carrier)
    sandbox.next_sms(kind)

    receipt = receiver.gateways.send(an_sms(name=f"{carrier}-{kind}"))

    reported = receiver.await_reports(len(states or [1]))
    if states is not None:
        assert reported == states
    assert {report.provider_id for report in receiver.reports} == {receipt.provider_id}
    assert receiver.refused == 0


@pytest.mark.parametrize(
    ("carrier", "kind", "state", "reason"),
    [
        ("infobip", "undelivered", "undelivered", "handset"),
        ("infobip", "expired", "expired", "expired"),
        ("infobip", "spam", "rejected", "spam"),
        ("twilio", "undelivered", "undelivered", "handset"),
        ("twilio", "expired", "undelivered", "expired"),
        ("twilio", "spam", "undelivered", "spam"),
    ],
)
def test_a_report_tells_why_a_message_was_lost(sandbox, httpserver, carrier, kind, state, reason):
    receiver = Receiver(httpserver, sandbox, carrier)
    sandbox.next_sms(kind)

    receiver.gateways.send(an_sms(name=f"{carrier}-{kind}-why"))

    receiver.await_reports(1)
    (report,) = receiver.reports
    assert (report.state, report.reason) == (state, reason)


def test_reports_of_spam_raise_an_alarm(sandbox):
    metrics = RecordedMetrics()
    gateways = gateways_of(["twilio"], {"twilio": sandbox.url}, metrics=metrics)
    body, signature = a_twilio_report(MessageStatus="undelivered", ErrorCode="30450")

    read_by(gateways, "twilio", body, {"X-Twilio-Signature": signature})

    assert metrics.counts["sms_alarms", ("gateway", "twilio"), ("reason", "pumping")] == 1


def a_twilio_report(*, url=f"{BASE}/hooks/sms/twilio", secret="sandbox-secret", **changed):
    fields = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+6281200000100"} | changed
    signed = url + "".join(name + fields[name] for name in sorted(fields))
    mac = hmac.digest(secret.encode(), signed.encode(), hashlib.sha1)
    return urlencode(fields).encode(), base64.b64encode(mac).decode()


def read_by(gateways, carrier, body, headers, *, url=None):
    return gateways.read_report(
        carrier,
        body,
        content_type="application/x-www-form-urlencoded",
        headers=headers,
        url=url or f"{BASE}/hooks/sms/{carrier}",
    )


def test_twilios_own_example_signature():
    # the example in Twilio's documentation of X-Twilio-Signature
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675310",
        "Digits": "1234",
        "From": "+14158675310",
        "To": "+18005551212",
    }
    gateway = a_gateway("twilio", "http://unused", secret="12345")

    read = gateway.read_report(
        urlencode(fields).encode(),
        content_type="application/x-www-form-urlencoded",
        headers={"X-Twilio-Signature": "GvWf1cFY/Q7PnoempGyD5oXAezc="},
        url=url,
    )

    assert read == ()


@pytest.mark.parametrize(
    ("change", "is_read"),
    [
        ({}, True),
        ({"secret": "another"}, False),
        ({"url": "https://evil.example/hooks/sms/twilio"}, False),
    ],
)
def test_twilio_reports_count_only_with_the_right_signature(sandbox, change, is_read):
    gateways = gateways_of(["twilio"], {"twilio": sandbox.url})
    body, signature = a_twilio_report(**change)

    read = read_by(gateways, "twilio", body, {"x-twilio-signature": signature})

    assert (read is not None) == is_read


@pytest.mark.parametrize("headers", [{}, {"X-Twilio-Signature": ""}, {"X-Twilio-Signature": "é"}])
def test_twilio_reports_without_a_signature_do_not_count(sandbox, headers):
    gateways = gateways_of(["twilio"], {"twilio": sandbox.url})
    body, _ = a_twilio_report()

    assert read_by(gateways, "twilio", body, headers) is None


def test_a_changed_twilio_report_does_not_count(sandbox):
    gateways = gateways_of(["twilio"], {"twilio": sandbox.url})
    body, signature = a_twilio_report()
    forged = body.replace(b"delivered", b"failed")

    assert read_by(gateways, "twilio", forged, {"X-Twilio-Signature": signature}) is None


@pytest.mark.parametrize(
    ("address", "is_read"),
    [
        (f"{BASE}/hooks/sms/infobip/{TOKEN}", True),
        (f"http://10.0.0.1:8000/hooks/sms/infobip/{TOKEN}?x=1", True),
        (f"{BASE}/hooks/sms/infobip/another", False),
        (f"{BASE}/hooks/sms/infobip/", False),
        (f"{BASE}/hooks/sms/infobip", False),
    ],
)
def test_infobip_reports_count_only_at_the_secret_address(sandbox, address, is_read):
    metrics = RecordedMetrics()
    gateways = gateways_of(["infobip"], {"infobip": sandbox.url}, metrics=metrics)
    body = json.dumps(
        {"results": [{"messageId": "1", "status": {"groupId": 3, "name": "DELIVERED_TO_HANDSET"}}]}
    ).encode()

    read = read_by(gateways, "infobip", body, {}, url=address)

    assert (read is not None) == is_read
    assert metrics.counts["sms_false_reports", ("gateway", "infobip")] == (not is_read)


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (b"", None),
        (b"[]", None),
        (b"{}", None),
        (b'{"results":{}}', None),
        (b'{"results":[]}', ()),
        (b'{"results":[null,1,{"messageId":1},{"messageId":"1","status":{"groupId":[]}}]}', ()),
        (b"\xff", None),
    ],
)
def test_rubbish_at_the_hook_is_no_report(sandbox, body, read):
    gateways = gateways_of(["infobip"], {"infobip": sandbox.url})
    address = f"{BASE}/hooks/sms/infobip/{TOKEN}"

    assert read_by(gateways, "infobip", body, {}, url=address) == read


@pytest.mark.parametrize("carrier", ["zenziva", "twilio", "nobody"])
def test_carriers_without_reports_or_without_a_name_say_nothing(sandbox, carrier):
    gateways = gateways_of(["zenziva", "console"], dict.fromkeys(("zenziva", "console"), ""))

    assert read_by(gateways, carrier, b"", {}) is None


# Failover -----------------------------------------------------------------------------------------


class Scripted:
    """A carrier that answers as it was told, and remembers what it was given."""

    def __init__(self, name, *answers):
        self.name = name
        self.answers = list(answers)
        self.given: list[Sms] = []

    def send(self, sms):
        self.given.append(sms)
        state, reason, retryable = self.answers.pop(0) if self.answers else OK
        return SmsReceipt(state, self.name, reason=reason, retryable=retryable)

    def read_report(self, body, *, content_type, headers, url):
        return None


OK = (SmsState.ACCEPTED, None, False)
NO_MONEY = (SmsState.REJECTED, "balance", True)
BAD_NUMBER = (SmsState.REJECTED, "number", False)
SILENCE = (SmsState.UNKNOWN, "timeout", False)


def in_turn(*gateways, clock=None, metrics=None):
    return FailoverSmsGateways(
        gateways, clock=clock or SteppedClock(), metrics=metrics or RecordedMetrics()
    )


@pytest.mark.parametrize(
    ("first", "used", "state"),
    [
        (OK, ["first"], "accepted"),
        (NO_MONEY, ["first", "second"], "accepted"),
        (BAD_NUMBER, ["first"], "rejected"),
        (SILENCE, ["first"], "unknown"),
    ],
)
def test_the_second_carrier_is_asked_only_after_a_clear_refusal(first, used, state):
    one, two = Scripted("first", first), Scripted("second", OK)

    receipt = in_turn(one, two).send(an_sms())

    assert [g.name for g in (one, two) if g.given] == used
    assert receipt.state == state


def test_when_all_refuse_the_last_one_speaks():
    receipt = in_turn(Scripted("a", NO_MONEY), Scripted("b", BAD_NUMBER)).send(an_sms())

    assert (receipt.gateway, receipt.reason) == ("b", "number")


def test_over_real_connections_an_unreachable_carrier_is_replaced(sandbox: Sandbox):
    urls = {"zenziva": f"http://127.0.0.1:{free_port()}", "infobip": sandbox.sms_url("infobip")}

    receipt = gateways_of(["zenziva", "infobip"], urls).send(an_sms(name="over-real"))

    assert (receipt.state, receipt.gateway) == (SmsState.ACCEPTED, "infobip")
    assert len(sandbox.sms_to("081200000100")) == 1


def test_a_silent_carrier_never_leads_to_two_messages(sandbox: Sandbox):
    urls = {name: sandbox.sms_url(name) for name in ("zenziva", "infobip")}
    sandbox.next_sms("reset")

    receipt = gateways_of(["zenziva", "infobip"], urls).send(an_sms())

    assert receipt.state is SmsState.UNKNOWN
    assert len(sandbox.sms_to("081200000100")) == 1


def test_a_carrier_that_keeps_failing_comes_last_for_a_minute():
    clock = SteppedClock()
    one, two = Scripted("first", *[SILENCE] * 3), Scripted("second")
    gateways = in_turn(one, two, clock=clock)

    for _ in range(3):
        assert gateways.send(an_sms()).state is SmsState.UNKNOWN
    assert gateways.send(an_sms()).gateway == "second"
    clock.advance(61)
    assert gateways.send(an_sms()).gateway == "first"


def test_nobody_is_reachable_only_while_every_carrier_keeps_failing():
    clock = SteppedClock()
    one, two = Scripted("first", *[NO_MONEY] * 3), Scripted("second", *[NO_MONEY] * 3)
    gateways = in_turn(one, two, clock=clock)
    told = [gateways.is_reachable()]

    for _ in range(3):
        gateways.send(an_sms())
        told.append(gateways.is_reachable())
    clock.advance(61)
    told.append(gateways.is_reachable())

    assert told == [True, True, True, False, True]


def test_bad_numbers_do_not_count_against_a_carrier():
    one, two = Scripted("first", *[BAD_NUMBER] * 5), Scripted("second")
    gateways = in_turn(one, two)

    for _ in range(5):
        gateways.send(an_sms())

    assert gateways.send(an_sms()).gateway == "first"


def test_figures_name_carrier_and_outcome_only():
    metrics = RecordedMetrics()
    in_turn(Scripted("a", NO_MONEY), Scripted("b", OK), metrics=metrics).send(an_sms())

    handed = {labels for labels in metrics.counts if labels[0] == "sms_handed_over"}
    assert handed == {
        (
            "sms_handed_over",
            ("gateway", "a"),
            ("state", "rejected"),
            ("reason", "balance"),
        ),
        ("sms_handed_over", ("gateway", "b"), ("state", "accepted"), ("reason", "none")),
    }
    assert metrics.observed["sms_hand_over"] == 2


def test_a_text_of_two_segments_is_counted():
    metrics = RecordedMetrics()

    in_turn(Scripted("a"), metrics=metrics).send(an_sms(text="x" * 161))

    assert metrics.counts["sms_long_texts", ("purpose", "signup")] == 1


@pytest.mark.parametrize("carrier", CARRIERS)
def test_logs_hold_neither_number_nor_text_nor_secret(sandbox: Sandbox, carrier, caplog):
    gateways = gateways_of([carrier], {carrier: sandbox.sms_url(carrier)})
    with caplog.at_level(logging.DEBUG):
        gateways.send(an_sms(name=f"log-{carrier}"))

    told = [repr(r.__dict__) for r in caplog.records if r.name.startswith("adapters.sms")]
    assert told
    for secret in ("81200000100", "123456", "sandbox-secret"):
        assert not any(secret in line for line in told)


# Building -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "token", "words"),
    [
        (["pigeon"], TOKEN, "pigeon"),
        (["zenziva", "zenziva"], TOKEN, "twice"),
        ([], TOKEN, "at least one"),
        (["infobip"], "", "secret"),
    ],
)
def test_a_bad_list_of_carriers_does_not_start(names, token, words):
    with pytest.raises(ValueError, match=words):
        build_sms_gateways(
            names,
            {name: Account("http://127.0.0.1") for name in names},
            report_base_url=BASE,
            report_token=token,
            clock=SystemClock(),
            metrics=RecordedMetrics(),
        )


def test_the_console_prints_the_message_and_logs_nothing_of_it(capsys, caplog):
    gateways = gateways_of(["console"], {"console": ""})
    with caplog.at_level(logging.DEBUG):
        receipt = gateways.send(an_sms())

    printed = capsys.readouterr().out
    assert "Kode 123456" in printed
    assert "081200000100" not in printed
    assert receipt.state is SmsState.ACCEPTED
    assert not any("123456" in repr(r.__dict__) for r in caplog.records)


# Rules beside the port ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("x" * 160, 1),
        ("x" * 161, 2),
        ("x" * 306, 2),
        ("x" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a\n" * 80, 1),
        ("’" + "x" * 69, 1),
        ("’" + "x" * 70, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
    ],
)
def test_segments_are_counted_as_carriers_bill_them(text, count):
    assert segments_of(text) == count


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        ("accepted", "sent", True),
        ("accepted", "delivered", True),
        ("unknown", "accepted", True),
        ("unknown", "delivered", True),
        ("sent", "accepted", False),
        ("sent", "sent", False),
        ("sent", "unknown", False),
        ("delivered", "sent", False),
        ("delivered", "delivered", False),
        ("delivered", "undelivered", False),
        ("undelivered", "delivered", True),
        ("undelivered", "expired", False),
        ("expired", "delivered", True),
    ],
)
def test_reports_never_lead_back(old, new, allowed):
    assert may_follow(SmsState(new), SmsState(old)) is allowed
