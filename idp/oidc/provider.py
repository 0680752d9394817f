"""The provider: takes wire requests to the endpoint that answers them.

`IdentityProvider` is Authlib's framework-free `AuthorizationServer` (RFC 6749): grant types are
registered with it and errors speak by its classes. Seam: dispatch at the token endpoint is ours,
since Authlib's tries each grant in turn and hands it no transaction.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Final

from authlib.oauth2 import AuthorizationServer
from typing_extensions import override

from idp.domain.identity.account import Account
from idp.domain.identity.audit import NOWHERE, Origin
from idp.domain.identity.claims import SCOPES
from idp.domain.identity.session import LoginSession, SessionLimits
from idp.domain.identity.visitor import Visitor
from idp.domain.protocol.authorization_request import REPEATABLE
from idp.domain.protocol.client import Client, ClientStatus
from idp.domain.protocol.errors import (
    ProtocolError,
    invalid_request,
    temporarily_unavailable,
    unauthorized_client,
    unsupported_grant_type,
)
from idp.domain.protocol.logout import LogoutRequest
from idp.domain.protocol.resource import check_resources
from idp.domain.protocol.third_party_login import start_url
from idp.domain.protocol.tokens import Lifetimes
from idp.oidc import endpoints
from idp.oidc.addresses import Addresses
from idp.oidc.authorization.endpoint import AuthorizationEndpoint, Outcome
from idp.oidc.authorization.request_object import RequestObjects
from idp.oidc.authorization.response import AnswerWriter
from idp.oidc.authorization.sources import Sources
from idp.oidc.client_authentication import METHODS, ClientAuthenticator
from idp.oidc.client_directory import ClientDirectory
from idp.oidc.client_keys import ClientKeys
from idp.oidc.compact_json import encode_json
from idp.oidc.encryption import Encryption
from idp.oidc.endpoints import EndpointRow
from idp.oidc.endpoints.admin_api import AdminApi
from idp.oidc.endpoints.backchannel_authentication import (
    BackchannelAuthenticationEndpoint,
    FindAccount,
    Notify,
)
from idp.oidc.endpoints.device_authorization import DeviceAuthorizationEndpoint
from idp.oidc.endpoints.end_session import EndSessionEndpoint
from idp.oidc.endpoints.introspection import IntrospectionEndpoint
from idp.oidc.endpoints.par import ParEndpoint
from idp.oidc.endpoints.registration import RegistrationEndpoint
from idp.oidc.endpoints.revocation import RevocationEndpoint
from idp.oidc.endpoints.trial_resource import TrialResource
from idp.oidc.endpoints.userinfo import UserinfoEndpoint
from idp.oidc.errors import error_response
from idp.oidc.grants import GRANTS
from idp.oidc.grants.base import TokenGrant
from idp.oidc.limits import PUSHES_A_MINUTE, ClientLimits
from idp.oidc.metadata import (
    OAUTH_PATH,
    OPENID_PATH,
    MetadataSettings,
    build_metadata,
)
from idp.oidc.pending import PendingRequests
from idp.oidc.request import Parameters, TokenRequest, WireRequest, parse_parameters
from idp.oidc.response import JSON, WireResponse, json_response
from idp.oidc.sender import SenderConstraint
from idp.oidc.sender.dpop import Proofs
from idp.oidc.software_statement import SoftwareStatements
from idp.oidc.tokens.access_token import AccessTokens
from idp.oidc.tokens.gate import Gate
from idp.oidc.tokens.issue import TokenIssuer
from idp.oidc.tokens.key_ring import KeyRing, fingerprint
from idp.oidc.traffic import TrafficReporter
from idp.oidc.trial import SignInTrial
from idp.oidc.well_known import RESOURCES, WEBFINGER_PATH, WellKnown
from idp.ports.clock import Clock
from idp.ports.documents import DocumentFetcher
from idp.ports.entropy import Entropy
from idp.ports.ephemeral import RateLimits
from idp.ports.metrics import Metrics
from idp.ports.store import Store, StoreUnavailable, Transaction
from idp.ports.vault import Vault
from idp.services.client_registry import ClientRegistry
from idp.services.traffic import TrafficService

logger = logging.getLogger(__name__)

JWKS_CACHE: Final = "public, max-age=3600"
DISCOVERY_CACHE: Final = "public, max-age=3600"
RETRY_SECONDS: Final = 5


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """What the operator chose.

    `mtls_url`: base of the aliases for certificates, or empty. `certificate_methods`: how clients
    may authenticate by certificate, empty where no trusted proxy passes one on.
    """

    issuer: str
    lifetimes: Lifetimes
    session_limits: SessionLimits
    pkce_for_all: bool
    par_for_all: bool
    request_uri_by_reference: bool
    registration: str
    is_production: bool
    statement_issuers: Mapping[str, Sequence[Mapping[str, Any]]]
    mtls_url: str
    certificate_methods: frozenset[str]
    limits_factor: float


@dataclass(frozen=True, slots=True)
class ProviderPorts:
    """What the provider needs from outside."""

    store: Store
    vault: Vault
    clock: Clock
    entropy: Entropy
    metrics: Metrics
    documents: DocumentFetcher
    rate_limits: RateLimits


@dataclass(frozen=True, slots=True)
class ProviderPartners:
    """What the provider asks of the use cases for people.

    `registry`: with the policy for clients that nobody reviewed.
    """

    directory: ClientDirectory
    registry: ClientRegistry
    find_account: FindAccount
    notify: Notify
    traffic: TrafficService


class IdentityProvider(AuthorizationServer):
    """Answers relying parties."""

    def __init__(
        self, settings: ProviderSettings, ports: ProviderPorts, partners: ProviderPartners
    ) -> None:
        super().__init__(scopes_supported=list(SCOPES))
        self.settings = settings
        self.issuer = settings.issuer
        self.traffic = TrafficReporter(partners.traffic)
        self.addresses = Addresses(settings.issuer, settings.mtls_url)
        self.lifetimes = settings.lifetimes
        self.store, self.vault = ports.store, ports.vault
        self.clock, self.entropy, self.metrics = ports.clock, ports.entropy, ports.metrics
        self.started_at = self.clock.now()
        self.directory = partners.directory
        self.gate = Gate(self.directory)
        self.client_keys = ClientKeys(ports.documents)
        self.ring = KeyRing(self.store, self.clock)
        self.encryption = Encryption(self.client_keys, self.ring)
        self.access_tokens = AccessTokens(self.ring, self.store, self.entropy)
        self.limits = ClientLimits(
            self.clock, settings.limits_factor, {self.url_of(endpoints.PAR): PUSHES_A_MINUTE}
        )
        self.proofs = Proofs(self.store, self.clock, self.vault, self.addresses)
        self.constraint = SenderConstraint(self.proofs)
        self.issuing = TokenIssuer(
            self.issuer,
            self.directory,
            self.gate,
            self.ring,
            self.access_tokens,
            self.encryption,
            self.vault,
            self.entropy,
            self.lifetimes,
        )
        self.authenticator = ClientAuthenticator(
            self.directory,
            self.client_keys,
            self.store,
            self.clock,
            self.limits,
            self.addresses,
        )
        objects = RequestObjects(
            self.issuer,
            self.client_keys,
            self.encryption,
            ports.documents,
            self.clock,
            settings.request_uri_by_reference,
        )
        self.authorization = AuthorizationEndpoint(
            issuer=self.issuer,
            directory=self.directory,
            vault=self.vault,
            store=self.store,
            clock=self.clock,
            entropy=self.entropy,
            sources=Sources(self.store, objects),
            answers=AnswerWriter(self.issuer, self.ring, self.encryption),
            lifetimes=self.lifetimes,
            session_limits=settings.session_limits,
            known_scopes=frozenset(SCOPES),
            pkce_for_all=settings.pkce_for_all,
            par_for_all=settings.par_for_all,
            traffic=self.traffic,
            sandbox_for_teams=settings.is_production,
        )
        self.pending = PendingRequests(
            self.store, self.clock, self.entropy, self.vault, self.directory, self.lifetimes
        )
        self.registration = RegistrationEndpoint(
            url=self.url_of(endpoints.REGISTRATION),
            mode=settings.registration,
            starts_as=ClientStatus.DRAFT if settings.is_production else ClientStatus.ACTIVE,
            registry=partners.registry,
            statements=SoftwareStatements(settings.statement_issuers, self.clock),
            rate_limits=ports.rate_limits,
            store=self.store,
            clock=self.clock,
            entropy=self.entropy,
        )
        self.admin_api = AdminApi(
            self.issuer,
            self.access_tokens,
            self.proofs,
            self.limits,
            self.store,
            self.clock,
        )
        self._end_session = EndSessionEndpoint(self.directory, self.encryption, self.vault)
        for grant in GRANTS.values():
            self.register_grant(grant)
        self._par = ParEndpoint(
            self.url_of(endpoints.PAR), self.authenticator, self.authorization, self.proofs
        )
        #: What a team may try with its own sandbox client.
        self.trial = SignInTrial(
            par=self._par,
            par_for_all=settings.par_for_all,
            constraint=self.constraint,
            proofs=self.proofs,
            traffic=self.traffic,
            clock=self.clock,
            entropy=self.entropy,
            url_of=self.url_of,
            redeem=lambda wanted: self.redeemed(GRANTS["authorization_code"], wanted),
            read=lambda request: self.respond(endpoints.USERINFO, request),
        )
        self._machine = self._machine_endpoints(ports, partners)
        document = encode_json(build_metadata(settings_of_metadata(settings)))
        self._discovery = cached_response(document, DISCOVERY_CACHE, JSON)
        self._well_known = WellKnown(
            self.issuer, self.ring, takes_certificates=bool(settings.certificate_methods)
        )
        self._key_set: tuple[object, WireResponse] = (None, self._discovery)

    def url_of(self, row: EndpointRow) -> str:
        """Return the address of one of our endpoints."""
        return self.addresses.of(row)

    def _machine_endpoints(
        self, ports: ProviderPorts, partners: ProviderPartners
    ) -> Mapping[str, Callable[[WireRequest], WireResponse]]:
        """Return what answers at each endpoint that no person sees."""
        return {
            endpoints.TOKEN.name: self._token,
            endpoints.USERINFO.name: UserinfoEndpoint(
                self.issuer,
                self.url_of(endpoints.USERINFO),
                self.directory,
                self.gate,
                self.limits,
                self.access_tokens,
                self.ring,
                self.encryption,
                self.proofs,
                self.vault,
                self.store,
                self.clock,
                self.entropy,
            ).respond,
            endpoints.REVOCATION.name: RevocationEndpoint(
                self.url_of(endpoints.REVOCATION),
                self.authenticator,
                self.access_tokens,
                self.vault,
                self.store,
                self.clock,
            ).respond,
            endpoints.INTROSPECTION.name: IntrospectionEndpoint(
                self.issuer,
                self.url_of(endpoints.INTROSPECTION),
                self.authenticator,
                self.gate,
                self.access_tokens,
                self.ring,
                self.encryption,
                self.vault,
                self.store,
                self.clock,
            ).respond,
            endpoints.PAR.name: self._par.respond,
            endpoints.DEVICE_AUTHORIZATION.name: DeviceAuthorizationEndpoint(
                self.url_of(endpoints.DEVICE_AUTHORIZATION), self.authenticator, self.authorization
            ).respond,
            endpoints.BACKCHANNEL_AUTHENTICATION.name: BackchannelAuthenticationEndpoint(
                self.url_of(endpoints.BACKCHANNEL_AUTHENTICATION),
                self.authenticator,
                self.authorization,
                self.client_keys,
                partners.find_account,
                partners.notify,
                ports.rate_limits,
            ).respond,
            endpoints.REGISTRATION.name: self.registration.respond,
            endpoints.TRIAL.name: TrialResource(
                self.issuer,
                self.url_of(endpoints.TRIAL),
                self.directory,
                self.gate,
                self.access_tokens,
                self.proofs,
                self.store,
                self.clock,
                self.entropy,
            ).respond,
        }

    def begin(self) -> None:
        """Note when this process began: answers lost in a crash count as lost from then on."""
        self.started_at = self.clock.now()

    @override
    def query_client(self, client_id: str) -> Client | None:
        return self.directory.find(client_id)

    def respond(self, row: EndpointRow, request: WireRequest) -> WireResponse:
        """Return the answer of a machine endpoint; every refusal in its registered form."""
        return self._answered(row.name, request, self._machine[row.name])

    def manage_registration(self, request: WireRequest, client_id: str) -> WireResponse:
        """Return the answer at a client's own configuration address (RFC 7592 §2)."""
        return self._answered(
            endpoints.REGISTRATION.name,
            request,
            lambda wire: self.registration.manage(wire, client_id),
        )

    def _answered(
        self, name: str, request: WireRequest, respond: Callable[[WireRequest], WireResponse]
    ) -> WireResponse:
        try:
            response = respond(request)
            self.traffic.told(name, request, response, self.clock.now())
        except ProtocolError as error:
            self.metrics.count("protocol_errors", endpoint=name, error=error.error)
            self.traffic.refused(name, request, error, self.clock.now())
            request.refusal = error
            retry = RETRY_SECONDS if error.status in {429, 503} else 0
            response = error_response(error, retry_seconds=retry)
        except StoreUnavailable:
            request.refusal = temporarily_unavailable(_AWAY)
            response = _unavailable()
        if "dpop" in request.headers:
            # RFC 9449 §8.2: every answer to a proof tells the nonce for the next one
            nonce = ("DPoP-Nonce", self.proofs.nonce())
            response = replace(response, headers=(*response.headers, nonce))
        return response

    def authorize(self, parameters: Parameters, visitor: Visitor) -> Outcome:
        """Begin an authorization request."""
        return self.authorization.start(parameters, visitor)

    def keep_posted(self, parameters: Parameters, origin: Origin = NOWHERE) -> Outcome:
        """Take an authorization request that came by POST."""
        return self.authorization.keep(parameters, origin)

    def resume(self, interaction_id: str, visitor: Visitor) -> Outcome:
        """Go on with a waiting authorization request."""
        return self.authorization.resume(interaction_id, visitor)

    def deny(self, interaction_id: str, visitor: Visitor) -> Outcome:
        """Answer a waiting authorization request with the person's no."""
        return self.authorization.deny(interaction_id, visitor)

    def startable_portals(self) -> Sequence[tuple[Client, str]]:
        """Return the clients to which a sign-in can begin here, the newest first, with where."""
        return [(c, start_url(c, self.issuer)) for c in self.directory.startable()]

    def read_logout(self, parameters: Parameters) -> LogoutRequest:
        """Check a logout that a portal asks for."""
        return self._end_session.read(parameters)

    def is_certain(
        self, request: LogoutRequest, present: tuple[LoginSession, Account] | None
    ) -> bool:
        """Return whether a portal's logout needs no answer of the person."""
        return self._end_session.is_certain(request, present)

    def document(self, path: str, query: str) -> WireResponse:
        """Return the public document at one of `DOCUMENTS`, or the key set."""
        if path == endpoints.JWKS.path:
            try:
                return self.key_set()
            except StoreUnavailable:
                return _unavailable()
        if path == WEBFINGER_PATH:
            try:
                return self._well_known.webfinger(parse_parameters(query))
            except ProtocolError as error:
                return error_response(error)
        if path in RESOURCES:
            return self._well_known.resource(path)
        return self._discovery

    def key_set(self) -> WireResponse:
        """Return our public keys, as bytes made once for each set (RFC 7517 §5)."""
        version = self.ring.version()
        if self._key_set[0] != version:
            body = encode_json(self.ring.key_set())
            made = cached_response(body, JWKS_CACHE, "application/jwk-set+json")
            self._key_set = (version, made)
        return self._key_set[1]

    def _token(self, request: WireRequest) -> WireResponse:
        """Answer at the token endpoint (RFC 6749 §3.2)."""
        url = self.url_of(endpoints.TOKEN)
        client = self.authenticator.authenticate(request, url)
        form = request.form()
        form.check_once(REPEATABLE | {"audience"})
        grant_type = form.one("grant_type")
        if grant_type is None:
            raise invalid_request("the parameter grant_type is missing")
        grant = GRANTS.get(grant_type)
        if grant is None:
            raise unsupported_grant_type("this grant_type is not offered here")
        if grant_type not in client.grant_types or (client.is_public and not grant.ALLOWS_PUBLIC):
            raise unauthorized_client("this client is not registered for this grant_type")
        wanted = TokenRequest(
            client,
            form,
            self.clock.now(),
            request.origin,
            self.constraint.confirm(request, client, url),
        )
        return json_response(self.redeemed(grant, wanted))

    def redeemed(self, grant: type[TokenGrant], wanted: TokenRequest) -> Mapping[str, Any]:
        """Spend what was brought, and return the token response (RFC 6749 §5.1)."""
        client, form, now = wanted.client, wanted.parameters, wanted.now
        granting = grant(None, self)
        resources = form.many("resource")
        if grant.CHECKS_RESOURCES:
            check_resources(resources, client, issuer=self.issuer)
        with self._opened(grant, client, resources) as tx:
            order = granting.redeem(wanted, tx)
            prepared = self.issuing.prepare(
                order, client, asked_resources=resources, now=now, tx=tx
            )
            refresh = granting.spend(wanted, order, tx)
            opaque = self.issuing.keep(prepared, client, tx)
        # signed after the commit: a signature must not hold the store's write lock
        return self.issuing.issue(prepared, client, refresh=refresh, opaque=opaque, now=now)

    def _opened(
        self, grant: type[TokenGrant], client: Client, resources: tuple[str, ...]
    ) -> AbstractContextManager[Transaction]:
        """Return the least of a transaction that the grant needs."""
        keeps = self._may_be_opaque(client, resources)
        if not (keeps or grant.writes(client)):
            return self.store.read()
        alone = grant.is_alone(client) and not keeps
        return self.store.write(brief=grant.is_brief(client), alone=alone)

    def _may_be_opaque(self, client: Client, resources: tuple[str, ...]) -> bool:
        """Return whether the token may have to be kept, so that the transaction must write."""
        candidates = resources or (*client.resources, self.issuer)
        return any(self.issuing.is_opaque(client, audience) for audience in candidates)


_AWAY: Final = "the service can not answer now, try again"


def _unavailable() -> WireResponse:
    return error_response(temporarily_unavailable(_AWAY), retry_seconds=RETRY_SECONDS)


def settings_of_metadata(settings: ProviderSettings) -> MetadataSettings:
    """Return what of the operator's choices metadata tells."""
    return MetadataSettings(
        issuer=settings.issuer,
        mtls_url=settings.mtls_url,
        certificate_methods=settings.certificate_methods,
        par_for_all=settings.par_for_all,
        request_uri_by_reference=settings.request_uri_by_reference,
        registration_offered=settings.registration != "closed",
    )


def cached_response(body: bytes, cache: str, content_type: str) -> WireResponse:
    """Return bytes that callers may keep, with their tag (RFC 9110 §8.8.3)."""
    headers = (
        ("Content-Type", content_type),
        ("Cache-Control", cache),
        ("ETag", fingerprint([body])),
    )
    return WireResponse(200, headers, body)


#: Where public documents are.
DOCUMENTS: Final = frozenset({OPENID_PATH, OAUTH_PATH, *RESOURCES, WEBFINGER_PATH})

#: What registration may name: the tables are the only lists.
AUTH_METHODS: Final = frozenset(METHODS)
GRANT_TYPES: Final = frozenset(GRANTS)
