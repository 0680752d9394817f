"""JK-1: which tokens the JKP module believes (RFC 9068 §4), each slip by itself."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest

from jkp.issuer import Issuer
from jkp.trust import AccessTokenValidator, TokenRefused

NOW = 1_795_900_000
JKP = "https://jkp.example"
HEADER = {"alg": "ES256", "kid": "one", "typ": "at+jwt"}
CLAIMS: dict[str, Any] = {
    "iss": "https://id.example",
    "aud": JKP,
    "sub": "a-person",
    "client_id": "a-portal",
    "jti": "one",
    "iat": NOW - 10,
    "exp": NOW + 290,
    "scope": "openid jkp",
    "acr": "urn:kemnaker:aal:1",
    "auth_time": NOW - 100,
    "ial": 1,
}


@dataclass
class SignedBy:
    """An issuer whose key signed whatever header and claims are given."""

    header: dict[str, Any]
    claims: dict[str, Any]

    @property
    def registration(self) -> SimpleNamespace:
        return SimpleNamespace(issuer="https://id.example")

    def verify(self, _: str) -> tuple[dict[str, Any], dict[str, Any]]:
        return self.header, self.claims


def holder(header: dict[str, Any], claims: dict[str, Any]) -> Any:
    issuer = cast(Issuer, SignedBy(header, claims))
    return AccessTokenValidator(issuer, JKP, lambda: NOW).holder("a token")


def test_jk_1_a_token_with_all_that_it_needs_is_believed() -> None:
    assert holder(HEADER, CLAIMS).sub == "a-person"


@pytest.mark.parametrize("typ", ["JWT", "jwt", "logout+jwt", "dpop+jwt", "", None])
def test_jk_1_a_token_of_another_type_is_refused(typ: str | None) -> None:
    header = {name: value for name, value in HEADER.items() if name != "typ"}

    with pytest.raises(TokenRefused):
        holder(header if typ is None else {**header, "typ": typ}, CLAIMS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("iss", "https://other.example"),
        ("aud", "https://other.example"),
        ("exp", NOW - 60),
        ("scope", "openid"),
        ("sub", "a-portal"),
        ("cnf", {"jkt": "a-key"}),
        ("ial", 0),
        *((name, None) for name in ("iss", "aud", "exp", "iat", "jti", "sub", "client_id")),
    ],
)
def test_jk_1_a_claim_that_is_bent_or_missing_is_refused(name: str, value: Any) -> None:
    claims = {**CLAIMS, name: value}
    if value is None:
        del claims[name]

    with pytest.raises(TokenRefused):
        holder(HEADER, claims)
