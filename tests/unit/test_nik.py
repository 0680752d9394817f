"""The NIK: every vector of the domain's table, and what the digits hint at."""

from datetime import date

import pytest

from idp.domain.errors import Refused
from idp.domain.identity.nik import Nik, Oddity, Sex, parse_nik
from idp.domain.identity.regions import current_regions, time_zone_of

TODAY = date(2026, 12, 1)

GOOD = [
    ("3273011708909001", [], date(1990, 8, 17), Sex.MALE),
    ("3273015708909001", [], date(1990, 8, 17), Sex.FEMALE),
    ("3174094101009002", [], date(2000, 1, 1), Sex.FEMALE),
    ("1171017112959003", [], date(1995, 12, 31), Sex.FEMALE),
    ("9204013004859004", [Oddity.REGION_RETIRED], date(1985, 4, 30), Sex.MALE),
    ("9101011508909005", [Oddity.REGION_RETIRED], date(1990, 8, 15), Sex.MALE),
    ("6473020101809006", [Oddity.REGION_RETIRED], date(1980, 1, 1), Sex.MALE),
    ("5401012005789007", [Oddity.REGION_RETIRED], date(1978, 5, 20), Sex.MALE),
    ("9301011508959008", [], date(1995, 8, 15), Sex.MALE),
    ("9603015002009009", [], date(2000, 2, 10), Sex.FEMALE),
    ("3273 0117 0890 9001", [], date(1990, 8, 17), Sex.MALE),
    ("3273.01.170890.9001", [], date(1990, 8, 17), Sex.MALE),
    ("3273012902009010", [], date(2000, 2, 29), Sex.MALE),
    ("3273012902969011", [], date(1996, 2, 29), Sex.MALE),
    ("3273012902019012", [Oddity.DATE_IMPOSSIBLE], None, Sex.MALE),
    ("3273013002909013", [Oddity.DATE_IMPOSSIBLE], None, Sex.MALE),
    ("3273017104909014", [Oddity.DATE_IMPOSSIBLE], None, Sex.FEMALE),
    ("3299010101909015", [Oddity.REGENCY_UNKNOWN], date(1990, 1, 1), Sex.MALE),
    ("2101011708909018", [Oddity.DISTRICT_UNKNOWN], date(1990, 8, 17), Sex.MALE),
    ("3273771708909016", [Oddity.DISTRICT_UNKNOWN], date(1990, 8, 17), Sex.MALE),
    ("3273010101159017", [Oddity.UNDER_WORKING_AGE], date(2015, 1, 1), Sex.MALE),
    ("3273010107099018", [Oddity.CHILD], date(2009, 7, 1), Sex.MALE),
    ("3273011708319019", [Oddity.OVER_NINETY], date(1931, 8, 17), Sex.MALE),
    ("3273010112269020", [Oddity.UNDER_WORKING_AGE], date(2026, 12, 1), Sex.MALE),
    ("3273010212269021", [Oddity.OVER_NINETY], date(1926, 12, 2), Sex.MALE),
    ("1111111111111111", [Oddity.CHILD], date(2011, 11, 11), Sex.MALE),
]

BAD = [
    ("327301170890900", "nik.length"),
    ("32730117089090011", "nik.length"),
    ("", "nik.length"),
    ("32730117O8909001", "nik.character"),
    ("٣٢٧٣٠١١٧٠٨٩٠٩٠٠١", "nik.character"),
    ("3.273011708909e15", "nik.character"),
    ("0073011708909001", "nik.province"),
    ("1073011708909001", "nik.province"),
    ("2073011708909001", "nik.province"),
    ("3773011708909001", "nik.province"),
    ("9973011708909001", "nik.province"),
    ("3200011708909001", "nik.regency"),
    ("3273001708909001", "nik.district"),
    ("3273010008909001", "nik.day"),
    ("3273013208909001", "nik.day"),
    ("3273014008909001", "nik.day"),
    ("3273017208909001", "nik.day"),
    ("3273011700909001", "nik.month"),
    ("3273011713909001", "nik.month"),
    ("3273011708900000", "nik.serial"),
    ("1234567890123456", "nik.day"),
    ("0000000000000000", "nik.province"),
]


@pytest.mark.parametrize(("text", "oddities", "birth", "sex"), GOOD)
def test_a_well_formed_nik_is_read_and_oddities_only_warn(
    text: str, oddities: list[Oddity], birth: date | None, sex: Sex
) -> None:
    nik = parse_nik(text)

    assert list(nik.oddities(TODAY)) == oddities
    assert nik.birth_date(TODAY) == birth
    assert nik.sex is sex


@pytest.mark.parametrize(("text", "code"), BAD)
def test_a_malformed_nik_is_refused_with_the_first_reason(text: str, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        parse_nik(text)

    assert refusal.value.code == code


def test_a_nik_never_shows_itself_whole() -> None:
    nik = parse_nik("3273011708909001")

    assert str(nik) == "3273••••••••••01"
    assert "3273011708909001" not in repr(nik)


def test_the_region_table_is_the_one_of_the_domain_pages() -> None:
    by_length = dict.fromkeys((2, 4, 6), 0)
    for code in current_regions():
        by_length[len(code)] += 1

    assert by_length == {2: 38, 4: 514, 6: 7285}


@pytest.mark.parametrize(
    ("province", "zone"),
    [
        ("32", "Asia/Jakarta"),
        ("51", "Asia/Makassar"),
        ("91", "Asia/Jayapura"),
        ("", "Asia/Jakarta"),
    ],
)
def test_the_zone_is_guessed_from_the_province(province: str, zone: str) -> None:
    assert time_zone_of(province) == zone


def test_equality_is_by_digits() -> None:
    assert parse_nik("3273.01.170890.9001") == Nik("3273011708909001")
