"""REST for programs that administer; every module declares its operations."""

from idp.web.api import accounts, admins, approvals, audit, clients, keys, numbers, reviews
from idp.web.api.blueprint import api, register

register(api)

__all__ = [
    "accounts",
    "admins",
    "api",
    "approvals",
    "audit",
    "clients",
    "keys",
    "numbers",
    "reviews",
]
