"""Browsers that passed a second step, so that the next sign-in needs none."""

from dataclasses import dataclass
from uuid import UUID

from idp.domain.identity.audit import Action, AuditEvent
from idp.domain.identity.session import KnownDevice
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.store import Transaction


@dataclass(frozen=True, slots=True)
class DeviceService:
    """`life_seconds`: how long a browser stays known after its last sign-in."""

    clock: Clock
    entropy: Entropy
    life_seconds: int

    def is_known(self, account_id: UUID, visitor: Visitor, *, tx: Transaction) -> bool:
        """Return whether the account once passed a second step in this browser."""
        if visitor.device_digest is None:
            return False
        device = tx.devices.find(account_id, visitor.device_digest)
        return device is not None and self.clock.now() < device.expires_at

    def forget_others(self, account_id: UUID, visitor: Visitor, *, tx: Transaction) -> None:
        """Let the account know no browser but this one, if it knew it."""
        digest = visitor.device_digest
        kept = tx.devices.find(account_id, digest) if digest is not None else None
        tx.devices.forget(account_id)
        if kept is not None:
            tx.devices.put(kept)

    def remember(self, account_id: UUID, visitor: Visitor, *, tx: Transaction) -> str:
        """Let the account know this browser; return the cookie to give it.

        The cookie is new every time, for every account that knows the browser: one that was
        planted or copied before names nothing afterwards.
        """
        now = self.clock.now()
        cookie = self.entropy.token()
        if visitor.device_digest is not None:
            tx.devices.rename(visitor.device_digest, digest_of(cookie))
        tx.devices.put(
            KnownDevice(
                account_id=account_id,
                digest=digest_of(cookie),
                name=visitor.origin.device,
                created_at=now,
                seen_at=now,
                expires_at=now + self.life_seconds,
            )
        )
        tx.audit.record(
            AuditEvent(Action.DEVICE_REMEMBERED, now, account_id=account_id, origin=visitor.origin)
        )
        return cookie
