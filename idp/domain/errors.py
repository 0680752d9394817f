"""The two refusals that rules and use cases raise."""

from collections.abc import Mapping
from types import MappingProxyType

NO_VALUES: Mapping[str, object] = MappingProxyType({})


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """A rule says no.

    `code`: stable, dotted, chosen by the rule (`nik.length`); the edge turns it into words.
    `recorded`: the transaction commits although the use case refuses (counters, revocations).
    `values`: what the words need (`minutes`, `left`); never anything personal.
    """

    def __init__(self, code: str, *, recorded: bool = False, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.recorded = recorded
        self.values: Mapping[str, object] = MappingProxyType(values) if values else NO_VALUES


class Conflict(Exception):  # noqa: N818 - the store says that another was first
    """A unique value is taken, or a row changed since it was read.

    `what`: the name of the constraint's subject, `nik`, `phone`, `email`, `version`.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
