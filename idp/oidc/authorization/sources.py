"""Where a request's parameters come from, and which source wins.

The URL or body, a request object (RFC 9101 §6.3), or a request that was pushed (RFC 9126 §4): one
source, never a mixture. Beside a pushed request or a request object only `client_id` counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from idp.domain.ids import digest_of
from idp.domain.protocol.authorization_request import REPEATABLE
from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import (
    invalid_request,
    invalid_request_object,
    invalid_request_uri,
    registration_not_supported,
)
from idp.domain.protocol.interaction import PushedRequest
from idp.oidc.authorization.request_object import RequestObjects
from idp.oidc.request import Parameters
from idp.ports.store import Store

#: RFC 9126 §2.2: our handles for pushed requests.
PUSHED_PREFIX: Final = "urn:ietf:params:oauth:request_uri:"

#: Our own notes beside the parameters, how the request came; no parameter can have such a name.
CAME_PUSHED: Final = " pushed"
CAME_SIGNED: Final = " signed"

#: Never part of the request itself.
_CREDENTIALS: Final = frozenset(
    {"client_secret", "client_assertion", "client_assertion_type", "request_uri", "request"}
)


@dataclass(frozen=True, slots=True)
class Source:
    """One set of parameters, and the pushed request that it came from, if any."""

    params: Mapping[str, Any]
    repeated: frozenset[str] = frozenset()
    pushed: PushedRequest | None = None


def as_params(parameters: Parameters) -> dict[str, Any]:
    """Return parameters as they are kept: strings, and lists for what may be repeated."""
    params: dict[str, Any] = {
        name: value
        for name, value in parameters.values.items()
        if name not in _CREDENTIALS and not name.startswith(" ")
    }
    for name in REPEATABLE & set(params):
        params[name] = list(parameters.many(name))
    return params


@dataclass(frozen=True, slots=True)
class Sources:
    """Finds the one source of a request."""

    store: Store
    objects: RequestObjects

    def find(self, parameters: Parameters, client: Client, *, now: int) -> Source:
        """Return the parameters that count, for a call from the browser.

        Refuses with `invalid_request_uri`, `invalid_request_object`, `invalid_request`.
        """
        request_uri = parameters.one("request_uri")
        if request_uri is not None and request_uri.startswith(PUSHED_PREFIX):
            return self._pushed(request_uri, client, now)
        return self.direct(parameters, client, request_uri=request_uri)

    def direct(self, parameters: Parameters, client: Client, *, request_uri: str | None) -> Source:
        """Return the parameters of a call itself, or of the request object that it carries."""
        if "registration" in parameters.values:
            raise registration_not_supported("the registration parameter is not supported")
        text = parameters.one("request")
        if text is not None and request_uri is not None:
            raise invalid_request("request and request_uri exclude one another")
        if text is not None:
            return Source(self._signed(self.objects.read(text, client), client))
        if request_uri is not None:
            return Source(self._signed(self.objects.fetch(request_uri, client), client))
        return Source(as_params(parameters), parameters.repeated)

    @staticmethod
    def _signed(params: dict[str, Any], client: Client) -> dict[str, Any]:
        if params.get("client_id") != client.client_id:
            raise invalid_request_object("client_id differs inside and outside the request object")
        return {**params, CAME_SIGNED: True}

    def _pushed(self, request_uri: str, client: Client, now: int) -> Source:
        with self.store.read() as tx:
            pushed = tx.interactions.find_pushed(digest_of(request_uri))
        if pushed is None:
            raise invalid_request_uri("the request_uri is unknown")
        if pushed.client_id != client.client_id:
            raise invalid_request_uri("the request_uri belongs to another client")
        if pushed.used_at is not None:
            raise invalid_request_uri("the request_uri was used before")
        if now >= pushed.expires_at:
            raise invalid_request_uri("the request_uri has expired")
        return Source(pushed.params, frozenset(), pushed)
