"""A pretend portal that keeps its hashes to itself and says whether a password is right."""

import json
from typing import Final

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from adapters.portals import SIGNATURE, signature
from adapters.simulators.connection import broken_off, stay_silent
from adapters.simulators.state import sandbox

portals = Blueprint("portals", __name__, url_prefix="/legacy")

#: Longer than the page waits for it, shorter than we do.
LATE_SECONDS: Final = 1.0
#: Longer than anybody waits for it.
SILENT_SECONDS: Final = 5.0


@portals.post("/<source>/verify")
def verify(source: str) -> ResponseReturnValue:
    """Answer whether a password is right; only to whoever has the key."""
    state = sandbox()
    key, body = state.account.portal_key.encode(), request.get_data()
    if request.headers.get(SIGNATURE) != f"v1={signature(key, b'request', body)}":
        return jsonify(error="signature"), 401
    asked = json.loads(body)
    switch = state.portal_switches.take(source)
    kind = switch.kind if switch is not None else "answers"
    if not state.old_accounts.is_new(str(asked["nonce"])):
        return jsonify(error="replayed"), 409
    if kind == "down":
        return jsonify(error="maintenance"), 503
    if kind == "late":
        stay_silent(LATE_SECONDS)
    if kind == "silent":
        stay_silent(SILENT_SECONDS)
    if kind == "reset":
        return broken_off(b'{"verified": true')
    if kind == "rubbish":
        return "<html>", 200
    is_right = state.old_accounts.is_right(source, str(asked["source_id"]), str(asked["password"]))
    nonce = "another" if kind == "other_nonce" else str(asked["nonce"])
    signed = signature(key, b"answer", f"{nonce}\n{str(is_right).lower()}".encode())
    # what somebody between could try: the portal's own no, turned into a yes
    said = True if kind == "forged" else is_right
    return jsonify(verified=said, nonce=nonce, signature=signed)
