"""When people hear that a secret or a key of its portal is about to end."""

from typing import Final

_DAY: Final = 86400
#: Days before the end, the first letter first.
DAYS_BEFORE: Final = (30, 7, 1)
FIRST_SECONDS: Final = DAYS_BEFORE[0] * _DAY


def days_to_tell(ends_at: int, now: int) -> int | None:
    """Return which of `DAYS_BEFORE` is reached; `None` before the first and after the end."""
    left = ends_at - now
    if left <= 0:
        return None
    return min((days for days in DAYS_BEFORE if left <= days * _DAY), default=None)


def days_left(ends_at: int, now: int) -> int:
    """Return the days until the end, a begun one counted as one."""
    return -(-(ends_at - now) // _DAY)
