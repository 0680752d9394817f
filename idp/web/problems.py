"""Errors for programs: problem details as JSON (RFC 9457), each with a stable code.

Texts are English and for developers; nothing that somebody sent stands in them, but in pointers.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from idp.oidc.endpoints import CALLED, JWKS
from idp.oidc.provider import DOCUMENTS

#: Whatever lies below is called by programs alone.
PROGRAMS: Final = "/api/"
TYPE: Final = "application/problem+json"
#: What a code becomes as the URI of a problem type (RFC 9457 §3.1.1).
URN: Final = "urn:siapkerja:problem:"

#: Codes and words of what goes wrong before any operation is reached.
STATUSES: Final[Mapping[int, tuple[str, str]]] = {
    400: ("request.malformed", "the request can not be read"),
    403: ("forbidden", "this is not allowed"),
    404: ("address.unknown", "there is nothing at this address"),
    405: ("method.unknown", "this address does not take the method; Allow says which it takes"),
    408: ("body.too_slow", "the body took too long"),
    413: ("body.too_large", "the body is too large"),
    414: ("address.too_long", "the address is too long"),
    415: ("body.media_type", "the body has another media type than those that are taken"),
    421: ("host.unknown", "this host is not served here"),
    429: ("too_many_requests", "too many requests; Retry-After says when to try again"),
    431: ("headers.too_large", "the headers are too large"),
    500: ("server_error", "something went wrong on our side; name the request_id to us"),
    503: ("unavailable", "the service can not answer now; nothing was changed"),
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong with what was sent.

    Exactly one of the places is set. `pointer`: into the body (RFC 6901).
    """

    code: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None

    def document(self) -> dict[str, str]:
        """Return its members that have a value."""
        told = {
            "pointer": self.pointer,
            "parameter": self.parameter,
            "header": self.header,
            "code": self.code,
            "detail": self.detail,
        }
        return {name: value for name, value in told.items() if value is not None}


class Problem(Exception):  # noqa: N818 - an answer, not an error
    """Ends a call of the API with an answer that says why."""

    def __init__(
        self,
        status: int,
        code: str = "",
        detail: str = "",
        *,
        errors: Sequence[FieldError] = (),
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        usual, words = STATUSES.get(status, ("", ""))
        super().__init__(code or usual)
        self.status = status
        self.code = code or usual
        self.detail = detail or words
        self.errors = tuple(errors)
        self.headers = tuple(headers)

    def document(self, request_id: str) -> dict[str, Any]:
        """Return the members of the answer."""
        told: dict[str, Any] = {
            "type": URN + self.code,
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "request_id": request_id,
        }
        if self.errors:
            told["errors"] = [error.document() for error in self.errors]
        return told

    def body(self, request_id: str) -> bytes:
        """Return the bytes of the answer."""
        return json.dumps(self.document(request_id), ensure_ascii=False).encode()


def is_for_programs(path: str) -> bool:
    """Return whether errors at this path are told as problem details.

    Beside the API: an endpoint with a slash too many, which no person types.
    """
    return path.startswith(PROGRAMS) or (path.endswith("/") and path.rstrip("/") in _MACHINE)


_MACHINE: Final = frozenset({*(row.path for row in CALLED), JWKS.path, *DOCUMENTS})
