"""Signing out of one browser: what a portal asked for, the end itself, and who was told."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from idp.domain.errors import Refused
from idp.domain.identity.journey import Journey, JourneyKind, check_journey
from idp.domain.identity.session import LoginSession
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from idp.domain.protocol.client import Client
from idp.domain.protocol.logout import OWN_WISH, REQUEST_SECONDS, LogoutRequest
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.store import Store
from idp.services.sessions import SessionService

#: How long the page after sign-out tells what became of it.
TOLD_SECONDS = 900
#: The state of a portal that did not register where to be told.
UNTOLD = "untold"


@dataclass(frozen=True, slots=True)
class PortalTold:
    """A portal of the session that ended. `state`: `waiting`, `confirmed`, `failed`, `untold`."""

    client: Client
    state: str


@dataclass(frozen=True, slots=True)
class SignOutService:
    """Ends this browser's session and remembers for a while whom that concerned."""

    store: Store
    clock: Clock
    entropy: Entropy
    sessions: SessionService

    def keep(self, wanted: LogoutRequest) -> str:
        """Keep a portal's request and return the id by which its page finds it.

        It belongs to no browser yet: a form of another site brings no cookies. Only its result is
        kept, never the hint itself.
        """
        request_id = self.entropy.token()
        digest = digest_of(request_id)
        journey = Journey(
            digest=digest,
            kind=JourneyKind.LOGOUT,
            flow_digest=digest,
            account_id=None,
            expires_at=self.clock.now() + REQUEST_SECONDS,
            state={name: value for name, value in asdict(wanted).items() if value is not None},
        )
        with self.store.write() as tx:
            tx.journeys.put(journey)
        return request_id

    def kept(self, request_id: str) -> LogoutRequest:
        """Return a kept request; one that is unknown or over counts as the person's own wish."""
        digest = digest_of(request_id)
        with self.store.read() as tx:
            found = tx.journeys.find(digest)
        try:
            journey = check_journey(
                found, JourneyKind.LOGOUT, flow_digest=digest, now=self.clock.now()
            )
        except Refused:
            return OWN_WISH
        return LogoutRequest(**{name: str(value) for name, value in journey.state.items()})

    def end(self, session: LoginSession, visitor: Visitor) -> str:
        """End this browser's session; return the id of the page that tells what became of it."""
        now = self.clock.now()
        page_id = self.entropy.token()
        journey = Journey(
            digest=digest_of(page_id),
            kind=JourneyKind.SIGNED_OUT,
            flow_digest=visitor.flow_digest,
            account_id=None,
            expires_at=now + TOLD_SECONDS,
            state={"sid": session.sid},
        )
        with self.store.write() as tx:
            # a second tab may have been first: what was asked for is done
            self.sessions.end_in(session, reason="signed_out", now=now, tx=tx, visitor=visitor)
            tx.journeys.put(journey)
        return page_id

    def told(self, page_id: str, visitor: Visitor) -> Sequence[PortalTold]:
        """Return the portals of the session that this browser ended; none for any other browser."""
        with self.store.read() as tx:
            try:
                journey = check_journey(
                    tx.journeys.find(digest_of(page_id)),
                    JourneyKind.SIGNED_OUT,
                    flow_digest=visitor.flow_digest,
                    now=self.clock.now(),
                )
            except Refused:
                return ()
            sid = str(journey.state["sid"])
            states = {n.client_id: n.state for n in tx.logout_notices.list_for_session(sid)}
            clients = [tx.clients.find(name) for name in tx.grants.clients_of_session(sid)]
        return tuple(
            PortalTold(client, states.get(client.client_id, UNTOLD))
            for client in clients
            if client is not None
        )
