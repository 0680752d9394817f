"""REST for programs that administer: `/api/admin/v1`.

A call is admitted by its token, read by the operation's schemas, carried out, and answered; every
refusal is a problem document.
"""

from collections.abc import Callable
from typing import Any, Final

from flask import Blueprint, Response, make_response, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ValidationError

from idp.domain.errors import Conflict, Refused
from idp.domain.identity.admin_scopes import ADMIN_PATH
from idp.domain.protocol.errors import ProtocolError
from idp.oidc.endpoints.admin_api import Caller, NotAdmitted
from idp.web.api import openapi
from idp.web.api.answer import Answer, written
from idp.web.api.bodies import in_query, parse_body
from idp.web.api.conditions import (
    MATCH,
    check_header,
    check_match,
    has_already,
    stale,
    tag_of_bytes,
    tag_of_version,
)
from idp.web.api.idempotency import HEADER, answered_once, check_key
from idp.web.api.operation import OPERATIONS, Call, Operation
from idp.web.api.refusals import problem_of
from idp.web.context import provider, services, wire_request
from idp.web.errors import problem_answer
from idp.web.problems import FieldError, Problem

api = Blueprint("api", __name__, url_prefix=ADMIN_PATH)

DESCRIPTION: Final = "/openapi.json"


@api.get(DESCRIPTION, provide_automatic_options=False)
def description() -> ResponseReturnValue:
    """Describe the API (OpenAPI 3.1), for everybody."""
    body = openapi.document(provider().issuer)
    return _sent(
        Answer(200, (("Content-Type", "application/json"), ("ETag", tag_of_bytes(body))), body)
    )


def view_of(operation: Operation) -> Callable[..., ResponseReturnValue]:
    """Return the view that answers for an operation."""

    def view(**path: str) -> ResponseReturnValue:
        wire = wire_request()
        headers = provider().admin_api.headers(wire)
        try:
            caller = provider().admin_api.admit(wire, operation.scope)
            response = _sent(_answer(operation, caller, path))
        except NotAdmitted as refusal:
            response = make_response(problem_answer(_not_admitted(refusal)))
            for name, value in refusal.headers:
                response.headers.add(name, value)
        except Problem as problem:
            response = make_response(problem_answer(problem))
        except ProtocolError as error:
            response = make_response(problem_answer(problem_of(error)))
        response.headers.extend(headers)
        return response

    view.__doc__ = operation.act.__doc__
    return view


def _not_admitted(refusal: NotAdmitted) -> Problem:
    if refusal.error is None:
        return Problem(401, "token.required", "send an access token in the header Authorization")
    return Problem(refusal.status, refusal.error.error, refusal.error.description)


def _answer(operation: Operation, caller: Caller, path: dict[str, str]) -> Answer:
    """Read what was sent and carry the operation out, once for its idempotency key."""
    query = _query(operation)
    if operation.wants_match:
        check_header(request.headers.get(MATCH), is_needed=operation.needs_match)
    document = _document(operation)

    def act() -> Answer:
        # what could not be done anyway is told before what others changed (RFC 9110 §13.2.1)
        body = operation.takes.read(document) if operation.takes is not None else None
        version = _matched(operation, path)
        try:
            reply = operation.act(Call(caller, path, query, body, version))
        except Conflict as conflict:
            raise _problem_of_conflict(conflict) from conflict
        except Refused as refusal:
            raise problem_of(refusal) from refusal
        return written(reply, is_tagged=request.method in {"GET", "HEAD"})

    key = request.headers.get(HEADER)
    if key is None or not operation.is_idempotent_by_key:
        return act()
    return answered_once(
        services().submissions,
        place=f"{caller.client_id}\n{request.method} {request.full_path}",
        key=check_key(key),
        sent=document,
        act=act,
    )


def _problem_of_conflict(conflict: Conflict) -> Problem:
    return stale() if conflict.what == "version" else problem_of(Refused(f"{conflict.what}.exists"))


def _document(operation: Operation) -> Any:
    """Return the JSON value of the body, `None` where the operation takes none."""
    if operation.takes is None:
        return None
    return parse_body(request.get_data(cache=False), request.mimetype, operation.takes)


def _query(operation: Operation) -> BaseModel | None:
    """Return the query's parameters; a repeated or unknown one is refused, never ignored."""
    errors = [
        FieldError("field.repeated", "it came more than once", parameter=name)
        for name, values in request.args.lists()
        if len(values) > 1
    ]
    known = operation.query.model_fields if operation.query is not None else {}
    errors += [
        FieldError("field.unknown", "this operation has no such parameter", parameter=name)
        for name in request.args
        if name not in known
    ]
    if errors:
        raise Problem(400, "query.invalid", "the query can not be read", errors=errors)
    if operation.query is None:
        return None
    try:
        return operation.query.model_validate(request.args.to_dict())
    except ValidationError as error:
        raise Problem(
            400, "query.invalid", "the query can not be read", errors=in_query(error)
        ) from error


def _matched(operation: Operation, path: dict[str, str]) -> int | None:
    """Return the version that `If-Match` names, so that nothing newer is overwritten."""
    header = request.headers.get(MATCH)
    if operation.finds_version is None or header is None or not operation.wants_match:
        return None
    try:
        version = operation.finds_version(path)
    except Refused as refusal:
        raise problem_of(refusal) from refusal
    check_match(tag_of_version(version), header)
    return version


def _sent(answer: Answer) -> Response:
    """Return the answer, or that the caller has it already (RFC 9110 §13.1.2)."""
    tag = dict(answer.headers).get("ETag", "")
    known = request.headers.get("If-None-Match")
    is_read = request.method in {"GET", "HEAD"} and answer.status == 200
    if is_read and known is not None and has_already(tag, known):
        return Response(status=304, headers=[("ETag", tag)])
    # Flask would give an empty answer a type
    response = Response(answer.body, status=answer.status, headers=[*answer.headers])
    if not answer.body:
        response.headers.pop("Content-Type", None)
    return response


def register(blueprint: Blueprint) -> None:
    """Give every operation its route."""
    for operation in OPERATIONS:
        blueprint.add_url_rule(
            operation.path.replace("{", "<").replace("}", ">"),
            endpoint=operation.name,
            view_func=view_of(operation),
            methods=[operation.method],
            provide_automatic_options=False,
        )
