"""A request as it came over the wire, before anybody trusts it (RFC 6749 §3.1, §3.2).

Query and body are never merged. A parameter without a value counts as absent (RFC 6749 §3.1).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_plus

from idp.domain.identity.audit import NOWHERE, Origin
from idp.domain.ids import digest_of
from idp.domain.protocol.authorization_request import (
    LONG_VALUE_MAX,
    LONG_VALUES,
    VALUE_MAX,
)
from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import ProtocolError, invalid_request
from idp.domain.protocol.grant import UNBOUND, Confirmation

FORM: Final = "application/x-www-form-urlencoded"
FIELDS_MAX: Final = 100

_NOT_UTF_8: Final = "the parameters are not UTF-8 in URL encoding"


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameters by name. `repeated`: names that came more than once; `values` has their first.

    `faults`: what is wrong with values that are no values, which `values` and `lists` leave out.
    """

    values: Mapping[str, str]
    lists: Mapping[str, tuple[str, ...]]
    repeated: frozenset[str]
    faults: Mapping[str, ProtocolError] = field(default_factory=dict)

    def one(self, name: str) -> str | None:
        """Return a parameter that may come once; `invalid_request` if it came again or is bad."""
        if name in self.faults:
            raise self.faults[name]
        if name in self.repeated:
            raise invalid_request(f"the parameter {name} was given more than once")
        return self.values.get(name)

    def many(self, name: str) -> tuple[str, ...]:
        """Return every value of a parameter that may be repeated."""
        return self.lists.get(name) or ((self.values[name],) if name in self.values else ())

    def check_values(self) -> None:
        """Refuse with `invalid_request` if any value is none."""
        for fault in self.faults.values():
            raise fault

    def check_once(self, repeatable: frozenset[str] = frozenset()) -> None:
        """Refuse if any parameter outside `repeatable` came more than once (RFC 6749 §3.1)."""
        refuse_repeated(self.repeated - repeatable)


def refuse_repeated(names: frozenset[str]) -> None:
    """Refuse if there is any name of a parameter that came more than once; one is told."""
    if names:
        plain = sorted(name for name in names if _is_plain(name))
        which = f"the parameter {plain[0]}" if plain else "a parameter"
        raise invalid_request(f"{which} was given more than once")


def _is_plain(name: str) -> bool:
    """Return whether a name may be told back in an error (RFC 6749 §5.2)."""
    return name.isascii() and name.isidentifier() and len(name) < 60


NO_PARAMETERS: Final = Parameters({}, {}, frozenset())


def parse_parameters(encoded: str | bytes) -> Parameters:
    """Read `application/x-www-form-urlencoded` text.

    Refuses with `invalid_request` for bytes outside UTF-8, control characters, more than 100
    fields, or a value that is too long.
    """
    parameters = parse_faulty_parameters(encoded)
    parameters.check_values()
    return parameters


def parse_faulty_parameters(encoded: str | bytes) -> Parameters:
    """Read it where the other parameters say how a bad value is to be answered.

    Refuses as `parse_parameters` what has no names and values at all.
    """
    if not encoded:
        return NO_PARAMETERS
    values: dict[str, str] = {}
    lists: dict[str, tuple[str, ...]] = {}
    faults: dict[str, ProtocolError] = {}
    for name, value in _pairs(encoded):
        fault = _fault(name, value)
        if fault:
            faults[name] = invalid_request(fault)
        elif name in values:
            lists[name] = (*lists.get(name, (values[name],)), value)
        else:
            values[name] = value
    # of a parameter that came once good and once bad neither counts
    for name in faults:
        values.pop(name, None)
        lists.pop(name, None)
    return Parameters(values, lists, frozenset(lists), faults)


def _pairs(encoded: str | bytes) -> list[tuple[str, str]]:
    """Return what `parse_qsl` would; most fields have nothing to decode, which it does not ask."""
    try:
        text = encoded.decode("ascii") if isinstance(encoded, bytes) else encoded
        fields = text.split("&")
        if len(fields) > FIELDS_MAX:
            raise invalid_request("the request has too many parameters")
        pairs = []
        for given in fields:
            name, _, value = given.partition("=")
            if not value:
                continue
            if "%" in given or "+" in given:
                name = unquote_plus(name, errors="strict")
                # each byte outside UTF-8 becomes half a surrogate, which `_fault` finds
                value = unquote_plus(value, errors="surrogateescape")
            pairs.append((name, value))
    except UnicodeError as error:
        raise invalid_request(_NOT_UTF_8) from error
    return pairs


def _fault(name: str, value: str) -> str:
    """Return what is wrong with a value, nothing where it is good."""
    if len(value) > VALUE_MAX and len(value) > _limit(name):
        return "a parameter value is too long"
    if has_control_character(value):
        is_text = not any(0xD800 <= ord(c) < 0xE000 for c in value)
        return "a parameter value has a control character" if is_text else _NOT_UTF_8
    return ""


def _limit(name: str) -> int:
    return LONG_VALUE_MAX if name in LONG_VALUES else VALUE_MAX


def has_control_character(value: str) -> bool:
    """Return whether a value holds what no text holds; blanks that are no space are borne."""
    return not value.isprintable() and any(
        (ord(c) < 32 and c not in "\t\r\n") or ord(c) == 127 or 0xD800 <= ord(c) < 0xE000
        for c in value
    )


@dataclass(slots=True)
class WireRequest:
    """One call. `headers`: by lower-case name; `body`: as sent; `address`: the caller's."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""
    address: str = ""
    origin: Origin = NOWHERE
    #: PEM of the client's certificate, if a trusted proxy passed one.
    certificate: str | None = None
    #: Whether that proxy checked the certificate's chain (RFC 8705 §2.1).
    is_certificate_checked: bool = False
    #: Whose call it turned out to be; what a page elsewhere may read is decided by it.
    caller: Client | None = None
    #: Why it was refused, for what is kept of failures.
    refusal: ProtocolError | None = None
    _form: Parameters | None = field(default=None, repr=False)

    def query_parameters(self) -> Parameters:
        """Return the parameters of the URL."""
        return parse_parameters(self.query)

    def form(self) -> Parameters:
        """Return the parameters of the body; `invalid_request` unless it is form-encoded."""
        if self._form is None:
            if self.body and self.content_type != FORM:
                raise invalid_request(f"the content type must be {FORM}")
            self._form = parse_parameters(self.body)
        return self._form

    @property
    def content_type(self) -> str:
        """The media type without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(slots=True)
class TokenRequest:
    """A token request whose client is known. `confirmation`: the key that tokens are bound to."""

    client: Client
    parameters: Parameters
    now: int
    origin: Origin = NOWHERE
    confirmation: Confirmation = UNBOUND

    @property
    def client_id(self) -> str:
        """The authenticated client."""
        return self.client.client_id

    def one(self, name: str) -> str | None:
        """Return a parameter that may come once."""
        return self.parameters.one(name)

    def must(self, name: str) -> str:
        """Return a parameter; `invalid_request` if it is missing."""
        value = self.parameters.one(name)
        if value is None:
            raise invalid_request(f"the parameter {name} is missing")
        return value

    def digest(self, name: str) -> bytes:
        """Return the digest of a secret parameter, under which it would be kept."""
        return digest_of(self.must(name))
