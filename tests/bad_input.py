"""Input that nobody means: values, bent requests, and what no answer to them may be (OA-21)."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote_from_bytes, quote_plus

from hypothesis import strategies as st
from werkzeug.test import TestResponse

from idp.domain.ids import encode_base64url

LONG = os.environ.get("FUZZ") == "long"

#: Nothing of ours, of Python or of a database stands in an answer.
_INSIDE = re.compile(
    r"Traceback|File \"|\.py\b|site-packages|sqlalchemy|sqlite|psycopg|SELECT |INSERT |werkzeug|"
    r"authlib|joserfc|NoneType|KeyError|ValueError|TypeError"
)
_PRINTABLE = re.compile(r"[\x20-\x7e]*")
_DESCRIPTION = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*")


def times(short: int, long: int) -> int:
    """Return how many examples a test tries."""
    return long if LONG else short


def words(text: str) -> list[str]:
    """Return the words of a text: names of parameters read better so."""
    return text.split()


def _segment(value: object) -> str:
    return encode_base64url(json.dumps(value).encode())


#: One of each trick.
TRICKS: tuple[bytes, ...] = (
    b"",
    b" ",
    b"\x00",
    b"a\r\nSet-Cookie: sid=x",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    "٣٢٧٣".encode(),
    "é\u202e\u0000".encode(),
    "İı".encode(),
    b"-1",
    b"1e309",
    b"99999999999999999999999999999999",
    b"null",
    b"[]",
    b"{}",
    b'{"a":' * 300,
    b"[" * 4000,
    b"true",
    b"'\" OR 1=1 --",
    b"{{7*7}}<script>alert(1)</script>",
    b"../../../../etc/passwd",
    b"x" * 2049,
    b"..",
    b"a.b.c",
    b"a.b.c.d.e",
    f"{_segment({'alg': 'none'})}.{_segment({'sub': 'x'})}.".encode(),
    f"{_segment({'alg': 'HS256', 'kid': ['x']})}.{_segment([1])}.AA".encode(),
    f"{_segment({'alg': 'ES256', 'crit': 'b64', 'b64': False})}.{_segment(1)}.AA".encode(),
    f"{_segment([])}.{_segment({})}.AA".encode(),
    f"{_segment({'alg': 'RSA-OAEP', 'enc': 'A128GCM', 'zip': 'DEF'})}.A.A.A.A".encode(),
    b"urn:ietf:params:oauth:request_uri:x",
    b"https://user:pw@evil.example/%00",
    b"http://[::1",
    b"https://\xe2\x98\x83.example/",
    b"javascript:alert(1)",
    b'[{"type":1}]',
    b'[{"type":"jkp_claim","locations":[{}],"actions":"x"}]',
    b'{"userinfo":{"name":{"values":1}},"id_token":[]}',
    b'{"id_token":{"acr":{"essential":"x","values":[[]]}}}',
    b"openid openid  openid\t",
)


def values(*own: str) -> st.SearchStrategy[bytes]:
    """Bytes for one parameter: tricks, rubbish, and good values of the running server."""
    kept = [value.encode() for value in own]
    choices = [
        st.sampled_from(TRICKS),
        st.binary(max_size=40),
        st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
    ]
    if kept:
        choices += [
            st.sampled_from(kept),
            st.tuples(st.sampled_from(kept), st.binary(max_size=3)).map(b"".join),
            st.sampled_from(kept).map(lambda value: value[:-1]),
        ]
    return st.one_of(choices)


@st.composite
def bent(
    draw: st.DrawFn, good: Mapping[str, str], names: Sequence[str], value: st.SearchStrategy[bytes]
) -> list[tuple[bytes, bytes]]:
    """A good form with one to four things wrong with it: changed, missing, doubled, added."""
    pairs = [(name.encode(), text.encode()) for name, text in good.items()]
    for _ in range(draw(st.integers(1, 4))):
        how = draw(st.sampled_from(["change", "drop", "double", "add", "rename"]))
        at = draw(st.integers(0, len(pairs) - 1)) if pairs else None
        if how == "add" or at is None:
            name = draw(st.sampled_from(names)).encode()
            pairs.append((name, draw(value)))
        elif how == "drop":
            del pairs[at]
        elif how == "double":
            pairs.append((pairs[at][0], draw(value)))
        elif how == "rename":
            pairs[at] = (draw(st.binary(max_size=10)), pairs[at][1])
        else:
            pairs[at] = (pairs[at][0], draw(value))
    return pairs


def encoded(pairs: Sequence[tuple[bytes, bytes]]) -> str:
    """Return the pairs as a form or query; every byte arrives as it is."""
    return "&".join(f"{quote_from_bytes(name)}={quote_plus(value)}" for name, value in pairs)


def check_answer(answer: TestResponse, asked: Any = "") -> None:
    """Fail on a server error, a trace of the inside, a header that was made from input."""
    text = answer.get_data(as_text=True)
    assert answer.status_code < 500, (asked, answer.status_code, text[:500])
    for name, value in answer.headers.items():
        assert _PRINTABLE.fullmatch(value), (asked, name, value)
    found = _INSIDE.search(text) if answer.mimetype != "text/html" else None
    assert found is None, (asked, found)
    assert "Set-Cookie: sid=x" not in text


def check_error(answer: TestResponse, asked: Any = "") -> None:
    """Fail where an endpoint for clients refuses otherwise than RFC 6749 §5.2 says."""
    check_answer(answer, asked)
    if answer.status_code >= 400 and answer.mimetype == "application/json":
        told = answer.get_json()
        assert isinstance(told["error"], str), (asked, told)
        assert _DESCRIPTION.fullmatch(told.get("error_description", "")), (asked, told)
