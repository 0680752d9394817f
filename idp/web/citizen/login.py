"""Signing in: password, second step, choice of method and of account."""

from collections.abc import Mapping
from typing import Any

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.errors import Refused
from idp.domain.identity.journey import JourneyKind
from idp.domain.identity.otp import Channel, read_code
from idp.domain.identity.password import normalise_password
from idp.domain.identity.second_step import contacts_of
from idp.domain.protocol.prompt import ShowLogin
from idp.oidc.authorization.endpoint import ShowPage
from idp.services import login as logins
from idp.services import otp
from idp.services.interactions import Waiting
from idp.services.legacy_upgrade import LegacyProven
from idp.services.login import CodeNeeded, Entered
from idp.web.citizen.blueprint import NOTES, carried, citizen, onward, waiting_request
from idp.web.context import provider, services, signed_in, visitor
from idp.web.forms import Form, ParsedField, SecretField
from idp.web.outcomes import show, show_refusal
from idp.web.puzzles import is_limit, refuse_by_limit, sent_solution
from idp.web.security import begin_session, remember_device
from idp.web.submissions import once

NOTES["tertunda"] = (
    "warn",
    "clock",
    lazy_gettext("Kode belum dapat dikirim. Pilih cara lain, atau coba lagi sebentar lagi."),
)


def read_identifier(text: str) -> str:
    """Return what was typed, if anything was: whom it means is nobody's business here."""
    if not text.strip():
        raise Refused("identifier.required")
    return text.strip()


class LoginForm(Form):
    """E-mail address, phone number or NIK, and the password."""

    identifier = ParsedField(parse=read_identifier)
    password = SecretField(parse=normalise_password)


class CodeForm(Form):
    """The code of a second step."""

    code = ParsedField(parse=read_code)


def read_channel(text: str) -> Channel:
    """Return the way that was ticked; refuses with `method.required`."""
    if text not in set(Channel):
        raise Refused("method.required")
    return Channel(text)


class MethodForm(Form):
    """How the code is to come."""

    channel = ParsedField(parse=read_channel)


@citizen.route("/masuk", methods=["GET", "POST"])
@once()
def login() -> ResponseReturnValue:
    """Ask for identifier and password."""
    try:
        waiting = waiting_request()
    except Refused as refusal:
        return show_refusal(refusal, request.args.get("i", ""))
    # whoever is to sign in to their other account is signed in to the first
    is_other = "gabung" in request.args
    if request.method == "GET" and waiting is None and signed_in() is not None and not is_other:
        return onward()
    if request.method == "GET" and waiting is not None and not is_other:
        answer = _signed_in_meanwhile(waiting)
        if answer is not None:
            return answer
    form = LoginForm()
    headers: Mapping[str, str] = {}
    if form.is_accepted():
        try:
            return _sign_in(form)
        except Refused as refusal:
            headers = refuse_login(form, refusal)
    elif request.method == "GET" and waiting is not None:
        form.identifier.data = waiting.request.login_hint or ""
    page = render_template(
        "citizen/login/login.html", form=form, waiting=waiting, carried=carried()
    )
    return page, form.status, headers


def _signed_in_meanwhile(waiting: Waiting) -> ResponseReturnValue | None:
    """Go on to the portal where another tab signed in: a reload must not ask once more.

    Not where the portal asked for a choice of its own: it led here on purpose.
    """
    if signed_in() is None or waiting.request.prompts - {"consent"}:
        return None
    outcome = provider().resume(request.args["i"], visitor())
    if isinstance(outcome, ShowPage) and isinstance(outcome.page, ShowLogin):
        return None
    return show(outcome)


def _sign_in(form: LoginForm) -> ResponseReturnValue:
    outcome = services().login.sign_in(
        form.identifier.value,
        form.password.value,
        visitor(),
        interaction_id=request.args.get("i"),
        puzzle=sent_solution(),
        as_typed=form.password.data,
    )
    if isinstance(outcome, LegacyProven):
        return go_on_with_old(outcome)
    return let_in(outcome)


def go_on_with_old(proven: LegacyProven) -> ResponseReturnValue:
    """Ask whose the old account is that was just proved; who is signed in has told already."""
    page = "citizen.begin_registration" if signed_in() is None else "citizen.link_legacy"
    there = url_for(page, i=request.args.get("i"), lama=proven.journey_id)
    return redirect(there, 303)


def let_in(outcome: Entered | CodeNeeded, pesan: str | None = None) -> ResponseReturnValue:
    """Begin the session and go on, or send the code that this browser still needs."""
    if isinstance(outcome, CodeNeeded):
        return _send_first(outcome.journey_id, pesan)
    response = make_response(onward(pesan))
    begin_session(response, outcome.signed_in.cookie)
    if outcome.device_cookie is not None:
        remember_device(response, outcome.device_cookie)
    return response


def _send_first(journey_id: str, pesan: str | None) -> ResponseReturnValue:
    """Send a journey's first code; where that can't be, the person chooses another way."""
    page = "citizen.login_code"
    try:
        services().steps.send(journey_id, visitor())
    except Refused:
        page, pesan = "citizen.choose_method", "tertunda"
    return redirect(url_for(page, m=journey_id, pesan=pesan, **carried()), 303)


def refuse_login(form: Form, refusal: Refused) -> Mapping[str, str]:
    """Show a refused sign-in on its form; what is no such refusal is raised again."""
    if refusal.code == "login.throttled" or is_limit(refusal):
        return refuse_by_limit(form, refusal, logins.PUZZLE)
    if refusal.code != "login.failed":
        raise refusal
    form.refuse(refusal)
    return {}


@citizen.route("/masuk/kode", methods=["GET", "POST"])
@once()
def login_code() -> ResponseReturnValue:
    """Take the code, or send another; a GET never sends."""
    waiting = patient_waiting()
    form = CodeForm()
    headers: Mapping[str, str] = {}
    try:
        if request.form.get("action") == "resend":
            answer, headers = _resend(form)
            if answer is not None:
                return answer
        elif form.is_accepted():
            return _take_code(form.code.value)
    except Refused as refusal:
        if refusal.code == "journey.expired":
            return _journey_over()
        headers = _refuse_code(form, refusal)
    return _code_page(form, waiting, headers)


def _take_code(code: str) -> ResponseReturnValue:
    asked = "remember_asked" not in request.form or "remember" in request.form
    entered = services().login.finish(
        request.args.get("m", ""),
        code,
        visitor(),
        remember=asked,
        interaction_id=request.args.get("i"),
    )
    return let_in(entered)


def _resend(form: CodeForm) -> tuple[ResponseReturnValue | None, Mapping[str, str]]:
    """Send another code; return the redirect, or the headers of the page that says why not."""
    form.code.data = ""
    plain = Form()
    if not plain.is_accepted():
        form.status = plain.status
        return None, {}
    try:
        services().steps.send(
            request.args.get("m", ""), visitor(), again=True, puzzle=sent_solution()
        )
    except Refused as refusal:
        if not is_limit(refusal):
            raise
        return None, refuse_by_limit(form, refusal, otp.PUZZLE)
    there = url_for("citizen.login_code", m=request.args.get("m", ""), **carried())
    return redirect(there, 303), {}


def _refuse_code(form: CodeForm, refusal: Refused) -> Mapping[str, str]:
    form.code.data = ""
    if is_limit(refusal):
        return refuse_by_limit(form, refusal, otp.PUZZLE, "code")
    form.refuse(refusal, "code")
    return {}


def _code_page(
    form: CodeForm, waiting: Waiting | None, headers: Mapping[str, str]
) -> ResponseReturnValue:
    try:
        step = services().steps.find(request.args.get("m", ""), visitor())
    except Refused:
        return _journey_over()
    if step.challenge is None:
        return redirect(url_for("citizen.choose_method", m=request.args["m"], **carried()), 303)
    now = services().clock.now()
    page = render_template(
        "citizen/login/code.html",
        form=form,
        waiting=waiting,
        step=step,
        challenge=step.challenge,
        wait=max(0, step.challenge.resend_at - now),
        is_over=not step.challenge.may_be_used(now),
        is_remembering="remember_asked" not in request.form or "remember" in request.form,
        asks_to_remember=step.journey.kind is JourneyKind.LOGIN,
        journey_id=request.args["m"],
        carried=carried(),
    )
    return page, form.status, headers


def _journey_over() -> ResponseReturnValue:
    """Go on where the steps were done before; begin again where they can't be gone on with."""
    if signed_in() is not None:
        return onward()
    return redirect(url_for("citizen.login", pesan="berakhir", **carried()), 303)


@citizen.route("/masuk/metode", methods=["GET", "POST"])
@once()
def choose_method() -> ResponseReturnValue:
    """Choose how the code comes: while signing in, or to raise the level of a session."""
    waiting = patient_waiting()
    journey_id = request.args.get("m", "")
    try:
        contacts = _contacts(journey_id)
    except Refused:
        return _journey_over()
    form = MethodForm()
    headers: Mapping[str, str] = {}
    if form.is_accepted():
        try:
            return _send_by(form.channel.value, journey_id)
        except Refused as refusal:
            if refusal.code == "journey.expired":
                return _journey_over()
            if refusal.code == "method.unknown":
                form.refuse(Refused("method.required"), "channel")
            else:
                headers = refuse_by_limit(form, refusal, otp.PUZZLE)
    elif request.method == "GET":
        form.channel.data = next(iter(contacts), None)
    page = render_template(
        "citizen/login/method.html",
        form=form,
        waiting=waiting,
        contacts=contacts,
        is_step_up=not journey_id,
        carried=carried(),
    )
    return page, form.status, headers


def _contacts(journey_id: str) -> Mapping[Channel, Any]:
    """Return where a code may go; refuses with `journey.expired` where nobody is on the way."""
    if journey_id:
        return services().steps.find(journey_id, visitor()).contacts
    found = signed_in()
    if found is None:
        raise Refused("journey.expired")
    return contacts_of(found[1])


def _send_by(channel: Channel, journey_id: str) -> ResponseReturnValue:
    found = signed_in()
    if not journey_id and found is not None:
        journey_id = services().login.begin_step_up(found[1], visitor())
    services().steps.send(journey_id, visitor(), channel=channel, puzzle=sent_solution())
    return redirect(url_for("citizen.login_code", m=journey_id, **carried()), 303)


@citizen.route("/masuk/akun", methods=["GET", "POST"])
@once()
def choose_account() -> ResponseReturnValue:
    """Ask whether to go on with this account (`prompt=select_account`)."""
    try:
        waiting = waiting_request()
    except Refused as refusal:
        return show_refusal(refusal, request.args.get("i", ""))
    found = signed_in()
    if waiting is None or found is None:
        return redirect(url_for("citizen.login", **carried()), 303)
    form = Form()
    if form.is_accepted():
        decision = request.form.get("decision")
        if decision == "continue":
            services().interactions.note_account_chosen(request.args["i"], visitor())
            return onward()
        if decision == "other":
            return redirect(url_for("citizen.login", **carried()), 303)
    page = render_template(
        "citizen/login/account.html", form=form, waiting=waiting, account=found[1]
    )
    return page, form.status


def patient_waiting() -> Waiting | None:
    """Return the waiting request; one that ended meanwhile does not end the sign-in."""
    try:
        return waiting_request()
    except Refused:
        return None
