"""Documents beside the provider's metadata (RFC 9728 §3, RFC 7033 §4, OIDC Discovery §2)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from idp.domain.identity.admin_scopes import ADMIN_PATH, ADMIN_SCOPES
from idp.domain.identity.claims import SCOPES
from idp.domain.protocol import algorithms
from idp.oidc.compact_json import encode_json
from idp.oidc.request import Parameters
from idp.oidc.response import JSON, WireResponse
from idp.oidc.tokens.key_ring import KeyRing, fingerprint

RESOURCE_PATH: Final = "/.well-known/oauth-protected-resource"
ADMIN_RESOURCE_PATH: Final = f"{RESOURCE_PATH}{ADMIN_PATH}"
WEBFINGER_PATH: Final = "/.well-known/webfinger"
ISSUER_RELATION: Final = "http://openid.net/specs/connect/1.0/issuer"


def resource_metadata(issuer: str) -> dict[str, Any]:
    """Return what userinfo, the protected resource of people, tells of itself (RFC 9728 §2)."""
    return {
        "resource": issuer,
        **_told_by_all(issuer),
        "scopes_supported": list(SCOPES),
        "bearer_methods_supported": ["header", "body"],
        "resource_signing_alg_values_supported": list(algorithms.ANNOUNCED),
        "resource_name": "SIAPkerja ID",
        "resource_documentation": f"{issuer}/bantuan",
    }


def admin_metadata(issuer: str) -> dict[str, Any]:
    """Return what the API of administration tells of itself (RFC 9728 §2)."""
    return {
        "resource": f"{issuer}{ADMIN_PATH}",
        **_told_by_all(issuer),
        "scopes_supported": list(ADMIN_SCOPES),
        "bearer_methods_supported": ["header"],
        "resource_name": "SIAPkerja ID administration",
        "resource_documentation": f"{issuer}{ADMIN_PATH}/openapi.json",
    }


def _told_by_all(issuer: str) -> dict[str, Any]:
    return {
        "authorization_servers": [issuer],
        "jwks_uri": f"{issuer}/jwks",
        "dpop_signing_alg_values_supported": list(algorithms.PROOFS),
    }


#: Where each of our protected resources describes itself (RFC 9728 §3.1).
RESOURCES: Final[Mapping[str, Callable[[str], dict[str, Any]]]] = {
    RESOURCE_PATH: resource_metadata,
    ADMIN_RESOURCE_PATH: admin_metadata,
}


@dataclass(slots=True)
class WellKnown:
    """Answers at these addresses. `takes_certificates`: whether client certificates reach us."""

    issuer: str
    ring: KeyRing
    takes_certificates: bool
    _made: dict[str, tuple[object, WireResponse]] = field(default_factory=dict)

    def resource(self, path: str) -> WireResponse:
        """Return the metadata with its own signed form (RFC 9728 §2.2), made once for each key."""
        version = self.ring.version()
        kept = self._made.get(path)
        if kept is None or kept[0] != version:
            document = RESOURCES[path](self.issuer)
            document["tls_client_certificate_bound_access_tokens"] = self.takes_certificates
            signed = {"iss": self.issuer, **document}
            document["signed_metadata"] = self.ring.signer(algorithms.OWN).sign(signed, "JWT")
            body = encode_json(document)
            headers = (
                ("Content-Type", JSON),
                ("Cache-Control", "public, max-age=3600"),
                ("ETag", fingerprint([body])),
            )
            kept = self._made[path] = (version, WireResponse(200, headers, body))
        return kept[1]

    def webfinger(self, parameters: Parameters) -> WireResponse:
        """Tell that this issuer answers for names of its own host (Discovery §2)."""
        resource = parameters.values.get("resource")
        if resource is None:
            return WireResponse(400, ())
        if _host_of(resource) != urlsplit(self.issuer).netloc:
            return WireResponse(404, ())
        relations = parameters.many("rel")
        links = [{"rel": ISSUER_RELATION, "href": self.issuer}]
        if relations and ISSUER_RELATION not in relations:
            links = []
        body = encode_json({"subject": resource, "links": links})
        return WireResponse(200, (("Content-Type", "application/jrd+json"),), body)


def _host_of(resource: str) -> str | None:
    """Return the host that a resource names (Discovery §2.1.2), `None` if it names none."""
    if resource.startswith("acct:"):
        return resource.rpartition("@")[2]
    try:
        return urlsplit(resource).netloc
    except ValueError:
        return None
