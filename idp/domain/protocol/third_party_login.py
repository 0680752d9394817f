"""Starting a sign-in from our own pages (OpenID Connect Core §4, third-party-initiated login).

A portal that registered `initiate_login_uri` is opened there with our issuer; what follows is its
own authorization request.
"""

from urllib.parse import urlencode

from idp.domain.protocol.client import Client


def may_start(client: Client) -> bool:
    """Return whether a sign-in to a client can begin here."""
    return client.is_active and bool(client.metadata.get("initiate_login_uri"))


def start_url(client: Client, issuer: str) -> str:
    """Return the address that begins a sign-in to a client for which `may_start` holds.

    Only `iss` goes along: a `login_hint` would tell the portal who comes before they agreed.
    """
    uri = str(client.metadata["initiate_login_uri"])
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode({'iss': issuer})}"
