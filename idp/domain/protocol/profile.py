"""What a client's profile tightens, in one readable table.

`baseline` is the Best Current Practice (RFC 9700) with OpenID Connect; `fapi2` is the
FAPI 2.0 Security Profile (§5.3.2, §5.4). Metadata never promises what a profile refuses to all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from idp.domain.protocol import algorithms
from idp.domain.protocol.client import Client, Profile


@dataclass(frozen=True, slots=True)
class Rules:
    """One column of the table. `None` where a profile does not restrict."""

    #: PKCE whatever the operator's setting says (FAPI 2.0 §5.3.2.2 point 5).
    needs_pkce: bool
    #: The request is pushed (§5.3.2.2 point 1).
    needs_par: bool
    #: A CIBA request is signed (FAPI-CIBA §5.2.2 point 1).
    needs_signed_backchannel_request: bool
    #: A CIBA request says what it is about, by message or details (FAPI-CIBA §5.2.2 point 2).
    needs_backchannel_context: bool
    #: Tokens are bound to a key, by DPoP or certificate (§5.3.2.1 point 4).
    needs_sender_constraint: bool
    #: DPoP proofs carry our nonce (RFC 9449 §8).
    needs_dpop_nonce: bool
    #: How the client may authenticate (§5.3.2.1 point 6).
    auth_methods: frozenset[str] | None
    #: What the client may sign with, and what we sign with for it (§5.4.1).
    algorithms: frozenset[str]
    #: What we sign with where the registration names no algorithm.
    own_algorithm: str
    #: The issuer is the only audience of an assertion (§5.3.2.1 point 8).
    sole_audience: bool
    #: Response modes that it may use.
    response_modes: frozenset[str] | None
    #: How long a request object may live, in seconds; then it also must say so, and for whom it is
    #: (Message Signing §5.3.1).
    request_object_seconds: int | None
    #: ID tokens tell more than OpenID Connect Core §2 without being asked: `ial` beside the scope
    #: `profile`, and `sid` also to a client that registered nothing to be logged out by.
    tells_unasked: bool
    #: In each of their sessions the person is asked once more, where a page may be shown: whoever
    #: signs in can still say no, whatever they once allowed (OpenID Connect Core §3.1.2.4).
    asks_each_session: bool


_KEYED: Final = frozenset({"private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"})

RULES: Final[Mapping[Profile, Rules]] = {
    Profile.BASELINE: Rules(
        needs_pkce=False,
        needs_par=False,
        needs_signed_backchannel_request=False,
        needs_backchannel_context=False,
        needs_sender_constraint=False,
        needs_dpop_nonce=False,
        auth_methods=None,
        algorithms=frozenset(algorithms.VERIFYING),
        own_algorithm=algorithms.ID_TOKEN_DEFAULT,
        sole_audience=False,
        response_modes=None,
        request_object_seconds=None,
        tells_unasked=True,
        asks_each_session=False,
    ),
    Profile.FAPI2: Rules(
        needs_pkce=True,
        needs_par=True,
        needs_signed_backchannel_request=True,
        needs_backchannel_context=True,
        needs_sender_constraint=True,
        needs_dpop_nonce=True,
        auth_methods=_KEYED,
        algorithms=algorithms.FAPI,
        own_algorithm=algorithms.OWN,
        sole_audience=True,
        response_modes=frozenset({"query", "form_post", "jwt", "query.jwt", "form_post.jwt"}),
        request_object_seconds=3600,
        tells_unasked=False,
        asks_each_session=True,
    ),
}


def rules_of(client: Client) -> Rules:
    """Return what binds a client."""
    return RULES[client.profile]


def is_offered(value: str, column: Callable[[Rules], frozenset[str] | None]) -> bool:
    """Return whether any profile lets a client use a value; metadata names nothing else."""
    allowed = (column(rules) for rules in RULES.values())
    return any(values is None or value in values for values in allowed)
