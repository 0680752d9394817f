"""What goes out to clients by the outbox, through the guarded way out.

Logout tokens (Back-Channel Logout §2.5, §2.8) and CIBA pings (CIBA Core §10.2).
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from idp.domain.identity.session import sid_for_client
from idp.domain.protocol.client import Client
from idp.domain.protocol.logout import ATTEMPTS, RETRY_SECONDS, TYPE, logout_token_claims
from idp.domain.protocol.subject import subject_for
from idp.oidc.client_directory import ClientDirectory
from idp.oidc.encryption import CannotEncrypt, Encryption
from idp.oidc.request import FORM
from idp.oidc.response import JSON
from idp.oidc.tokens.key_ring import KeyRing
from idp.ports.clock import Clock
from idp.ports.documents import DocumentFetcher, FetchFailed
from idp.ports.store import OutboxMessage, Transaction
from idp.ports.vault import Vault
from idp.services.outbox import Attempt

#: What counts as told (Back-Channel Logout §2.8): 200, and 204 as many libraries answer.
TOLD: Final = frozenset({200, 202, 204})


def is_passing(status: int) -> bool:
    """Return whether an answer says no more than "not now" (RFC 9110 §15.5, §15.6, RFC 6585 §4)."""
    return status >= 500 or status in {408, 425, 429}


@dataclass(frozen=True, slots=True)
class LogoutDeliverer:
    """Implements `idp.services.outbox.Deliverer`; a token is signed anew for each try."""

    issuer: str
    directory: ClientDirectory
    ring: KeyRing
    encryption: Encryption
    vault: Vault
    documents: DocumentFetcher
    clock: Clock

    def begin(self, message: OutboxMessage, *, tx: Transaction) -> str | None:
        del message, tx
        return None

    def deliver(self, message: OutboxMessage) -> Attempt:
        client = self.directory.find(str(message.payload["client_id"]))
        if client is None or "backchannel_logout_uri" not in client.metadata:
            return Attempt(error="client", settle=lambda tx: self._note(message, "failed", tx))
        try:
            body = urlencode({"logout_token": self._token(message, client)}).encode()
            status = self.documents.post(
                client.metadata["backchannel_logout_uri"], body, content_type=FORM, kind="logout"
            )
        except CannotEncrypt:
            return self._failed(message, "encryption")
        except FetchFailed as failure:
            return self._failed(message, failure.reason)
        if status not in TOLD:
            return self._failed(message, "status")
        return Attempt(settle=lambda tx: self._note(message, "confirmed", tx))

    def drop(self, message: OutboxMessage, *, tx: Transaction) -> None:
        self._note(message, "failed", tx)

    def _failed(self, message: OutboxMessage, reason: str) -> Attempt:
        if message.attempts >= ATTEMPTS:
            return Attempt(error=reason, settle=lambda tx: self._note(message, "failed", tx))
        return Attempt(error=reason, retry_seconds=RETRY_SECONDS[message.attempts - 1])

    def _note(self, message: OutboxMessage, state: str, tx: Transaction) -> None:
        tx.logout_notices.set_state(message.id, state, self.clock.now())

    def _token(self, message: OutboxMessage, client: Client) -> str:
        told = message.payload
        claims = logout_token_claims(
            client,
            issuer=self.issuer,
            subject=subject_for(client, str(told["subject"]), self.vault.pairwise_key()),
            sid=sid_for_client(str(told["sid"]), client.client_id),
            jti=message.id.hex,
            now=self.clock.now(),
        )
        signed = self.ring.signer(client.id_token_alg).sign(claims, TYPE)
        # §2.4: encrypted like the ID tokens of this client, with the same keys
        return self.encryption.to_client(signed, client, "id_token")


@dataclass(frozen=True, slots=True)
class PingDeliverer:
    """Implements `idp.services.outbox.Deliverer`: tells a client that an answer waits."""

    directory: ClientDirectory
    documents: DocumentFetcher

    def begin(self, message: OutboxMessage, *, tx: Transaction) -> str | None:
        del message, tx
        return None

    def deliver(self, message: OutboxMessage) -> Attempt:
        told = message.payload
        client = self.directory.find(str(told["client_id"]))
        endpoint = "backchannel_client_notification_endpoint"
        if client is None or endpoint not in client.metadata:
            return Attempt(error="client")
        body = f'{{"auth_req_id":"{told["auth_req_id"]}"}}'.encode()
        try:
            status = self.documents.post(
                client.metadata[endpoint],
                body,
                content_type=JSON,
                kind="ping",
                bearer=str(told["token"]),
            )
        except FetchFailed as failure:
            return self._failed(message, failure.reason)
        # §10.2: a redirect is not followed, and who said no to this token says it again
        if status in TOLD:
            return Attempt()
        return self._failed(message, "status") if is_passing(status) else Attempt(error="status")

    def drop(self, message: OutboxMessage, *, tx: Transaction) -> None:
        del message, tx

    @staticmethod
    def _failed(message: OutboxMessage, reason: str) -> Attempt:
        if message.attempts >= ATTEMPTS:
            return Attempt(error=reason)
        return Attempt(error=reason, retry_seconds=RETRY_SECONDS[message.attempts - 1])
