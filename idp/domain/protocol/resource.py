"""Resource indicators (RFC 8707): the audience of an access token."""

from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import invalid_target


def check_resources(asked: tuple[str, ...], client: Client, *, issuer: str) -> None:
    """Refuse an audience that the client may not ask for, with `invalid_target` (RFC 8707 §2)."""
    allowed = client.resources | {issuer}
    for resource in asked:
        if resource not in allowed:
            raise invalid_target("the requested resource is not registered for this client")


def audience_of(
    asked: tuple[str, ...], granted: tuple[str, ...], client: Client, *, issuer: str
) -> str:
    """Return the one audience of a token.

    The one asked for now, which the grant must hold if it named any; else the first granted; else
    the client's default; else the issuer, which is userinfo's (RFC 9068 §3). It must be registered
    for the client at this moment, not only when it was granted.
    """
    if len(asked) > 1:
        raise invalid_target("a token has one audience: ask for one resource at a time")
    if asked and granted and asked[0] not in granted:
        raise invalid_target("the requested resource was not part of the authorization")
    named = (*asked, *granted)
    chosen = named[0] if named else str(client.metadata.get("default_resource") or issuer)
    check_resources((chosen,), client, issuer=issuer)
    return chosen
