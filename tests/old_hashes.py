"""Old password hashes that PHP, Django, OpenSSL and Apache made (`tests/vectors` says how)."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

VECTORS = Path(__file__).parent / "vectors"


@dataclass(frozen=True)
class OldHash:
    """One hash as an export gives it, and the password that it was made of."""

    maker: str
    kind: str
    scheme: str
    password: str
    hash: str
    params: Mapping[str, object]

    @property
    def given(self) -> dict[str, object]:
        """The member `password` of a row."""
        return {"scheme": self.scheme, "hash": self.hash, "params": dict(self.params)}


def old_hashes() -> Iterator[OldHash]:
    for path in sorted(VECTORS.glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            yield OldHash(**json.loads(line))


OLD_HASHES = tuple(old_hashes())
KINDS = tuple(sorted({old.kind for old in OLD_HASHES}))
