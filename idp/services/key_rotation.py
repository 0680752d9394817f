"""Our signing keys: made at first start, rotated on command, retired in time."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from idp.domain.errors import Refused
from idp.domain.identity.audit import OPERATOR, Action, Actor, AuditEvent
from idp.domain.protocol.algorithms import ON_DEMAND, OWN_KEYS
from idp.domain.protocol.client import ClientStatus
from idp.domain.protocol.client_search import ClientSearch
from idp.domain.protocol.signing_key import (
    KEEP_AFTER_SECONDS,
    PUBLISH_BEFORE_SECONDS,
    KeyStatus,
    SigningKey,
)
from idp.ports.clock import Clock
from idp.ports.store import Store, Transaction

_NAMES = tuple(algorithm.name for algorithm in OWN_KEYS)

#: Keys that are missing at a start are made by nobody.
_SYSTEM = Actor("system", "start")

#: Makes a key pair: algorithm, instants and status go in.
KeyMaker = Callable[[str, int, int, KeyStatus], SigningKey]


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key, and what it does now."""

    key: SigningKey
    status: KeyStatus


@dataclass(frozen=True, slots=True)
class KeyRotation:
    """`at_once`: a rotated key signs immediately (sandbox, test), not after 24 hours."""

    store: Store
    clock: Clock
    make: KeyMaker
    at_once: bool
    on_change: Callable[[], None]

    def ensure(self, wanted: Collection[str] = ()) -> None:
        """Make the keys that are missing; safe to run in many processes at once.

        `wanted`: algorithms of which there are keys on demand alone.
        """
        with self.store.read() as tx:
            missing = _missing(tx, wanted)
        if not missing:
            return
        now = self.clock.now()
        made = [self.make(alg, now, now, KeyStatus.ACTIVE) for alg in missing]
        with self.store.write() as tx:
            tx.signing_keys.hold()
            still = set(_missing(tx, wanted))
            for key in made:
                if key.alg in still:
                    tx.signing_keys.add(key)
                    tx.audit.record(_event(Action.KEY_MADE, key, now, _SYSTEM))
        self.on_change()

    def list_all(self) -> Sequence[SigningKey]:
        """Return every key that is still kept."""
        with self.store.read() as tx:
            return tx.signing_keys.list_all()

    def list_shown(self) -> Sequence[ShownKey]:
        """Return every published key with what it does now: next, then what signs, then the rest.

        A row says `next` until the next rotation, whether it signs already or not.
        """
        now = self.clock.now()
        keys = [key for key in self.list_all() if key.is_published(now)]
        shown = [ShownKey(key, _status_now(key, keys, now)) for key in keys]
        order = list(KeyStatus)
        return sorted(shown, key=lambda one: (order.index(one.status), one.key.alg))

    def count_portals(self) -> int:
        """Return how many clients rely on these keys."""
        with self.store.read() as tx:
            return tx.clients.count(ClientSearch(status=ClientStatus.ACTIVE))

    def rotate(
        self, *, emergency: bool = False, actor: Actor = OPERATOR, reason: str | None = None
    ) -> Sequence[SigningKey]:
        """Publish the next key of every algorithm that has one; return them.

        It signs after 24 hours. `emergency`: it signs now, and the old one leaves the key set.
        """
        now = self.clock.now()
        starts = now if emergency or self.at_once else now + PUBLISH_BEFORE_SECONDS
        status = KeyStatus.ACTIVE if starts == now else KeyStatus.NEXT
        with self.store.read() as tx:
            names = [alg for alg in _NAMES if alg not in ON_DEMAND or alg in _held(tx)]
        made = [self.make(alg, now, starts, status) for alg in names]
        with self.store.write() as tx:
            tx.signing_keys.hold()
            for old in tx.signing_keys.list_all():
                if old.status is KeyStatus.RETIRED:
                    continue
                leaves = now if emergency else starts + KEEP_AFTER_SECONDS
                retired = replace(old, retired_at=leaves)
                if starts == now:
                    retired = replace(retired, status=KeyStatus.RETIRED)
                tx.signing_keys.update(retired)
            for key in made:
                tx.signing_keys.add(key)
                tx.audit.record(
                    _event(Action.KEY_ROTATED, key, now, actor, emergency=emergency, reason=reason)
                )
        self.on_change()
        return made

    def retire(self, kid: str, *, at_once: bool = False, actor: Actor = OPERATOR) -> SigningKey:
        """Let a key sign no more; refuses as `retire_in`."""
        with self.store.write() as tx:
            retired = self.retire_in(kid, actor, at_once=at_once, tx=tx)
        self.on_change()
        return retired

    def retire_in(
        self,
        kid: str,
        actor: Actor,
        *,
        at_once: bool,
        reason: str | None = None,
        tx: Transaction,
    ) -> SigningKey:
        """Let a key sign no more. `at_once`: tokens that it signed stop verifying.

        Refuses with `key.unknown`, or `key.last` where nothing else could sign. `on_change` is the
        caller's, after the commit.
        """
        now = self.clock.now()
        tx.signing_keys.hold()
        keys = tx.signing_keys.list_all()
        key = next((k for k in keys if k.kid == kid), None)
        if key is None:
            raise Refused("key.unknown")
        others = [k for k in keys if k.kid != kid and k.alg == key.alg and k.may_sign(now)]
        if not others:
            raise Refused("key.last")
        leaves = now if at_once else now + KEEP_AFTER_SECONDS
        retired = replace(key, status=KeyStatus.RETIRED, retired_at=leaves)
        tx.signing_keys.update(retired)
        tx.audit.record(
            _event(Action.KEY_RETIRED, retired, now, actor, emergency=at_once, reason=reason)
        )
        return retired


def _status_now(key: SigningKey, keys: Sequence[SigningKey], now: int) -> KeyStatus:
    signing = max(
        (k for k in keys if k.alg == key.alg and k.may_sign(now)),
        key=lambda one: (one.active_at, one.created_at),
        default=None,
    )
    if signing is not None and signing.kid == key.kid:
        return KeyStatus.ACTIVE
    is_next = key.status is not KeyStatus.RETIRED and key.active_at > now
    return KeyStatus.NEXT if is_next else KeyStatus.RETIRED


def _held(tx: Transaction) -> set[str]:
    return {k.alg for k in tx.signing_keys.list_all() if k.status is not KeyStatus.RETIRED}


def _missing(tx: Transaction, wanted: Collection[str]) -> list[str]:
    there = {*_held(tx), *(ON_DEMAND - set(wanted))}
    return [alg for alg in _NAMES if alg not in there]


def _event(
    action: Action, key: SigningKey, now: int, actor: Actor, **details: object
) -> AuditEvent:
    """Return the event of a key; a program that acted is named by its client."""
    return AuditEvent(
        action,
        now,
        actor=actor.kind,
        actor_id=actor.id if actor.kind == "admin" else None,
        client_id=actor.name if actor.kind == "client" else None,
        origin=actor.origin,
        object_id=key.kid,
        details={"kid": key.kid, "alg": key.alg, **details},
    )
