"""An old account comes home: its password proved, its person proofed, then linked for good.

What is proved is kept in a journey of this browser. Nothing is opened or linked here before the
registry has confirmed the person, or the person has signed in to the account that has the NIK.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from hmac import digest as hmac_digest
from typing import Final
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.audit import Action, Actor, AuditEvent
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.journey import JOURNEY_SECONDS, Journey, JourneyKind, check_journey
from idp.domain.identity.legacy import LegacyAccount, LegacyLink, LegacyState, Way
from idp.domain.identity.nik import Nik
from idp.domain.identity.password import personal_words
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of, encode_base64url
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.ephemeral import Bucket, RateLimits
from idp.ports.errors import GatewayUnavailable
from idp.ports.legacy import LegacyPasswords, LegacyVerifier, PortalAnswer
from idp.ports.store import Store, Transaction
from idp.ports.vault import Place, Vault
from idp.services.identifiers import Identifier, index_of
from idp.services.messages import LetterKind, MessageService
from idp.services.passwords import PasswordService

#: How many old accounts one password is tried on; whoever has more names their NIK.
COMPARED: Final = 3
#: How many wrong NIK may be tried for an old account that was proved.
NIK_TRIES: Final = 5
#: More than this no failed sign-in is made to wait because an old hash is slow.
SLOWEST_SECONDS: Final = 3.0
#: How often a network address may have portals asked, in how many seconds.
CALLBACKS_OF_NETWORK: Final = (20, 900)


@dataclass(frozen=True, slots=True)
class LegacyProven:
    """An old password was right; this browser's journey goes on with the person."""

    journey_id: str


@dataclass(frozen=True, slots=True)
class Proved:
    """An old account whose password this browser proved. `password_hash`: where it may stay."""

    journey: Journey
    legacy: LegacyAccount
    password_hash: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whose password it was, if anybody's. `causes`: why a portal did not say so, by row.

    `late`: portals that have not answered yet.
    """

    legacy: LegacyAccount | None
    causes: Mapping[UUID, str] = field(default_factory=dict)
    late: Sequence[tuple[LegacyAccount, PortalAnswer]] = ()


@dataclass(slots=True)
class Slowest:
    """The longest that comparing with old hashes took in this process, seconds of CPU."""

    seconds: float = 0.0

    def note(self, seconds: float) -> None:
        """Keep it if nothing took longer, up to `SLOWEST_SECONDS`."""
        self.seconds = max(self.seconds, min(seconds, SLOWEST_SECONDS))


@dataclass(frozen=True, slots=True)
class LegacyUpgradeService:
    """Finds old accounts, proves them, links them.

    `slowest`: a failure that answers sooner would tell that there is no such old account.
    """

    store: Store
    clock: Clock
    entropy: Entropy
    vault: Vault
    hashes: LegacyPasswords
    passwords: PasswordService
    messages: MessageService
    verifier: LegacyVerifier
    rate_limits: RateLimits
    slowest: Slowest = field(default_factory=Slowest)

    @property
    def asks_portals(self) -> bool:
        """Whether a page has to reckon with answers that come late."""
        return self.verifier.is_there

    def find(
        self, identifier: Identifier | None, tx: Transaction, *, typed: str = ""
    ) -> Sequence[LegacyAccount]:
        """Return the old accounts whose password may be tried for what was typed.

        `typed`: as it came, since it may be a user name of any portal, whatever it looks like.
        """
        rows: Sequence[LegacyAccount] = ()
        match identifier:
            case EmailAddress() as email:
                rows = tx.legacy_accounts.find_by_email(email)
            case Nik() as nik:
                rows = tx.legacy_accounts.find_by_nik(nik)
            case None:
                pass
            case phone:
                rows = tx.legacy_accounts.find_by_phone(phone)
        if typed:
            known = {row.id for row in rows}
            named = tx.legacy_accounts.find_by_any_login(typed.strip())
            rows = (*rows, *(row for row in named if row.id not in known))
        return [row for row in rows if self.may_be_proved(row)][:COMPARED]

    def may_be_proved(self, legacy: LegacyAccount) -> bool:
        """Whether a password may be tried: by its hash, or by asking the portal that has it."""
        return legacy.may_sign_in or self._is_asked(legacy)

    def ways(self, legacy: LegacyAccount, account: Account) -> tuple[Way, ...]:
        """Return how an account may link an old one, the portal's own answer among them."""
        found = legacy.ways(account.nik)
        return (Way.PASSWORD, *found) if found and self._is_asked(legacy) else found

    def _is_asked(self, legacy: LegacyAccount) -> bool:
        return (
            legacy.is_open
            and legacy.record.hash is None
            and self.verifier.serves(legacy.record.source)
        )

    def find_both(self, email: EmailAddress, nik: Nik, tx: Transaction) -> Sequence[LegacyAccount]:
        """Return those that have the address, and the NIK unless they have none."""
        rows = [row for row in self.find(email, tx) if row.record.nik in {None, nik}]
        known = {row.id for row in rows}
        for row in self.find(nik, tx):
            addresses = {found.address.normalised for found in row.record.emails}
            if row.id not in known and email.normalised in addresses:
                rows.append(row)
        return rows[:COMPARED]

    def index_behind(self, rows: Sequence[LegacyAccount]) -> bytes | None:
        """Return what tries are counted under, whichever identifier was typed."""
        if not rows:
            return None
        nik = rows[0].record.nik
        return index_of(nik, self.vault) if nik is not None else rows[0].id.bytes

    def compare(
        self,
        rows: Sequence[LegacyAccount],
        password: str,
        visitor: Visitor,
        *,
        until: float | None = None,
    ) -> Comparison:
        """Return the first whose password it is; outside any transaction, may raise `Busy`.

        Portals are asked last, all at once, and not for an address that had them asked too often.
        `until`: how long they are waited for (monotonic); as long as they may take without it.
        """
        spent = 0.0
        for row in rows:
            if row.record.hash is not None:
                fits, seconds = self.hashes.compare(password, row.record.hash)
                spent += seconds
                if fits:
                    return Comparison(row)
        self.slowest.note(spent)
        asked: list[tuple[LegacyAccount, PortalAnswer]] = []
        causes: dict[UUID, str] = {}
        for row in rows:
            if row.record.hash is not None:
                continue
            answer = self._ask_portal(row, password, visitor)
            if isinstance(answer, str):
                causes[row.id] = answer
            else:
                asked.append((row, answer))
        return self._heard(asked, causes, until)

    def _heard(
        self,
        asked: Sequence[tuple[LegacyAccount, PortalAnswer]],
        causes: dict[UUID, str],
        until: float | None,
    ) -> Comparison:
        """Wait for what was asked; the first yes decides."""
        if until is None:
            until = self.clock.monotonic() + self.verifier.seconds
        late = []
        for row, answer in asked:
            try:
                is_right = answer.wait(until - self.clock.monotonic())
            except GatewayUnavailable:
                causes[row.id] = "portal.unavailable"
                continue
            if is_right:
                return Comparison(row)
            if is_right is None:
                late.append((row, answer))
            causes[row.id] = "portal.late" if is_right is None else "password.wrong"
        return Comparison(None, causes, late)

    def _ask_portal(
        self, row: LegacyAccount, password: str, visitor: Visitor
    ) -> PortalAnswer | str:
        """Ask the portal of a row; return why it can't be asked as a stable word."""
        asked = Bucket("legacy.callback", visitor.address, *CALLBACKS_OF_NETWORK)
        if self.rate_limits.hit(asked)[0].is_over:
            return "portal.limit"
        record = row.record
        try:
            return self.verifier.ask(record.source, record.source_id, password)
        except GatewayUnavailable:
            return "portal.unavailable"

    def hash_if_good(self, legacy: LegacyAccount, password: str) -> str | None:
        """Return the password's hash if it may stay, `None` where a better one is needed."""
        record = legacy.record
        phone = record.phones[0].number if record.phones else None
        email = record.emails[0].address if record.emails else None
        words = personal_words(record.name or "", nik=record.nik, phone=phone, email=email)
        try:
            self.passwords.check(password, words)
        except Refused:
            return None
        return self.passwords.hash(password)

    def begin(
        self,
        legacy_id: UUID,
        password_hash: str | None,
        visitor: Visitor,
        *,
        is_late: bool = False,
        tx: Transaction,
    ) -> LegacyProven | None:
        """Keep that it was proved; `None` where the row was claimed or closed meanwhile.

        `is_late`: the browser was told no before its portal said yes, and finds it by `late`.
        """
        legacy = tx.legacy_accounts.find(legacy_id)
        if legacy is None or not self.may_be_proved(legacy):
            return None
        journey_id = self._late_id(visitor) if is_late else self.entropy.token()
        digest = digest_of(journey_id)
        state: dict[str, object] = {"legacy": legacy_id.hex}
        if password_hash is not None:
            sealed = self.vault.seal(password_hash.encode(), _password_at(digest))
            state["password"] = b64encode(sealed).decode()
        now = self.clock.now()
        tx.journeys.put(
            Journey(
                digest=digest,
                kind=JourneyKind.LEGACY,
                flow_digest=visitor.flow_digest,
                account_id=None,
                expires_at=now + JOURNEY_SECONDS,
                state=state,
            )
        )
        tx.audit.record(
            AuditEvent(
                Action.LEGACY_PROVED,
                now,
                origin=visitor.origin,
                details={"source": legacy.record.source, "scheme": _scheme_of(legacy)},
            )
        )
        return LegacyProven(journey_id)

    def late(self, visitor: Visitor) -> LegacyProven | None:
        """Return what a portal said of this browser's password after the page had answered."""
        proven = LegacyProven(self._late_id(visitor))
        try:
            self.proved(proven.journey_id, visitor)
        except Refused:
            return None
        return proven

    def _late_id(self, visitor: Visitor) -> str:
        """Return the one journey of a browser for late answers: nobody else can name it."""
        key = self.vault.keys("legacy-late")[0]
        return encode_base64url(hmac_digest(key, visitor.flow_digest, sha256))

    def proved(self, journey_id: str, visitor: Visitor) -> Proved:
        """Return what this browser proved; refuses with `journey.expired` or `legacy.taken`."""
        with self.store.read() as tx:
            return self.proved_in(journey_id, visitor, tx=tx)

    def proved_in(self, journey_id: str, visitor: Visitor, *, tx: Transaction) -> Proved:
        """Do the same within a transaction."""
        journey = check_journey(
            tx.journeys.find(digest_of(journey_id)),
            JourneyKind.LEGACY,
            flow_digest=visitor.flow_digest,
            now=self.clock.now(),
        )
        legacy = tx.legacy_accounts.find(UUID(str(journey.state["legacy"])))
        if legacy is None or not self.may_be_proved(legacy):
            raise Refused("legacy.taken")
        kept = journey.state.get("password")
        if kept is None:
            return Proved(journey, legacy)
        opened = self.vault.open(b64decode(str(kept)), _password_at(journey.digest))
        return Proved(journey, legacy, opened.decode())

    def check_nik(self, journey_id: str, nik: Nik, visitor: Visitor) -> None:
        """Refuse, before the registry is asked, a NIK that is not the old account's.

        Refuses with `legacy.nik`, a few times; with `journey.expired` after that.
        """
        with self.store.write() as tx:
            proved = self.proved_in(journey_id, visitor, tx=tx)
            if proved.legacy.record.nik in {None, nik}:
                return
            tries = int(str(proved.journey.state.get("tries", 0))) + 1
            tx.legacy_accounts.note_failure(proved.legacy.id, "nik.other")
            tx.journeys.put(proved.journey.having(tries=tries))
            if tries >= NIK_TRIES:
                tx.journeys.finish(proved.journey.digest, self.clock.now())
            raise Refused("legacy.nik", recorded=True)

    def note_failure(self, journey_id: str, cause: str, visitor: Visitor) -> None:
        """Keep why an old account did not come home this time."""
        with self.store.write() as tx:
            proved = self.proved_in(journey_id, visitor, tx=tx)
            tx.legacy_accounts.note_failure(proved.legacy.id, cause)

    def link(self, journey_id: str, account: Account, visitor: Visitor) -> LegacyLink:
        """Link what this browser proved to the account that it is signed in to.

        Refuses with `journey.expired`, `legacy.taken`, or `legacy.nik` where the old account is of
        somebody else, or the account has no confirmed NIK to compare.
        """
        with self.store.write() as tx:
            proved = self.proved_in(journey_id, visitor, tx=tx)
            if account.nik is None or proved.legacy.record.nik not in {None, account.nik}:
                tx.legacy_accounts.note_failure(proved.legacy.id, "nik.other")
                raise Refused("legacy.nik", recorded=True)
            link = self.link_in(proved.legacy.id, account, visitor, tx=tx)
            tx.journeys.finish(proved.journey.digest, self.clock.now())
        return link

    def offer(self, account: Account) -> Sequence[LegacyAccount]:
        """Return the old accounts that look like this person's and wait for a proof.

        Found by the confirmed NIK, or by a contact that was proved here; never one of another NIK.
        """
        if account.nik is None:
            return ()
        with self.store.read() as tx:
            rows = list(tx.legacy_accounts.find_by_nik(account.nik))
            if account.verified_email is not None:
                rows += tx.legacy_accounts.find_by_email(account.verified_email)
            if account.verified_phone is not None:
                rows += tx.legacy_accounts.find_by_phone(account.verified_phone)
        fitting = {row.id: row for row in rows if self.ways(row, account)}
        return tuple(fitting.values())

    def home(self, account: Account) -> Sequence[tuple[LegacyLink, LegacyAccount]]:
        """Return the old accounts that came home, with their journal, newest first."""
        with self.store.read() as tx:
            rows = {row.id: row for row in tx.legacy_accounts.list_for_account(account.id)}
            links = tx.legacy_links.list_for_account(account.id)
        return tuple(
            (link, rows[link.legacy_id])
            for link in links
            if link.undone_at is None and link.legacy_id in rows
        )

    def undo(self, link_id: UUID, account: Account, visitor: Visitor) -> None:
        """Take a link back: the old account is as it was before.

        Refuses with `legacy.undo` where it is not this account's, was undone, or is too old.
        """
        now = self.clock.now()
        with self.store.write() as tx:
            link = tx.legacy_links.find(link_id)
            if link is None or link.account_id != account.id:
                raise Refused("legacy.undo")
            if not tx.legacy_links.undo(link_id, now):
                raise Refused("legacy.undo")
            self._bring_back(link, account, tx=tx)
            tx.audit.record(
                AuditEvent(
                    Action.LEGACY_RELEASED, now, account_id=account.id, origin=visitor.origin
                )
            )

    def _bring_back(self, link: LegacyLink, account: Account, *, tx: Transaction) -> None:
        """Give an old account back to the account that had it, else let it wait as before."""
        former = link.before.get("account")
        holder = tx.accounts.find(UUID(str(former))) if former is not None else None
        if holder is not None and holder.is_usable:
            since = int(str(link.before["claimed_at"]))
            is_back = tx.legacy_accounts.move(
                link.legacy_id, since=since, from_=account.id, to=holder.id
            ) and tx.legacy_links.resume(UUID(str(link.before["link"])))
        else:
            state = LegacyState(str(link.before["state"]))
            is_back = tx.legacy_accounts.release(link.legacy_id, account.id, state)
            failure = link.before.get("failure")
            if is_back and failure is not None:
                tx.legacy_accounts.note_failure(link.legacy_id, str(failure))
        if not is_back:
            raise Refused("legacy.undo")

    def move_in(
        self,
        legacy: LegacyAccount,
        former: Account,
        account: Account,
        by: Visitor | Actor,
        *,
        tx: Transaction,
    ) -> LegacyLink:
        """Give what one account brought home to another; refuses with `legacy.taken`.

        `by`: the person themselves, or the officer who merges their accounts.
        The journal keeps both ends, so that undoing brings it back to the former account.
        """
        now = self.clock.now()
        standing = next(
            (
                link
                for link in tx.legacy_links.list_for_account(former.id)
                if link.legacy_id == legacy.id and link.undone_at is None
            ),
            None,
        )
        is_moved = (
            standing is not None
            and tx.legacy_accounts.move(legacy.id, since=now, from_=former.id, to=account.id)
            and tx.legacy_links.end(standing.id, now)
        )
        if standing is None or not is_moved:
            raise Refused("legacy.taken")
        tx.audit.record(_by(by, AuditEvent(Action.LEGACY_RELEASED, now, account_id=former.id)))
        before = {
            **standing.before,
            "account": former.id.hex,
            "link": standing.id.hex,
            "claimed_at": legacy.claimed_at,
        }
        link = self._journal(legacy, account, before, Way.ACCOUNT, by, tx=tx)
        self._tell(account, legacy, now, tx=tx, also=former.email)
        return link

    def link_in(
        self,
        legacy_id: UUID,
        account: Account,
        visitor: Visitor,
        *,
        way: Way = Way.PASSWORD,
        tx: Transaction,
    ) -> LegacyLink:
        """Close an old account for good, in favour of an account; refuses with `legacy.taken`."""
        now = self.clock.now()
        legacy = tx.legacy_accounts.find(legacy_id)
        # the claim decides, whoever looked before (RG-5)
        if legacy is None or not tx.legacy_accounts.claim(legacy_id, account.id, now):
            raise Refused("legacy.taken")
        before = {"state": legacy.state, "failure": legacy.failure}
        link = self._journal(legacy, account, before, way, visitor, tx=tx)
        self._tell(account, legacy, now, tx=tx)
        return link

    def _journal(
        self,
        legacy: LegacyAccount,
        account: Account,
        before: Mapping[str, object],
        way: Way,
        by: Visitor | Actor,
        *,
        tx: Transaction,
    ) -> LegacyLink:
        """Keep that an old account came home, in the journal and the audit."""
        now = self.clock.now()
        link = LegacyLink(
            id=self.entropy.uuid7(self.clock.now_ms()),
            legacy_id=legacy.id,
            account_id=account.id,
            before=before,
            created_at=now,
        )
        tx.legacy_links.add(link)
        event = AuditEvent(
            Action.LEGACY_LINKED,
            now,
            account_id=account.id,
            details={
                "source": legacy.record.source,
                "scheme": _scheme_of(legacy),
                "way": way,
            },
        )
        tx.audit.record(_by(by, event))
        return link

    def _tell(
        self,
        account: Account,
        legacy: LegacyAccount,
        now: int,
        *,
        also: EmailAddress | None = None,
        tx: Transaction,
    ) -> None:
        """Tell the person, and whoever reads the letters of the old account, that it was linked."""
        told: dict[str, EmailAddress] = {}
        for email in (account.email, legacy.verified_email, also):
            if email is not None:
                told.setdefault(email.normalised, email)
        for email in told.values():
            self.messages.letter(
                LetterKind.LEGACY_LINKED,
                email,
                locale=account.locale,
                tx=tx,
                of=account,
                portal=legacy.record.source,
                at=now,
            )


def _by(by: Visitor | Actor, event: AuditEvent) -> AuditEvent:
    """Return an event with who did it: a person in their browser, or an officer."""
    if isinstance(by, Actor):
        return replace(event, actor=by.kind, actor_id=by.id, origin=by.origin)
    return replace(event, origin=by.origin)


def _scheme_of(legacy: LegacyAccount) -> str | None:
    return legacy.record.hash.scheme if legacy.record.hash is not None else None


def _password_at(digest: bytes) -> Place:
    return Place("journey", "password", digest)
