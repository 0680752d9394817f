"""The browser behind a request, as services see it."""

from dataclasses import dataclass, field

from idp.domain.identity.audit import Origin


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is there before anybody signed in.

    `flow_digest`: SHA-256 of the flow cookie. `device_digest`: of the known-device cookie, if any.
    `session_digest`: of the session cookie, if any. `address`: of the network interface, IPv6 cut
    to /64: the unit in which addresses are limited. `locale`: `id` or `en`.
    """

    flow_digest: bytes
    address: str = field(repr=False)
    origin: Origin
    locale: str = "id"
    device_digest: bytes | None = None
    session_digest: bytes | None = None
