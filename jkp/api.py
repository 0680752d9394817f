"""The API for whoever holds an access token for us: the person's benefit claim."""

import json
from typing import Any, Final

from flask import Blueprint, Response, current_app, jsonify, request
from flask.typing import ResponseReturnValue

from jkp import words
from jkp.benefit_claims import BenefitClaim, ClaimRefused, check_may_file, day_of
from jkp.context import here
from jkp.issuer import IssuerError, IssuerUnavailable
from jkp.trust import (
    SCOPE,
    TokenHolder,
    TokenRefused,
    check_step_up,
    check_still_active,
    read_bearer,
)

api = Blueprint("api", __name__)

#: RFC 9728 §3.1: our base URL has no path, so this is all of it.
METADATA_PATH: Final = "/.well-known/oauth-protected-resource"

#: HTTP status of a refused filing.
_STATUS: Final = {"claim.commitment": 422}


@api.get(METADATA_PATH)
def describe() -> ResponseReturnValue:
    """Tell clients what tokens we take and who issues them (RFC 9728 §2)."""
    settings = here().settings
    document = {
        "resource": settings.url,
        "authorization_servers": [settings.issuer],
        "scopes_supported": [SCOPE],
        "bearer_methods_supported": ["header"],
        "resource_name": "Jaminan Kehilangan Pekerjaan (JKP)",
        "resource_name#en": "Job loss insurance (JKP)",
    }
    return jsonify(document), 200, {"Cache-Control": "public, max-age=3600"}


@api.get("/api/klaim")
def show_claim() -> ResponseReturnValue:
    """Tell where the person's claim stands."""
    holder, _ = _holder()
    return _told(here().store.find_claim(holder.sub))


@api.post("/api/klaim")
def file_claim() -> ResponseReturnValue:
    """File the person's claim: `{"kapk": true}`.

    Needs two factors within ten minutes, and a token that the issuer still counts (JK-1).
    """
    holder, token = _holder()
    module, now = here(), here().now()
    check_step_up(holder.acr, holder.auth_time, now=now)
    told = module.issuer.introspect(token)
    check_still_active(holder, told, audience=module.settings.url)
    claim = module.store.find_claim(holder.sub)
    accepts = _asked().get("kapk") is True
    claim = check_may_file(claim, accepts_commitment=accepts, today=day_of(now))
    return _told(module.store.file(claim, day_of(now), now=now), 201)


def _asked() -> dict[str, Any]:
    """Return the JSON object of the body; an empty one for anything else."""
    try:
        asked = json.loads(request.get_data()) if request.is_json else None
    except (ValueError, RecursionError):
        return {}
    return asked if isinstance(asked, dict) else {}


@api.errorhandler(ClaimRefused)
def refuse_claim(refused: ClaimRefused) -> ResponseReturnValue:
    """Say why the claim can't be filed."""
    sentence = words.refusal(refused.code, refused.claim)
    body = {"error": refused.code, "error_description": sentence}
    return jsonify(body), _STATUS.get(refused.code, 409), {"Cache-Control": "no-store"}


@api.errorhandler(TokenRefused)
def refuse_token(refused: TokenRefused) -> ResponseReturnValue:
    """Answer as RFC 6750 §3 asks; nothing of the token stands in it."""
    members = {"realm": "jkp"}
    if refused.error:
        members |= {"error": refused.error, "error_description": refused.description}
    members |= refused.challenge
    members["resource_metadata"] = f"{here().settings.url}{METADATA_PATH}"
    challenge = ", ".join(f'{name}="{value}"' for name, value in members.items())
    body = {"error": refused.error or "invalid_request", "error_description": refused.description}
    headers = {"WWW-Authenticate": f"Bearer {challenge}", "Cache-Control": "no-store"}
    return jsonify(body), refused.status, headers


@api.errorhandler(IssuerUnavailable)
@api.errorhandler(IssuerError)
def refuse_unasked(error: Exception) -> ResponseReturnValue:
    """Refuse while the issuer can't be asked: what can't be checked does not count."""
    current_app.logger.warning("issuer_unavailable", extra={"kind": type(error).__name__})
    body = {"error": "temporarily_unavailable", "error_description": "the issuer does not answer"}
    return jsonify(body), 503, {"Retry-After": "5", "Cache-Control": "no-store"}


def _holder() -> tuple[TokenHolder, str]:
    token = read_bearer(request.headers.get("Authorization", ""))
    return here().tokens.holder(token), token


def _told(claim: BenefitClaim | None, status: int = 200) -> tuple[Response, int, dict[str, str]]:
    _, sentence, _, _ = words.told(claim)
    document: dict[str, object] = {"state": "none", "message": sentence}
    if claim is not None:
        days = {
            "layoff_on": claim.layoff_on,
            "file_by": claim.file_by,
            "filed_on": claim.filed_on,
            "due_on": claim.due_on,
        }
        document |= {
            "id": claim.id,
            "state": claim.state,
            "month": claim.month,
            "reason": claim.reason,
            **{name: day.isoformat() if day else None for name, day in days.items()},
        }
    return jsonify(document), status, {"Cache-Control": "no-store"}
