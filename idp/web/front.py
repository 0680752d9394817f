"""The front door: what is checked before any page or endpoint sees a request.

Host, sizes and the caller's address are settled here; then the machine endpoints answer by
themselves and everything else goes to Flask.
"""

import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from flask import Flask, request

from idp.domain.ids import text_of
from idp.domain.protocol.errors import ProtocolError
from idp.oidc.endpoints import AUTHORIZATION, END_SESSION, answers_programs
from idp.oidc.errors import error_response
from idp.oidc.response import JSON
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.metrics import Metrics
from idp.web.addresses import Networks, client_address, truncated
from idp.web.bodies import Bodies
from idp.web.errors import RETRY_SECONDS
from idp.web.failures import FailureKeeper, noted
from idp.web.headers import SUPPORT_CODE, bare_headers
from idp.web.problems import TYPE as PROBLEM
from idp.web.problems import Problem, is_for_programs

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger(__name__)

URL_MAX: Final = 8192
#: Where whole signed objects come by query: one of 16 KB, and what stands beside it.
LONG_URL_MAX: Final = 32768
LONG_URLS: Final = frozenset({AUTHORIZATION.path, END_SESSION.path})
HEADERS_MAX: Final = 16384
BODY_MAX: Final = 65536
REGISTRATION_MAX: Final = 2 * 1024 * 1024
LOGO_UPLOAD_MAX: Final = 24 * 1024 * 1024

#: Answered whatever the Host header says: balancers probe by address.
ANY_HOST: Final = frozenset({"/livez", "/readyz"})
_LOOPBACK: Final = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?")

_REFUSALS: Final = {
    400: "400 Bad Request",
    408: "408 Request Timeout",
    413: "413 Content Too Large",
    414: "414 URI Too Long",
    421: "421 Misdirected Request",
    431: "431 Request Header Fields Too Large",
    503: "503 Service Unavailable",
}


def init_app(app: Flask) -> None:
    """Let every page tell its name, for logs and figures; paths may hold ids."""
    app.before_request(_name_page)


def _name_page() -> None:
    request.environ["siapkerja.endpoint"] = request.endpoint or "none"


#: What a person reads who sent too much: no page, since nothing of the request is read. A caller
#: that asks for another host than ours is told nothing.
_WORDS: Final = {
    400: "Isian tidak sampai seluruhnya. Kirim sekali lagi.\n"
    "What you sent did not arrive whole. Send it again.\n",
    408: "Isian terlalu lama dikirim. Kirim sekali lagi.\n"
    "What you sent took too long to arrive. Send it again.\n",
    413: "Isian terlalu besar. Kurangi isian Anda, lalu kirim sekali lagi.\n"
    "What you sent is too large. Shorten it, then send it again.\n",
    414: "Alamat terlalu panjang.\nThe address is too long.\n",
    431: "Peramban mengirim terlalu banyak kuki. Hapus kuki situs ini, lalu coba lagi.\n"
    "The browser sent too many cookies. Clear this site's cookies, then try again.\n",
    503: "Layanan sedang penuh. Coba lagi sebentar lagi.\n"
    "The service is busy. Try again in a moment.\n",
}


#: What a client's developer reads; a caller that asks for another host is told nothing here too.
_DESCRIPTIONS: Final = {
    400: "the body of the request is shorter than its Content-Length",
    408: "the body of the request took too long",
    413: "the body of the request is too large",
    414: "the address of the request is too long",
    431: "the headers of the request are too large",
    503: "too many requests are being read; try again",
}


_CODE_WORDS: Final = "\nKode bantuan / support code: "


@dataclass(frozen=True, slots=True)
class FrontSettings:
    """`hosts`: accepted beside loopback names, which count only where `allow_loopback`.

    `is_secure`: the issuer is https.
    """

    hosts: frozenset[str]
    allow_loopback: bool
    trusted_proxies: Networks
    is_secure: bool


class Front:
    """The WSGI application that the server runs."""

    def __init__(
        self,
        pages: "WSGIApplication",
        machine: "Callable[[WSGIEnvironment, StartResponse], Iterable[bytes] | None]",
        settings: FrontSettings,
        *,
        clock: Clock,
        entropy: Entropy,
        metrics: Metrics,
        tell_request: Callable[..., None],
        failures: FailureKeeper,
        bodies: Bodies,
    ) -> None:
        self._pages = pages
        self._machine = machine
        self._settings = settings
        self._clock = clock
        self._entropy = entropy
        self._metrics = metrics
        self._tell_request = tell_request
        self._failures = failures
        self._bodies = bodies
        self._bare = (
            *bare_headers(is_secure=settings.is_secure),
            ("Cache-Control", "no-store"),
        )

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        began = self._clock.monotonic()
        request_id = text_of(self._entropy.bits(96), 12)
        environ["siapkerja.request_id"] = request_id
        environ["siapkerja.address"] = client_address(
            environ.get("REMOTE_ADDR", ""),
            environ.get("HTTP_X_FORWARDED_FOR", ""),
            self._settings.trusted_proxies,
        )
        told: list[str] = []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            told.append(status)
            headers.append(("X-Request-Id", request_id))
            code = self._failures.code_for_header(environ) if status >= "4" else ""
            if code:
                headers.append((SUPPORT_CODE, code))
            return start_response(status, headers, exc_info)

        refusal = self._refusal(environ)
        if refusal is not None:
            kind, body = self._told(refusal, environ)
            about = [("Content-Type", kind), ("Content-Length", str(len(body)))]
            if refusal == 503:
                about.append(("Retry-After", str(RETRY_SECONDS)))
            start(_REFUSALS[refusal], [*self._bare, *about])
            answer: Iterable[bytes] = [body]
        else:
            machine_answer = self._machine(environ, start)
            answer = self._pages(environ, start) if machine_answer is None else machine_answer
            self._bodies.forget(environ)
        self._tell(environ, told[0][:3] if told else "200", began)
        return answer

    def _told(self, refusal: int, environ: "WSGIEnvironment") -> tuple[str, bytes]:
        """Return type and text of a refusal, for a program or for a person."""
        if is_for_programs(environ.get("PATH_INFO", "")):
            return PROBLEM, Problem(refusal).body(environ["siapkerja.request_id"])
        words = _WORDS.get(refusal, "")
        if refusal in _DESCRIPTIONS and answers_programs(environ.get("PATH_INFO", "")):
            noted(environ).is_bare = True
            word = "temporarily_unavailable" if refusal == 503 else "invalid_request"
            error = ProtocolError(word, _DESCRIPTIONS[refusal], status=refusal)
            return JSON, error_response(error).body
        if words:
            noted(environ).is_bare = True
            words = f"{words}{_CODE_WORDS}{self._failures.code_for_header(environ)}\n"
        return "text/plain; charset=utf-8", words.encode()

    def _refusal(self, environ: "WSGIEnvironment") -> int | None:
        path = environ.get("PATH_INFO", "")
        longest = LONG_URL_MAX if path in LONG_URLS else URL_MAX
        if len(path) + len(environ.get("QUERY_STRING", "")) > longest:
            return 414
        if not self._is_known_host(environ.get("HTTP_HOST", "")) and path not in ANY_HOST:
            return 421
        if _size_of_headers(environ) > HEADERS_MAX:
            return 431
        length = environ.get("CONTENT_LENGTH") or "0"
        if not (length.isascii() and length.isdigit()):
            return 413
        return self._bodies.read(environ, body_limit(path))

    def _is_known_host(self, host: str) -> bool:
        lowered = host.lower()
        if lowered in self._settings.hosts:
            return True
        return self._settings.allow_loopback and _LOOPBACK.fullmatch(lowered) is not None

    def _tell(self, environ: "WSGIEnvironment", status: str, began: float) -> None:
        seconds = self._clock.monotonic() - began
        where = environ.get("siapkerja.endpoint", "other")
        number = int(status)
        code = self._failures.keep(environ, number)
        if code:
            _tell_failure(environ, code, number)
        self._metrics.observe("request", seconds, endpoint=where, status=status[0] + "xx")
        self._tell_request(
            self._clock.now_ms(),
            request_id=environ["siapkerja.request_id"],
            method=environ.get("REQUEST_METHOD", ""),
            endpoint=where,
            status=number,
            ms=round(seconds * 1000, 1),
            network=truncated(environ["siapkerja.address"]),
        )


def _size_of_headers(environ: "WSGIEnvironment") -> int:
    size = 0
    for name, value in environ.items():
        if name[:5] == "HTTP_":
            size += len(name) + len(value)
    return size


def _tell_failure(environ: "WSGIEnvironment", code: str, status: int) -> None:
    """Tell the log too: the database may be what failed."""
    found = noted(environ)
    logger.log(
        logging.WARNING if status >= 500 else logging.INFO,
        "failure",
        extra={
            "request_id": environ["siapkerja.request_id"],
            "support_code": code,
            "cause": found.cause,
            "client_id": found.client_id,
            "status": status,
        },
    )


def body_limit(path: str) -> int:
    """Return how large a body may be, by where it goes."""
    if path.startswith("/admin/portal/"):
        # the pages themselves say at their fields that a picture or a list is too long
        return LOGO_UPLOAD_MAX if path.endswith("/logo") else REGISTRATION_MAX
    if path.startswith("/pengembang/portal"):
        return REGISTRATION_MAX
    return BODY_MAX
