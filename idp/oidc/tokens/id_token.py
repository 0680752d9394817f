"""ID tokens (OpenID Connect Core §2), signed with the algorithm that the client registered.

Claims about the person belong to userinfo; here stand those of the sign-in, and what the `claims`
parameter asked for by name (§5.5). `sid` is what a logout token names (Back-Channel Logout §2.1).
"""

from collections.abc import Mapping
from typing import Any, Final

from idp.domain.identity.account import Account
from idp.domain.identity.assurance import acr_of
from idp.domain.identity.claims import CLAIM_BY_NAME, read_claims
from idp.domain.identity.session import sid_for_client
from idp.domain.protocol.authorization_request import ClaimsRequest
from idp.domain.protocol.client import Client
from idp.domain.protocol.grant import ClientGrant, GrantHolder
from idp.domain.protocol.profile import rules_of
from idp.domain.protocol.scope import PROFILE
from idp.oidc.encryption import Encryption

TYPE: Final = "JWT"


def id_token_claims(
    grant: ClientGrant,
    holder: GrantHolder,
    client: Client,
    *,
    issuer: str,
    subject: str,
    nonce: str | None,
    now: int,
    life_seconds: int,
) -> dict[str, Any]:
    """Return the claims about the sign-in; an absent one is left out."""
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": subject,
        "aud": grant.client_id,
        "iat": now,
        "exp": now + life_seconds,
        "auth_time": grant.auth_time,
        "acr": acr_of(grant.aal),
        "amr": list(grant.amr),
    }
    if nonce is not None:
        claims["nonce"] = nonce
    unasked = rules_of(client).tells_unasked
    # how sure we are of what `profile` tells; who asked for no more than `sub` is told no more
    tells_ial = unasked and PROFILE in grant.scopes
    if tells_ial or "ial" in grant.claims.get("id_token", ()):
        claims["ial"] = holder.ial
    names_session = unasked or "backchannel_logout_uri" in client.metadata
    if names_session and grant.session_sid is not None:
        claims["sid"] = sid_for_client(grant.session_sid, grant.client_id)
    return claims


def verify_id_token(encryption: Encryption, token: str) -> dict[str, Any] | None:
    """Return the claims of an ID token of ours, expired or not; `None` for anything else.

    A client that got it encrypted may encrypt what was in it to us (§3.1.2.1, `id_token_hint`).
    Signed userinfo and authorization answers have the same `typ`, but tell of no sign-in.
    """
    signed = encryption.from_client(token) if token.count(".") == 4 else token
    claims = encryption.ring.verify(signed, TYPE) if signed is not None else None
    return claims if claims is not None and "auth_time" in claims else None


def personal_claims(account: Account, asked: ClaimsRequest) -> Mapping[str, Any]:
    """Return the person's claims that were asked for by name in the ID token."""
    return read_claims(account, scopes=(), names=asked.id_token)


def asks_for_person(asked: ClaimsRequest) -> bool:
    """Return whether the ID token needs anything of the person at all."""
    return any(name in CLAIM_BY_NAME for name in asked.id_token)
