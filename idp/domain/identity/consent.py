"""What a citizen allowed a client, and what must be asked again."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Consent:
    """A standing permission. `refused`: optional scopes that were unticked, remembered as well.

    `claims`: names of claims allowed beyond the scopes. `details`: marks of authorization details.
    """

    account_id: UUID
    client_id: str
    scopes: frozenset[str]
    refused: frozenset[str]
    claims: frozenset[str]
    given_at: int
    details: frozenset[str] = frozenset()
    withdrawn_at: int | None = None

    def covers(
        self, *, scopes: Iterable[str], claims: Iterable[str], details: Iterable[str]
    ) -> bool:
        """Return whether nothing is asked that was not answered before."""
        if self.withdrawn_at is not None:
            return False
        return (
            frozenset(scopes) <= self.scopes | self.refused
            and frozenset(claims) <= self.claims
            and frozenset(details) <= self.details
        )
