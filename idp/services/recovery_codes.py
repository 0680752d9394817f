"""Recovery codes: ten of 80 bits, told once, kept as digests, each good once (AU-11)."""

from base64 import b32encode
from collections.abc import Sequence
from typing import Final

from idp.domain.ids import digest_of
from idp.ports.entropy import Entropy

RECOVERY_CODES: Final = 10
#: 80 bits: sixteen letters and digits, shown in groups of four.
_CODE_BYTES: Final = 10
_CODE_LETTERS: Final = 16


def new_codes(entropy: Entropy) -> tuple[Sequence[str], Sequence[bytes]]:
    """Return new codes as people write them, and the digests that are kept of them."""
    codes = [b32encode(entropy.bytes(_CODE_BYTES)).decode() for _ in range(RECOVERY_CODES)]
    written = ["-".join(code[at : at + 4] for at in range(0, _CODE_LETTERS, 4)) for code in codes]
    return written, [digest_of(code) for code in codes]
