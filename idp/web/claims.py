"""Claims as people read them: what each is called, and its value in words (OA-20)."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any, Final

from flask_babel import gettext, lazy_gettext

from idp.domain.identity.account import Account
from idp.domain.identity.claims import Claim, claims_of_scope
from idp.web.i18n import day, day_of

#: Every claim of the catalogue; one without words would be shown by its name.
WORDS: Final[Mapping[str, object]] = {
    "name": lazy_gettext("Nama lengkap"),
    "family_name": lazy_gettext("Nama keluarga"),
    "given_name": lazy_gettext("Nama depan"),
    "middle_name": lazy_gettext("Nama tengah"),
    "nickname": lazy_gettext("Nama panggilan"),
    "preferred_username": lazy_gettext("Nama pengguna"),
    "profile": lazy_gettext("Halaman profil"),
    "picture": lazy_gettext("Foto"),
    "website": lazy_gettext("Situs web"),
    "gender": lazy_gettext("Jenis kelamin"),
    "birthdate": lazy_gettext("Tanggal lahir"),
    "zoneinfo": lazy_gettext("Zona waktu"),
    "locale": lazy_gettext("Bahasa"),
    "updated_at": lazy_gettext("Data diperbarui"),
    "email": lazy_gettext("Alamat email"),
    "email_verified": lazy_gettext("Email terbukti"),
    "phone_number": lazy_gettext("Nomor handphone"),
    "phone_number_verified": lazy_gettext("Nomor terbukti"),
    "address": lazy_gettext("Alamat"),
    "nik": lazy_gettext("NIK"),
    "nik_verified_at": lazy_gettext("Diperiksa Dukcapil"),
    "legacy_ids": lazy_gettext("Nomor akun lama di portal ini"),
}

_LANGUAGES: Final[Mapping[str, object]] = {
    "id": lazy_gettext("Bahasa Indonesia"),
    "en": lazy_gettext("Bahasa Inggris"),
}
_GENDERS: Final[Mapping[str, object]] = {
    "male": lazy_gettext("Laki-laki"),
    "female": lazy_gettext("Perempuan"),
}


def _known(names: Mapping[str, object]) -> Callable[[Any], str]:
    return lambda value: str(names.get(str(value), value))


def _birth_date(value: Any) -> str:
    """Return a date as people read it (OpenID Connect Core §5.1).

    One that tells the year alone, or no year, stays as it is.
    """
    try:
        return day_of(date.fromisoformat(str(value)))
    except ValueError:
        return str(value)


#: How values read that are not words already.
_READABLE: Final[Mapping[str, Callable[[Any], str]]] = {
    "birthdate": _birth_date,
    "gender": _known(_GENDERS),
    "locale": _known(_LANGUAGES),
    "updated_at": day,
    "nik_verified_at": day,
}
#: What `address` holds, from the largest to the smallest reading (OpenID Connect Core §5.1.1).
_ADDRESS: Final = ("street_address", "locality", "region", "postal_code", "country")


def told(claims: Iterable[Claim], account: Account) -> list[tuple[str, str]]:
    """Return name and value of every claim that the person has, in words; the NIK is masked."""
    found = []
    for claim in claims:
        value = claim.read(account)
        if value not in (None, "", {}, []):
            found.append(
                (str(WORDS.get(claim.name, claim.name)), _read(claim.name, value, account))
            )
    return found


def values_of(scope: str, account: Account) -> list[tuple[str, str]]:
    """Return name and value of all that a scope gives; it is named for the first of them."""
    return told(claims_of_scope(scope), account)


def _read(name: str, value: object, account: Account) -> str:
    if name == "nik" and account.nik is not None:
        return account.nik.masked
    if name == "phone_number" and account.phone is not None:
        return account.phone.local
    if isinstance(value, bool):
        return str(gettext("Ya") if value else gettext("Belum"))
    if isinstance(value, Mapping):
        whole = value.get("formatted") or ", ".join(
            str(value[part]) for part in _ADDRESS if value.get(part)
        )
        return " ".join(str(whole).split())
    readable = _READABLE.get(name)
    return readable(value) if readable is not None else str(value)
