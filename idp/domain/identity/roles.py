"""Who may do what in the console: roles and permissions as data, by least right.

A route of the console names one permission; `MATRIX` says which roles have it. What no row names,
nobody may do. One person may hold several roles; four eyes count people, not roles.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from idp.domain.errors import Refused


class Role(StrEnum):
    """What somebody is in the console. The administrator looks after the other admins."""

    READER = "reader"
    REGISTRAR = "registrar"
    SUPPORT = "support"
    KEY_OFFICER = "key_officer"
    AUDITOR = "auditor"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"


class Permission(StrEnum):
    """What a route asks for."""

    #: The overview and what belongs to oneself: every admin has it.
    CONSOLE_USE = "console.use"
    STATISTICS_READ = "statistics.read"
    CLIENTS_READ = "clients.read"
    CLIENTS_WRITE = "clients.write"
    CLIENTS_SUSPEND = "clients.suspend"
    REVIEW_READ = "review.read"
    REVIEW_DECIDE = "review.decide"
    ACCOUNTS_SEARCH = "accounts.search"
    ACCOUNTS_UNMASK = "accounts.unmask"
    ACCOUNTS_LOCK = "accounts.lock"
    ACCOUNTS_RECOVER = "accounts.recover"
    CASES_READ = "cases.read"
    CASES_DECIDE = "cases.decide"
    LEGACY_READ = "legacy.read"
    LEGACY_DECIDE = "legacy.decide"
    KEYS_READ = "keys.read"
    KEYS_ROTATE = "keys.rotate"
    AUDIT_READ = "audit.read"
    AUDIT_EXPORT = "audit.export"
    APPROVALS_READ = "approvals.read"
    APPROVALS_DECIDE = "approvals.decide"
    MESSAGES_READ = "messages.read"
    MESSAGES_RETRY = "messages.retry"
    SETTINGS_READ = "settings.read"
    ADMINS_READ = "admins.read"
    ADMINS_MANAGE = "admins.manage"


_P = Permission
_R = Role
_EVERYBODY: Final = frozenset(Role)


def _only(*roles: Role) -> frozenset[Role]:
    return frozenset(roles)


#: Which roles have a permission; a test walks every route of the console with every role.
MATRIX: Final[Mapping[Permission, frozenset[Role]]] = {
    _P.CONSOLE_USE: _EVERYBODY,
    _P.STATISTICS_READ: _EVERYBODY,
    _P.CLIENTS_READ: _EVERYBODY,
    _P.CLIENTS_WRITE: _only(_R.REGISTRAR),
    # whoever looks after people or keys sees an attack first
    _P.CLIENTS_SUSPEND: _only(_R.REGISTRAR, _R.KEY_OFFICER, _R.ADMINISTRATOR),
    _P.REVIEW_READ: _only(_R.REGISTRAR, _R.APPROVER, _R.AUDITOR, _R.ADMINISTRATOR),
    _P.REVIEW_DECIDE: _only(_R.REGISTRAR, _R.APPROVER),
    _P.ACCOUNTS_SEARCH: _only(_R.SUPPORT),
    _P.ACCOUNTS_UNMASK: _only(_R.SUPPORT),
    _P.ACCOUNTS_LOCK: _only(_R.SUPPORT),
    _P.ACCOUNTS_RECOVER: _only(_R.SUPPORT),
    _P.CASES_READ: _only(_R.SUPPORT, _R.APPROVER),
    _P.CASES_DECIDE: _only(_R.SUPPORT),
    _P.LEGACY_READ: _only(_R.SUPPORT, _R.AUDITOR, _R.ADMINISTRATOR),
    _P.LEGACY_DECIDE: _only(_R.SUPPORT),
    _P.KEYS_READ: _only(_R.KEY_OFFICER, _R.AUDITOR, _R.ADMINISTRATOR),
    _P.KEYS_ROTATE: _only(_R.KEY_OFFICER),
    _P.AUDIT_READ: _only(_R.AUDITOR),
    _P.AUDIT_EXPORT: _only(_R.AUDITOR),
    # authors follow what they asked for; readers ask for nothing
    _P.APPROVALS_READ: _EVERYBODY - {_R.READER},
    _P.APPROVALS_DECIDE: _only(_R.APPROVER),
    _P.MESSAGES_READ: _only(_R.SUPPORT, _R.AUDITOR, _R.ADMINISTRATOR),
    _P.MESSAGES_RETRY: _only(_R.SUPPORT, _R.ADMINISTRATOR),
    _P.SETTINGS_READ: _only(_R.REGISTRAR, _R.KEY_OFFICER, _R.AUDITOR, _R.ADMINISTRATOR),
    _P.ADMINS_READ: _only(_R.AUDITOR, _R.APPROVER, _R.ADMINISTRATOR),
    _P.ADMINS_MANAGE: _only(_R.ADMINISTRATOR),
}

#: Other names under which a role is known: `security.md` AD-2's, and what people type.
_ALSO: Final = {"client_manager": Role.REGISTRAR, "admin": Role.ADMINISTRATOR}


def parse_role(text: str) -> Role:
    """Return the role of a name, `key officer` and `key-officer` alike.

    Refuses with `role.unknown`.
    """
    name = text.strip().lower().replace("-", "_").replace(" ", "_")
    if name in _ALSO:
        return _ALSO[name]
    try:
        return Role(name)
    except ValueError as error:
        raise Refused("role.unknown") from error


def parse_roles(names: Iterable[str]) -> tuple[Role, ...]:
    """Return roles in the order of the catalogue, each once.

    Refuses with `role.unknown`, or `role.required` where there is none.
    """
    found = {parse_role(name) for name in names}
    if not found:
        raise Refused("role.required")
    return tuple(role for role in Role if role in found)


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """Return all that somebody with these roles may do."""
    held = frozenset(roles)
    return frozenset(permission for permission, allowed in MATRIX.items() if held & allowed)


def may(roles: Iterable[Role], permission: Permission) -> bool:
    """Return whether one of the roles has a permission."""
    return not MATRIX[permission].isdisjoint(roles)


def needs_passkey(roles: Iterable[Role]) -> bool:
    """Return whether nothing less than a passkey opens the console: for the highest role (AD-1)."""
    return Role.ADMINISTRATOR in frozenset(roles)
