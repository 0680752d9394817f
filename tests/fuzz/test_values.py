"""Properties of what people and portals type: NIK, phone, addresses to return to, tokens, forms."""

import re
import string
from urllib.parse import parse_qsl, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp.domain.errors import Refused
from idp.domain.identity.nik import parse_nik
from idp.domain.identity.phone import parse_phone
from idp.domain.protocol.errors import ProtocolError
from idp.domain.protocol.grant import read_refresh_token, write_refresh_token
from idp.domain.protocol.redirect_uri import is_registered, why_not_redirect_uri
from idp.domain.protocol.scope import narrowed, parse_scope
from idp.oidc.request import parse_parameters
from tests.bad_input import TRICKS, times

pytestmark = pytest.mark.fuzz

MANY = times(150, 20_000)
TEXT = st.text(max_size=40) | st.sampled_from([t.decode("utf-8", "replace") for t in TRICKS])
DIGITS = st.text("0123456789", min_size=1, max_size=20)
SEPARATORS = st.sampled_from(["", " ", ".", "-", "  "])


@settings(max_examples=MANY)
@given(TEXT | DIGITS)
def test_a_nik_is_sixteen_ascii_digits_or_refused(text: str) -> None:
    try:
        nik = parse_nik(text)
    except Refused as refusal:
        assert refusal.code.startswith("nik.")  # noqa: PT017 - both are right
        return
    assert len(nik.digits) == 16
    assert set(nik.digits) <= set(string.digits)
    assert parse_nik(nik.digits) == nik
    # PD-3: what is shown never holds the whole number
    assert nik.digits not in f"{nik} {nik!r}"


@settings(max_examples=MANY)
@given(st.lists(st.tuples(st.sampled_from(string.digits), SEPARATORS), min_size=16, max_size=16))
def test_a_nik_is_the_same_however_it_is_spaced(pieces: list[tuple[str, str]]) -> None:
    plain = "".join(digit for digit, _ in pieces)
    spaced = "".join(digit + gap for digit, gap in pieces)

    def parsed(text: str) -> str:
        try:
            return parse_nik(text).digits
        except Refused as refusal:
            return refusal.code

    assert parsed(plain) == parsed(spaced)


@settings(max_examples=MANY)
@given(TEXT | DIGITS | DIGITS.map(lambda digits: f"+62 8{digits}"))
def test_a_phone_is_one_number_in_e164_or_refused(text: str) -> None:
    try:
        phone = parse_phone(text)
    except Refused as refusal:
        assert refusal.code.startswith("phone.")  # noqa: PT017 - both are right
        return
    assert phone.e164.startswith("+62")
    assert phone.e164[1:].isascii()
    assert phone.e164[1:].isdigit()
    # OT-4: every spelling shares its limits with the first
    assert parse_phone(phone.e164) == phone
    assert phone.e164 not in f"{phone} {phone!r}"


#: RFC 8252 §7.3: at a literal loopback address an application may have any port.
LOOPBACK_PORT = re.compile(r"(?<=^http://127\.0\.0\.1):\d+|(?<=^http://\[::1\]):\d+")

URIS = st.one_of(
    TEXT,
    st.tuples(
        st.sampled_from(["https://", "http://", "javascript:", "HTTPS://", "app:/", "//", ""]),
        st.sampled_from(["portal.example", "user@portal.example", "127.0.0.1", "[::1]", "a..b"]),
        st.sampled_from(["", ":0", ":8080", ":99999", ":x"]),
        st.sampled_from(["", "/cb", "/a/../cb", "/%2e%2e/", "/cb#f", "/cb?x=1", "/\r\n", "/é"]),
    ).map("".join),
)


@settings(max_examples=MANY)
@given(URIS, st.booleans())
def test_oa_3_a_redirect_uri_that_is_taken_is_plain_and_matches_itself_alone(
    uri: str, native: bool
) -> None:
    if why_not_redirect_uri(uri, native=native, allow_loopback_http=True) is not None:
        return
    assert uri.isascii()
    assert uri.isprintable()
    assert not set(uri) & set(" #\\\r\n\t")
    registered = frozenset({uri})
    assert is_registered(uri, registered, native=native)
    for changed in (uri + "/", uri + "?", uri[:-1], uri.swapcase(), f" {uri}", uri + "%00"):
        is_same = LOOPBACK_PORT.sub("", changed) == LOOPBACK_PORT.sub("", uri)
        if not (is_same if native else changed == uri):
            assert not is_registered(changed, registered, native=native)


@settings(max_examples=MANY)
@given(st.uuids(), st.integers(0, 10**9 - 1), st.binary(min_size=32, max_size=32), st.data())
def test_oa_19_a_refresh_token_reads_back_and_no_other_does(family, generation, key, data) -> None:
    token = write_refresh_token(family, generation, key)
    assert read_refresh_token(token, (key,)) == (family, generation)
    assert read_refresh_token(token, (bytes(32),)) is None or key == bytes(32)

    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters())
    changed = token[:at] + other + token[at + 1 :]
    if changed != token:
        assert read_refresh_token(changed, (key,)) is None


@settings(max_examples=MANY)
@given(TEXT)
def test_a_refresh_token_of_rubbish_is_none(text: str) -> None:
    assert read_refresh_token(text, (b"k" * 32,)) is None


@settings(max_examples=MANY)
@given(st.binary(max_size=80) | st.sampled_from(TRICKS))
def test_oa_4_parameters_are_read_or_refused(encoded: bytes) -> None:
    try:
        parameters = parse_parameters(encoded)
        parameters.check_once(frozenset())
    except ProtocolError as error:
        assert error.error == "invalid_request"  # noqa: PT017 - both are right
        assert error.description.isascii()  # noqa: PT017 - both are right


FORM_TEXT = st.text("ab&=+%4 1é~/:\\", max_size=30) | TEXT.map(quote_plus)


@settings(max_examples=MANY)
@given(FORM_TEXT)
def test_parameters_are_those_that_the_standard_library_reads(text: str) -> None:
    try:
        found = parse_parameters(text)
    except ProtocolError:
        return
    expected = parse_qsl(text, errors="strict")
    assert {name: found.many(name) for name in found.values} == {
        name: tuple(value for other, value in expected if other == name) for name, _ in expected
    }


@settings(max_examples=MANY)
@given(TEXT, st.lists(st.sampled_from(["openid", "profile", "email", "nik"]), unique=True))
def test_oa_17_scope_never_grows(asked: str, granted: list[str]) -> None:
    try:
        found = narrowed(asked, tuple(granted))
        parse_scope(asked)
    except ProtocolError as error:
        assert error.error == "invalid_scope"  # noqa: PT017 - both are right
        return
    assert set(found) <= set(granted)
