"""Waiting for what another process does by itself."""

import time
from collections.abc import Callable

SECONDS = 60


def until(happened: Callable[[], bool]) -> None:
    """Look until it happened; fails after a minute."""
    deadline = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
