"""An answer of the API before Flask sees it."""

import json
from dataclasses import dataclass

from pydantic import BaseModel

from idp.web.api.bodies import JSON
from idp.web.api.conditions import tag_of_bytes, tag_of_version
from idp.web.api.operation import Reply


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and bytes."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


def written(reply: Reply, *, is_tagged: bool) -> Answer:
    """Return a reply as bytes. `is_tagged`: also what has no version gets an entity tag."""
    if reply.document is None:
        return Answer(reply.status, reply.headers)
    body = _json(reply.document)
    headers = [("Content-Type", JSON), *reply.headers]
    if reply.version is not None:
        headers.append(("ETag", tag_of_version(reply.version)))
    elif is_tagged:
        headers.append(("ETag", tag_of_bytes(body)))
    return Answer(reply.status, tuple(headers), body)


def _json(document: object) -> bytes:
    if isinstance(document, BaseModel):
        return document.model_dump_json(exclude_none=True).encode()
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
