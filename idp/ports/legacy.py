"""Old accounts: their hashes, their sealing in bulk, their rows, and the runs that brought them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from idp.domain.identity.email import EmailAddress
from idp.domain.identity.legacy import (
    ConflictKind,
    Credential,
    LegacyAccount,
    LegacyHash,
    LegacyLink,
    LegacyRecord,
    LegacyState,
)
from idp.domain.identity.nik import Nik
from idp.domain.identity.phone import Phone


class LegacyPasswords(Protocol):
    """Knows the kinds of hashes that portals of the past kept."""

    def read(self, scheme: str, text: str, params: Mapping[str, object]) -> LegacyHash:
        """Read a hash as a portal wrote it.

        Refuses with `hash.unknown` (kind), `hash.malformed`, `hash.parameters`, `hash.recipe` or
        `hash.cost`: more work or memory than a sign-in may take.
        """

    def verify(self, password: str, hash_: LegacyHash) -> bool:
        """Return whether the password fits; in the lane of all hashing, so it may raise `Busy`.

        `password`: exactly as typed, never folded or normalised: old systems did not.
        """

    def compare(self, password: str, hash_: LegacyHash) -> tuple[bool, float]:
        """Do the same; return it with the seconds of CPU that it took."""

    def wrap(self, hash_: LegacyHash) -> LegacyHash:
        """Return the hash with Argon2id over its text; outside the lane, for worker processes."""

    def spend_one(self) -> None:
        """Do one such hash for nothing: what a second of it yields is this machine's limit."""


class PortalAnswer(Protocol):
    """What a portal is about to say of a password."""

    def wait(self, seconds: float) -> bool | None:
        """Return it, `None` where it did not come within so many seconds.

        Raises `GatewayUnavailable` where nothing usable came.
        """

    def when_late(self, hear: Callable[[bool | None], None]) -> None:
        """Have the answer told once it comes, in the thread that waits for it; `None`: none came.

        At once, in the thread of the caller, where it came meanwhile.
        """


class LegacyVerifier(Protocol):
    """Portals that can't export their hashes and are asked instead (`adapters/portals.py`)."""

    @property
    def is_there(self) -> bool:
        """Whether any portal can be asked."""

    @property
    def seconds(self) -> float:
        """How long an answer can take at most."""

    def serves(self, source: str) -> bool:
        """Return whether a portal can be asked."""

    def ask(self, source: str, source_id: str, password: str) -> PortalAnswer:
        """Ask a portal in a thread of its own; raises `GatewayUnavailable` where it can't be now.

        `password`: exactly as typed.
        """

    def close(self) -> None:
        """Hear out whoever was asked, and ask nobody any more."""


@dataclass(frozen=True, slots=True)
class SealedLegacy:
    """A row ready to be written: everything personal is sealed for `id`, digests are keyed.

    `id`: says by itself which source and source_id it is, for ever. `fingerprint`: of the whole
    record, so that a new export shows what changed. `identifiers`: kind (`email`, `phone`,
    `login`), blind index, whether verified. `last_used_month`: see `legacy.month_of`.
    """

    id: UUID
    source: str
    state: LegacyState
    credential: Credential
    scheme: str
    fingerprint: bytes
    person_sealed: bytes
    hash_sealed: bytes | None
    nik_index: bytes | None
    last_used_month: int | None
    identifiers: tuple[tuple[str, bytes, bool], ...]


class LegacySealer(Protocol):
    """Seals records outside any transaction: this is what takes the time of an import."""

    def prepare(self) -> None:
        """Load the keys: before a fork, since worker processes have no database."""

    def seal(self, record: LegacyRecord) -> SealedLegacy:
        """Return the row for a record."""

    def seal_hash(self, legacy_id: UUID, hash_: LegacyHash) -> bytes:
        """Return the sealed value of a hash."""

    def open_hash(self, legacy_id: UUID, sealed: bytes) -> LegacyHash:
        """Return the hash behind a sealed value."""

    def name(self, source: str, source_id: str) -> UUID:
        """Return the id of the row that a portal calls so."""

    def tag(self, content: bytes) -> bytes:
        """Return a keyed digest that names content without telling it: 32 bytes."""


class Fate(StrEnum):
    """What became of a row of a batch."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    KEPT = "kept"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a batch did: a fate for each of its rows, and the conflicts that its rows are part of.

    A conflict is its kind, the blind index of what is shared, and the source (empty: several).
    """

    fates: Sequence[Fate]
    conflicts: frozenset[tuple[ConflictKind, bytes, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class SealedHash:
    """A weak hash on its way to be wrapped."""

    legacy_id: UUID
    sealed: bytes = field(repr=False)


class LegacyIntake(Protocol):
    """Rows on their way in, and weak hashes on their way to be wrapped."""

    def load(self, rows: Sequence[SealedLegacy], *, run: UUID, now: int) -> Loaded:
        """Write a batch: new rows, and changes to rows that nobody has claimed.

        The first row of a run with an id counts, later ones are `DUPLICATE`; a claimed or closed
        row is `KEPT` as it is.
        """

    def preview(self, rows: Sequence[SealedLegacy]) -> Loaded:
        """Return what `load` would do; writes nothing."""

    def list_weak(self, after: UUID | None, limit: int) -> Sequence[SealedHash]:
        """Return weak hashes in the order of their ids, beginning after one."""

    def count_weak(self) -> int: ...
    def put_wrapped(self, done: Collection[tuple[SealedHash, bytes]]) -> int:
        """Write wrapped hashes over those that still are the same; return how many were."""


class LegacyAccounts(Protocol):
    """Rows that wait for their owners.

    Finders return at most `limit` rows, those whose old password may be tried first.
    """

    def find(self, legacy_id: UUID) -> LegacyAccount | None: ...
    def find_by_email(self, email: EmailAddress, limit: int = 10) -> Sequence[LegacyAccount]:
        """Return rows with that address, verified or not."""

    def find_by_phone(self, phone: Phone, limit: int = 10) -> Sequence[LegacyAccount]: ...
    def find_by_nik(self, nik: Nik, limit: int = 10) -> Sequence[LegacyAccount]: ...
    def find_by_any_login(self, login: str, limit: int = 10) -> Sequence[LegacyAccount]:
        """Return rows of all portals with that user name, however it is capitalised."""

    def find_by_source_id(self, source: str, source_id: str) -> LegacyAccount | None: ...
    def list_for_account(self, account_id: UUID) -> Sequence[LegacyAccount]:
        """Return what was linked to an account: the source of the claim `legacy_ids`."""

    def claim(self, legacy_id: UUID, account_id: UUID, now: int) -> bool:
        """Link an open row to an account in one statement; `False` if another was first.

        Its old password dies with it; the hash itself stays until the link can't be undone.
        """

    def release(self, legacy_id: UUID, account_id: UUID, state: LegacyState) -> bool:
        """Undo a claim of this account: the row is as it was; `False` if it is not its own."""

    def move(self, legacy_id: UUID, *, since: int, from_: UUID, to: UUID) -> bool:
        """Give a claimed row to another account, as claimed at `since`; `False` if not its own."""

    def note_failure(self, legacy_id: UUID, cause: str) -> None:
        """Keep the stable word for why a claim failed; the newest counts."""

    def erase_for_account(self, account_id: UUID) -> int:
        """Erase the rows linked to an account, with their journal; return how many."""

    def list_from(self, after: UUID | None, limit: int) -> Sequence[LegacyAccount]:
        """Return rows in the order of their ids, beginning after one."""

    def reindex(self, legacy: LegacyAccount) -> None:
        """Write the blind indexes of one row under the newest root."""


class LegacyLinks(Protocol):
    """The journal of what came home."""

    def add(self, link: LegacyLink) -> None: ...
    def find(self, link_id: UUID) -> LegacyLink | None: ...
    def list_for_account(self, account_id: UUID) -> Sequence[LegacyLink]:
        """Return an account's entries, newest first."""

    def undo(self, link_id: UUID, now: int) -> bool:
        """Mark it taken back, in time and once; `False` otherwise."""

    def end(self, link_id: UUID, now: int) -> bool:
        """Mark it taken back however old it is: its row moved on; `False` if it was before."""

    def resume(self, link_id: UUID) -> bool:
        """Let it stand again as if it had never ended; `False` if it does stand, or is gone."""


class LegacyDormancy(Protocol):
    """Rows that nobody claimed, and nobody used for 24 months."""

    def count(self, now: int) -> tuple[int, int]:
        """Return how many owners are to be told, and how many rows have had their notice."""

    def list_due(self, now: int, after: UUID | None, limit: int) -> Sequence[LegacyAccount]:
        """Return rows whose owners are to be told, in the order of their ids, after one."""

    def note_told(self, legacy_id: UUID, now: int) -> bool:
        """Mark that the notice runs; `False` where it does already, or the row found its owner."""

    def list_over(self, now: int, limit: int) -> Sequence[UUID]:
        """Return rows whose notice is over."""

    def erase(self, legacy_id: UUID, now: int) -> bool:
        """Close a row for good and erase all that is personal; its id stays.

        A later export with the same row changes nothing then. `False` where it found its owner.
        """


class LegacyConflicts(Protocol):
    """What officers decide."""

    def note(
        self, found: Collection[tuple[ConflictKind, bytes, str]], now: int
    ) -> Mapping[ConflictKind, int]:
        """Keep conflicts; return how many were new, by kind."""

    def list_open(self, after: UUID | None = None, limit: int = 50) -> Sequence["Conflict"]:
        """Return undecided ones in the order of their discovery."""

    def find_open(self, conflict_id: UUID) -> "Conflict | None":
        """Return one that is undecided."""

    def members(self, conflict_id: UUID, limit: int = 50) -> Sequence[LegacyAccount]:
        """Return the rows that a conflict is about."""

    def decide(self, conflict_id: UUID, decision: str, *, by: str, now: int) -> bool:
        """Settle it, once. `decision`: a stable word."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A verified contact of two different NIK, or one NIK in two rows of a source.

    `source`: empty where it is about several. The other side may be an account of ours.
    """

    id: UUID
    kind: ConflictKind
    source: str
    found_at: int


@dataclass(frozen=True, slots=True)
class SourceFigures:
    """Where the old accounts of one source stand.

    `by_state`, `by_credential`, `by_scheme`: counts of rows. `never_used`, `long_unused`: dormant
    rows without an owner: no sign-in known, none for 24 months. `refused`: lines that never became
    a row, by cause. `failures`: rows whose last claim failed, by cause.
    """

    source: str
    imported: int
    by_state: Mapping[LegacyState, int]
    by_credential: Mapping[Credential, int]
    by_scheme: Mapping[str, int]
    never_used: int
    long_unused: int
    in_conflict: int
    refused: Mapping[str, int]
    failures: Mapping[str, int]
    last_import_at: int | None
    exported_at: int | None


class RunState(StrEnum):
    """`UNCHECKED`: its manifest can only be checked at the end, its rows count for nothing yet."""

    RUNNING = "running"
    UNCHECKED = "unchecked"
    DONE = "done"
    REFUSED = "refused"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far an input was read: lines, bytes (decompressed), keyed digest of those bytes."""

    line: int = 0
    offset: int = 0
    digest: bytes = b""


@dataclass(frozen=True, slots=True)
class LegacyRun:
    """One import of one file. `head`: keyed digest of its beginning; `counts`: totals so far."""

    id: UUID
    source: str | None
    state: RunState
    head: bytes
    checkpoint: Checkpoint
    counts: Mapping[str, Any]
    started_at: int
    changed_at: int
    exported_at: int | None = None


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A line of an input that was not imported, and the stable word why.

    `legacy_id`: of the row that it would have been, where that much could be read.
    """

    line: int
    cause: str
    source: str | None = None
    legacy_id: UUID | None = None


class LegacyRuns(Protocol):
    """Imports, done and interrupted."""

    def add(self, run: LegacyRun) -> None: ...
    def find(self, run_id: UUID) -> LegacyRun | None: ...
    def find_interrupted(self, head: bytes, source: str | None) -> LegacyRun | None:
        """Return the newest unfinished run of an input that begins like this."""

    def advance(self, run: LegacyRun, *, was: Checkpoint, now: int) -> bool:
        """Write state, checkpoint and counts; `False` if the run is not where it `was`."""

    def note_refused(self, run: UUID, lines: Collection[RefusedLine]) -> None: ...
    def list_refused(self, run: UUID, after: int = 0, limit: int = 1000) -> Sequence[RefusedLine]:
        """Return lines in their order, beginning after one."""

    def list_newest(self, limit: int = 20) -> Sequence[LegacyRun]: ...
    def figures(self, now: int) -> Sequence[SourceFigures]:
        """Return the cut-over figures of each source, by its name."""

    def note_sources(self, names: Collection[str], now: int, exported_at: int | None) -> None:
        """Keep that these portals sent an export."""
