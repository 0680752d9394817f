"""RP-initiated logout (OpenID Connect RP-Initiated Logout §2, §3).

A hint of the signed-in person's own session ends it at once; anything else asks the person first.
Nobody is sent to an address that the hinted client did not register.
"""

from dataclasses import dataclass
from urllib.parse import urlencode

from idp.domain.identity.account import Account
from idp.domain.identity.session import LoginSession, sid_for_client
from idp.domain.ids import digest_of
from idp.domain.protocol.errors import invalid_request
from idp.domain.protocol.logout import LogoutRequest
from idp.domain.protocol.subject import subject_for
from idp.oidc.client_directory import ClientDirectory
from idp.oidc.encryption import Encryption
from idp.oidc.request import Parameters
from idp.oidc.tokens.id_token import verify_id_token
from idp.ports.vault import Vault


@dataclass(frozen=True, slots=True)
class EndSessionEndpoint:
    """Reads a logout request; ending the session is the caller's step."""

    directory: ClientDirectory
    encryption: Encryption
    vault: Vault

    def read(self, parameters: Parameters) -> LogoutRequest:
        """Return the checked request; refuses with `invalid_request`, never with a redirect."""
        parameters.check_once()
        hint = parameters.values.get("id_token_hint")
        claims = verify_id_token(self.encryption, hint) if hint is not None else None
        if hint is not None and claims is None:
            raise invalid_request("id_token_hint is no ID token of this issuer")
        named = parameters.values.get("client_id")
        hinted = str(claims["aud"]) if claims is not None else None
        if named is not None and hinted is not None and named != hinted:
            raise invalid_request("client_id differs from the audience of id_token_hint")
        client_id = hinted or named
        client = self.directory.find(client_id) if client_id is not None else None
        return_to = parameters.values.get("post_logout_redirect_uri")
        if return_to is not None:
            if client is None or not client.is_active:
                raise invalid_request("post_logout_redirect_uri needs an id_token_hint")
            if return_to not in client.metadata.get("post_logout_redirect_uris", ()):
                raise invalid_request("post_logout_redirect_uri is not registered")
            return_to = _with_state(return_to, parameters.values.get("state"))
        known = client.client_id if client is not None else None
        if claims is None:
            # without a valid hint nobody is sent anywhere (Logout §3)
            return LogoutRequest(known, ui_locales=parameters.values.get("ui_locales"))
        sid = claims.get("sid")
        return LogoutRequest(
            known,
            return_to,
            hinted=digest_of(str(claims["sub"])).hex(),
            sid=str(sid) if sid is not None else None,
            ui_locales=parameters.values.get("ui_locales"),
        )

    def is_certain(
        self, request: LogoutRequest, present: tuple[LoginSession, Account] | None
    ) -> bool:
        """Return whether nobody needs to be asked: the hint names this very session, or nobody is.

        A hint without `sid` came with a grant that began on another screen; it names the person.
        """
        if request.hinted is None:
            return False
        if present is None:
            return True
        client = self.directory.find(request.client_id) if request.client_id is not None else None
        if client is None:
            return False
        session, account = present
        sub = subject_for(client, account.subject, self.vault.pairwise_key())
        sid = sid_for_client(session.sid, client.client_id)
        return request.hinted == digest_of(sub).hex() and request.sid in {None, sid}


def _with_state(uri: str, state: str | None) -> str:
    if state is None:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode({'state': state})}"
