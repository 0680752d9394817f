"""DPoP proofs: signature, then claims, then once (RFC 9449 §4.3, §8, §11.1).

Seam: Authlib has no DPoP; joserfc checks the signature by the key in the proof's own header, the
one place where a header's key counts: it is what the token gets bound to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import import_key

from idp.domain.ids import digest_of
from idp.domain.protocol import algorithms
from idp.domain.protocol.client_metadata import PRIVATE_MEMBERS
from idp.domain.protocol.dpop import (
    AGE_MAX_SECONDS,
    LEEWAY_SECONDS,
    TYPE,
    ProofContext,
    check_proof,
    invalid_proof,
    nonces_at,
)
from idp.oidc.addresses import Addresses
from idp.oidc.client_keys import Jws, fits, read_jws, verify_with
from idp.oidc.request import WireRequest
from idp.ports.clock import Clock
from idp.ports.store import Store
from idp.ports.vault import Vault

HEADER: Final = "dpop"


@dataclass(frozen=True, slots=True)
class Proofs:
    """Checks proofs and hands out nonces; what was used once is in the store, for all processes."""

    store: Store
    clock: Clock
    vault: Vault
    addresses: Addresses

    def nonce(self) -> str:
        """Return the nonce that proofs may carry now."""
        return nonces_at(self.clock.now(), self.vault.keys("dpop-nonce")[0])[0]

    def check(
        self,
        request: WireRequest,
        url: str,
        *,
        needs_nonce: bool,
        access_token: str | None = None,
        allowed: frozenset[str] = frozenset(algorithms.PROOFS),
    ) -> str | None:
        """Return the thumbprint of the proof's key, `None` where no proof was sent.

        `url`: the endpoint's own address. `allowed`: algorithms of the client's profile; where a
        token is bound already, its key has but one. Refuses with `invalid_dpop_proof` or
        `use_dpop_nonce`.
        """
        text = request.headers.get(HEADER)
        if text is None:
            return None
        jws = read_jws(text)
        if jws is None:
            # two proofs come joined by a comma, which no compact JWS holds
            raise invalid_proof("it is not one signed JWT in compact form")
        if jws.header.get("typ") != TYPE:
            raise invalid_proof(f"typ must be {TYPE}")
        alg = str(jws.header["alg"])
        jwk = jws.header.get("jwk")
        if alg not in algorithms.PROOFS or alg not in allowed:
            raise invalid_proof("alg is not one that is supported")
        if not isinstance(jwk, dict) or PRIVATE_MEMBERS & set(jwk) or not fits(jwk, alg):
            raise invalid_proof("jwk must be a public key that fits alg")
        thumbprint = _verified(jws, alg, jwk)
        now = self.clock.now()
        nonces = tuple(
            nonce for key in self.vault.keys("dpop-nonce") for nonce in nonces_at(now, key)
        )
        urls = self.addresses.all_of(url)
        context = ProofContext(request.method, urls, now, nonces, needs_nonce, access_token)
        jti = check_proof(jws.claims, context)
        self._spend(thumbprint, jti, now)
        return thumbprint

    def _spend(self, thumbprint: str, jti: str, now: int) -> None:
        digest = digest_of(f"dpop\n{thumbprint}\n{jti}")
        # a proof from ten seconds ahead is still good in the last of seventy seconds
        expires_at = now + AGE_MAX_SECONDS + LEEWAY_SECONDS + 1
        with self.store.write() as tx:
            if not tx.replays.add_once(digest, expires_at=expires_at, now=now):
                raise invalid_proof("it was used before")


def _verified(jws: Jws, alg: str, jwk: Mapping[str, Any]) -> str:
    """Return the thumbprint of the key that made the signature (RFC 7638)."""
    try:
        key = import_key(dict(jwk))
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise invalid_proof("jwk is not a key") from error
    if not verify_with(jws, alg, key):
        raise invalid_proof("the signature does not verify")
    return str(key.thumbprint())
