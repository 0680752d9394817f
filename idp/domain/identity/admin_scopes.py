"""Scopes of the API of administration: a client may call what a permission of the console allows.

Each is named after its permission, and no other permission has one: what needs a person's eyes or
a fresh second step is done at the console alone.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from idp.domain.identity.roles import Permission

#: Where the API is, below the issuer; with it the audience of its tokens.
ADMIN_PATH: Final = "/api/admin/v1"
_PREFIX: Final = "admin:"

#: What the API has operations for, and what each lets a client do.
WORDS: Final[Mapping[Permission, str]] = MappingProxyType(
    {
        Permission.CLIENTS_READ: "see client registrations and their versions",
        Permission.CLIENTS_WRITE: "register, change and delete clients, and give them secrets",
        Permission.CLIENTS_SUSPEND: "suspend clients and let them go on",
        Permission.REVIEW_READ: "see what portals' teams ask for in production",
        Permission.REVIEW_DECIDE: "send a release back to its team with words; people approve",
        Permission.APPROVALS_READ: "see what became of what it asked two officers for",
        Permission.AUDIT_READ: "read the audit log",
        Permission.STATISTICS_READ: "read figures",
        Permission.ADMINS_READ: "see who may be in the console",
        Permission.ADMINS_MANAGE: "suspend and resume admins, ask for new ones and for roles",
        Permission.ACCOUNTS_SEARCH: "find an account by an exact identifier, masked",
        Permission.ACCOUNTS_LOCK: "lock accounts, ask for a lock to be lifted, end sessions",
        Permission.ACCOUNTS_RECOVER: "send the owner of an account the ordinary recovery",
        Permission.KEYS_READ: "see the signing keys",
        Permission.KEYS_ROTATE: "rotate the signing keys, and ask for one to be retired",
    }
)


def scope_of(permission: Permission) -> str:
    """Return the scope that stands for a permission: `admin:clients:read`."""
    return _PREFIX + permission.replace(".", ":")


#: Each scope with its words.
ADMIN_SCOPES: Final[Mapping[str, str]] = MappingProxyType(
    {scope_of(permission): words for permission, words in WORDS.items()}
)


def is_admin_scope(scope: str) -> bool:
    """Return whether a scope is one of the API's, known or not."""
    return scope.startswith(_PREFIX)
