"""Pushed authorization requests (RFC 9126): the request goes over a channel of its own first."""

from dataclasses import dataclass

from idp.domain.ids import digest_of
from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import invalid_request
from idp.domain.protocol.interaction import PushedRequest
from idp.domain.protocol.profile import rules_of
from idp.oidc.authorization.checks import Endpoint, NotRedirectable, run_checks
from idp.oidc.authorization.endpoint import AuthorizationEndpoint
from idp.oidc.authorization.sources import CAME_PUSHED, PUSHED_PREFIX
from idp.oidc.client_authentication import ClientAuthenticator
from idp.oidc.request import WireRequest
from idp.oidc.response import WireResponse, json_response
from idp.oidc.sender.dpop import Proofs


@dataclass(frozen=True, slots=True)
class ParEndpoint:
    """Runs the same checks as the authorization endpoint, and keeps the request for it."""

    url: str
    authenticator: ClientAuthenticator
    authorization: AuthorizationEndpoint
    proofs: Proofs

    def respond(self, request: WireRequest) -> WireResponse:
        """Return the `request_uri` and how long it may be opened (RFC 9126 §2.2)."""
        return self.keep(self.authenticator.authenticate(request, self.url), request)

    def keep(self, client: Client, request: WireRequest) -> WireResponse:
        """Do the same for a client that is known to be the caller."""
        parameters = request.form()
        if "request_uri" in parameters.values:
            raise invalid_request("request_uri can not be pushed (RFC 9126 section 2.1)")
        endpoint = self.authorization
        source = endpoint.sources.direct(parameters, client, request_uri=None)
        params = {**source.params, "client_id": client.client_id, CAME_PUSHED: True}
        # RFC 9449 §10.1: a proof at this endpoint binds the code, like dpop_jkt
        rules = rules_of(client)
        thumbprint = self.proofs.check(
            request, self.url, needs_nonce=rules.needs_dpop_nonce, allowed=rules.algorithms
        )
        if thumbprint is not None:
            if params.get("dpop_jkt", thumbprint) != thumbprint:
                raise invalid_request("dpop_jkt differs from the key of the DPoP proof")
            params["dpop_jkt"] = thumbprint
        try:
            run_checks(endpoint.checked(params, source.repeated, client), Endpoint.PAR)
        except NotRedirectable as refusal:
            raise refusal.error from refusal
        seconds = endpoint.lifetimes.pushed_request
        request_uri = PUSHED_PREFIX + endpoint.entropy.token()
        pushed = PushedRequest(
            digest=digest_of(request_uri),
            client_id=client.client_id,
            params=params,
            expires_at=endpoint.clock.now() + seconds,
        )
        with endpoint.store.write() as tx:
            tx.interactions.add_pushed(pushed)
        return json_response({"request_uri": request_uri, "expires_in": seconds}, 201)
