"""The authorization endpoint: from parameters to a code, a page or an error (OIDC Core §3.1.2)."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.audit import NOWHERE, Origin
from idp.domain.identity.consent import Consent
from idp.domain.identity.second_step import reachable_level
from idp.domain.identity.session import (
    SEEN_EVERY_SECONDS,
    LoginSession,
    SessionLimits,
)
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from idp.domain.protocol.authorization_request import AuthorizationRequest
from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import (
    ProtocolError,
    access_denied,
    invalid_request,
)
from idp.domain.protocol.grant import AuthorizationCode, ClientGrant
from idp.domain.protocol.interaction import Interaction, PushedRequest, check_interaction
from idp.domain.protocol.prompt import (
    NOTHING_DONE,
    Done,
    Holder,
    Issue,
    ShowAccountChoice,
    ShowConsent,
    ShowLogin,
    ShowRegistration,
    ShowStepUp,
    decide,
    highest_level,
    is_offline,
    level_to_tell,
)
from idp.domain.protocol.redirect_uri import is_registered, nearest
from idp.domain.protocol.subject import subject_for
from idp.domain.protocol.tokens import Lifetimes
from idp.oidc.authorization.checks import (
    Checked,
    Endpoint,
    NotRedirectable,
    run_checks,
)
from idp.oidc.authorization.response import RESPONSE_MODES, Answer, AnswerWriter
from idp.oidc.authorization.sources import (
    CAME_PUSHED,
    PUSHED_PREFIX,
    Source,
    Sources,
    as_params,
)
from idp.oidc.client_directory import ClientDirectory
from idp.oidc.errors import error_parameters
from idp.oidc.request import Parameters
from idp.oidc.tokens.id_token import verify_id_token
from idp.oidc.traffic import TrafficReporter
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.store import Store, Transaction
from idp.ports.vault import Vault

logger = logging.getLogger(__name__)

#: The longest a grant without `offline_access` can matter: a session and the tokens after it.
ONLINE_GRANT_SECONDS: Final = 2 * 86400


@dataclass(frozen=True, slots=True)
class ShowPage:
    """Send the browser to one of our pages; the request waits under `interaction_id`."""

    page: ShowRegistration | ShowLogin | ShowAccountChoice | ShowStepUp | ShowConsent
    interaction_id: str


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """Tell the person here: nothing may be sent to a client that is not known good.

    `is_stopped`: the client is known and out of service, which is no reason to alarm anybody.
    """

    error: ProtocolError
    client: Client | None = None
    is_stopped: bool = False


#: The error of a client that is known and out of service.
_STOPPED: Final = "unauthorized_client"


@dataclass(frozen=True, slots=True)
class PostedRequest:
    """The request came by POST: come back by GET, so that the Lax cookies come along."""

    client_id: str
    request_uri: str


Outcome = Answer | ShowPage | ErrorPage | PostedRequest


@dataclass(frozen=True, slots=True)
class _Present:
    """Who is signed in in this browser, read in one statement."""

    session: LoginSession
    account: Account
    consent: Consent | None


@dataclass(frozen=True, slots=True)
class _Examined:
    """A request that passed the table of checks."""

    request: AuthorizationRequest
    client: Client
    source: Source


@dataclass(frozen=True, slots=True)
class AuthorizationEndpoint:
    """Runs the checks, decides, and issues codes."""

    issuer: str
    directory: ClientDirectory
    vault: Vault
    store: Store
    clock: Clock
    entropy: Entropy
    sources: Sources
    answers: AnswerWriter
    lifetimes: Lifetimes
    session_limits: SessionLimits
    known_scopes: frozenset[str]
    pkce_for_all: bool
    par_for_all: bool
    traffic: TrafficReporter
    sandbox_for_teams: bool

    def start(self, parameters: Parameters, visitor: Visitor) -> Outcome:
        """Take a request from the URL."""
        found = self._examined(parameters, visitor.origin)
        if not isinstance(found, _Examined):
            return found
        return self._go_on(found.request, found.client, visitor, NOTHING_DONE, source=found.source)

    def keep(self, parameters: Parameters, origin: Origin = NOWHERE) -> Outcome:
        """Take a request from the body and keep it for the same browser's GET.

        Nothing of the browser is looked at: a form of another site brings no cookies.
        """
        found = self._examined(parameters, origin)
        if not isinstance(found, _Examined):
            return found
        if found.source.pushed is not None:
            return PostedRequest(found.client.client_id, parameters.values["request_uri"])
        return self._keep_posted(found.client, found.source)

    def _examined(self, parameters: Parameters, origin: Origin) -> _Examined | Answer | ErrorPage:
        try:
            client = self._client(parameters)
        except ProtocolError as error:
            return ErrorPage(error, is_stopped=error.error == _STOPPED)
        source = Source({})
        try:
            parameters.check_values()
            source = self.sources.find(parameters, client, now=self.clock.now())
            # what came by POST was not pushed by an authenticated client
            checked = self.checked(source.params, source.repeated, client)
            if source.pushed is None or not source.params.get(CAME_PUSHED):
                run_checks(checked, Endpoint.AUTHORIZE)
            request = checked.request
        except NotRedirectable as refusal:
            self._tell_nearest(source.params, client)
            return self._error_page(client, source.params, refusal.error, origin)
        except ProtocolError as error:
            told = source.params or _redirectable(parameters)
            return self._refuse(client, told, error, origin)
        return _Examined(request, client, source)

    def resume(self, interaction_id: str, visitor: Visitor) -> Outcome:
        """Go on with a waiting request; refuses with `interaction.…` where that can't be."""
        interaction, client = self._waiting(interaction_id, visitor)
        checked = self.checked(interaction.params, frozenset(), client)
        try:
            run_checks(checked, Endpoint.AUTHORIZE)
        except NotRedirectable as refusal:
            return self._error_page(client, checked.params, refusal.error, visitor.origin)
        except ProtocolError as error:
            return self._close(interaction, client, checked.params, error, visitor.origin)
        return self._go_on(
            checked.request,
            client,
            visitor,
            interaction.done,
            interaction=interaction,
            interaction_id=interaction_id,
        )

    def deny(self, interaction_id: str, visitor: Visitor) -> Outcome:
        """Answer a waiting request with `access_denied`: the person said no."""
        interaction, client = self._waiting(interaction_id, visitor)
        error = access_denied("the person did not allow it")
        return self._close(interaction, client, interaction.params, error, visitor.origin)

    def _waiting(self, interaction_id: str, visitor: Visitor) -> tuple[Interaction, Client]:
        """Return a waiting request of this browser; refuses with `interaction.…`."""
        now = self.clock.now()
        with self.store.read() as tx:
            interaction = check_interaction(
                tx.interactions.find(digest_of(interaction_id)),
                flow_digest=visitor.flow_digest,
                now=now,
            )
        client = self.directory.find(interaction.client_id)
        if client is None or not client.is_active:
            raise Refused("client.unknown")
        return interaction, client

    def _client(self, parameters: Parameters) -> Client:
        client_id = parameters.one("client_id")
        if client_id is None:
            raise invalid_request("client_id is missing")
        client = self.directory.find(client_id)
        if client is None:
            raise ProtocolError("invalid_client", "the client is unknown")
        if not client.is_active:
            # RFC 6749 §4.1.2.1: it may not ask by this method, now
            raise ProtocolError(_STOPPED, "the client is out of service")
        return client

    def checked(
        self, params: Mapping[str, Any], repeated: frozenset[str], client: Client
    ) -> Checked:
        """Return a request ready for the table of checks."""
        return Checked(
            params=params,
            repeated=repeated,
            client=client,
            issuer=self.issuer,
            response_modes=RESPONSE_MODES,
            pkce_for_all=self.pkce_for_all,
            par_for_all=self.par_for_all,
            known_scopes=self.known_scopes,
            read_hint=lambda hint: verify_id_token(self.answers.encryption, hint),
        )

    def _go_on(
        self,
        request: AuthorizationRequest,
        client: Client,
        visitor: Visitor,
        done: Done,
        *,
        source: Source | None = None,
        interaction: Interaction | None = None,
        interaction_id: str = "",
    ) -> Outcome:
        now = self.clock.now()
        pushed = source.pushed if source is not None else None
        try:
            present = self._present(visitor, client, now)
            holder = self._holder(request, client, present) if present is not None else None
            consent = present.consent if present is not None else None
            decision = decide(request, client, holder, consent, done, now)
            if isinstance(decision, Issue | ShowConsent) and present is not None:
                self._check_may_try(client, present.account)
        except ProtocolError as error:
            if interaction is not None:
                return self._close(interaction, client, request.params, error, visitor.origin)
            if pushed is not None:
                with self.store.write(brief=True) as tx:
                    self._use_up(None, pushed, now, tx)
            return self._refuse(client, request.params, error, visitor.origin)
        if isinstance(decision, Issue) and present is not None:
            answer = self._issue(request, client, present, decision, now, interaction, pushed)
            self.traffic.signed_in(client, request.params, visitor.origin, now)
            return answer
        if interaction is None:
            interaction_id = self._wait(request, client, visitor, now, source)
        return ShowPage(decision, interaction_id)  # type: ignore[arg-type]  # Issue is answered above

    def _check_may_try(self, client: Client, account: Account) -> None:
        """Refuse everybody but its team a client that nobody reviewed (OIDC Core §3.1.2.6)."""
        if not (self.sandbox_for_teams and client.is_sandbox):
            return
        with self.store.read() as tx:
            member = tx.teams.membership_of_client(client.client_id, account.id)
        if member is None:
            raise access_denied("this client is for trying out: only its team may sign in to it")

    def _present(self, visitor: Visitor, client: Client, now: int) -> _Present | None:
        if visitor.session_digest is None:
            return None
        with self.store.read() as tx:
            found = tx.sessions.find_with_consent(visitor.session_digest, client.client_id)
        if found is None:
            return None
        session, account, consent = found
        if not session.is_alive(now, self.session_limits) or not account.is_usable:
            return None
        return _Present(session, account, consent)

    def _holder(self, request: AuthorizationRequest, client: Client, present: _Present) -> Holder:
        account, session = present.account, present.session
        reachable = session.aal
        if reachable < highest_level(request, client):
            # asked for where it matters alone: most requests are content with what there is
            with self.store.read() as tx:
                factors = tx.account_factors.of(account.id)
            reachable = max(reachable, reachable_level(account, factors))
        return Holder(session, account.ial, reachable, self._is_hinted(request, client, account))

    def _is_hinted(
        self, request: AuthorizationRequest, client: Client, account: Account
    ) -> bool | None:
        """Return whether the person is the one that was named (OIDC Core §3.1.2.2, §5.5.1)."""
        named: list[object] = []
        if request.id_token_hint is not None:
            claims = verify_id_token(self.answers.encryption, request.id_token_hint) or {}
            named.append(claims.get("sub"))
        asked = request.claims.id_token.get("sub")
        if asked is not None and asked.values:
            named += asked.values
        if not named:
            return None
        return subject_for(client, account.subject, self.vault.pairwise_key()) in named

    def _wait(
        self,
        request: AuthorizationRequest,
        client: Client,
        visitor: Visitor,
        now: int,
        source: Source | None,
    ) -> str:
        interaction_id = self.entropy.token()
        pushed = source.pushed if source is not None else None
        interaction = Interaction(
            digest=digest_of(interaction_id),
            client_id=client.client_id,
            flow_digest=visitor.flow_digest,
            params=request.params,
            created_at=now,
            expires_at=now + self.lifetimes.interaction,
            pushed_digest=pushed.digest if pushed is not None else None,
        )
        with self.store.write(brief=True, alone=True) as tx:
            tx.interactions.add(interaction)
        return interaction_id

    def _issue(
        self,
        request: AuthorizationRequest,
        client: Client,
        present: _Present,
        decision: Issue,
        now: int,
        interaction: Interaction | None,
        pushed: PushedRequest | None,
    ) -> Outcome:
        code = self.entropy.token()
        session = present.session
        offline = is_offline(decision.scopes)
        lifetimes = self.lifetimes.of(client)
        life = lifetimes.refresh_absolute if offline else ONLINE_GRANT_SECONDS
        grant = ClientGrant(
            id=self.entropy.uuid7(self.clock.now_ms()),
            client_id=client.client_id,
            account_id=present.account.id,
            session_sid=session.sid,
            scopes=decision.scopes,
            created_at=now,
            expires_at=now + life,
            resources=request.resources,
            claims=_claims_document(request),
            details=request.details,
            aal=level_to_tell(request, client, session.aal),
            amr=session.amr,
            auth_time=session.auth_time,
            is_offline=offline,
        )
        row = AuthorizationCode(
            digest=digest_of(code),
            expires_at=now + self.lifetimes.code,
            redirect_uri=request.redirect_uri,
            code_challenge=request.code_challenge,
            nonce=request.nonce,
            jkt=request.dpop_jkt,
        )
        is_due = now - session.seen_at >= SEEN_EVERY_SECONDS
        alone = interaction is None and pushed is None and not is_due
        with self.store.write(brief=True, alone=alone) as tx:
            self._use_up(interaction, pushed, now, tx)
            tx.grants.add(grant, row)
            if is_due:
                tx.sessions.touch(session.digest, now)
        return self._answer(client, request.params, {"code": code})

    @staticmethod
    def _use_up(
        interaction: Interaction | None, pushed: PushedRequest | None, now: int, tx: Transaction
    ) -> None:
        """Spend the waiting and the pushed request in the transaction that answers it."""
        if interaction is not None and not tx.interactions.answer(interaction.digest, now):
            raise Refused("interaction.answered")
        pushed_digest = pushed.digest if pushed is not None else None
        if interaction is not None:
            pushed_digest = interaction.pushed_digest
        if pushed_digest is not None and not tx.interactions.use_pushed(pushed_digest, now):
            raise Refused("interaction.answered")

    def _close(
        self,
        interaction: Interaction,
        client: Client,
        params: Mapping[str, Any],
        error: ProtocolError,
        origin: Origin,
    ) -> Outcome:
        with self.store.write(brief=True) as tx:
            self._use_up(interaction, None, self.clock.now(), tx)
        return self._refuse(client, params, error, origin)

    def _keep_posted(self, client: Client, source: Source) -> PostedRequest:
        request_uri = PUSHED_PREFIX + self.entropy.token()
        pushed = PushedRequest(
            digest=digest_of(request_uri),
            client_id=client.client_id,
            params=source.params,
            expires_at=self.clock.now() + self.lifetimes.pushed_request,
        )
        with self.store.write(brief=True, alone=True) as tx:
            tx.interactions.add_pushed(pushed)
        return PostedRequest(client.client_id, request_uri)

    def _refuse(
        self, client: Client, params: Mapping[str, Any], error: ProtocolError, origin: Origin
    ) -> Answer | ErrorPage:
        if not self._has_good_redirect(params, client):
            return self._error_page(client, params, error, origin)
        self.traffic.refused_sign_in(client, params, error, origin, self.clock.now())
        return self._answer(client, params, error_parameters(error))

    def _error_page(
        self, client: Client, params: Mapping[str, Any], error: ProtocolError, origin: Origin
    ) -> ErrorPage:
        self.traffic.refused_sign_in(client, params, error, origin, self.clock.now())
        return ErrorPage(error, client)

    def _answer(
        self, client: Client, params: Mapping[str, Any], fields: Mapping[str, str]
    ) -> Answer:
        return self.answers.write(client, params, fields, self.clock.now())

    @staticmethod
    def _has_good_redirect(params: Mapping[str, Any], client: Client) -> bool:
        uri = params.get("redirect_uri")
        return isinstance(uri, str) and is_registered(
            uri, client.redirect_uris, native=client.is_native
        )

    @staticmethod
    def _tell_nearest(params: Mapping[str, Any], client: Client) -> None:
        """Tell the portal's team, not a stranger, which registered URI was meant."""
        near = nearest(str(params.get("redirect_uri", "")), client.redirect_uris)
        if near is not None:
            logger.warning(
                "redirect_uri.unregistered",
                extra={"client_id": client.client_id, "nearest": near[0], "differs_at": near[1]},
            )


def _redirectable(parameters: Parameters) -> Mapping[str, Any]:
    """Return the plain parameters by which a refused source may still be answered.

    A pushed request that is unknown has none: what stands beside its handle counts for nothing.
    Neither does a redirect URI that came twice. A `state` that can't be told back as it came leaves
    no answer (RFC 6749 §4.1.2.1).
    """
    is_pushed = parameters.values.get("request_uri", "").startswith(PUSHED_PREFIX)
    if is_pushed or "redirect_uri" in parameters.repeated or "state" in parameters.faults:
        return {}
    return as_params(parameters)


def _claims_document(request: AuthorizationRequest) -> dict[str, Any]:
    """Return the claims parameter in the form in which it is kept with the grant."""
    if not request.claims.names:
        return {}
    sections = {"userinfo": request.claims.userinfo, "id_token": request.claims.id_token}
    return {
        section: {
            name: {"essential": wish.essential, "values": list(wish.values)}
            for name, wish in wishes.items()
        }
        for section, wishes in sections.items()
    }
