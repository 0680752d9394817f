"""Standing permissions: given, listed, withdrawn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.audit import Action, AuditEvent
from idp.domain.identity.claims import told_by_name
from idp.domain.identity.consent import Consent
from idp.domain.identity.visitor import Visitor
from idp.domain.protocol.authorization_details import marks_of
from idp.domain.protocol.client import Client
from idp.domain.protocol.scope import OPENID
from idp.ports.clock import Clock
from idp.ports.store import Store
from idp.services.interactions import InteractionService
from idp.services.logout_notices import LogoutNotices
from idp.services.messages import LetterKind, MessageService


@dataclass(frozen=True, slots=True)
class ConnectedPortal:
    """A client that may get data: by the person's permission, or as one of the ministry's own.

    `scopes`: what it gets. `given_at`: when it was allowed, `None` where nobody was asked.
    `last_used_at`: when it last got a grant.
    """

    client: Client
    scopes: frozenset[str]
    given_at: int | None
    last_used_at: int | None


@dataclass(frozen=True, slots=True)
class ConsentService:
    """What a citizen allows whom."""

    store: Store
    clock: Clock
    interactions: InteractionService
    notices: LogoutNotices
    messages: MessageService

    def allow(
        self, account_id: UUID, interaction_id: str, visitor: Visitor, *, ticked: Iterable[str]
    ) -> None:
        """Allow a waiting request: everything asked but the optional scopes that are not `ticked`.

        What was allowed before stays allowed; what is refused is remembered too. The person is told
        of a portal that is new to the account.
        """
        now = self.clock.now()
        with self.store.write() as tx:
            waiting = self.interactions.find_in(interaction_id, visitor, tx=tx)
            client, request = waiting.client, waiting.request
            asked = frozenset(request.scopes) & client.scopes - {OPENID}
            refused = (asked & client.optional_scopes) - frozenset(ticked)
            before = tx.consents.find(account_id, client.client_id)
            is_new = before is None or before.withdrawn_at is not None
            if before is None or before.withdrawn_at is not None:
                before = Consent(
                    account_id, client.client_id, frozenset(), frozenset(), frozenset(), now
                )
            consent = replace(
                before,
                scopes=(before.scopes | asked) - refused,
                refused=(before.refused - asked) | refused,
                claims=before.claims | told_by_name(request.claims.names),
                details=before.details | marks_of(request.details),
                given_at=now,
            )
            tx.consents.put(consent)
            done = replace(waiting.interaction.done, consented=True)
            tx.interactions.update_done(replace(waiting.interaction, done=done))
            tx.audit.record(
                AuditEvent(
                    Action.CONSENT_GIVEN,
                    now,
                    account_id=account_id,
                    client_id=client.client_id,
                    origin=visitor.origin,
                    details={"scopes": sorted(consent.scopes), "refused": sorted(consent.refused)},
                )
            )
            account = tx.accounts.find(account_id) if is_new else None
            if account is not None:
                self.messages.notify(
                    account,
                    LetterKind.PORTAL_CONNECTED,
                    tx=tx,
                    portal=client.name_in(account.locale),
                    at=now,
                )

    def withdraw(self, account_id: UUID, client_id: str, visitor: Visitor) -> None:
        """Take a permission back: at once, with every token; refuses with `consent.unknown`."""
        now = self.clock.now()
        with self.store.write() as tx:
            has_access = client_id in tx.grants.access_of(account_id, now)
            if not tx.consents.withdraw(account_id, client_id, now) and not has_access:
                raise Refused("consent.unknown")
            tx.grants.revoke_for_client(account_id, client_id, now, reason="consent_withdrawn")
            for session in tx.sessions.list_unended(account_id):
                if client_id in tx.grants.clients_of_session(session.sid):
                    self.notices.tell(session, [client_id], now=now, tx=tx)
            tx.audit.record(
                AuditEvent(
                    Action.CONSENT_WITHDRAWN,
                    now,
                    account_id=account_id,
                    client_id=client_id,
                    origin=visitor.origin,
                )
            )

    def list_connected(self, account_id: UUID) -> Sequence[ConnectedPortal]:
        """Return the portals that hold a permission or a living grant, the last used first."""
        now = self.clock.now()
        with self.store.read() as tx:
            used = tx.grants.last_used(account_id)
            access = tx.grants.access_of(account_id, now)
            given = {consent.client_id: consent for consent in tx.consents.list_given(account_id)}
            found = []
            for client_id in given.keys() | access.keys():
                client = tx.clients.find(client_id)
                if client is not None:
                    consent = given.get(client_id)
                    scopes = access[client_id] if consent is None else consent.scopes
                    given_at = consent.given_at if consent is not None else None
                    found.append(ConnectedPortal(client, scopes, given_at, used.get(client_id)))
        return sorted(
            found, key=lambda portal: portal.last_used_at or portal.given_at or 0, reverse=True
        )
