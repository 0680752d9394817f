"""Limits as pages tell them: a puzzle inside the same form, or when to come back."""

from collections.abc import Mapping
from typing import Final

from flask import request
from flask_babel import gettext

from idp.domain.errors import Refused
from idp.services.puzzle import Solution
from idp.web.context import services, visitor
from idp.web.forms import Form, SecretField

#: Codes of full windows.
LIMITS: Final = frozenset(
    {
        "otp.wait",
        "otp.limit",
        "otp.stopped",
        "factor.throttled",
        "limit.address",
        "registry.tries",
        "busy",
    }
)


def sent_solution() -> Solution | None:
    """Return what the form's puzzle fields brought, `None` where it had none."""
    token = request.form.get("puzzle", "")
    return Solution(token, request.form.get("puzzle_answer", "").strip()) if token else None


def refuse_by_limit(form: Form, refusal: Refused, purpose: str, *fields: str) -> Mapping[str, str]:
    """Show the form again with 429: with a puzzle, or with the time from which it counts.

    `purpose`: what the puzzle is for, as the service redeems it. Returns headers of the answer.
    """
    form.refuse(refusal, *fields, status=429)
    if refusal.code.startswith("puzzle."):
        _ask_again_for_secrets(form)
    puzzles = services().puzzles
    if refusal.code == "puzzle.required":
        form.puzzle = puzzles.issue(purpose, visitor())
    elif refusal.code == "puzzle.early":
        token = request.form.get("puzzle", "")
        form.puzzle = puzzles.reopen(token, purpose, visitor())
    seconds = refusal.values.get("seconds")
    return {"Retry-After": str(seconds)} if seconds is not None else {}


def _ask_again_for_secrets(form: Form) -> None:
    """Say that what is never filled in again must be typed before the form is sent on."""
    for field in form:
        if isinstance(field, SecretField):
            field.errors = [*field.errors, gettext("Masukkan kata sandi sekali lagi.")]


def is_limit(refusal: Refused) -> bool:
    """Return whether a refusal says "too often" rather than "not like this"."""
    return refusal.code in LIMITS or refusal.code.startswith("puzzle.")
