"""From an order to the answer of the token endpoint (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3).

Seam: Authlib's `generate_token` gets no request, so audience, `cnf` and details could not reach a
generator; a grant type returns a `TokenOrder`, and this is the one place where tokens are made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idp.domain.ids import text_of
from idp.domain.protocol.authorization_request import parse_claims_request
from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import invalid_request
from idp.domain.protocol.grant import RefreshFamily, write_refresh_token
from idp.domain.protocol.resource import audience_of
from idp.domain.protocol.subject import subject_for
from idp.domain.protocol.tokens import Lifetimes, TokenOrder
from idp.oidc.client_directory import ClientDirectory
from idp.oidc.encryption import CannotEncrypt, Encryption
from idp.oidc.tokens.access_token import AccessTokens, access_token_claims
from idp.oidc.tokens.gate import Gate
from idp.oidc.tokens.id_token import asks_for_person, id_token_claims, personal_claims
from idp.oidc.tokens.key_ring import KeyRing, half_hash
from idp.ports.entropy import Entropy
from idp.ports.store import Transaction
from idp.ports.vault import Vault


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was decided inside the transaction: the access token's claims, and for whom they are.

    `order`: with what the gate let pass. `person`: claims for the ID token that were asked for by
    name. `subject`: as the client sees it.
    """

    order: TokenOrder
    claims: Mapping[str, Any]
    subject: str
    person: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Makes access, refresh and ID tokens."""

    issuer: str
    directory: ClientDirectory
    gate: Gate
    ring: KeyRing
    access_tokens: AccessTokens
    encryption: Encryption
    vault: Vault
    entropy: Entropy
    lifetimes: Lifetimes

    def is_opaque(self, client: Client, audience: str) -> bool:
        """Return whether tokens for an audience say nothing by themselves.

        The resource's own registration decides, else the client's.
        """
        server = self.directory.serving(audience)
        chosen = server.metadata.get("access_token_format") if server is not None else None
        return (chosen or client.metadata.get("access_token_format")) == "opaque"

    def _reader(self, audience: str) -> Client | None:
        """Return who reads tokens of an audience, `None` for userinfo and unregistered resources.

        Userinfo tells the client itself, which compares (OpenID Connect Core §5.3.2).
        """
        return self.directory.serving(audience) if audience != self.issuer else None

    def audience(self, order: TokenOrder, client: Client, asked: tuple[str, ...]) -> str:
        """Return the audience of the access token; refuses with `invalid_target`."""
        if order.audience is not None:
            return order.audience
        return audience_of(asked, order.resources, client, issuer=self.issuer)

    def prepare(
        self,
        order: TokenOrder,
        client: Client,
        *,
        asked_resources: tuple[str, ...],
        now: int,
        tx: Transaction,
    ) -> Prepared:
        """Decide what goes out, before what was brought is spent."""
        audience = self.audience(order, client, asked_resources)
        order = self.gate.passed(order, client, audience, now)
        subject = told = order.subject or client.client_id
        if order.grant is not None and order.holder is not None:
            key, own = self.vault.pairwise_key(), order.holder.subject
            subject = subject_for(client, own, key)
            # whoever reads the token must recognise its own person, not the asking client's
            told = subject_for(self._reader(audience) or client, own, key)
        life = min(self.lifetimes.of(client).access_token, order.life_max_seconds or 2**31)
        claims = access_token_claims(
            order,
            issuer=self.issuer,
            audience=audience,
            client_id=client.client_id,
            subject=told,
            # told apart from every other one, and no secret: the token is signed
            jti=text_of(self.entropy.bits(128), 16),
            now=now,
            life_seconds=life,
        )
        return Prepared(order, claims, subject, self._person_of(order, tx))

    def keep(self, prepared: Prepared, client: Client, tx: Transaction) -> str | None:
        """Return the access token where it is an opaque one, which the store keeps."""
        claims = prepared.claims
        if not self.is_opaque(client, claims["aud"]):
            return None
        return self.access_tokens.keep(claims, tx)

    def issue(
        self,
        prepared: Prepared,
        client: Client,
        *,
        refresh: RefreshFamily | None,
        opaque: str | None,
        now: int,
    ) -> dict[str, Any]:
        """Return the members of the answer; signing happens here, outside any transaction."""
        order, claims = prepared.order, prepared.claims
        answer: dict[str, Any] = {
            "access_token": opaque or self.access_tokens.sign(claims),
            "token_type": "DPoP" if order.confirmation.jkt else "Bearer",
            "expires_in": claims["exp"] - now,
        }
        if "scope" in claims:
            answer["scope"] = claims["scope"]
        if order.issued_type is not None:
            answer["issued_token_type"] = order.issued_type
        if order.details:
            answer["authorization_details"] = [dict(detail) for detail in order.details]
        if refresh is not None:
            answer["refresh_token"] = write_refresh_token(
                refresh.id, refresh.generation, self.vault.keys("refresh-token")[0]
            )
        if order.with_id_token:
            answer["id_token"] = self._id_token(prepared, client, answer, now)
        return answer

    def _person_of(self, order: TokenOrder, tx: Transaction) -> Mapping[str, Any]:
        """Return what the ID token tells of the person because the request asked by name."""
        grant = order.grant
        if not order.with_id_token or grant is None or not grant.claims:
            return {}
        asked = parse_claims_request(grant.claims)
        if grant.account_id is None or not asks_for_person(asked):
            return {}
        account = tx.accounts.find(grant.account_id)
        return {} if account is None else personal_claims(account, asked)

    def _id_token(
        self, prepared: Prepared, client: Client, answer: Mapping[str, Any], now: int
    ) -> str:
        order = prepared.order
        grant, holder = order.grant, order.holder
        if grant is None or holder is None:
            raise LookupError("an ID token needs a person")
        alg = client.id_token_alg
        claims = id_token_claims(
            grant,
            holder,
            client,
            issuer=self.issuer,
            subject=prepared.subject,
            nonce=order.nonce,
            now=now,
            life_seconds=self.lifetimes.of(client).id_token,
        )
        claims["at_hash"] = half_hash(answer["access_token"], alg)
        signed = self.ring.signer(alg).sign({**prepared.person, **claims}, "JWT")
        try:
            return self.encryption.to_client(signed, client, "id_token")
        except CannotEncrypt as error:
            raise invalid_request("no key of this client to encrypt the ID token to") from error
