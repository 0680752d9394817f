"""The mail port against the pretend mail server, and against ones that misbehave."""

import email.utils
import logging
import socket

import pytest
from outside_world import RecordedMetrics, SteppedClock, free_port, raw_server
from sandbox_server import Sandbox, running_sandbox

from adapters.mail import build_mailer
from adapters.mail.smtp import MailServer, parse_mail_url
from adapters.system import SystemClock
from idp.domain.identity.messages import Letter
from idp.ports.errors import GatewayUnavailable

SENDER = "SIAPkerja ID <no-reply@siapkerja.example>"


@pytest.fixture(scope="module")
def running():
    with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running):
    running.reset()
    return running


def a_mailer(url, *, metrics=None, clock=None):
    return build_mailer(
        url, sender=SENDER, clock=clock or SystemClock(), metrics=metrics or RecordedMetrics()
    )


def a_letter(**changed):
    members = {
        "id": "0193f0a0-0001",
        "to": "budi@example.id",
        "subject": "Kata sandi Anda diganti",
        "text": "Halo,\n\nKata sandi Anda baru saja diganti – bukan Anda?\nhttp://localhost/x?a=1&b=2\n",
        "html": "<p>Kata sandi Anda baru saja diganti.</p>",
    }
    return Letter(**members | changed)


def refusal(url, letter=None):
    with pytest.raises(GatewayUnavailable) as caught:
        a_mailer(url).send(letter or a_letter())
    assert caught.value.name == "mail"
    return caught.value.reason


def test_a_letter_arrives_with_text_html_and_subject(sandbox: Sandbox):
    a_mailer(sandbox.mail_url).send(a_letter())

    (message,) = sandbox.mail_to("Budi@Example.ID")
    assert message["text"] == a_letter().text
    assert message["html"].strip() == a_letter().html
    assert message["subject"] == "Kata sandi Anda diganti"
    assert message["to"] == "budi@example.id"


@pytest.mark.parametrize("to", ["aminé@contoh.id", "budi@münchen.example"])
def test_a_letter_to_an_address_outside_ascii_arrives(sandbox: Sandbox, to):
    """RFC 6531: forms take such addresses, so letters must reach them."""
    a_mailer(sandbox.mail_url).send(a_letter(to=to))

    (message,) = sandbox.mail_to(to)
    assert message["to"] == to
    assert message["text"] == a_letter().text
    assert message["subject"] == "Kata sandi Anda diganti"


def test_the_same_letter_keeps_its_message_id(sandbox: Sandbox):
    mailer = a_mailer(sandbox.mail_url)
    for _ in range(2):
        mailer.send(a_letter())

    ids = {message["message_id"] for message in sandbox.mail_to("budi@example.id")}
    assert ids == {"<0193f0a0-0001@siapkerja.example>"}


@pytest.mark.parametrize("subject", ["Kode masuk: 123456", "Pemberitahuan – akun ✓", "x" * 300])
def test_any_subject_survives(sandbox: Sandbox, subject):
    a_mailer(sandbox.mail_url).send(a_letter(subject=subject))

    assert sandbox.mail_to("budi@example.id")[0]["subject"] == subject


def test_long_lines_and_lonely_dots_survive(sandbox: Sandbox):
    text = "satu\n.\n..dua\n" + "kata " * 400 + "\n"
    a_mailer(sandbox.mail_url).send(a_letter(text=text))

    assert sandbox.mail_to("budi@example.id")[0]["text"] == text


def test_a_password_is_used_where_one_is_given(sandbox: Sandbox):
    url = sandbox.mail_url.replace("://", "://sandbox:sandbox-secret@")

    a_mailer(url).send(a_letter())

    assert sandbox.mail_to("budi@example.id")


def test_a_wrong_password_is_told(sandbox: Sandbox):
    assert refusal(sandbox.mail_url.replace("://", "://sandbox:wrong@")) == "login"


@pytest.mark.parametrize(("kind", "reason"), [("refused", "recipient"), ("busy", "refused")])
def test_a_refused_recipient_is_for_good_only_where_the_server_says_so(sandbox, kind, reason):
    sandbox.next_mail(kind, to="budi@example.id")

    assert refusal(sandbox.mail_url) == reason
    assert sandbox.mail_to("budi@example.id") == []


def test_a_closed_port_is_told():
    assert refusal(f"smtp://127.0.0.1:{free_port()}") == "unreachable"


def test_a_server_that_hangs_up_is_told():
    with raw_server(lambda connection: connection.close()) as port:
        assert refusal(f"smtp://127.0.0.1:{port}") == "unreachable"


def test_a_server_that_talks_rubbish_is_told():
    def talk(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with raw_server(talk) as port:
        assert refusal(f"smtp://127.0.0.1:{port}") in {"unreachable", "refused"}


def talking(*lines: bytes):
    """A server that greets, then answers each line of ours with the next of `lines`."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(b"220 mail.example ESMTP\r\n")
        for line in lines:
            heard.append(connection.recv(65536))
            connection.sendall(line)

    heard: list[bytes] = []
    return talk, heard


def test_a_password_never_travels_in_the_clear_to_another_machine():
    talk, heard = talking(b"250-mail.example\r\n250 AUTH PLAIN LOGIN\r\n", b"235 welcome\r\n")
    with raw_server(talk) as port:
        # on Linux this reaches our own machine, but nothing says so
        assert refusal(f"smtp://user:pass@0.0.0.0:{port}") == "tls"

    assert not any(b"AUTH" in line.upper() for line in heard)


@pytest.mark.parametrize(
    ("host", "is_here"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("mail.example", False)],
)
def test_only_loopback_is_this_machine(host, is_here):
    assert MailServer(host, 25, is_tls_first=False).is_here is is_here


def test_a_certificate_that_nobody_vouches_for_stops_the_letter():
    talk, heard = talking(
        b"250-mail.example\r\n250 STARTTLS\r\n", b"220 go ahead\r\n", b"not a handshake\r\n"
    )
    with raw_server(talk) as port:
        assert refusal(f"smtp://127.0.0.1:{port}") == "tls"
    assert b"STARTTLS" in heard[1].upper()


def test_smtps_begins_with_a_handshake():
    first: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        first.append(connection.recv(3))

    with raw_server(talk) as port:
        assert refusal(f"smtps://127.0.0.1:{port}") in {"tls", "unreachable"}
    # a TLS record: handshake, version 3.x
    assert first[0][:2] == b"\x16\x03"


@pytest.mark.parametrize("to", ["budi@example.id\r\nBcc: eve@example.id", "budi\n@example.id"])
def test_a_line_break_in_an_address_sends_nothing(sandbox: Sandbox, to):
    assert refusal(sandbox.mail_url, a_letter(to=to)) == "recipient"
    assert sandbox.mail_to("eve@example.id") == []


def test_head_lines_say_who_when_and_that_a_machine_wrote():
    talk, heard = talking(
        b"250 mail.example\r\n",
        b"250 sender ok\r\n",
        b"250 recipient ok\r\n",
        b"354 go ahead\r\n",
        b"250 taken\r\n",
        b"221 bye\r\n",
    )
    clock = SteppedClock()
    with raw_server(talk) as port:
        a_mailer(f"smtp://127.0.0.1:{port}", clock=clock).send(a_letter())

    head = heard[4].decode()
    assert f"From: {SENDER}" in head
    assert "Auto-Submitted: auto-generated" in head
    assert f"Date: {email.utils.formatdate(clock.now())}" in head
    assert "multipart/alternative" in head
    assert heard[0].decode().split() == ["ehlo", "siapkerja.example"]


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", MailServer("mail.example", 25, is_tls_first=False)),
        ("smtps://mail.example", MailServer("mail.example", 465, is_tls_first=True)),
        (
            "smtp://us%40er:p%3Ass@mail.example:587",
            MailServer("mail.example", 587, is_tls_first=False, user="us@er", password="p:ss"),
        ),
    ],
)
def test_addresses_of_mail_servers(url, server):
    assert parse_mail_url(url) == server


@pytest.mark.parametrize("url", ["", "http://mail.example", "smtp://", "mail.example:25"])
def test_other_addresses_do_not_start(url):
    with pytest.raises(ValueError, match="smtp"):
        parse_mail_url(url)


@pytest.mark.parametrize("works", [True, False])
def test_logs_figures_and_errors_hold_no_address_and_no_text(sandbox: Sandbox, works, caplog):
    metrics = RecordedMetrics()
    if not works:
        sandbox.next_mail("refused", to="budi@example.id")
    with caplog.at_level(logging.DEBUG):
        try:
            a_mailer(sandbox.mail_url, metrics=metrics).send(a_letter())
            told = ""
        except GatewayUnavailable as error:
            told = f"{error!r} {error.__cause__!r}"

    records = [repr(r.__dict__) for r in caplog.records if r.name.startswith("adapters.mail")]
    assert records
    for words in ("budi@example.id", "Kata sandi"):
        assert words not in told
        assert words not in repr(metrics)
        assert not any(words in record for record in records)
    outcome = "sent" if works else "recipient"
    assert metrics.counts["mail_handed_over", ("outcome", outcome)] == 1
