"""Who asks for the end of a session, who hears of it, and what a logout token claims.

OpenID Connect RP-Initiated Logout §2, Back-Channel Logout §2.4.
"""

from dataclasses import dataclass
from typing import Any, Final

from idp.domain.protocol.client import Client

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
TYPE: Final = "logout+jwt"
LIFE_SECONDS: Final = 120
#: Tries in two minutes, then it is recorded as not told (`security.md` R-20).
ATTEMPTS: Final = 3
RETRY_SECONDS: Final = (20, 60)
DELIVERY_SECONDS: Final = 120


#: How long a logout that a portal asked for waits for the person's answer.
REQUEST_SECONDS: Final = 600


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """A logout that a portal asked for, after its parameters were checked.

    `client_id`: who asks, if known. `return_to`: a registered address with `state`, `None` where
    the person stays here. `hinted`: digest of the `sub` in the hint, `None` without a valid hint.
    `sid`: of the hint, where it has one. `ui_locales`: languages in order of preference.
    """

    client_id: str | None = None
    return_to: str | None = None
    hinted: str | None = None
    sid: str | None = None
    ui_locales: str | None = None


#: The person came by themselves.
OWN_WISH: Final = LogoutRequest()


def wants_to_hear(client: Client) -> bool:
    """Return whether a client registered where to be told (§2.2)."""
    return bool(client.metadata.get("backchannel_logout_uri"))


def logout_token_claims(
    client: Client, *, issuer: str, subject: str, sid: str, jti: str, now: int
) -> dict[str, Any]:
    """Return the claims: `sub` and `sid`, the event, never a `nonce` (§2.4)."""
    return {
        "iss": issuer,
        "aud": client.client_id,
        "iat": now,
        "exp": now + LIFE_SECONDS,
        "jti": jti,
        "sub": subject,
        "sid": sid,
        "events": {EVENT: {}},
    }
