"""What the pages of a changed phone and a changed address share: the page of the code."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.otp import read_code
from idp.domain.identity.phone import Phone
from idp.domain.identity.session import LoginSession
from idp.domain.identity.visitor import Visitor
from idp.services import otp
from idp.services.contact_change import SentCode
from idp.services.email_change import TAKEN
from idp.services.puzzle import Solution
from idp.web.citizen.blueprint import present
from idp.web.context import services, visitor
from idp.web.forms import Form, ParsedField
from idp.web.puzzles import is_limit, refuse_by_limit, sent_solution


class Changes(Protocol):
    """The part of `ContactChangeService` that needs no contact."""

    def sent_code(
        self, journey_id: str, session: LoginSession, visitor: Visitor
    ) -> SentCode[Phone] | SentCode[EmailAddress]:
        """Return what was sent; refuses with `journey.expired`."""

    def resend(
        self,
        journey_id: str,
        session: LoginSession,
        visitor: Visitor,
        *,
        puzzle: Solution | None = None,
    ) -> None:
        """Send another code."""

    def confirm(
        self, journey_id: str, code: str, session: LoginSession, visitor: Visitor
    ) -> Account:
        """Return the account with its new contact."""


class CodeForm(Form):
    """The code that the new contact got."""

    code = ParsedField(parse=read_code)


@dataclass(frozen=True, slots=True)
class CodePage:
    """`endpoint`: of the page itself; `begin`: of the one before it.

    `over`: the note where the change is done or too late; `told`: the note after it.
    """

    changes: Callable[[], Changes]
    endpoint: str
    begin: str
    over: str
    told: Callable[[Account], str]

    def answer(self) -> ResponseReturnValue:
        """Take the code, or send another; a GET never sends."""
        journey_id = request.args.get("m", "")
        asks_again = request.form.get("action") == "resend"
        form = Form() if asks_again else CodeForm()
        headers: Mapping[str, str] = {}
        try:
            if form.is_accepted():
                return self._resend(journey_id) if asks_again else self._take(journey_id, form)
        except Refused as refusal:
            if refusal.code == "journey.expired":
                return self._over()
            headers = _refuse_code(form, refusal)
        if asks_again:
            form = _shown_anew(form)
        form["code"].data = ""
        return self._page(journey_id, form, headers)

    def _take(self, journey_id: str, form: Form) -> ResponseReturnValue:
        session, _ = present()
        changed = self.changes().confirm(journey_id, form["code"].value, session, visitor())
        return redirect(url_for("citizen.account_security", pesan=self.told(changed)), 303)

    def _resend(self, journey_id: str) -> ResponseReturnValue:
        session, _ = present()
        self.changes().resend(journey_id, session, visitor(), puzzle=sent_solution())
        return redirect(url_for(self.endpoint, m=journey_id), 303)

    def _page(self, journey_id: str, form: Form, headers: Mapping[str, str]) -> ResponseReturnValue:
        session, _ = present()
        try:
            sent = self.changes().sent_code(journey_id, session, visitor())
        except Refused:
            return self._over()
        now = services().clock.now()
        page = render_template(
            "citizen/contact_change/code.html",
            form=form,
            sent=sent,
            by_email=isinstance(sent.contact, EmailAddress),
            begin=self.begin,
            wait=max(0, sent.challenge.resend_at - now),
            is_over=not sent.challenge.may_be_used(now),
        )
        return page, form.status, headers

    def _over(self) -> ResponseReturnValue:
        """Show the contact that the account has: done in another tab, or too late."""
        return redirect(url_for("citizen.account_security", pesan=self.over), 303)


def refuse(form: Form, refusal: Refused, name: str) -> Mapping[str, str]:
    """Tell a refusal beside a field, or above the form where the field is not in it."""
    beside = (name,) if name in form else ()
    if is_limit(refusal):
        return refuse_by_limit(form, refusal, otp.PUZZLE, *beside)
    form.refuse(refusal, *beside)
    return {}


def _refuse_code(form: Form, refusal: Refused) -> Mapping[str, str]:
    if refusal.code == TAKEN:
        # the code is right: it is the address that will not do
        form.refuse(refusal, status=409)
        return {}
    return refuse(form, refusal, "code")


def _shown_anew(refused: Form) -> CodeForm:
    """Return the page's own form with what was told about the other button."""
    form = CodeForm(formdata=None)
    form.form_errors, form.status = refused.form_errors, refused.status
    form.puzzle = refused.puzzle
    return form
