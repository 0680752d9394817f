"""Every grant type of the token endpoint (RFC 6749 §1.3), one file each.

Metadata, parameter stripping and client registration read `GRANTS`.
"""

from collections.abc import Mapping
from typing import Final

from idp.oidc.grants.authorization_code import AuthorizationCodeGrant
from idp.oidc.grants.base import TokenGrant
from idp.oidc.grants.ciba import CibaGrant
from idp.oidc.grants.client_credentials import ClientCredentialsGrant
from idp.oidc.grants.device_code import DeviceCodeGrant
from idp.oidc.grants.jwt_bearer import JwtBearerGrant
from idp.oidc.grants.refresh_token import RefreshTokenGrant
from idp.oidc.grants.token_exchange import TokenExchangeGrant

GRANTS: Final[Mapping[str, type[TokenGrant]]] = {
    grant.GRANT_TYPE: grant
    for grant in (
        AuthorizationCodeGrant,
        RefreshTokenGrant,
        ClientCredentialsGrant,
        DeviceCodeGrant,
        CibaGrant,
        TokenExchangeGrant,
        JwtBearerGrant,
    )
}
