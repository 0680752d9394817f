"""Dynamic registration and its management (RFC 7591 §3, RFC 7592 §2, OpenID Connect Registration).

Who may register is the operator's setting: nobody, whoever brings an initial access token, or, in
sandbox and test, anybody. What an unreviewed client may have is the policy of the registry.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from idp.domain.errors import Conflict, Refused
from idp.domain.identity.audit import Actor
from idp.domain.ids import digest_of
from idp.domain.protocol import json_text
from idp.domain.protocol.client import Client, ClientStatus
from idp.domain.protocol.errors import (
    ProtocolError,
    invalid_client_metadata,
    invalid_token,
    slow_down,
)
from idp.oidc.endpoints.bearer import read_token
from idp.oidc.errors import resource_error_response
from idp.oidc.request import WireRequest
from idp.oidc.response import JSON, WireResponse, json_response
from idp.oidc.software_statement import SoftwareStatements
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.ephemeral import Bucket, RateLimits
from idp.ports.store import Store, Transaction
from idp.services.client_registry import ClientRegistry, Registered, registration_document

BODY_MAX: Final = 65536
DEPTH_MAX: Final = 8
A_ADDRESS_AN_HOUR: Final = 10
_NOT_ADMITTED: Final = "the initial access token is unknown, expired or used"

#: What a client that an officer stopped may not undo by its own token (`security.md` AD-5).
_STOPPED: Final = frozenset({ClientStatus.SUSPENDED, ClientStatus.RETIRED})

#: Members of the answer that an update must not send back (RFC 7592 §2.2).
_OURS: Final = (
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
)


@dataclass(frozen=True, slots=True)
class RegistrationEndpoint:
    """`mode`: `closed`, `token` or `open`. `starts_as`: the status of an unreviewed client."""

    url: str
    mode: str
    starts_as: ClientStatus
    registry: ClientRegistry
    statements: SoftwareStatements
    rate_limits: RateLimits
    store: Store
    clock: Clock
    entropy: Entropy

    def respond(self, request: WireRequest) -> WireResponse:
        """Register a client (RFC 7591 §3.1)."""
        if self.mode == "closed":
            raise ProtocolError("access_denied", "registration is not open here", status=403)
        try:
            return self._registered(request, self._admission(request))
        except ProtocolError as error:
            if error.status == 401:
                request.refusal = error
                return resource_error_response(error, scheme="Bearer")
            raise

    def _registered(
        self, request: WireRequest, admit: Callable[[Transaction], None] | None
    ) -> WireResponse:
        given = self.statements.applied(read_json(request))
        token = self.entropy.token()
        actor = Actor("client", "dynamic registration", request.origin)
        registered = self.registry.register(
            given,
            actor,
            status=self.starts_as,
            registration_digest=digest_of(token),
            admit=admit,
        )
        return json_response(self._document(registered, token), 201)

    def manage(self, request: WireRequest, client_id: str) -> WireResponse:
        """Read, replace or delete a registration (RFC 7592 §2)."""
        try:
            client, token = self._holder(request, client_id)
        except ProtocolError as error:
            request.refusal = error
            return resource_error_response(error, scheme="Bearer")
        try:
            return self._managed(request, client, token)
        except Conflict as conflict:
            raise ProtocolError(
                "invalid_request", "the registration was changed meanwhile", status=409
            ) from conflict

    def _managed(self, request: WireRequest, client: Client, token: str) -> WireResponse:
        actor = Actor("client", "dynamic registration", request.origin)
        if request.method == "DELETE":
            self.registry.delete(client.client_id, actor)
            return WireResponse(204, (("Cache-Control", "no-store"),))
        if request.method == "PUT":
            given = read_json(request)
            self._check_update(given, client)
            # what was reviewed is reviewed again: a change starts where a registration does
            status = self.starts_as if client.is_active else None
            registered = self.registry.replace(
                client.client_id, self.statements.applied(given), actor, status=status
            )
            return json_response(self._document(registered, token))
        return json_response(self._document(Registered(client, None), token))

    def _check_update(self, given: Mapping[str, Any], client: Client) -> None:
        """Refuse an update that speaks of what is ours (RFC 7592 §2.2)."""
        if given.get("client_id") != client.client_id:
            raise invalid_client_metadata("client_id must be that of the client")
        for name in _OURS:
            if name in given:
                raise invalid_client_metadata(f"an update must not include {name}")
        secret = given.get("client_secret")
        if secret is None:
            return
        live = client.live_secrets(self.clock.now())
        if not isinstance(secret, str) or digest_of(secret) not in live:
            raise invalid_client_metadata("client_secret must be the current one, or left out")

    def _admission(self, request: WireRequest) -> Callable[[Transaction], None] | None:
        """Refuse whoever may not register; return what spends an initial access token."""
        bucket = Bucket("registration", request.address, A_ADDRESS_AN_HOUR, 3600)
        if self.rate_limits.hit(bucket)[0].is_over:
            raise slow_down("too many registrations from this address")
        presented = read_token(request)
        if presented is None and self.mode == "open":
            return None
        if presented is None:
            raise invalid_token("registration needs an initial access token")
        digest, now = digest_of(presented.token), self.clock.now()
        with self.store.read() as tx:
            is_good = tx.initial_access_tokens.is_good(digest, now)
        if not is_good:
            raise invalid_token(_NOT_ADMITTED)

        def spend(tx: Transaction) -> None:
            # with the registration, so that a mistake in it does not cost the token
            if not tx.initial_access_tokens.use(digest, now):
                raise invalid_token(_NOT_ADMITTED)

        return spend

    def _holder(self, request: WireRequest, client_id: str) -> tuple[Client, str]:
        """Return the client whose registration access token came; 401 for everything else."""
        presented = read_token(request)
        if presented is None:
            raise invalid_token("a registration access token is needed")
        try:
            client = self.registry.get(client_id)
        except Refused as refusal:
            raise invalid_token("the registration access token does not fit") from refusal
        is_own = client.registration_digest == digest_of(presented.token)
        if not is_own or client.status in _STOPPED:
            raise invalid_token("the registration access token does not fit")
        return client, presented.token

    def _document(self, registered: Registered, token: str) -> dict[str, Any]:
        return {
            **registration_document(registered),
            "registration_access_token": token,
            "registration_client_uri": f"{self.url}/{registered.client.client_id}",
        }


def read_json(request: WireRequest) -> dict[str, Any]:
    """Return the JSON object of a body; refuses other types, sizes and depths."""
    if request.content_type != JSON:
        raise ProtocolError(
            "invalid_client_metadata", f"the content type must be {JSON}", status=415
        )
    if len(request.body) > BODY_MAX:
        raise ProtocolError("invalid_client_metadata", "the body is too large", status=413)
    if json_text.depth_of(request.body) > DEPTH_MAX:
        raise invalid_client_metadata("the body is nested too deeply")
    try:
        document = json_text.read_json(request.body.decode())
    except ValueError as error:
        raise invalid_client_metadata(
            "the body is not JSON in UTF-8, or names a member twice"
        ) from error
    if not isinstance(document, dict):
        raise invalid_client_metadata("the body must be a JSON object")
    return document
