"""Client authentication: exactly one method, the registered one (RFC 6749 §2.3, RFC 9700 §2.5).

Seam: Authlib takes the first method that fits, raises on Basic credentials outside UTF-8, does not
decode `+` in them, and names no algorithms for assertions; so the table below is ours.
"""

import base64
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hmac import compare_digest
from typing import Final
from urllib.parse import unquote_plus

from typing_extensions import override

from idp.domain.ids import digest_of
from idp.domain.protocol.client import CERTIFICATE_METHODS, SECRET_METHODS, Client
from idp.domain.protocol.client_assertion import (
    ASSERTION_TYPE,
    TYPES,
    AssertionIdentifier,
    check_assertion,
)
from idp.domain.protocol.errors import ProtocolError, invalid_client, invalid_request
from idp.oidc.addresses import Addresses
from idp.oidc.client_directory import ClientDirectory
from idp.oidc.client_keys import ClientKeys, Jws, allowed_algorithms, media_type, read_jws
from idp.oidc.endpoints import TOKEN
from idp.oidc.limits import ClientLimits
from idp.oidc.request import Parameters, WireRequest
from idp.oidc.sender.mtls import Certificate, check_named, check_own, read_certificate
from idp.ports.clock import Clock
from idp.ports.store import Store

logger = logging.getLogger(__name__)

_UNKNOWN: Final = "client authentication failed"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a call brought to authenticate with. `method`: as registered by IANA."""

    method: str
    client_id: str
    secret: str = ""
    assertion: Jws | None = None
    certificate: Certificate | None = None


class Unproved(ProtocolError):  # noqa: N818 - a refusal is an answer, not an error
    """A refusal that tells a stranger nothing. `why`: for the operator and the client's team."""

    def __init__(self, why: str, description: str = _UNKNOWN) -> None:
        super().__init__("invalid_client", description, status=401)
        self.why = why

    @property
    @override
    def for_the_team(self) -> str:
        return self.why


class WrongMethod(Unproved):
    """The client is known and authenticates in another way than the one that was tried."""


@dataclass(frozen=True, slots=True)
class ClientAuthenticator:
    """Finds out which client calls, and believes it only on proof."""

    directory: ClientDirectory
    keys: ClientKeys
    store: Store
    clock: Clock
    limits: ClientLimits
    addresses: Addresses

    def authenticate(self, request: WireRequest, endpoint: str) -> Client:
        """Return the client, within its limits; refuses with `invalid_client`, `invalid_request`.

        `endpoint`: the address called, which a lenient client may name as audience.
        """
        try:
            client = self._proved(request, endpoint)
        except ProtocolError as error:
            _tell_operator(error, request.caller, endpoint)
            # where nothing was guessed: some libraries try each method in turn (contract 7.2)
            if error.error == "invalid_client" and not isinstance(error, WrongMethod):
                self.limits.count_failure(request.address)
            raise
        self.limits.count_call(client.client_id, endpoint)
        return client

    def _proved(self, request: WireRequest, endpoint: str) -> Client:
        credentials = read_credentials(request)
        client = self.directory.find(credentials.client_id)
        if client is None:
            raise Unproved("no such client")
        request.caller = client
        if not client.is_active:
            raise Unproved(f"the client is {client.status}")
        credentials = _with_certificate(credentials, client, request)
        check = METHODS.get(credentials.method)
        if check is None or client.auth_method != credentials.method:
            raise self._wrong_method(credentials, client)
        check(self, client, credentials, endpoint)
        return client

    def _wrong_method(self, credentials: Credentials, client: Client) -> Unproved:
        """Say which method is registered where that is no secret, or to whoever has the secret.

        A wrong secret is a guess whichever way it came, and counts as one; none at all is no guess
        (Go's `x/oauth2` begins like that, `contract.md` 7.2).
        """
        why = f"tried {credentials.method}, registered is {client.auth_method}"
        if client.auth_method in SECRET_METHODS:
            if credentials.method not in SECRET_METHODS or not credentials.secret:
                return WrongMethod(why)
            if not _is_secret(credentials, client, self.clock.now()):
                return Unproved(why)
        return WrongMethod(why, f"this client authenticates with {client.auth_method}")

    def spend(self, identifier: AssertionIdentifier, client: Client) -> None:
        """Refuse an assertion that was used before; the store decides, for all processes."""
        digest = digest_of(f"assertion\n{client.client_id}\n{identifier.jti}")
        with self.store.write() as tx:
            first = tx.replays.add_once(
                digest, expires_at=identifier.remember_until, now=self.clock.now()
            )
        if not first:
            raise invalid_client("the client assertion was used before")


def read_credentials(request: WireRequest) -> Credentials:
    """Return what the request authenticates with, and refuse two methods at once."""
    form = request.form()
    found = [
        credentials
        for read in (_read_basic, _read_assertion, _read_body)
        if (credentials := read(request, form)) is not None
    ]
    if len(found) > 1:
        raise invalid_request("the request uses more than one way to authenticate the client")
    if not found:
        raise invalid_client("the request names no client")
    named = form.one("client_id")
    if named is not None and named != found[0].client_id:
        raise invalid_request("client_id differs from the authenticated client")
    return found[0]


def _read_basic(request: WireRequest, form: Parameters) -> Credentials | None:
    """Read HTTP Basic; both parts are form-encoded first (RFC 6749 §2.3.1)."""
    del form
    header = request.headers.get("authorization", "")
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
        name, separator, secret = text.partition(":")
        client_id = unquote_plus(name, errors="strict")
        secret = unquote_plus(secret, errors="strict")
    except ValueError as error:
        raise invalid_client("the Authorization header is no HTTP Basic credential") from error
    if not separator:
        raise invalid_client("the Authorization header is no HTTP Basic credential")
    return Credentials("client_secret_basic", client_id, secret)


def _read_assertion(request: WireRequest, form: Parameters) -> Credentials | None:
    del request
    text, kind = form.one("client_assertion"), form.one("client_assertion_type")
    if text is None and kind is None:
        return None
    if kind != ASSERTION_TYPE or text is None:
        raise invalid_client("client_assertion_type must be the one for JWT (RFC 7523)")
    jws = read_jws(text)
    if jws is None:
        raise invalid_client("the client assertion is no signed JWT in compact form")
    subject = jws.claims.get("sub")
    if not isinstance(subject, str):
        raise invalid_client("the client assertion has no sub")
    return Credentials("private_key_jwt", subject, assertion=jws)


def _read_body(request: WireRequest, form: Parameters) -> Credentials | None:
    client_id, secret = form.one("client_id"), form.one("client_secret")
    if secret is not None:
        if client_id is None:
            raise invalid_client("client_secret came without client_id")
        return Credentials("client_secret_post", client_id, secret)
    has_other = "client_assertion" in form.values or request.headers.get(
        "authorization", ""
    ).lower().startswith("basic ")
    if client_id is None or has_other:
        return None
    return Credentials("none", client_id)


def _with_certificate(
    credentials: Credentials, client: Client, request: WireRequest
) -> Credentials:
    """Return credentials by certificate where the client registered that and sent nothing else."""
    if credentials.method != "none" or client.auth_method not in CERTIFICATE_METHODS:
        return credentials
    found = read_certificate(request.certificate) if request.certificate is not None else None
    if found is None:
        raise invalid_client("the client certificate is missing")
    if client.auth_method == "tls_client_auth" and not request.is_certificate_checked:
        # any name can stand in a certificate that nobody but its holder signed
        raise invalid_client("the chain of the client certificate was not checked by our proxy")
    return replace(credentials, method=client.auth_method, certificate=found)


def _is_secret(credentials: Credentials, client: Client, now: int) -> bool:
    given = digest_of(credentials.secret)
    return any(compare_digest(given, digest) for digest in client.live_secrets(now))


def _check_secret(
    authenticator: ClientAuthenticator, client: Client, credentials: Credentials, endpoint: str
) -> None:
    del endpoint
    now = authenticator.clock.now()
    if not _is_secret(credentials, client, now):
        is_any = bool(client.live_secrets(now))
        raise Unproved("the secret is wrong or has ended" if is_any else "no secret is good now")


def _check_signature(
    authenticator: ClientAuthenticator, client: Client, credentials: Credentials, endpoint: str
) -> None:
    jws = credentials.assertion
    if jws is None:
        raise invalid_client(_UNKNOWN)
    if media_type(jws) not in TYPES:
        raise invalid_client("the client assertion has another typ than JWT")
    allowed = allowed_algorithms(client, "token_endpoint_auth_signing_alg")
    if not authenticator.keys.verify(jws, client, allowed=allowed):
        raise invalid_client("the client assertion is not signed by a registered key")
    addresses = authenticator.addresses
    identifier = check_assertion(
        jws.claims,
        client,
        issuer=addresses.issuer,
        endpoints=frozenset((*addresses.all_of(addresses.of(TOKEN)), *addresses.all_of(endpoint))),
        now=authenticator.clock.now(),
    )
    authenticator.spend(identifier, client)


def _check_named_certificate(
    authenticator: ClientAuthenticator, client: Client, credentials: Credentials, endpoint: str
) -> None:
    del endpoint
    if credentials.certificate is None:
        raise invalid_client(_UNKNOWN)
    check_named(credentials.certificate, client, authenticator.clock)


def _check_own_certificate(
    authenticator: ClientAuthenticator, client: Client, credentials: Credentials, endpoint: str
) -> None:
    del endpoint
    if credentials.certificate is None:
        raise invalid_client(_UNKNOWN)
    for fresh in (False, True):
        keys = authenticator.keys.published(client, fresh=fresh)
        try:
            check_own(credentials.certificate, keys, authenticator.clock)
        except ProtocolError:
            if fresh or "jwks_uri" not in client.metadata:
                raise
        else:
            return


def _check_nothing(
    authenticator: ClientAuthenticator, client: Client, credentials: Credentials, endpoint: str
) -> None:
    """Let a public client in by its name: what it brings must prove the rest (RFC 6749 §2.1)."""
    del authenticator, client, credentials, endpoint


Check = Callable[[ClientAuthenticator, Client, Credentials, str], None]

#: Every method, in the order in which metadata names them.
METHODS: Final[Mapping[str, Check]] = {
    "client_secret_basic": _check_secret,
    "client_secret_post": _check_secret,
    "private_key_jwt": _check_signature,
    "tls_client_auth": _check_named_certificate,
    "self_signed_tls_client_auth": _check_own_certificate,
    "none": _check_nothing,
}


def _tell_operator(error: ProtocolError, client: Client | None, endpoint: str) -> None:
    """Say why a client was not let in; what it is called only where it is one of ours."""
    why = error.why if isinstance(error, Unproved) else error.description
    known = client.client_id if client is not None else ""
    logger.info(
        "client.unauthenticated", extra={"client_id": known, "why": why, "endpoint": endpoint}
    )
