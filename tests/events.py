"""Audit events as the catalogue describes them."""

from typing import Any, Final

from idp.domain.identity.audit import CATALOGUE, Action, AuditEvent
from idp.domain.identity.audit_details import Detail

#: One value of each shape; the first that fits is taken.
_VALUES: Final = ("sms", ["sms"], 1, True, "join")


def an_event(action: Action, at: int, **given: Any) -> AuditEvent:
    """Return a valid event of an action; `given` changes its fields."""
    details = {name: _example(detail) for name, detail in CATALOGUE[action].details.items()}
    return AuditEvent(action, at, **{"details": details, **given})


def _example(detail: Detail) -> object:
    return next(value for value in _VALUES if detail.fits(value))
