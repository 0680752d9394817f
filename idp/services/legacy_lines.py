"""Reading an export: JSON Lines or CSV, gzipped or not, line by line, whatever it holds.

Nothing here stops at a bad line and nothing is held but one line: what is too long, cut off or not
text is told with its number. Offsets count decompressed bytes.
"""

import csv
import json
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, Protocol

from idp.domain.errors import Refused
from idp.ports.legacy import Checkpoint

LINE_MAX: Final = 64 << 10
#: A quoted CSV field may hold line breaks; one that is never closed costs its own line only.
CSV_LINES_MAX: Final = 20
BATCH_RECORDS: Final = 1000
BATCH_BYTES: Final = 1 << 20

_CHUNK: Final = 64 << 10
_HEAD: Final = 64 << 10
_BOM: Final = b"\xef\xbb\xbf"
_GZIP: Final = b"\x1f\x8b"
_GZIP_BITS: Final = 31
_DELIMITERS: Final = ",;\t|"

#: CSV columns by the place that their cells take in a row of JSON Lines.
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    **{
        name: (name,)
        for name in (
            "source",
            "source_id",
            "nik",
            "name",
            "login",
            "status",
            "created_at",
            "last_login_at",
            "email",
            "email_verified",
            "phone",
            "phone_verified",
        )
    },
    "emails": ("email",),
    "phones": ("phone",),
    "scheme": ("password", "scheme"),
    "hash": ("password", "hash"),
    **{
        name: ("password", "params", name)
        for name in (
            "salt",
            "salt_position",
            "salt_encoding",
            "iterations",
            "encoding",
            "digest",
            "recipe",
            "n",
            "r",
            "p",
        )
    },
    "org_type": ("org", "type"),
    "org_name": ("org", "name"),
    "nib": ("org", "nib"),
    "npp": ("org", "npp"),
    "npwp": ("org", "npwp"),
    "role": ("org", "role"),
}


class Readable(Protocol):
    """A file or standard input, in bytes."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Shape:
    """How a file is written. `columns`: of a CSV, by place; none for JSON Lines."""

    columns: tuple[str, ...] = ()
    delimiter: str = ","


@dataclass(frozen=True, slots=True)
class Line:
    """One record as it stands in the input, or the stable word for why there is none."""

    number: int
    content: bytes = field(default=b"", repr=False)
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Records to be prepared together. `end`: where the input stands after the last of them."""

    lines: tuple[Line, ...]
    shape: Shape
    end: Checkpoint
    notes: tuple[tuple[int, str], ...] = ()


@dataclass(slots=True)
class _Physical:
    """A physical line. `raw`: with its line break; of one that is too long, a digest of it."""

    number: int
    raw: bytes
    size: int
    is_long: bool = False
    cause: str | None = None


class ExportReader:
    """Reads one input once.

    `bytes_read`: of the file as it lies there, for progress. `records`: found so far.
    """

    def __init__(self, stream: Readable) -> None:
        self.bytes_read = 0
        self.records = 0
        self.shape = Shape()
        self._stream = stream
        self._raw, self._plain = sha256(), sha256()
        self._damage: str | None = None
        self._chunks = self._decompressed()
        self._head = b""
        while len(self._head) < _HEAD and (chunk := next(self._chunks, b"")):
            self._head += chunk
        self._ahead: deque[_Physical] = deque()
        self._physical = self._split()
        self._seen = sha256()
        self._at = Checkpoint()
        self._notes: list[tuple[int, str]] = []
        self._begin()

    @property
    def head(self) -> bytes:
        """The first 64 KiB, decompressed: what an input is known again by."""
        return self._head[:_HEAD]

    @property
    def digests(self) -> tuple[str, str]:
        """SHA-256 in hex of what was read: as the file lies there, and decompressed."""
        return self._raw.hexdigest(), self._plain.hexdigest()

    def skip(self, line: int) -> Checkpoint:
        """Pass over what an earlier run did; return where the input stands after it."""
        for _ in self._records(line):
            pass
        if line:
            # told by the earlier run
            self._notes.clear()
        return self._here()

    def survey(self) -> None:
        """Read all that is left: then `records` and `digests` are those of the whole input."""
        for _ in self._records():
            pass

    def batches(self, at_most: int = BATCH_RECORDS) -> Iterator[Batch]:
        """Yield all records from here on, so many at once."""
        lines: list[Line] = []
        size = 0
        for line in self._records():
            lines.append(line)
            size += len(line.content)
            if len(lines) == at_most or size >= BATCH_BYTES:
                yield self._batch(lines)
                lines, size = [], 0
        if lines or self._notes:
            yield self._batch(lines)

    def _batch(self, lines: list[Line]) -> Batch:
        notes, self._notes = tuple(self._notes), []
        return Batch(tuple(lines), self.shape, self._here(), notes)

    def _here(self) -> Checkpoint:
        return Checkpoint(self._at.line, self._at.offset, self._seen.digest())

    def _begin(self) -> None:
        """Look at the first line: a byte order mark, a CSV header, or already a record."""
        first = self._take()
        if first is None:
            return
        if first.raw.startswith(_BOM) and not first.is_long:
            first.raw = first.raw[len(_BOM) :]
            self._seen.update(_BOM)
            self._at = Checkpoint(0, len(_BOM))
            first.size -= len(_BOM)
            self._notes.append((1, "input.bom"))
        shape = None if first.is_long else read_header(first.raw)
        if shape is None:
            self._ahead.appendleft(first)
            return
        self.shape = shape
        self._consume(first)
        if any(name not in COLUMNS for name in shape.columns):
            self._notes.append((1, "csv.column"))

    def _records(self, until: int | None = None) -> Iterator[Line]:
        """Yield records; blank lines are none. `until`: stop after this line."""
        while until is None or self._at.line < until:
            first = self._take()
            if first is None:
                return
            line = self._record(first)
            if line.cause is not None or line.content.strip():
                self.records += 1
                yield line

    def _record(self, first: _Physical) -> Line:
        self._consume(first)
        if first.cause is not None:
            return Line(first.number, cause=first.cause)
        if first.is_long:
            return Line(first.number, cause="line.length")
        if not self.shape.columns or first.raw.count(b'"') % 2 == 0:
            return Line(first.number, first.raw)
        return self._joined(first)

    def _joined(self, first: _Physical) -> Line:
        """Join the physical lines of a quoted CSV field."""
        joined, more = first.raw, []
        while joined.count(b'"') % 2:
            following = self._take()
            if following is not None:
                more.append(following)
            is_over = following is None or following.is_long or following.cause is not None
            if is_over or len(more) == CSV_LINES_MAX or len(joined) > LINE_MAX:
                # what was taken for the rest of a field stands for itself
                self._ahead.extendleft(reversed(more))
                return Line(first.number, cause="csv.quote")
            joined += following.raw if following is not None else b""
        for line in more:
            self._consume(line)
        return Line(first.number, joined)

    def _take(self) -> _Physical | None:
        return self._ahead.popleft() if self._ahead else next(self._physical, None)

    def _consume(self, line: _Physical) -> None:
        self._seen.update(line.raw)
        self._at = Checkpoint(line.number, self._at.offset + line.size)

    def _split(self) -> Iterator[_Physical]:
        """Yield physical lines; one that is too long is passed over as it comes."""
        number, kept, passed = 1, bytearray(), _Passed()
        for chunk in self._all_chunks():
            start = 0
            while (end := chunk.find(b"\n", start)) >= 0:
                piece, start = chunk[start : end + 1], end + 1
                if passed.size or len(kept) + len(piece) > LINE_MAX:
                    yield passed.line(number, bytes(kept) + piece)
                    passed = _Passed()
                else:
                    yield _Physical(number, bytes(kept) + piece, len(kept) + len(piece))
                kept.clear()
                number += 1
            kept += chunk[start:]
            if passed.size or len(kept) > LINE_MAX:
                passed.add(bytes(kept))
                kept.clear()
        if self._damage is not None:
            # cut off in the middle: even what looks like a row may be half of one
            yield _Physical(number, bytes(kept), len(kept), cause=self._damage)
        elif passed.size:
            yield passed.line(number, bytes(kept))
        elif kept:
            yield _Physical(number, bytes(kept), len(kept))

    def _all_chunks(self) -> Iterator[bytes]:
        yield self._head
        self._head = self._head[:_HEAD]
        yield from self._chunks

    def _decompressed(self) -> Iterator[bytes]:
        for plain in self._inflated():
            self._plain.update(plain)
            yield plain
        # what follows the last gzip member belongs to the file all the same
        while self._read():
            pass

    def _inflated(self) -> Iterator[bytes]:
        """Yield the content in pieces of bounded size; what breaks off is told by `_damage`."""
        chunk = self._read()
        if not chunk.startswith(_GZIP):
            while chunk:
                yield chunk
                chunk = self._read()
            return
        inflate = zlib.decompressobj(_GZIP_BITS)
        while chunk:
            try:
                plain = inflate.decompress(chunk, _CHUNK)
            except zlib.error:
                self._damage = "gzip.damaged"
                return
            if plain:
                yield plain
            chunk = inflate.unconsumed_tail
            if inflate.eof:
                # files may be several gzip members one after the other
                chunk = inflate.unused_data
                if len(chunk) < len(_GZIP):
                    chunk += self._read()
                inflate = zlib.decompressobj(_GZIP_BITS)
                if not chunk.startswith(_GZIP):
                    return
            elif not chunk:
                chunk = self._read()
                if not chunk:
                    self._damage = "gzip.truncated"

    def _read(self) -> bytes:
        chunk = self._stream.read(_CHUNK)
        self.bytes_read += len(chunk)
        self._raw.update(chunk)
        return chunk


class _Passed:
    """A line that is too long to be kept: its size, and a digest in its place."""

    def __init__(self) -> None:
        self.size = 0
        self._seen = sha256()

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        self._seen.update(piece)

    def line(self, number: int, last: bytes) -> _Physical:
        self.add(last)
        return _Physical(number, self._seen.digest(), self.size, is_long=True)


def read_header(raw: bytes) -> Shape | None:
    """Return the shape of a CSV whose header this is, `None` where it is no such header."""
    text, _ = decode(raw)
    text = text.strip()
    delimiter = max(_DELIMITERS, key=text.count)
    names = tuple(_column(name) for name in _cells(text, delimiter) or ())
    return Shape(names, delimiter) if "source_id" in names else None


def _column(name: str) -> str:
    """Return a column's name as we know it: `password.params.salt` is `salt`."""
    name = name.strip().lower().replace(" ", "_")
    for prefix in ("password.params.", "password.", "password_", "orgs.", "org."):
        if name.startswith(prefix) and name.removeprefix(prefix) in COLUMNS:
            return name.removeprefix(prefix)
    return name


def _cells(text: str, delimiter: str) -> list[str] | None:
    try:
        rows = list(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


def decode(raw: bytes) -> tuple[str, tuple[str, ...]]:
    """Return the text of a line, and a note where it is not UTF-8 or ends in CRLF."""
    notes: tuple[str, ...] = ()
    if raw.endswith(b"\r\n"):
        notes = ("input.crlf",)
    try:
        return raw.decode("utf-8"), notes
    except UnicodeDecodeError:
        pass
    try:
        return raw.decode("cp1252"), (*notes, "input.latin1")
    except UnicodeDecodeError:
        return raw.decode("latin-1"), (*notes, "input.latin1")


def parse_row(line: Line, shape: Shape) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Return a row by the names of JSON Lines, with notes on how it was written.

    Refuses with `json.malformed`, `csv.quote`, `csv.columns`, or the cause that the line carries.
    """
    if line.cause is not None:
        raise Refused(line.cause)
    text, notes = decode(line.content)
    if shape.columns:
        return _parse_csv(text, shape), notes
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused("json.malformed") from error
    if not isinstance(row, dict):
        raise Refused("json.malformed")
    return row, notes


def _parse_csv(text: str, shape: Shape) -> Mapping[str, Any]:
    cells = _cells(text.removesuffix("\n").removesuffix("\r"), shape.delimiter)
    if cells is None:
        raise Refused("csv.quote")
    if len(cells) != len(shape.columns):
        raise Refused("csv.columns")
    row: dict[str, Any] = {}
    for name, cell in zip(shape.columns, cells, strict=True):
        place = COLUMNS.get(name)
        if place is None or cell == "":
            continue
        inner = row
        for step in place[:-1]:
            inner = inner.setdefault(step, {})
        inner[place[-1]] = cell
    if "org" in row:
        row["orgs"] = [row.pop("org")]
    return row
