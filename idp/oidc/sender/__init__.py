"""Who holds the key that a token is bound to: DPoP (RFC 9449 §5) and certificates (RFC 8705 §3)."""

from dataclasses import dataclass

from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import invalid_client, invalid_request
from idp.domain.protocol.grant import Confirmation
from idp.domain.protocol.profile import rules_of
from idp.oidc.request import WireRequest
from idp.oidc.sender.dpop import Proofs
from idp.oidc.sender.mtls import read_certificate


@dataclass(frozen=True, slots=True)
class SenderConstraint:
    """Finds the key to which the tokens of a call are bound."""

    proofs: Proofs

    def confirm(self, request: WireRequest, client: Client, url: str) -> Confirmation:
        """Return the keys of a token request; refuses where one is required and none came.

        A registered way is required, each one that is registered; a client of the fapi2 profile
        that registered none has the choice.
        """
        rules = rules_of(client)
        jkt = self.proofs.check(
            request, url, needs_nonce=rules.needs_dpop_nonce, allowed=rules.algorithms
        )
        if jkt is None and client.metadata.get("dpop_bound_access_tokens"):
            raise invalid_request("this client must send a DPoP proof (RFC 9449 section 5.2)")
        wants_certificate = client.metadata.get("tls_client_certificate_bound_access_tokens")
        x5t = None
        if wants_certificate or (rules.needs_sender_constraint and jkt is None):
            x5t = thumbprint_of(request)
        if wants_certificate and x5t is None:
            raise invalid_client("the client certificate is missing")
        if rules.needs_sender_constraint and jkt is None and x5t is None:
            raise invalid_request("this client must bind its tokens, by DPoP or certificate")
        return Confirmation(jkt, x5t)


def thumbprint_of(request: WireRequest) -> str | None:
    """Return the thumbprint of the certificate that came with a call (RFC 8705 §3.1)."""
    certificate = read_certificate(request.certificate) if request.certificate else None
    return certificate.thumbprint if certificate is not None else None
