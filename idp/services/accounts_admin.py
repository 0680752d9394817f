"""Accounts made and deleted by hand: for trying out and for tests, never in production."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from idp.domain.errors import Conflict, Refused
from idp.domain.identity.account import Account, AccountStatus, PasswordCredential
from idp.domain.identity.assurance import IAL_MATCHED
from idp.domain.identity.audit import Action, AuditEvent
from idp.domain.identity.claims import STANDARD_CLAIMS
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.nik import parse_nik
from idp.domain.identity.password import normalise_password
from idp.domain.identity.person import Person
from idp.domain.identity.phone import parse_phone
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.passwords import PasswordHasher
from idp.ports.store import Store
from idp.services.sessions import SessionService


@dataclass(frozen=True, slots=True)
class AccountsAdmin:
    """`parse_email`: the edge's reading of an address."""

    store: Store
    clock: Clock
    entropy: Entropy
    hasher: PasswordHasher
    parse_email: Callable[[str], EmailAddress]
    sessions: SessionService

    def create(self, given: Mapping[str, Any]) -> Account:
        """Make a proofed, active account from `nik`, `password` and OpenID standard claims.

        Refuses with the codes of NIK, phone and e-mail, or `account.exists`.
        """
        now = self.clock.now()
        nik = parse_nik(_text(given, "nik"))
        hashed = self.hasher.hash(normalise_password(_text(given, "password")))
        email, phone = given.get("email"), given.get("phone_number")
        account = Account(
            id=self.entropy.uuid7(self.clock.now_ms()),
            subject=self.entropy.token(16),
            status=AccountStatus.ACTIVE,
            ial=IAL_MATCHED,
            person=Person(
                str(given.get("name") or ""),
                {name: given[name] for name in STANDARD_CLAIMS if given.get(name) is not None},
            ),
            created_at=now,
            updated_at=now,
            nik=nik,
            phone=parse_phone(str(phone)) if phone else None,
            phone_verified_at=now if phone and given.get("phone_number_verified") is True else None,
            email=self.parse_email(str(email)) if email else None,
            email_verified_at=now if email and given.get("email_verified") is True else None,
            locale="en" if str(given.get("locale", "")).startswith("en") else "id",
            verified_at=now,
        )
        try:
            with self.store.write() as tx:
                tx.accounts.add(account)
                tx.credentials.put(PasswordCredential(account.id, hashed, now))
                tx.audit.record(
                    AuditEvent(
                        Action.ACCOUNT_OPENED,
                        now,
                        actor="operator",
                        account_id=account.id,
                        details={"by": "command line"},
                    )
                )
        except Conflict as conflict:
            raise Refused("account.exists") from conflict
        return account

    def delete(self, subject: str) -> None:
        """Erase an account and all that hangs on it; refuses with `account.unknown`."""
        now = self.clock.now()
        with self.store.write() as tx:
            account = tx.accounts.find_by_subject(subject)
            if account is None:
                raise Refused("account.unknown")
            # portals hear of it while there still is somebody to name
            self.sessions.end_all_in(
                account.id, kept_sid=None, reason="account_deleted", now=now, tx=tx
            )
            tx.legacy_accounts.erase_for_account(account.id)
            tx.accounts.delete(account.id)
            tx.audit.record(
                AuditEvent(Action.ACCOUNT_DELETED, now, actor="operator", account_id=account.id)
            )


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise Refused(f"{name}.required")
    return value
