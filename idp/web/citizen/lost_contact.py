"""Phone and e-mail both lost: who asks, the new contacts, the code, the ticket (`ui.md` §2)."""

from collections.abc import Mapping

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from idp.domain.errors import Refused
from idp.domain.identity.lost_contact import TicketState, read_ticket
from idp.domain.identity.otp import read_code
from idp.domain.identity.phone import parse_phone
from idp.services import identity_check, otp
from idp.web.citizen.blueprint import carried, citizen
from idp.web.citizen.login import patient_waiting
from idp.web.citizen.registration import (
    OUTAGE_SECONDS,
    OUTAGES,
    KtpForm,
    asks_about,
    read_nik,
)
from idp.web.context import services, visitor, web_settings
from idp.web.failures import note_cause, note_unseen
from idp.web.forms import Form, ParsedField, PlainHidden, parse_email
from idp.web.i18n import tell_times_in
from idp.web.puzzles import is_limit, refuse_by_limit, sent_solution
from idp.web.submissions import once

#: Refusals after a match: the page stays and says which way leads on.
_SETTLED = frozenset({"lost.no_account", "lost.waiting"})


class ContactForm(Form):
    """The new pair. `email_asked`: the address that the person was asked about before."""

    puzzle_for = otp.PUZZLE

    phone = ParsedField(parse=parse_phone)
    email = ParsedField(parse=parse_email)
    email_asked = PlainHidden()


class CodeForm(Form):
    """The code that the new phone got."""

    code = ParsedField(parse=read_code)


class TicketForm(Form):
    """What only whoever asked knows both of."""

    nik = ParsedField(parse=read_nik)
    ticket = ParsedField(parse=read_ticket)


@citizen.route("/kendala/kontak", methods=["GET", "POST"])
@once(keep_pages=False)
def recovery_contact() -> ResponseReturnValue:
    """Ask who it is about, and have the registry match them; nothing typed is kept."""
    form = KtpForm()
    if not services().lost_contact.identity.asks_for_mother:
        del form.mother_name
    headers: Mapping[str, str] = {}
    settled = "lost.waiting" if "menunggu" in request.args else ""
    if form.is_accepted():
        try:
            journey_id = services().lost_contact.begin(
                form.applicant(), visitor(), puzzle=sent_solution()
            )
            return redirect(url_for("citizen.recovery_new_contact", m=journey_id, **carried()), 303)
        except Refused as refusal:
            if refusal.code == "registry.no":
                note_unseen(refusal.code)
                left = refusal.values.get("left")
                there = url_for(
                    "citizen.registration_mismatch", sisa=left, dari="kontak", **carried()
                )
                return redirect(there, 303)
            settled = refusal.code if refusal.code in _SETTLED else ""
            headers = _refuse(form, refusal)
    page = render_template(
        "citizen/lost_contact/who.html",
        form=form,
        settled=settled,
        waiting=patient_waiting(),
        carried=carried(),
        contact=web_settings(),
        is_reachable=services().lost_contact.identity.is_reachable(),
    )
    return page, form.status, headers


def _refuse(form: KtpForm, refusal: Refused) -> Mapping[str, str]:
    if is_limit(refusal):
        return refuse_by_limit(form, refusal, identity_check.PUZZLE)
    if refusal.code in OUTAGES:
        form.refuse(refusal, status=503)
        return {"Retry-After": str(OUTAGE_SECONDS)}
    if refusal.code not in _SETTLED:
        raise refusal
    form.refuse(refusal, status=409)
    return {}


@citizen.route("/kendala/kontak/kirim", methods=["GET", "POST"])
@once()
def recovery_new_contact() -> ResponseReturnValue:
    """Ask for the new phone and address, and send the code."""
    form = ContactForm()
    journey_id = request.args.get("m", "")
    headers: Mapping[str, str] = {}
    try:
        services().lost_contact.check(journey_id, visitor())
        tell_times_in(services().lost_contact.time_zone(journey_id, visitor()))
        if form.is_accepted() and not asks_about(form):
            services().lost_contact.give(
                journey_id,
                form.phone.value,
                form.email.value,
                visitor(),
                puzzle=sent_solution(),
            )
            there = "citizen.recovery_contact_code"
            return redirect(url_for(there, m=journey_id, **carried()), 303)
    except Refused as refusal:
        if refusal.code == "journey.expired":
            return _over()
        if not is_limit(refusal):
            raise
        headers = refuse_by_limit(form, refusal, otp.PUZZLE)
    page = render_template(
        "citizen/lost_contact/contact.html", form=form, waiting=patient_waiting(), carried=carried()
    )
    return page, form.status, headers


@citizen.route("/kendala/kontak/kode", methods=["GET", "POST"])
@once()
def recovery_contact_code() -> ResponseReturnValue:
    """Take the code of the new phone, or send another; a GET never sends."""
    journey_id = request.args.get("m", "")
    asks_again = request.form.get("action") == "resend"
    form = Form() if asks_again else CodeForm()
    headers: Mapping[str, str] = {}
    try:
        tell_times_in(services().lost_contact.time_zone(journey_id, visitor()))
        if form.is_accepted():
            if asks_again:
                services().lost_contact.resend(journey_id, visitor(), puzzle=sent_solution())
                there = url_for("citizen.recovery_contact_code", m=journey_id, **carried())
                return redirect(there, 303)
            seen = services().lost_contact.confirm(journey_id, form["code"].value, visitor())
            there = url_for("citizen.recovery_ticket", m=seen, baru=1, **carried())
            return redirect(there, 303)
    except Refused as refusal:
        if refusal.code == "journey.expired":
            return _over()
        if refusal.code == "lost.waiting":
            return redirect(url_for("citizen.recovery_contact", menunggu=1, **carried()), 303)
        beside = ("code",) if "code" in form else ()
        if is_limit(refusal) or refusal.code == "limit.tries":
            headers = refuse_by_limit(form, refusal, otp.PUZZLE, *beside)
        else:
            form.refuse(refusal, *beside)
    if asks_again:
        shown = CodeForm(formdata=None)
        shown.form_errors, shown.status, shown.puzzle = form.form_errors, form.status, form.puzzle
        form = shown
    form["code"].data = ""
    return _code_page(journey_id, form, headers)


def _code_page(journey_id: str, form: Form, headers: Mapping[str, str]) -> ResponseReturnValue:
    try:
        sent = services().lost_contact.sent_code(journey_id, visitor())
    except Refused:
        return _over()
    now = services().clock.now()
    page = render_template(
        "citizen/lost_contact/code.html",
        form=form,
        sent=sent,
        journey_id=journey_id,
        waiting=patient_waiting(),
        carried=carried(),
        wait=max(0, sent.challenge.resend_at - now),
        is_over=not sent.challenge.may_be_used(now),
    )
    return page, form.status, headers


@citizen.route("/kendala/kontak/status", methods=["GET", "POST"])
@once()
def recovery_ticket() -> ResponseReturnValue:
    """Show where a request stands to whoever knows the NIK and the ticket."""
    form = TicketForm()
    headers: Mapping[str, str] = {}
    if form.is_accepted():
        try:
            seen = services().lost_contact.ask(form.nik.value, form.ticket.value, visitor())
            return redirect(url_for("citizen.recovery_ticket", m=seen, **carried()), 303)
        except Refused as refusal:
            if is_limit(refusal):
                headers = refuse_by_limit(form, refusal, "")
            else:
                form.refuse(refusal, "ticket")
    page = render_template(
        "citizen/lost_contact/ticket.html",
        form=form,
        ticket=_ticket() if form.status == 200 else None,
        is_new="baru" in request.args,
        states=TicketState,
        waiting=patient_waiting(),
        carried=carried(),
        contact=web_settings(),
    )
    return page, form.status, headers


def _ticket() -> object:
    journey_id = request.args.get("m", "")
    try:
        tell_times_in(services().lost_contact.time_zone(journey_id, visitor()))
        return services().lost_contact.ticket(journey_id, visitor())
    except Refused:
        return None


@citizen.route("/kendala/kontak/hentikan/<secret>", methods=["GET", "POST"])
@once()
def stop_contact(secret: str) -> ResponseReturnValue:
    """Show what the letter's link would stop, and stop it by the button: never by looking."""
    form = Form()
    try:
        services().lost_contact.check_stop(secret)
        if form.is_accepted():
            services().lost_contact.stop(secret, visitor())
            return redirect(url_for("citizen.contact_stopped"), 303)
    except Refused as refusal:
        note_cause(refusal.code)
        page = render_template("citizen/lost_contact/stop_over.html", contact=web_settings())
        return page, 410
    return render_template("citizen/lost_contact/stop.html", form=form), form.status


@citizen.get("/kendala/kontak/dihentikan")
def contact_stopped() -> ResponseReturnValue:
    """Say that the contacts stay as they are."""
    return render_template("citizen/lost_contact/stopped.html", contact=web_settings())


def _over() -> ResponseReturnValue:
    """Begin again: too late, or done in another tab."""
    return redirect(url_for("citizen.recovery_contact", **carried()), 303)
