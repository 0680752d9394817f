"""Signing the end of the audit chain, with a key that outlives every key of tokens."""

from collections.abc import Mapping
from typing import Any, Protocol


class HeadSigner(Protocol):
    """Signs heads and reads them back; what it signed stays readable for ever."""

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return a compact JWS over the claims."""

    def read(self, text: str) -> Mapping[str, Any] | None:
        """Return the claims of a head that we signed, `None` for any other text."""

    def public_jwk(self) -> Mapping[str, str]:
        """Return the public key, so that others can check heads without us."""
