"""TLS to a server whose certificate no public authority vouches for.

The registry stands in a private network under a bare address, with a certificate of its own
making. We trust the one file that the operator got from there, and nothing else.
"""

import re
import socket
import ssl
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

_CERTIFICATE: Final = re.compile(
    r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL
)


class PinnedContext(ssl.SSLContext):
    """Trusts the certificates of one file, as servers or as authorities.

    The server's own certificate in the file is enough, whatever name it bears; a certificate that
    an authority in the file signed must bear the server's name or address. Either must be in its
    days. Make it with `pinned_context`.
    """

    pins: frozenset[bytes] = frozenset()

    @override
    def wrap_socket(
        self,
        sock: socket.socket,
        server_side: bool = False,
        do_handshake_on_connect: bool = True,
        suppress_ragged_eofs: bool = True,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLSocket:
        wrapped = super().wrap_socket(
            sock,
            server_side,
            do_handshake_on_connect,
            suppress_ragged_eofs,
            server_hostname,
            session,
        )
        try:
            self._check_name(wrapped, str(server_hostname))
        except ssl.SSLCertVerificationError:
            wrapped.close()
            raise
        return wrapped

    def _check_name(self, wrapped: ssl.SSLSocket, host: str) -> None:
        if wrapped.getpeercert(binary_form=True) in self.pins:
            return
        certificate: Mapping[str, Any] = wrapped.getpeercert() or {}
        names = certificate.get("subjectAltName", ())
        if not any(is_name_of(host, kind, name) for kind, name in names):
            raise ssl.SSLCertVerificationError("the certificate is for another server")


def pinned_context(ca_file: Path) -> PinnedContext:
    """Return a context that trusts `ca_file` (PEM, one or several certificates) alone.

    Raises `OSError` where the file can't be read and `ValueError` where no certificate is in it.
    """
    blocks = _CERTIFICATE.findall(ca_file.read_text("ascii", errors="replace"))
    if not blocks:
        raise ValueError("the registry's certificate file holds no certificate")
    context = PinnedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # OpenSSL knows one name for all; ours depends on whether the certificate itself is pinned
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata="\n".join(blocks))
    context.pins = frozenset(ssl.PEM_cert_to_DER_cert(block) for block in blocks)
    return context


def is_name_of(host: str, kind: str, name: str) -> bool:
    """Compare as RFC 9525 §6.3 and §6.5: exactly, or with `*` for the whole first label."""
    try:
        address = ip_address(host)
    except ValueError:
        return kind == "DNS" and _is_dns_name_of(host.lower(), name.lower())
    return kind == "IP Address" and ip_address(name.strip()) == address


def _is_dns_name_of(host: str, name: str) -> bool:
    if name.startswith("*."):
        first, _, rest = host.partition(".")
        return bool(first) and "." in rest and rest == name[2:]
    return host == name
