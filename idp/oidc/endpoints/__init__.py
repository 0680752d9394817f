"""Every endpoint that clients call (RFC 8414 §2): name, path, metadata member.

Metadata and routing read `ENDPOINTS`; to add one, add a row and its file.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """One endpoint. `member`: its name in metadata; `methods`: what it answers to.

    `takes_certificate`: it has an alias where client certificates are asked for (RFC 8705 §5).
    """

    name: str
    path: str
    member: str
    methods: tuple[str, ...] = ("POST",)
    allows_cors: bool = False
    takes_certificate: bool = False


AUTHORIZATION: Final = EndpointRow(
    "authorize", "/authorize", "authorization_endpoint", ("GET", "POST")
)
TOKEN: Final = EndpointRow(
    "token", "/token", "token_endpoint", allows_cors=True, takes_certificate=True
)
USERINFO: Final = EndpointRow(
    "userinfo",
    "/userinfo",
    "userinfo_endpoint",
    ("GET", "POST"),
    allows_cors=True,
    takes_certificate=True,
)
JWKS: Final = EndpointRow("jwks", "/jwks", "jwks_uri", ("GET",), allows_cors=True)
REVOCATION: Final = EndpointRow(
    "revocation", "/revoke", "revocation_endpoint", allows_cors=True, takes_certificate=True
)
INTROSPECTION: Final = EndpointRow(
    "introspection", "/introspect", "introspection_endpoint", takes_certificate=True
)
PAR: Final = EndpointRow(
    "par", "/par", "pushed_authorization_request_endpoint", takes_certificate=True
)
DEVICE_AUTHORIZATION: Final = EndpointRow(
    "device_authorization",
    "/device_authorization",
    "device_authorization_endpoint",
    takes_certificate=True,
)
BACKCHANNEL_AUTHENTICATION: Final = EndpointRow(
    "backchannel_authentication",
    "/bc-authorize",
    "backchannel_authentication_endpoint",
    takes_certificate=True,
)
REGISTRATION: Final = EndpointRow("registration", "/register", "registration_endpoint")
END_SESSION: Final = EndpointRow(
    "end_session", "/end_session", "end_session_endpoint", ("GET", "POST")
)

#: A protected resource to try tokens at, in sandbox and test alone: in no metadata.
TRIAL: Final = EndpointRow(
    "trial_resource", "/sandbox/resource", "", ("GET", "POST"), allows_cors=True
)

ENDPOINTS: Final[tuple[EndpointRow, ...]] = (
    AUTHORIZATION,
    TOKEN,
    USERINFO,
    JWKS,
    REVOCATION,
    INTROSPECTION,
    PAR,
    DEVICE_AUTHORIZATION,
    BACKCHANNEL_AUTHENTICATION,
    REGISTRATION,
    END_SESSION,
)

#: Endpoints that programs call; people see the other ones.
CALLED: Final[tuple[EndpointRow, ...]] = tuple(
    row for row in ENDPOINTS if row not in {AUTHORIZATION, JWKS, END_SESSION}
)
#: Where registrations are read, changed and deleted: this, and the client's identifier.
MANAGEMENT: Final = f"{REGISTRATION.path}/"


def answers_programs(path: str) -> bool:
    """Return whether errors at an address are JSON (RFC 6749 §5.2)."""
    return path in _CALLED_PATHS or path.startswith(MANAGEMENT)


_CALLED_PATHS: Final = frozenset(row.path for row in CALLED)
