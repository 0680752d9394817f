"""Argon2id (RFC 9106 §3), its parameters in the text of the hash: `$argon2id$v=19$m=…,t=…,p=…$…$…`.

libsodium picks the widest vectors that the processor has (AVX2, AVX-512), argon2-cffi's wheel has
none: half the CPU for the same hash. libsodium makes hashes of one lane only, so argon2-cffi makes
those of more. Either reads what the other made.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from nacl.bindings import (
    crypto_pwhash_ALG_ARGON2ID13,
    crypto_pwhash_str_alg,
    crypto_pwhash_str_verify,
)
from nacl.exceptions import CryptoError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

#: libsodium's own bound of a hash's text, its final NUL included.
_TEXT_BYTES: Final = 128

_TEXT: Final = re.compile(r"\$argon2id\$v=19\$m=([0-9]{1,10}),t=([0-9]{1,10}),p=([0-9]{1,8})\$")


@dataclass(frozen=True)
class Argon2id:
    """`memory_kib`, `passes`, `lanes`: of new hashes; one that is verified tells its own."""

    memory_kib: int
    passes: int
    lanes: int

    def hash(self, password: str) -> str:
        """Return the text of a new hash, with 16 random bytes of salt and 32 of tag."""
        if self.lanes > 1:
            return self._of_several_lanes.hash(password)
        text = crypto_pwhash_str_alg(
            password.encode(), self.passes, self.memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13
        )
        return text.rstrip(b"\0").decode()

    def verify(self, password: str | bytes, hash_: str) -> bool:
        """Whether `hash_` is of `password`; no text of a hash at all is of nobody's."""
        typed, text = password.encode() if isinstance(password, str) else password, hash_.encode()
        if len(text) >= _TEXT_BYTES or not _TEXT.match(hash_):
            return False
        try:
            return crypto_pwhash_str_verify(text, typed)
        except CryptoError:
            return False

    def is_outdated(self, hash_: str) -> bool:
        """Whether `hash_` is of less memory or fewer passes than this, or of other lanes."""
        found = _TEXT.match(hash_)
        if found is None:
            return True
        memory_kib, passes, lanes = map(int, found.groups())
        return memory_kib < self.memory_kib or passes < self.passes or lanes != self.lanes

    @cached_property
    def _of_several_lanes(self) -> "PasswordHasher":
        # 30 ms and 3 MiB a process
        from argon2 import PasswordHasher, Type  # noqa: PLC0415 - only who set more lanes loads it

        return PasswordHasher(
            time_cost=self.passes, memory_cost=self.memory_kib, parallelism=self.lanes, type=Type.ID
        )
