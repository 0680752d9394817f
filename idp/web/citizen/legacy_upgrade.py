"""Old accounts: signing in with one, and linking it to the account that its person has."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.errors import Refused
from idp.domain.identity.legacy import UNDO_SECONDS, LegacyAccount
from idp.domain.identity.nik import Nik, parse_nik
from idp.domain.identity.password import normalise_password
from idp.services import login as logins
from idp.web.citizen.blueprint import (
    NOTES,
    RETURNS,
    back_to_portal,
    carried,
    citizen,
    must_be_signed_in,
    present,
    waiting_request,
)
from idp.web.citizen.login import go_on_with_old, patient_waiting, refuse_login
from idp.web.context import services, signed_in, visitor
from idp.web.forms import Form, ParsedField, PlainHidden, SecretField, parse_email
from idp.web.outcomes import show_refusal
from idp.web.puzzles import sent_solution
from idp.web.submissions import once

NOTES["akun-lama"] = (
    "",
    "info",
    lazy_gettext(
        "NIK Anda sudah memiliki akun SIAPkerja ID. Masuk dengan akun itu untuk menghubungkan akun "
        "lama Anda."
    ),
)
NOTES["belum-dijawab"] = (
    "",
    "clock",
    lazy_gettext(
        "Portal lama belum membenarkan kata sandi Anda. Jika Anda yakin benar, coba masuk lagi."
    ),
)
NOTES["dilepaskan"] = ("ok", "check", lazy_gettext("Akun lama telah dilepaskan."))
RETURNS["old_accounts"] = "citizen.old_accounts"
NOTES["terhubung"] = ("ok", "check", lazy_gettext("Akun lama Anda sudah terhubung."))


def _read_nik(text: str) -> Nik:
    if not text.strip():
        raise Refused("nik.required")
    return parse_nik(text)


class LegacyForm(Form):
    """What holders of WLKP and SKKNI accounts signed in with."""

    puzzle_for = logins.PUZZLE

    email = ParsedField(parse=parse_email)
    nik = ParsedField(parse=_read_nik)
    password = SecretField(parse=normalise_password)


@citizen.route("/masuk/akun-lama", methods=["GET", "POST"])
@once()
def legacy_login() -> ResponseReturnValue:
    """Ask for e-mail address, NIK and old password."""
    try:
        waiting = waiting_request()
    except Refused as refusal:
        return show_refusal(refusal, request.args.get("i", ""))
    form = LegacyForm()
    headers: Mapping[str, str] = {}
    if form.is_accepted():
        try:
            proven = services().login.prove_old(
                form.email.value,
                form.nik.value,
                form.password.value,
                visitor(),
                puzzle=sent_solution(),
                as_typed=form.password.data,
            )
            return go_on_with_old(proven)
        except Refused as refusal:
            headers = refuse_login(form, refusal)
    page = render_template(
        "citizen/legacy_upgrade/login.html", form=form, waiting=waiting, carried=carried()
    )
    return page, form.status, headers


@citizen.get("/masuk/akun-lama/jawaban")
def late_answer() -> ResponseReturnValue:
    """Go on where a portal said yes after the page had answered; `tanya` only asks whether."""
    proven = services().upgrade.late(visitor())
    if "tanya" in request.args:
        return ("", 204) if proven is None else ("", 200, {"Content-Type": "text/plain"})
    if proven is None:
        return redirect(url_for("citizen.legacy_login", pesan="belum-dijawab", **carried()), 303)
    return go_on_with_old(proven)


@citizen.route("/masuk/akun-lama/hubungkan", methods=["GET", "POST"])
@once()
def link_legacy() -> ResponseReturnValue:
    """Link the old account that was proved to the account that is signed in."""
    waiting = patient_waiting()
    journey_id = request.args.get("lama", "")
    try:
        proved = services().upgrade.proved(journey_id, visitor())
    except Refused:
        return redirect(url_for("citizen.login", pesan="berakhir", i=request.args.get("i")), 303)
    found = signed_in()
    if found is None:
        return redirect(url_for("citizen.login", pesan="akun-lama", **carried()), 303)
    form = Form()
    if form.is_accepted():
        try:
            services().upgrade.link(journey_id, found[1], visitor())
        except Refused as refusal:
            form.refuse(refusal)
        else:
            interaction_id = request.args.get("i") if waiting is not None else None
            if interaction_id is not None:
                return back_to_portal(interaction_id, "citizen.account_home")
            return redirect(url_for("citizen.account_home", pesan="terhubung"), 303)
    page = render_template(
        "citizen/legacy_upgrade/link.html",
        form=form,
        waiting=waiting,
        legacy=proved.legacy,
        account=found[1],
        carried={name: value for name, value in carried().items() if name != "lama"},
    )
    return page, form.status


class OfferForm(Form):
    """The old password of one account that was offered."""

    legacy = PlainHidden()
    password = SecretField(parse=normalise_password)


@citizen.route("/akun/akun-lama", methods=["GET", "POST"])
@must_be_signed_in
@once()
def old_accounts() -> ResponseReturnValue:
    """Offer old accounts that look like the person's, one by one, and show those at home."""
    _, account = present()
    offered = services().upgrade.offer(account)
    form = OfferForm()
    headers: Mapping[str, str] = {}
    if form.is_accepted():
        try:
            proven = services().login.prove_offered(
                _chosen(offered, form.legacy.data),
                form.password.value,
                visitor(),
                as_typed=form.password.data,
            )
            services().upgrade.link(proven.journey_id, account, visitor())
            return redirect(url_for("citizen.old_accounts", pesan="terhubung"), 303)
        except Refused as refusal:
            headers = refuse_login(form, refusal)
    page = render_template(
        "citizen/legacy_upgrade/old.html",
        form=form,
        offered=offered,
        home=services().upgrade.home(account),
        until=UNDO_SECONDS,
        ways_of=lambda legacy: services().upgrade.ways(legacy, account),
    )
    return page, form.status, headers


def _chosen(offered: Sequence[LegacyAccount], text: str | None) -> UUID:
    """Return which of the offered accounts a form is about; refuses like a wrong password."""
    for legacy in offered:
        if legacy.id.hex == text:
            return legacy.id
    raise Refused("login.failed")


@citizen.route("/akun/akun-lama/<uuid:link_id>", methods=["GET", "POST"])
@must_be_signed_in
@once()
def release_old(link_id: UUID) -> ResponseReturnValue:
    """Ask whether a link is to be taken back, and do it."""
    _, account = present()
    home = services().upgrade.home(account)
    found = next((legacy for link, legacy in home if link.id == link_id), None)
    if found is None:
        return redirect(url_for("citizen.old_accounts"), 303)
    form = Form()
    if form.is_accepted():
        try:
            services().upgrade.undo(link_id, account, visitor())
            return redirect(url_for("citizen.old_accounts", pesan="dilepaskan"), 303)
        except Refused as refusal:
            form.refuse(refusal)
    page = render_template("citizen/legacy_upgrade/release.html", form=form, legacy=found)
    return page, form.status
