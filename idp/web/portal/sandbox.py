"""Answers in a citizen's place: only where SIAPKERJA_ENV is sandbox or test."""

from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from idp.domain.errors import Refused
from idp.domain.protocol.json_text import read_json
from idp.web.context import provider

sandbox = Blueprint("sandbox", __name__)


@sandbox.post("/sandbox/ciba")
def answer_ciba() -> ResponseReturnValue:
    """Answer a waiting CIBA request: `{"auth_req_id", "decision"}`, `allow` or `deny`.

    Without a body both may stand in the address, as the conformance suite sends them.
    """
    told = _document()
    decision, auth_req_id = told.get("decision"), told.get("auth_req_id")
    if decision not in ("allow", "deny") or not isinstance(auth_req_id, str):
        return jsonify(error="invalid_request"), 400
    try:
        provider().pending.answer_for_person(auth_req_id, is_allowed=decision == "allow")
    except Refused as refusal:
        return jsonify(error=refusal.code), 404
    return jsonify(decision=decision)


def _document() -> dict[str, Any]:
    """Return the JSON object of the body; an empty one for anything else."""
    if not request.get_data():
        return request.args.to_dict()
    try:
        document = read_json(request.get_data()) if request.is_json else None
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
