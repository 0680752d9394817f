"""How a registration names the subject of a client certificate (RFC 8705 §2.1.2).

Each kind of name is brought into one form, so that two spellings of one name compare equal: as
RFC 4517 §4.2.15 says for distinguished names, and in binary for addresses.
"""

import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from ipaddress import ip_address
from typing import Final

#: A name, its most special part first: of each part the types, as numbers, with their values.
DistinguishedName = tuple[frozenset[tuple[str, str]], ...]

#: Names of attribute types in the text form of distinguished names (RFC 4514 §3, X.520).
_TYPES: Final[Mapping[str, str]] = {
    "CN": "2.5.4.3",
    "SN": "2.5.4.4",
    "SERIALNUMBER": "2.5.4.5",
    "C": "2.5.4.6",
    "L": "2.5.4.7",
    "S": "2.5.4.8",
    "ST": "2.5.4.8",
    "STREET": "2.5.4.9",
    "O": "2.5.4.10",
    "OU": "2.5.4.11",
    "T": "2.5.4.12",
    "TITLE": "2.5.4.12",
    "BUSINESSCATEGORY": "2.5.4.15",
    "POSTALCODE": "2.5.4.17",
    "GN": "2.5.4.42",
    "GIVENNAME": "2.5.4.42",
    "ORGANIZATIONIDENTIFIER": "2.5.4.97",
    "DC": "0.9.2342.19200300.100.1.25",
    "UID": "0.9.2342.19200300.100.1.1",
    "E": "1.2.840.113549.1.9.1",
    "EMAILADDRESS": "1.2.840.113549.1.9.1",
    "JURISDICTIONC": "1.3.6.1.4.1.311.60.2.1.3",
    "JURISDICTIONST": "1.3.6.1.4.1.311.60.2.1.2",
    "JURISDICTIONL": "1.3.6.1.4.1.311.60.2.1.1",
}
_TYPE: Final = re.compile(r"(?:OID\.|oid\.)?[0-9]+(?:\.[0-9]+)+|[A-Za-z][A-Za-z0-9-]*")
_VALUE: Final = re.compile(r'(?:[^\\,+"<>;\x00]|\\(?:[ "#+,;<=>\\]|[0-9A-Fa-f]{2}))*')
_ESCAPED: Final = re.compile(r'(?:\\[0-9A-Fa-f]{2})+|\\[ "#+,;<=>\\]')
_HEX: Final = re.compile(r"#((?:[0-9A-Fa-f]{2})+)")
#: DER tags of the text types that need no decoding of their own.
_TEXT_TAGS: Final = frozenset({0x0C, 0x13, 0x16})


def parse_distinguished_name(text: str) -> DistinguishedName:
    """Return a name in RFC 4514's text form; blanks around its separators are borne.

    Raises `ValueError`.
    """
    parts: list[frozenset[tuple[str, str]]] = []
    position, values = 0, set()
    while True:
        (kind, value), position = _attribute(text, position)
        values.add((kind, folded(value)))
        separator = text[position : position + 1]
        if separator == "+":
            position += 1
            continue
        parts.append(frozenset(values))
        values = set()
        if not separator:
            return tuple(parts)
        if separator not in {",", ";"}:
            raise ValueError("a distinguished name has no such separator")
        position += 1


def _attribute(text: str, position: int) -> tuple[tuple[str, str], int]:
    """Return type and value of one attribute, and where it ends."""
    position += len(text[position:]) - len(text[position:].lstrip(" "))
    found = _TYPE.match(text, position)
    if found is None:
        raise ValueError("an attribute type is missing")
    name = found[0].upper().removeprefix("OID.")
    kind = name if name[0].isdigit() else _TYPES.get(name)
    if kind is None:
        raise ValueError("an attribute type is unknown")
    rest = text[found.end() :]
    after = rest.lstrip(" ")
    if not after.startswith("="):
        raise ValueError("an attribute has no value")
    start = found.end() + len(rest) - len(after) + 1
    value = _VALUE.match(text, start)
    if value is None or not value[0].strip(" "):
        raise ValueError("an attribute has no value")
    return (kind, _read_value(value[0].strip(" "))), value.end()


def _read_value(text: str) -> str:
    """Return a value without its escapes (RFC 4514 §2.4)."""
    encoded = _HEX.fullmatch(text)
    if encoded is not None:
        der = bytes.fromhex(encoded[1])
        if len(der) > 1 and der[0] in _TEXT_TAGS and der[1] == len(der) - 2:
            return der[2:].decode()
        return text.lower()

    def plain(found: re.Match[str]) -> str:
        if len(found[0]) == 2:
            return found[0][1]
        return bytes.fromhex(found[0].replace("\\", "")).decode()

    return _ESCAPED.sub(plain, text)


def folded(value: str) -> str:
    """Return a value as caseIgnoreMatch compares it (RFC 4517 §4.2.11)."""
    return " ".join(value.split()).casefold()


def distinguished_name(parts: Iterable[Iterable[tuple[str, str]]]) -> DistinguishedName:
    """Return a certificate's subject, whose parts come in the order of the certificate."""
    read = [frozenset((kind, folded(value)) for kind, value in part) for part in parts]
    return tuple(reversed(read))


def _host(text: str) -> str:
    name = text.removesuffix(".").lower()
    if not name or not re.fullmatch(r"(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*", name):
        raise ValueError("no host name")
    return name


def _uri(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+", text):
        raise ValueError("no URI")
    return text


def _email(text: str) -> str:
    local, at, host = text.rpartition("@")
    if not local or not at:
        raise ValueError("no e-mail address")
    return f"{local}@{_host(host)}"


#: What a registration may name, exactly one of it, and how that is read.
SUBJECTS: Final[Mapping[str, Callable[[str], Hashable]]] = {
    "tls_client_auth_subject_dn": parse_distinguished_name,
    "tls_client_auth_san_dns": _host,
    "tls_client_auth_san_uri": _uri,
    "tls_client_auth_san_ip": ip_address,
    "tls_client_auth_san_email": _email,
}


def read_subject(member: str, text: str) -> Hashable | None:
    """Return a name in its one form, `None` if it is none of that kind."""
    try:
        return SUBJECTS[member](text)
    except ValueError:
        return None
