"""Ready-made configuration for a portal that was just registered, by its kind."""

import json
from collections.abc import Callable, Mapping
from typing import Final

from idp.domain.protocol.client import Client


def snippet_for(name: str, client: Client, *, issuer: str, secret: str | None) -> str:
    """Return the configuration; the secret stands in it this once."""
    return _SNIPPETS[name](client, issuer, secret)


def _callback(client: Client) -> str:
    return str(next(iter(client.metadata.get("redirect_uris", ())), ""))


def _scope(client: Client) -> str:
    return str(client.metadata.get("scope", ""))


def _web(client: Client, issuer: str, secret: str | None) -> str:
    lines = [
        f"OIDC_ISSUER={issuer}",
        f"OIDC_CLIENT_ID={client.client_id}",
        *([f"OIDC_CLIENT_SECRET={secret}"] if secret else []),
        f"OIDC_TOKEN_ENDPOINT_AUTH_METHOD={client.auth_method}",
        f"OIDC_REDIRECT_URI={_callback(client)}",
        f'OIDC_SCOPE="{_scope(client)}"',
        "OIDC_CODE_CHALLENGE_METHOD=S256",
    ]
    return "\n".join(lines)


def _spa(client: Client, issuer: str, secret: str | None) -> str:
    told = {
        "issuer": issuer,
        "client_id": client.client_id,
        "client_secret": secret,
        "token_endpoint_auth_method": client.auth_method,
        "redirect_uri": _callback(client),
        "scope": _scope(client),
        "code_challenge_method": "S256",
        "id_token_signed_response_alg": client.id_token_alg,
    }
    return json.dumps({k: v for k, v in told.items() if v is not None}, indent=2)


def _mobile(client: Client, issuer: str, secret: str | None) -> str:
    """Return what AppAuth for Android and iOS reads."""
    del secret
    told = {
        "discovery_uri": f"{issuer}/.well-known/openid-configuration",
        "client_id": client.client_id,
        "redirect_uri": _callback(client),
        "authorization_scope": _scope(client),
        "https_required": True,
    }
    return json.dumps(told, indent=2)


def _machine(client: Client, issuer: str, secret: str | None) -> str:
    proof = [
        "  -d client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \\",
        '  -d "client_assertion=$ASSERTION" \\',
    ]
    if secret:
        proof = [f"  -u '{client.client_id}:{secret}' \\"]
    lines = [
        f"curl {issuer}/token \\",
        "  -d grant_type=client_credentials \\",
        *proof,
        f"  -d 'scope={_scope(client)}'",
    ]
    return "\n".join(lines)


def _apache(client: Client, issuer: str, secret: str | None) -> str:
    """Return the lines of mod_auth_openidc."""
    lines = [
        f"OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration",
        f"OIDCClientID {client.client_id}",
        *([f"OIDCClientSecret {secret}"] if secret else []),
        f"OIDCProviderTokenEndpointAuth {client.auth_method}",
        f"OIDCRedirectURI {_callback(client)}",
        'OIDCCryptoPassphrase "exec:/bin/cat /etc/apache2/oidc-passphrase"',
        f'OIDCScope "{_scope(client)}"',
        "OIDCPKCEMethod S256",
        "OIDCRemoteUserClaim sub",
        "",
        "<Location />",
        "  AuthType openid-connect",
        "  Require valid-user",
        "</Location>",
    ]
    return "\n".join(lines)


_SNIPPETS: Final[Mapping[str, Callable[[Client, str, str | None], str]]] = {
    "web": _web,
    "spa": _spa,
    "mobile": _mobile,
    "machine": _machine,
    "apache": _apache,
}
