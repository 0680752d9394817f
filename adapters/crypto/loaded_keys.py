"""Data keys from a document instead of a database: for checking an export anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass

from idp.ports.vault import DataKey


@dataclass(frozen=True, slots=True)
class LoadedDataKeys:
    """Implements `idp.ports.vault.DataKeyStore` for reading."""

    keys: tuple[DataKey, ...]

    def load(self) -> Sequence[DataKey]:
        return self.keys

    def add(self, key: DataKey) -> bool:
        raise ValueError(f"the document holds no key for {key.purpose}")

    def rewrap(self, key: DataKey) -> None:
        raise ValueError(f"key {key.id} of a document is not wrapped anew")
