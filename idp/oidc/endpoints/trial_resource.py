"""A protected resource that takes any access token of its audience (RFC 6750, RFC 9449, RFC 8705).

In sandbox and test alone, for portal teams and for tests of plain OAuth profiles, whose tokens
userinfo does not take. Its URL may say which sign-in it wants, which shows the challenge of
RFC 9470: `?acr_values=urn:kemnaker:aal:2&max_age=60`.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from idp.domain.protocol.authorization_request import parse_authorization_request
from idp.domain.protocol.errors import invalid_token
from idp.domain.protocol.profile import rules_of
from idp.domain.protocol.step_up import check_sign_in
from idp.oidc.client_directory import ClientDirectory
from idp.oidc.endpoints.bearer import PresentedToken, check_holder_of_key, guarded
from idp.oidc.request import WireRequest
from idp.oidc.response import WireResponse, json_response
from idp.oidc.sender.dpop import Proofs
from idp.oidc.tokens.access_token import AccessTokens
from idp.oidc.tokens.gate import Gate
from idp.oidc.well_known import RESOURCE_PATH
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.store import Store

#: What it says of a token: nothing that the client does not know.
TOLD: Final = ("sub", "client_id", "scope", "acr", "auth_time", "authorization_details", "act")


@dataclass(frozen=True, slots=True)
class TrialResource:
    """Tells the holder of a token what the token says. `url`: its own address."""

    issuer: str
    url: str
    directory: ClientDirectory
    gate: Gate
    access_tokens: AccessTokens
    proofs: Proofs
    store: Store
    clock: Clock
    entropy: Entropy

    def respond(self, request: WireRequest) -> WireResponse:
        """Return what the token says, or the registered error of RFC 6750 §3.1."""
        return guarded(
            request,
            self._told,
            metadata_url=f"{self.issuer}{RESOURCE_PATH}",
            entropy=self.entropy,
        )

    def _told(self, presented: PresentedToken, request: WireRequest) -> WireResponse:
        now = self.clock.now()
        claims = self.access_tokens.read(presented.token, now)
        if claims is None or claims["aud"] != self.issuer:
            raise invalid_token("the access token is unknown, expired, or not for this resource")
        client = self.directory.find(claims["client_id"])
        if client is None or not client.is_active:
            raise invalid_token("the access token was ended")
        request.caller = client
        needs_nonce = rules_of(client).needs_dpop_nonce
        check_holder_of_key(
            presented, claims, request, self.url, self.proofs, needs_nonce=needs_nonce
        )
        with self.store.read() as tx:
            found = tx.grants.find(UUID(hex=claims["gid"])) if "gid" in claims else None
            if not self.gate.counts(claims, found, now=now, tx=tx):
                raise invalid_token("the access token was ended")
        wanted = parse_authorization_request(request.query_parameters().values)
        check_sign_in(claims, acr_values=wanted.acr_values, max_age=wanted.max_age, now=now)
        return json_response({name: claims[name] for name in TOLD if name in claims})
