"""An authorization request, every parameter typed (OpenID Connect Core §3.1.2.1)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from idp.domain.protocol.authorization_details import parse_details
from idp.domain.protocol.errors import invalid_request
from idp.domain.protocol.json_text import read_json
from idp.domain.protocol.scope import parse_scope

PROMPTS: Final = ("none", "login", "consent", "select_account", "create")

#: Parameters that may come more than once (RFC 8707 §2).
REPEATABLE: Final = frozenset({"resource"})

#: Parameters that are texts wherever they come from.
TEXTS: Final = frozenset(
    {
        "client_id",
        "redirect_uri",
        "response_type",
        "response_mode",
        "scope",
        "state",
        "nonce",
        "prompt",
        "display",
        "ui_locales",
        "id_token_hint",
        "login_hint",
        "acr_values",
        "code_challenge",
        "code_challenge_method",
        "dpop_jkt",
        "binding_message",
        "client_notification_token",
        "user_code",
    }
)

#: Longest values in bytes; the request as a whole has its own limit.
VALUE_MAX: Final = 2048
LONG_VALUE_MAX: Final = 16384
LONG_VALUES: Final = frozenset(
    {
        "request",
        "claims",
        "authorization_details",
        "client_assertion",
        "assertion",
        "subject_token",
        "actor_token",
        "id_token_hint",
        "login_hint_token",
    }
)


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """How one claim is asked for (OpenID Connect Core §5.5.1)."""

    essential: bool = False
    values: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class ClaimsRequest:
    """The `claims` parameter: claims by name, for userinfo and for the ID token."""

    userinfo: Mapping[str, ClaimRequest] = field(default_factory=dict)
    id_token: Mapping[str, ClaimRequest] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """Every claim that is asked for anywhere."""
        return frozenset(self.userinfo) | frozenset(self.id_token)


NO_CLAIMS: Final = ClaimsRequest()


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """The request of a client, after its parameters were read and before anybody was asked.

    `params`: the parameters as strings, for keeping; lists are those of `resource`.
    """

    client_id: str
    params: Mapping[str, Any] = field(repr=False)
    redirect_uri: str = ""
    response_type: str = ""
    response_mode: str = ""
    scopes: tuple[str, ...] = ()
    state: str | None = None
    nonce: str | None = None
    prompts: frozenset[str] = frozenset()
    max_age: int | None = None
    ui_locales: tuple[str, ...] = ()
    id_token_hint: str | None = None
    login_hint: str | None = None
    acr_values: tuple[str, ...] = ()
    claims: ClaimsRequest = NO_CLAIMS
    code_challenge: str | None = None
    code_challenge_method: str | None = None
    resources: tuple[str, ...] = ()
    details: tuple[Mapping[str, Any], ...] = ()
    dpop_jkt: str | None = None


def parse_authorization_request(params: Mapping[str, Any]) -> AuthorizationRequest:
    """Read the parameters of a request; refuses with `invalid_request` or `invalid_scope`.

    `params`: each value a string, `resource` a list of strings. Unknown names are ignored.
    """
    return AuthorizationRequest(
        client_id=params.get("client_id", ""),
        params=params,
        redirect_uri=params.get("redirect_uri", ""),
        response_type=params.get("response_type", ""),
        response_mode=params.get("response_mode", ""),
        scopes=parse_scope(params.get("scope")),
        state=params.get("state"),
        nonce=params.get("nonce"),
        prompts=_prompts(params.get("prompt")),
        max_age=_max_age(params.get("max_age")),
        ui_locales=tuple((params.get("ui_locales") or "").split()),
        id_token_hint=params.get("id_token_hint"),
        login_hint=params.get("login_hint"),
        acr_values=tuple((params.get("acr_values") or "").split()),
        claims=parse_claims_request(params.get("claims")),
        code_challenge=params.get("code_challenge"),
        code_challenge_method=params.get("code_challenge_method"),
        resources=tuple(params.get("resource") or ()),
        details=parse_details(params.get("authorization_details")),
        dpop_jkt=params.get("dpop_jkt"),
    )


def parse_claims_request(text: object) -> ClaimsRequest:
    """Read the `claims` parameter: JSON text, or the object itself inside a request object."""
    if text is None:
        return NO_CLAIMS
    asked = _json(text, "claims") if isinstance(text, str) else text
    if not isinstance(asked, dict):
        raise invalid_request("claims must be a JSON object")
    return ClaimsRequest(
        userinfo=_section(asked.get("userinfo"), "userinfo"),
        id_token=_section(asked.get("id_token"), "id_token"),
    )


def _section(asked: object, name: str) -> Mapping[str, ClaimRequest]:
    if asked is None:
        return {}
    if not isinstance(asked, dict) or len(asked) > 100:
        raise invalid_request(f"claims member {name} must be a JSON object of claims")
    return {str(claim): _claim(wish) for claim, wish in asked.items()}


def _claim(wish: object) -> ClaimRequest:
    if wish is None:
        return ClaimRequest()
    if not isinstance(wish, dict):
        raise invalid_request("each claim in claims must be null or a JSON object")
    # passed over, a wish for a certain sign-in would come true without one
    essential, values = wish.get("essential", False), wish.get("values", [])
    if not isinstance(essential, bool):
        raise invalid_request("essential in claims must be true or false")
    if not isinstance(values, list):
        raise invalid_request("values in claims must be a list")
    listed = (wish["value"], *values) if "value" in wish else tuple(values)
    return ClaimRequest(essential=essential, values=listed)


def _json(text: str, name: str) -> object:
    try:
        return read_json(text)
    except ValueError as error:
        raise invalid_request(f"{name} is not JSON, or names a member twice") from error


def _prompts(text: str | None) -> frozenset[str]:
    words = frozenset((text or "").split())
    if not words <= frozenset(PROMPTS):
        raise invalid_request("prompt has a value that is not supported")
    if "none" in words and len(words) > 1:
        raise invalid_request("prompt none cannot be combined with another value")
    return words


def _max_age(value: object) -> int | None:
    if value is None or value == "":
        return None
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise invalid_request("max_age must be a number of seconds, 0 or more")
    return int(text)
