"""What the store keeps of factors: of admins, and of citizens."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from idp.domain.identity.factors import Factors, Passkey, TotpFactor


class KeptFactors(Protocol):
    """The factors of one kind of people; `owner_id`: an admin's or an account's id."""

    def of(self, owner_id: UUID) -> Factors:
        """Return all that somebody can prove themselves by."""

    def find_totp(self, owner_id: UUID) -> TotpFactor | None: ...
    def put_totp(self, factor: TotpFactor) -> None:
        """Keep it in the place of any other."""

    def drop_totp(self, owner_id: UUID) -> bool: ...
    def spend_step(self, owner_id: UUID, step: int) -> bool:
        """Note a time step as used; `False` if it, or a later one, was used before."""

    def list_passkeys(self, owner_id: UUID) -> Sequence[Passkey]: ...
    def find_passkey(self, credential_id: bytes) -> Passkey | None:
        """Return the passkey of this name, whoever's it is."""

    def add_passkey(self, passkey: Passkey) -> None:
        """Keep a new one; `Conflict("passkey")` where it is somebody's."""

    def rename_passkey(self, owner_id: UUID, passkey_id: UUID, label: str) -> bool: ...
    def note_use(self, passkey_id: UUID, *, sign_count: int, now: int) -> None: ...
    def drop_passkey(self, owner_id: UUID, passkey_id: UUID) -> bool: ...
    def put_recovery_codes(self, owner_id: UUID, digests: Sequence[bytes]) -> None:
        """Keep these in the place of all others."""

    def count_recovery_codes(self, owner_id: UUID) -> int: ...
    def use_recovery_code(self, owner_id: UUID, digest: bytes, now: int) -> bool:
        """Spend a code; `False` where it is none of this person's, or spent."""

    def drop_all(self, owner_id: UUID) -> bool:
        """Forget every factor and code of a person; return whether there was any."""
