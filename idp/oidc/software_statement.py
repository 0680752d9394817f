"""Software statements (RFC 7591 §2.3): metadata that a trusted issuer vouches for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import import_key

from idp.domain.protocol.algorithms import VERIFYING
from idp.domain.protocol.client_assertion import LEEWAY_SECONDS
from idp.domain.protocol.errors import ProtocolError
from idp.oidc.client_keys import fits, read_jws, verify_with
from idp.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class SoftwareStatements:
    """`issuers`: the keys of each issuer that is trusted, by its `iss`."""

    issuers: Mapping[str, Sequence[Mapping[str, Any]]]
    clock: Clock

    def applied(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return metadata in which the statement's claims rule over what stands beside them.

        The statement itself stays among them: the answer tells it back unchanged (§3.2.1).
        Refuses with `invalid_software_statement` or `unapproved_software_statement` (§3.2.2).
        """
        text = given.get("software_statement")
        if text is None:
            return dict(given)
        jws = read_jws(text) if isinstance(text, str) else None
        if jws is None or jws.header["alg"] not in VERIFYING:
            raise ProtocolError("invalid_software_statement", "it is no signed JWT")
        keys = self.issuers.get(str(jws.claims.get("iss")))
        if keys is None:
            raise ProtocolError("unapproved_software_statement", "its issuer is not trusted here")
        alg = str(jws.header["alg"])
        if not any(fits(key, alg) and _verifies(jws, alg, key) for key in keys):
            raise ProtocolError("invalid_software_statement", "its signature does not verify")
        self._check_times(jws.claims)
        claims = {name: value for name, value in jws.claims.items() if name not in _ABOUT_ITSELF}
        return {**given, **claims}

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        """Refuse a statement out of its time (RFC 7519 §4.1)."""
        now = self.clock.now()
        for name in ("exp", "nbf", "iat"):
            at = claims.get(name)
            if at is None:
                continue
            if isinstance(at, bool) or not isinstance(at, int | float):
                raise ProtocolError("invalid_software_statement", f"its {name} is no instant")
            if name == "exp" and now > at + LEEWAY_SECONDS:
                raise ProtocolError("invalid_software_statement", "it has expired")
            if name != "exp" and at > now + LEEWAY_SECONDS:
                raise ProtocolError("invalid_software_statement", f"its {name} is in the future")


#: Claims that speak of the statement and not of the client.
_ABOUT_ITSELF: Final = frozenset(
    {"iss", "iat", "exp", "nbf", "jti", "aud", "sub", "software_statement"}
)


def _verifies(jws: Any, alg: str, jwk: Mapping[str, Any]) -> bool:
    try:
        return verify_with(jws, alg, import_key(dict(jwk)))
    except (JoseError, ValueError, TypeError, KeyError):
        return False
