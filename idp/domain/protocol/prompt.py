"""What must happen before a code may be issued (OpenID Connect Core §3.1.2.3 to §3.1.2.6).

`decide` is pure: the request, the browser's session, the standing consent and what was already done
for this very request go in; what to show, or that a code may be issued, comes out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from idp.domain.identity.assurance import least_level, level_of
from idp.domain.identity.claims import told_by_name
from idp.domain.identity.consent import Consent
from idp.domain.identity.session import LoginSession
from idp.domain.protocol.authorization_details import marks_of
from idp.domain.protocol.authorization_request import AuthorizationRequest
from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import (
    ProtocolError,
    access_denied,
    account_selection_required,
    consent_required,
    interaction_required,
    login_required,
    unmet_authentication_requirements,
)
from idp.domain.protocol.profile import rules_of
from idp.domain.protocol.scope import OFFLINE_ACCESS, OPENID


@dataclass(frozen=True, slots=True)
class ShowRegistration:
    """Open an account first (`prompt=create`, Initiating User Registration §4)."""


@dataclass(frozen=True, slots=True)
class ShowLogin:
    """Sign in, or sign in again."""


@dataclass(frozen=True, slots=True)
class ShowAccountChoice:
    """Ask whether to go on with the signed-in account."""


@dataclass(frozen=True, slots=True)
class ShowStepUp:
    """Add a proof until the session reaches a level."""

    level: int


@dataclass(frozen=True, slots=True)
class ShowConsent:
    """Ask for what was not yet allowed. `optional` may be unticked."""

    scopes: tuple[str, ...]
    optional: tuple[str, ...]
    claims: tuple[str, ...]
    details: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Issue:
    """Issue a code for these scopes and claims."""

    scopes: tuple[str, ...]
    claims: frozenset[str]


Decision = ShowRegistration | ShowLogin | ShowAccountChoice | ShowStepUp | ShowConsent | Issue


@dataclass(frozen=True, slots=True)
class Done:
    """What the person already did for this very request.

    `signed_in`: the `sid` of the session in which they signed in for it. `chosen`: that they kept
    the account. `consented`: that they allowed it. `registered`: that `create` was shown.
    """

    signed_in: str | None = None
    chosen: bool = False
    consented: bool = False
    registered: bool = False


NOTHING_DONE: Final = Done()


@dataclass(frozen=True, slots=True)
class Holder:
    """The signed-in person, as far as the decision needs them.

    `reachable_level`: the highest level that their methods allow. `hinted`: whether an
    `id_token_hint` or an asked `sub` names them, `None` where nobody was named.
    """

    session: LoginSession
    ial: int
    reachable_level: int
    hinted: bool | None = None


def decide(
    request: AuthorizationRequest,
    client: Client,
    holder: Holder | None,
    consent: Consent | None,
    done: Done,
    now: int,
) -> Decision:
    """Return the next step. With `prompt=none` every step that needs a page is its error."""
    decision = _next_step(request, client, holder, consent, done, now)
    if "none" in request.prompts and not isinstance(decision, Issue):
        error, description = _ERRORS[type(decision)]
        raise error(description)
    return decision


def _next_step(
    request: AuthorizationRequest,
    client: Client,
    holder: Holder | None,
    consent: Consent | None,
    done: Done,
    now: int,
) -> Decision:
    if "create" in request.prompts and not done.registered and done.signed_in is None:
        return ShowRegistration()
    if holder is None or _must_sign_in(request, client, holder, done, now):
        return ShowLogin()
    if "select_account" in request.prompts and not done.chosen and done.signed_in is None:
        return ShowAccountChoice()
    if holder.ial < client.ial_floor:
        raise access_denied("the identity of the person is not proved enough for this client")
    level = _missing_level(request, client, holder)
    if level is not None:
        return ShowStepUp(level)
    return _consent_step(request, client, holder.session, consent, done)


def _must_sign_in(
    request: AuthorizationRequest, client: Client, holder: Holder, done: Done, now: int
) -> bool:
    if holder.hinted is False:
        if done.signed_in == holder.session.sid:
            # OpenID Connect Core §3.1.2.1: whoever was named is not who signed in for it
            raise login_required("another person signed in than the one that was asked for")
        return True
    if done.signed_in == holder.session.sid:
        return False
    if "login" in request.prompts:
        return True
    limit = request.max_age
    if limit is None:
        limit = client.metadata.get("default_max_age")
    if limit is None:
        return False
    # none at all is a sign-in for this very request, as with prompt=login
    return limit == 0 or now - holder.session.auth_time > limit


def required_levels(request: AuthorizationRequest, client: Client) -> tuple[tuple[int, ...], bool]:
    """Return the levels that would do, and whether one of them must be reached.

    Essential `acr` (OpenID Connect Core §5.5.1.1) and the client's floor bind; `acr_values` wish.
    """
    asked = request.claims.id_token.get("acr")
    if asked is not None and asked.essential and asked.values:
        levels = [level_of(str(value)) for value in asked.values]
        return tuple(level for level in levels if level is not None), True
    wished = request.acr_values or (tuple(map(str, asked.values)) if asked else ())
    wished = wished or tuple(client.metadata.get("default_acr_values", ()))
    level = least_level(wished)
    return ((level,) if level is not None else ()), False


def highest_level(request: AuthorizationRequest, client: Client) -> int:
    """Return the level that a session must have for nothing more to be asked, 0 for any."""
    levels, _ = required_levels(request, client)
    return max(client.acr_floor, min(levels, default=0))


def level_to_tell(request: AuthorizationRequest, client: Client, reached: int) -> int:
    """Return the level that `acr` tells: of those asked for the highest that was reached.

    So `acr` is one of the values asked for (OpenID Connect Core §5.5.1.1), and never more than what
    happened; where none of them was reached, or none was asked for, it is the level reached.
    """
    asked = request.claims.id_token.get("acr")
    named = tuple(map(str, asked.values)) if asked is not None else ()
    return told_of(named or request.acr_values, client, reached)


def told_of(wished: tuple[str, ...], client: Client, reached: int) -> int:
    """Return the same for `acr` values however they were asked for; CIBA Core §7.1 has them too."""
    wished = wished or tuple(client.metadata.get("default_acr_values", ()))
    levels = [level for acr in wished if (level := level_of(acr)) is not None]
    return max((n for n in levels if client.acr_floor <= n <= reached), default=reached)


def _missing_level(request: AuthorizationRequest, client: Client, holder: Holder) -> int | None:
    session = holder.session
    if session.aal < client.acr_floor:
        return _reach(client.acr_floor, holder, must=True)
    levels, must = required_levels(request, client)
    if not levels:
        if must:
            raise unmet_authentication_requirements("no requested acr value is known here")
        return None
    if session.aal >= min(levels):
        return None
    return _reach(min(levels), holder, must=must)


def _reach(level: int, holder: Holder, *, must: bool) -> int | None:
    if level <= holder.reachable_level:
        return level
    if must:
        raise unmet_authentication_requirements("the person has no way to reach that acr")
    return None


def _consent_step(
    request: AuthorizationRequest,
    client: Client,
    session: LoginSession,
    consent: Consent | None,
    done: Done,
) -> Decision:
    scopes = tuple(scope for scope in request.scopes if scope in client.scopes)
    claims = told_by_name(request.claims.names)
    refused = consent.refused if consent and consent.withdrawn_at is None else frozenset()
    if not done.consented and _must_ask(request, client, session, consent, scopes, claims):
        optional = tuple(scope for scope in scopes if scope in client.optional_scopes)
        return ShowConsent(scopes, optional, tuple(sorted(claims)), request.details)
    return Issue(tuple(scope for scope in scopes if scope not in refused), claims)


def _must_ask(
    request: AuthorizationRequest,
    client: Client,
    session: LoginSession,
    consent: Consent | None,
    scopes: tuple[str, ...],
    claims: frozenset[str],
) -> bool:
    if "consent" in request.prompts:
        return True
    if client.is_first_party:
        return False
    is_silent = "none" in request.prompts
    if client.is_native and not is_silent:
        return True
    if consent is None:
        return True
    # in one second with the sign-in counts as before it: rather asked twice than not at all
    is_older = consent.given_at <= session.created_at
    if is_older and not is_silent and rules_of(client).asks_each_session:
        return True
    wanted = {scope for scope in scopes if scope != OPENID}
    return not consent.covers(scopes=wanted, claims=claims, details=marks_of(request.details))


def is_offline(scopes: tuple[str, ...]) -> bool:
    """Return whether the grant outlives the login session (OpenID Connect Core §11)."""
    return OFFLINE_ACCESS in scopes


_ERRORS: Final[Mapping[type[Decision], tuple[Callable[[str], ProtocolError], str]]] = {
    ShowRegistration: (interaction_required, "an account would have to be opened first"),
    ShowLogin: (login_required, "the person is not signed in, or not recently enough"),
    ShowAccountChoice: (account_selection_required, "the person would have to choose an account"),
    ShowStepUp: (interaction_required, "a further proof of identity is needed"),
    ShowConsent: (consent_required, "the person has not yet allowed this"),
}
