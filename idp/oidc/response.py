"""An answer to a client (RFC 6749 §5.1): status, headers, body; nothing of Flask."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from idp.oidc.compact_json import encode_json

JSON: Final = "application/json"
JWT: Final = "application/jwt"

#: RFC 6749 §5.1: nothing of a token answer is kept by a cache.
NO_STORE: Final = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))


@dataclass(frozen=True, slots=True)
class WireResponse:
    """What goes back."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""


def json_response(
    document: Mapping[str, Any], status: int = 200, *headers: tuple[str, str]
) -> WireResponse:
    """Return a JSON answer that no cache keeps."""
    about = (("Content-Type", JSON), *NO_STORE, *headers)
    return WireResponse(status, about, encode_json(document))


def empty_response(status: int = 200) -> WireResponse:
    """Return an answer without content; JSON type, since some clients insist on one."""
    return WireResponse(status, (("Content-Type", JSON), *NO_STORE), b"")
