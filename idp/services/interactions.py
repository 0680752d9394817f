"""Authorization requests that wait for a person: look up, note what was done, decline."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from idp.domain.errors import Refused
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from idp.domain.protocol.authorization_request import (
    AuthorizationRequest,
    parse_authorization_request,
)
from idp.domain.protocol.client import Client
from idp.domain.protocol.interaction import Interaction, check_interaction
from idp.ports.clock import Clock
from idp.ports.store import Store, Transaction


@dataclass(frozen=True, slots=True)
class Waiting:
    """A waiting request with the client that asks."""

    interaction: Interaction
    request: AuthorizationRequest
    client: Client


@dataclass(frozen=True, slots=True)
class InteractionService:
    """What pages need to know of the request that sent a person to them.

    `registered`: returns a client by its identifier, active or not; may answer from a cache.
    """

    store: Store
    clock: Clock
    registered: Callable[[str], Client | None]

    def find(self, interaction_id: str, visitor: Visitor) -> Waiting:
        """Return the waiting request of this browser.

        Refuses with `interaction.unknown` (also in another browser), `interaction.expired`,
        `interaction.answered`, or `client.unknown` where the client is gone or suspended.
        """
        with self.store.read() as tx:
            return self.find_in(interaction_id, visitor, tx=tx)

    def find_in(self, interaction_id: str, visitor: Visitor, *, tx: Transaction) -> Waiting:
        """Do the same inside a caller's transaction."""
        interaction = check_interaction(
            tx.interactions.find(digest_of(interaction_id)),
            flow_digest=visitor.flow_digest,
            now=self.clock.now(),
        )
        client = self.registered(interaction.client_id)
        if client is None or not client.is_active:
            raise Refused("client.unknown")
        return Waiting(interaction, parse_authorization_request(interaction.params), client)

    def find_client(self, interaction_id: str, visitor: Visitor) -> Client | None:
        """Return who asks by a request of this browser, also one that is over or was answered."""
        with self.store.read() as tx:
            interaction = tx.interactions.find(digest_of(interaction_id))
            if interaction is None or interaction.flow_digest != visitor.flow_digest:
                return None
        client = self.registered(interaction.client_id)
        return client if client is not None and client.is_active else None

    def note_signed_in(
        self, interaction_id: str | None, sid: str, visitor: Visitor, *, tx: Transaction
    ) -> None:
        """Note that the person signed in for this request; an id that is not theirs is ignored."""
        if interaction_id is None:
            return
        tx.interactions.add_done(
            digest_of(interaction_id), visitor.flow_digest, signed_in=sid, registered=True
        )

    def note_registration_seen(self, interaction_id: str, visitor: Visitor) -> None:
        """Note that the person was offered to open an account (`prompt=create`)."""
        with self.store.write() as tx:
            waiting = self.find_in(interaction_id, visitor, tx=tx).interaction
            done = replace(waiting.done, registered=True)
            tx.interactions.update_done(replace(waiting, done=done))

    def note_account_chosen(self, interaction_id: str, visitor: Visitor) -> None:
        """Note that the person goes on with the signed-in account (`prompt=select_account`)."""
        with self.store.write() as tx:
            waiting = self.find_in(interaction_id, visitor, tx=tx).interaction
            done = replace(waiting.done, chosen=True)
            tx.interactions.update_done(replace(waiting, done=done))
