"""What a client assertion must claim (RFC 7523 §3, OpenID Connect Core §9, RFC 10070).

`fapi2` clients and those that registered `assertion_audience: issuer` name the issuer alone, as one
string; libraries of `baseline` clients name the token endpoint or the endpoint called as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import ProtocolError, invalid_client
from idp.domain.protocol.profile import rules_of

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TYPES: Final = frozenset({"jwt", "client-authentication+jwt"})

#: How far ahead a clock may be (RFC 7523 §3 point 5 leaves it to us).
LEEWAY_SECONDS: Final = 10
STRICT_LIFE_SECONDS: Final = 300
LENIENT_LIFE_SECONDS: Final = 3600


@dataclass(frozen=True, slots=True)
class AssertionIdentifier:
    """What makes an assertion good once: its `jti` and how long that is remembered."""

    jti: str
    remember_until: int


def is_strict(client: Client) -> bool:
    """Return whether the issuer is the only audience for this client."""
    sole = rules_of(client).sole_audience
    return sole or client.metadata.get("assertion_audience") == "issuer"


def check_assertion(
    claims: Mapping[str, Any], client: Client, *, issuer: str, endpoints: frozenset[str], now: int
) -> AssertionIdentifier:
    """Refuse with `invalid_client` unless the claims authenticate this client here and now.

    `endpoints`: addresses that count as audience for a lenient client.
    """
    if claims.get("iss") != client.client_id or claims.get("sub") != client.client_id:
        raise _refusal("iss and sub must be the client_id")
    _check_audience(claims.get("aud"), client, issuer=issuer, endpoints=endpoints)
    expires = _instant(claims, "exp")
    if expires is None:
        raise _refusal("exp is missing")
    if now > expires + LEEWAY_SECONDS:
        raise _refusal("it has expired")
    longest = STRICT_LIFE_SECONDS if is_strict(client) else LENIENT_LIFE_SECONDS
    if expires > now + longest + LEEWAY_SECONDS:
        raise _refusal(f"exp is more than {longest} seconds ahead")
    for name in ("iat", "nbf"):
        at = _instant(claims, name)
        if at is not None and at > now + LEEWAY_SECONDS:
            raise _refusal(f"{name} is in the future")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= 512:
        raise _refusal("jti must be a text of 1 to 512 characters")
    return AssertionIdentifier(jti, int(expires) + 60)


def _check_audience(
    audience: object, client: Client, *, issuer: str, endpoints: frozenset[str]
) -> None:
    if is_strict(client):
        if audience != issuer:
            raise _refusal("aud must be the issuer, as one string")
        return
    named = audience if isinstance(audience, list) else [audience]
    if not named or not all(isinstance(item, str) for item in named):
        raise _refusal("aud must be a string or a list of strings")
    if not set(named) <= endpoints | {issuer}:
        raise _refusal("aud must be the issuer or the endpoint called")


def _instant(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
        raise _refusal(f"{name} is no instant")
    return float(value)


def _refusal(why: str) -> ProtocolError:
    return invalid_client(f"the assertion was refused: {why}")
