"""Entity tags: what a caller has, and what it believes to change (RFC 9110 §8.8.3, §13.1)."""

import re
from hashlib import sha256
from typing import Final

from idp.web.problems import FieldError, Problem

MATCH: Final = "If-Match"
#: One tag, as the schema of the header has it too.
TAG: Final = r'(?:W/)?"[!#-~]*"'
_TAG: Final = re.compile(TAG)
_LIST: Final = re.compile(rf"{TAG}(?:\s*,\s*{TAG})*")


def tag_of_version(version: int) -> str:
    """Return the tag of a numbered version."""
    return f'"v{version}"'


def tag_of_bytes(body: bytes) -> str:
    """Return the tag of an answer that has no number."""
    return f'"{sha256(body).hexdigest()[:32]}"'


def has_already(tag: str, if_none_match: str) -> bool:
    """Return whether the caller has this answer (RFC 9110 §13.1.2, weak comparison)."""
    return if_none_match.strip() == "*" or tag in {
        t.removeprefix("W/") for t in _tags(if_none_match)
    }


def check_header(if_match: str | None, *, is_needed: bool) -> None:
    """Refuse a call that does not say what it changes.

    Raises `Problem` 428 where the header is missing and `is_needed` (RFC 6585 §3), 400 where it
    names neither a tag nor anything (`*`).
    """
    if if_match is None and is_needed:
        raise Problem(
            428,
            "match.required",
            f"send {MATCH} with the ETag of what you want to change",
            errors=[FieldError("field.required", "it is missing", header=MATCH)],
        )
    if if_match is None or if_match.strip() == "*" or _LIST.fullmatch(if_match.strip()):
        return
    raise Problem(
        400,
        "match.malformed",
        f"{MATCH} can not be read",
        errors=[FieldError("field.invalid", "it must be an entity tag in quotes", header=MATCH)],
    )


def check_match(tag: str, if_match: str) -> None:
    """Refuse a change of something else than the caller saw (RFC 9110 §13.1.1, strong comparison).

    Raises `Problem` 412.
    """
    if if_match.strip() != "*" and tag not in _tags(if_match):
        raise stale()


def stale() -> Problem:
    """Return the refusal of a change that somebody else was faster with."""
    return Problem(
        412, "match.stale", "it was changed meanwhile; read it again and repeat the change"
    )


def _tags(header: str) -> list[str]:
    """Return the tags of a header's list; a weak one keeps its `W/`, which no strong one equals."""
    return [found[0] for found in _TAG.finditer(header)]
