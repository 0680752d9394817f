"""Backchannel authentication (CIBA Core §7, FAPI-CIBA §5.2).

A portal asks for a person who is not in its browser.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from hmac import digest as hmac_digest
from typing import Any, Final
from uuid import UUID

from idp.domain.identity.account import Account
from idp.domain.identity.assurance import level_of
from idp.domain.ids import digest_of, encode_base64url
from idp.domain.protocol.ciba import (
    ASKED_MAX,
    ASKED_WINDOW_SECONDS,
    GRANT_TYPE,
    LEEWAY_SECONDS,
    REQUEST_PARAMETERS,
    REQUEST_SECONDS,
    BackchannelRequest,
    check_binding_message,
    check_hints,
    check_notification_token,
    check_signed_request,
    life_of,
)
from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import (
    ProtocolError,
    invalid_request,
    invalid_scope,
    slow_down,
    unauthorized_client,
)
from idp.domain.protocol.profile import rules_of
from idp.domain.protocol.scope import OPENID
from idp.domain.protocol.subject import subject_behind
from idp.oidc.authorization.checks import Endpoint, run_checks
from idp.oidc.authorization.endpoint import AuthorizationEndpoint
from idp.oidc.authorization.request_object import parameters_of
from idp.oidc.authorization.sources import as_params
from idp.oidc.client_authentication import ClientAuthenticator
from idp.oidc.client_keys import ClientKeys, allowed_algorithms, read_jws
from idp.oidc.request import Parameters, WireRequest
from idp.oidc.response import WireResponse, json_response
from idp.oidc.tokens.id_token import verify_id_token
from idp.ports.ephemeral import Bucket, RateLimits
from idp.ports.store import Transaction
from idp.ports.vault import Vault

#: Whom a request asks before its hint was looked up.
NOBODY: Final = UUID(int=0)

#: Tells the person that a portal asks; the words are the edge's.
Notify = Callable[[Account, Client, str, Transaction], None]
#: Finds the account of a typed identifier.
FindAccount = Callable[[str, Transaction], Account | None]


@dataclass(frozen=True, slots=True)
class BackchannelAuthenticationEndpoint:
    """Takes requests, keeps them, and tells the person."""

    url: str
    authenticator: ClientAuthenticator
    authorization: AuthorizationEndpoint
    keys: ClientKeys
    find_account: FindAccount
    notify: Notify
    rate_limits: RateLimits

    def respond(self, request: WireRequest) -> WireResponse:
        """Return the `auth_req_id` (CIBA Core §7.3)."""
        client = self.authenticator.authenticate(request, self.url)
        if GRANT_TYPE not in client.grant_types:
            raise unauthorized_client("this client is not registered for CIBA")
        endpoint = self.authorization
        now = endpoint.clock.now()
        params = self._params(request.form(), client, now)
        auth_req_id = endpoint.entropy.token()
        page_id = page_id_of(digest_of(auth_req_id), endpoint.vault)
        asked = self._asked(params, client, auth_req_id, now)
        with endpoint.store.read() as tx:
            account = self._account(check_hints(params), params, client, tx)
        self._count(account)
        waiting = replace(asked, page_digest=digest_of(page_id), account_id=account.id)
        with endpoint.store.write() as tx:
            tx.backchannel_requests.add(waiting)
            self.notify(account, client, page_id, tx)
        return json_response(
            {
                "auth_req_id": auth_req_id,
                "expires_in": waiting.expires_at - now,
                "interval": waiting.interval,
            }
        )

    def _asked(
        self, params: Mapping[str, Any], client: Client, auth_req_id: str, now: int
    ) -> BackchannelRequest:
        """Return what is asked for, its person and page still open; refuses as §13 says."""
        checked = self.authorization.checked(params, frozenset(), client)
        run_checks(checked, Endpoint.CIBA)
        request = checked.request
        if OPENID not in request.scopes:
            raise invalid_scope("the scope must contain openid")
        if params.get("user_code") is not None:
            raise invalid_request("user_code is not supported")
        message = check_binding_message(params.get("binding_message"))
        is_told = message is not None or request.details
        if rules_of(client).needs_backchannel_context and not is_told:
            raise invalid_request("this client must send a binding_message")
        mode = str(client.metadata.get("backchannel_token_delivery_mode", "poll"))
        token = check_notification_token(params.get("client_notification_token"), mode)
        return BackchannelRequest(
            digest=digest_of(auth_req_id),
            page_digest=b"",
            client_id=client.client_id,
            account_id=NOBODY,
            scopes=tuple(scope for scope in request.scopes if scope in client.scopes),
            resources=request.resources,
            acr_values=tuple(value for value in request.acr_values if level_of(value)),
            binding_message=message,
            mode=mode,
            created_at=now,
            expires_at=now + life_of(params.get("requested_expiry")),
            details=request.details,
            notification=_notification(token, auth_req_id),
        )

    def _params(self, form: Parameters, client: Client, now: int) -> dict[str, Any]:
        """Return the parameters, of a signed request where one is sent or needed (§7.1.1)."""
        form.check_once(frozenset({"resource"}))
        text = form.one("request")
        registered = client.metadata.get("backchannel_authentication_request_signing_alg")
        must_sign = registered or rules_of(client).needs_signed_backchannel_request
        if text is None:
            if must_sign:
                raise invalid_request("this client must send a signed request")
            return {**as_params(form), "client_id": client.client_id}
        jws = read_jws(text)
        if jws is None:
            raise invalid_request("the request is no signed JWT in compact form")
        allowed = allowed_algorithms(client, "backchannel_authentication_request_signing_alg")
        if not self.keys.verify(jws, client, allowed=allowed):
            raise invalid_request("the request is not signed by a registered key")
        if REQUEST_PARAMETERS & set(form.values):
            raise invalid_request("beside a signed request no parameter of it may stand")
        check_signed_request(
            jws.claims,
            typ=jws.header.get("typ", "JWT"),
            client_id=client.client_id,
            issuer=self.authorization.issuer,
            now=now,
        )
        try:
            params = parameters_of(jws.claims)
        except ProtocolError as error:
            raise invalid_request(error.description) from error
        self._spend(client, str(jws.claims["jti"]), now)
        return {**params, "client_id": client.client_id}

    def _count(self, account: Account) -> None:
        """Count that somebody is asked; 429 where that happens too often."""
        bucket = Bucket("backchannel_request", account.id.hex, ASKED_MAX, ASKED_WINDOW_SECONDS)
        if self.rate_limits.hit(bucket)[0].is_over:
            raise slow_down("this person was asked too often, try again later")

    def _spend(self, client: Client, jti: str, now: int) -> None:
        digest = digest_of(f"ciba\n{client.client_id}\n{jti}")
        expires_at = now + REQUEST_SECONDS + LEEWAY_SECONDS + 1
        with self.authorization.store.write() as tx:
            if not tx.replays.add_once(digest, expires_at=expires_at, now=now):
                raise invalid_request("the signed request was used before")

    def _account(
        self, hint: str, params: Mapping[str, Any], client: Client, tx: Transaction
    ) -> Account:
        """Return whom the hint names; `unknown_user_id` where that is nobody (§13)."""
        if hint == "login_hint":
            account = self.find_account(str(params["login_hint"]), tx)
        else:
            account = self._hinted(str(params["id_token_hint"]), client, tx)
        if account is None or not account.is_usable or account.ial < client.ial_floor:
            raise ProtocolError("unknown_user_id", "the hint names nobody who can be asked")
        return account

    def _hinted(self, token: str, client: Client, tx: Transaction) -> Account | None:
        """Return the holder of one of our ID tokens for this client."""
        claims = verify_id_token(self.authorization.answers.encryption, token)
        if claims is None or claims.get("aud") != client.client_id:
            raise invalid_request("id_token_hint is no ID token of this client")
        key = self.authorization.vault.pairwise_key()
        subject = subject_behind(client, str(claims.get("sub")), key)
        return tx.accounts.find_by_subject(subject) if subject is not None else None


def page_id_of(digest: bytes, vault: Vault) -> str:
    """Return the id in the person's page address: from the request's digest, by a key of ours.

    So that the account's own page can lead there, and nobody who knows the `auth_req_id`.
    """
    return encode_base64url(hmac_digest(vault.keys("request-page")[0], digest, sha256))


def _notification(token: str | None, auth_req_id: str) -> str | None:
    """Return what a ping needs, to be kept sealed: its bearer token and the request's name."""
    if token is None:
        return None
    return json.dumps({"token": token, "auth_req_id": auth_req_id})
