"""The kinds of portals that a guided form knows: what each begins with, and what it is asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask_babel import lazy_gettext

from idp.web.client_fields import FIELDS, Field


@dataclass(frozen=True, slots=True)
class PortalKind:
    """One kind. `name`: in addresses; `begins_with`: members of its registration.

    `asks`: members that its form has; `snippet`: which ready-made configuration it gets.
    """

    name: str
    words: object
    hint: object
    begins_with: Mapping[str, Any]
    asks: tuple[str, ...]
    snippet: str


_PEOPLE: Final = ("client_name", "owner", "contacts", "client_uri", "policy_uri", "tos_uri")
_SCOPES: Final = ("scope", "scope_purposes")
_KEYED: Final = ("token_endpoint_auth_method", "jwks_uri", "jwks")

KINDS: Final[tuple[PortalKind, ...]] = (
    PortalKind(
        "web",
        lazy_gettext("Situs web dengan server"),
        lazy_gettext("Laravel, Django, Spring, Rails, dan sejenisnya: server menyimpan rahasia."),
        {
            "application_type": "web",
            "grant_types": ["authorization_code"],
            "token_endpoint_auth_method": "client_secret_basic",
            "scope": "openid profile email",
        },
        (
            *_PEOPLE,
            "redirect_uris",
            "post_logout_redirect_uris",
            "backchannel_logout_uri",
            *_KEYED,
            *_SCOPES,
        ),
        "web",
    ),
    PortalKind(
        "spa",
        lazy_gettext("Aplikasi satu halaman dengan backend"),
        lazy_gettext("React, Vue, atau Angular: backend memegang token, peramban tidak."),
        {
            "application_type": "web",
            "grant_types": ["authorization_code"],
            "token_endpoint_auth_method": "private_key_jwt",
            "id_token_signed_response_alg": "ES256",
            "scope": "openid profile email offline_access",
        },
        (
            *_PEOPLE,
            "redirect_uris",
            "post_logout_redirect_uris",
            "backchannel_logout_uri",
            *_KEYED,
            *_SCOPES,
        ),
        "spa",
    ),
    PortalKind(
        "seluler",
        lazy_gettext("Aplikasi seluler"),
        lazy_gettext("Android dan iOS: tanpa rahasia, selalu dengan PKCE."),
        {
            "application_type": "native",
            "grant_types": ["authorization_code"],
            "token_endpoint_auth_method": "none",
            "id_token_signed_response_alg": "ES256",
            "scope": "openid profile offline_access",
        },
        (*_PEOPLE, "redirect_uris", "post_logout_redirect_uris", *_SCOPES),
        "mobile",
    ),
    PortalKind(
        "mesin",
        lazy_gettext("Mesin ke mesin"),
        lazy_gettext("Layanan yang memanggil layanan lain, tanpa warga di depannya."),
        {
            "application_type": "web",
            "grant_types": ["client_credentials"],
            "response_types": [],
            "token_endpoint_auth_method": "private_key_jwt",
            "scope": "",
        },
        ("client_name", "owner", "contacts", *_KEYED, "scope", "resources", "default_resource"),
        "machine",
    ),
    PortalKind(
        "php-lama",
        lazy_gettext("PHP lama di belakang mod_auth_openidc"),
        lazy_gettext("Apache yang mengurus masuk; kode PHP cukup membaca REMOTE_USER."),
        {
            "application_type": "web",
            "grant_types": ["authorization_code"],
            "token_endpoint_auth_method": "client_secret_basic",
            "id_token_signed_response_alg": "RS256",
            "backchannel_logout_session_required": True,
            "scope": "openid profile email offline_access",
        },
        (
            *_PEOPLE,
            "redirect_uris",
            "post_logout_redirect_uris",
            "backchannel_logout_uri",
            *_SCOPES,
        ),
        "apache",
    ),
)
KIND_BY_NAME: Final[Mapping[str, PortalKind]] = {kind.name: kind for kind in KINDS}


def fields_of(kind: PortalKind) -> tuple[Field, ...]:
    """Return what the form of a kind asks."""
    return tuple(FIELDS[member] for member in kind.asks)
