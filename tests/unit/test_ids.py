"""Identifiers whose order is the order in which they were made (RFC 9562)."""

from base64 import urlsafe_b64encode
from itertools import pairwise
from uuid import UUID

from idp.domain.ids import Uuid7Sequence, decode_base64url, encode_base64url, uuid4_text

NOW_MS = 1_795_485_600_123
LOWEST, HIGHEST = b"\x00" * 8, b"\xff" * 8


def test_ids_of_one_millisecond_are_in_the_order_in_which_they_were_made() -> None:
    ids = Uuid7Sequence()
    made = [ids.next(NOW_MS, HIGHEST if number % 2 else LOWEST) for number in range(4096)]

    assert all(first < second for first, second in pairwise(made))
    assert {(made_id.version, made_id.int >> 80) for made_id in made} == {(7, NOW_MS)}


def test_the_next_millisecond_comes_after_all_of_the_one_before() -> None:
    ids = Uuid7Sequence()
    before = [ids.next(NOW_MS, HIGHEST) for _ in range(5)]

    assert max(before) < ids.next(NOW_MS + 1, LOWEST)


def test_any_bits_make_a_uuid_of_version_4() -> None:
    for bits in (0, 2**128 - 1, 1 << 62, 0x0123456789ABCDEF0123456789ABCDEF):
        made = UUID(uuid4_text(bits))
        assert (str(made), made.version) == (uuid4_text(bits), 4)
        assert made.variant == UUID(int=0x8 << 60).variant


def test_base64url_has_no_padding_and_the_letters_of_rfc_7515() -> None:
    for value in (b"", b"\xfb\xff", b"\xff" * 3, bytes(range(256))):
        text = encode_base64url(value)
        assert text == urlsafe_b64encode(value).rstrip(b"=").decode()
        assert decode_base64url(text) == value
