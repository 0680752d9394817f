"""A sandbox client's sign-in, tried by its own team (OpenID Connect Core §3.1).

Whoever calls has checked who asks: that stands in the place of the client's authentication, for
which we have neither its secret nor its key. All else is what the client would meet itself.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode

from idp.domain.identity.audit import Origin
from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import ProtocolError, unauthorized_client
from idp.domain.protocol.profile import rules_of
from idp.oidc.authorization.checks import must_push
from idp.oidc.endpoints import PAR, TOKEN, USERINFO, EndpointRow
from idp.oidc.endpoints.par import ParEndpoint
from idp.oidc.request import Parameters, TokenRequest, WireRequest
from idp.oidc.response import WireResponse
from idp.oidc.sender import SenderConstraint
from idp.oidc.sender.dpop import HEADER, Proofs
from idp.oidc.sender.one_time_key import OneTimeKey
from idp.oidc.traffic import TrafficReporter
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a trial. `tokens`: the token response; `is_bound`: to a key of the moment."""

    tokens: Mapping[str, Any] = field(repr=False)
    userinfo: WireResponse = field(repr=False)
    is_bound: bool = False


@dataclass(frozen=True, slots=True)
class SignInTrial:
    """Begins a trial, and ends it with tokens. Both refuse with `unauthorized_client` elsewhere.

    `url_of`: the address of an endpoint. `redeem`: what the token endpoint does with a code.
    `read`: the answer of userinfo.
    """

    par: ParEndpoint
    par_for_all: bool
    constraint: SenderConstraint
    proofs: Proofs
    traffic: TrafficReporter
    clock: Clock
    entropy: Entropy
    url_of: Callable[[EndpointRow], str]
    redeem: Callable[[TokenRequest], Mapping[str, Any]]
    read: Callable[[WireRequest], WireResponse]

    def begin(self, client: Client, asked: Mapping[str, str], origin: Origin) -> str:
        """Return the parameters of the authorization request, as a query.

        The request is pushed first where the client's count only so (RFC 9126 §4); refuses as that
        endpoint does.
        """
        _check_may_be_tried(client)
        if not must_push(client, par_for_all=self.par_for_all):
            return urlencode(asked)
        request = self._call(PAR, client, Parameters(dict(asked), {}, frozenset()), {}, origin)
        answer = self._told(PAR, request, lambda: self.par.keep(client, request))
        request_uri = json.loads(answer.body)["request_uri"]
        return urlencode({"client_id": client.client_id, "request_uri": request_uri})

    def finish(self, client: Client, form: Parameters, origin: Origin) -> Tried:
        """Redeem a code and read userinfo; refuses as the token endpoint does.

        Where the client binds its tokens by DPoP, a key of the moment does it. A client that binds
        them to its certificate can't be tried (RFC 8705 §3).
        """
        _check_may_be_tried(client)
        key = OneTimeKey() if binds_by_dpop(client) else None
        request = self._call(TOKEN, client, form, self._proof(key, "POST", TOKEN), origin)

        def redeemed() -> Mapping[str, Any]:
            confirmation = self.constraint.confirm(request, client, self.url_of(TOKEN))
            return self.redeem(TokenRequest(client, form, self.clock.now(), origin, confirmation))

        told = self._told(TOKEN, request, redeemed)
        access_token = str(told["access_token"])
        headers = {
            "authorization": f"{'Bearer' if key is None else 'DPoP'} {access_token}",
            **self._proof(key, "GET", USERINFO, access_token),
        }
        reading = WireRequest("GET", USERINFO.path, "", headers, origin=origin)
        return Tried(told, self.read(reading), is_bound=key is not None)

    def _call(
        self,
        row: EndpointRow,
        client: Client,
        form: Parameters,
        headers: Mapping[str, str],
        origin: Origin,
    ) -> WireRequest:
        return WireRequest("POST", row.path, "", headers, origin=origin, caller=client, _form=form)

    def _proof(
        self, key: OneTimeKey | None, method: str, row: EndpointRow, access_token: str | None = None
    ) -> dict[str, str]:
        if key is None:
            return {}
        proof = key.proof(
            method,
            self.url_of(row),
            jti=self.entropy.token(),
            now=self.clock.now(),
            nonce=self.proofs.nonce(),
            access_token=access_token,
        )
        return {HEADER: proof}

    def _told(self, row: EndpointRow, request: WireRequest, answer: Callable[[], T]) -> T:
        """Return an answer that the client's team finds among its requests as any other."""
        now = self.clock.now()
        try:
            told = answer()
        except ProtocolError as error:
            self.traffic.refused(row.name, request, error, now)
            raise
        self.traffic.answered(row.name, request, now)
        return told


def binds_by_certificate(client: Client) -> bool:
    """Return whether a client's tokens need a certificate that we do not have (RFC 8705 §3)."""
    return bool(client.metadata.get("tls_client_certificate_bound_access_tokens"))


def binds_by_dpop(client: Client) -> bool:
    """Return whether a client's tokens are bound, and a key will do (RFC 9449 §5)."""
    asked = bool(client.metadata.get("dpop_bound_access_tokens"))
    return asked or (rules_of(client).needs_sender_constraint and not binds_by_certificate(client))


def _check_may_be_tried(client: Client) -> None:
    if not client.is_sandbox or not client.is_active:
        raise unauthorized_client("only a client for trying out can be tried here")
