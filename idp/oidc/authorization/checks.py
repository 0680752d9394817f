"""The ordered table of checks on an authorization request (OpenID Connect Core §3.1.2.2).

A row is a function and the endpoints that it applies to. Order is meaning: nothing redirects before
client and redirect URI are known good (RFC 6749 §4.1.2.1, RFC 9700 §4.11).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Flag, auto
from functools import cached_property
from typing import Any, Final

from idp.domain.protocol.authorization_details import check_details
from idp.domain.protocol.authorization_request import (
    REPEATABLE,
    AuthorizationRequest,
    parse_authorization_request,
)
from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import (
    ProtocolError,
    invalid_request,
    invalid_scope,
    unauthorized_client,
    unsupported_response_type,
)
from idp.domain.protocol.pkce import check_challenge
from idp.domain.protocol.profile import rules_of
from idp.domain.protocol.redirect_uri import is_registered
from idp.domain.protocol.resource import check_resources
from idp.oidc.authorization.sources import CAME_PUSHED, CAME_SIGNED
from idp.oidc.request import refuse_repeated


class Endpoint(Flag):
    """Where a request arrives."""

    AUTHORIZE = auto()
    PAR = auto()
    DEVICE = auto()
    CIBA = auto()


@dataclass(frozen=True)
class Checked:
    """A request under examination, with what the checks need to know of this provider.

    `params`: not yet parsed, so that client and redirect URI are looked at before all else.
    `repeated`: names that came more than once. `read_hint`: gives the claims of an ID token of
    ours, expired or not.
    """

    params: Mapping[str, Any]
    repeated: frozenset[str]
    client: Client
    issuer: str
    response_modes: tuple[str, ...]
    pkce_for_all: bool
    par_for_all: bool
    known_scopes: frozenset[str]
    read_hint: Callable[[str], Mapping[str, Any] | None]

    @cached_property
    def request(self) -> AuthorizationRequest:
        """The parameters, typed; parsing them may refuse."""
        return parse_authorization_request(self.params)


@dataclass(frozen=True, slots=True)
class Check:
    """One row. `may_redirect`: whether its refusal goes back to the client by redirect."""

    run: Callable[[Checked], None]
    endpoints: Endpoint
    may_redirect: bool = True


class NotRedirectable(Exception):  # noqa: N818 - it says what may not be done
    """A refusal before client and redirect URI are known good: the answer stays with us."""

    def __init__(self, error: ProtocolError) -> None:
        super().__init__(str(error))
        self.error = error


def redirect_uri_is_registered(checked: Checked) -> None:
    """Refuse any redirect URI that is not one of the registered, as a whole (RFC 9700 §2.1)."""
    uri = checked.params.get("redirect_uri")
    if not uri:
        raise invalid_request("redirect_uri is missing")
    if "redirect_uri" in checked.repeated:
        raise invalid_request("the parameter redirect_uri was given more than once")
    if not is_registered(uri, checked.client.redirect_uris, native=checked.client.is_native):
        raise invalid_request("redirect_uri is not one that this client registered")


def request_is_pushed(checked: Checked) -> None:
    """Refuse a request from the browser where it must be pushed (RFC 9126 §5, §6)."""
    is_pushed = checked.params.get(CAME_PUSHED)
    if not is_pushed and must_push(checked.client, par_for_all=checked.par_for_all):
        raise invalid_request("this client must push its authorization requests")


def must_push(client: Client, *, par_for_all: bool) -> bool:
    """Return whether a client's requests count only where they were pushed (RFC 9126 §5, §6)."""
    wanted = bool(client.metadata.get("require_pushed_authorization_requests"))
    return wanted or par_for_all or rules_of(client).needs_par


def request_is_signed(checked: Checked) -> None:
    """Refuse plain parameters where a request object is required (RFC 9101 §10.5)."""
    wanted = checked.client.metadata.get("require_signed_request_object")
    if wanted and not checked.params.get(CAME_SIGNED):
        raise invalid_request("this client must send a signed request object")


def response_mode_is_offered(checked: Checked) -> None:
    """Refuse a response mode that is not offered, or not by the client's profile."""
    mode = checked.request.response_mode
    if not mode:
        return
    allowed = rules_of(checked.client).response_modes
    if mode not in checked.response_modes or (allowed is not None and mode not in allowed):
        raise invalid_request("this response_mode is not supported")


def client_may_redirect(checked: Checked) -> None:
    """Refuse a client without the authorization code grant (RFC 6749 §4.1.2.1)."""
    if "authorization_code" not in checked.client.grant_types:
        raise unauthorized_client("this client is not registered for authorization_code")


def each_parameter_once(checked: Checked) -> None:
    """Refuse a repeated parameter (RFC 6749 §3.1), except where lists are meant."""
    refuse_repeated(checked.repeated - REPEATABLE)


def parameters_parse(checked: Checked) -> None:
    """Refuse parameters that are not of their form."""
    _ = checked.request


def response_type_is_code(checked: Checked) -> None:
    """Refuse every response type but `code` (RFC 9700 §2.1.2)."""
    if not checked.request.response_type:
        raise invalid_request("response_type is missing")
    if checked.request.response_type != "code":
        raise unsupported_response_type("the only response_type is code")


def scope_is_allowed(checked: Checked) -> None:
    """Refuse a request without scope, or with one that is not for this client (RFC 6749 §3.3).

    Authorization details may stand alone (RFC 9396 §3).
    """
    scopes = checked.request.scopes
    if not scopes and checked.request.details:
        return
    if not any(scope in checked.client.scopes for scope in scopes):
        raise invalid_scope(
            "the scope must name at least one that this client registered; spaces separate several"
        )
    for scope in scopes:
        if scope in checked.known_scopes and scope not in checked.client.scopes:
            raise invalid_scope("a requested scope is not allowed for this client")


def pkce_is_s256(checked: Checked) -> None:
    """Refuse anything but PKCE with S256 (RFC 7636 §4.4.1, RFC 9700 §2.1.1)."""
    client = checked.client
    check_challenge(
        checked.request.code_challenge,
        checked.request.code_challenge_method,
        required=checked.pkce_for_all or client.is_public or rules_of(client).needs_pkce,
    )


def resources_are_allowed(checked: Checked) -> None:
    """Refuse audiences that the client may not ask for (RFC 8707 §2)."""
    check_resources(checked.request.resources, checked.client, issuer=checked.issuer)


def details_are_allowed(checked: Checked) -> None:
    """Refuse authorization details of a type that the client may not ask for (RFC 9396 §5)."""
    check_details(checked.request.details, checked.client, issuer=checked.issuer)


def hint_is_of_this_client(checked: Checked) -> None:
    """Refuse an `id_token_hint` that we did not issue to this client (OIDC Core §3.1.2.2)."""
    hint = checked.request.id_token_hint
    if hint is None:
        return
    claims = checked.read_hint(hint)
    if claims is None or claims.get("aud") != checked.client.client_id:
        raise invalid_request("id_token_hint is no ID token of this client")


def dpop_key_is_a_thumbprint(checked: Checked) -> None:
    """Refuse a `dpop_jkt` that can't be one (RFC 9449 §10)."""
    jkt = checked.request.dpop_jkt
    if jkt is not None and not _THUMBPRINT.fullmatch(jkt):
        raise invalid_request("dpop_jkt must be a SHA-256 thumbprint")


_BOTH: Final = Endpoint.AUTHORIZE | Endpoint.PAR
_EVERYWHERE: Final = _BOTH | Endpoint.DEVICE | Endpoint.CIBA
_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}")

CHECKS: Final[tuple[Check, ...]] = (
    Check(redirect_uri_is_registered, _BOTH, may_redirect=False),
    # from here on errors may redirect
    Check(each_parameter_once, _EVERYWHERE),
    Check(request_is_pushed, Endpoint.AUTHORIZE),
    Check(request_is_signed, _BOTH),
    Check(parameters_parse, _EVERYWHERE),
    Check(response_mode_is_offered, _BOTH),
    Check(client_may_redirect, _BOTH),
    Check(response_type_is_code, _BOTH),
    Check(scope_is_allowed, _EVERYWHERE),
    Check(pkce_is_s256, _BOTH),
    Check(resources_are_allowed, _EVERYWHERE),
    Check(details_are_allowed, _EVERYWHERE),
    Check(hint_is_of_this_client, _BOTH),
    Check(dpop_key_is_a_thumbprint, _BOTH),
)


def run_checks(checked: Checked, endpoint: Endpoint) -> None:
    """Run the table; the first refusal is raised, as `NotRedirectable` while it must stay here."""
    for check in CHECKS:
        if endpoint not in check.endpoints:
            continue
        try:
            check.run(checked)
        except ProtocolError as error:
            if check.may_redirect:
                raise
            raise NotRedirectable(error) from error
