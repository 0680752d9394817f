"""Signing in: password, second step, choice of method and of account."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.factors import NO_FACTORS, Factors, read_recovery_code
from idp.domain.identity.journey import JourneyKind
from idp.domain.identity.limits import DAY
from idp.domain.identity.otp import read_code
from idp.domain.identity.password import normalise_password
from idp.domain.identity.second_step import Method, contacts_of, methods_of
from idp.domain.protocol.prompt import ShowLogin, highest_level
from idp.oidc.authorization.endpoint import ShowPage
from idp.services import login as logins
from idp.services import otp
from idp.services.factors import PasskeyAnswer
from idp.services.interactions import Waiting
from idp.services.legacy_upgrade import LegacyProven
from idp.services.login import CodeNeeded, Entered
from idp.services.second_step import Given, RecoveryCode, Step
from idp.web.citizen.blueprint import carried, citizen, onward, waiting_request
from idp.web.context import provider, services, signed_in, visitor
from idp.web.forms import Form, ParsedField, SecretField
from idp.web.i18n import tell_times_in
from idp.web.outcomes import show, show_refusal
from idp.web.puzzles import is_limit, refuse_by_limit, sent_solution
from idp.web.security import begin_session, remember_device
from idp.web.submissions import once

#: The word in an address that tells of a code that could not be sent.
_HELD_BACK: Final = "tertunda"


def read_identifier(text: str) -> str:
    """Return what was typed, if anything was: whom it means is nobody's business here."""
    if not text.strip():
        raise Refused("identifier.required")
    return text.strip()


class LoginForm(Form):
    """E-mail address, phone number or NIK, and the password."""

    puzzle_for = logins.PUZZLE

    identifier = ParsedField(parse=read_identifier)
    password = SecretField(parse=normalise_password)


class CodeForm(Form):
    """The code of a second step."""

    code = ParsedField(parse=read_code)


class RecoveryCodeForm(Form):
    """A recovery code in the place of a second step that is lost."""

    recovery_code = ParsedField(parse=read_recovery_code)


def read_method(text: str) -> Method:
    """Return the way that was ticked; refuses with `method.required`."""
    if text not in set(Method):
        raise Refused("method.required")
    return Method(text)


class MethodForm(Form):
    """By which way the second step is to be taken."""

    puzzle_for = otp.PUZZLE

    channel = ParsedField(parse=read_method)


def sent_passkey() -> PasskeyAnswer | None:
    """Return what a passkey's button sent, `None` where another button did."""
    if request.form.get("by") != "passkey":
        return None
    return PasskeyAnswer(
        request.form.get("passkey_token", ""), request.form.get("passkey_answer", "")
    )


@citizen.route("/masuk", methods=["GET", "POST"])
@once()
def login() -> ResponseReturnValue:
    """Ask for identifier and password, or send back to the portal whoever cancels."""
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
    passkey = sent_passkey()
    cancels = waiting is not None and request.form.get("action") == "cancel"
    form = Form() if passkey is not None or cancels else LoginForm()
    headers: Mapping[str, str] = {}
    if form.is_accepted():
        if cancels:
            # OpenID Connect Core §3.1.2.6: no page of a portal's sign-in is without a way back
            return show(provider().deny(request.args["i"], visitor()))
        try:
            return _enter(passkey) if passkey is not None else _sign_in(form)
        except Refused as refusal:
            headers = refuse_login(form, refusal)
    elif request.method == "GET" and waiting is not None and isinstance(form, LoginForm):
        form.identifier.data = waiting.request.login_hint or ""
    page = render_template(
        "citizen/login/login.html",
        form=form,
        fields=form if isinstance(form, LoginForm) else LoginForm(),
        offer=services().factors.offer_sign_in(visitor()),
        waiting=waiting,
        carried=carried(),
    )
    return page, form.status, headers


def _enter(passkey: PasskeyAnswer) -> ResponseReturnValue:
    entered = services().login.sign_in_by_passkey(
        passkey, visitor(), interaction_id=request.args.get("i")
    )
    return let_in(entered)


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


def _sign_in(form: Any) -> ResponseReturnValue:
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
    page, again_at = "citizen.login_code", None
    try:
        services().steps.send(journey_id, visitor())
    except Refused as refusal:
        page, pesan, again_at = "citizen.choose_method", _HELD_BACK, _again_at(refusal)
    return redirect(url_for(page, m=journey_id, pesan=pesan, mulai=again_at, **carried()), 303)


def _again_at(refusal: Refused) -> int | None:
    """Return from when a code may be sent, `None` where the refusal does not tell."""
    seconds = refusal.values.get("seconds")
    return services().clock.now() + seconds if isinstance(seconds, int) else None


def _told_again_at() -> int | None:
    """Return the same from the address, where it can be true: within a day."""
    told = request.args.get("mulai", type=int) or 0
    return told if 0 < told - services().clock.now() <= DAY else None


def refuse_login(form: Form, refusal: Refused) -> Mapping[str, str]:
    """Show a refused sign-in on its form; what is no such refusal is raised again."""
    if refusal.code == "login.throttled" or is_limit(refusal):
        return refuse_by_limit(form, refusal, logins.PUZZLE)
    if refusal.code not in {"login.failed", "passkey.failed"}:
        raise refusal
    form.refuse(refusal)
    return {}


@citizen.route("/masuk/kode", methods=["GET", "POST"])
@once()
def login_code() -> ResponseReturnValue:
    """Take the code, or send another; a GET never sends."""
    waiting = patient_waiting()
    asks_again = request.form.get("action") == "resend"
    form = _step_form()
    refusal: Refused | None = None
    try:
        if asks_again:
            answer = _resend(form)
            if answer is not None:
                return answer
        elif form.is_accepted():
            return _take(_given(form))
    except Refused as refused:
        if refused.code == "journey.expired":
            return _journey_over()
        if refused.code == "method.unknown":
            return redirect(url_for("citizen.choose_method", m=_journey_id(), **carried()), 303)
        refusal = refused
    return _code_page(form, waiting, refusal, asks_again=asks_again)


def _journey_id() -> str:
    return request.args.get("m", "")


def _step_form() -> Form:
    """Return the form of what was sent: a passkey's button, a recovery code, or six digits."""
    if sent_passkey() is not None:
        return Form()
    return RecoveryCodeForm() if "recovery_code" in request.form else CodeForm()


def _given(form: Form) -> Given:
    passkey = sent_passkey()
    if passkey is not None:
        return passkey
    if isinstance(form, RecoveryCodeForm):
        return RecoveryCode(form.recovery_code.value)
    return str(form["code"].value)


def _take(given: Given) -> ResponseReturnValue:
    asked = "remember_asked" not in request.form or "remember" in request.form
    entered = services().login.finish(
        _journey_id(),
        given,
        visitor(),
        remember=asked,
        interaction_id=request.args.get("i"),
    )
    return let_in(entered)


def _resend(form: Form) -> ResponseReturnValue | None:
    """Send another code, or return nothing where the page is to be shown again."""
    if "code" in form:
        form["code"].data = ""
    plain = Form()
    if not plain.is_accepted():
        form.status = plain.status
        return None
    services().steps.send(_journey_id(), visitor(), again=True, puzzle=sent_solution())
    return redirect(url_for("citizen.login_code", m=_journey_id(), **carried()), 303)


def _refuse_step(form: Form, refusal: Refused, *, asks_again: bool) -> Mapping[str, str]:
    fields = [name for name in ("code", "recovery_code") if name in form and not asks_again]
    for name in fields:
        form[name].data = ""
    if is_limit(refusal):
        return refuse_by_limit(form, refusal, otp.PUZZLE, *fields)
    form.refuse(refusal, *fields)
    return {}


def _code_page(
    form: Form, waiting: Waiting | None, refusal: Refused | None, *, asks_again: bool
) -> ResponseReturnValue:
    try:
        step = services().steps.find(_journey_id(), visitor())
    except Refused:
        return _journey_over()
    tell_times_in(step.account.time_zone)
    headers = {} if refusal is None else _refuse_step(form, refusal, asks_again=asks_again)
    shared: dict[str, Any] = {
        "form": form,
        "waiting": waiting,
        "step": step,
        "is_remembering": "remember_asked" not in request.form or "remember" in request.form,
        "asks_to_remember": step.journey.kind is JourneyKind.LOGIN,
        "journey_id": _journey_id(),
        "carried": carried(),
    }
    if step.method is not None and step.method.channel is None:
        return _factor_page(step, shared), form.status, headers
    if step.challenge is None:
        return redirect(url_for("citizen.choose_method", m=_journey_id(), **carried()), 303)
    now = services().clock.now()
    page = render_template(
        "citizen/login/code.html",
        fields=form if "code" in form else CodeForm(),
        challenge=step.challenge,
        wait=max(0, step.challenge.resend_at - now),
        is_over=not step.challenge.may_be_used(now),
        **shared,
    )
    return page, form.status, headers


def _factor_page(step: Step, shared: Mapping[str, Any]) -> str:
    """Ask for the app's code, a passkey or a recovery code."""
    form = shared["form"]
    wanted = RecoveryCodeForm if step.method is Method.RECOVERY else CodeForm
    is_by_passkey = step.method is Method.PASSKEY
    return render_template(
        "citizen/login/factor.html",
        fields=form if isinstance(form, wanted) else wanted(),
        offer=services().steps.offer_proof(step) if is_by_passkey else None,
        **shared,
    )


def _journey_over() -> ResponseReturnValue:
    """Go on where the steps were done before; begin again where they can't be gone on with."""
    if signed_in() is not None:
        return onward()
    return redirect(url_for("citizen.login", pesan="berakhir", **carried()), 303)


@citizen.route("/masuk/metode", methods=["GET", "POST"])
@once()
def choose_method() -> ResponseReturnValue:
    """Choose the second step's way: while signing in, or to raise the level of a session."""
    waiting = patient_waiting()
    try:
        ways = _ways(waiting)
    except Refused:
        return _journey_over()
    form = MethodForm()
    headers: Mapping[str, str] = {}
    is_held_back = request.args.get("pesan") == _HELD_BACK and request.method == "GET"
    if form.is_accepted():
        try:
            return go_by(form.channel.value, _journey_id(), ways)
        except Refused as refusal:
            if refusal.code == "journey.expired":
                return _journey_over()
            if refusal.code == "method.unknown":
                form.refuse(Refused("method.required"), "channel")
            else:
                headers = refuse_by_limit(form, refusal, otp.PUZZLE)
    elif request.method == "GET":
        # the first is what was tried; where it has to wait, another is at hand
        offered = ways.methods[1:] if is_held_back and len(ways.methods) > 1 else ways.methods
        form.channel.data = next(iter(offered), None)
    page = render_template(
        "citizen/login/method.html",
        form=form,
        is_held_back=is_held_back,
        again_at=_told_again_at(),
        waiting=waiting,
        ways=ways,
        is_step_up=not _journey_id(),
        carried=carried(),
    )
    return page, form.status, headers


@dataclass(frozen=True, slots=True)
class Ways:
    """What a page of ways offers. `only`: to what it is narrowed; empty: not at all."""

    methods: Sequence[Method]
    contacts: Mapping[Any, Any]
    factors: Factors = NO_FACTORS
    only: Sequence[Method] = ()


def ways_of(account: Account, factors: Factors, only: Sequence[Method] = ()) -> Ways:
    """Return by which ways somebody can prove more than the session has."""
    methods = [one for one in methods_of(account, factors) if not only or one in only]
    return Ways(methods, contacts_of(account), factors, only)


def _ways(waiting: Waiting | None) -> Ways:
    """Return the ways of this step; refuses with `journey.expired` where nobody is on the way."""
    if _journey_id():
        step = services().steps.find(_journey_id(), visitor())
        tell_times_in(step.account.time_zone)
        return Ways(step.methods, step.contacts, step.factors)
    found = signed_in()
    if found is None:
        raise Refused("journey.expired")
    tell_times_in(found[1].time_zone)
    needs_passkey = waiting is not None and highest_level(waiting.request, waiting.client) > 2
    only = (Method.PASSKEY,) if needs_passkey else ()
    return ways_of(found[1], services().factors.of(found[1].id), only)


def go_by(method: Method, journey_id: str, ways: Ways) -> ResponseReturnValue:
    """Go on by the chosen way: its code is sent, if it needs one; refuses as `steps.send`."""
    found = signed_in()
    if not journey_id and found is not None:
        journey_id = services().login.begin_step_up(found[1], visitor(), only=ways.only)
    services().steps.send(journey_id, visitor(), method=method, puzzle=sent_solution())
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
    decision = form.pressed("continue", "other")
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
