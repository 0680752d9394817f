"""The flows that are measured, in the order in which the tables name them.

A flow has something to prepare, outside the measurement, and a step, which is what is counted.
Tokens are read in turn from a handful for each connection: no server answers from one warm entry.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bench.target import Registration
from bench.visit import Visit
from bench.wire import PeerFailed

#: Access tokens that each connection goes round.
TOKENS: Final = 8

_SCOPE: Final = "openid profile email"
_OFFLINE: Final = "openid profile email offline_access"

#: Runs one flow.
Step = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Flow:
    """`prepare`: makes a person ready and returns the step that is measured."""

    name: str
    title: str
    prepare: Callable[[Visit], Step]


def _jwks(visit: Visit) -> Step:
    def step() -> None:
        if not visit.jwks()["keys"]:
            raise PeerFailed("no keys are published")

    return step


def _client_credentials(visit: Visit) -> Step:
    form = {"grant_type": "client_credentials", **visit.target.machine_form}

    def step() -> None:
        visit.token(visit.target.clients.machine, form)

    return step


def _login(visit: Visit) -> Step:
    _signed_in(visit, visit.target.clients.portal, _SCOPE)

    def step() -> None:
        _tokens(visit, visit.target.clients.portal, _SCOPE)

    return step


def _refresh_of(client_of: Callable[[Visit], Registration]) -> Callable[[Visit], Step]:
    def prepare(visit: Visit) -> Step:
        client, more = client_of(visit), visit.target.offline_form
        held = _signed_in(visit, client, _OFFLINE, **more)["refresh_token"]

        def step() -> None:
            nonlocal held
            form = {"grant_type": "refresh_token", "refresh_token": held}
            answer = visit.token(client, form)
            held = answer.get("refresh_token", held)
            if visit.target.refreshes_id_token and "id_token" not in answer:
                raise PeerFailed("refresh: no ID token")

        return step

    return prepare


def _userinfo(visit: Visit) -> Step:
    held = _many_tokens(visit)

    def step() -> None:
        held.append(held.pop(0))
        if "email" not in visit.userinfo(held[0]):
            raise PeerFailed("userinfo: the granted claims are missing")

    return step


def _introspection(visit: Visit) -> Step:
    held = _many_tokens(visit)

    def step() -> None:
        held.append(held.pop(0))
        if visit.introspect(visit.target.clients.portal, held[0]).get("active") is not True:
            raise PeerFailed("introspection: a live token is told inactive")

    return step


def _password(visit: Visit) -> Step:
    def step() -> None:
        visit.forget()
        visit.sign_in(visit.ask(visit.target.clients.portal, _SCOPE))

    return step


def _signed_in(visit: Visit, client: Registration, scope: str, **more: str) -> dict[str, Any]:
    """Sign in by the pages; a second request then goes through without any."""
    asked = visit.ask(client, scope, **more)
    return visit.redeem(client, visit.sign_in(asked), asked)


def _tokens(visit: Visit, client: Registration, scope: str) -> dict[str, Any]:
    asked = visit.ask(client, scope)
    return visit.redeem(client, visit.authorize(asked), asked)


def _many_tokens(visit: Visit) -> list[str]:
    client = visit.target.clients.portal
    first = _signed_in(visit, client, _SCOPE)
    more = [_tokens(visit, client, _SCOPE) for _ in range(TOKENS - 1)]
    return [str(tokens["access_token"]) for tokens in (first, *more)]


FLOWS: Final[Mapping[str, Flow]] = {
    flow.name: flow
    for flow in (
        Flow("jwks", "JWKS", _jwks),
        Flow("client-credentials", "client credentials", _client_credentials),
        Flow("login", "SSO login: authorize with a live session, code, token", _login),
        Flow(
            "refresh",
            "refresh, confidential client",
            _refresh_of(lambda v: v.target.clients.offline),
        ),
        Flow(
            "rotate",
            "refresh, public client (rotates)",
            _refresh_of(lambda v: v.target.clients.public),
        ),
        Flow("userinfo", "userinfo", _userinfo),
        Flow("introspection", "introspection", _introspection),
        Flow("password", "password login: request, page, Argon2id, code", _password),
    )
}
