"""The one gate that every token passes (RFC 6749 §5.1, `security.md` OA-16), when made and later.

Account, grant, session, clients, audience and factors are asked for anew each time, so that none of
them can end without the tokens ending too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from idp.domain.ids import digest_of
from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import invalid_grant, invalid_target
from idp.domain.protocol.grant import (
    ClientGrant,
    GrantHolder,
    check_factors,
    check_holder,
    is_standing,
)
from idp.domain.protocol.tokens import TokenOrder
from idp.oidc.client_directory import ClientDirectory
from idp.ports.store import Transaction


@dataclass(frozen=True, slots=True)
class Gate:
    """Says whether a token may go out, and whether one that is out still counts."""

    directory: ClientDirectory

    def passed(self, order: TokenOrder, client: Client, audience: str, now: int) -> TokenOrder:
        """Return the order with what may be issued at this moment.

        `client`: who asks. Scopes that its registration no longer has are left out (RFC 6749 §3.3).
        Refuses with `invalid_grant` or `invalid_target`.
        """
        if self.directory.is_closed(audience):
            raise invalid_target("the resource does not answer now")
        grant, holder = order.grant, order.holder
        if grant is not None and holder is not None:
            check_holder(grant, holder, now)
            check_factors(grant, holder, client)
            if grant.client_id != client.client_id:
                # an exchanged token is no stronger than the portal that the person signed in to
                origin = self.directory.find(grant.client_id)
                if origin is None or not origin.is_active:
                    raise invalid_grant("the client of the grant was ended")
        scopes = tuple(s for s in order.scopes if s in client.scopes)
        return order if scopes == order.scopes else replace(order, scopes=scopes)

    def counts(
        self,
        claims: Mapping[str, Any],
        found: tuple[ClientGrant, GrantHolder] | None,
        *,
        now: int,
        tx: Transaction,
    ) -> bool:
        """Return whether an access token of ours, not yet expired, still counts.

        `found`: the grant that it names by `gid`, with its holder.
        """
        if not self._is_active(claims["client_id"]):
            return False
        if "gid" not in claims:
            # a service acting for another one names it: that one's end is the token's too
            others = {str(claims["sub"])} - {claims["client_id"]}
            return all(map(self._is_active, others)) and not is_revoked(claims, tx)
        if found is None or not is_standing(*found, now):
            return False
        origin = found[0].client_id
        if origin == claims["client_id"]:
            return True
        return self._is_active(origin) and not is_revoked(claims, tx)

    def _is_active(self, client_id: str) -> bool:
        client = self.directory.find(client_id)
        return client is not None and client.is_active


def is_revoked(claims: Mapping[str, Any], tx: Transaction) -> bool:
    """Return whether this one token was ended by itself (RFC 7009 §2.1)."""
    return tx.revoked_tokens.contains(digest_of(claims["jti"]))
