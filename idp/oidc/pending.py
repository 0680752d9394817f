"""A person's answer to a request that waits on another screen (RFC 8628 §3.3, CIBA Core §8).

One write makes the grant and the answer; the ping follows through the outbox.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.assurance import least_level
from idp.domain.identity.audit import Action, AuditEvent, Origin
from idp.domain.ids import digest_of
from idp.domain.protocol.ciba import BackchannelRequest
from idp.domain.protocol.client import Client
from idp.domain.protocol.device import DeviceRequest, PendingStatus, read_user_code
from idp.domain.protocol.grant import ClientGrant
from idp.domain.protocol.prompt import told_of
from idp.domain.protocol.scope import OFFLINE_ACCESS
from idp.domain.protocol.tokens import Lifetimes
from idp.oidc.client_directory import ClientDirectory
from idp.oidc.endpoints.backchannel_authentication import page_id_of
from idp.oidc.endpoints.device_authorization import user_code_digest
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.store import OutboxMessage, Store, Transaction
from idp.ports.vault import Vault

#: A grant that hangs on no browser session and on no refresh token: as long as its tokens matter.
GRANT_SECONDS: Final = 86400
PING_SECONDS: Final = 300
#: The kind of its rows in the outbox.
PING: Final = "ping"


@dataclass(frozen=True, slots=True)
class Proof:
    """How the person who answers is signed in."""

    aal: int
    amr: tuple[str, ...]
    auth_time: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A waiting request with the client that asks. `level`: the least that it accepts."""

    request: DeviceRequest | BackchannelRequest
    client: Client
    level: int


@dataclass(frozen=True, slots=True)
class PendingRequests:
    """Looks up waiting requests and writes answers."""

    store: Store
    clock: Clock
    entropy: Entropy
    vault: Vault
    directory: ClientDirectory
    lifetimes: Lifetimes

    def find_device(self, typed: str, account: Account) -> Asked:
        """Return the device that waits with a code.

        Refuses with `device.form`, `device.unknown`, or `device.identity` where the account's
        identity is not proved enough for what asks.
        """
        digest = user_code_digest(read_user_code(typed), self.vault)
        with self.store.read() as tx:
            found = tx.device_requests.find_by_user_code(digest)
        if found is None:
            raise Refused("device.unknown")
        asked = self._asked(found, "device.unknown")
        if account.ial < asked.client.ial_floor:
            raise Refused("device.identity")
        return asked

    def find_backchannel(self, page_id: str, account: Account) -> Asked:
        """Return the request behind a page address, for its own person alone.

        Refuses with `request.unknown`.
        """
        with self.store.read() as tx:
            found = tx.backchannel_requests.find_by_page(digest_of(page_id))
        if found is None or found.account_id != account.id:
            raise Refused("request.unknown")
        return self._asked(found, "request.unknown")

    def list_waiting(self, account: Account) -> Sequence[tuple[str, Asked]]:
        """Return the requests that wait for a person, newest first, each with its page's id."""
        with self.store.read() as tx:
            found = tx.backchannel_requests.list_waiting(account.id, self.clock.now())
        listed = []
        for waiting in found:
            with suppress(Refused):
                asked = self._asked(waiting, "request.unknown")
                listed.append((page_id_of(waiting.digest, self.vault), asked))
        return listed

    def allow(self, asked: Asked, account: Account, proof: Proof, origin: Origin) -> None:
        """Write the person's yes; refuses with `request.answered` if somebody was first."""
        now = self.clock.now()
        grant = self._grant(asked, account, proof, now)
        with self.store.write() as tx:
            tx.grants.add(grant, None)
            self._answer(asked, PendingStatus.ALLOWED, grant, account, origin, now, tx)

    def deny(self, asked: Asked, account: Account, origin: Origin) -> None:
        """Write the person's no."""
        with self.store.write() as tx:
            now = self.clock.now()
            self._answer(asked, PendingStatus.DENIED, None, account, origin, now, tx)

    def answer_for_person(self, auth_req_id: str, *, is_allowed: bool) -> None:
        """Answer a CIBA request in the person's place: sandbox and test only, the caller checks.

        Refuses with `request.unknown`.
        """
        now = self.clock.now()
        with self.store.read() as tx:
            found = tx.backchannel_requests.find(digest_of(auth_req_id))
            account = tx.accounts.find(found.account_id) if found is not None else None
        if found is None or account is None:
            raise Refused("request.unknown")
        asked = self._asked(found, "request.unknown")
        if is_allowed:
            level = max(1, asked.level)
            amr = ("pwd",) if level == 1 else ("pwd", "otp", "mfa")
            self.allow(asked, account, Proof(level, amr, now), Origin())
        else:
            self.deny(asked, account, Origin())

    def _asked(self, request: DeviceRequest | BackchannelRequest, code: str) -> Asked:
        """Return a request that waits, with who asks.

        Refuses with `code` where it is over, `request.answered` where somebody was first.
        """
        client = self.directory.find(request.client_id)
        if client is None or not client.is_active or self.clock.now() >= request.expires_at:
            raise Refused(code)
        if request.status is not PendingStatus.PENDING:
            raise Refused("request.answered")
        wished = _acr_values(request) or tuple(client.metadata.get("default_acr_values", ()))
        level = max(least_level(wished) or 1, client.acr_floor)
        return Asked(request, client, level)

    def _grant(self, asked: Asked, account: Account, proof: Proof, now: int) -> ClientGrant:
        request = asked.request
        lasts = OFFLINE_ACCESS in request.scopes
        lifetimes = self.lifetimes.of(asked.client)
        return ClientGrant(
            id=self.entropy.uuid7(self.clock.now_ms()),
            client_id=request.client_id,
            account_id=account.id,
            session_sid=None,
            scopes=request.scopes,
            created_at=now,
            expires_at=now + (lifetimes.refresh_absolute if lasts else GRANT_SECONDS),
            resources=request.resources,
            details=request.details,
            aal=told_of(_acr_values(request), asked.client, proof.aal),
            amr=proof.amr,
            auth_time=proof.auth_time,
            # it began on another screen: the session of the browser that said yes is not its life
            is_offline=True,
        )

    def _answer(
        self,
        asked: Asked,
        status: PendingStatus,
        grant: ClientGrant | None,
        account: Account,
        origin: Origin,
        now: int,
        tx: Transaction,
    ) -> None:
        request = asked.request
        grant_id = grant.id if grant is not None else None
        if isinstance(request, BackchannelRequest):
            is_first = tx.backchannel_requests.answer(request.digest, status, grant_id)
            if is_first and request.mode == "ping" and request.notification is not None:
                self._ping(request, asked.client, now, tx)
        else:
            is_first = tx.device_requests.answer(request.digest, status, grant_id)
        if not is_first:
            raise Refused("request.answered")
        allowed = status is PendingStatus.ALLOWED
        tx.audit.record(
            AuditEvent(
                Action.REQUEST_ALLOWED if allowed else Action.REQUEST_DENIED,
                now,
                account_id=account.id,
                client_id=request.client_id,
                origin=origin,
                details={"kind": type(request).__name__},
            )
        )

    def _ping(self, request: BackchannelRequest, client: Client, now: int, tx: Transaction) -> None:
        """Tell the client that an answer waits (CIBA Core §10.2)."""
        kept = json.loads(request.notification or "{}")
        tx.outbox.add(
            OutboxMessage(
                id=self.entropy.uuid7(self.clock.now_ms()),
                kind=PING,
                payload={"client_id": client.client_id, **kept},
                created_at=now,
                due_at=now,
                expires_at=now + PING_SECONDS,
            )
        )


def _acr_values(request: DeviceRequest | BackchannelRequest) -> tuple[str, ...]:
    """Return the levels asked for; a device can't ask for any (RFC 8628 §3.1)."""
    return request.acr_values if isinstance(request, BackchannelRequest) else ()
