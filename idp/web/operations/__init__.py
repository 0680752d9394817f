"""Health and metrics for operators."""

from hmac import compare_digest

from flask import Blueprint, jsonify, make_response, request
from flask.typing import ResponseReturnValue

from idp.web.context import metrics, services, web_settings

operations = Blueprint("operations", __name__)


@operations.get("/livez")
def live() -> ResponseReturnValue:
    """Say that the process answers; nothing outside it is asked."""
    return jsonify(status="ok")


@operations.get("/readyz")
def ready() -> ResponseReturnValue:
    """Say whether this process can serve: 200 or 503; details only for the operator."""
    problems = services().health.problems()
    status = 503 if problems else 200
    if not _is_operator():
        return jsonify(status="ready" if status == 200 else "not ready"), status
    return jsonify(status="ready" if status == 200 else "not ready", problems=problems), status


@operations.get("/metrics")
def exposition() -> ResponseReturnValue:
    """Tell the figures in Prometheus' text format."""
    if not _is_operator():
        return make_response("", 401, {"WWW-Authenticate": 'Bearer realm="operator"'})
    return make_response(
        metrics().exposition(), 200, {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
    )


def _is_operator() -> bool:
    """Return whether the call carries the operator's token; without one set, outside production."""
    token = web_settings().operator_token
    if not token:
        return not web_settings().is_production
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and compare_digest(given.encode(), token.encode())
