"""Which access tokens count here (RFC 9068 §4), and how sure we must be of the person (RFC 9470).

Authlib's validator has the shape; what it leaves open is stated here: the algorithms, that `typ`
and `kid` are there, that the token stands for a person, and that nobody brings a bound one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from authlib.oauth2.rfc9068.claims import JWTAccessTokenClaims
from joserfc.errors import JoseError
from typing_extensions import override

from jkp.issuer import Issuer

TYPES: Final = frozenset({"at+jwt", "application/at+jwt"})
SCOPE: Final = "jkp"

#: What a write needs (jkp.md §5): two factors, used at most ten minutes ago.
STEP_UP_LEVELS: Final = ("urn:kemnaker:aal:2", "urn:kemnaker:aal:3")
STEP_UP_SECONDS: Final = 600
IAL_MIN: Final = 1


class TokenRefused(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """Why a request gets nothing, in the registered words of RFC 6750 §3.1 and RFC 9470 §3.

    `challenge`: further members of `WWW-Authenticate`. `error` is empty where no token came.
    """

    def __init__(
        self,
        status: int,
        error: str = "",
        description: str = "",
        challenge: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(error)
        self.status, self.error, self.description = status, error, description
        self.challenge = challenge or {}


@dataclass(frozen=True, slots=True)
class TokenHolder:
    """The person a token stands for. `sub`: all that we key on. `auth_time`: epoch seconds."""

    sub: str
    acr: str
    auth_time: int


class AccessTokenValidator(JWTBearerTokenValidator):
    """Reads access tokens; refuses with `TokenRefused`, asks nobody."""

    def __init__(self, issuer: Issuer, audience: str, now: Callable[[], int]) -> None:
        super().__init__(issuer.registration.issuer, audience, realm="jkp")
        self._issuer = issuer
        self._now = now

    @override
    def authenticate_token(self, token_string: str) -> JWTAccessTokenClaims:
        """Return the claims of a token that a published key signed as an access token."""
        found = self._issuer.verify(token_string)
        if found is None:
            raise invalid_token("the token is not signed by a key of the issuer")
        header, claims = found
        if str(header.get("typ", "")).lower() not in TYPES:
            raise invalid_token("the token is no access token (RFC 9068 section 2.1)")
        rules: dict[str, dict[str, Any]] = {
            "iss": {"essential": True, "value": self.issuer},
            "aud": {"essential": True, "value": self.resource_server},
            **{name: {"essential": True} for name in ("exp", "iat", "jti", "sub", "client_id")},
        }
        return JWTAccessTokenClaims(claims, header, rules)

    @override
    def validate_token(
        self, token: JWTAccessTokenClaims, scopes: object, request: object, **groups: object
    ) -> None:
        """Refuse a token that is expired, for another resource, without person, or bound."""
        del request, groups
        try:
            token.validate(now=self._now())
        except JoseError as error:
            raise invalid_token("the token is expired, or not for this resource") from error
        if "cnf" in token:
            raise invalid_token("tokens bound to a key can not be proved here")
        if token["sub"] == token["client_id"] or not _stands_for_person(token):
            raise invalid_token("the token stands for no person")
        if self.scope_insufficient(token.get("scope", ""), scopes):
            raise TokenRefused(
                403, "insufficient_scope", "the scope jkp is needed", {"scope": SCOPE}
            )
        if token["ial"] < IAL_MIN:
            raise TokenRefused(403, "access_denied", "the identity of the person is not proved")

    def holder(self, token: str) -> TokenHolder:
        """Return the person behind a token, after every check that needs no call."""
        claims = self.authenticate_token(token)
        self.validate_token(claims, [SCOPE], None)
        return TokenHolder(claims["sub"], claims["acr"], claims["auth_time"])


def read_bearer(authorization: str) -> str:
    """Return the token of an `Authorization` header (RFC 6750 §2.1), the only place we look."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenRefused(401)
    return token.strip()


def check_step_up(acr: str, auth_time: int, *, now: int) -> None:
    """Refuse a sign-in that is too weak or too old for a write, with RFC 9470's challenge."""
    if acr in STEP_UP_LEVELS and now - auth_time <= STEP_UP_SECONDS:
        return
    raise TokenRefused(
        401,
        "insufficient_user_authentication",
        "two factors within ten minutes are needed",
        {"acr_values": " ".join(STEP_UP_LEVELS), "max_age": str(STEP_UP_SECONDS)},
    )


def check_still_active(holder: TokenHolder, told: Mapping[str, Any], *, audience: str) -> None:
    """Refuse a token that the issuer ended, from what introspection told (RFC 7662 §2.2)."""
    is_this_one = told.get("sub") == holder.sub and told.get("aud") == audience
    if told.get("active") is not True or not is_this_one:
        raise invalid_token("the token was ended")


def invalid_token(description: str) -> TokenRefused:
    """Return the refusal of RFC 6750 §3.1 for a token that does not count."""
    return TokenRefused(401, "invalid_token", description)


def _stands_for_person(token: Mapping[str, Any]) -> bool:
    whole = ("auth_time", "ial")
    return (
        all(isinstance(token.get(name), int) for name in whole)
        and isinstance(token.get("acr"), str)
        and isinstance(token.get("sub"), str)
        and isinstance(token.get("scope"), str)
    )
