"""An account of level 0 whose NIK turns out to have an account: its old accounts move there.

Both sides are proved in one journey of one browser: the person who holds the account of level 0
was matched with that NIK, and then signs in to the account that has it.
"""

from dataclasses import dataclass
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.assurance import IAL_UNPROVED
from idp.domain.identity.journey import JOURNEY_SECONDS, Journey, JourneyKind, check_journey
from idp.domain.identity.legacy import LegacyAccount
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.store import Store, Transaction
from idp.services.legacy_upgrade import LegacyUpgradeService


@dataclass(frozen=True, slots=True)
class Joining:
    """What would move. `former`: the account of level 0. `to`: the account that has its NIK."""

    journey: Journey
    former: Account
    to: Account
    old: tuple[LegacyAccount, ...]


@dataclass(frozen=True, slots=True)
class LegacyJoinService:
    """Moves what an account of level 0 brought home to the account that has its NIK."""

    store: Store
    clock: Clock
    entropy: Entropy
    upgrade: LegacyUpgradeService

    def begin(
        self, account: Account, owner: Account, visitor: Visitor, *, tx: Transaction
    ) -> str | None:
        """Keep that an account's person was matched with the NIK of `owner`.

        Return the journey's id; `None` where there is nothing to move.
        """
        if not tx.legacy_accounts.list_for_account(account.id):
            return None
        journey_id = self.entropy.token()
        tx.journeys.put(
            Journey(
                digest=digest_of(journey_id),
                kind=JourneyKind.JOIN,
                flow_digest=visitor.flow_digest,
                account_id=account.id,
                expires_at=self.clock.now() + JOURNEY_SECONDS,
                state={"to": owner.id.hex},
            )
        )
        return journey_id

    def find(self, journey_id: str, visitor: Visitor) -> Joining:
        """Return what would move; refuses with `journey.expired`."""
        with self.store.read() as tx:
            return self._find(journey_id, visitor, tx=tx)

    def join(self, journey_id: str, account: Account, visitor: Visitor) -> None:
        """Move the old accounts to the account that is signed in to.

        Refuses with `journey.expired`, with `legacy.nik` where it is another account than that
        with the NIK, or with `legacy.taken` where something moved meanwhile.
        """
        with self.store.write() as tx:
            joining = self._find(journey_id, visitor, tx=tx)
            if joining.to.id != account.id:
                raise Refused("legacy.nik")
            if not tx.journeys.finish(joining.journey.digest, self.clock.now()):
                raise Refused("journey.expired")
            for legacy in joining.old:
                self.upgrade.move_in(legacy, joining.former, joining.to, visitor, tx=tx)

    def _find(self, journey_id: str, visitor: Visitor, *, tx: Transaction) -> Joining:
        journey = check_journey(
            tx.journeys.find(digest_of(journey_id)),
            JourneyKind.JOIN,
            flow_digest=visitor.flow_digest,
            now=self.clock.now(),
        )
        former = tx.accounts.find(journey.account_id) if journey.account_id is not None else None
        to = tx.accounts.find(UUID(str(journey.state["to"])))
        if former is None or former.ial != IAL_UNPROVED or to is None or to.nik is None:
            raise Refused("journey.expired")
        if not former.is_usable or not to.is_usable:
            raise Refused("journey.expired")
        old = tuple(
            legacy
            for legacy in tx.legacy_accounts.list_for_account(former.id)
            if legacy.record.nik in {None, to.nik}
        )
        if not old:
            raise Refused("journey.expired")
        return Joining(journey, former, to, old)
