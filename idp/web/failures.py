"""Support codes on answers that fail, and what is kept of the failure behind them.

What is known of a failure gathers in the WSGI environment while the request is answered; the front
door keeps it with the answer. Nothing is asked of the database for it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID

from flask import Flask, Response, g, request

from idp.domain.identity.support import Failure, Side, write_support_code
from idp.domain.ids import digest_of
from idp.domain.protocol.client import Client
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.services.failures import FailureWriter
from idp.services.support import SupportService
from idp.web.context import cookie_name, request_id, services

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from idp.domain.identity.account import Account
    from idp.domain.identity.session import LoginSession

_KEY: Final = "siapkerja.failure"
#: Longer texts are cut: the columns hold so many.
_CAUSE_MAX, _DETAIL_MAX, _ENDPOINT_MAX = 64, 300, 64


@dataclass(slots=True)
class Noted:
    """What is known so far. `code`: empty until somebody is told it.

    `is_bare`: the answer is no page and tells its code by itself, or in a header.
    """

    code: str = ""
    is_bare: bool = False
    side: Side = Side.PAGE
    cause: str = ""
    detail: str = ""
    client_id: str | None = None
    account_id: UUID | None = None
    trail: bytes | None = None


def noted(environ: "WSGIEnvironment") -> Noted:
    """Return what is noted of a request, for adding to it."""
    return cast("Noted", environ.setdefault(_KEY, Noted()))


def init_app(app: Flask) -> None:
    """Let templates show the code, and note who met the failure."""
    app.jinja_env.globals.update(support_code=support_code, request_reference=request_id)
    app.after_request(_note_who)


def support_code() -> str:
    """Return this answer's code as people read it."""
    found = noted(request.environ)
    found.code = found.code or services().support.make_code()
    return write_support_code(found.code)


def note_cause(cause: str, detail: str = "") -> None:
    """Note why this page fails: a stable word. What is noted last counts."""
    found = noted(request.environ)
    found.cause, found.detail = cause, detail


def note_unseen(cause: str) -> None:
    """Note a failure whose page comes with the next request; that shows `code_of_last`."""
    note_cause(cause)
    support_code()


def code_of_last(cause: str) -> str:
    """Return the code of this browser's last such failure, as people read it; empty without one."""
    flow = request.cookies.get(cookie_name("flow"))
    if not flow:
        return ""
    letters = services().support.last_code(digest_of(flow), cause)
    if letters is not None:
        return write_support_code(letters)
    # it may still be on its way to the database
    note_cause(cause)
    return support_code()


def note_portal(client: Client | None, *, is_its_request: bool = False) -> None:
    """Note which portal a page is for. `is_its_request`: what fails is what that portal sent."""
    found = noted(request.environ)
    found.client_id = client.client_id if client is not None else None
    if is_its_request:
        found.side = Side.PORTAL


def _note_who(response: Response) -> Response:
    found = cast("Noted | None", request.environ.get(_KEY))
    if found is not None and found.code:
        present = cast("tuple[LoginSession, Account] | None", g.get("signed_in"))
        found.account_id = present[1].id if present is not None else None
        flow = g.get("flow") or request.cookies.get(cookie_name("flow"))
        found.trail = digest_of(flow) if flow else None
    return response


@dataclass(frozen=True, slots=True)
class FailureKeeper:
    """What the front door does with failures."""

    support: SupportService
    writer: FailureWriter
    clock: Clock
    entropy: Entropy

    def code_for_header(self, environ: "WSGIEnvironment") -> str:
        """Return the code of an answer that is no page as people read it, else an empty text."""
        found = cast("Noted | None", environ.get(_KEY))
        if found is None or not found.is_bare:
            return ""
        found.code = found.code or self.support.make_code()
        return write_support_code(found.code)

    def keep(self, environ: "WSGIEnvironment", status: int) -> str:
        """Keep the failure behind an answer that told a code; return that, else an empty text."""
        found = cast("Noted | None", environ.get(_KEY))
        if found is None or not found.code:
            return ""
        endpoint = environ.get("siapkerja.endpoint", "other")
        self.writer.note(
            Failure(
                id=self.entropy.uuid7(self.clock.now_ms()),
                code=found.code,
                at=self.clock.now(),
                process=self.writer.process(),
                side=found.side,
                endpoint=endpoint[:_ENDPOINT_MAX],
                status=status,
                cause=(found.cause or f"http.{status}")[:_CAUSE_MAX],
                detail=found.detail[:_DETAIL_MAX],
                request_id=environ["siapkerja.request_id"],
                client_id=found.client_id,
                account_id=found.account_id,
                trail=found.trail,
            )
        )
        return write_support_code(found.code)
