"""The people behind the wire: civil registry, SMS carriers, mail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from idp.domain.identity.messages import DeliveryReport, Letter, Sms, SmsReceipt
from idp.domain.identity.registry import RegistryAnswer, RegistryQuery
from idp.domain.identity.upstream import UpstreamIdentity


class CivilRegistry(Protocol):
    """Answers whether a NIK and names belong together (`adapters/dukcapil`)."""

    @property
    def elements(self) -> tuple[str, ...]:
        """Names of the elements asked, `NIK` first; every one must match."""

    def check(self, query: RegistryQuery) -> RegistryAnswer:
        """Ask once, at most 5 s; never raises for what the registry does or fails to do."""

    def is_reachable(self) -> bool:
        """Return whether a call would be tried now: circuit closed, quota left. Asks nobody."""


class SmsGateway(Protocol):
    """Sends short messages (`adapters/sms`)."""

    @property
    def name(self) -> str:
        """The gateway's name in settings, metrics and report addresses."""

    def send(self, sms: Sms) -> SmsReceipt:
        """Hand over one message, at most 3 s; never raises for what the carrier does."""

    def read_report(
        self, body: bytes, *, content_type: str, headers: Mapping[str, str], url: str
    ) -> tuple[DeliveryReport, ...] | None:
        """Return what a delivery report says, `None` if it is not the carrier's."""


class SmsGateways(Protocol):
    """All configured carriers behind one `send` (`adapters/sms/failover.py`)."""

    def send(self, sms: Sms) -> SmsReceipt:
        """Hand over one message, at most 3 s a carrier; never raises for what a carrier does.

        The next carrier is asked only after one has clearly not taken the message.
        """

    def is_reachable(self) -> bool:
        """Return whether some carrier took messages lately, or was not asked. Asks nobody."""

    def read_report(
        self,
        gateway: str,
        body: bytes,
        *,
        content_type: str,
        headers: Mapping[str, str],
        url: str,
    ) -> tuple[DeliveryReport, ...] | None:
        """Return what a report to `gateway`'s address says, `None` if it is not that carrier's.

        `url`: the full public address that was called, path token and all.
        """


class UpstreamProvider(Protocol):
    """Another OpenID provider that people can sign in at (`adapters/upstream.py`)."""

    def authorization_url(self, *, state: str, nonce: str, challenge: str) -> str:
        """Return where to send a browser; raises `GatewayUnavailable`.

        `challenge`: of PKCE, by S256.
        """

    def redeem(
        self, code: str, *, verifier: str, nonce: str, issuer: str | None
    ) -> UpstreamIdentity:
        """Return who signed in there, at most 5 s a step; raises `GatewayUnavailable`.

        `issuer`: as it came with the code (RFC 9207).
        """

    def public_keys(self) -> Mapping[str, Any]:
        """Return the JWK set by which the provider knows us (RFC 7517 §5)."""


class Mailer(Protocol):
    """Sends letters (`adapters/mail`)."""

    def send(self, letter: Letter) -> None:
        """Hand over one letter, at most 10 s a step; raises `GatewayUnavailable`.

        Reasons: `recipient` for good; `unreachable`, `timeout`, `tls`, `login`, `refused` may mend.
        """


@dataclass(frozen=True, slots=True)
class SandboxPerson:
    """Somebody whom the sandbox's Dukcapil knows: nobody who lives. `kind`: how it answers."""

    nik: str
    name: str
    mother_name: str
    kind: str
    note: str


class SandboxPeople(Protocol):
    """The people of a sandbox, where one is on."""

    @property
    def address(self) -> str:
        """Return where its own page is, empty where none is on."""

    def list_some(self) -> Sequence[SandboxPerson]:
        """Return a few of them; none where it does not answer."""
