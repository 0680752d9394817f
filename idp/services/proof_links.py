"""Links sent by e-mail: a secret that is good once, for one address."""

from dataclasses import dataclass
from typing import Final

from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.journey import ProofLink
from idp.domain.identity.second_step import is_email_held
from idp.domain.ids import digest_of
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.store import Transaction
from idp.ports.vault import Vault
from idp.services.messages import LetterKind, MessageService

EMAIL_PROOF: Final = "email"
EMAIL_PROOF_SECONDS: Final = 86400
RECOVERY: Final = "recovery"
RECOVERY_SECONDS: Final = 3600


@dataclass(frozen=True, slots=True)
class ProofLinks:
    """Makes links and sends them."""

    clock: Clock
    entropy: Entropy
    vault: Vault
    messages: MessageService

    def send_email_proof(self, account: Account, *, tx: Transaction) -> bool:
        """Ask the owner of the account's address to prove it; return whether there is one."""
        if account.email is None or account.email_verified_at is not None:
            return False
        secret = self._add(EMAIL_PROOF, account, account.email, EMAIL_PROOF_SECONDS, tx=tx)
        return self.messages.notify(account, LetterKind.EMAIL_PROOF, tx=tx, secret=secret)

    def send_recovery(
        self, account: Account, *, interaction_id: str | None, tx: Transaction
    ) -> bool:
        """Send what sets a new password to the proved address; return whether one may take it.

        `interaction_id`: the portal's request to which the link leads on, in the same browser.
        """
        email = account.verified_email
        if email is None or is_email_held(account, self.clock.now()):
            return False
        secret = self._add(RECOVERY, account, email, RECOVERY_SECONDS, tx=tx)
        onward = f"&i={interaction_id}" if interaction_id is not None else ""
        return self.messages.notify(
            account, LetterKind.RECOVERY_LINK, tx=tx, secret=secret, onward=onward
        )

    def open(self, secret: str, purpose: str, *, tx: Transaction) -> tuple[ProofLink, Account]:
        """Return a living link and whose it is, without spending it.

        Refuses with `link.spent` (where it did its work), else with `recovery.invalid`: unknown,
        expired, for another purpose, sent to an address that is no longer the account's or was
        proved since, to one that recovers nothing yet, or before the password was last changed.
        """
        link = tx.journeys.find_link(digest_of(secret))
        if link is None or link.purpose != purpose or self.clock.now() >= link.expires_at:
            raise Refused("recovery.invalid")
        account = tx.accounts.find(link.account_id)
        if account is None or account.email is None:
            raise Refused("recovery.invalid")
        if link.contact_index not in self.vault.blind_indexes("email", account.email.normalised):
            raise Refused("recovery.invalid")
        if link.used_at is not None:
            raise Refused("link.spent" if purpose == EMAIL_PROOF else "recovery.invalid")
        if purpose == RECOVERY:
            self._check_recovery(link, account, tx=tx)
        return link, account

    def _check_recovery(self, link: ProofLink, account: Account, *, tx: Transaction) -> None:
        sent_at = link.expires_at - RECOVERY_SECONDS
        proved_at = account.email_verified_at
        # an address that left the account and came back is another one (OT-7)
        if proved_at is None or proved_at > sent_at or is_email_held(account, self.clock.now()):
            raise Refused("recovery.invalid")
        credential = tx.credentials.find(account.id)
        if credential is not None and credential.changed_at > sent_at:
            raise Refused("recovery.invalid")

    def _add(
        self,
        purpose: str,
        account: Account,
        email: EmailAddress,
        life_seconds: int,
        *,
        tx: Transaction,
    ) -> str:
        secret = self.entropy.token()
        tx.journeys.add_link(
            ProofLink(
                digest=digest_of(secret),
                purpose=purpose,
                account_id=account.id,
                contact_index=self.vault.blind_index("email", email.normalised),
                expires_at=self.clock.now() + life_seconds,
            )
        )
        return secret
