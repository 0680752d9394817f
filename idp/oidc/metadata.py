"""Discovery (OpenID Connect Discovery §3, RFC 8414 §2): built from the registries, never by hand.

What every profile of clients refuses is not in it (`idp.domain.protocol.profile.RULES`).
Both documents tell the same facts; both are checked by Authlib's metadata classes at start.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oidc.discovery import OpenIDProviderMetadata

from idp.domain.identity.assurance import ACR_VALUES
from idp.domain.identity.claims import CLAIMS, PROTOCOL_CLAIMS, SCOPES
from idp.domain.protocol import algorithms
from idp.domain.protocol.authorization_details import TYPES
from idp.domain.protocol.authorization_request import PROMPTS
from idp.domain.protocol.ciba import DELIVERY_MODES
from idp.domain.protocol.client import CERTIFICATE_METHODS
from idp.domain.protocol.profile import Rules, is_offered
from idp.oidc.authorization.response import RESPONSE_MODES
from idp.oidc.client_authentication import METHODS
from idp.oidc.endpoints import ENDPOINTS, REGISTRATION
from idp.oidc.grants import GRANTS

OPENID_PATH: Final = "/.well-known/openid-configuration"
OAUTH_PATH: Final = "/.well-known/oauth-authorization-server"


@dataclass(frozen=True, slots=True)
class MetadataSettings:
    """What the operator's choices change in metadata.

    `certificate_methods`: those for which the proxy passes on what they need, none where it passes
    on no certificate.
    """

    issuer: str
    mtls_url: str = ""
    certificate_methods: frozenset[str] = CERTIFICATE_METHODS
    par_for_all: bool = False
    request_uri_by_reference: bool = False
    registration_offered: bool = False


def build_metadata(settings: MetadataSettings) -> dict[str, Any]:
    """Return the provider's metadata; Authlib refuses what contradicts the specifications."""
    signing = [alg for alg in algorithms.ANNOUNCED if is_offered(alg, _algorithms)]
    verifying = [alg for alg in algorithms.VERIFYING if is_offered(alg, _algorithms)]
    methods = [
        method
        for method in METHODS
        if is_offered(method, _auth_methods)
        and (method not in CERTIFICATE_METHODS or method in settings.certificate_methods)
    ]
    modes = [mode for mode in RESPONSE_MODES if is_offered(mode, _response_modes)]
    key_management, content = list(algorithms.KEY_MANAGEMENT), list(algorithms.CONTENT_ENCRYPTION)
    authenticating = [method for method in methods if method != "none"]
    offered = [row for row in ENDPOINTS if settings.registration_offered or row != REGISTRATION]
    document: dict[str, Any] = {
        "issuer": settings.issuer,
        **{row.member: f"{settings.issuer}{row.path}" for row in offered},
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": modes,
        "grant_types_supported": list(GRANTS),
        "acr_values_supported": list(ACR_VALUES),
        "subject_types_supported": ["pairwise", "public"],
        "id_token_signing_alg_values_supported": signing,
        "id_token_encryption_alg_values_supported": key_management,
        "id_token_encryption_enc_values_supported": content,
        "userinfo_signing_alg_values_supported": signing,
        "userinfo_encryption_alg_values_supported": key_management,
        "userinfo_encryption_enc_values_supported": content,
        "request_object_signing_alg_values_supported": verifying,
        "request_object_encryption_alg_values_supported": list(algorithms.ENCRYPTION_NAMES),
        "request_object_encryption_enc_values_supported": content,
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": verifying,
        "introspection_endpoint_auth_methods_supported": authenticating,
        "introspection_endpoint_auth_signing_alg_values_supported": verifying,
        "introspection_signing_alg_values_supported": signing,
        "introspection_encryption_alg_values_supported": key_management,
        "introspection_encryption_enc_values_supported": content,
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": verifying,
        "authorization_signing_alg_values_supported": signing,
        "authorization_encryption_alg_values_supported": key_management,
        "authorization_encryption_enc_values_supported": content,
        "dpop_signing_alg_values_supported": list(algorithms.PROOFS),
        "code_challenge_methods_supported": ["S256"],
        "authorization_details_types_supported": list(TYPES),
        "display_values_supported": ["page", "popup", "touch"],
        "claim_types_supported": ["normal"],
        "claims_supported": _claim_names(),
        "claims_parameter_supported": True,
        "request_parameter_supported": True,
        "request_uri_parameter_supported": settings.request_uri_by_reference,
        "require_request_uri_registration": True,
        "require_pushed_authorization_requests": settings.par_for_all,
        "authorization_response_iss_parameter_supported": True,
        "tls_client_certificate_bound_access_tokens": bool(settings.certificate_methods),
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "backchannel_token_delivery_modes_supported": list(DELIVERY_MODES),
        "backchannel_authentication_request_signing_alg_values_supported": verifying,
        "backchannel_user_code_parameter_supported": False,
        "prompt_values_supported": list(PROMPTS),
        "ui_locales_supported": ["id", "en"],
        "service_documentation": f"{settings.issuer}/bantuan",
        "op_policy_uri": f"{settings.issuer}/privasi",
        "op_tos_uri": f"{settings.issuer}/syarat",
        "protected_resources": [settings.issuer],
    }
    if settings.mtls_url and settings.certificate_methods:
        document["mtls_endpoint_aliases"] = {
            row.member: f"{settings.mtls_url}{row.path}" for row in offered if row.takes_certificate
        }
    OpenIDProviderMetadata(document).validate()
    AuthorizationServerMetadata(document).validate()
    return document


def _algorithms(rules: Rules) -> frozenset[str]:
    return rules.algorithms


def _auth_methods(rules: Rules) -> frozenset[str] | None:
    return rules.auth_methods


def _response_modes(rules: Rules) -> frozenset[str] | None:
    return rules.response_modes


def _claim_names() -> list[str]:
    names: Iterable[str] = (*PROTOCOL_CLAIMS, "nonce", *(claim.name for claim in CLAIMS))
    return list(dict.fromkeys(names))
