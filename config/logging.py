"""Logs as JSON lines, in UTC, with nothing personal in them.

Callers log an event name and `extra` fields. What does not belong in a log is struck here once
more: a digit run as long as a NIK or phone number, anything that looks like an address or a token.
"""

import json
import logging
import re
import sys
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event, Lock, Thread
from typing import Any, Final, TextIO

from typing_extensions import override

_STANDARD: Final = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {
    "message",
    "taskName",
}
_PERSONAL: Final = re.compile(
    r"(?P<network>\b\d{1,3}(?:\.\d{1,3}){3}/\d{1,2}\b)"  # a truncated address: it stays
    r"|\+?\d(?:[ .\-]?\d){8,}"  # NIK, phone numbers
    r"|[^\s\"'<>@]+@[^\s\"'<>@]+\.\w+"  # e-mail addresses
    r"|eyJ[A-Za-z0-9_\-]{8,}[A-Za-z0-9_\-.]*"  # JSON web tokens
)
STRUCK: Final = "[struck]"
_NUMBER_MAX: Final = 10**11
#: What every personal text has in it: looking for this first spares most lines the search above.
_DIGITS: Final = re.compile(r"\d(?:[ .\-]?\d){8}")
_ENCODE: Final = json.JSONEncoder(ensure_ascii=False, default=str).encode


@dataclass(frozen=True, slots=True)
class AuditHead:
    """A signed head of the audit chain, which a line tells as it is.

    It has the form of a token and is none: it opens nothing, and names a number and an instant. As
    its type lets it through and not its form, no text that happens to look alike passes with it.
    """

    signed: str


class JsonLines(logging.Formatter):
    """One JSON document a line; control characters are escaped by JSON itself."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": strike(record.getMessage()),
        }
        for name, value in record.__dict__.items():
            if name not in _STANDARD:
                told[name] = _clean(value)
        if record.exc_info:
            told["trace"] = strike(self.formatException(record.exc_info))
        return _ENCODE(told)


def strike(text: str) -> str:
    """Return the text without what looks personal or secret."""
    if "@" in text or "eyJ" in text or _DIGITS.search(text):
        return _PERSONAL.sub(lambda found: found["network"] or STRUCK, text)
    return text


def _clean(value: object) -> object:
    """Return a field's value with everything struck that lies in it, however deep."""
    match value:
        case AuditHead():
            return value.signed
        case str():
            return strike(value)
        case bool() | None:
            return value
        case int():
            # longer than any instant or count of ours: a number of a person
            return value if abs(value) < _NUMBER_MAX else STRUCK
        case float():
            return value
        case dict():
            return {strike(str(name)): _clean(inner) for name, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_clean(inner) for inner in value]
        case _:
            return strike(str(value))


class Batches(logging.StreamHandler[TextIO]):
    """Writes lines together, at most `DELAY_SECONDS` late: a write costs as much as a token.

    A warning goes out at once, with all that came before it.
    """

    DELAY_SECONDS: Final = 0.2

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lines: deque[str] = deque()
        self._writing = Lock()
        self._waiting = Event()
        Thread(target=self._write_on, name="log", daemon=True).start()

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.add(self.format(record))
        if record.levelno > logging.INFO:
            self.flush()

    def add(self, line: str) -> None:
        """Take a line that is ready."""
        self._lines.append(line)
        if not self._waiting.is_set():
            self._waiting.set()

    @override
    def flush(self) -> None:
        with self._writing:
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            # a full disk or a reader that has gone: the service goes on without its log
            with suppress(OSError):
                self.stream.write("\n".join([*lines, ""]))
                self.stream.flush()

    def _write_on(self) -> None:
        while self._waiting.wait():
            time.sleep(self.DELAY_SECONDS)
            self._waiting.clear()
            self.flush()


def write_in_batches() -> None:
    """Let this process write its lines together; call it in a server's worker, after the fork."""
    root = logging.getLogger()
    handler = Batches(sys.stderr)
    handler.setFormatter(JsonLines())
    root.handlers[:] = [handler]


class RequestLog:
    """Tells of each request in one line.

    Where lines go out in batches this one is put together by itself: the logging module's record,
    filters and formatter cost more than answering from a cache. What goes in is ours alone, an
    endpoint's name, a number, a truncated network, so there is nothing to strike.
    """

    _METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)
        self._second = (0, "")

    def tell(
        self,
        at_ms: int,
        *,
        request_id: str,
        method: str,
        endpoint: str,
        status: int,
        ms: float,
        network: str,
    ) -> None:
        """Write the line. `at_ms`: milliseconds since the epoch; `ms`: how long it took."""
        if not self._logger.isEnabledFor(logging.INFO):
            return
        method = method if method in self._METHODS else "other"
        batches = _batches()
        if batches is None:
            told = {"request_id": request_id, "method": method, "endpoint": endpoint}
            more = {"status": status, "ms": ms, "network": network}
            self._logger.info("request", extra={**told, **more})
            return
        batches.add(
            f'{{"at": "{self._instant(at_ms)}", "level": "INFO", "logger": "{self._logger.name}", '
            f'"event": "request", "request_id": "{request_id}", "method": "{method}", '
            f'"endpoint": "{endpoint}", "status": {status}, "ms": {ms}, "network": "{network}"}}'
        )

    def _instant(self, at_ms: int) -> str:
        second, milliseconds = divmod(at_ms, 1000)
        kept, text = self._second
        if kept != second:
            text = datetime.fromtimestamp(second, UTC).isoformat()[: len("2026-11-27T08:00:00")]
            self._second = (second, text)
        return f"{text}.{milliseconds:03d}+00:00"


def _batches() -> Batches | None:
    handlers = logging.root.handlers
    return handlers[0] if len(handlers) == 1 and isinstance(handlers[0], Batches) else None


def set_up(level: str) -> None:
    """Send every logger's lines to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    # nothing prints who called, nor which thread: not looking them up halves the cost of a line
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # its debug lines print whole tokens
    logging.getLogger("authlib").setLevel(logging.INFO)
    for chatty in ("httpx", "httpcore", "sqlalchemy.engine", "werkzeug", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


class Intended(logging.Filter):
    """Drops what a server warns of and we chose: more threads than cores, since most wait."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith("Configuration allows spawning up to")


def server_logging(*loggers: str) -> dict[str, Any]:
    """Return a configuration under which a server's own loggers write as ours do."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonLines}},
        "filters": {"intended": {"()": Intended}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stderr",
                "formatter": "json",
                "filters": ["intended"],
            }
        },
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            name: {"handlers": ["stderr"], "level": "WARNING", "propagate": False}
            for name in loggers
        },
    }
