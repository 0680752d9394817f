"""The people of the sandbox's population register."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from importlib.resources import files
from secrets import randbelow
from threading import Lock
from typing import Final

from adapters.simulators.kinds import ALL_KINDS, MATCH
from idp.domain.errors import Refused
from idp.domain.identity.nik import Nik, Sex, parse_nik

GENDERS: Final[Mapping[Sex, str]] = {Sex.MALE: "male", Sex.FEMALE: "female"}

_MADE_UP_DISTRICTS: Final = ("327301", "317409", "357825", "127101", "737114", "930101", "630905")
_MADE_UP_NAMES: Final = ("SARI", "WIBOWO", "LESTARI", "PRATAMA", "NINGSIH", "SAPUTRA", "HANDAYANI")
_MADE_UP_FIRST_NAMES: Final = ("DEWI", "AGUS", "RINA", "JOKO", "MAYA", "HENDRA", "FITRI", "RUDI")
_FIRST_SERIAL, _LAST_SERIAL = 9001, 9999
#: About so many different NIKs can be made up.
_SPREAD: Final = 5_000_000


@dataclass(frozen=True, slots=True)
class SandboxPerson:
    """One invented resident.

    `name`, `mother_name`: as the register writes them. `birthdate`: ISO 8601, empty where the NIK
    names no real day. `gender`: `male` or `female`. `kind`: the answer of `dukcapil.md` section 4
    that asking about this person brings; `A1` compares for real. `note`: why somebody would choose
    this person.
    """

    nik: str
    name: str
    mother_name: str
    birthdate: str
    gender: str
    kind: str = MATCH
    note: str = ""

    def as_json(self) -> dict[str, str]:
        """Return the members that `GET /api/people` shows."""
        return asdict(self)


class BadPersonError(ValueError):
    """What was posted is no person; the text says why, in English."""


def load_people() -> tuple[SandboxPerson, ...]:
    """Return the people that every sandbox starts with, in the order of their file."""
    text = files("adapters.simulators").joinpath("people.json").read_text(encoding="utf-8")
    return tuple(SandboxPerson(**entry) for entry in json.loads(text))


def birthdate_in(nik: Nik) -> str:
    """Return the date of birth that a NIK hints at, as ISO 8601, or nothing."""
    birth = nik.birth_date(date.today())  # noqa: DTZ011 - a guess at the century, in any zone
    return birth.isoformat() if birth else ""


class PopulationRegister:
    """People by NIK, shared by the threads of the server."""

    def __init__(self, people: Iterable[SandboxPerson]) -> None:
        self._first = tuple(people)
        self._lock = Lock()
        self._by_nik = {person.nik: person for person in self._first}
        self._made = 0
        # somewhere else at each start: the provider still has the accounts of those made up before
        self._offset = randbelow(_SPREAD)

    def all(self) -> tuple[SandboxPerson, ...]:
        """Return everybody: the first people, then those who were added."""
        with self._lock:
            return tuple(self._by_nik.values())

    def find(self, nik: str) -> SandboxPerson | None:
        """Return who carries this NIK."""
        with self._lock:
            return self._by_nik.get(nik)

    def reset(self) -> None:
        """Forget whoever was added or changed."""
        with self._lock:
            self._by_nik = {person.nik: person for person in self._first}

    def add(self, members: Mapping[str, object]) -> SandboxPerson:
        """Add one person, or replace the one with the same NIK, and return the result.

        `members`: as in `SandboxPerson`, all optional; what is missing is made up, the NIK too.
        Raises `BadPersonError`.
        """
        given = {name: _text(members, name) for name in _TEXTS if members.get(name)}
        if strangers := set(members) - set(_TEXTS):
            raise BadPersonError(f"unknown members: {', '.join(sorted(strangers))}")
        with self._lock:
            number = self._made = self._made + 1
            nik = _nik(given.get("nik") or self._unused_nik(self._offset + number))
            person = SandboxPerson(
                nik=nik.digits,
                name=given.get("name") or _made_up_name(number),
                mother_name=given.get("mother_name") or _made_up_name(number * 5 + 3),
                birthdate=given.get("birthdate") or birthdate_in(nik),
                gender=given.get("gender") or GENDERS[nik.sex],
                kind=given.get("kind") or MATCH,
                note=given.get("note", ""),
            )
            _check(person)
            self._by_nik[person.nik] = person
            return person

    def _unused_nik(self, number: int) -> str:
        """Make up a NIK of an adult that nobody carries; `number` only spreads them."""
        while True:
            district = _MADE_UP_DISTRICTS[number % len(_MADE_UP_DISTRICTS)]
            day, month, year = 1 + number % 28, 1 + number % 12, 70 + number // 336 % 30
            serial = _FIRST_SERIAL + number % (_LAST_SERIAL - _FIRST_SERIAL)
            nik = f"{district}{day + 40 * (number % 2):02}{month:02}{year:02}{serial}"
            if nik not in self._by_nik:
                return nik
            number += 1


_TEXTS: Final = ("nik", "name", "mother_name", "birthdate", "gender", "kind", "note")


def _text(members: Mapping[str, object], name: str) -> str:
    value = members[name]
    if not isinstance(value, str):
        raise BadPersonError(f"{name} must be text")
    return value.strip()


def _nik(text: str) -> Nik:
    try:
        return parse_nik(text)
    except Refused as refusal:
        raise BadPersonError(f"nik: {refusal.code}") from refusal


def _check(person: SandboxPerson) -> None:
    if person.kind not in ALL_KINDS:
        raise BadPersonError(f"kind must be one of {', '.join(ALL_KINDS)}")
    if person.gender not in GENDERS.values():
        raise BadPersonError("gender must be male or female")
    if person.birthdate:
        try:
            date.fromisoformat(person.birthdate)
        except ValueError as error:
            raise BadPersonError("birthdate must be YYYY-MM-DD") from error


def _made_up_name(number: int) -> str:
    first = _MADE_UP_FIRST_NAMES[number % len(_MADE_UP_FIRST_NAMES)]
    last = _MADE_UP_NAMES[number // len(_MADE_UP_FIRST_NAMES) % len(_MADE_UP_NAMES)]
    return f"{first} {last}"
