"""Our refusals in the wire form of OAuth, once, by Authlib's error classes.

Seam: Authlib has no class for the codes of OpenID Connect, RFC 8707 and others; for those its base
class carries the code. Its challenge header lacks the realm (RFC 7617 §2), so ours is written here.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from authlib.oauth2.rfc6749 import errors as rfc6749
from authlib.oauth2.rfc6749.errors import OAuth2Error

from idp.domain.protocol.algorithms import PROOFS
from idp.domain.protocol.errors import ProtocolError
from idp.oidc.response import NO_STORE, WireResponse, json_response

REALM: Final = "SIAPkerja ID"
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

_CLASSES: Final[Mapping[str, type[OAuth2Error]]] = {
    error.error: error
    for error in (
        rfc6749.InvalidRequestError,
        rfc6749.InvalidClientError,
        rfc6749.InvalidGrantError,
        rfc6749.UnauthorizedClientError,
        rfc6749.UnsupportedGrantTypeError,
        rfc6749.InvalidScopeError,
        rfc6749.AccessDeniedError,
    )
}


def oauth_error(error: ProtocolError) -> OAuth2Error:
    """Return Authlib's error; it refuses a description outside RFC 6749 §5.2's characters."""
    known = _CLASSES.get(error.error)
    if known is not None and known is not rfc6749.UnsupportedGrantTypeError:
        return known(description=error.description, status_code=error.status)
    return OAuth2Error(error=error.error, description=error.description, status_code=error.status)


def error_parameters(error: ProtocolError) -> dict[str, str]:
    """Return `error` and `error_description` as they go into a redirect or a body."""
    return dict(oauth_error(error).get_body())


def error_response(error: ProtocolError, *, retry_seconds: int = 0) -> WireResponse:
    """Return the JSON answer of an endpoint that clients authenticate at (RFC 6749 §5.2)."""
    headers: list[tuple[str, str]] = []
    if error.status == 401:
        headers.append(("WWW-Authenticate", f'Basic realm="{REALM}"'))
    if retry_seconds:
        headers.append(("Retry-After", str(retry_seconds)))
    return json_response(error_parameters(error), error.status, *headers)


def resource_error_response(
    error: ProtocolError | None,
    *,
    scheme: str,
    metadata_url: str = "",
    needs: Mapping[str, str] = NOTHING,
) -> WireResponse:
    """Return the answer of a protected resource (RFC 6750 §3, RFC 9449 §7.1).

    `None`: no token was sent, so both schemes are offered. `scheme`: the one that was used.
    `metadata_url`: where the resource describes itself (RFC 9728 §5.1). `needs`: the sign-in that
    would do (RFC 9470 §3).
    """
    offered = challenges(error, scheme=scheme, metadata_url=metadata_url, needs=needs)
    if error is None:
        return WireResponse(401, (*offered, *NO_STORE))
    return json_response(error_parameters(error), status_of(error), *offered)


def status_of(error: ProtocolError) -> int:
    """Return the status with which a protected resource answers a refusal (RFC 6750 §3.1)."""
    return 401 if error.error in _PROOF_ERRORS else error.status


def challenges(
    error: ProtocolError | None,
    *,
    scheme: str,
    metadata_url: str = "",
    needs: Mapping[str, str] = NOTHING,
) -> tuple[tuple[str, str], ...]:
    """Return the headers of such an answer; arguments as of `resource_error_response`."""
    about = {"resource_metadata": metadata_url} if metadata_url else {}
    if error is None:
        return tuple(_challenge(name, about) for name in ("Bearer", "DPoP"))
    return (_challenge(scheme, {**error_parameters(error), **needs, **about}),)


def _challenge(scheme: str, told: Mapping[str, str]) -> tuple[str, str]:
    """Return the header that says what would be let in (RFC 9110 §11.6.1)."""
    algorithms = {"algs": " ".join(PROOFS)} if scheme == "DPoP" else {}
    words = {"realm": REALM, **told, **algorithms}
    listed = ", ".join(f'{name}="{value}"' for name, value in words.items())
    return ("WWW-Authenticate", f"{scheme} {listed}")


#: At a resource these answer 401 (RFC 9449 §7.1, §9); at the token endpoint 400.
_PROOF_ERRORS: Final = frozenset({"invalid_dpop_proof", "use_dpop_nonce"})
