"""The store: one transaction, one repository per aggregate.

`Store.read()` sees what is committed; `Store.write()` commits on a clean exit and on a `Refused`
that is recorded, and rolls back on anything else. `StoreUnavailable` where the database is away.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from idp.domain.identity.account import Account, PasswordCredential
from idp.domain.identity.audit import AuditEvent, AuditRow, SignedHead
from idp.domain.identity.audit_search import AuditQuery, Place
from idp.domain.identity.case import Case, Decision, Note
from idp.domain.identity.consent import Consent
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.journey import Journey, ProofLink
from idp.domain.identity.lockout import FailureCount
from idp.domain.identity.messages import SmsState
from idp.domain.identity.nik import Nik
from idp.domain.identity.otp import Challenge
from idp.domain.identity.phone import Phone
from idp.domain.identity.registration import Registration
from idp.domain.identity.registry import RegistryOutcome
from idp.domain.identity.session import KnownDevice, LoginSession
from idp.domain.identity.support import Failure
from idp.domain.protocol.ciba import BackchannelRequest
from idp.domain.protocol.client import Client, ClientSecret, ClientVersion
from idp.domain.protocol.client_search import ClientSearch
from idp.domain.protocol.device import DeviceRequest, PendingStatus
from idp.domain.protocol.grant import (
    AuthorizationCode,
    ClientGrant,
    GrantHolder,
    RefreshFamily,
)
from idp.domain.protocol.interaction import Interaction, PushedRequest
from idp.domain.protocol.signing_key import SigningKey
from idp.ports.admins import Admins, AdminSessions, Approvals
from idp.ports.factors import KeptFactors
from idp.ports.figures import Figures
from idp.ports.legacy import (
    LegacyAccounts,
    LegacyConflicts,
    LegacyDormancy,
    LegacyIntake,
    LegacyLinks,
    LegacyRuns,
)
from idp.ports.partners import TeamPortals, Teams, Traffic


class StoreUnavailable(Exception):  # noqa: N818 - named for what happened
    """The database does not answer or can't write; nothing was done."""


class Accounts(Protocol):
    """Accounts and what finds them. Adding or updating may raise `Conflict`."""

    def find(self, account_id: UUID) -> Account | None: ...
    def find_by_subject(self, subject: str) -> Account | None: ...
    def find_by_nik(self, nik: Nik) -> Account | None: ...
    def find_by_phone(self, phone: Phone) -> Account | None: ...
    def find_by_email(self, email: EmailAddress) -> Account | None:
        """Return who proved the address, else its only carrier, else `None`."""

    def add(self, account: Account) -> None: ...
    def update(self, account: Account) -> Account:
        """Write every field if the version is still that one; return it with the next version."""

    def list_from(self, after: UUID | None, limit: int) -> Sequence[Account]:
        """Return accounts in the order of their ids, beginning after one."""

    def delete(self, account_id: UUID) -> None:
        """Erase the account and all that hangs on it; sandbox and test only."""


class PasswordHolders(Protocol):
    """Accounts with their passwords, in one statement; whom an identifier means as `Accounts`."""

    def find(self, account_id: UUID) -> tuple[Account, PasswordCredential | None] | None: ...
    def find_by_nik(self, nik: Nik) -> tuple[Account, PasswordCredential | None] | None: ...
    def find_by_phone(self, phone: Phone) -> tuple[Account, PasswordCredential | None] | None: ...
    def find_by_email(
        self, email: EmailAddress
    ) -> tuple[Account, PasswordCredential | None] | None: ...


class Credentials(Protocol):
    """Passwords."""

    def find(self, account_id: UUID) -> PasswordCredential | None: ...
    def put(self, credential: PasswordCredential) -> None: ...
    def replace_hash(self, account_id: UUID, *, old: str, new: str) -> None:
        """Change the hash only if it is still `old`: a re-hash must not undo a change."""

    def disable(self, account_id: UUID, now: int) -> None: ...
    def settle_recovery(self, account_id: UUID) -> None:
        """Forget which contact recovered the password: another one has answered since."""


class Sessions(Protocol):
    """Login sessions."""

    def find(self, digest: bytes) -> LoginSession | None: ...
    def find_with_account(self, digest: bytes) -> tuple[LoginSession, Account] | None: ...
    def find_with_consent(
        self, digest: bytes, client_id: str
    ) -> tuple[LoginSession, Account, Consent | None] | None:
        """Return all that an authorization decision needs: one statement."""

    def add(self, session: LoginSession) -> None: ...
    def renew(self, session: LoginSession) -> None:
        """Write cookie, level and times of the session with this `sid`."""

    def touch(self, digest: bytes, now: int) -> None: ...
    def end(self, sid: str, now: int) -> bool: ...
    def list_alive(self, account_id: UUID, now: int) -> Sequence[LoginSession]: ...
    def list_unended(self, account_id: UUID) -> Sequence[LoginSession]:
        """Return also those that merely ran out: their portals may still be signed in."""


class Devices(Protocol):
    """Browsers that passed a second step."""

    def find(self, account_id: UUID, digest: bytes) -> KnownDevice | None: ...
    def put(self, device: KnownDevice) -> None: ...
    def rename(self, old: bytes, new: bytes) -> None:
        """Know one browser by another cookie, for every account."""

    def forget(self, account_id: UUID) -> None: ...


class Registrations(Protocol):
    """Unfinished registrations, one for a browser."""

    def find(self, flow_digest: bytes) -> Registration | None: ...
    def put(self, registration: Registration) -> None:
        """Write it, replacing the browser's earlier one."""

    def finish(self, registration_id: UUID, account_id: UUID) -> bool:
        """Mark it done and drop what was typed; `False` if another was first."""


class Challenges(Protocol):
    """One-time codes, one for a row that asked."""

    def find(self, subject: bytes) -> Challenge | None: ...
    def put(self, challenge: Challenge) -> None: ...
    def count_attempt(self, subject: bytes) -> Challenge | None:
        """Add one try in a single statement and return the challenge as it now stands."""

    def consume(self, challenge_id: UUID, now: int) -> bool:
        """Spend it; `False` if another was first."""


class Journeys(Protocol):
    """Sign-ins, recoveries and confirmations under way, and links sent by e-mail."""

    def find(self, digest: bytes) -> Journey | None: ...
    def put(self, journey: Journey) -> None: ...
    def finish(self, digest: bytes, now: int) -> bool: ...
    def add_link(self, link: ProofLink) -> None: ...
    def find_link(self, digest: bytes) -> ProofLink | None: ...
    def use_link(self, digest: bytes, now: int) -> bool: ...


class Clients(Protocol):
    """Client registrations."""

    def find(self, client_id: str) -> Client | None: ...
    def list_all(self) -> Sequence[Client]: ...
    def list_with_keys(self) -> Sequence[Client]:
        """Return the active clients that have keys of their own, without secrets."""

    def revision(self) -> object:
        """Return a value that changes with any client: cheap to ask for, unlike the list."""

    def find_row(self, row: UUID) -> Client | None:
        """Return the client with this `id`, which stands in our own addresses."""

    def add(self, client: Client, *, author: str, reference: str = "") -> None: ...
    def update(
        self, client: Client, *, author: str, reason: str = "", reference: str = ""
    ) -> Client:
        """Write it if the version is still that one; `Conflict("version")` otherwise.

        `reference`: of the request by which the change came.
        """

    def search(self, wanted: ClientSearch) -> Sequence[Client]:
        """Return the clients of one page, without their secrets, and one more if there is."""

    def count(self, wanted: ClientSearch) -> int:
        """Return how many clients there are on all pages of a search."""

    def count_citizens(self, client_id: str, *, now: int) -> int:
        """Return how many people have allowed it something that still holds."""

    def find_version(self, client_id: str, number: int) -> ClientVersion | None: ...
    def list_versions(
        self, client_id: str, *, before: int | None, limit: int
    ) -> Sequence[ClientVersion]:
        """Return what it was, newest first; `before`: a number that they are under."""

    def find_logo(self, row: UUID, digest: str) -> bytes | None:
        """Return the logo of the client with this `id`, if it is still that one."""

    def keep_logo(self, row: UUID, digest: str, body: bytes, *, now: int) -> None:
        """Keep a logo under its name, for every version that has it; deleting a client ends all."""

    def add_secret(self, client_id: str, secret: ClientSecret) -> None: ...
    def drop_secret(self, client_id: str, secret_id: UUID) -> None: ...
    def drop_secrets(self, client_id: str) -> None: ...
    def delete(
        self, client_id: str, now: int, *, author: str, reason: str = "", reference: str = ""
    ) -> None: ...


class Grants(Protocol):
    """What citizens allowed, codes and refresh token families included."""

    def add(self, grant: ClientGrant, code: AuthorizationCode | None) -> None: ...
    def find(self, grant_id: UUID) -> tuple[ClientGrant, GrantHolder] | None: ...
    def find_with_account(self, grant_id: UUID) -> tuple[ClientGrant, GrantHolder, Account] | None:
        """Return the same with the person, for userinfo: one statement."""

    def find_code(
        self, digest: bytes
    ) -> tuple[AuthorizationCode, ClientGrant, GrantHolder] | None: ...
    def redeem_code(self, digest: bytes, now: int) -> bool:
        """Spend the code in one statement; `False` if another was first."""

    def revoke(self, grant_id: UUID, now: int, *, reason: str) -> bool: ...
    def revoke_for_client(
        self, account_id: UUID, client_id: str, now: int, *, reason: str
    ) -> None: ...
    def revoke_for_account(
        self, account_id: UUID, now: int, *, reason: str, except_sid: str | None = None
    ) -> None:
        """End all that an account gave, but what lives and dies with one session."""

    def revoke_for_session(self, sid: str, now: int, *, reason: str) -> None:
        """End what the session carries; offline grants outlive it."""

    def clients_of_session(self, sid: str) -> Sequence[str]: ...
    def last_used(self, account_id: UUID) -> Mapping[str, int]:
        """Return when each client last got a grant."""

    def access_of(self, account_id: UUID, now: int) -> Mapping[str, frozenset[str]]:
        """Return the scopes of each client's grants that still work."""


class RefreshFamilies(Protocol):
    """Refresh token families."""

    def add(self, family: RefreshFamily) -> None: ...
    def find(self, family_id: UUID) -> tuple[RefreshFamily, ClientGrant, GrantHolder] | None: ...
    def rotate(self, family_id: UUID, *, generation: int, now: int, idle_until: int) -> bool:
        """Move to the next generation if it is still that one."""


class OpaqueTokens(Protocol):
    """Access tokens that say nothing by themselves: their claims are here."""

    def add(
        self,
        digest: bytes,
        claims: Mapping[str, object],
        *,
        grant_id: UUID | None,
        expires_at: int,
    ) -> None: ...
    def find(self, digest: bytes) -> Mapping[str, object] | None: ...


class RevokedTokens(Protocol):
    """Access tokens that were ended before their time."""

    def add(self, digest: bytes, expires_at: int) -> None: ...
    def contains(self, digest: bytes) -> bool: ...


class Interactions(Protocol):
    """Waiting and pushed authorization requests."""

    def add(self, interaction: Interaction) -> None: ...
    def find(self, digest: bytes) -> Interaction | None: ...
    def update_done(self, interaction: Interaction) -> None: ...
    def add_done(self, digest: bytes, flow_digest: bytes, **steps: object) -> None:
        """Note further steps, named as those of `Done`; nothing where the browser is another."""

    def answer(self, digest: bytes, now: int) -> bool:
        """Mark it answered; `False` if another was first."""

    def add_pushed(self, pushed: PushedRequest) -> None: ...
    def find_pushed(self, digest: bytes) -> PushedRequest | None: ...
    def use_pushed(self, digest: bytes, now: int) -> bool: ...


class DeviceRequests(Protocol):
    """Devices that wait (RFC 8628)."""

    def add(self, request: DeviceRequest) -> None: ...
    def find_by_user_code(self, digest: bytes) -> DeviceRequest | None: ...
    def poll(self, digest: bytes, now: int) -> DeviceRequest | None:
        """Note the poll and return the request as it was before it: `polled_at` of the last one."""

    def slow_down(self, digest: bytes, seconds: int) -> None:
        """Lengthen the interval between polls."""

    def answer(self, digest: bytes, status: PendingStatus, grant_id: UUID | None) -> bool:
        """Write the person's answer to a pending request; `False` if it is not pending."""

    def redeem(self, digest: bytes) -> bool:
        """Spend what was allowed; `False` if another was first."""


class BackchannelRequests(Protocol):
    """Requests that wait for a person elsewhere (CIBA)."""

    def add(self, request: BackchannelRequest) -> None: ...
    def find(self, digest: bytes) -> BackchannelRequest | None: ...
    def find_by_page(self, digest: bytes) -> BackchannelRequest | None: ...
    def list_waiting(self, account_id: UUID, now: int) -> Sequence[BackchannelRequest]: ...
    def poll(self, digest: bytes, now: int) -> BackchannelRequest | None:
        """Note the poll and return the request as it was before it."""

    def slow_down(self, digest: bytes, seconds: int) -> None: ...
    def answer(self, digest: bytes, status: PendingStatus, grant_id: UUID | None) -> bool: ...
    def redeem(self, digest: bytes) -> bool: ...


class InitialAccessTokens(Protocol):
    """Tokens that let a stranger register one client (RFC 7591 §3)."""

    def add(self, digest: bytes, *, note: str, now: int, expires_at: int) -> None: ...
    def is_good(self, digest: bytes, now: int) -> bool:
        """Return whether it could be spent now."""

    def use(self, digest: bytes, now: int) -> bool:
        """Spend one; `False` if it is unknown, expired or spent."""


@dataclass(frozen=True, slots=True)
class LogoutNotice:
    """A client that is told of the end of a session. `state`: `waiting`, `confirmed`, `failed`."""

    id: UUID
    session_sid: str
    client_id: str
    state: str
    created_at: int
    changed_at: int


class LogoutNotices(Protocol):
    """Who was told that a session ended."""

    def add(self, notice: LogoutNotice) -> None: ...
    def set_state(self, notice_id: UUID, state: str, now: int) -> None: ...
    def list_for_session(self, sid: str) -> Sequence[LogoutNotice]: ...


class Consents(Protocol):
    """Standing permissions."""

    def find(self, account_id: UUID, client_id: str) -> Consent | None: ...
    def put(self, consent: Consent) -> None: ...
    def withdraw(self, account_id: UUID, client_id: str, now: int) -> bool: ...
    def list_given(self, account_id: UUID) -> Sequence[Consent]: ...


class SigningKeys(Protocol):
    """Our key pairs."""

    def hold(self) -> None:
        """Let nobody else change them until the transaction ends."""

    def list_all(self) -> Sequence[SigningKey]: ...
    def add(self, key: SigningKey) -> None: ...
    def update(self, key: SigningKey) -> None: ...


class Audit(Protocol):
    """Append-only events."""

    def record(self, event: AuditEvent) -> None:
        """Append an event; raises `EventError` where the catalogue describes it otherwise."""

    def list_visible(
        self, account_id: UUID, *, before: tuple[int, UUID] | None = None, limit: int = 25
    ) -> Sequence[AuditEvent]:
        """Return what the citizen sees, newest first; `before`: instant and id of the last one."""

    def list_all_of(
        self, account_id: UUID, *, before: tuple[int, UUID] | None = None, limit: int = 25
    ) -> Sequence[AuditEvent]:
        """Return all that happened to an account, newest first, as `list_visible` for citizens."""

    def list_of_account(
        self, account_id: UUID, *, begin: int, end: int, limit: int
    ) -> Sequence[AuditEvent]:
        """Return what happened to an account between two instants, the newest first."""

    def list_of_request(self, request_id: str, *, begin: int, end: int) -> Sequence[AuditEvent]:
        """Return what one HTTP request wrote; it came between the two instants."""

    def find(self, event_id: UUID) -> AuditRow | None: ...
    def search(
        self, query: AuditQuery, *, before: Place | None = None, limit: int
    ) -> Sequence[AuditRow]:
        """Return what fits, the newest first; `before`: the last row that was seen."""

    def list_unsealed(self, limit: int) -> Sequence[AuditRow]:
        """Return the oldest rows that have no number yet."""

    def hold_chain(self) -> None:
        """Keep other sealers waiting until the transaction ends."""

    def last_sealed(self) -> tuple[int, bytes] | None:
        """Return number and chain value of the newest sealed row."""

    def chain_at(self, sequence: int) -> bytes | None:
        """Return the chain value of a sealed row."""

    def seal(self, rows: Sequence[tuple[UUID, int, bytes]]) -> None:
        """Give rows their number and chain value: the one change that a row ever sees."""

    def walk(self, after: int = 0) -> Iterator[AuditRow]:
        """Yield the sealed rows behind a number, in order; `ValueError` at an unreadable one."""

    def add_head(self, head: SignedHead) -> None: ...
    def last_head(self) -> SignedHead | None: ...
    def list_heads(self, after: int = 0) -> Sequence[SignedHead]:
        """Return the signed heads of rows beyond `after`, the oldest first."""


class Leases(Protocol):
    """Who does a job that only one process may do."""

    def take(self, name: str, holder: str, *, now: int, seconds: int) -> bool:
        """Take or keep a lease; `False` while another holds it."""

    def note_done(self, name: str, now: int) -> None: ...
    def last_done(self, name: str) -> int: ...


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """Something to deliver at least once. `id` is the receiver's idempotency key.

    `may_wait`: for the sender's next look, within a second, where it goes with others. Not kept.
    """

    id: UUID
    kind: str
    payload: Mapping[str, object] = field(repr=False)
    created_at: int
    due_at: int
    expires_at: int
    attempts: int = 0
    may_wait: bool = False


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """A message that waits, without what it says and to whom. `last_error`: a stable word.

    `leased_until`: a try is under way until then at most, or was.
    """

    id: UUID
    kind: str
    attempts: int
    created_at: int
    due_at: int
    expires_at: int
    last_error: str | None
    leased_until: int | None = None


class Outbox(Protocol):
    """Messages written with the change that causes them."""

    def add(self, message: OutboxMessage) -> None: ...
    def claim(
        self, *, kinds: Collection[str], worker: str, now: int, lease_seconds: int, limit: int
    ) -> Sequence[OutboxMessage]:
        """Lease what is due; nobody else gets it until the lease is over."""

    def is_any_due(self, now: int) -> bool:
        """Return whether a claim would find anything: a read, so that waiting costs no write."""

    def due_among(self, kinds: Sequence[str], now: int) -> frozenset[str]:
        """Return those of the kinds of which a claim would find anything."""

    def finish(self, message_id: UUID, now: int, *, error: str | None = None) -> None: ...
    def retry(self, message_id: UUID, due_at: int, *, error: str) -> None: ...
    def hasten(self, message_id: UUID, now: int) -> QueuedMessage | None:
        """Make a waiting message due now and return it as it was.

        `None` where none such waits, where it is worthless already, or while it is being tried.
        """

    def oldest_due(self, now: int) -> int | None:
        """Return the age in seconds of the oldest message that is due."""

    def list_waiting(self, limit: int) -> Sequence[QueuedMessage]:
        """Return those that are not settled, the first due first."""

    def count_waiting(self) -> Mapping[str, int]:
        """Return how many of each kind are not settled."""


@dataclass(frozen=True, slots=True)
class SmsRecord:
    """What became of one message; nothing of its text or receiver but the operator prefix."""

    id: UUID
    purpose: str
    state: SmsState
    prefix: str
    created_at: int
    changed_at: int
    gateway: str | None = None
    provider_id: str | None = None
    reason: str | None = None


class SmsRecords(Protocol):
    """Delivery states."""

    def put(self, record: SmsRecord) -> None: ...
    def find(self, message_id: UUID) -> SmsRecord | None: ...
    def find_by_provider(self, gateway: str, provider_id: str) -> SmsRecord | None: ...
    def count_since(self, since: int) -> Sequence[tuple[str | None, SmsState, int]]:
        """Return how many messages asked for since then stand how, by gateway."""


class RegistryChecks(Protocol):
    """What was asked of the registry, for the duty to report back (Data Balikan)."""

    def add(
        self,
        check_id: UUID,
        nik: Nik,
        *,
        method: str,
        outcome: RegistryOutcome,
        threshold: int,
        now: int,
    ) -> None: ...
    def assign(self, nik: Nik, account_id: UUID) -> None: ...


class Cases(Protocol):
    """Cases about whose an account is."""

    def add(self, case: Case) -> bool:
        """Keep it; `False` if one of its kind is open for the account already."""

    def find(self, case_id: UUID) -> Case | None: ...
    def list_open(self, limit: int) -> Sequence[Case]:
        """Return the cases that wait, the oldest first."""

    def list_for_account(self, account_id: UUID, limit: int) -> Sequence[Case]:
        """Return an account's cases, the newest first."""

    def decide(
        self, case_id: UUID, decision: Decision, reason: str, *, by: UUID | None, now: int
    ) -> bool:
        """Decide an open case; `False` if another was first. `by`: `None` for the citizen."""

    def add_note(self, case_id: UUID, note: Note) -> None: ...
    def list_notes(self, case_id: UUID) -> Sequence[Note]:
        """Return its evidence, the oldest first."""


class Failures(Protocol):
    """What failed, by its support code."""

    def add_all(self, failures: Sequence[Failure]) -> None: ...
    def find(self, code: str) -> Sequence[Failure]:
        """Return what has this code: one, or by chance several; the oldest first."""

    def list_trail(self, trail: bytes, *, begin: int, end: int, limit: int) -> Sequence[Failure]:
        """Return what failed in one browser between two instants, the oldest first."""


class Submissions(Protocol):
    """Forms that were sent, so that a double click has one effect and the same answer."""

    def begin(self, digest: bytes, *, now: int, expires_at: int) -> bool:
        """Claim a submission; `False` if it was sent before."""

    def finish(self, digest: bytes, answer: bytes, *, expires_at: int) -> None: ...
    def find(self, digest: bytes) -> tuple[bool, bytes | None]:
        """Return whether it was claimed, and its answer once there is one."""

    def release(self, digest: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Window:
    """Hits of one key in its running window."""

    count: int
    expires_at: int


class Limits(Protocol):
    """Durable counters, changed in the transaction of what they limit."""

    def hit(self, key: bytes, *, window_seconds: int, now: int) -> Window: ...
    def hit_beside(
        self, key: bytes, beside: bytes, *, window_seconds: int, now: int
    ) -> tuple[Window, Window]:
        """Count once, and return what another key holds too."""

    def peek(self, key: bytes, now: int) -> Window: ...
    def refund(self, key: bytes) -> None: ...
    def hold_failures(self, *keys: bytes, now: int) -> Mapping[bytes, FailureCount]:
        """Return the failures under each key that still count, and hold them for us alone.

        Keys in ascending order: who holds several at once never waits for one who waits for it.
        """

    def count_failures(
        self, until: Mapping[bytes, int], *, now: int
    ) -> Mapping[bytes, tuple[FailureCount, int]]:
        """Count a failure under each key, and hold them for us alone.

        Returns what each held before, and until when. Where that was nothing, the count is whole:
        it stands until the instant given. Elsewhere `put_failures` has to follow for every key.
        """

    def put_failures(self, counts: Mapping[bytes, tuple[FailureCount, int]]) -> None:
        """Keep the failures under each key until an instant."""

    def clear_failures(self, *keys: bytes) -> None: ...


class Replays(Protocol):
    """One-time identifiers."""

    def add_once(self, digest: bytes, *, expires_at: int, now: int) -> bool:
        """Return whether this is the first time; a single statement decides."""


class UpstreamLinks(Protocol):
    """Who came in by another OpenID provider."""

    def find(self, digest: bytes) -> UUID | None:
        """Return the account behind an issuer and a subject there."""

    def add(self, digest: bytes, account_id: UUID, now: int) -> bool:
        """Keep a link; `False` where there was one."""


class Transaction(Protocol):
    """All repositories over one connection."""

    def begin(self) -> None:
        """Hold together what is changed from here on, in a block that was opened `alone`."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def password_holders(self) -> PasswordHolders: ...
    @property
    def credentials(self) -> Credentials: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def devices(self) -> Devices: ...
    @property
    def registrations(self) -> Registrations: ...
    @property
    def challenges(self) -> Challenges: ...
    @property
    def journeys(self) -> Journeys: ...
    @property
    def clients(self) -> Clients: ...
    @property
    def grants(self) -> Grants: ...
    @property
    def refresh_families(self) -> RefreshFamilies: ...
    @property
    def opaque_tokens(self) -> OpaqueTokens: ...
    @property
    def revoked_tokens(self) -> RevokedTokens: ...
    @property
    def interactions(self) -> Interactions: ...
    @property
    def device_requests(self) -> DeviceRequests: ...
    @property
    def backchannel_requests(self) -> BackchannelRequests: ...
    @property
    def initial_access_tokens(self) -> InitialAccessTokens: ...
    @property
    def logout_notices(self) -> LogoutNotices: ...
    @property
    def consents(self) -> Consents: ...
    @property
    def signing_keys(self) -> SigningKeys: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def leases(self) -> Leases: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def sms_records(self) -> SmsRecords: ...
    @property
    def registry_checks(self) -> RegistryChecks: ...
    @property
    def failures(self) -> Failures: ...
    @property
    def cases(self) -> Cases: ...
    @property
    def submissions(self) -> Submissions: ...
    @property
    def legacy_accounts(self) -> LegacyAccounts: ...
    @property
    def legacy_intake(self) -> LegacyIntake: ...
    @property
    def legacy_dormancy(self) -> LegacyDormancy: ...
    @property
    def legacy_links(self) -> LegacyLinks: ...
    @property
    def legacy_conflicts(self) -> LegacyConflicts: ...
    @property
    def legacy_runs(self) -> LegacyRuns: ...
    @property
    def upstream_links(self) -> UpstreamLinks: ...
    @property
    def admins(self) -> Admins: ...
    @property
    def admin_factors(self) -> KeptFactors: ...
    @property
    def account_factors(self) -> KeptFactors: ...
    @property
    def admin_sessions(self) -> AdminSessions: ...
    @property
    def approvals(self) -> Approvals: ...
    @property
    def teams(self) -> Teams: ...
    @property
    def team_portals(self) -> TeamPortals: ...
    @property
    def traffic(self) -> Traffic: ...
    @property
    def figures(self) -> Figures: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def replays(self) -> Replays: ...


class Store(Protocol):
    """Opens transactions.

    `brief`: what is written matters for minutes and can be had again, such as an authorization code
    or a limit: a power failure may take the last of it, the end of a process never.
    `alone`: the block makes at most one change, by one statement that decides by itself, as the
    last thing that may fail. It takes effect at once: whoever changes more calls `begin` before.
    """

    def read(self) -> AbstractContextManager[Transaction]: ...
    def write(
        self, *, brief: bool = False, alone: bool = False
    ) -> AbstractContextManager[Transaction]: ...
