"""Everything that one sandbox remembers."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Final

from flask import current_app

from adapters.simulators.inbox import Inbox, canonical_address, canonical_phone
from adapters.simulators.kinds import ALL_KINDS, MAIL_KINDS, PORTAL_KINDS, SMS_KINDS
from adapters.simulators.old_accounts import OldAccounts
from adapters.simulators.people import PopulationRegister, SandboxPerson, load_people
from adapters.simulators.switches import Switches

EXTENSION: Final = "sandbox"
FULL_QUOTA: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Account:
    """What the pretend parties expect; the defaults of `config/settings.py`."""

    user_id: str = "sandbox"
    password: str = "sandbox-password"
    ip_user: str = "127.0.0.1"
    sms_key: str = "sandbox"
    sms_secret: str = "sandbox-secret"
    portal_key: str = "sandbox-portal-key-of-at-least-32-bytes"


class Quota:
    """The register's calls left today; it never refills by itself."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.left = FULL_QUOTA
        self.calls = 0

    def spend(self) -> int | None:
        """Count one call and return what is left, `None` where nothing was."""
        with self._lock:
            self.calls += 1
            if self.left <= 0:
                return None
            self.left -= 1
            return self.left

    def set(self, left: int) -> None:
        """Leave so many calls and begin counting anew."""
        with self._lock:
            self.left, self.calls = left, 0


@dataclass(frozen=True, slots=True)
class SandboxState:
    """People, switches and inboxes. `pace`: multiplies every wait, so that tests need not wait."""

    people: PopulationRegister
    account: Account = field(default_factory=Account)
    pace: float = 1.0
    quota: Quota = field(default_factory=Quota)
    sms: Inbox = field(default_factory=lambda: Inbox(canonical_phone))
    mail: Inbox = field(default_factory=lambda: Inbox(canonical_address))
    register_switches: Switches = field(default_factory=lambda: Switches(ALL_KINDS))
    sms_switches: Switches = field(default_factory=lambda: Switches(SMS_KINDS))
    mail_switches: Switches = field(default_factory=lambda: Switches(MAIL_KINDS))
    old_accounts: OldAccounts = field(default_factory=OldAccounts)
    portal_switches: Switches = field(default_factory=lambda: Switches(PORTAL_KINDS))
    stopping: Event = field(default_factory=Event)
    _seen: set[str] = field(default_factory=set)
    _seen_lock: Lock = field(default_factory=Lock)

    def once(self, key: str) -> bool:
        """Return whether `key` is seen for the first time: idempotency as a carrier keeps it."""
        with self._seen_lock:
            is_first = key not in self._seen
            self._seen.add(key)
            return is_first

    def reset(self) -> None:
        """Put people, switches, quota and inboxes back to how they were at the start."""
        self.people.reset()
        self.quota.set(FULL_QUOTA)
        self.old_accounts.clear()
        for switches in (
            self.register_switches,
            self.sms_switches,
            self.mail_switches,
            self.portal_switches,
        ):
            switches.clear()
        for inbox in (self.sms, self.mail):
            inbox.clear()
        with self._seen_lock:
            self._seen.clear()


def new_state(people: Iterable[SandboxPerson] | None = None, *, pace: float = 1.0) -> SandboxState:
    """Return the state of a fresh sandbox, with its own people where none are given."""
    chosen = load_people() if people is None else people
    return SandboxState(PopulationRegister(chosen), pace=pace)


def sandbox() -> SandboxState:
    """Return the state behind the current request."""
    state: SandboxState = current_app.extensions[EXTENSION]
    return state
