"""The audit log: one sealer numbers and chains rows in batches, heads are signed, the key checks.

Rows are written in the transaction of what they tell of and wait for nobody; see
`docs/decisions/audit.md`.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from idp.domain.identity.audit import AuditRow, SignedHead
from idp.domain.identity.audit_chain import GENESIS, Flaw, Link, Walk, flaws_of_waiting, seal
from idp.ports.clock import Clock
from idp.ports.heads import HeadSigner
from idp.ports.store import Store, Transaction
from idp.ports.vault import DataKey, Vault

logger = logging.getLogger(__name__)

BATCH: Final = 1000
#: Batches of one round: it ends long before its lease does.
BATCHES: Final = 20


@dataclass(frozen=True, slots=True)
class ChainVerifier:
    """Checks rows wherever they come from: the database, a copy of it, an export."""

    vault: Vault
    heads: HeadSigner

    def check(
        self, rows: Iterable[AuditRow], heads: Iterable[str] = (), *, after: int = 0
    ) -> Flaw | None:
        """Return the first row that does not hold. `after`: the number before the first row."""
        told: dict[int, set[str]] = {}
        for text in heads:
            head = self.read_head(text)
            if head is not None:
                # every value counts: the head of a row that took a cut one's place is ours too
                told.setdefault(head["sequence"], set()).add(head["chain"])
        return Walk(self.vault.audit_key(), told, after).along(rows)

    def read_head(self, text: str) -> Mapping[str, Any] | None:
        """Return what a head tells that we signed; `None` for any other text, it proves nothing."""
        return self.heads.read(text.strip()) if text.strip() else None


@dataclass(slots=True)
class Remembered:
    """The end of the chain as this process last left it."""

    last: Link | None = None


@dataclass(frozen=True, slots=True)
class AuditLog:
    """Seals, signs, exports and verifies.

    `remembered`: between two signed heads a sealer notices by itself that its last row is gone.
    """

    store: Store
    clock: Clock
    vault: Vault
    heads: HeadSigner
    remembered: Remembered = field(default_factory=Remembered)

    def has_unsealed(self) -> bool:
        """Return whether a row waits for its number."""
        with self.store.read() as tx:
            return bool(tx.audit.list_unsealed(1))

    def seal(self) -> int:
        """Give new rows number and chain value, a batch in one transaction; return how many."""
        if not self.has_unsealed():
            return 0
        with self.store.write() as tx:
            tx.audit.hold_chain()
            self._compare(tx)
            last = Link(*(tx.audit.last_sealed() or (0, GENESIS)))
            rows = list(seal(tx.audit.list_unsealed(BATCH), last, self.vault.audit_key()))
            if rows:
                tx.audit.seal(rows)
        if rows:
            self.remembered.last = Link(*rows[-1][1:])
        return len(rows)

    def _compare(self, tx: Transaction) -> None:
        """Tell the operator where the row that this process sealed last is gone or another."""
        last = self.remembered.last
        if last is not None and tx.audit.chain_at(last.sequence) != last.chain:
            logger.critical("audit chain was cut", extra={"sequence": last.sequence})
            self.remembered.last = None

    def seal_all(self) -> int:
        """Seal until nothing waits, or a round's worth; return how many."""
        done = 0
        for _ in range(BATCHES):
            sealed = self.seal()
            done += sealed
            if sealed < BATCH:
                break
        return done

    def head(self) -> str | None:
        """Return the signed head of the chain as it stands, to be kept elsewhere."""
        with self.store.read() as tx:
            last = tx.audit.last_sealed()
        return None if last is None else self._sign(Link(*last)).signed

    def keep_head(self) -> SignedHead | None:
        """Sign the chain as it stands and keep the head; `None` where nothing is sealed."""
        with self.store.write() as tx:
            last = tx.audit.last_sealed()
            if last is None:
                return None
            head = self._sign(Link(*last))
            tx.audit.add_head(head)
        return head

    def list_heads(self, after: int = 0) -> list[SignedHead]:
        """Return the kept heads of rows beyond a number, the oldest first."""
        with self.store.read() as tx:
            return list(tx.audit.list_heads(after))

    @property
    def verifier(self) -> ChainVerifier:
        """What checks rows from elsewhere."""
        return ChainVerifier(self.vault, self.heads)

    def key(self) -> tuple[DataKey, Mapping[str, str]]:
        """Return the chain's key, wrapped, and the public key of its heads."""
        return self.vault.wrapped_audit_key(), self.heads.public_jwk()

    def rows(self, after: int = 0) -> Iterator[AuditRow]:
        """Yield the numbered rows behind a number, in order."""
        with self.store.read() as tx:
            yield from tx.audit.walk(after)

    def verify(self, heads: Iterable[str] = ()) -> Iterator[Flaw]:
        """Return what does not hold, the first broken row first; nothing where all does.

        `heads`: signed heads from outside the database; those inside are looked at too.
        """
        with self.store.read() as tx:
            kept = [head.signed for head in tx.audit.list_heads()]
            flaw = self.verifier.check(tx.audit.walk(), [*kept, *heads])
            if flaw is not None:
                yield flaw
            key, now = self.vault.audit_key(), self.clock.now()
            try:
                yield from flaws_of_waiting(tx.audit.list_unsealed(BATCH), key, now)
            except ValueError:
                yield Flaw("unreadable", None)

    def _sign(self, last: Link) -> SignedHead:
        now = self.clock.now()
        claims = {"sequence": last.sequence, "chain": last.chain.hex(), "at": now}
        return SignedHead(last.sequence, now, self.heads.sign(claims))
