"""Client certificates that a trusted proxy passed on (RFC 8705).

The proxy ends TLS and, for `tls_client_auth`, checks the chain; here the certificate is read, its
thumbprint taken (§3.1), and its names or key compared with the registration (§2.1, §2.2).
"""

from base64 import b64encode
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.errors import JoseError
from joserfc.jwk import import_key

from idp.domain.ids import encode_base64url
from idp.domain.protocol.certificate import SUBJECTS, distinguished_name, read_subject
from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import invalid_client
from idp.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class Certificate:
    """A client certificate. `thumbprint`: `x5t#S256`.

    `names`: by the member that registers such a name (RFC 8705 §2.1.2), each in its one form.
    """

    thumbprint: str
    names: Mapping[str, frozenset[Hashable]]
    public_key: bytes
    begins_at: float
    ends_at: float


@lru_cache(maxsize=512)
def read_certificate(pem: str) -> Certificate | None:
    """Return the certificate of a PEM text, `None` if it is none."""
    try:
        found = x509.load_pem_x509_certificate(pem.encode())
        der = found.public_bytes(Encoding.DER)
        public_key = _spki(found)
        names = _names(found)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return Certificate(
        thumbprint=encode_base64url(sha256(der).digest()),
        names=names,
        public_key=public_key,
        begins_at=found.not_valid_before_utc.timestamp(),
        ends_at=found.not_valid_after_utc.timestamp(),
    )


#: Where a certificate tells the names that a registration may choose from.
_ALTERNATIVE_NAMES: Final[Mapping[str, Any]] = {
    "tls_client_auth_san_dns": x509.DNSName,
    "tls_client_auth_san_uri": x509.UniformResourceIdentifier,
    "tls_client_auth_san_ip": x509.IPAddress,
    "tls_client_auth_san_email": x509.RFC822Name,
}


def _names(certificate: x509.Certificate) -> Mapping[str, frozenset[Hashable]]:
    subject = distinguished_name(
        [(attribute.oid.dotted_string, _text_of(attribute.value)) for attribute in part]
        for part in certificate.subject.rdns
    )
    found: dict[str, frozenset[Hashable]] = {"tls_client_auth_subject_dn": frozenset({subject})}
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return found
    for member, kind in _ALTERNATIVE_NAMES.items():
        told = extension.value.get_values_for_type(kind)
        read = {read_subject(member, str(name)) for name in told}
        found[member] = frozenset(read - {None})
    return found


def _text_of(value: str | bytes) -> str:
    return value if isinstance(value, str) else f"#{value.hex()}"


def _spki(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def check_named(certificate: Certificate, client: Client, clock: Clock) -> None:
    """Refuse a certificate whose subject is not the registered one (RFC 8705 §2.1)."""
    _check_dates(certificate, clock)
    for member in SUBJECTS:
        wanted = client.metadata.get(member)
        if wanted is None:
            continue
        if read_subject(member, wanted) in certificate.names.get(member, ()):
            return
    raise invalid_client("the subject of the certificate is not the registered one")


def _check_dates(certificate: Certificate, clock: Clock) -> None:
    if not certificate.begins_at <= clock.now() < certificate.ends_at:
        raise invalid_client("the certificate is not valid now")


def check_own(certificate: Certificate, keys: Iterable[Mapping[str, Any]], clock: Clock) -> None:
    """Refuse a self-signed certificate that is not among the client's keys (RFC 8705 §2.2)."""
    _check_dates(certificate, clock)
    if any(_is_key_of(certificate, jwk) for jwk in keys):
        return
    raise invalid_client("the certificate is not a registered one")


def end_of_key(jwk: Mapping[str, Any]) -> int | None:
    """Return when a key ends: with its certificate (RFC 7517 §4.7) or as it says itself.

    `None` for one that tells no end. `exp`: OpenID Federation 1.0 §8.7.2.
    """
    registered, told = _certificate_of(jwk), jwk.get("exp")
    ends = [int(registered.ends_at)] if registered is not None else []
    if isinstance(told, int) and not isinstance(told, bool):
        ends.append(told)
    return min(ends, default=None)


def _certificate_of(jwk: Mapping[str, Any]) -> Certificate | None:
    chain = jwk.get("x5c")
    if not isinstance(chain, list) or not chain:
        return None
    return read_certificate(f"-----BEGIN CERTIFICATE-----\n{chain[0]}\n-----END CERTIFICATE-----\n")


def _is_key_of(certificate: Certificate, jwk: Mapping[str, Any]) -> bool:
    if jwk.get("x5c"):
        registered = _certificate_of(jwk)
        return registered is not None and registered.thumbprint == certificate.thumbprint
    try:
        key: Any = import_key(dict(jwk))
        der = key.as_der(private=False)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return False
    return b64encode(der) == b64encode(certificate.public_key)
