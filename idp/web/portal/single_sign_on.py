"""Authorization requests of browsers that are signed in, straight on WSGI (OIDC Core §3.1.2).

Most need no page: a live session and a consent that stands lead to a code at once, and Flask's part
of that would cost as much as all the rest (`make bench`). What needs a page is handed on to it
together with what was decided, so that nothing is decided twice.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final

from idp.domain.errors import Refused
from idp.domain.identity.audit import Origin
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from idp.oidc.authorization.response import Redirect
from idp.oidc.endpoints import AUTHORIZATION
from idp.oidc.provider import IdentityProvider
from idp.oidc.request import parse_faulty_parameters
from idp.ports.entropy import Entropy
from idp.ports.store import StoreUnavailable
from idp.web.addresses import truncated, unit_of
from idp.web.context import DECIDED, FLOW, is_flow
from idp.web.headers import page_headers

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_MORE: Final = (("Content-Length", "0"), ("Cache-Control", "no-store"))


class SingleSignOn:
    """Answers what needs no page, and leaves everything else to the pages."""

    def __init__(self, provider: IdentityProvider, entropy: Entropy, *, is_secure: bool) -> None:
        self._provider = provider
        self._entropy = entropy
        self._cookies = {
            name: f"__Host-{name}" if is_secure else name for name in ("sid", "flow", "device")
        }
        self._headers = (*page_headers(is_secure=is_secure), *_MORE)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes] | None:
        if environ["PATH_INFO"] != AUTHORIZATION.path or environ["REQUEST_METHOD"] != "GET":
            return None
        cookies = _read_cookies(environ.get("HTTP_COOKIE", ""))
        session = cookies.get(self._cookies["sid"])
        query = environ.get("QUERY_STRING", "")
        # a language that is chosen with the request is kept in a cookie by the pages
        if not session or "lang=" in query:
            return None
        visitor, flow = self._visitor(environ, cookies, session)
        try:
            outcome = self._provider.authorize(parse_faulty_parameters(query), visitor)
        except (Refused, StoreUnavailable):
            # nothing was kept; the pages find the same and say it in words
            return None
        if not isinstance(outcome, Redirect):
            environ[DECIDED], environ[FLOW] = outcome, flow
            return None
        environ["siapkerja.endpoint"] = "portal.authorize"
        start_response("303 See Other", [*self._headers, ("Location", outcome.location)])
        return [b""]

    def _visitor(
        self, environ: "WSGIEnvironment", cookies: Mapping[str, str], session: str
    ) -> tuple[Visitor, str]:
        """Return the browser, and the secret that its forms before sign-in are bound to."""
        flow = cookies.get(self._cookies["flow"], "")
        if not is_flow(flow):
            flow = self._entropy.token()
        device = cookies.get(self._cookies["device"])
        address = environ["siapkerja.address"]
        visitor = Visitor(
            flow_digest=digest_of(flow),
            address=unit_of(address),
            origin=Origin(truncated(address), environ["siapkerja.request_id"]),
            device_digest=digest_of(device) if device else None,
            session_digest=digest_of(session),
        )
        return visitor, flow


def _read_cookies(header: str) -> Mapping[str, str]:
    """Return cookies by name, the first of a name; ours need no decoding (RFC 6265 §4.2.1)."""
    found: dict[str, str] = {}
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        found.setdefault(name, value)
    return found


#: Something that answers a request or leaves it to the next.
Answering = Callable[["WSGIEnvironment", "StartResponse"], Iterable[bytes] | None]


def in_turn(*parts: Answering) -> Answering:
    """Return what asks one after the other until one answers."""

    def answer(
        environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes] | None:
        for part in parts:
            found = part(environ, start_response)
            if found is not None:
                return found
        return None

    return answer
