"""Everything that anybody logs, as it was handed over: before anything is struck out."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

#: Parts of the outside world that run in the test's own process.
_OUTSIDE = ("adapters.simulators", "aiosmtpd", "mail.log")


#: Instants of a record, as floats: any six digits turn up in them some day.
_INSTANTS = frozenset({"created", "msecs", "relativeCreated"})


class Everything(logging.Handler):
    """Keeps all lines with every extra; `lines`: of our own side."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith(_OUTSIDE):
            told = {k: value for k, value in record.__dict__.items() if k not in _INSTANTS}
            self.lines.append(json.dumps(told, default=repr) + record.getMessage())


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
