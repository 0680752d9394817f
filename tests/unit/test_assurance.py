"""What proofs are worth: levels of `contract.md` 6.9, methods of RFC 8176."""

import pytest

from idp.domain.identity.assurance import (
    EMAIL_CODE,
    PASSWORD,
    SMS_CODE,
    Authentication,
    acr_of,
    combine,
    least_level,
    level_of,
)

PASSKEY = Authentication(2, ("hwk", "user"))


@pytest.mark.parametrize(
    ("proofs", "aal", "amr"),
    [
        ((PASSWORD,), 1, ("pwd",)),
        ((SMS_CODE,), 1, ("otp", "sms")),
        ((PASSWORD, SMS_CODE), 2, ("pwd", "otp", "sms", "mfa")),
        ((PASSWORD, EMAIL_CODE), 2, ("pwd", "otp", "mfa")),
        ((PASSWORD, PASSWORD), 1, ("pwd",)),
        ((EMAIL_CODE, SMS_CODE), 1, ("otp", "sms")),
        ((PASSKEY,), 2, ("hwk", "user", "mfa")),
    ],
)
def test_au_13_a_level_says_what_happened_and_nothing_better(
    proofs: tuple[Authentication, ...], aal: int, amr: tuple[str, ...]
) -> None:
    assert combine(*proofs) == Authentication(aal, amr)


def test_a_proof_brought_twice_is_named_once() -> None:
    together = combine(combine(PASSWORD, SMS_CODE), SMS_CODE)

    assert together == Authentication(2, ("pwd", "otp", "sms", "mfa"))


def test_levels_and_acr_values_name_each_other() -> None:
    assert acr_of(2) == "urn:kemnaker:aal:2"
    assert [level_of(acr_of(level)) for level in (1, 2, 3)] == [1, 2, 3]
    assert level_of("urn:kemnaker:aal:9") is None


def test_of_several_wishes_the_lowest_known_counts() -> None:
    assert least_level(["urn:kemnaker:aal:3", "urn:kemnaker:aal:2", "phr"]) == 2
    assert least_level(["phr", ""]) is None
