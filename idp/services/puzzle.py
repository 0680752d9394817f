"""Puzzles: what slows down whoever asks too often, and nobody else for long.

A browser with script works for about a second; without script the person waits. The token says
what it is for and whose it is, so that nothing is kept until it is spent.
"""

from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Final

from idp.domain.errors import Refused
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import decode_base64url, digest_of, encode_base64url
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.store import Transaction
from idp.ports.vault import Vault

WAIT_SECONDS: Final = 30
LIFE_SECONDS: Final = 300
#: Leading zero bits: 65,536 hashes on average, about a second of script on a cheap phone.
BITS: Final = 16

# 43 characters of token, a point and 11 digits: one block of SHA-256
_TIME_BYTES: Final = 8
_NONCE_BYTES: Final = 12
_MAC_BYTES: Final = 12
_ANSWER_MAX: Final = 11


@dataclass(frozen=True, slots=True)
class Puzzle:
    """A puzzle on a page. `not_before`: from then on it is good without an answer."""

    token: str
    bits: int
    not_before: int


@dataclass(frozen=True, slots=True)
class Solution:
    """What came back. `answer`: the number that script found, empty without script."""

    token: str
    answer: str


@dataclass(frozen=True, slots=True)
class PuzzleService:
    """Makes puzzles and takes each once, from the address and for the purpose it was made for."""

    vault: Vault
    clock: Clock
    entropy: Entropy
    bits: int = BITS

    def issue(self, purpose: str, visitor: Visitor) -> Puzzle:
        """Return a new puzzle; `purpose` is a word of the caller."""
        not_before = self.clock.now() + WAIT_SECONDS
        body = not_before.to_bytes(_TIME_BYTES, "big") + self.entropy.bytes(_NONCE_BYTES)
        mac = _mac(self.vault.keys("puzzle")[0], body, purpose, visitor)
        return Puzzle(encode_base64url(body + mac), self.bits, not_before)

    def reopen(self, token: str, purpose: str, visitor: Visitor) -> Puzzle | None:
        """Return a puzzle that was sent too early, so that its wait goes on; `None` if not ours."""
        not_before = self._read(token, purpose, visitor)
        return None if not_before is None else Puzzle(token, self.bits, not_before)

    def redeem(
        self, solution: Solution | None, purpose: str, visitor: Visitor, *, tx: Transaction
    ) -> bool:
        """Spend a solution; return whether it counts.

        Refuses with `puzzle.early` and `seconds` where neither work nor wait is done.
        """
        if solution is None:
            return False
        not_before = self._read(solution.token, purpose, visitor)
        if not_before is None:
            return False
        now = self.clock.now()
        if now < not_before and not self._is_worked(solution):
            raise Refused("puzzle.early", seconds=not_before - now)
        expires_at = not_before - WAIT_SECONDS + LIFE_SECONDS
        digest = digest_of(f"puzzle\n{solution.token}")
        return tx.replays.add_once(digest, expires_at=expires_at + 1, now=now)

    def _read(self, token: str, purpose: str, visitor: Visitor) -> int | None:
        """Return from when a living token of ours is good by itself, `None` for any other."""
        try:
            value = decode_base64url(token)
        except ValueError:
            return None
        body, mac = value[:-_MAC_BYTES], value[-_MAC_BYTES:]
        if len(body) != _TIME_BYTES + _NONCE_BYTES:
            return None
        keys = self.vault.keys("puzzle")
        if not any(compare_digest(mac, _mac(key, body, purpose, visitor)) for key in keys):
            return None
        not_before = int.from_bytes(body[:_TIME_BYTES], "big")
        is_over = self.clock.now() >= not_before - WAIT_SECONDS + LIFE_SECONDS
        return None if is_over else not_before

    def _is_worked(self, solution: Solution) -> bool:
        answer = solution.answer
        if not (answer.isascii() and answer.isdigit() and len(answer) <= _ANSWER_MAX):
            return False
        digest = sha256(f"{solution.token}.{answer}".encode()).digest()
        return int.from_bytes(digest, "big") >> (256 - self.bits) == 0


def _mac(key: bytes, body: bytes, purpose: str, visitor: Visitor) -> bytes:
    bound = f"{purpose}\n{visitor.address}\n".encode()
    return hmac_digest(key, bound + body, sha256)[:_MAC_BYTES]
