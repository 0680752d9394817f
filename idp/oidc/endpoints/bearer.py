"""Where an access token stands in a request, and whether its holder may use it.

RFC 6750 §2 (one place, never the URL), RFC 9449 §7 (DPoP), RFC 8705 §3 (certificates).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from idp.domain.ids import uuid4_text
from idp.domain.protocol.dpop import invalid_proof
from idp.domain.protocol.errors import ProtocolError, invalid_request, invalid_token
from idp.domain.protocol.step_up import StepUpNeeded
from idp.oidc.errors import NOTHING, resource_error_response
from idp.oidc.request import FORM, WireRequest
from idp.oidc.response import WireResponse
from idp.oidc.sender import thumbprint_of
from idp.oidc.sender.dpop import HEADER, Proofs
from idp.ports.entropy import Entropy

#: Told as everywhere, with Retry-After: it says nothing about the token.
TOO_MANY: Final = 429

#: FAPI 1.0 Baseline §6.2.1 point 11, which FAPI-CIBA builds on: the caller's name of its call.
INTERACTION: Final = "x-fapi-interaction-id"
_INTERACTION_ID: Final = re.compile(r"[0-9A-Za-z-]{1,64}")


@dataclass(frozen=True, slots=True)
class PresentedToken:
    """A token and the scheme that it came with, `Bearer` or `DPoP`."""

    scheme: str
    token: str


def read_token(request: WireRequest) -> PresentedToken | None:
    """Return the token, `None` if there is none; `invalid_request` for two of them."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    from_header = None
    if scheme.lower() in {"bearer", "dpop"} and value.strip():
        from_header = PresentedToken(
            "DPoP" if scheme.lower() == "dpop" else "Bearer", value.strip()
        )
    from_body = None
    if request.method == "POST" and request.content_type == FORM:
        from_body = request.form().one("access_token")
    if from_header is not None and from_body is not None:
        raise invalid_request("the access token came twice")
    if "&access_token=" in f"&{request.query}":
        raise invalid_request("an access token does not belong into the URL")
    if from_body is not None:
        return PresentedToken("Bearer", from_body)
    return from_header


def check_holder_of_key(
    presented: PresentedToken,
    claims: Mapping[str, Any],
    request: WireRequest,
    url: str,
    proofs: Proofs,
    *,
    needs_nonce: bool,
) -> None:
    """Refuse a bound token that comes without its key, and an unbound one with the DPoP scheme.

    `needs_nonce`: whether a proof without our nonce is sent back for one (RFC 9449 §9).
    Refuses with `invalid_token`, `invalid_dpop_proof` or `use_dpop_nonce` (RFC 9449 §7.1, §7.2).
    """
    confirmation = claims.get("cnf", {})
    jkt = confirmation.get("jkt")
    if presented.scheme == "DPoP":
        if jkt is None:
            raise invalid_token("the access token is not bound to a DPoP key")
        proved = proofs.check(request, url, needs_nonce=needs_nonce, access_token=presented.token)
        if proved is None:
            raise invalid_proof("the header DPoP is missing")
        if proved != jkt:
            raise invalid_token("the access token is bound to another DPoP key")
    elif jkt is not None:
        raise invalid_token("the access token is bound to a DPoP key: use the scheme DPoP")
    thumbprint = confirmation.get("x5t#S256")
    shown = thumbprint_of(request) if thumbprint is not None else None
    if shown != thumbprint:
        told = "another certificate" if shown else "a certificate: use mtls_endpoint_aliases"
        raise invalid_token(f"the access token is bound to {told}")


Tell = Callable[[PresentedToken, WireRequest], WireResponse]


def guarded(
    request: WireRequest, tell: Tell, *, metadata_url: str, entropy: Entropy
) -> WireResponse:
    """Return what a protected resource tells the holder of a token, or why not (RFC 6750 §3.1).

    `metadata_url`: where the resource describes itself (RFC 9728 §5.1). `entropy`: names the call
    by a UUID where the caller gave it no name.
    """
    try:
        presented = read_token(request)
        if presented is None:
            response = resource_error_response(None, scheme="", metadata_url=metadata_url)
        else:
            response = tell(presented, request)
    except ProtocolError as error:
        if error.status == TOO_MANY:
            raise
        request.refusal = error
        needs = error.needs if isinstance(error, StepUpNeeded) else NOTHING
        response = resource_error_response(
            error, scheme=scheme_of(request), metadata_url=metadata_url, needs=needs
        )
    name = request.headers.get(INTERACTION, "")
    known = name if _INTERACTION_ID.fullmatch(name) else uuid4_text(entropy.bits(128))
    headers = (*response.headers, (INTERACTION, known))
    return WireResponse(response.status, headers, response.body)


def scheme_of(request: WireRequest) -> str:
    """Return the scheme in which to answer: the one that the caller tried."""
    tried = request.headers.get("authorization", "").partition(" ")[0].lower()
    return "DPoP" if tried == "dpop" or HEADER in request.headers else "Bearer"
