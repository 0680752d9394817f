"""The pretend mail server: takes every letter and keeps it."""

import asyncio
import socket
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from threading import Event, Thread
from typing import Any, Final

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from adapters.simulators.state import SandboxState

_REPLIES: Final = {
    "refused": "550 5.1.1 No such mailbox",
    "busy": "451 4.3.0 Try again later",
}
_STOP_SECONDS: Final = 5


class _Postman:
    """aiosmtpd's handler: one message in the inbox for each recipient."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Refuse a recipient whom somebody told us to refuse."""
        del server, session, options
        switch = self._state.mail_switches.take(address.lower())
        if switch is not None:
            return _REPLIES[switch.kind]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep the plain text, the subject and the HTML."""
        del server, session
        content = envelope.content
        letter = message_from_bytes(content if isinstance(content, bytes) else b"", policy=default)
        for recipient in envelope.rcpt_tos:
            self._state.mail.add(
                recipient,
                _part(letter, "plain"),
                subject=str(letter["Subject"] or ""),
                html=_part(letter, "html"),
                message_id=str(letter["Message-ID"] or ""),
            )
        return "250 OK"


def _part(letter: EmailMessage, kind: str) -> str:
    body = letter.get_body((kind,))
    return str(body.get_content()).replace("\r\n", "\n") if body is not None else ""


class MailServer:
    """An SMTP server in a thread of its own."""

    def __init__(self, state: SandboxState, listener: socket.socket) -> None:
        self._state = state
        self._listener = listener
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = Thread(target=self._run, name="sandbox-mail", daemon=True)
        self._is_ready = Event()

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    def start(self) -> None:
        """Begin to take letters."""
        self._thread.start()
        self._is_ready.wait(_STOP_SECONDS)

    def stop(self) -> None:
        """End, without waiting for whoever is still connected."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        self._loop = loop = asyncio.new_event_loop()
        account = self._state.account

        def authenticate(
            server: SMTP, session: Session, envelope: Envelope, mechanism: str, login: Any
        ) -> AuthResult:
            del server, session, envelope, mechanism
            is_right = isinstance(login, LoginPassword) and (
                login.login == account.sms_key.encode()
                and login.password == account.sms_secret.encode()
            )
            # unhandled: the server itself says 535
            return AuthResult(success=is_right, handled=False)

        def protocol() -> SMTP:
            return SMTP(
                _Postman(self._state),
                hostname="sandbox.local",
                ident="SIAPkerja sandbox",
                enable_SMTPUTF8=True,
                loop=loop,
                authenticator=authenticate,
                auth_require_tls=False,
            )

        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(loop.create_server(protocol, sock=self._listener))
        loop.call_soon(self._is_ready.set)
        try:
            loop.run_forever()
        finally:
            server.close()
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()
