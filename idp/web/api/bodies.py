"""What operations take: a schema for people who read, and the check that reads by it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from idp.domain.protocol.json_text import depth_of, read_json
from idp.web.problems import FieldError, Problem

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
DEPTH_MAX: Final = 16


@dataclass(frozen=True, slots=True)
class Body:
    """A body that a model describes. `is_required`: else an absent one is an empty object."""

    model: type[BaseModel]
    is_required: bool = True
    media_types: tuple[str, ...] = (JSON,)

    def read(self, document: Any) -> Any:
        """Return what a JSON value says; raises `Problem` 422 with every error."""
        try:
            return self.model.model_validate(document)
        except ValidationError as error:
            raise Problem(422, "body.invalid", _WRONG, errors=in_body(error)) from error


_WRONG: Final = "the body is not what this operation takes; errors say where"

#: Our codes for what a model finds.
_CODES: Final[Mapping[str, str]] = {"missing": "required", "extra_forbidden": "unknown"}


def in_body(error: ValidationError) -> list[FieldError]:
    """Return what a model finds wrong with a body, each with its place."""
    return [
        FieldError(_code(found["type"]), found["msg"], pointer=pointer(found["loc"]))
        for found in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def in_query(error: ValidationError) -> list[FieldError]:
    """Return the same for the query."""
    return [
        FieldError(_code(found["type"]), found["msg"], parameter=str(found["loc"][0]))
        for found in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def _code(kind: str) -> str:
    return f"field.{_CODES.get(kind, 'invalid')}"


def pointer(path: Iterable[str | int]) -> str:
    """Return the JSON pointer of a place (RFC 6901 §3)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def parse_body(body: bytes, media_type: str, taken: Body) -> Any:
    """Return the JSON value of a body.

    Raises `Problem` 415 for another media type, 400 for what is no JSON, is nested too deeply, or
    names a member twice.
    """
    if not body and not taken.is_required:
        return {}
    if media_type not in taken.media_types:
        headers = [("Accept-Patch", ", ".join(taken.media_types))]
        raise Problem(415, headers=headers if MERGE_PATCH in taken.media_types else ())
    if depth_of(body) > DEPTH_MAX:
        raise Problem(400, "body.too_deep", f"the body is nested more than {DEPTH_MAX} deep")
    try:
        text = body.decode()
        json.loads(text, object_pairs_hook=_each_once)
        return read_json(text)
    except ValueError as error:
        raise Problem(400, "body.not_json", "the body is not JSON in UTF-8") from error


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a member that comes twice: readers differ in which one counts (RFC 8259 §4)."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member comes twice")
    return found


def merged(target: Any, patch: Any) -> Any:
    """Return a document with a merge patch applied (RFC 7396 §2)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result
