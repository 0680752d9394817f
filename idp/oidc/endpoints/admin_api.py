"""Who may call the API of administration (RFC 6750 §3, RFC 9068 §4).

A client that acts for itself, whose registration has scopes of administration at this moment. A
person's token is refused whatever its scopes: people administer at the console, with a second step.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from idp.domain.identity.admin_scopes import ADMIN_PATH
from idp.domain.identity.audit import Actor, Origin
from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import ProtocolError, insufficient_scope, invalid_token
from idp.domain.protocol.profile import rules_of
from idp.oidc.endpoints.bearer import check_holder_of_key, read_token, scheme_of
from idp.oidc.errors import NOTHING, challenges, status_of
from idp.oidc.limits import ClientLimits
from idp.oidc.request import WireRequest
from idp.oidc.sender.dpop import HEADER, Proofs
from idp.oidc.tokens.access_token import AccessTokens
from idp.oidc.tokens.gate import is_revoked
from idp.oidc.well_known import ADMIN_RESOURCE_PATH
from idp.ports.clock import Clock
from idp.ports.store import Store

_ENDED: Final = "the access token was ended"


@dataclass(frozen=True, slots=True)
class Caller:
    """The client behind a call of the API, and what it may do."""

    client_id: str
    scopes: frozenset[str]
    origin: Origin
    row: UUID

    @property
    def actor(self) -> Actor:
        """Who acts, for the audit; its `id` is that of the client's row."""
        return Actor("client", self.client_id, self.origin, self.row)


class NotAdmitted(Exception):  # noqa: N818 - an answer, not an error
    """Nobody was let in. `error`: `None` where no token came; `headers`: those of the answer."""

    def __init__(
        self, status: int, error: ProtocolError | None, headers: tuple[tuple[str, str], ...]
    ) -> None:
        super().__init__(status)
        self.status = status
        self.error = error
        self.headers = headers


@dataclass(frozen=True, slots=True)
class AdminApi:
    """Checks access tokens for the API; what ends a token, counts with the next call."""

    issuer: str
    access_tokens: AccessTokens
    proofs: Proofs
    limits: ClientLimits
    store: Store
    clock: Clock

    @property
    def audience(self) -> str:
        """The audience of tokens for the API (RFC 8707 §2)."""
        return f"{self.issuer}{ADMIN_PATH}"

    def admit(self, request: WireRequest, scope: str) -> Caller:
        """Return who calls; raises `NotAdmitted` unless the call may use `scope`.

        A 429 of `ProtocolError` passes through.
        """
        needs: Mapping[str, str] = NOTHING
        try:
            caller = self._caller(request)
            if caller is not None and scope in caller.scopes:
                return caller
            if caller is not None:
                needs = {"scope": scope}
                raise insufficient_scope("the access token lacks a scope that this needs")
        except ProtocolError as error:
            if error.status == 429:
                raise
            raise self._refusal(request, error, needs) from error
        raise self._refusal(request, None, needs)

    def headers(self, request: WireRequest) -> tuple[tuple[str, str], ...]:
        """Return what every answer to a DPoP proof carries (RFC 9449 §8.2)."""
        return (("DPoP-Nonce", self.proofs.nonce()),) if HEADER in request.headers else ()

    def _refusal(
        self, request: WireRequest, error: ProtocolError | None, needs: Mapping[str, str]
    ) -> NotAdmitted:
        return NotAdmitted(
            401 if error is None else status_of(error),
            error,
            challenges(
                error,
                scheme=scheme_of(request),
                metadata_url=f"{self.issuer}{ADMIN_RESOURCE_PATH}",
                needs=needs,
            ),
        )

    def _caller(self, request: WireRequest) -> Caller | None:
        """Return the client that a token was issued to, `None` where no token came."""
        presented = read_token(request)
        if presented is None:
            return None
        claims = self.access_tokens.read(presented.token, self.clock.now())
        if claims is None or claims["aud"] != self.audience:
            self.limits.count_failure(request.address)
            raise invalid_token("the access token is unknown, expired, or not for this resource")
        if not _acts_for_itself(claims):
            raise invalid_token("this resource takes tokens of a client that acts for itself")
        self.limits.count_call(claims["client_id"], self.audience)
        client = self._standing_client(claims)
        check_holder_of_key(
            presented,
            claims,
            request,
            f"{self.issuer}{quote(request.path)}",
            self.proofs,
            needs_nonce=rules_of(client).needs_dpop_nonce,
        )
        scopes = frozenset(claims.get("scope", "").split()) & client.scopes
        return Caller(client.client_id, scopes, request.origin, client.id)

    def _standing_client(self, claims: Mapping[str, Any]) -> Client:
        """Return the client as it is registered now: no cache stands between it and its end."""
        with self.store.read() as tx:
            client = tx.clients.find(claims["client_id"])
            if client is None or not client.is_active or is_revoked(claims, tx):
                raise invalid_token(_ENDED)
        if self.audience not in client.resources:
            raise invalid_token(_ENDED)
        return client


def _acts_for_itself(claims: Mapping[str, Any]) -> bool:
    return "gid" not in claims and "act" not in claims and claims["sub"] == claims["client_id"]
