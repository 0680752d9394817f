"""What to issue: the order that a grant type gives, and how long each token lives."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from idp.domain.protocol.client import Client
from idp.domain.protocol.grant import UNBOUND, ClientGrant, Confirmation, GrantHolder, RefreshFamily


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Seconds, as set by the operator."""

    code: int
    access_token: int
    id_token: int
    refresh_idle: int
    refresh_absolute: int
    pushed_request: int
    interaction: int

    def of(self, client: Client) -> "Lifetimes":
        """Return what holds for a client: its registration may shorten, never lengthen."""
        shorter = {
            name: min(seconds, getattr(self, name))
            for name in ("access_token", "id_token", "refresh_idle", "refresh_absolute")
            if (seconds := client.metadata.get(f"{name}_seconds")) is not None
        }
        return replace(self, **shorter) if shorter else self


@dataclass(frozen=True, slots=True)
class TokenOrder:
    """What one token request buys.

    `scopes`, `resources`: of the access token. `grant`, `holder`: absent for a client acting for
    itself. `refresh`: the family whose current token goes out; `shown`: the generation of the token
    that was brought. `nonce`: for the ID token, which comes where `openid` was granted (OpenID
    Connect Core §3.1.3.3, §12.2). `audience`, `subject`, `actor`, `issued_type`,
    `life_max_seconds`: where a token was exchanged (RFC 8693 §2.2).
    """

    scopes: tuple[str, ...]
    resources: tuple[str, ...] = ()
    grant: ClientGrant | None = None
    holder: GrantHolder | None = None
    confirmation: Confirmation = UNBOUND
    refresh: RefreshFamily | None = None
    shown: int | None = None
    details: tuple[Mapping[str, Any], ...] = ()
    nonce: str | None = None
    with_id_token: bool = False
    audience: str | None = None
    subject: str | None = None
    actor: Mapping[str, Any] | None = None
    issued_type: str | None = None
    life_max_seconds: int | None = None
