"""Reading one row of an export (`../shared/domain/portals.md` §5).

A row that is wrong where it matters (source, identifier, NIK, password) is refused whole: its
portal can mend it and send it again. A contact or a date that makes no sense is left out and
noted, since the person can still be found by the rest.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from idp.domain.errors import Refused
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.legacy import (
    LegacyEmail,
    LegacyHash,
    LegacyPhone,
    LegacyRecord,
    LegacyState,
)
from idp.domain.identity.nik import Nik, parse_nik
from idp.domain.identity.person import NAME_MAX
from idp.domain.identity.phone import parse_phone

IDENTIFIER_MAX: Final = 128
CONTACTS_MAX: Final = 10
CONTACT_LENGTH: Final = 320
ORGS_MAX: Final = 20

#: What a portal's own word for an account's standing means here; `deleted` ones stay there.
STATUSES: Final[Mapping[str, LegacyState | None]] = {
    "": LegacyState.WAITING,
    "active": LegacyState.WAITING,
    "inactive": LegacyState.WAITING,
    "unverified": LegacyState.WAITING,
    "suspended": LegacyState.BLOCKED,
    "blocked": LegacyState.BLOCKED,
    "deleted": None,
}

_ORG_FIELDS: Final = ("type", "nib", "npp", "npwp", "name", "role")
_SOURCE: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_NOTHING: Final = frozenset({"", "-", "null", "none", "\\n", "0"})
_SPREADSHEET: Final = re.compile(r"[0-9]+(?:[.,][0-9]+)?[eE]\+?[0-9]+")
#: Control characters, and halves of surrogate pairs that JSON escapes can bring.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_TRUE: Final = frozenset({"1", "true", "t", "yes", "y", "ya"})
_NO_DATE: Final = ("0000-00-00", "0001-01-01")
#: Portals that write no offset run on the clock of Jakarta.
_WIB: Final = timezone(timedelta(hours=7))
_FIRST_INSTANT: Final = 631_152_000  # 1990: nobody had an account before
_LAST_SECONDS: Final = 10**11  # larger numbers are milliseconds
_DAY: Final = 86400


@dataclass(frozen=True, slots=True)
class RecordReader:
    """What reading a row takes from outside.

    `source`: that rows without one belong to, and that others must name. `read_hash`: scheme, text
    and parameters to a hash; refuses with `hash.*`.
    """

    now: int
    parse_email: Callable[[str], EmailAddress]
    read_hash: Callable[[str, str, Mapping[str, object]], LegacyHash]
    source: str | None = None

    def read(self, given: Mapping[str, Any]) -> tuple[LegacyRecord, tuple[str, ...]]:
        """Return the record, and a stable word for each thing that was left out of it.

        Refuses with `source.*`, `source_id.*`, `login.invalid`, `nik.*`, `status.*`, `hash.*` or
        `identifier.missing`.
        """
        notes: list[str] = []
        source = self._source(given)
        source_id = _identifier(given, "source_id")
        if source_id is None:
            raise Refused("source_id.missing")
        nik = _nik(given.get("nik"))
        state = _state(given.get("status"), nik)
        emails = tuple(self._emails(given, notes))
        phones = tuple(_phones(given, notes))
        login = _identifier(given, "login")
        if nik is None and not emails and not phones and login is None:
            raise Refused("identifier.missing")
        record = LegacyRecord(
            source=source,
            source_id=source_id,
            state=state,
            nik=nik,
            name=_name(given.get("name"), notes),
            emails=emails,
            phones=phones,
            login=login,
            hash=self._hash(given.get("password")),
            created_at=self._instant(given.get("created_at"), notes),
            last_login_at=self._instant(given.get("last_login_at"), notes),
            orgs=_orgs(given.get("orgs"), notes),
        )
        return record, tuple(notes)

    def name(self, given: Mapping[str, Any]) -> tuple[str | None, str | None]:
        """Return source and identifier of a row that may be refused, where they can be read."""
        try:
            source = self._source(given)
        except Refused:
            return None, None
        try:
            return source, _identifier(given, "source_id")
        except Refused:
            return source, None

    def _source(self, given: Mapping[str, Any]) -> str:
        named = given.get("source")
        if named is None or named == "":
            if self.source is None:
                raise Refused("source.missing")
            return self.source
        if not isinstance(named, str) or not is_source(named):
            raise Refused("source.invalid")
        if self.source is not None and named != self.source:
            raise Refused("source.other")
        return named

    def _emails(self, given: Mapping[str, Any], notes: list[str]) -> Iterator[LegacyEmail]:
        for value, is_verified in _contacts(given, "email", notes):
            try:
                yield LegacyEmail(self.parse_email(value), is_verified)
            except Refused:
                notes.append("email.invalid")

    def _hash(self, given: object) -> LegacyHash | None:
        if given is None or given == "":
            return None
        if not isinstance(given, Mapping):
            raise Refused("hash.malformed")
        scheme, text, params = given.get("scheme"), given.get("hash"), given.get("params")
        if scheme is None or scheme == "":
            scheme = "auto"
        if scheme == "none" or text is None or text == "":
            return None
        if not isinstance(scheme, str) or not isinstance(text, str):
            raise Refused("hash.malformed")
        # how systems write "no password will ever fit"
        if text.startswith("!") or text == "*":
            return None
        if params is not None and not isinstance(params, Mapping):
            raise Refused("hash.parameters")
        return self.read_hash(scheme, text, params or {})

    def _instant(self, given: object, notes: list[str]) -> int | None:
        try:
            instant = _read_instant(given)
        except (ValueError, TypeError, OverflowError):
            notes.append("date.invalid")
            return None
        if instant is not None and not _FIRST_INSTANT <= instant <= self.now + _DAY:
            notes.append("date.invalid")
            return None
        return instant


def is_source(name: str) -> bool:
    """Return whether a text can name a portal: lower case, digits, `_` and `-`, at most 32."""
    return _SOURCE.fullmatch(name) is not None


def _identifier(given: Mapping[str, Any], name: str) -> str | None:
    """Return a portal's own name for somebody, a number made text; `None` for none."""
    value = given.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Refused(f"{name}.invalid")
    text = str(value).strip()
    if len(text) > IDENTIFIER_MAX or not text.isprintable():
        raise Refused(f"{name}.invalid")
    return text or None


def _nik(given: object) -> Nik | None:
    """Return the NIK; text only, since numbers and spreadsheets lose digits."""
    if given is None:
        return None
    if not isinstance(given, str):
        raise Refused("nik.number")
    text = given.strip().removeprefix("'")
    if text.lower() in _NOTHING:
        return None
    if _SPREADSHEET.fullmatch(text):
        raise Refused("nik.spreadsheet")
    return parse_nik(text)


def _state(given: object, nik: Nik | None) -> LegacyState:
    word = given.strip().lower() if isinstance(given, str) else given
    if word is None:
        word = ""
    if not isinstance(word, str) or word not in STATUSES:
        raise Refused("status.unknown")
    state = STATUSES[word]
    if state is None:
        raise Refused("status.deleted")
    if state is LegacyState.WAITING and nik is None:
        return LegacyState.IDENTITY_REQUIRED
    return state


def _name(given: object, notes: list[str]) -> str | None:
    """Return the name as the portal had it: laxer than ours, since it is only compared."""
    if given is None or given == "":
        return None
    name = " ".join(unicodedata.normalize("NFC", given).split()) if isinstance(given, str) else ""
    if not name or len(name) > NAME_MAX or not name.isprintable():
        notes.append("name.invalid")
        return None
    return name


def _contacts(given: Mapping[str, Any], kind: str, notes: list[str]) -> Iterator[tuple[str, bool]]:
    """Yield value and whether verified: from a list of objects or texts, or a single text."""
    listed = given.get(f"{kind}s")
    if listed is None:
        listed = [{"value": given.get(kind), "verified": given.get(f"{kind}_verified")}]
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        listed = [listed]
    if len(listed) > CONTACTS_MAX:
        notes.append(f"{kind}.many")
    for entry in listed[:CONTACTS_MAX]:
        value, verified = entry, None
        if isinstance(entry, Mapping):
            value, verified = entry.get("value"), entry.get("verified")
        if value is None or (isinstance(value, str) and value.strip().lower() in _NOTHING):
            continue
        if not isinstance(value, str) or len(value) > CONTACT_LENGTH or _CONTROL.search(value):
            notes.append(f"{kind}.invalid")
            continue
        yield value, _is_true(verified)


def _phones(given: Mapping[str, Any], notes: list[str]) -> Iterator[LegacyPhone]:
    for value, is_verified in _contacts(given, "phone", notes):
        try:
            yield LegacyPhone(parse_phone(value.removeprefix("'")), is_verified)
        except Refused:
            notes.append("phone.invalid")


def _is_true(given: object) -> bool:
    """Return whether a portal says yes: only clear words count."""
    if isinstance(given, str):
        return given.strip().lower() in _TRUE
    return given is True or (isinstance(given, int) and given == 1)


def _read_instant(given: object) -> int | None:
    """Return epoch seconds of ISO 8601 or of a number; `ValueError`, `TypeError` for others."""
    if given is None or isinstance(given, bool) or given == 0:
        return None
    if isinstance(given, int):
        return given // 1000 if given > _LAST_SECONDS else given
    if not isinstance(given, str):
        raise TypeError("neither text nor number")
    text = given.strip()
    if text.lower() in _NOTHING or text.startswith(_NO_DATE):
        return None
    if text.isascii() and text.isdigit() and len(text) > 8:
        return _read_instant(int(text[:20]))
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=_WIB)
    return int(moment.astimezone(UTC).timestamp())


def _orgs(given: object, notes: list[str]) -> tuple[Mapping[str, str], ...]:
    """Return what the person managed: known fields, short texts."""
    if given is None or given == "":
        return ()
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) > ORGS_MAX:
        notes.append("orgs.invalid")
        return ()
    kept = []
    for entry in given:
        words = _org(entry)
        if words is None:
            notes.append("orgs.invalid")
        elif words:
            kept.append(words)
    return tuple(kept)


def _org(entry: object) -> dict[str, str] | None:
    if not isinstance(entry, Mapping):
        return None
    words = {}
    for name in _ORG_FIELDS:
        value = entry.get(name)
        if value is None or value == "":
            continue
        if not isinstance(value, str) or len(value) > NAME_MAX or not value.isprintable():
            return None
        words[name] = value
    return words


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a portal says of its export: rows, and the SHA-256 of the file in hex."""

    source: str
    exported_at: int | None
    count: int
    sha256: str = field(repr=False)


def read_manifest(given: Mapping[str, Any], now: int) -> Manifest:
    """Return the manifest; refuses with `manifest.invalid`."""
    source, count, digest = given.get("source"), given.get("count"), given.get("sha256")
    if not isinstance(source, str) or not is_source(source):
        raise Refused("manifest.invalid")
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise Refused("manifest.invalid")
    if not isinstance(digest, str) or not re.fullmatch(r"[0-9a-fA-F]{64}", digest.strip()):
        raise Refused("manifest.invalid")
    try:
        exported_at = _read_instant(given.get("exported_at"))
    except (ValueError, TypeError, OverflowError) as error:
        raise Refused("manifest.invalid") from error
    if exported_at is not None and exported_at > now + _DAY:
        raise Refused("manifest.invalid")
    return Manifest(source, exported_at, count, digest.strip().lower())
