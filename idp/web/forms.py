"""Forms: fields that parse into domain values, and a token that is bound to this browser.

A view builds a form, asks `form.is_accepted()`, and otherwise renders it again with `form.status`.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Final

from flask import g, request
from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, PasswordField, StringField
from wtforms.csrf.core import CSRF
from wtforms.validators import ValidationError

from idp.domain.errors import Refused
from idp.domain.identity.email import EmailAddress
from idp.services.puzzle import Puzzle
from idp.web.context import cookie_name, services, visitor
from idp.web.failures import note_cause
from idp.web.messages import words_for
from idp.web.security import check_form_token, is_same_origin, make_form_token

TEXT_MAX: Final = 1024


class BrowserBoundToken(CSRF):
    """A token that is also the form's submission id (R-11)."""

    def generate_csrf_token(self, csrf_token_field: object) -> str:
        del csrf_token_field
        token: str = g.get("form_token") or make_form_token()
        g.form_token = token
        return token

    def validate_csrf_token(self, form: object, field: Any) -> None:
        del form
        if not is_same_origin() or check_form_token(field.data or "") is None:
            raise ValidationError("form.expired")


class Form(FlaskForm):
    """A form of ours. `status`: of the answer that shows it again.

    `puzzle`: what the browser must do first, where too many asked before it (`idp.web.puzzles`);
    `puzzle_for`: what for, as the service redeems it.
    """

    class Meta:
        """WTForms reads these names."""

        csrf = True
        csrf_class = BrowserBoundToken
        csrf_field_name = "csrf_token"

        def wrap_formdata(self, form: object, formdata: Any) -> Any:
            """Read the form alone: a JSON body, which Flask-WTF would take too, is none."""
            del form, formdata
            return (request.form or None) if request.method == "POST" else None

    status = 200
    puzzle: Puzzle | None = None
    puzzle_for: ClassVar[str] = ""
    form_errors: list[str]

    def is_accepted(self) -> bool:
        """Return whether the form was sent, is ours, and every field is good."""
        if request.method != "POST":
            return False
        if self.validate():
            return True
        self.keep_puzzle()
        self.status = 403 if self.csrf_token.errors else 422
        if self.is_expired:
            note_cause("form.expired")
        return False

    def pressed(self, *decisions: str) -> str:
        """Return which button sent an accepted form; empty, and refused, where none of them did.

        `decisions`: the values of the page's buttons named `decision`.
        """
        if not self.is_accepted():
            return ""
        decision = request.form.get("decision", "")
        if decision in decisions:
            return decision
        self.refuse(Refused("button.required"))
        return ""

    @property
    def is_expired(self) -> bool:
        """Whether the page was open for too long, or another page sent the form."""
        return bool(self.csrf_token.errors)

    @property
    def came_without_cookies(self) -> bool:
        """Whether the browser brought none of our cookies: they ran out, or it keeps none."""
        names = (cookie_name("sid"), cookie_name("asid"), cookie_name("flow"))
        return self.is_expired and not any(name in request.cookies for name in names)

    def keep_puzzle(self) -> None:
        """Show the puzzle that was sent once more: what came with it was refused unspent."""
        token = request.form.get("puzzle", "")
        if token and self.puzzle_for:
            self.puzzle = services().puzzles.reopen(token, self.puzzle_for, visitor())

    def refuse(self, refusal: Refused, *fields: str, status: int = 422) -> None:
        """Put the words of a refusal beside a field, or above the form where none is named."""
        self.status = status
        note_cause(refusal.code)
        words = words_for(refusal)
        if fields:
            self[fields[0]].errors = [*self[fields[0]].errors, words]
        else:
            self.form_errors = [*self.form_errors, words]

    @property
    def problems(self) -> list[tuple[str, str]]:
        """Field name and words of everything that is wrong, in the order of the page."""
        found = [("", words) for words in self.form_errors]
        for field in self:
            if field.name != "csrf_token":
                found += [(field.name, str(words)) for words in field.errors]
        return found


class ParsedField(StringField):
    """A text field whose `value` is what `parse` makes of it; a `Refused` becomes its error."""

    def __init__(self, label: str = "", *, parse: Callable[[str], Any], **given: Any) -> None:
        super().__init__(label, **given)
        self.parse = parse
        self.value: Any = None

    def pre_validate(self, form: object) -> None:
        del form
        text = self.data or ""
        refuse_control_characters(text)
        try:
            self.value = self.parse(text)
        except Refused as refusal:
            raise _invalid(refusal) from refusal


class ParsedArea(ParsedField):
    """The same for a field of several lines."""

    def pre_validate(self, form: object) -> None:
        del form
        lines = (self.data or "").splitlines()
        for line in lines:
            refuse_control_characters(line)
        try:
            self.value = self.parse("\n".join(lines))
        except Refused as refusal:
            raise ValidationError(words_for(refusal)) from refusal


class SecretField(PasswordField):
    """A password field: exactly as typed, never shown again."""

    def __init__(self, label: str = "", *, parse: Callable[[str], Any], **given: Any) -> None:
        super().__init__(label, **given)
        self.parse = parse
        self.value: Any = None

    def pre_validate(self, form: object) -> None:
        del form
        try:
            self.value = self.parse(self.data or "")
        except Refused as refusal:
            raise _invalid(refusal) from refusal


class MustAgree(BooleanField):
    """A box that must be ticked; `code` says what is missing where it is not."""

    def __init__(self, label: str = "", *, code: str, **given: Any) -> None:
        super().__init__(label, **given)
        self.code = code

    def pre_validate(self, form: object) -> None:
        del form
        if not self.data:
            raise _invalid(Refused(self.code))


class PlainHidden(HiddenField):
    """A hidden field of ours."""


def _invalid(refusal: Refused) -> ValidationError:
    """Return what puts the words of a refusal beside its field."""
    note_cause(refusal.code)
    return ValidationError(words_for(refusal))


def refuse_control_characters(text: str) -> None:
    """Refuse NUL, other control characters and lone surrogates in a line of text."""
    if len(text) > TEXT_MAX:
        raise _invalid(Refused("field.long"))
    if any(ord(c) < 32 or 127 <= ord(c) < 160 or 0xD800 <= ord(c) < 0xE000 for c in text):
        raise _invalid(Refused("field.character"))


def parse_email(text: str) -> EmailAddress:
    """Return the address; syntax by email-validator, no look-up of the domain.

    Names under `test` are for people who are made up (RFC 6761 §6.2). Refuses with `email.invalid`.
    """
    # its tables of characters take longer to build than all our forms
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - see above

    try:
        checked = validate_email(
            text.strip(), check_deliverability=False, strict=True, test_environment=True
        )
    except EmailNotValidError as error:
        raise Refused("email.invalid") from error
    return EmailAddress(f"{checked.local_part}@{checked.domain.lower()}")
