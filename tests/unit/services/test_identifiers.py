"""One field for three kinds of names: told apart by shape, whatever stands between the digits."""

import pytest

from idp.domain.identity.nik import Nik
from idp.domain.identity.phone import Phone
from idp.services.identifiers import Identifiers
from idp.web.forms import parse_email

READ = Identifiers(parse_email).read


@pytest.mark.parametrize("number", ["812345678", "8120000990", "81234567890", "812345678901"])
@pytest.mark.parametrize("spelling", ["0{}", "{}", "62{}", "+62{}", "0062{}", "+62 (0){}", "(0){}"])
def test_a_phone_of_every_length_is_a_phone_in_every_spelling(number: str, spelling: str) -> None:
    assert READ(spelling.format(number)) == Phone(f"+62{number}")


@pytest.mark.parametrize("typed", ["3273011708909001", "3273 0117 0890 9001", "327301-170890.9001"])
def test_sixteen_digits_are_a_nik(typed: str) -> None:
    assert READ(typed) == Nik("3273011708909001")


@pytest.mark.parametrize("typed", ["", "budi", "327301170890900x", "+327301170890900", "a@b@c"])
def test_what_can_name_nobody_is_nobody(typed: str) -> None:
    assert READ(typed) is None


def test_an_address_that_no_mail_server_takes_is_none() -> None:
    """RFC 5321 §4.5.3.1.1: 64 octets before the @-sign."""
    assert READ("b" * 64 + "@contoh.id") is not None
    assert READ("b" * 65 + "@contoh.id") is None
