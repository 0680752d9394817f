"""Opening an account in three pages, and the pages beside them (contract 6.1 to 6.7)."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from idp.domain.errors import Refused
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.nik import Nik, parse_nik
from idp.domain.identity.otp import read_code
from idp.domain.identity.password import normalise_password
from idp.domain.identity.person import clean_name
from idp.domain.identity.phone import parse_phone
from idp.domain.identity.registration import Registration, Step
from idp.domain.protocol.client import Client
from idp.ports.passwords import Busy
from idp.services import identity_check, otp
from idp.services.identity_check import Applicant
from idp.services.interactions import Waiting
from idp.services.registration import ContactDetails, SentCode
from idp.web.citizen.blueprint import back_to_portal, citizen, waiting_request
from idp.web.context import services, signed_in, visitor, web_settings
from idp.web.errors import RETRY_SECONDS
from idp.web.failures import code_of_last, note_unseen
from idp.web.forms import Form, MustAgree, ParsedField, PlainHidden, SecretField, parse_email
from idp.web.i18n import tell_times_in
from idp.web.outcomes import show_refusal
from idp.web.puzzles import is_limit, refuse_by_limit, sent_solution
from idp.web.security import begin_session, remember_device
from idp.web.submissions import once


def read_nik(text: str) -> Nik:
    """Return the NIK of a field; refuses with `nik.required`, or as `parse_nik`."""
    if not text.strip():
        raise Refused("nik.required")
    return parse_nik(text)


class KtpForm(Form):
    """Step 1. What the registry is not asked about is not asked for."""

    puzzle_for = identity_check.PUZZLE

    nik = ParsedField(parse=read_nik)
    full_name = ParsedField(parse=lambda text: clean_name(text, "full_name"))
    mother_name = ParsedField(parse=lambda text: clean_name(text, "mother_name"))

    def applicant(self) -> Applicant:
        """Return what was typed, after `is_accepted`."""
        mother_name = self.mother_name.value if "mother_name" in self else ""
        return Applicant(self.nik.value, self.full_name.value, mother_name)


class ContactForm(Form):
    """Step 2. `email_asked`: the address that the person was asked about before."""

    puzzle_for = otp.PUZZLE

    email = ParsedField(parse=parse_email)
    phone = ParsedField(parse=parse_phone)
    password = SecretField(parse=normalise_password)
    agree = MustAgree(code="agree.required")
    email_asked = PlainHidden()
    registration = PlainHidden()


class CodeForm(Form):
    """Step 3."""

    code = ParsedField(parse=read_code)


class ResendForm(Form):
    """The other button of step 3: whatever stands in the field does not matter."""

    code = ParsedField(parse=str)


#: Refusals of step 1 that have a page of their own.
_PAGES: Final[Mapping[str, str]] = {
    "registry.no": "citizen.registration_mismatch",
    "registration.exists": "citizen.registration_exists",
    "legacy.exists": "citizen.link_legacy",
}
#: Refusals of step 1 that end what was proved of an old account.
_LOST: Final = frozenset({"journey.expired", "legacy.taken"})
#: Where a registration belongs that is further, or less far, than the page; else: at the start.
_BELONGS: Final[Mapping[str, str]] = {
    "registration.done": "citizen.registration_done",
    "registration.exists": "citizen.registration_exists",
    "registration.step": "citizen.registration_contact",
    "registration.replaced": "citizen.registration_contact",
}
#: Refusals of step 1 that are nobody's fault here: 503, everything typed stays.
OUTAGES: Final = frozenset({"registry.unavailable", "registry.later"})
#: Why somebody is sent to the page of data that don't match.
_MISMATCH: Final = "registry.no"
#: Pages that go on whatever became of the portal's request: the last of them leads back to it.
_PATIENT: Final = frozenset(
    {
        "citizen.registration_contact",
        "citizen.registration_code",
        "citizen.registration_done",
    }
)
#: What is wrong with the password rather than with the form.
_PASSWORD: Final = "password."
OUTAGE_SECONDS: Final = 30


@citizen.route("/daftar", methods=["GET", "POST"])
@once(keep_pages=False)
def begin_registration() -> ResponseReturnValue:
    """Ask for NIK and names, and have the registry check them."""
    try:
        waiting = waiting_request()
    except Refused as refusal:
        return show_refusal(refusal, request.args.get("i", ""))
    form = KtpForm()
    service = services().registration
    legacy_id = request.args.get("lama")
    try:
        proved = services().upgrade.proved(legacy_id, visitor()) if legacy_id else None
    except Refused:
        return _over(waiting)
    if not service.identity.asks_for_mother:
        del form.mother_name
    headers: Mapping[str, str] = {}
    if form.is_accepted():
        try:
            service.begin(form.applicant(), visitor(), puzzle=sent_solution(), legacy=legacy_id)
            return _go("citizen.registration_contact", waiting)
        except Refused as refusal:
            if refusal.code in _LOST:
                return _over(waiting)
            if refusal.code in _PAGES:
                left = refusal.values.get("left")
                if refusal.code == _MISMATCH:
                    note_unseen(refusal.code)
                return _go(_PAGES[refusal.code], waiting, sisa=left, lama=legacy_id)
            headers = _refuse_ktp(form, refusal)
    elif request.method == "GET" and waiting is not None:
        _note_seen(waiting)
    page = render_template(
        "citizen/registration/ktp.html",
        form=form,
        waiting=waiting,
        unfinished=service.find(visitor()),
        is_reachable=service.identity.is_reachable(),
        is_timed_out="habis" in request.args,
        i=_id_of(waiting),
        proved=proved,
    )
    return page, form.status, headers


def _over(waiting: Waiting | None) -> ResponseReturnValue:
    """Begin again where what was proved of an old account no longer counts."""
    return _go("citizen.login", waiting, pesan="berakhir")


def _refuse_ktp(form: KtpForm, refusal: Refused) -> Mapping[str, str]:
    if is_limit(refusal):
        return refuse_by_limit(form, refusal, identity_check.PUZZLE)
    if refusal.code == "legacy.nik":
        form.refuse(refusal, "nik")
        return {}
    if refusal.code not in OUTAGES:
        raise refusal
    form.refuse(refusal, status=503)
    return {"Retry-After": str(OUTAGE_SECONDS)}


def _note_seen(waiting: Waiting) -> None:
    """Let a person whom a portal sent to register sign in instead."""
    if "create" in waiting.request.prompts and not waiting.interaction.done.registered:
        services().interactions.note_registration_seen(request.args["i"], visitor())


@citizen.get("/daftar/tidak-cocok")
def registration_mismatch() -> ResponseReturnValue:
    """Say that the data don't match, never which, and whom to ask."""
    left = request.args.get("sisa", "")
    found = services().registration.find(visitor())
    return _side_page(
        "mismatch",
        left=int(left) if left in {"0", "1", "2", "3"} else None,
        is_of_registration=request.args.get("dari") != "kontak",
        may_go_on="lama" in request.args and found is not None and not found.is_matched,
        check_code=code_of_last(_MISMATCH),
    )


@citizen.get("/daftar/sudah-terdaftar")
def registration_exists() -> ResponseReturnValue:
    """Say that the NIK has an account: to somebody who knew everything that was asked."""
    return _side_page("exists")


@citizen.get("/daftar/tertunda")
def registration_delayed() -> ResponseReturnValue:
    """Explain what to do while the registry is away."""
    return _side_page("delayed", is_reachable=services().registration.identity.is_reachable())


def _side_page(name: str, **shown: object) -> str:
    waiting = _patient_waiting()
    return render_template(
        f"citizen/registration/{name}.html",
        waiting=waiting,
        contact=web_settings(),
        i=_id_of(waiting),
        lama=request.args.get("lama"),
        **shown,
    )


@citizen.route("/daftar/kontak", methods=["GET", "POST"])
@once()
def registration_contact() -> ResponseReturnValue:
    """Ask for e-mail, phone, password and agreement, and send the code."""
    waiting = _patient_waiting()
    try:
        registration = services().registration.get(visitor(), Step.CONTACT, Step.CODE)
    except Refused as refusal:
        return _back(refusal, waiting)
    tell_times_in(registration.nik.time_zone)
    form = ContactForm()
    if registration.keeps_password:
        del form.password
    headers: Mapping[str, str] = {}
    if form.is_accepted() and not asks_about(form):
        try:
            services().registration.give_contact(
                ContactDetails(form.email.value, form.phone.value, _password_of(form)),
                visitor(),
                expected=_uuid_of(form.registration.data),
                puzzle=sent_solution(),
            )
            return _go("citizen.registration_code", waiting)
        except Busy:
            form.refuse(Refused("busy"), status=503)
            headers = {"Retry-After": str(RETRY_SECONDS)}
        except Refused as refusal:
            if refusal.code.startswith("registration."):
                return _back(refusal, waiting)
            headers = _refuse_contact(form, refusal)
    elif request.method == "GET":
        _fill(form, registration)
    elif not form.is_expired:
        _look_closer(form, registration)
    page = render_template(
        "citizen/registration/contact.html",
        form=form,
        waiting=waiting,
        registration=registration,
        minimum=services().passwords.minimum,
        i=_patient_id(waiting),
    )
    return page, form.status, headers


def asks_about(form: Form) -> bool:
    """Ask once whether an address was meant that looks like a slip of the finger.

    `form`: with the fields `email` and `email_asked`.
    """
    email: EmailAddress | None = form["email"].value
    if email is None or email.suggestion is None or form["email_asked"].data == email.address:
        return False
    form["email_asked"].data = email.address
    form.refuse(Refused("email.typo", suggestion=email.suggestion), "email")
    form.keep_puzzle()
    return True


def _look_closer(form: ContactForm, registration: Registration) -> None:
    """Tell all that is wrong at once: what single fields can't know as well."""
    if not form.email.errors:
        asks_about(form)
    password = _password_of(form)
    if password is None:
        return
    try:
        services().registration.check_password(
            registration, password, email=form.email.value, phone=form.phone.value
        )
    except Refused as refusal:
        form.refuse(refusal, "password")


def _password_of(form: ContactForm) -> str | None:
    """Return the new password, `None` where the proved one stays."""
    value: str | None = form.password.value if "password" in form else None
    return value


def _refuse_contact(form: ContactForm, refusal: Refused) -> Mapping[str, str]:
    if refusal.code.startswith(_PASSWORD):
        form.refuse(refusal, "password")
        form.keep_puzzle()
        return {}
    if not is_limit(refusal):
        raise refusal
    return refuse_by_limit(form, refusal, otp.PUZZLE)


def _fill(form: ContactForm, registration: Registration) -> None:
    """Show what was typed before: whoever comes back to change the number types only that."""
    form.registration.data = registration.id.hex
    if registration.email is not None:
        form.email.data = form.email_asked.data = registration.email.address
    if registration.phone is not None:
        form.phone.data = registration.phone.local
    form.agree.data = registration.step is Step.CODE


@citizen.route("/daftar/kode", methods=["GET", "POST"])
@once()
def registration_code() -> ResponseReturnValue:
    """Take the SMS code, or send another; a GET never sends."""
    waiting = _patient_waiting()
    asks_again = request.form.get("action") == "resend"
    form = ResendForm() if asks_again else CodeForm()
    refusal: Refused | None = None
    try:
        if form.is_accepted():
            if not asks_again:
                return _open(form.code.value, waiting)
            services().registration.resend(visitor(), puzzle=sent_solution())
            return _go("citizen.registration_code", waiting)
    except Refused as refused:
        if refused.code.startswith("registration."):
            return _back(refused, waiting)
        refusal = refused
    try:
        sent = services().registration.sent_code(visitor())
    except Refused as refused:
        return _back(refused, waiting)
    tell_times_in(sent.registration.nik.time_zone)
    headers = {} if refusal is None else _refuse_code(form, refusal, asks_again=asks_again)
    form.code.data = ""
    return _code_page(form, sent, waiting, headers)


def _open(code: str, waiting: Waiting | None) -> ResponseReturnValue:
    """Open the account and go on: to the portal that waits, or to the last page."""
    opened = services().registration.confirm(code, visitor(), interaction_id=_id_of(waiting))
    response = make_response(_done(waiting))
    begin_session(response, opened.signed_in.cookie)
    remember_device(response, opened.device_cookie)
    return response


def _refuse_code(form: Form, refusal: Refused, *, asks_again: bool) -> Mapping[str, str]:
    beside = () if asks_again else ("code",)
    if is_limit(refusal):
        return refuse_by_limit(form, refusal, otp.PUZZLE, *beside)
    form.refuse(refusal, *beside)
    return {}


def _code_page(
    form: Form, sent: SentCode, waiting: Waiting | None, headers: Mapping[str, str]
) -> ResponseReturnValue:
    now = services().clock.now()
    page = render_template(
        "citizen/registration/code.html",
        form=form,
        waiting=waiting,
        sent=sent,
        wait=max(0, sent.challenge.resend_at - now),
        is_over=not sent.challenge.may_be_used(now),
        i=_patient_id(waiting),
    )
    return page, form.status, headers


@citizen.get("/daftar/selesai")
def registration_done() -> ResponseReturnValue:
    """Say that the account is open; whoever lost the session with the answer signs in."""
    found = signed_in()
    waiting = _patient_waiting()
    return render_template(
        "citizen/registration/done.html",
        account=found[1] if found is not None else None,
        waiting=waiting,
        portal=_portal_of(waiting),
        i=_id_of(waiting),
    )


def _patient_waiting() -> Waiting | None:
    """Return the waiting request; one that ended meanwhile does not end the registration."""
    try:
        return waiting_request()
    except Refused:
        return None


def _id_of(waiting: Waiting | None) -> str | None:
    return request.args.get("i") if waiting is not None else None


def _patient_id(waiting: Waiting | None) -> str | None:
    """Return the same, and also the id of a request that ended on the way here."""
    return request.args["i"] if _portal_of(waiting) is not None else None


def _portal_of(waiting: Waiting | None) -> Client | None:
    """Return the portal that sent this browser here, also where its request ended meanwhile."""
    if waiting is not None:
        return waiting.client
    if "i" not in request.args:
        return None
    return services().interactions.find_client(request.args["i"], visitor())


def _done(waiting: Waiting | None) -> ResponseReturnValue:
    """Go on once the account is open: to the portal that waits, else to the last page."""
    if waiting is None:
        return _go("citizen.registration_done", waiting)
    return back_to_portal(_id_of(waiting), "citizen.registration_done")


def _go(endpoint: str, waiting: Waiting | None, **named: Any) -> ResponseReturnValue:
    i = _patient_id(waiting) if endpoint in _PATIENT else _id_of(waiting)
    return redirect(url_for(endpoint, i=i, **named), 303)


def _back(refusal: Refused, waiting: Waiting | None) -> ResponseReturnValue:
    """Go where a registration that can't be gone on with from here belongs."""
    if refusal.code == "registration.done" and signed_in() is not None:
        return _done(waiting)
    endpoint = _BELONGS.get(refusal.code)
    if endpoint is None:
        return _go("citizen.begin_registration", waiting, habis=1)
    return _go(endpoint, waiting)


def _uuid_of(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None
