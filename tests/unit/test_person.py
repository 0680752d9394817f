"""Names as people have them: one word, titles, apostrophes, very long, any script."""

import unicodedata

import pytest

from idp.domain.errors import Refused
from idp.domain.identity.person import NAME_MAX, Person, clean_name


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Sukarno", "Sukarno"),
        ("  Siti   Nur  Aminah ", "Siti Nur Aminah"),
        ("Dr. H. Ahmad Fauzi, S.H., M.Kn.", "Dr. H. Ahmad Fauzi, S.H., M.Kn."),
        ("Ma’ruf", "Ma'ruf"),
        ("Ma`ruf", "Ma'ruf"),
        ("Nur'aini", "Nur'aini"),
        ("'Aisyah binti 'Umar", "'Aisyah binti 'Umar"),
        ("‘Abdullah", "'Abdullah"),
        ("Anak Agung Gde Ngurah-Putra", "Anak Agung Gde Ngurah-Putra"),
        ("O", "O"),
        ("Mbah (Alm) Sastro", "Mbah (Alm) Sastro"),
        ("I Gusti Ngurah A.A./Rai", "I Gusti Ngurah A.A./Rai"),
        (unicodedata.normalize("NFD", "José"), "José"),
        ("王 小明", "王 小明"),
        ("M." + " Nur" * 28, "M." + " Nur" * 28),
    ],
)
def test_names_pass_as_they_are(typed: str, kept: str) -> None:
    assert clean_name(typed, "full_name") == kept


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "full_name.required"),
        ("   ", "full_name.required"),
        ("a" * (NAME_MAX + 1), "full_name.length"),
        ("Budi1", "full_name.character"),
        ("12345", "full_name.character"),
        ("<b>Budi</b>", "full_name.character"),
        ("Budi\u0000", "full_name.character"),
        ("Budi\u202e", "full_name.character"),
        ("👍", "full_name.character"),
        ("=cmd|' /C calc'!A0", "full_name.character"),
        ("Budi_Santoso", "full_name.character"),
        ("'", "full_name.character"),
        ("''Aisyah", "full_name.character"),
        ("' Aisyah", "full_name.character"),
    ],
)
def test_what_is_no_name_is_refused(typed: str, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        clean_name(typed, "full_name")

    assert refusal.value.code == code


def test_a_person_is_not_printed_by_accident() -> None:
    assert "Budi" not in repr(Person("Budi Santoso", {"nickname": "Budi"}))


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Budi Santoso", "BS"),
        ("Sukarno", "S"),
        ("Dr. H. Ahmad Fauzi", "DF"),
        ("O", "O"),
        ("'Aisyah 'Umar", "AU"),
    ],
)
def test_initials_stand_for_a_photo(name: str, initials: str) -> None:
    assert Person(name).initials == initials


def test_headings_cut_very_long_names() -> None:
    assert len(Person("Nur " * 30).short_name) <= 40
