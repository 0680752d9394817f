"""Indonesian mobile numbers in every spelling (`sms.md` section 1), and no other number (OT-5)."""

import pytest

from idp.domain.errors import Refused
from idp.domain.identity.phone import Phone, parse_phone

SAME = "+6281234567890"

OPERATOR_PREFIXES = [
    *["811", "812", "813", "814", "815", "816", "817", "818", "819", "821", "822", "823"],
    *["831", "832", "833", "838", "851", "852", "853", "855", "856", "857", "858", "859"],
    *["877", "878", "881", "882", "883", "884", "885", "886", "887", "888", "889"],
    *["895", "896", "897", "898", "899"],
]


@pytest.mark.parametrize(
    "text",
    [
        "081234567890",
        "+6281234567890",
        "6281234567890",
        "81234567890",
        "0812-3456-7890",
        "0812 3456 7890",
        "0812.3456.7890",
        "(0812) 3456 7890",
        "+62 (0)812 3456 7890",
        "+62 0812 3456 7890",
        "0062 812 3456 7890",
        "  0812\u00a03456\u202f7890 ",
        "+62\u2011812\u20113456\u20117890",
        "\u202a+62 812\u20113456\u20117890\u202c",
        "\u200e0812\u200b34567890\ufeff",
    ],
)
def test_every_spelling_is_one_number(text: str) -> None:
    assert parse_phone(text).e164 == SAME


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "phone.invalid"),
        ("0812345", "phone.invalid"),
        ("08123456789012", "phone.invalid"),
        ("0841234567", "phone.invalid"),
        ("02112345678", "phone.invalid"),
        ("08001234567", "phone.invalid"),
        ("08091234567", "phone.invalid"),
        ("+60123456789", "phone.foreign"),
        ("008123456789", "phone.foreign|phone.invalid"),
        ("00 812 3456 7890", "phone.foreign|phone.invalid"),
        ("0065 8123 4567", "phone.foreign"),
        ("+14155552671", "phone.foreign"),
        ("+65 8123 4567", "phone.foreign"),
        ("+8613800138000", "phone.foreign"),
        ("+62", "phone.invalid"),
        ("+1900555012", "phone.invalid|phone.foreign"),
        ("٠٨١٢٣٤٥٦٧٨٩٠", "phone.invalid"),
        ("０８１２３４５６７８９０", "phone.invalid"),
        ("081234567890, 081234567891", "phone.invalid"),
        ("081234567890;ext=1", "phone.invalid"),
        ("tel:081234567890", "phone.invalid"),
        ("081234567890\n", "ok"),
        ("0812 3456 789O", "phone.invalid"),
        ("++6281234567890", "phone.invalid"),
        ("+6281234567890+", "phone.invalid"),
        ("112", "phone.invalid"),
        ("0812", "phone.invalid"),
        ("9" * 400, "phone.invalid|phone.foreign"),
    ],
)
def test_ot_5_other_numbers_are_refused(text: str, code: str) -> None:
    if code == "ok":
        assert parse_phone(text).e164 == SAME
        return
    with pytest.raises(Refused) as refusal:
        parse_phone(text)

    assert refusal.value.code in code.split("|")


def test_a_number_is_masked_wherever_it_is_printed() -> None:
    phone = Phone(SAME)

    assert str(phone) == "0812-••••-••90"
    assert "3456" not in repr(phone)
    assert phone.local == "081234567890"
    assert phone.block == "+628123456"


def test_every_operator_prefix_makes_a_number() -> None:
    for prefix in OPERATOR_PREFIXES:
        assert parse_phone(f"0{prefix}1234567").e164 == f"+62{prefix}1234567"
