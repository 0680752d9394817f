"""The API's description (OpenAPI 3.1), made of the operations: nothing in it is written twice."""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from idp.domain.identity.admin_scopes import ADMIN_PATH, ADMIN_SCOPES
from idp.oidc.endpoints import TOKEN
from idp.web.api.bodies import Body
from idp.web.api.conditions import MATCH, TAG
from idp.web.api.idempotency import HEADER, KEY_MAX
from idp.web.api.operation import OPERATIONS, Operation
from idp.web.api.shapes import ProblemDocument
from idp.web.problems import TYPE

VERSION: Final = "1"
_SCHEMAS: Final = "#/components/schemas/{model}"
_OAUTH: Final = "oauth"
_BEARER: Final = "bearer"

#: What any operation may answer, beside what it declares.
_ALWAYS: Final = (400, 401, 403, 429, 500, 503)
_WITH_BODY: Final = (413, 415, 422)

_ABOUT: Final = """\
Registrations, accounts, keys and audit of SIAPkerja ID, for programs. Tokens come from the token
endpoint by the grant type client_credentials, with this API as `resource`; a client needs the
scopes in its registration, which an operator gives. Errors are problem details (RFC 9457) with a
stable `code`. Instants are seconds since 1970. Lists go on at `next`. A POST may carry an
`Idempotency-Key`; a change needs `If-Match`."""


@lru_cache(maxsize=4)
def document(issuer: str) -> bytes:
    """Return the description as JSON. `issuer`: whose API it is."""
    return json.dumps(described(issuer), ensure_ascii=False, separators=(",", ":")).encode()


def described(issuer: str) -> dict[str, Any]:
    """Return the description."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "SIAPkerja ID administration",
            "version": VERSION,
            "description": " ".join(_ABOUT.split()),
        },
        "servers": [{"url": f"{issuer}{ADMIN_PATH}"}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                _OAUTH: _oauth(issuer),
                _BEARER: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
            "responses": {str(status): _problem(status) for status in _problem_statuses()},
        },
    }


def _oauth(issuer: str) -> dict[str, Any]:
    flow = {"tokenUrl": f"{issuer}{TOKEN.path}", "scopes": dict(ADMIN_SCOPES)}
    return {"type": "oauth2", "flows": {"clientCredentials": flow}}


def _schemas() -> dict[str, Any]:
    _, told = models_json_schema(
        [
            *((model, "validation") for model in _models(_taken())),
            *((model, "serialization") for model in _models(_given())),
        ],
        ref_template=_SCHEMAS,
    )
    found: dict[str, Any] = told["$defs"]
    return dict(sorted(found.items()))


def _models(models: Iterable[type[BaseModel]]) -> list[type[BaseModel]]:
    return list(dict.fromkeys(models))


def _taken() -> Iterator[type[BaseModel]]:
    return (operation.takes.model for operation in OPERATIONS if operation.takes is not None)


def _given() -> Iterator[type[BaseModel]]:
    for operation in OPERATIONS:
        yield from (model for model in operation.gives.values() if model is not None)
    yield ProblemDocument


def _operation(operation: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.path.split("/")[1]],
        "summary": operation.summary,
        "description": operation.description,
        # two words for one thing: where tokens come from, and how they are sent
        "security": [{_OAUTH: [operation.scope]}, {_BEARER: [operation.scope]}],
        "parameters": [*_path_parameters(operation), *_query(operation), *_headers(operation)],
        "responses": dict(_responses(operation)),
    }
    if operation.takes is not None:
        told["requestBody"] = _body(operation.takes)
    return told


def _path_parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    for part in operation.path.split("/"):
        if part.startswith("{"):
            schema = PATH_SCHEMAS[part[1:-1]]
            yield {"name": part[1:-1], "in": "path", "required": True, "schema": schema}


#: What stands in paths.
PATH_SCHEMAS: Final[Mapping[str, Mapping[str, Any]]] = {
    "client_id": {"type": "string", "minLength": 1, "maxLength": 128},
    "version": {"type": "string", "pattern": "^[1-9][0-9]{0,8}$"},
    "secret_id": {"type": "string", "format": "uuid"},
    "account_id": {"type": "string", "format": "uuid"},
    "admin_id": {"type": "string", "format": "uuid"},
    "approval_id": {"type": "string", "format": "uuid"},
    "release_id": {"type": "string", "format": "uuid"},
    "kid": {"type": "string", "minLength": 1, "maxLength": 128},
}


def _query(operation: Operation) -> Iterator[dict[str, Any]]:
    if operation.query is None:
        return
    schema = operation.query.model_json_schema()
    for name, told in schema["properties"].items():
        words = {"description": told.pop("description")} if "description" in told else {}
        is_required = name in schema.get("required", ())
        yield {"name": name, "in": "query", "required": is_required, **words, "schema": told}


def _headers(operation: Operation) -> Iterator[dict[str, Any]]:
    if operation.is_idempotent_by_key:
        text = {"type": "string", "minLength": 1, "maxLength": KEY_MAX}
        words = "The same key again gets the first answer, for a day."
        yield _header(HEADER, words, schema={**text, "pattern": "^[!-~]+$"})
    if operation.method == "GET":
        words = "Entity tags that you have: then 304, without a body."
        yield _header("If-None-Match", words, schema={"type": "string"})
    if operation.wants_match:
        words = "The entity tag of what you change: refused with 412 if it has changed since."
        yield _header(MATCH, words, is_required=operation.needs_match, schema=_TAGS)


#: As browsers of the description check it: without a blank at either end.
_TAGS: Final = {"type": "string", "pattern": rf"^(\*|{TAG}(\s*,\s*{TAG})*)$"}


def _header(
    name: str, words: str, *, schema: Mapping[str, Any], is_required: bool = False
) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": is_required,
        "description": words,
        "schema": schema,
    }


def _body(takes: Body) -> dict[str, Any]:
    schema = {"$ref": _SCHEMAS.format(model=takes.model.__name__)}
    return {
        "required": takes.is_required,
        "content": {media_type: {"schema": schema} for media_type in takes.media_types},
    }


def _responses(operation: Operation) -> Iterator[tuple[str, Any]]:
    for status, model in operation.gives.items():
        yield str(status), _success(operation, status, model)
    if operation.method == "GET":
        yield "304", {"description": "You have it already.", "headers": _told("ETag")}
    for status in sorted(refusals_of(operation)):
        yield str(status), {"$ref": f"#/components/responses/{status}"}


def refusals_of(operation: Operation) -> frozenset[int]:
    """Return every status with which an operation may refuse."""
    found = {*_ALWAYS, *operation.refuses}
    if "{" in operation.path:
        found.add(404)
    if operation.takes is not None:
        found.update(_WITH_BODY)
    if operation.is_idempotent_by_key:
        found.update((409, 422))
    if operation.wants_match:
        found.add(412)
        if operation.needs_match:
            found.add(428)
    return frozenset(found)


def _success(operation: Operation, status: int, model: type[BaseModel] | None) -> dict[str, Any]:
    told: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if model is not None:
        schema = {"$ref": _SCHEMAS.format(model=model.__name__)}
        told["content"] = {"application/json": {"schema": schema}}
    if status in {201, 202}:
        told["headers"] = _told("Location")
    elif operation.method == "GET":
        told["headers"] = _told("ETag")
    return told


_HEADER_WORDS: Final = {"ETag": "The entity tag.", "Location": "The address of what was made."}


def _told(name: str) -> dict[str, Any]:
    return {name: {"description": _HEADER_WORDS[name], "schema": {"type": "string"}}}


def _problem_statuses() -> list[int]:
    return sorted({status for operation in OPERATIONS for status in refusals_of(operation)})


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": _SCHEMAS.format(model=ProblemDocument.__name__)}
    told: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "content": {TYPE: {"schema": schema}},
    }
    if status in {401, 403}:
        words = "What would be let in (RFC 6750 section 3)."
        told["headers"] = {"WWW-Authenticate": {"description": words, "schema": {"type": "string"}}}
    return told
