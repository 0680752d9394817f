"""The authorization endpoint: where portals send people (OpenID Connect Core §3.1.2)."""

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from idp.domain.errors import Refused
from idp.domain.identity.audit import Origin
from idp.domain.protocol.errors import ProtocolError, invalid_request
from idp.oidc.authorization.endpoint import ErrorPage, Outcome
from idp.oidc.endpoints import AUTHORIZATION
from idp.oidc.request import FORM, Parameters, parse_faulty_parameters
from idp.web.context import DECIDED, provider, request_id, visitor
from idp.web.outcomes import show, show_error, show_refusal

portal = Blueprint("portal", __name__)


@portal.route(AUTHORIZATION.path, methods=["GET", "POST"])
def authorize() -> ResponseReturnValue:
    """Take an authorization request (OpenID Connect Core §3.1.2.1)."""
    decided: Outcome | None = request.environ.get(DECIDED)
    if decided is not None:
        visitor()
        return show(decided)
    try:
        parameters = _parameters()
    except ProtocolError as error:
        return show_error(ErrorPage(error))
    if request.method == "POST":
        # another site's form brings no cookies: whatever we set now would replace the browser's own
        return show(provider().keep_posted(parameters, Origin(request_id=request_id())))
    return show(provider().authorize(parameters, visitor()))


@portal.get(f"{AUTHORIZATION.path}/<interaction_id>")
def resume(interaction_id: str) -> ResponseReturnValue:
    """Go on with a waiting request after a page was done."""
    try:
        return show(provider().resume(interaction_id, visitor()))
    except Refused as refusal:
        return show_refusal(refusal, interaction_id)


def _parameters() -> Parameters:
    """Return the parameters of the URL, or of the body as a form; never a mixture."""
    if request.method != "POST":
        return parse_faulty_parameters(request.query_string)
    if request.mimetype != FORM:
        raise invalid_request(f"the content type must be {FORM}")
    return parse_faulty_parameters(request.get_data(cache=False))
