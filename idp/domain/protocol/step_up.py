"""Step-up authentication (RFC 9470 §3): a sign-in too weak or too long ago for a resource.

The resource names what would do, the client asks for just that at the authorization endpoint by
`acr_values` and `max_age` (§4), and brings the new token.
"""

from collections.abc import Mapping
from typing import Any

from idp.domain.identity.assurance import level_of
from idp.domain.protocol.errors import ProtocolError


class StepUpNeeded(ProtocolError):  # noqa: N818 - a refusal is an answer, not an error
    """The token is good and its sign-in is not enough. `needs`: parameters of the challenge."""

    def __init__(self, description: str, needs: Mapping[str, str]) -> None:
        super().__init__("insufficient_user_authentication", description, status=401)
        self.needs = needs


def check_sign_in(
    claims: Mapping[str, Any], *, acr_values: tuple[str, ...], max_age: int | None, now: int
) -> None:
    """Refuse a token whose `acr` is below every one of `acr_values`, or older than `max_age`.

    `max_age`: seconds since the person proved who they are. A level above one of those named does.
    """
    needs: dict[str, str] = {}
    if acr_values and not _reaches(str(claims.get("acr", "")), acr_values):
        needs["acr_values"] = " ".join(acr_values)
    if max_age is not None and now - int(claims.get("auth_time", 0)) > max_age:
        needs["max_age"] = str(max_age)
    if needs:
        raise StepUpNeeded("a stronger or more recent sign-in is needed", needs)


def _reaches(acr: str, acr_values: tuple[str, ...]) -> bool:
    reached = level_of(acr) or 0
    levels = [level for value in acr_values if (level := level_of(value)) is not None]
    return bool(levels) and reached >= min(levels)
