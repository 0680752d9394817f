"""Machine endpoints straight on WSGI: no session, no template, no locale.

Flask's dispatch and request object cost more than a token request itself (`make bench`), and
nothing of them is needed here: the provider takes wire requests and gives wire responses.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from uuid import UUID

from idp.domain.identity.support import Side
from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import ProtocolError
from idp.oidc.client_directory import origins_of
from idp.oidc.endpoints import CALLED, JWKS, MANAGEMENT, TRIAL, EndpointRow
from idp.oidc.errors import error_response
from idp.oidc.provider import DOCUMENTS, IdentityProvider
from idp.oidc.request import WireRequest
from idp.oidc.response import NO_STORE, WireResponse
from idp.web.failures import noted
from idp.web.headers import SUPPORT_CODE, bare_headers
from idp.web.wire import WireReader

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

#: Everything but what people see.
_ROWS: Final[Mapping[str, EndpointRow]] = {row.path: row for row in CALLED}
#: Bytes that are the same for everybody, by where they are, with the name in logs and figures.
_PUBLIC: Final = {**dict.fromkeys(DOCUMENTS, "document"), JWKS.path: JWKS.name}

_WITHOUT_CONTENT: Final = frozenset({204, 304})

_STATUS: Final = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}

_PREFLIGHT: Final = (
    ("Access-Control-Allow-Methods", "GET, POST, OPTIONS"),
    ("Access-Control-Allow-Headers", "Authorization, DPoP, Content-Type"),
    ("Access-Control-Max-Age", "600"),
)
_EXPOSED: Final = (
    "Access-Control-Expose-Headers",
    f"DPoP-Nonce, WWW-Authenticate, Retry-After, {SUPPORT_CODE}",
)


LOGO_PATH: Final = "/logo/"
_LOGO_NAME: Final = re.compile(
    r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-([0-9a-f]{16})\.png", re.ASCII
)
_LOGO_HEADERS: Final = (
    ("Content-Type", "image/png"),
    ("Cache-Control", "public, max-age=31536000, immutable"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)


class MachineEndpoints:
    """Answers what is its own, and leaves everything else to the pages."""

    def __init__(
        self,
        provider: IdentityProvider,
        *,
        is_secure: bool,
        origins: Callable[[], frozenset[str]],
        find_logo: Callable[[UUID, str], bytes | None],
        read: WireReader,
        offers_trial: bool = False,
    ) -> None:
        self._provider = provider
        self._always = bare_headers(is_secure=is_secure)
        self._origins = origins
        self._find_logo = find_logo
        self._read = read
        trial = {TRIAL.path: TRIAL} if offers_trial else {}
        self._rows: Mapping[str, EndpointRow] = {**_ROWS, **trial}

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes] | None:
        path = environ["PATH_INFO"]
        row = self._rows.get(path)
        caller: Client | None = None
        if row is not None:
            environ["siapkerja.endpoint"] = row.name
            response, caller = self._endpoint(environ, row)
        elif path in _PUBLIC:
            environ["siapkerja.endpoint"] = _PUBLIC[path]
            response = self._document(environ, path)
        elif path.startswith(LOGO_PATH):
            environ["siapkerja.endpoint"] = "logo"
            response = self._logo(environ, path.removeprefix(LOGO_PATH))
        elif path.startswith(MANAGEMENT):
            environ["siapkerja.endpoint"] = "registration"
            response = self._management(environ, path.removeprefix(MANAGEMENT))
        else:
            return None
        headers = [*response.headers, *self._always, *self._cors(environ, path, row, caller)]
        # RFC 9110 §8.6: none where there can be no content, to HEAD that of the answer to a GET
        if response.status not in _WITHOUT_CONTENT:
            headers.append(("Content-Length", str(len(response.body))))
        body = b"" if environ["REQUEST_METHOD"] == "HEAD" else response.body
        start_response(_STATUS[response.status], headers)
        # a list: granian hands it over in one piece
        return [body]

    def _document(self, environ: "WSGIEnvironment", path: str) -> WireResponse:
        if environ["REQUEST_METHOD"] == "OPTIONS":
            return WireResponse(204, ())
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return _not_allowed("GET, HEAD, OPTIONS")
        found = self._provider.document(path, environ.get("QUERY_STRING", ""))
        return _unless_known(environ, found)

    def _logo(self, environ: "WSGIEnvironment", name: str) -> WireResponse:
        """Return a portal's logo; its address changes with it, so that it may be kept for good."""
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return _not_allowed("GET, HEAD")
        read = _LOGO_NAME.fullmatch(name)
        body = self._find_logo(UUID(read[1]), read[2]) if read is not None else None
        if body is None:
            return WireResponse(404, (("Cache-Control", "no-store"),))
        return WireResponse(200, _LOGO_HEADERS, body)

    def _management(self, environ: "WSGIEnvironment", client_id: str) -> WireResponse:
        if environ["REQUEST_METHOD"] not in {"GET", "PUT", "DELETE"}:
            return _wrong_method("GET, PUT, DELETE")
        wire = self._read(environ)
        response = self._provider.manage_registration(wire, client_id)
        _note(environ, wire)
        return response

    def _endpoint(
        self, environ: "WSGIEnvironment", row: EndpointRow
    ) -> tuple[WireResponse, Client | None]:
        """Return the answer, and whose call it was where that came out."""
        method = environ["REQUEST_METHOD"]
        if method == "OPTIONS" and row.allows_cors:
            return WireResponse(204, ()), None
        if method not in row.methods and not (method == "HEAD" and "GET" in row.methods):
            allowed = ", ".join((*row.methods, *(("OPTIONS",) if row.allows_cors else ())))
            return _wrong_method(allowed), None
        wire = self._read(environ)
        response = self._provider.respond(row, wire)
        _note(environ, wire)
        return response, wire.caller

    def _cors(
        self,
        environ: "WSGIEnvironment",
        path: str,
        row: EndpointRow | None,
        caller: Client | None,
    ) -> Iterable[tuple[str, str]]:
        """Return the headers of HD-4: a known caller's own pages may read what it was told."""
        origin = environ.get("HTTP_ORIGIN")
        if origin is None:
            return ()
        preflight = _PREFLIGHT if environ["REQUEST_METHOD"] == "OPTIONS" else ()
        if path in _PUBLIC:
            return (("Access-Control-Allow-Origin", "*"), *preflight)
        if row is None or not row.allows_cors:
            return (("Vary", "Origin"),)
        # a preflight names no client: there, and where none was made out, any client's page may ask
        origins = self._origins() if caller is None else origins_of(caller)
        if origin not in origins:
            return (("Vary", "Origin"),)
        return (
            ("Access-Control-Allow-Origin", origin),
            ("Vary", "Origin"),
            _EXPOSED,
            *preflight,
        )


#: Refusals of a good run of the protocol: polling (RFC 8628 §3.5), nonces (RFC 9449 §8).
_EXPECTED: Final = frozenset({"authorization_pending", "slow_down", "use_dpop_nonce"})


def _note(environ: "WSGIEnvironment", wire: WireRequest) -> None:
    """Note why a portal's call failed, so that its team can find out by the code in the header."""
    error = wire.refusal
    if error is None or error.error in _EXPECTED:
        return
    found = noted(environ)
    found.is_bare, found.side = True, Side.PORTAL
    found.cause, found.detail = error.error, error.for_the_team
    found.client_id = wire.caller.client_id if wire.caller is not None else None


def _not_allowed(methods: str) -> WireResponse:
    return WireResponse(405, (("Allow", methods), *NO_STORE))


def _wrong_method(methods: str) -> WireResponse:
    """Tell a client's developer too what is taken: libraries show no headers (RFC 9110 §15.5.6)."""
    error = ProtocolError("invalid_request", f"this address takes {methods}", status=405)
    told = error_response(error)
    return WireResponse(told.status, (("Allow", methods), *told.headers), told.body)


def _unless_known(environ: "WSGIEnvironment", response: WireResponse) -> WireResponse:
    """Answer 304 where the caller has these very bytes (RFC 9110 §13.1.2)."""
    known = environ.get("HTTP_IF_NONE_MATCH")
    tag = dict(response.headers).get("ETag") if known else None
    if known and tag is not None and tag in known:
        kept = tuple(h for h in response.headers if h[0] in {"ETag", "Cache-Control"})
        return WireResponse(304, kept)
    return response
