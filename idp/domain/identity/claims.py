"""The catalogue of claims and scopes (OpenID Connect Core §5.1, §5.4).

Discovery, consent page, userinfo and ID token all read `CLAIMS`; to add a claim, add a row.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from idp.domain.identity.account import Account


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim. `read` returns its value, or `None` where there is none: then it is left out.

    `scope`: the scope that asks for it. `is_sensitive`: released only by its scope, never through
    the `claims` parameter alone, and never in an ID token.
    """

    name: str
    scope: str
    read: Callable[[Account], object]
    is_sensitive: bool = False


def _standard(name: str) -> Callable[[Account], object]:
    return lambda account: account.person.claims.get(name)


def _phone(account: Account) -> object:
    return account.phone.e164 if account.phone else None


def _phone_verified(account: Account) -> object:
    return account.phone_verified_at is not None if account.phone else None


def _email(account: Account) -> object:
    return account.email.address if account.email else None


def _email_verified(account: Account) -> object:
    return account.email_verified_at is not None if account.email else None


def _locale(account: Account) -> object:
    return account.person.claims.get("locale") or account.locale


def _by_portal(account: Account) -> None:
    """Tell nothing: it depends on the portal that asks, and userinfo reads it."""


CLAIMS: Final[tuple[Claim, ...]] = (
    Claim("name", "profile", lambda account: account.person.name or None),
    Claim("family_name", "profile", _standard("family_name")),
    Claim("given_name", "profile", _standard("given_name")),
    Claim("middle_name", "profile", _standard("middle_name")),
    Claim("nickname", "profile", _standard("nickname")),
    Claim("preferred_username", "profile", _standard("preferred_username")),
    Claim("profile", "profile", _standard("profile")),
    Claim("picture", "profile", _standard("picture")),
    Claim("website", "profile", _standard("website")),
    Claim("gender", "profile", _standard("gender")),
    Claim("birthdate", "profile", _standard("birthdate")),
    Claim("zoneinfo", "profile", _standard("zoneinfo")),
    Claim("locale", "profile", _locale),
    Claim("updated_at", "profile", lambda account: account.updated_at),
    Claim("email", "email", _email),
    Claim("email_verified", "email", _email_verified),
    Claim("phone_number", "phone", _phone),
    Claim("phone_number_verified", "phone", _phone_verified),
    Claim("address", "address", _standard("address")),
    Claim("nik", "nik", lambda account: account.nik.digits if account.nik else None, True),
    Claim("nik_verified_at", "nik", lambda account: account.verified_at, True),
    Claim("legacy_ids", "legacy", _by_portal, True),
)

CLAIM_BY_NAME: Final[Mapping[str, Claim]] = {claim.name: claim for claim in CLAIMS}

#: Claims about the sign-in or the issuer, not about the person; in every ID token that needs them.
PROTOCOL_CLAIMS: Final = ("sub", "iss", "aud", "auth_time", "acr", "amr", "ial", "sid")

#: Scopes in the order in which pages and metadata name them.
SCOPES: Final = (
    "openid",
    "profile",
    "email",
    "phone",
    "address",
    "nik",
    "legacy",
    "offline_access",
)

#: Scopes that need a decision of an officer for each client.
SENSITIVE_SCOPES: Final = frozenset(claim.scope for claim in CLAIMS if claim.is_sensitive)

#: OpenID standard claims that may be kept for a person (`account create`).
STANDARD_CLAIMS: Final = tuple(
    claim.name
    for claim in CLAIMS
    if claim.scope in {"profile", "address"} and claim.name not in {"name", "updated_at"}
)


def told_by_name(names: Iterable[str]) -> frozenset[str]:
    """Return the claims about the person that may be had by asking for them by name.

    Those about the sign-in need nobody's permission, and sensitive ones are had by scope alone.
    """
    return frozenset(
        name for name in names if name in CLAIM_BY_NAME and not CLAIM_BY_NAME[name].is_sensitive
    )


def claims_of_scope(scope: str) -> tuple[Claim, ...]:
    """Return the claims that a scope asks for."""
    return tuple(claim for claim in CLAIMS if claim.scope == scope)


def read_claims(
    account: Account, *, scopes: Iterable[str], names: Iterable[str] = ()
) -> dict[str, object]:
    """Return the claims of `scopes` and those asked for by name; an absent one is left out.

    A sensitive claim asked for by name needs its scope as well.
    """
    granted, asked = frozenset(scopes), frozenset(names)
    found: dict[str, object] = {}
    for claim in CLAIMS:
        if claim.scope in granted or (claim.name in asked and not claim.is_sensitive):
            value = claim.read(account)
            if value not in (None, "", {}, []):
                found[claim.name] = value
    return found
