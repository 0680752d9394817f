"""AES-256-GCM under wrapped data keys, HMAC-SHA-256 blind indexes, HKDF for everything else.

A sealed value is `version | key id | nonce | ciphertext`; the place is its associated data.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from hmac import digest as hmac_digest
from threading import Lock
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.vault import DataKey, DataKeyStore, Place, WrongRoot

VERSION: Final = b"\x01"
SEAL: Final = "seal"
PAIRWISE: Final = "pairwise"
AUDIT: Final = "audit-chain"
#: Keys that never change, whatever becomes of the root: one of each.
KEPT: Final = (PAIRWISE, AUDIT)
KEY_LIFE_SECONDS: Final = 365 * 86400

_KEY_ID_BYTES: Final = 4
_NONCE_BYTES: Final = 12
_HEAD: Final = len(VERSION) + _KEY_ID_BYTES
_BODY: Final = _HEAD + _NONCE_BYTES


@dataclass(slots=True)
class _Opened:
    """Data keys in memory, by id and by purpose."""

    ciphers: dict[int, AESGCM] = field(default_factory=dict)
    kept: dict[str, bytes] = field(default_factory=dict)
    writer: int = 0


@dataclass
class DerivedVault:
    """Implements `idp.ports.vault.Vault`.

    `roots`: newest first; the first writes, all read.
    """

    roots: tuple[bytes, ...]
    store: DataKeyStore
    entropy: Entropy
    clock: Clock
    _lock: Lock = field(default_factory=Lock, repr=False)
    _keys: dict[str, tuple[bytes, ...]] = field(default_factory=dict, repr=False)
    _opened: _Opened = field(default_factory=_Opened, repr=False)

    def keys(self, label: str) -> tuple[bytes, ...]:
        found = self._keys.get(label)
        if found is None:
            found = tuple(_derive(root, label) for root in self.roots)
            self._keys[label] = found
        return found

    def blind_index(self, kind: str, value: str) -> bytes:
        return _index(self.keys("blind-index")[0], kind, value)

    def blind_indexes(self, kind: str, value: str) -> tuple[bytes, ...]:
        return tuple(_index(key, kind, value) for key in self.keys("blind-index"))

    def seal(self, value: bytes, place: Place) -> bytes:
        cipher = self._writer()
        nonce = self.entropy.bytes(_NONCE_BYTES)
        head = VERSION + self._opened.writer.to_bytes(_KEY_ID_BYTES, "big")
        return head + nonce + cipher.encrypt(nonce, value, _associated(place))

    def open(self, sealed: bytes, place: Place) -> bytes:
        if sealed[:1] != VERSION or len(sealed) < _BODY:
            raise ValueError("not a sealed value of a known version")
        cipher = self._reader(int.from_bytes(sealed[1:_HEAD], "big"))
        try:
            return cipher.decrypt(sealed[_HEAD:_BODY], sealed[_BODY:], _associated(place))
        except InvalidTag as error:
            raise ValueError("the sealed value was changed or moved") from error

    def pairwise_key(self) -> bytes:
        return self._kept(PAIRWISE)

    def audit_key(self) -> bytes:
        return self._kept(AUDIT)

    def wrapped_audit_key(self) -> DataKey:
        self._kept(AUDIT)
        return next(key for key in self.store.load() if key.purpose == AUDIT)

    def rewrap(self) -> int:
        """Wrap every data key under the newest root; return how many."""
        keys = self.store.load()
        for key in keys:
            plain = self._unwrap(key)
            self.store.rewrap(
                DataKey(key.id, key.purpose, self._wrap(key, plain), key.created_at, key.retired_at)
            )
        return len(keys)

    def try_roots(self) -> None:
        """Open the data keys that there are; makes none. Raises `WrongRoot`."""
        with self._lock:
            self._read()

    def prepare(self) -> None:
        self._writer()
        for purpose in KEPT:
            self._kept(purpose)

    def _kept(self, purpose: str) -> bytes:
        found = self._opened.kept.get(purpose)
        if found is None:
            self._load(lambda opened: purpose not in opened.kept, purpose)
            found = self._opened.kept[purpose]
        return found

    def _writer(self) -> AESGCM:
        if not self._opened.writer:
            self._load(lambda opened: not opened.writer, SEAL)
        return self._opened.ciphers[self._opened.writer]

    def _reader(self, key_id: int) -> AESGCM:
        cipher = self._opened.ciphers.get(key_id)
        if cipher is None:
            self._load(lambda _: False, SEAL)
            cipher = self._opened.ciphers.get(key_id)
        if cipher is None:
            raise ValueError("the sealed value names an unknown data key")
        return cipher

    def _load(self, is_missing: Callable[[_Opened], bool], purpose: str) -> None:
        """Read the data keys; make one of `purpose` if that is missing. Safe in many processes."""
        with self._lock:
            self._read()
            while is_missing(self._opened):
                taken = [key.id for key in self.store.load()]
                self._make(max(taken, default=0) + 1, purpose)
                self._read()

    def _read(self) -> None:
        opened = _Opened()
        newest = 0
        for key in self.store.load():
            plain = self._unwrap(key)
            if key.purpose in KEPT:
                # two processes may each have made one: the first counts
                opened.kept.setdefault(key.purpose, plain)
                continue
            opened.ciphers[key.id] = AESGCM(plain)
            is_young = self.clock.now() - key.created_at < KEY_LIFE_SECONDS
            if key.retired_at is None and is_young:
                newest = max(newest, key.id)
        opened.writer = newest
        self._opened = opened

    def _make(self, key_id: int, purpose: str) -> None:
        key = DataKey(key_id, purpose, b"", self.clock.now())
        wrapped = self._wrap(key, self.entropy.bytes(32))
        self.store.add(DataKey(key_id, purpose, wrapped, key.created_at))

    def _wrap(self, key: DataKey, plain: bytes) -> bytes:
        nonce = self.entropy.bytes(_NONCE_BYTES)
        return nonce + self._wrappers[0].encrypt(nonce, plain, _wrapping(key))

    def _unwrap(self, key: DataKey) -> bytes:
        for wrapper in self._wrappers:
            try:
                return wrapper.decrypt(
                    key.wrapped[:_NONCE_BYTES], key.wrapped[_NONCE_BYTES:], _wrapping(key)
                )
            except InvalidTag:
                continue
        raise WrongRoot("no root in SIAPKERJA_SECRET_KEY opens the data keys of this database")

    @cached_property
    def _wrappers(self) -> tuple[AESGCM, ...]:
        return tuple(AESGCM(key) for key in self.keys("kek"))


def _derive(root: bytes, label: str) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=f"siapkerja {label}".encode()).derive(root)


def _index(key: bytes, kind: str, value: str) -> bytes:
    return hmac_digest(key, f"{kind}\n{value}".encode(), sha256)


def _associated(place: Place) -> bytes:
    return f"{place.table}\n{place.column}\n".encode() + place.row


def _wrapping(key: DataKey) -> bytes:
    return f"data key\n{key.id}\n{key.purpose}".encode()
