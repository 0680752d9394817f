"""The userinfo endpoint (OpenID Connect Core §5.3): GET and POST, JSON, signed or encrypted.

Seam: Authlib's userinfo gets neither client nor `claims` parameter, so pairwise subjects, requested
claims and signed answers are ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from idp.domain.identity.account import Account
from idp.domain.identity.claims import read_claims
from idp.domain.protocol.authorization_request import parse_claims_request
from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import (
    insufficient_scope,
    invalid_request,
    invalid_token,
)
from idp.domain.protocol.profile import rules_of
from idp.domain.protocol.scope import OPENID
from idp.domain.protocol.subject import subject_for
from idp.oidc.client_directory import ClientDirectory
from idp.oidc.encryption import CannotEncrypt, Encryption
from idp.oidc.endpoints.bearer import PresentedToken, check_holder_of_key, guarded
from idp.oidc.limits import ClientLimits
from idp.oidc.request import WireRequest
from idp.oidc.response import JWT, NO_STORE, WireResponse, json_response
from idp.oidc.sender.dpop import Proofs
from idp.oidc.tokens.access_token import AccessTokens
from idp.oidc.tokens.gate import Gate
from idp.oidc.tokens.key_ring import KeyRing
from idp.oidc.well_known import RESOURCE_PATH
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.store import Store, Transaction
from idp.ports.vault import Vault

#: The scope by which a portal finds its own row of somebody whose old account came home.
LEGACY: Final = "legacy"


@dataclass(frozen=True, slots=True)
class UserinfoEndpoint:
    """Tells a client about the person who signed in to it."""

    issuer: str
    url: str
    directory: ClientDirectory
    gate: Gate
    limits: ClientLimits
    access_tokens: AccessTokens
    ring: KeyRing
    encryption: Encryption
    proofs: Proofs
    vault: Vault
    store: Store
    clock: Clock
    entropy: Entropy

    def respond(self, request: WireRequest) -> WireResponse:
        """Return the claims, or the registered error of RFC 6750 §3.1."""
        url = f"{self.issuer}{RESOURCE_PATH}"
        return guarded(
            request,
            self._told,
            metadata_url=url,
            entropy=self.entropy,
        )

    def _told(self, presented: PresentedToken, request: WireRequest) -> WireResponse:
        now = self.clock.now()
        claims = self.access_tokens.read(presented.token, now)
        if claims is None or claims["aud"] != self.issuer or "gid" not in claims:
            raise invalid_token("the access token is unknown, expired, or not for userinfo")
        self.limits.count_call(claims["client_id"], self.url)
        client = self.directory.find(claims["client_id"])
        if client is None or not client.is_active:
            raise invalid_token("the access token was ended")
        request.caller = client
        needs_nonce = rules_of(client).needs_dpop_nonce
        check_holder_of_key(
            presented, claims, request, self.url, self.proofs, needs_nonce=needs_nonce
        )
        if OPENID not in claims.get("scope", "").split():
            raise insufficient_scope("the access token lacks the scope openid")
        with self.store.read() as tx:
            found = tx.grants.find_with_account(UUID(hex=claims["gid"]))
            counts = self.gate.counts(claims, found and found[:2], now=now, tx=tx)
            scopes = claims.get("scope", "").split()
            old = _legacy_ids(client, found[2], tx) if found and LEGACY in scopes else {}
        if found is None or not counts:
            raise invalid_token("the access token was ended")
        grant, _, account = found
        asked = parse_claims_request(grant.claims) if grant.claims else None
        names = asked.userinfo if asked is not None else ()
        told: dict[str, Any] = {
            "sub": subject_for(client, account.subject, self.vault.pairwise_key()),
            **read_claims(account, scopes=scopes, names=names),
            **old,
        }
        if "ial" in names:
            told["ial"] = account.ial
        return self._written(told, client, now)

    def _written(self, told: Mapping[str, Any], client: Client, now: int) -> WireResponse:
        """Return the claims as registered: JSON, a JWT, or encrypted (§5.3.2)."""
        alg = client.metadata.get("userinfo_signed_response_alg")
        encrypts = "userinfo_encrypted_response_alg" in client.metadata
        if alg is None and not encrypts:
            return json_response(told)
        if alg is None:
            text = json_response(told).body.decode()
        else:
            signed = {"iss": self.issuer, "aud": client.client_id, "iat": now, **told}
            text = self.ring.signer(alg).sign(signed, "JWT")
        try:
            sealed = self.encryption.to_client(text, client, "userinfo", is_jwt=alg is not None)
        except CannotEncrypt as error:
            raise invalid_request("no key of this client to encrypt to") from error
        return WireResponse(200, (("Content-Type", JWT), *NO_STORE), sealed.encode())


def _legacy_ids(client: Client, account: Account, tx: Transaction) -> dict[str, list[str]]:
    """Return the identifiers that the client's own portal knows the person by, if any."""
    source = client.metadata.get("legacy_source")
    rows = tx.legacy_accounts.list_for_account(account.id) if source else ()
    found = sorted(row.record.source_id for row in rows if row.record.source == source)
    return {"legacy_ids": found} if found else {}
