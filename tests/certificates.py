"""Client certificates of every kind, made for the moment of the standing clock."""

from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

from idp.domain.ids import encode_base64url
from tests.fakes import NOW

HEADER = "X-Client-Cert"
VERIFIED = "X-Client-Verify"

#: The subject of most certificates here, as its owner would register it.
SUBJECT = "CN=Layanan Uji,O=BPJS Ketenagakerjaan,C=ID"
_PARTS = (
    (NameOID.COUNTRY_NAME, "ID"),
    (NameOID.ORGANIZATION_NAME, "BPJS Ketenagakerjaan"),
    (NameOID.COMMON_NAME, "Layanan Uji"),
)


def subject_of(*parts: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in parts or _PARTS])


def alternative(**names: str) -> list[x509.GeneralName]:
    """Return names of the kinds `dns`, `uri`, `ip`, `email`."""
    made = {
        "dns": x509.DNSName,
        "uri": x509.UniformResourceIdentifier,
        "email": x509.RFC822Name,
        "ip": lambda text: x509.IPAddress(ip_address(text)),
    }
    return [made[kind](value) for kind, value in names.items()]


@dataclass
class Pair:
    """A key and its certificate. `issuer`: who signed it, itself if nobody else."""

    subject: x509.Name = field(default_factory=subject_of)
    names: list[x509.GeneralName] = field(default_factory=list)
    issuer: "Pair | None" = None
    begins_at: int = NOW - 86400
    ends_at: int = NOW + 86400
    is_authority: bool = False
    is_rsa: bool = False
    key: Any = None
    certificate: x509.Certificate = field(init=False)

    def __post_init__(self) -> None:
        self.key = self.key or (
            rsa.generate_private_key(65537, 2048)
            if self.is_rsa
            else ec.generate_private_key(ec.SECP256R1())
        )
        signer = self.issuer or self
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(signer.subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.fromtimestamp(self.begins_at, UTC))
            .not_valid_after(datetime.fromtimestamp(self.ends_at, UTC))
            .add_extension(x509.BasicConstraints(self.is_authority, None), critical=True)
        )
        if self.names:
            builder = builder.add_extension(x509.SubjectAlternativeName(self.names), critical=False)
        self.certificate = builder.sign(signer.key, SHA256())

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> bytes:
        return bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    @property
    def x5t(self) -> str:
        """`x5t#S256` (RFC 8705 §3.1), computed as the specification says it."""
        digest = Hash(SHA256())
        digest.update(self.certificate.public_bytes(Encoding.DER))
        return encode_base64url(digest.finalize())

    def jwk(self, *, with_certificate: bool = True, **changes: Any) -> dict[str, Any]:
        """Return the public key as a client publishes it (RFC 7517 §4.7)."""
        from joserfc.jwk import ECKey, RSAKey

        kind = RSAKey if self.is_rsa else ECKey
        public = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        told = {**kind.import_key(public).as_dict(private=False), "kid": "c1", "use": "sig"}
        if with_certificate:
            der = self.certificate.public_bytes(Encoding.DER)
            told["x5c"] = [b64encode(der).decode()]
        return {**told, **changes}

    def jwks(self, **changes: Any) -> dict[str, Any]:
        return {"keys": [self.jwk(**changes)]}

    def headers(self, verified: str | None = "SUCCESS") -> dict[str, str]:
        """Return what nginx passes on."""
        told = {HEADER: quote(self.pem, safe="")}
        return told if verified is None else {**told, VERIFIED: verified}


def an_authority(name: str = "Otoritas Uji") -> Pair:
    """Return who signs certificates for the real moment."""
    now = datetime.now(UTC)
    return Pair(
        subject_of((NameOID.COMMON_NAME, name)),
        is_authority=True,
        begins_at=int((now - timedelta(days=1)).timestamp()),
        ends_at=int((now + timedelta(days=1)).timestamp()),
    )
