"""Another OpenID provider that vouches for people, such as the national one (INApas)."""

from dataclasses import dataclass, field
from hashlib import sha256

from idp.domain.identity.nik import Nik


@dataclass(frozen=True, slots=True)
class UpstreamIdentity:
    """Who a provider says has signed in there. `subject`: its own name for them.

    `nik`, `name`: where it tells them; they are worth what that provider's proofing is.
    """

    issuer: str
    subject: str = field(repr=False)
    nik: Nik | None = None
    name: str | None = field(default=None, repr=False)

    @property
    def digest(self) -> bytes:
        """What a link to an account is kept under: issuer and subject together name somebody."""
        return sha256(f"upstream\n{self.issuer}\n{self.subject}".encode()).digest()
