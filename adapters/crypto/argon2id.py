"""Argon2id (RFC 9106 §3), its parameters in the text of the hash: `$argon2id$v=19$m=…,t=…,p=…$…$…`.

Two libraries make the same hashes, and either reads what the other made. libsodium picks the widest
vectors that the processor has (AVX2, AVX-512), but maps its memory anew for each hash, which some
machines make a third of its time. argon2-cffi keeps its memory, and has wide vectors only where it
was built with them (docs/operate.md). So the quicker one here is found out by trying both on a
small hash. libsodium makes hashes of one lane only: argon2-cffi makes all others.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from time import thread_time
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from nacl.bindings import (
    crypto_pwhash_ALG_ARGON2ID13,
    crypto_pwhash_str_alg,
    crypto_pwhash_str_verify,
)
from nacl.exceptions import CryptoError

#: libsodium's own bound of a hash's text, its final NUL included.
_TEXT_BYTES: Final = 128

_TEXT: Final = re.compile(r"\$argon2id\$v=19\$m=([0-9]{1,10}),t=([0-9]{1,10}),p=([0-9]{1,8})\$")

#: What both libraries try: 2 ms each.
_TRIAL_KIB: Final = 1024
_TRIAL_PASSES: Final = 2
_TRIALS: Final = 3


@dataclass(frozen=True)
class Argon2id:
    """`memory_kib`, `passes`, `lanes`: of new hashes; one that is verified tells its own."""

    memory_kib: int
    passes: int
    lanes: int

    def hash(self, password: str) -> str:
        """Return the text of a new hash, with 16 random bytes of salt and 32 of tag."""
        if self.lanes == 1 and is_libsodium_quicker():
            return _hash_by_libsodium(password, self.passes, self.memory_kib)
        return self._argon2_cffi.hash(password)

    def verify(self, password: str | bytes, hash_: str) -> bool:
        """Whether `hash_` is of `password`; no text of a hash at all is of nobody's."""
        typed, text = password.encode() if isinstance(password, str) else password, hash_.encode()
        if len(text) >= _TEXT_BYTES or not _TEXT.match(hash_):
            return False
        try:
            if is_libsodium_quicker():
                return crypto_pwhash_str_verify(text, typed)
            return self._argon2_cffi.verify(text, typed)
        except (CryptoError, InvalidHashError, VerificationError):
            return False

    def is_outdated(self, hash_: str) -> bool:
        """Whether `hash_` is of less memory or fewer passes than this, or of other lanes."""
        found = _TEXT.match(hash_)
        if found is None:
            return True
        memory_kib, passes, lanes = map(int, found.groups())
        return memory_kib < self.memory_kib or passes < self.passes or lanes != self.lanes

    @cached_property
    def _argon2_cffi(self) -> PasswordHasher:
        return PasswordHasher(self.passes, self.memory_kib, self.lanes, type=Type.ID)


@cache
def is_libsodium_quicker() -> bool:
    """Whether libsodium takes less CPU than argon2-cffi on this machine; asked once a process."""
    argon2_cffi = PasswordHasher(_TRIAL_PASSES, _TRIAL_KIB, 1, type=Type.ID)
    taken = _least_seconds(lambda: argon2_cffi.hash(""))
    return _least_seconds(lambda: _hash_by_libsodium("", _TRIAL_PASSES, _TRIAL_KIB)) < taken


def _least_seconds(work: Callable[[], object]) -> float:
    def taken() -> float:
        began = thread_time()
        work()
        return thread_time() - began

    return min(taken() for _ in range(_TRIALS))


def _hash_by_libsodium(password: str, passes: int, memory_kib: int) -> str:
    text = crypto_pwhash_str_alg(
        password.encode(), passes, memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13
    )
    return text.rstrip(b"\0").decode()
