"""Trouble with signing in: the hub, and the way through a forgotten password."""

from collections.abc import Mapping
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.errors import Refused
from idp.domain.identity.otp import Channel, read_code
from idp.domain.identity.password import normalise_password
from idp.services import recovery as recoveries
from idp.services.recovery import Way
from idp.web.citizen.blueprint import NOTES, carried, citizen
from idp.web.citizen.login import let_in, patient_waiting, read_identifier
from idp.web.context import services, visitor, web_settings
from idp.web.failures import note_cause
from idp.web.forms import Form, ParsedField, SecretField
from idp.web.messages import words_for
from idp.web.puzzles import is_limit, refuse_by_limit, sent_solution
from idp.web.submissions import once

NOTES["sandi"] = (
    "ok",
    "check",
    lazy_gettext("Kata sandi telah diubah. Perangkat lain telah dikeluarkan."),
)
NOTES["laporan"] = (
    "ok",
    "check",
    lazy_gettext(
        "Laporan Anda sudah diterima. Hubungi kami agar petugas memeriksa identitas Anda."
    ),
)


def _read_wish(text: str) -> Channel | None:
    if text and text not in set(Channel):
        raise Refused("method.required")
    return Channel(text) if text else None


class StartForm(Form):
    """Whom it is about, and by which contact they wish to be helped."""

    puzzle_for = recoveries.PUZZLE

    identifier = ParsedField(parse=read_identifier)
    channel = ParsedField(parse=_read_wish)


class CodeForm(Form):
    """The code of the short message."""

    code = ParsedField(parse=read_code)


class PasswordForm(Form):
    """The new password."""

    password = SecretField(parse=normalise_password)


@citizen.get("/kendala")
def recovery() -> ResponseReturnValue:
    """Show the four ways on."""
    return _side_page("hub")


@citizen.route("/kendala/nik-terdaftar", methods=["GET", "POST"])
@once()
def recovery_nik() -> ResponseReturnValue:
    """Say what to do where somebody else registered the NIK; take the report of who was matched."""
    form = Form()
    if form.is_accepted():
        try:
            services().nik_reports.report(visitor())
            there = url_for("citizen.recovery_nik", pesan="laporan", **carried())
            return redirect(there, 303)
        except Refused:
            form.refuse(Refused("report.match"))
    may_report = services().nik_reports.may_report(visitor())
    return _side_page("nik", form=form, may_report=may_report), form.status


@citizen.get("/kendala/kontak-berubah")
def recovery_changed() -> ResponseReturnValue:
    """Say what to do where e-mail or phone changed."""
    return _side_page("changed")


def _side_page(name: str, **shown: object) -> str:
    return render_template(
        f"citizen/recovery/{name}.html",
        waiting=patient_waiting(),
        carried=carried(),
        contact=web_settings(),
        **shown,
    )


@citizen.route("/kendala/kata-sandi", methods=["GET", "POST"])
@once()
def recovery_password() -> ResponseReturnValue:
    """Ask whose password was forgotten; the answer is the same for everybody."""
    waiting = patient_waiting()
    form = StartForm()
    headers: Mapping[str, str] = {}
    if form.is_accepted():
        try:
            journey_id = services().recovery.start(
                form.identifier.value,
                visitor(),
                channel=form.channel.value,
                interaction_id=request.args.get("i") if waiting is not None else None,
                puzzle=sent_solution(),
            )
            return redirect(url_for("citizen.recovery_code", m=journey_id, **carried()), 303)
        except Refused as refusal:
            headers = refuse_by_limit(form, refusal, recoveries.PUZZLE)
    elif request.method == "GET" and waiting is not None:
        form.identifier.data = waiting.request.login_hint or ""
    page = render_template(
        "citizen/recovery/start.html", form=form, waiting=waiting, carried=carried()
    )
    return page, form.status, headers


@citizen.route("/kendala/kata-sandi/kode", methods=["GET", "POST"])
@once()
def recovery_code() -> ResponseReturnValue:
    """Say that what helps was sent, if there is an account; take the code of a short message."""
    waiting = patient_waiting()
    form = CodeForm()
    journey_id = request.args.get("m", "")
    try:
        services().recovery.check_started(journey_id, visitor())
        if form.is_accepted():
            services().recovery.take_code(journey_id, form.code.value, visitor())
            return redirect(url_for("citizen.recovery_new", m=journey_id, **carried()), 303)
    except Refused as refusal:
        if refusal.code == "journey.expired":
            return redirect(url_for("citizen.recovery_password", **carried()), 303)
        form.code.data = ""
        form.refuse(refusal, "code")
    page = render_template(
        "citizen/recovery/code.html", form=form, waiting=waiting, carried=carried()
    )
    return page, form.status


@citizen.route("/kendala/kata-sandi/baru", methods=["GET", "POST"])
@once()
def recovery_new() -> ResponseReturnValue:
    """Take the new password, from who followed the link or brought the code."""
    waiting = patient_waiting()
    way = Way(request.args.get("m", ""), request.args.get("k", ""))
    form = PasswordForm()
    headers: Mapping[str, str] = {}
    try:
        services().recovery.check(way, visitor())
        if form.is_accepted():
            outcome = services().recovery.set_password(
                way, form.password.value, visitor(), interaction_id=request.args.get("i")
            )
            return let_in(outcome, "sandi")
    except Refused as refusal:
        if refusal.code == "recovery.invalid":
            return _invalid(refusal, waiting)
        if is_limit(refusal):
            raise
        form.refuse(refusal, "password")
    page = render_template(
        "citizen/recovery/new.html",
        form=form,
        waiting=waiting,
        minimum=services().passwords.minimum,
    )
    return page, form.status, headers


def _invalid(refusal: Refused, waiting: Any) -> ResponseReturnValue:
    note_cause(refusal.code)
    page = render_template(
        "citizen/recovery/invalid.html",
        words=words_for(refusal),
        waiting=waiting,
        carried=carried(),
    )
    return page, 410
