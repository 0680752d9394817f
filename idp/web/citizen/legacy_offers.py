"""Old accounts that were offered: linked by a code to their contact, or by another match."""

from collections.abc import Mapping
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from idp.domain.errors import Refused
from idp.domain.identity.legacy import LegacyAccount, Way
from idp.domain.identity.otp import Channel, read_code
from idp.domain.identity.person import clean_name
from idp.services import identity_check, otp
from idp.web.citizen.blueprint import citizen, must_be_signed_in, present
from idp.web.citizen.registration import OUTAGE_SECONDS, OUTAGES
from idp.web.context import services, visitor
from idp.web.forms import Form, ParsedField
from idp.web.puzzles import is_limit, refuse_by_limit, sent_solution
from idp.web.submissions import once


class CodeForm(Form):
    """The code that the old account's contact got."""

    code = ParsedField(parse=read_code)


class NamesForm(Form):
    """What the registry is asked beside the account's own NIK."""

    puzzle_for = identity_check.PUZZLE

    full_name = ParsedField(parse=lambda text: clean_name(text, "full_name"))
    mother_name = ParsedField(parse=lambda text: clean_name(text, "mother_name"))


@citizen.route(
    "/akun/akun-lama/<uuid:legacy_id>/kirim/<any(email, sms):way>", methods=["GET", "POST"]
)
@must_be_signed_in
@once()
def send_old_code(legacy_id: UUID, way: str) -> ResponseReturnValue:
    """Ask whether to send a code to the contact that the old account's portal had verified."""
    _, account = present()
    offers = services().legacy_offers
    try:
        legacy = offers.find(legacy_id, account, Way(way))
    except Refused:
        return _back()
    form = Form()
    headers: Mapping[str, str] = {}
    if form.is_accepted():
        try:
            offers.send_code(legacy_id, Way(way), account, visitor(), puzzle=sent_solution())
            return redirect(url_for("citizen.old_account_code", legacy_id=legacy_id), 303)
        except Refused as refusal:
            if not is_limit(refusal):
                raise
            headers = refuse_by_limit(form, refusal, otp.PUZZLE)
    page = render_template(
        "citizen/legacy_offers/send.html", form=form, legacy=legacy, by_email=way == Way.EMAIL
    )
    return page, form.status, headers


@citizen.route("/akun/akun-lama/<uuid:legacy_id>/kode", methods=["GET", "POST"])
@must_be_signed_in
@once()
def old_account_code(legacy_id: UUID) -> ResponseReturnValue:
    """Take the code, or send another; a GET never sends."""
    _, account = present()
    asks_again = request.form.get("action") == "resend"
    form = Form() if asks_again else CodeForm()
    headers: Mapping[str, str] = {}
    try:
        if form.is_accepted():
            return _resend(legacy_id) if asks_again else _link_by_code(legacy_id, form)
    except Refused as refusal:
        if refusal.code.startswith("legacy."):
            return _back()
        headers = _refuse_code(form, refusal)
    if asks_again:
        form = _shown_anew(form)
    try:
        sent = services().legacy_offers.sent_code(legacy_id, account, visitor())
    except Refused:
        return _back()
    now = services().clock.now()
    page = render_template(
        "citizen/legacy_offers/code.html",
        form=form,
        sent=sent,
        by_email=sent.challenge.channel is Channel.EMAIL,
        wait=max(0, sent.challenge.resend_at - now),
        is_over=not sent.challenge.may_be_used(now),
    )
    return page, form.status, headers


def _link_by_code(legacy_id: UUID, form: Form) -> ResponseReturnValue:
    _, account = present()
    services().legacy_offers.link_by_code(legacy_id, form["code"].value, account, visitor())
    return _linked()


def _resend(legacy_id: UUID) -> ResponseReturnValue:
    _, account = present()
    offers = services().legacy_offers
    sent = offers.sent_code(legacy_id, account, visitor())
    way = Way.EMAIL if sent.challenge.channel is Channel.EMAIL else Way.SMS
    offers.send_code(legacy_id, way, account, visitor(), again=True, puzzle=sent_solution())
    return redirect(url_for("citizen.old_account_code", legacy_id=legacy_id), 303)


def _refuse_code(form: Form, refusal: Refused) -> Mapping[str, str]:
    beside = ("code",) if "code" in form else ()
    if is_limit(refusal):
        return refuse_by_limit(form, refusal, otp.PUZZLE, *beside)
    form.refuse(refusal, *beside)
    return {}


def _shown_anew(refused: Form) -> CodeForm:
    """Return the page's own form with what was told about the other button."""
    form = CodeForm(formdata=None)
    form.form_errors, form.status = refused.form_errors, refused.status
    form.puzzle = refused.puzzle
    return form


@citizen.route("/akun/akun-lama/<uuid:legacy_id>/cocokkan", methods=["GET", "POST"])
@once(keep_pages=False)
@must_be_signed_in
def match_old_account(legacy_id: UUID) -> ResponseReturnValue:
    """Ask for the names once more, and have the registry check them with the account's NIK."""
    _, account = present()
    offers = services().legacy_offers
    try:
        legacy = offers.find(legacy_id, account, Way.REGISTRY)
    except Refused:
        return _back()
    form = NamesForm()
    if not offers.identity.asks_for_mother:
        del form.mother_name
    headers: Mapping[str, str] = {}
    if form.is_accepted():
        try:
            offers.link_by_registry(
                legacy_id,
                form.full_name.value,
                form.mother_name.value if "mother_name" in form else "",
                account,
                visitor(),
                puzzle=sent_solution(),
            )
            return _linked()
        except Refused as refusal:
            if refusal.code.startswith("legacy."):
                return _back()
            headers = _refuse_match(form, refusal)
    return _match_page(form, legacy), form.status, headers


def _match_page(form: NamesForm, legacy: LegacyAccount) -> str:
    _, account = present()
    return render_template(
        "citizen/legacy_offers/match.html", form=form, legacy=legacy, account=account
    )


def _refuse_match(form: NamesForm, refusal: Refused) -> Mapping[str, str]:
    if is_limit(refusal):
        return refuse_by_limit(form, refusal, identity_check.PUZZLE)
    if refusal.code in OUTAGES:
        form.refuse(refusal, status=503)
        return {"Retry-After": str(OUTAGE_SECONDS)}
    form.refuse(refusal)
    return {}


def _linked() -> ResponseReturnValue:
    return redirect(url_for("citizen.old_accounts", pesan="terhubung"), 303)


def _back() -> ResponseReturnValue:
    """Return to the list: what was asked for is not offered any more."""
    return redirect(url_for("citizen.old_accounts"), 303)
