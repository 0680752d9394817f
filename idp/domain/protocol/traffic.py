"""What a portal's team may see of its own requests (RFC 6749 §4.1.2.1, §5.2): nothing of people.

Parameters are told by name; a value only where it comes from a closed list, so that whatever
somebody sent by mistake, a NIK or a token, is kept nowhere.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from idp.domain.protocol.authorization_request import PROMPTS

#: What the team sees of a portal, and of those requests that anybody could have sent in its name.
KEPT_REQUESTS: Final = 200
KEPT_UNPROVED: Final = 50
#: Failures stay beyond those, so that a busy portal's good answers don't hide what went wrong.
KEPT_FAILED: Final = 100

#: Days end at midnight in Jakarta.
_ZONE_SECONDS: Final = 7 * 3600
_DAY: Final = 86400

HIDDEN: Final = "•••"
#: Parameters that this provider reads; of others not even the name is kept.
KNOWN: Final = frozenset(
    {
        "acr_values",
        "assertion",
        "audience",
        "auth_req_id",
        "authorization_details",
        "claims",
        "client_assertion",
        "client_assertion_type",
        "client_id",
        "client_secret",
        "code",
        "code_challenge",
        "code_challenge_method",
        "code_verifier",
        "device_code",
        "display",
        "dpop_jkt",
        "grant_type",
        "id_token_hint",
        "login_hint",
        "max_age",
        "nonce",
        "prompt",
        "redirect_uri",
        "refresh_token",
        "request",
        "request_uri",
        "resource",
        "response_mode",
        "response_type",
        "scope",
        "state",
        "subject_token",
        "subject_token_type",
        "token",
        "token_type_hint",
        "ui_locales",
        "user_code",
    }
)
#: Values that may be told, word by word.
_WORDS: Final[Mapping[str, frozenset[str]]] = {
    "response_type": frozenset({"code", "token", "id_token", "none"}),
    "response_mode": frozenset(
        {
            "query",
            "fragment",
            "form_post",
            "jwt",
            "query.jwt",
            "fragment.jwt",
            "form_post.jwt",
        }
    ),
    "prompt": frozenset(PROMPTS),
    "display": frozenset({"page", "popup", "touch", "wap"}),
    "code_challenge_method": frozenset({"S256", "plain"}),
    "token_type_hint": frozenset({"access_token", "refresh_token"}),
    "ui_locales": frozenset({"id", "en"}),
    "client_assertion_type": frozenset({"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}),
    "grant_type": frozenset(
        {
            "authorization_code",
            "refresh_token",
            "client_credentials",
            "password",
            "urn:ietf:params:oauth:grant-type:device_code",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "urn:openid:params:grant-type:ciba",
        }
    ),
}


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """One request of a client, redacted. `error`: registered code, empty where it was answered.

    `is_proved`: whether the caller proved to be the client. `id`: once it is kept.
    """

    client_id: str
    at: int
    endpoint: str
    error: str = ""
    description: str = ""
    status: int = 200
    request_id: str = ""
    is_proved: bool = True
    shown: Mapping[str, str] = field(default_factory=dict)
    id: UUID | None = None


def redacted(
    given: Mapping[str, object], *, scopes: Collection[str], redirect_uris: Collection[str]
) -> dict[str, str]:
    """Return what may be kept of parameters. `scopes`, `redirect_uris`: the client's own."""
    allowed = {**_WORDS, "scope": frozenset(scopes), "redirect_uri": frozenset(redirect_uris)}
    shown = {}
    for name in sorted(KNOWN & given.keys()):
        value = given[name]
        words = value.split() if isinstance(value, str) else []
        known = allowed.get(name, frozenset())
        shown[name] = " ".join(w if w in known else HIDDEN for w in words[:20]) or HIDDEN
    return shown


def day_of(at: int) -> int:
    """Return the day of an instant, counted from 1970, as days are in Jakarta."""
    return (at + _ZONE_SECONDS) // _DAY


def day_begins(day: int) -> int:
    """Return the first second of a day."""
    return day * _DAY - _ZONE_SECONDS
