"""How often something may happen: names, numbers and windows (`security.md` section 8).

Numbers are multiplied by the operator's factor where they are counted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

HOUR: Final = 3600
DAY: Final = 86400


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` in a fixed window. `refusal`: the code that says so.

    `free`: how many of them go without a puzzle; all where it is `None`. `is_pace`: the operator's
    factor does not loosen it.
    """

    name: str
    most: int
    window_seconds: int
    refusal: str
    free: int | None = None
    is_pace: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing to count against a limit. `whose`: a blind index, a digest or an address."""

    limit: Limit
    whose: bytes

    @property
    def key(self) -> bytes:
        """The digest under which it is counted."""
        return sha256(b"limit\n" + self.limit.name.encode() + b"\n" + self.whose).digest()


def scaled(most: int, factor: float) -> int:
    """Return a limit multiplied by the operator's factor, at least 1."""
    return max(1, round(most * factor))


# Sending codes (OT-4). A carrier charges for each message, and a victim's phone rings for each.
SENDS_OF_CONTACT: Final = Limit("otp.contact", 5, DAY, "otp.limit")
SENDS_OF_MAILBOX: Final = Limit("otp.mailbox", 10, DAY, "otp.limit")
SENDS_OF_PERSON: Final = Limit("otp.person", 5, HOUR, "otp.limit")
SENDS_OF_BLOCK: Final = Limit("otp.block", 20, HOUR, "otp.limit")
SENDS_OF_NETWORK: Final = Limit("otp.network", 60, HOUR, "limit.address", free=10)

# Wrong codes (OT-3): of a contact or an account, for one purpose; the last one stops it for a day.
WRONG_CODES: Final = Limit("otp.wrong", 15, DAY, "otp.stopped")
STOP: Final = Limit("otp.stop", 1, DAY, "otp.stopped", is_pace=True)

# Codes of apps and recovery codes (AU-9): five wrong ones in five minutes stop them for fifteen.
FACTOR_TRIES: Final = Limit("factor.tries", 5, 300, "factor.throttled")
FACTOR_STOP: Final = Limit("factor.stop", 1, 900, "factor.throttled", is_pace=True)

# Pumping (OT-5): where too few of many codes come back, somebody earns by having them sent.
PUMP_LEAST: Final = 200
PUMP_SHARE_PERCENT: Final = 30
PUMP_SPAN_SECONDS: Final = 180
PUMP_SPANS: Final = 5

# Checks of the civil registry (RG-3, dukcapil.md section 5): an oracle on the population.
CHECKS_OF_NIK: Final = Limit("registry.nik", 3, DAY, "registry.tries")
CHECKS_OF_NETWORK: Final = Limit("registry.network", 30, HOUR, "limit.address", free=5)

# Notices to the owner of something that somebody else typed.
NOTICES_OF_ACCOUNT: Final = Limit("notice.account", 3, DAY, "notice.limit")
NOTICES_BY_SMS: Final = Limit("notice.sms", 1, DAY, "notice.limit")
# A hint by an officer where to recover an account, which carries no code.
HELP_BY_SMS: Final = Limit("help.sms", 3, DAY, "limit.tries")
# Notices of the person's own changes: enough for whoever changes their mind, no bill for a thief's.
NOTICES_OF_CHANGE: Final = Limit("notice.change", 5, DAY, "notice.limit")


def in_order(hits: Iterable[Hit]) -> tuple[Hit, ...]:
    """Return the hits in the one order in which all transactions take them: no deadlocks."""
    return tuple(sorted(hits, key=lambda hit: (hit.limit.name, hit.whose)))
