"""Pages for citizens; paths are Indonesian, names in code English."""

from idp.web.citizen import (
    account,
    consent,
    device,
    email_proof,
    identity_mending,
    legacy_offers,
    legacy_upgrade,
    login,
    logout,
    pages,
    phone_change,
    recovery,
    registration,
    requests,
    security,
    strength,
    upstream,
)
from idp.web.citizen.blueprint import citizen

__all__ = [
    "account",
    "citizen",
    "consent",
    "device",
    "email_proof",
    "identity_mending",
    "legacy_offers",
    "legacy_upgrade",
    "login",
    "logout",
    "pages",
    "phone_change",
    "recovery",
    "registration",
    "requests",
    "security",
    "strength",
    "upstream",
]
