"""The sandbox's page for people: inboxes, switches, residents."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from flask import Blueprint, Response, make_response, render_template, request

from adapters.simulators.inbox import Inbox, Message
from adapters.simulators.kinds import MAIL_KINDS, MATCH, REGISTER_KINDS, SMS_KINDS
from adapters.simulators.people import SandboxPerson
from adapters.simulators.state import sandbox

page = Blueprint("page", __name__)

WIB: Final = timezone(timedelta(hours=7), "WIB")
SHOWN: Final = 40
REFRESH_SECONDS: Final = 5

_LINK: Final = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)\]]")
_CODE: Final = re.compile(r"(?<![#\w])[0-9]{6}(?!\w)")


@dataclass(frozen=True, slots=True)
class Shown:
    """One message as the page prints it.

    `parts`: its text in pieces, each with whether it is a web address. `codes`: six-digit codes.
    """

    message: Message
    parts: tuple[tuple[str, bool], ...]
    codes: tuple[str, ...]
    time: str
    instant: str


@page.get("/")
def home() -> Response:
    """Print everything; `?to=` narrows the inboxes, `?kind=` the people."""
    state = sandbox()
    chosen = request.args.get("kind", "")
    everybody = state.people.all()
    return make_response(
        render_template(
            "sandbox/home.html",
            people=[person for person in everybody if _is_chosen(person, chosen)],
            everybody=everybody,
            chosen=chosen,
            register_kinds=REGISTER_KINDS,
            sms_kinds=SMS_KINDS,
            mail_kinds=MAIL_KINDS,
            waiting=_waiting(),
            quota=state.quota,
            refresh=REFRESH_SECONDS if "refresh" in request.args else 0,
            **_inboxes(),
        )
    )


@page.get("/inbox")
def inbox() -> Response:
    """Print the inboxes alone, for the script that keeps them fresh; 304 while nothing is new."""
    response = make_response(render_template("sandbox/inbox.html", **_inboxes()))
    response.add_etag()
    response.make_conditional(request)
    return response


def _is_chosen(person: SandboxPerson, chosen: str) -> bool:
    if chosen in {"", "all"}:
        return True
    if chosen == "other":
        return person.kind != MATCH
    return person.kind == chosen


def _inboxes() -> dict[str, object]:
    to = request.args.get("to", "").strip()
    is_address = "@" in to
    return {
        "to": to,
        "messages": () if is_address else _shown(sandbox().sms, to),
        "letters": () if to and not is_address else _shown(sandbox().mail, to),
    }


def _shown(kept: Inbox, to: str) -> list[Shown]:
    return [_printed(message) for message in kept.messages(to or None)[:SHOWN]]


def _printed(message: Message) -> Shown:
    at = datetime.fromtimestamp(message.at, UTC)
    codes = tuple(dict.fromkeys(_CODE.findall(message.text)))
    return Shown(
        message,
        in_parts(message.text),
        codes,
        at.astimezone(WIB).strftime("%H.%M.%S WIB"),
        at.isoformat(timespec="seconds"),
    )


def in_parts(text: str) -> tuple[tuple[str, bool], ...]:
    """Return the text in pieces, each with whether it is an http or https address."""
    parts, position = [], 0
    for found in _LINK.finditer(text):
        parts += [(text[position : found.start()], False), (found.group(), True)]
        position = found.end()
    return (*parts, (text[position:], False))


def _waiting() -> list[dict[str, object]]:
    state = sandbox()
    return [
        {"about": about, **switch}
        for about, switches in (
            ("Dukcapil", state.register_switches),
            ("SMS", state.sms_switches),
            ("Email", state.mail_switches),
        )
        for switch in switches.waiting()
    ]
