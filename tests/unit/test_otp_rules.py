"""The rules of one-time codes, without a clock or a table (`sms.md` section 2)."""

from uuid import UUID

import pytest

from idp.domain.errors import Refused
from idp.domain.identity.otp import (
    ATTEMPTS,
    CODE_SECONDS,
    Challenge,
    Channel,
    Purpose,
    check_code,
    read_code,
    resend_wait,
)

NOW = 1_000_000
RIGHT, OLD, WRONG = b"r" * 32, b"o" * 32, b"w" * 32


def a_challenge(**changes) -> Challenge:
    given = {
        "id": UUID(int=1),
        "purpose": Purpose.SIGNUP,
        "channel": Channel.SMS,
        "subject": b"s" * 32,
        "contact_index": b"c" * 32,
        "code_digest": RIGHT,
        "sent_at": NOW,
        "expires_at": NOW + CODE_SECONDS,
        "resend_at": NOW + 60,
        "attempts": 1,
        **changes,
    }
    return Challenge(**given)


def refusal(challenge: Challenge, digest: bytes, now: int = NOW) -> tuple[str, bool]:
    with pytest.raises(Refused) as caught:
        check_code(challenge, [digest], now)
    return caught.value.code, caught.value.recorded


def test_ot_1_the_newest_code_is_right_until_it_expires() -> None:
    check_code(a_challenge(), [WRONG, RIGHT], NOW + CODE_SECONDS - 1)
    assert refusal(a_challenge(), RIGHT, NOW + CODE_SECONDS) == ("otp.expired", True)
    assert refusal(a_challenge(consumed_at=NOW), RIGHT) == ("otp.expired", True)


def test_ot_3_the_fifth_try_may_be_right_and_the_sixth_is_not_compared() -> None:
    check_code(a_challenge(attempts=ATTEMPTS), [RIGHT], NOW)
    assert refusal(a_challenge(attempts=ATTEMPTS), WRONG) == ("otp.attempts", True)
    assert refusal(a_challenge(attempts=ATTEMPTS + 1), RIGHT) == ("otp.attempts", True)


def test_a_code_from_the_older_message_is_told_apart_from_a_wrong_one() -> None:
    renewed = a_challenge(previous_digest=OLD)

    assert refusal(renewed, OLD)[0] == "otp.older"
    assert refusal(a_challenge(previous_digest=OLD, channel=Channel.EMAIL), OLD)[0] == (
        "otp.older_letter"
    )
    assert refusal(renewed, WRONG)[0] == "otp.wrong"


def test_ot_1_a_new_code_kills_the_old_one_and_starts_the_tries_again() -> None:
    renewed = a_challenge(attempts=4).renewed(WRONG, now=NOW + 70, resend_at=NOW + 190)

    assert (renewed.code_digest, renewed.previous_digest) == (WRONG, RIGHT)
    assert (renewed.attempts, renewed.sends, renewed.attempts_left) == (0, 2, ATTEMPTS)
    assert renewed.expires_at == NOW + 70 + CODE_SECONDS
    assert renewed.message_id != a_challenge().message_id


def test_ot_4_the_ladder() -> None:
    assert [resend_wait(n) for n in range(1, 9)] == [60, 120, 240, 480, 960, 1920, 1920, 1920]


@pytest.mark.parametrize("typed", ["012345", " 012 345 ", "012-345", "01 23 45", "0\u00a012345"])
def test_codes_are_read_with_blanks_and_hyphens(typed: str) -> None:
    assert read_code(typed) == "012345"


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "otp.required"),
        ("  ", "otp.required"),
        ("12345", "otp.form"),
        ("1234567", "otp.form"),
        ("12345O", "otp.form"),
        ("١٢٣٤٥٦", "otp.form"),
        ("１２３４５６", "otp.form"),
        ("12.456", "otp.form"),
    ],
)
def test_what_is_no_code_costs_no_try(typed: str, code: str) -> None:
    with pytest.raises(Refused) as caught:
        read_code(typed)

    assert (caught.value.code, caught.value.recorded) == (code, False)
