"""Letters by SMTP."""

import logging
import smtplib
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.charset import QP, Charset
from email.header import Header
from email.message import EmailMessage, Message
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.utils import formatdate, parseaddr
from functools import cache
from ipaddress import ip_address
from typing import Final
from urllib.parse import unquote, urlsplit

from idp.domain.identity.messages import Letter
from idp.ports.clock import Clock
from idp.ports.errors import GatewayUnavailable
from idp.ports.metrics import Metrics

logger = logging.getLogger(__name__)

STEP_SECONDS: Final = 10.0

_PORTS: Final = {"smtp": 25, "smtps": 465}
_GATEWAY: Final = "mail"


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where letters go. `is_tls_first`: TLS before the first word, as `smtps://` says."""

    host: str
    port: int
    is_tls_first: bool
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def is_here(self) -> bool:
        """Whether the server runs on this machine, where nobody listens on the way."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def parse_mail_url(url: str) -> MailServer:
    """Read `smtp://[user:password@]host[:port]` or `smtps://...`; raises `ValueError`."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("a mail address begins with smtp:// or smtps:// and names a host")
    return MailServer(
        parts.hostname,
        parts.port or _PORTS[parts.scheme],
        is_tls_first=parts.scheme == "smtps",
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


class SmtpMailer:
    """Implements `idp.ports.gateways.Mailer`; one connection a letter, safe for threads.

    STARTTLS is used where it is offered, and its certificate must be good; a password never
    travels in the clear. `sender`: the From line.
    """

    def __init__(self, server: MailServer, *, sender: str, clock: Clock, metrics: Metrics) -> None:
        self._server = server
        self._sender = sender
        self._domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
        self._clock = clock
        self._metrics = metrics

    def send(self, letter: Letter) -> None:
        started = self._clock.monotonic()
        outcome = "sent"
        try:
            self._hand_over(letter)
        except GatewayUnavailable as error:
            outcome = error.reason
            raise
        finally:
            seconds = self._clock.monotonic() - started
            self._metrics.count("mail_handed_over", outcome=outcome)
            self._metrics.observe("mail_hand_over", seconds, outcome=outcome)
            logger.log(
                logging.INFO if outcome == "sent" else logging.WARNING,
                "letter handed over",
                extra={"letter": letter.id, "outcome": outcome},
            )

    def _hand_over(self, letter: Letter) -> None:
        with _told():
            envelope = self._envelope(letter)
            with self._connection() as connection:
                connection.send_message(envelope)

    def _connection(self) -> smtplib.SMTP:
        server = self._server
        connection = (
            smtplib.SMTP_SSL(
                server.host,
                server.port,
                local_hostname=self._domain,
                timeout=STEP_SECONDS,
                context=_system_roots(),
            )
            if server.is_tls_first
            else smtplib.SMTP(
                server.host, server.port, local_hostname=self._domain, timeout=STEP_SECONDS
            )
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: smtplib.SMTP) -> None:
        """Encrypt where possible, then sign in."""
        server = self._server
        connection.ehlo()
        is_sealed = server.is_tls_first
        if not is_sealed and connection.has_extn("starttls"):
            connection.starttls(context=_system_roots())
            is_sealed = True
        if not server.user:
            return
        if not is_sealed and not server.is_here:
            raise GatewayUnavailable(_GATEWAY, "tls")
        connection.login(server.user, server.password)

    def _envelope(self, letter: Letter) -> Message:
        """Return the letter as it travels.

        By the library's older classes where they will do: the newer ones parse each header that
        they are given, which costs more than a page (`make bench`).
        """
        if not (letter.to + self._sender).isascii():
            return self._international(letter)
        envelope = MIMEMultipart("alternative")
        for name, value in self._headers(letter, _encoded(letter.subject)):
            if not value.replace("\n ", "").isprintable():
                raise ValueError("a header with a line break")
            envelope[name] = value
        for kind, text in (("plain", letter.text), ("html", letter.html)):
            part = MIMENonMultipart("text", kind)
            part.set_payload(text, _UTF_8)
            envelope.attach(part)
        return envelope

    def _international(self, letter: Letter) -> EmailMessage:
        """Return a letter to an address outside ASCII, which only these classes know (RFC 6531)."""
        envelope = EmailMessage()
        for name, value in self._headers(letter, letter.subject):
            envelope[name] = value
        envelope.set_content(letter.text)
        envelope.add_alternative(letter.html, subtype="html")
        return envelope

    def _headers(self, letter: Letter, subject: str) -> Iterable[tuple[str, str]]:
        return (
            ("Subject", subject),
            ("From", self._sender),
            ("To", letter.to),
            ("Date", formatdate(self._clock.now())),
            # the same letter handed over twice is one letter to a mailbox that looks
            ("Message-ID", f"<{letter.id}@{self._domain}>"),
            # RFC 3834: no holiday notes back
            ("Auto-Submitted", "auto-generated"),
        )


def _encoded(text: str) -> str:
    """Return a subject as it stands in its header (RFC 2047); `ValueError` for several lines.

    A long one is encoded too: a line can be broken between encoded words alone, not within a word.
    """
    if not text.isprintable():
        raise ValueError("a header with a line break")
    if text.isascii() and len(text) < _LINE_MAX:
        return text
    return Header(text, "utf-8", header_name="Subject").encode()


_LINE_MAX: Final = 68


def _quoted_printable() -> Charset:
    charset = Charset("utf-8")
    charset.body_encoding = QP
    return charset


#: Readable in the raw letter, unlike base64, which some filters hold against a sender.
_UTF_8: Final = _quoted_printable()


@cache
def _system_roots() -> ssl.SSLContext:
    return ssl.create_default_context()


@contextmanager
def _told() -> Iterator[None]:
    """Say in one word what went wrong; the server's own words may name the citizen."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        is_final = bool(codes) and all(code >= 500 for code in codes)
        raise GatewayUnavailable(_GATEWAY, "recipient" if is_final else "refused") from None
    except smtplib.SMTPAuthenticationError:
        raise GatewayUnavailable(_GATEWAY, "login") from None
    except smtplib.SMTPNotSupportedError:
        raise GatewayUnavailable(_GATEWAY, "refused") from None
    except TimeoutError:
        raise GatewayUnavailable(_GATEWAY, "timeout") from None
    except ssl.SSLError:
        raise GatewayUnavailable(_GATEWAY, "tls") from None
    except (smtplib.SMTPConnectError, smtplib.SMTPServerDisconnected) as error:
        # smtplib calls a silence in the middle a disconnection
        is_silence = isinstance(error.__context__, TimeoutError)
        raise GatewayUnavailable(_GATEWAY, "timeout" if is_silence else "unreachable") from None
    except smtplib.SMTPException:
        raise GatewayUnavailable(_GATEWAY, "refused") from None
    except OSError:
        raise GatewayUnavailable(_GATEWAY, "unreachable") from None
    except ValueError:
        # a line break in an address or a subject
        raise GatewayUnavailable(_GATEWAY, "recipient") from None
