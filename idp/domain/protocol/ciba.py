"""Client-initiated backchannel authentication (CIBA Core §7, FAPI-CIBA §5).

The portal asks, the person answers in their own browser.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from idp.domain.protocol.device import PendingStatus
from idp.domain.protocol.errors import ProtocolError, invalid_request
from idp.domain.protocol.request_object import TYPES

GRANT_TYPE: Final = "urn:openid:params:grant-type:ciba"
DELIVERY_MODES: Final = ("poll", "ping")
LIFE_SECONDS: Final = 300
LIFE_MAX_SECONDS: Final = 600
INTERVAL_SECONDS: Final = 5
#: How old a signed request may be and how long it may live (FAPI-CIBA §5.2.2 point 5).
REQUEST_SECONDS: Final = 3600
LEEWAY_SECONDS: Final = 10
MESSAGE_MAX: Final = 128

_NOTIFICATION_TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]{22,1024}=*")
_MESSAGE: Final = re.compile(r"[^\x00-\x1f\x7f<>]+")
HINTS: Final = ("login_hint", "id_token_hint", "login_hint_token")

#: Parameters of the request itself, which a signed one carries inside and nowhere else (§7.1.1).
REQUEST_PARAMETERS: Final = frozenset(
    {
        *HINTS,
        "scope",
        "client_notification_token",
        "acr_values",
        "binding_message",
        "user_code",
        "requested_expiry",
        "resource",
        "authorization_details",
    }
)

#: What one person may be asked by all clients together, so that nobody is worn down (§14).
ASKED_MAX: Final = 10
ASKED_WINDOW_SECONDS: Final = 900


@dataclass(frozen=True, slots=True)
class BackchannelRequest:
    """One request that waits for a person.

    `digest`: of the `auth_req_id`. `page_digest`: of the id in the person's page address.
    `notification`: endpoint's bearer token, for ping; kept sealed.
    """

    digest: bytes
    page_digest: bytes
    client_id: str
    account_id: UUID
    scopes: tuple[str, ...]
    resources: tuple[str, ...]
    acr_values: tuple[str, ...]
    binding_message: str | None
    mode: str
    created_at: int
    expires_at: int
    details: tuple[Mapping[str, Any], ...] = ()
    interval: int = INTERVAL_SECONDS
    status: PendingStatus = PendingStatus.PENDING
    grant_id: UUID | None = None
    polled_at: int = 0
    notification: str | None = field(default=None, repr=False)


def check_hints(params: Mapping[str, Any]) -> str:
    """Return the name of the one hint that came (CIBA Core §7.1); `invalid_request` otherwise."""
    given = [name for name in HINTS if params.get(name)]
    if len(given) != 1:
        raise invalid_request(
            "exactly one of login_hint, id_token_hint, login_hint_token is needed"
        )
    if given[0] == "login_hint_token":
        raise invalid_request("login_hint_token is not supported")
    return given[0]


def check_binding_message(message: object) -> str | None:
    """Return the message that both screens show; `invalid_binding_message` for another form."""
    if message is None:
        return None
    if not isinstance(message, str) or not 1 <= len(message) <= MESSAGE_MAX:
        raise ProtocolError(
            "invalid_binding_message", f"binding_message must have 1 to {MESSAGE_MAX} characters"
        )
    if not _MESSAGE.fullmatch(message):
        raise ProtocolError(
            "invalid_binding_message", "binding_message has a character that can't be shown"
        )
    return message


def check_notification_token(token: object, mode: str) -> str | None:
    """Return the bearer token for ping (CIBA Core §7.1); it is needed there and nowhere else."""
    if mode == "poll":
        return None
    if not isinstance(token, str) or not _NOTIFICATION_TOKEN.fullmatch(token):
        raise invalid_request(
            "client_notification_token must be a bearer token of 22 to 1024 characters"
        )
    return token


def life_of(requested: object) -> int:
    """Return how long a request waits; `requested_expiry` may shorten or lengthen it."""
    if requested is None:
        return LIFE_SECONDS
    text = str(requested)
    if isinstance(requested, bool) or not (text.isascii() and text.isdigit() and len(text) < 8):
        raise invalid_request("requested_expiry must be a positive number of seconds")
    seconds = int(text)
    if seconds < 1:
        raise invalid_request("requested_expiry must be a positive number of seconds")
    return min(seconds, LIFE_MAX_SECONDS)


def check_signed_request(
    claims: Mapping[str, Any], *, typ: object, client_id: str, issuer: str, now: int
) -> None:
    """Refuse a signed request that is not this client's, for us, and now (CIBA Core §7.1.1).

    `typ`: of its header. All of `aud`, `iss`, `exp`, `iat`, `nbf` and `jti` are needed.
    """
    if str(typ).lower() not in TYPES:
        raise _refusal("its typ is another one than oauth-authz-req+jwt")
    if claims.get("iss") != client_id:
        raise _refusal("iss must be the client_id")
    if claims.get("client_id", client_id) != client_id:
        raise _refusal("client_id must be the client's")
    audience = claims.get("aud")
    if issuer not in (audience if isinstance(audience, list) else [audience]):
        raise _refusal("aud must be the issuer")
    expires, issued, begins = (_instant(claims, name) for name in ("exp", "iat", "nbf"))
    if now > expires + LEEWAY_SECONDS:
        raise _refusal("it has expired")
    if begins > now + LEEWAY_SECONDS or issued > now + LEEWAY_SECONDS:
        raise _refusal("it is from the future")
    if now - begins > REQUEST_SECONDS:
        raise _refusal("nbf is more than an hour ago")
    if expires - begins > REQUEST_SECONDS:
        raise _refusal("exp is more than an hour after nbf")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= 512:
        raise _refusal("jti must be a text of 1 to 512 characters")
    if "request" in claims or "request_uri" in claims:
        raise _refusal("it must not hold another request")


def _instant(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
        raise _refusal(f"{name} is missing")
    return float(value)


def _refusal(why: str) -> ProtocolError:
    return invalid_request(f"the signed request was refused: {why}")
