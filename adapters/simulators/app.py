"""The sandbox's HTTP: pretend parties, the API for tests, one page for people."""

from collections.abc import Iterable, Mapping
from typing import Final, cast

from flask import Flask, Response, jsonify, redirect, request
from flask.typing import ResponseReturnValue

from adapters.simulators.dukcapil import dukcapil
from adapters.simulators.inbox import Inbox, canonical_address, canonical_phone
from adapters.simulators.page import page
from adapters.simulators.people import BadPersonError, SandboxPerson
from adapters.simulators.portals import portals
from adapters.simulators.sms import sms
from adapters.simulators.state import EXTENSION, new_state, sandbox
from adapters.simulators.switches import EVERYBODY, BadSwitchError, Switches
from idp.domain.identity.nik import LENGTH

_CONTENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_MOST_SECONDS: Final = 60.0


def create_sandbox(people: Iterable[SandboxPerson] | None = None, *, pace: float = 1.0) -> Flask:
    """Return a sandbox with these people, or with its own where none are given.

    `pace` multiplies every wait. What it remembers is in `extensions["sandbox"]`.
    """
    app = Flask("adapters.simulators", static_folder="static", template_folder="templates")
    app.extensions[EXTENSION] = new_state(people, pace=pace)
    app.config["MAX_CONTENT_LENGTH"] = 1 << 20
    for blueprint in (dukcapil, sms, portals, page):
        app.register_blueprint(blueprint)
    for path, method, view in _API:
        app.add_url_rule(path, view.__name__, view, methods=[method])
    # a form knows no DELETE
    app.add_url_rule(
        "/api/messages/delete", "delete_messages_by_form", delete_messages, methods=["POST"]
    )
    app.after_request(_guard)
    return app


def _guard(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = _CONTENT_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    if not request.path.startswith("/static/"):
        response.headers["Cache-Control"] = "no-store"
    return response


# The API ------------------------------------------------------------------------------------------


def list_people() -> ResponseReturnValue:
    """Return everybody; `?kind=A1` those of one kind."""
    kind = request.args.get("kind")
    everybody = sandbox().people.all()
    chosen = [person.as_json() for person in everybody if kind in {None, person.kind}]
    return jsonify(people=chosen)


def add_person() -> ResponseReturnValue:
    """Add one person and return them with 201; members left out are made up."""
    try:
        person = sandbox().people.add(_sent())
    except BadPersonError as error:
        return jsonify(error=str(error)), 422
    return (redirect("/#people", 303)) if _is_form() else (jsonify(person.as_json()), 201)


def list_sms() -> ResponseReturnValue:
    """Return short messages, newest first; see `_messages`."""
    return _messages(sandbox().sms)


def list_mail() -> ResponseReturnValue:
    """Return letters, newest first; see `_messages`."""
    return _messages(sandbox().mail)


def _messages(inbox: Inbox) -> ResponseReturnValue:
    """`?to=` any spelling of a recipient; `?count=1&wait=5` waits for that many, up to 60 s."""
    to = request.args.get("to")
    wait = min(request.args.get("wait", 0.0, float), _MOST_SECONDS)
    if to and wait > 0:
        count = request.args.get("count", 1, int)
        found = inbox.await_messages(to, count=count, seconds=wait)
    else:
        found = inbox.messages(to)
    return jsonify(messages=[message.as_json() for message in found])


def delete_messages() -> ResponseReturnValue:
    """Empty both inboxes."""
    sandbox().sms.clear()
    sandbox().mail.clear()
    return redirect("/", 303) if _is_form() else ("", 204)


def switch_register() -> ResponseReturnValue:
    """Decide the register's next answers: `kind`, `nik`, `times`, `seconds`."""
    nik = str(_sent().get("nik") or EVERYBODY)
    digits = "".join(filter(str.isdigit, nik))
    # one that can't be read must not become everybody's
    if nik and len(digits) != LENGTH:
        return jsonify(error="nik must have sixteen digits"), 422
    return _switch(sandbox().register_switches, digits)


def switch_sms() -> ResponseReturnValue:
    """Decide the carriers' next answers: `kind`, `to`, `times`, `seconds`."""
    to = str(_sent().get("to") or "")
    return _switch(sandbox().sms_switches, canonical_phone(to) if to else EVERYBODY)


def switch_mail() -> ResponseReturnValue:
    """Decide the mail server's next answers: `kind`, `to`, `times`."""
    to = str(_sent().get("to") or "")
    return _switch(sandbox().mail_switches, canonical_address(to) if to else EVERYBODY)


def add_old_account() -> ResponseReturnValue:
    """Let the pretend portal `source` have an account `source_id` with a `password`."""
    sent = _sent()
    given = [sent.get(name) for name in ("source", "source_id", "password")]
    if not all(isinstance(value, str) and value for value in given):
        return jsonify(error="source, source_id and password are texts"), 422
    sandbox().old_accounts.put(*map(str, given))
    return "", 204


def switch_portal() -> ResponseReturnValue:
    """Decide what the pretend portals do next: `kind`, `source`, `times`."""
    return _switch(sandbox().portal_switches, str(_sent().get("source") or EVERYBODY))


def _switch(switches: Switches, target: str) -> ResponseReturnValue:
    sent = _sent()
    try:
        times = int(str(sent.get("times") or 1) if sent.get("times") != 0 else 0)
        seconds = float(str(sent["seconds"])) if sent.get("seconds") not in (None, "") else None
        switches.set(str(sent.get("kind", "")), target=target, times=times, seconds=seconds)
    except ValueError as error:
        said = str(error) if isinstance(error, BadSwitchError) else "times and seconds are numbers"
        return jsonify(error=said), 422
    return redirect("/#switches", 303) if _is_form() else jsonify(waiting=switches.waiting())


def show_quota() -> ResponseReturnValue:
    """Tell the register's calls left today and how many were made."""
    quota = sandbox().quota
    return jsonify(left=quota.left, calls=quota.calls)


def set_quota() -> ResponseReturnValue:
    """Leave `left` calls and count anew."""
    left = _sent().get("left")
    try:
        sandbox().quota.set(int(str(left)))
    except ValueError:
        return jsonify(error="left must be a whole number"), 422
    return redirect("/#switches", 303) if _is_form() else show_quota()


def reset() -> ResponseReturnValue:
    """Put everything back to how it was at the start."""
    sandbox().reset()
    return redirect("/", 303) if _is_form() else ("", 204)


_API: Final = (
    ("/api/people", "GET", list_people),
    ("/api/people", "POST", add_person),
    ("/api/sms", "GET", list_sms),
    ("/api/mail", "GET", list_mail),
    ("/api/messages", "DELETE", delete_messages),
    ("/api/dukcapil/next", "POST", switch_register),
    ("/api/sms/next", "POST", switch_sms),
    ("/api/mail/next", "POST", switch_mail),
    ("/api/legacy", "POST", add_old_account),
    ("/api/legacy/next", "POST", switch_portal),
    ("/api/dukcapil/quota", "GET", show_quota),
    ("/api/dukcapil/quota", "POST", set_quota),
    ("/api/reset", "POST", reset),
)


def _is_form() -> bool:
    return request.mimetype == "application/x-www-form-urlencoded"


def _sent() -> Mapping[str, object]:
    """Return the members of a JSON object or of the page's own form."""
    if _is_form():
        return cast("Mapping[str, object]", request.form.to_dict())
    document = request.get_json(force=True, silent=True)
    return document if isinstance(document, dict) else {}
