"""How failed sign-ins slow guessing down without locking the owner out (`security.md` AU-6).

Failures count for an identifier, whether or not anybody has it, and for the account behind it; a
browser that the account knows has a count of its own, which strangers can't fill.
"""

from dataclasses import dataclass
from typing import Final

from idp.domain.identity.limits import DAY, Limit

FREE_FAILURES: Final = 5
FAILURE_WINDOW_SECONDS: Final = 900
WAITS: Final = (30, 60, 120, 240, 480, 900)
#: Failures in a row after which the password no longer works, until recovery.
DISABLE_AFTER: Final = 100
#: Without a further failure the waits are forgotten after this time …
LADDER_SECONDS: Final = DAY
#: … and failures in a row after this one.
IN_A_ROW_SECONDS: Final = 90 * DAY

FAILURES_OF_DEVICE: Final = Limit("login.device", 10, FAILURE_WINDOW_SECONDS, "login.throttled")


@dataclass(frozen=True, slots=True)
class FailureCount:
    """Failures since the last success. `last_at`: of the newest."""

    failures: int
    last_at: int

    def blocked_until(self, *, free: int = FREE_FAILURES) -> int:
        """Return the instant from which the next try counts, 0 if at once."""
        if self.failures < free:
            return 0
        return self.last_at + WAITS[min(self.failures - free, len(WAITS) - 1)]

    def without_one(self) -> "FailureCount":
        """Return the count before its newest failure, which turned out to be none."""
        return FailureCount(max(0, self.failures - 1), self.last_at)


NO_FAILURES: Final = FailureCount(0, 0)


def counted(count: FailureCount, now: int, *, free: int = FREE_FAILURES) -> FailureCount:
    """Return the count after one more failure.

    The free ones are forgotten after 15 minutes; with none free, nothing is.
    """
    if count.failures < free and now - count.last_at > FAILURE_WINDOW_SECONDS:
        return FailureCount(1, now)
    return FailureCount(count.failures + 1, now)
