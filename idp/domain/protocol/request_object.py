"""What a request object must claim (RFC 9101 §4, §10.8; FAPI 2.0 Message Signing §5.3.1)."""

from collections.abc import Mapping
from typing import Any, Final

from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import ProtocolError, invalid_request_object
from idp.domain.protocol.profile import rules_of

#: RFC 9101 §10.8.1; older libraries write `JWT`, or nothing.
TYPES: Final = frozenset({"oauth-authz-req+jwt", "jwt"})

#: How far clocks may differ. FAPI 2.0 Security Profile §5.3.2.1 point 13: ten seconds must be
#: borne, whatever the way of the message took; more than sixty must not.
SKEW_SECONDS: Final = 30

#: Claims of the JWT itself, which are no parameters of the request.
JWT_CLAIMS: Final = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti", "sub"})


def is_request_object_type(typ: object) -> bool:
    """Return whether a header's `typ` is one of a request object (RFC 7515 §4.1.9)."""
    return isinstance(typ, str) and typ.lower().removeprefix("application/") in TYPES


def check_request_object(
    claims: Mapping[str, Any], client: Client, *, issuer: str, now: int
) -> None:
    """Refuse a request object that is not this client's, for us, and now."""
    if claims.get("client_id") != client.client_id:
        raise _refusal("client_id must be the client's")
    if "iss" in claims and claims["iss"] != client.client_id:
        raise _refusal("iss must be the client_id")
    if {"request", "request_uri"} & set(claims):
        raise _refusal("it must not hold another request")
    _check_audience(claims.get("aud"), client, issuer)
    _check_instants(claims, client, now)


def _check_audience(audience: object, client: Client, issuer: str) -> None:
    named = audience if isinstance(audience, list) else [audience]
    if audience is None and rules_of(client).request_object_seconds is None:
        return
    if issuer not in named:
        raise _refusal("aud must be the issuer")


def _check_instants(claims: Mapping[str, Any], client: Client, now: int) -> None:
    """Refuse what has expired, is not yet, or lives too long.

    FAPI 2.0 Message Signing §5.3.1 points 3 and 4: `nbf` at most an hour old, `exp` at most an hour
    after it.
    """
    expires, begins = _instant(claims, "exp"), _instant(claims, "nbf")
    longest = rules_of(client).request_object_seconds
    if longest is not None and (expires is None or begins is None):
        raise _refusal("exp and nbf are needed")
    if expires is not None and now > expires + SKEW_SECONDS:
        raise _refusal("it has expired")
    if begins is not None and begins > now + SKEW_SECONDS:
        raise _refusal("nbf is in the future")
    issued = _instant(claims, "iat")
    if issued is not None and issued > now + SKEW_SECONDS:
        raise _refusal("iat is in the future")
    if longest is not None and begins is not None and expires is not None:
        if now - begins > longest:
            raise _refusal("nbf is more than an hour ago")
        if expires - begins > longest:
            raise _refusal("exp is more than an hour after nbf")


def _instant(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
        raise _refusal(f"{name} is no instant")
    return float(value)


def _refusal(why: str) -> ProtocolError:
    return invalid_request_object(f"the request object was refused: {why}")
