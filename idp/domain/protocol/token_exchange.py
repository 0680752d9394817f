"""Token exchange (RFC 8693): narrowing a token, or acting on its holder's behalf.

Between services of the ministry only, as the policy of each client says; never a person for another
person, and never more than the token that was brought.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import invalid_request, invalid_target, unauthorized_client
from idp.domain.protocol.scope import narrowed, parse_scope

GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"
JWT: Final = "urn:ietf:params:oauth:token-type:jwt"
ACTORS_MAX: Final = 4


@dataclass(frozen=True, slots=True)
class ExchangePolicy:
    """What a client may exchange. `audiences`: that it may ask for.

    `sources`: audiences whose tokens it may bring, beside those that were issued to itself.
    """

    audiences: frozenset[str]
    sources: frozenset[str]


def policy_of(client: Client) -> ExchangePolicy:
    """Return what the registration allows: audiences to ask for, and those that it serves.

    `exchange_audiences` where an operator named them for exchanges, else `resources`.
    """
    named = client.metadata.get("exchange_audiences")
    audiences = client.resources if named is None else frozenset(named)
    return ExchangePolicy(audiences, client.serves)


def check_types(*, subject_type: str | None, actor_type: str | None, requested: str) -> None:
    """Refuse token types that are not exchanged here (RFC 8693 §2.1, §3)."""
    if subject_type not in {ACCESS_TOKEN, JWT}:
        raise invalid_request("subject_token_type must be an access token")
    if actor_type is not None and actor_type not in {ACCESS_TOKEN, JWT}:
        raise invalid_request("actor_token_type must be an access token")
    if requested not in {ACCESS_TOKEN, JWT}:
        raise invalid_request("requested_token_type must be an access token")


def check_source(subject: Mapping[str, Any], client: Client) -> None:
    """Refuse a token that was neither issued to this client nor meant for it (RFC 8693 §2.1)."""
    policy = policy_of(client)
    if subject["client_id"] != client.client_id and subject["aud"] not in policy.sources:
        raise invalid_request("the subject token was not issued to this client, nor for it")


def audience_for(asked: Sequence[str], subject: Mapping[str, Any], client: Client) -> str:
    """Return the one audience of the new token (RFC 8693 §2.1).

    A client that narrows its own token keeps its audience; every other one the policy must name.
    """
    is_own = subject["client_id"] == client.client_id
    if is_own and set(asked) <= {subject["aud"]}:
        return str(subject["aud"])
    if len(asked) != 1:
        raise invalid_target("ask for exactly one audience or resource")
    if asked[0] not in policy_of(client).audiences:
        raise invalid_target("the policy of this client does not name that audience")
    return asked[0]


def scopes_for(asked: str | None, subject: Mapping[str, Any], client: Client) -> tuple[str, ...]:
    """Return the scopes of the new token: of the old one, and of the client's own registration."""
    held = parse_scope(subject.get("scope"))
    within = tuple(scope for scope in held if scope in client.scopes)
    if asked is None:
        return within
    return narrowed(asked, within)


def actor_claim(
    subject: Mapping[str, Any], client: Client, actor: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """Return the `act` claim (RFC 8693 §4.1): who acts now, with those who acted before inside.

    A client that narrows its own token acts for nobody. An actor must be a service, never a person.
    """
    if actor is not None and ("gid" in actor or actor["client_id"] != client.client_id):
        raise invalid_request("the actor token must be this client's own, for no person")
    if subject["client_id"] == client.client_id and actor is None:
        return subject.get("act")
    former = subject.get("act")
    if _depth(former) >= ACTORS_MAX:
        raise unauthorized_client("too many services acted on this token already")
    claim: dict[str, Any] = {"sub": client.client_id}
    if former is not None:
        claim["act"] = former
    return claim


def _depth(claim: object) -> int:
    depth = 0
    while isinstance(claim, Mapping):
        depth += 1
        claim = claim.get("act")
    return depth
