"""Everything that anybody logs, as it was handed over: before anything is struck out."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

#: Parts of the outside world that run in the test's own process.
_OUTSIDE = ("adapters.simulators", "aiosmtpd", "mail.log")


class Everything(logging.Handler):
    """Keeps all lines with every extra; `lines`: of our own side."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith(_OUTSIDE):
            self.lines.append(json.dumps(record.__dict__, default=repr) + record.getMessage())


@contextmanager
def listening() -> Iterator[Everything]:
    """Listen at the root, at the most talkative level."""
    handler = Everything()
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield handler
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
