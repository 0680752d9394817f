"""Tells a client's team what became of its requests (RFC 6749 §4.1.2.1, §5.2).

Everything goes to a buffer in memory: no request waits for it, and none costs a statement.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from idp.domain.identity.audit import Origin
from idp.domain.identity.claims import SCOPES
from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import ProtocolError
from idp.domain.protocol.traffic import SeenRequest, redacted
from idp.oidc.client_authentication import Unproved
from idp.oidc.endpoints import AUTHORIZATION, TOKEN, USERINFO
from idp.oidc.request import WireRequest
from idp.oidc.response import WireResponse
from idp.services.traffic import ERROR, SIGN_IN, TrafficService
from idp.services.traffic import TOKEN as TOKEN_KIND

#: RFC 6749 §5.2: whoever is answered so did not prove to be the client.
_UNPROVED: Final = frozenset({"invalid_client"})
#: Whoever is answered there had something that only the client could have got.
_PROVING: Final = frozenset({TOKEN.name, USERINFO.name})
_NO_PARAMETERS: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class TrafficReporter:
    """Turns what endpoints know into what teams may see."""

    traffic: TrafficService

    def signed_in(
        self, client: Client, params: Mapping[str, Any], origin: Origin, now: int
    ) -> None:
        """Note that a code was issued; it is kept where a team looks at it."""
        self.traffic.count(client.client_id, SIGN_IN, now)
        if _is_looked_at(client):
            self._keep(client, AUTHORIZATION.name, params, origin, now, is_proved=True)

    def refused_sign_in(
        self,
        client: Client,
        params: Mapping[str, Any],
        error: ProtocolError,
        origin: Origin,
        now: int,
    ) -> None:
        """Note what an authorization request was refused with; anybody may have made it."""
        self.traffic.count(client.client_id, ERROR, now)
        name = AUTHORIZATION.name
        self._keep(client, name, params, origin, now, error=error, is_proved=False)

    def told(self, endpoint: str, request: WireRequest, response: WireResponse, now: int) -> None:
        """Note an answer of a machine endpoint; protected resources answer refusals themselves."""
        if response.status < 400:
            self.answered(endpoint, request, now)
        elif request.caller is not None:
            self.refused(endpoint, request, _error_of(response), now)

    def answered(self, endpoint: str, request: WireRequest, now: int) -> None:
        """Note a good answer at a machine endpoint; it is kept where a team looks at it."""
        client = request.caller
        if client is None:
            return
        if endpoint == TOKEN.name:
            self.traffic.count(client.client_id, TOKEN_KIND, now)
        if _is_looked_at(client):
            is_proved = not client.is_public or endpoint in _PROVING
            self._keep(
                client, endpoint, _form_of(request), request.origin, now, is_proved=is_proved
            )

    def refused(self, endpoint: str, request: WireRequest, error: ProtocolError, now: int) -> None:
        """Note a refusal at a machine endpoint, once it came out whose call it was."""
        client = request.caller
        if client is None:
            return
        self.traffic.count(client.client_id, ERROR, now)
        is_proved = not client.is_public and error.error not in _UNPROVED
        self._keep(
            client,
            endpoint,
            _form_of(request),
            request.origin,
            now,
            error=error,
            is_proved=is_proved,
        )

    def _keep(
        self,
        client: Client,
        endpoint: str,
        params: Mapping[str, Any],
        origin: Origin,
        now: int,
        *,
        is_proved: bool,
        error: ProtocolError | None = None,
    ) -> None:
        known = client.scopes | frozenset(SCOPES)
        self.traffic.keep(
            SeenRequest(
                client_id=client.client_id,
                at=now,
                endpoint=endpoint,
                error=error.error if error is not None else "",
                description=_cause_of(error),
                status=error.status if error is not None else 200,
                request_id=origin.request_id,
                is_proved=is_proved,
                shown=redacted(params, scopes=known, redirect_uris=client.redirect_uris),
            )
        )


def _is_looked_at(client: Client) -> bool:
    """Return whether a team may look at the requests: what officers registered has none."""
    return bool(client.owner) or client.is_sandbox


def _cause_of(error: ProtocolError | None) -> str:
    """Return what the client's own team may know: also why its authentication failed."""
    if error is None:
        return ""
    return error.why if isinstance(error, Unproved) else error.description


def _error_of(response: WireResponse) -> ProtocolError:
    """Return the error that an answer tells (RFC 6750 §3.1)."""
    told = json.loads(response.body or b"{}")
    error = str(told.get("error", "invalid_request"))
    return ProtocolError(error, str(told.get("error_description", "")), status=response.status)


def _form_of(request: WireRequest) -> Mapping[str, Any]:
    """Return the parameters of the body, none where they could not be read (RFC 6749 §3.2)."""
    try:
        return request.form().values
    except ProtocolError:
        return _NO_PARAMETERS
