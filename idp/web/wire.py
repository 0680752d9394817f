"""From a WSGI environment to the wire request that the provider takes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from idp.domain.identity.audit import Origin
from idp.oidc.request import WireRequest
from idp.web.addresses import Networks, is_in, truncated

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

#: Headers that endpoints read, by the name that they know, and by the name in the environment.
_PASSED_ON: Final = (
    ("dpop", "HTTP_DPOP"),
    ("accept", "HTTP_ACCEPT"),
    ("x-fapi-interaction-id", "HTTP_X_FAPI_INTERACTION_ID"),
)
#: What nginx's `$ssl_client_verify` says of a good chain.
_CHECKED: Final = "SUCCESS"


@dataclass(frozen=True, slots=True)
class CertificateHeaders:
    """How a trusted proxy passes client certificates on; names as in the WSGI environment.

    `pem`: the certificate, URL-encoded. `verified`: what the proxy found of its chain.
    `is_always_checked`: what holds where the proxy says nothing of chains.
    """

    pem: str
    verified: str
    is_always_checked: bool

    @classmethod
    def named(cls, pem: str, verified: str, *, is_always_checked: bool) -> "CertificateHeaders":
        """Return the same for names as they stand on the wire; an empty name is no header."""
        return cls(_environ_key(pem), _environ_key(verified), is_always_checked)


def _environ_key(header: str) -> str:
    return f"HTTP_{header.upper().replace('-', '_')}" if header else ""


@dataclass(frozen=True, slots=True)
class WireReader:
    """Reads requests. `trusted_proxies`: whose word on certificates counts."""

    certificates: CertificateHeaders
    trusted_proxies: Networks

    def __call__(self, environ: "WSGIEnvironment") -> WireRequest:
        """Return the request with its body."""
        length = int(environ.get("CONTENT_LENGTH") or 0)
        return self.without_body(environ, environ["wsgi.input"].read(length) if length else b"")

    def without_body(self, environ: "WSGIEnvironment", body: bytes = b"") -> WireRequest:
        """Return the request, its body unread: for callers that read it as they need it."""
        headers = {
            "content-type": environ.get("CONTENT_TYPE", ""),
            "authorization": environ.get("HTTP_AUTHORIZATION", ""),
        }
        for name, key in _PASSED_ON:
            if key in environ:
                headers[name] = environ[key]
        address = environ["siapkerja.address"]
        certificate, is_checked = self._certificate(environ)
        return WireRequest(
            method=environ["REQUEST_METHOD"],
            path=environ["PATH_INFO"],
            query=environ.get("QUERY_STRING", ""),
            headers=headers,
            body=body,
            address=address,
            origin=Origin(truncated(address), environ["siapkerja.request_id"]),
            certificate=certificate,
            is_certificate_checked=is_checked,
        )

    def _certificate(self, environ: "WSGIEnvironment") -> tuple[str | None, bool]:
        """Return the certificate that a trusted proxy passed on, and whether its chain is good."""
        headers = self.certificates
        passed = environ.get(headers.pem) if headers.pem else None
        if not passed or not is_in(environ.get("REMOTE_ADDR", ""), self.trusted_proxies):
            return None, False
        is_checked = headers.is_always_checked
        if headers.verified:
            is_checked = environ.get(headers.verified) == _CHECKED
        return unquote(passed), is_checked
