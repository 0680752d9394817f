"""Device authorization (RFC 8628 §3.1, §3.2): a code for a device without a keyboard."""

from dataclasses import dataclass, replace
from hashlib import sha256
from hmac import digest as hmac_digest

from idp.domain.errors import Conflict
from idp.domain.ids import digest_of
from idp.domain.protocol.device import (
    ALPHABET,
    CODE_LENGTH,
    GRANT_TYPE,
    LIFE_SECONDS,
    DeviceRequest,
    write_user_code,
)
from idp.domain.protocol.errors import unauthorized_client
from idp.oidc.authorization.checks import Endpoint, run_checks
from idp.oidc.authorization.endpoint import AuthorizationEndpoint
from idp.oidc.authorization.sources import as_params
from idp.oidc.client_authentication import ClientAuthenticator
from idp.oidc.request import WireRequest
from idp.oidc.response import WireResponse, json_response
from idp.ports.vault import Vault

PAGE = "/perangkat"
_TRIES = 5


def user_code_digest(letters: str, vault: Vault) -> bytes:
    """Return the keyed digest of a user code: eight letters alone could be guessed from a dump."""
    return hmac_digest(vault.keys("user-code")[0], letters.encode(), sha256)


@dataclass(frozen=True, slots=True)
class DeviceAuthorizationEndpoint:
    """Hands out a device code and the code that a person enters."""

    url: str
    authenticator: ClientAuthenticator
    authorization: AuthorizationEndpoint

    def respond(self, request: WireRequest) -> WireResponse:
        """Return both codes and where to enter the short one (RFC 8628 §3.2)."""
        client = self.authenticator.authenticate(request, self.url)
        if GRANT_TYPE not in client.grant_types:
            raise unauthorized_client("this client is not registered for the device flow")
        endpoint = self.authorization
        parameters = request.form()
        params = {**as_params(parameters), "client_id": client.client_id}
        checked = endpoint.checked(params, parameters.repeated, client)
        run_checks(checked, Endpoint.DEVICE)
        device_code = endpoint.entropy.token()
        waiting = DeviceRequest(
            digest=digest_of(device_code),
            user_code_digest=b"",
            client_id=client.client_id,
            scopes=tuple(s for s in checked.request.scopes if s in client.scopes),
            resources=checked.request.resources,
            expires_at=endpoint.clock.now() + LIFE_SECONDS,
            details=checked.request.details,
        )
        user_code = write_user_code(self._keep(waiting))
        page = f"{endpoint.issuer}{PAGE}"
        return json_response(
            {
                "device_code": device_code,
                "user_code": user_code,
                "verification_uri": page,
                "verification_uri_complete": f"{page}?user_code={user_code}",
                "expires_in": LIFE_SECONDS,
                "interval": waiting.interval,
            }
        )

    def _keep(self, waiting: DeviceRequest) -> str:
        """Keep the request under a user code that nobody waits with; return its letters."""
        endpoint = self.authorization
        conflict: Conflict | None = None
        for _ in range(_TRIES):
            picked = (endpoint.entropy.below(len(ALPHABET)) for _ in range(CODE_LENGTH))
            letters = "".join(ALPHABET[number] for number in picked)
            digest = user_code_digest(letters, endpoint.vault)
            try:
                with endpoint.store.write() as tx:
                    tx.device_requests.add(replace(waiting, user_code_digest=digest))
            except Conflict as taken:
                conflict = taken
            else:
                return letters
        raise conflict or Conflict("user_code")
