"""Signing in, or proving who one is, by another OpenID provider.

Whoever comes from there is linked only to what is ours already: an account with that NIK, or an
account of level 0 whose old portals had it. A journey binds both ways through this browser, once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import digest as hmac_digest
from typing import Any, Final
from uuid import UUID

from idp.domain.errors import Conflict, Refused
from idp.domain.identity.account import Account
from idp.domain.identity.assurance import FEDERATED, IAL_UNPROVED
from idp.domain.identity.audit import Action, AuditEvent
from idp.domain.identity.journey import JOURNEY_SECONDS, Journey, JourneyKind, check_journey
from idp.domain.identity.upstream import UpstreamIdentity
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of, encode_base64url
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.ephemeral import Bucket, RateLimits
from idp.ports.errors import GatewayUnavailable
from idp.ports.gateways import UpstreamProvider
from idp.ports.store import Store, Transaction
from idp.ports.vault import Vault
from idp.services.identity_mending import IdentityMendingService, check_old_nik
from idp.services.login import LoginService
from idp.services.sessions import SignedIn

#: How often an address may set out, in how many seconds.
STARTS_OF_NETWORK: Final = (60, 900)


@dataclass(frozen=True, slots=True)
class Arrived:
    """Somebody came back. `carried`: what the addresses of their sign-in carry on.

    `signed_in`: a session that began, absent where an identity was proved in one.
    """

    carried: Mapping[str, Any]
    signed_in: SignedIn | None = None


@dataclass(frozen=True, slots=True)
class UpstreamService:
    """`provider`: absent where no such slot is filled. `name`: of it, for people."""

    store: Store
    clock: Clock
    entropy: Entropy
    vault: Vault
    rate_limits: RateLimits
    provider: UpstreamProvider | None
    name: str
    login: LoginService
    mending: IdentityMendingService

    @property
    def is_there(self) -> bool:
        """Whether people can be sent anywhere."""
        return self.provider is not None

    def public_keys(self) -> Mapping[str, Any]:
        """Return our public keys there (RFC 7517 §5); refuses with `upstream.unavailable`."""
        if self.provider is None:
            raise Refused("upstream.unavailable")
        return self.provider.public_keys()

    def set_out(
        self, visitor: Visitor, carried: Mapping[str, str], account: Account | None = None
    ) -> str:
        """Return where to send the browser. `account`: whose identity is to be proved.

        Refuses with `upstream.unavailable` or `limit.upstream`.
        """
        if self.provider is None:
            raise Refused("upstream.unavailable")
        bucket = Bucket("upstream.start", visitor.address, *STARTS_OF_NETWORK)
        if self.rate_limits.hit(bucket)[0].is_over:
            raise Refused("limit.upstream")
        state = self.entropy.token()
        verifier = self._derived("verifier", state)
        challenge = encode_base64url(sha256(verifier.encode()).digest())
        try:
            url = self.provider.authorization_url(
                state=state, nonce=self._derived("nonce", state), challenge=challenge
            )
        except GatewayUnavailable as failure:
            raise Refused("upstream.unavailable") from failure
        with self.store.write() as tx:
            tx.journeys.put(
                Journey(
                    digest=digest_of(state),
                    kind=JourneyKind.UPSTREAM,
                    flow_digest=visitor.flow_digest,
                    account_id=account.id if account is not None else None,
                    expires_at=self.clock.now() + JOURNEY_SECONDS,
                    state={"carried": dict(carried)},
                )
            )
        return url

    def give_up(self, state: str, visitor: Visitor) -> Mapping[str, Any]:
        """End a journey that the provider answered with an error; refuses as `arrive`."""
        with self.store.write() as tx:
            return _carried(self._spent(state, visitor, tx=tx))

    def arrive(self, state: str, code: str, issuer: str | None, visitor: Visitor) -> Arrived:
        """Take the provider's answer.

        Refuses with `journey.expired`, `upstream.unavailable` (nothing usable came),
        `upstream.unknown` (its NIK is nobody's here) or, for an identity, as
        `IdentityMendingService.raise_in` and `check_old_nik`, or `identity.exists`.
        """
        with self.store.write() as tx:
            # spent first: an answer counts once, however it goes on
            journey = self._spent(state, visitor, tx=tx)
        if self.provider is None:
            raise Refused("upstream.unavailable")
        try:
            identity = self.provider.redeem(
                code,
                verifier=self._derived("verifier", state),
                nonce=self._derived("nonce", state),
                issuer=issuer,
            )
        except GatewayUnavailable as failure:
            raise Refused("upstream.unavailable") from failure
        carried = _carried(journey)
        if journey.account_id is None:
            return Arrived(carried, self._sign_in(identity, carried.get("i"), visitor))
        self._prove(journey.account_id, identity, visitor)
        return Arrived(carried)

    def _sign_in(
        self, identity: UpstreamIdentity, interaction_id: str | None, visitor: Visitor
    ) -> SignedIn:
        with self.store.write() as tx:
            account = self._holder(identity, tx=tx)
            if account is None or not account.is_usable:
                raise Refused("upstream.unknown")
            self._link(identity, account, visitor, tx=tx)
            signed_in = self.login.sessions.start(account, FEDERATED, visitor, tx=tx)
            self.login.tell_in(signed_in, visitor, interaction_id, is_known=False, tx=tx)
        return signed_in

    def _holder(self, identity: UpstreamIdentity, *, tx: Transaction) -> Account | None:
        """Return whose NIK it is; without one, who was linked when there was one.

        A provider's account that was linked to one of us is nobody else's, whatever it says now.
        """
        linked_id = tx.upstream_links.find(identity.digest)
        linked = tx.accounts.find(linked_id) if linked_id is not None else None
        if identity.nik is None:
            return linked
        account = tx.accounts.find_by_nik(identity.nik)
        if linked is not None and (account is None or account.id != linked.id):
            return None
        return account

    def _prove(self, account_id: UUID, identity: UpstreamIdentity, visitor: Visitor) -> None:
        """Confirm an account of level 0 by a NIK that is already its old accounts'."""
        try:
            with self.store.write() as tx:
                account = tx.accounts.find(account_id)
                if account is None or account.ial != IAL_UNPROVED:
                    raise Refused("identity.confirmed")
                if identity.nik is None:
                    raise Refused("upstream.unknown")
                check_old_nik(account, identity.nik, tx=tx)
                owner = tx.accounts.find_by_nik(identity.nik)
                if owner is not None:
                    raise self.mending.taken(account, owner, visitor, tx=tx)
                self.mending.raise_in(
                    account, identity.nik, identity.name or account.person.name, visitor, tx=tx
                )
                self._link(identity, account, visitor, tx=tx)
        except Conflict as conflict:
            raise Refused("identity.exists" if conflict.what == "nik" else "busy") from conflict

    def _link(
        self, identity: UpstreamIdentity, account: Account, visitor: Visitor, *, tx: Transaction
    ) -> None:
        now = self.clock.now()
        if tx.upstream_links.add(identity.digest, account.id, now):
            tx.audit.record(
                AuditEvent(
                    Action.UPSTREAM_LINKED, now, account_id=account.id, origin=visitor.origin
                )
            )

    def _spent(self, state: str, visitor: Visitor, *, tx: Transaction) -> Journey:
        now = self.clock.now()
        journey = check_journey(
            tx.journeys.find(digest_of(state)),
            JourneyKind.UPSTREAM,
            flow_digest=visitor.flow_digest,
            now=now,
        )
        if not tx.journeys.finish(journey.digest, now):
            raise Refused("journey.expired")
        return journey

    def _derived(self, use: str, state: str) -> str:
        """Return a secret of one way out, that need not be kept anywhere: 43 characters."""
        key = self.vault.keys("upstream")[0]
        made = hmac_digest(key, f"{use}\n{state}".encode(), sha256)
        return encode_base64url(made)


def _carried(journey: Journey) -> Mapping[str, Any]:
    carried = journey.state.get("carried")
    return {str(k): str(v) for k, v in carried.items()} if isinstance(carried, dict) else {}
