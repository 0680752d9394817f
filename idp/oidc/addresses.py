"""Where our endpoints are: their own address, and its alias for certificates (RFC 8705 §5).

A client that presents a certificate calls the alias; what it signs for the call, a DPoP proof or an
assertion, may then name either.
"""

from dataclasses import dataclass

from idp.oidc.endpoints import EndpointRow


@dataclass(frozen=True, slots=True)
class Addresses:
    """`mtls_url`: base of the aliases, empty where there are none."""

    issuer: str
    mtls_url: str = ""

    def of(self, row: EndpointRow) -> str:
        """Return the address of an endpoint."""
        return f"{self.issuer}{row.path}"

    def all_of(self, url: str) -> tuple[str, ...]:
        """Return every address of the endpoint that has `url` as its own."""
        if not self.mtls_url:
            return (url,)
        return (url, self.mtls_url + url.removeprefix(self.issuer))
