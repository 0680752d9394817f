"""Request objects, by value and by reference (RFC 9101 §4 to §6, OpenID Connect Core §6).

Seam: Authlib's hook runs before a pushed request can, and checks `client_id` alone. Here the object
is opened (if encrypted), verified by a registered key and algorithm, checked, and becomes the only
source of parameters (RFC 9101 §6.3).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from idp.domain.protocol.authorization_request import REPEATABLE, TEXTS
from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import (
    invalid_request_object,
    invalid_request_uri,
    request_uri_not_supported,
)
from idp.domain.protocol.request_object import (
    JWT_CLAIMS,
    check_request_object,
    is_request_object_type,
)
from idp.oidc.client_keys import ClientKeys, allowed_algorithms, read_jws
from idp.oidc.encryption import Encryption
from idp.oidc.request import has_control_character
from idp.ports.clock import Clock
from idp.ports.documents import DocumentFetcher, FetchFailed

#: Parameters that keep their JSON form inside a request object.
_STRUCTURED: Final = frozenset({"claims", "authorization_details"})
#: Parameters that are numbers there (OpenID Connect Core §6.1, CIBA Core §7.1.1).
_NUMBERS: Final = frozenset({"max_age", "requested_expiry"})


@dataclass(frozen=True, slots=True)
class RequestObjects:
    """Reads request objects. `by_reference`: whether the operator switched references on."""

    issuer: str
    keys: ClientKeys
    encryption: Encryption
    documents: DocumentFetcher
    clock: Clock
    by_reference: bool

    def read(self, text: str, client: Client) -> dict[str, Any]:
        """Return the parameters of a request object; refuses with `invalid_request_object`."""
        signed = self.encryption.from_client(text) if text.count(".") == 4 else text
        jws = read_jws(signed) if signed is not None else None
        if jws is None:
            raise invalid_request_object("the request object is no signed JWT that we can open")
        if not is_request_object_type(jws.header.get("typ", "JWT")):
            raise invalid_request_object("the request object has another typ")
        allowed = allowed_algorithms(client, "request_object_signing_alg")
        if not self.keys.verify(jws, client, allowed=allowed):
            raise invalid_request_object("the request object is not signed by a registered key")
        check_request_object(jws.claims, client, issuer=self.issuer, now=self.clock.now())
        return parameters_of(jws.claims)

    def fetch(self, request_uri: str, client: Client) -> dict[str, Any]:
        """Return the parameters behind a registered `request_uri` (RFC 9101 §5.2).

        A fragment is the hash of what is meant (OpenID Connect Core §6.2), and may change while the
        address stays. Nothing is kept, so that every request is the one that the client means.
        """
        if not self.by_reference:
            raise request_uri_not_supported("request_uri by reference is not supported")
        address = request_uri.partition("#")[0]
        if not {request_uri, address} & set(client.metadata.get("request_uris", ())):
            raise invalid_request_uri("the request_uri is not registered")
        try:
            body = self.documents.fetch_anew(address, kind="request_uri")
            text = body.decode("ascii").strip()
        except (FetchFailed, UnicodeDecodeError) as error:
            raise invalid_request_uri("the request_uri can't be fetched") from error
        return self.read(text, client)


def parameters_of(claims: Mapping[str, Any]) -> dict[str, Any]:
    """Return claims as parameters: texts as they are, numbers as texts, lists as lists.

    Refuses with `invalid_request_object` what is not of its type. What is no text and no parameter
    of ours is passed over, as are names that begin with a blank: these are our own notes.
    """
    params: dict[str, Any] = {}
    for name, value in claims.items():
        if name in JWT_CLAIMS or value is None or value == "" or name.startswith(" "):
            continue
        if name in _STRUCTURED:
            params[name] = value
        elif name in REPEATABLE:
            params[name] = value if isinstance(value, list) else [value]
        elif isinstance(value, str):
            params[name] = value
        elif name in _NUMBERS and isinstance(value, int) and not isinstance(value, bool):
            params[name] = str(value)
        elif name in TEXTS or name in _NUMBERS:
            raise invalid_request_object("a parameter is not of its type")
    listed = [text for name in REPEATABLE & set(params) for text in params[name]]
    if not all(isinstance(text, str) for text in listed):
        raise invalid_request_object("resource must be a string or a list of strings")
    texts = [value for value in params.values() if isinstance(value, str)]
    if any(has_control_character(text) for text in (*texts, *listed)):
        raise invalid_request_object("a parameter has a control character")
    return params
