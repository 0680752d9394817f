"""Counting wrong passwords: before they are compared, for known and unknown people alike (AU-6).

What a visitor can see is counted for the identifier that was typed, so that nobody learns from a
wait whether it has an account, or which identifiers belong together. Behind it the account has its
own count over all its identifiers; where that one alone bars a try, the try fails like any other.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.limits import Hit, scaled
from idp.domain.identity.lockout import (
    DISABLE_AFTER,
    FAILURES_OF_DEVICE,
    FREE_FAILURES,
    IN_A_ROW_SECONDS,
    LADDER_SECONDS,
    counted,
)
from idp.ports.clock import Clock
from idp.ports.store import Transaction
from idp.ports.vault import Vault
from idp.services.identifiers import Identifier, index_of

_IDENTIFIER: Final = b"identifier"
_ACCOUNT: Final = b"account"
_IN_A_ROW: Final = b"in_a_row"
_LIFE: Final = {
    _IDENTIFIER: LADDER_SECONDS,
    _ACCOUNT: LADDER_SECONDS,
    _IN_A_ROW: IN_A_ROW_SECONDS,
}


@dataclass(frozen=True, slots=True)
class CountedTry:
    """A try that stands as a failure until its password proves right.

    `in_a_row`: failures of the account with this one. `is_barred`: it fails whatever the password.
    """

    keys: tuple[tuple[bytes, bytes], ...]
    hits: tuple[Hit, ...]
    in_a_row: int
    is_barred: bool


@dataclass(frozen=True, slots=True)
class LockoutService:
    """`factor`: multiplies what is free."""

    clock: Clock
    vault: Vault
    factor: float

    def count(
        self,
        whose: bytes,
        account: Account | None,
        *,
        known_as: bytes | None,
        tx: Transaction,
        behind: bytes | None = None,
    ) -> CountedTry:
        """Count a try as failed, in the transaction before the comparison.

        `whose`: blind index of what was typed. `known_as`: what a browser is known by to this
        account, `None` for a stranger's. `behind`: what several identifiers have in common where it
        is no account. Refuses with `login.throttled` (`minutes`, `seconds`).
        """
        if account is not None and known_as is not None:
            return self._count_known(account, known_as, tx=tx)
        now = self.clock.now()
        behind = account.id.bytes if account is not None else behind or whose
        names = sorted(
            (_key(kind, key), kind)
            for kind, key in ((_IDENTIFIER, whose), (_ACCOUNT, behind), (_IN_A_ROW, behind))
        )
        found = tx.limits.count_failures({key: now + _LIFE[kind] for key, kind in names}, now=now)
        held = {kind: found[key][0] for key, kind in names}
        if not any(count.failures for count in held.values()):
            return CountedTry(tuple(names), (), 1, is_barred=False)
        free = scaled(FREE_FAILURES, self.factor)
        until = held[_IDENTIFIER].blocked_until(free=free)
        if now < until:
            raise _throttled(until - now)
        is_barred = now < held[_ACCOUNT].blocked_until(free=free)
        # a barred try compares nothing: counting it would let anybody renew the bar for ever
        keys = tuple((k, kind) for k, kind in names if kind == _IDENTIFIER or not is_barred)
        put = {
            key: (
                counted(held[kind], now, free=free if kind != _IN_A_ROW else 0),
                now + _LIFE[kind],
            )
            for key, kind in keys
        }
        # those that are not counted get back what they held
        tx.limits.put_failures({**found, **put})
        return CountedTry(keys, (), held[_IN_A_ROW].failures + (not is_barred), is_barred)

    def _count_known(self, account: Account, known_as: bytes, *, tx: Transaction) -> CountedTry:
        now = self.clock.now()
        hit = Hit(FAILURES_OF_DEVICE, account.id.bytes + known_as)
        window = tx.limits.hit(hit.key, window_seconds=hit.limit.window_seconds, now=now)
        if window.count > scaled(hit.limit.most, self.factor):
            raise _throttled(window.expires_at - now)
        key = _key(_IN_A_ROW, account.id.bytes)
        until = now + IN_A_ROW_SECONDS
        before = tx.limits.count_failures({key: until}, now=now)[key][0]
        held = counted(before, now, free=0)
        if before.failures:
            tx.limits.put_failures({key: (held, until)})
        return CountedTry(((key, _IN_A_ROW),), (hit,), held.failures, False)

    def is_over(self, counted_try: CountedTry) -> bool:
        """Return whether this failure ends the password."""
        return counted_try.in_a_row >= scaled(DISABLE_AFTER, self.factor)

    def take_back(self, counted_try: CountedTry, *, tx: Transaction) -> None:
        """Undo a count: nothing was compared."""
        now = self.clock.now()
        held = tx.limits.hold_failures(*(key for key, _ in counted_try.keys), now=now)
        tx.limits.put_failures(
            {key: (held[key].without_one(), now + _LIFE[kind]) for key, kind in counted_try.keys}
        )
        for hit in counted_try.hits:
            tx.limits.refund(hit.key)

    def clear(self, counted_try: CountedTry, *, tx: Transaction) -> None:
        """Forget the failures of what was typed, and behind it: it proved right."""
        tx.limits.clear_failures(*sorted(key for key, _ in counted_try.keys))

    def forgive(
        self, account: Account, counted_try: CountedTry | None = None, *, tx: Transaction
    ) -> None:
        """Forget an account's failures, under each of its identifiers."""
        identifiers: tuple[Identifier | None, ...] = (account.nik, account.phone, account.email)
        typed = {key for key, _ in counted_try.keys} if counted_try is not None else set()
        own = {
            _key(_IDENTIFIER, index_of(identifier, self.vault))
            for identifier in identifiers
            if identifier is not None
        }
        behind = {_key(kind, account.id.bytes) for kind in (_ACCOUNT, _IN_A_ROW)}
        # in the order of `count`: two tries at once never wait for one another
        for hit in counted_try.hits if counted_try is not None else ():
            tx.limits.refund(hit.key)
        tx.limits.clear_failures(*sorted(typed | own | behind))


def _key(kind: bytes, whose: bytes) -> bytes:
    return sha256(b"login\n" + kind + b"\n" + whose).digest()


def _throttled(seconds: int) -> Refused:
    return Refused("login.throttled", seconds=seconds, minutes=-(-seconds // 60))
