"""The way to production: a draft, a difference and a checklist, officers, and then the secret."""

from typing import Final
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.errors import Refused
from idp.domain.identity.release import BINDING, Release, ReleaseState, differences
from idp.domain.identity.team import Right
from idp.web.citizen.blueprint import NOTES, must_be_confirmed
from idp.web.context import services, visitor
from idp.web.forms import Form
from idp.web.partner.blueprint import about, needs, partner, person, portal_view
from idp.web.partner.forms import ReleaseForm
from idp.web.partner.portals import secret_page
from idp.web.portal_words import POINTS, SCOPE_WORDS, STATES, words_of_member, words_of_value
from idp.web.submissions import once

NOTES.update(
    {
        "draf": ("ok", "check", lazy_gettext("Draf disimpan. Periksa, lalu ajukan.")),
        "diajukan": ("ok", "check", lazy_gettext("Pengajuan dikirim ke petugas.")),
        "ditarik": ("ok", "check", lazy_gettext("Pengajuan ditarik. Anda dapat mengubahnya lagi.")),
        "tayang": ("ok", "check", lazy_gettext("Perubahan sudah tayang.")),
    }
)


@partner.route("/portal/<uuid:portal_id>/pengajuan", methods=["GET", "POST"])
@once()
@about("portal_id")
@needs(Right.CHANGE)
def release(portal_id: UUID) -> ResponseReturnValue:
    """Write down what the portal is to be in production."""
    form = ReleaseForm()
    try:
        draft = services().partner_portals.draft(portal_id, person().id)
    except Refused as refusal:
        return _step_refused(refusal)
    if not draft.is_editable:
        return redirect(url_for("partner.submit_release", portal_id=portal_id), 303)
    if request.method == "GET":
        form.fill_release(draft.metadata)
    elif form.is_accepted():
        try:
            services().partner_portals.save_release(
                portal_id,
                person().id,
                form.release_metadata(draft.metadata),
                visitor(),
                version=request.form.get("version", draft.version, int),
            )
            there = url_for("partner.submit_release", portal_id=portal_id, pesan="draf")
            return redirect(there, 303)
        except Refused as refusal:
            form.refuse_metadata(refusal)
    page = render_template(
        "partner/release.html", form=form, view=portal_view(), release=draft, scopes=SCOPE_WORDS
    )
    return page, form.status


@partner.route("/portal/<uuid:portal_id>/ajukan", methods=["GET", "POST"])
@once()
@about("portal_id")
@needs(Right.SUBMIT)
def submit_release(portal_id: UUID) -> ResponseReturnValue:
    """Show what would change and what is missing, and hand it to officers."""
    view = portal_view()
    if view.pending is None:
        return redirect(url_for("partner.release", portal_id=portal_id), 303)
    form = Form()
    if form.is_accepted():
        try:
            services().partner_portals.submit(portal_id, person().id, visitor())
            there = url_for("partner.portal", portal_id=portal_id, pesan="diajukan")
            return redirect(there, 303)
        except Refused as refusal:
            form.refuse(refusal, status=409)
    return _review_page(view.pending, form)


@partner.post("/portal/<uuid:portal_id>/tarik")
@once()
@needs(Right.SUBMIT, returns=False)
def withdraw_release(portal_id: UUID) -> ResponseReturnValue:
    """Take back what waits or was approved."""
    view = portal_view()
    form = Form()
    if form.is_accepted():
        try:
            services().partner_portals.withdraw(portal_id, person().id, visitor())
            there = url_for("partner.submit_release", portal_id=portal_id, pesan="ditarik")
            return redirect(there, 303)
        except Refused as refusal:
            form.refuse(refusal, status=409)
    if view.pending is None:
        return redirect(url_for("partner.portal", portal_id=portal_id), 303)
    return _review_page(view.pending, form)


@partner.route("/portal/<uuid:portal_id>/tayang", methods=["GET", "POST"])
@once()
@about("portal_id")
@needs(Right.TAKE_LIVE)
@must_be_confirmed
def take_live(portal_id: UUID) -> ResponseReturnValue:
    """Put the approved release before citizens; a new client's secret stands on the answer."""
    view = portal_view()
    if view.pending is None or view.pending.state is not ReleaseState.APPROVED:
        return redirect(url_for("partner.portal", portal_id=portal_id), 303)
    form = Form()
    if form.is_accepted():
        try:
            registered = services().partner_portals.take_live(portal_id, person(), visitor())
            if registered.secret is None and view.live is not None:
                there = url_for("partner.portal", portal_id=portal_id, pesan="tayang")
                return redirect(there, 303)
            return secret_page(view, registered, is_new=view.live is None)
        except Refused as refusal:
            form.refuse(refusal, status=409)
    page = render_template("partner/take_live.html", form=form, view=view)
    return page, form.status


_STEP: Final = "release.step"


def _review_page(draft: Release, form: Form) -> ResponseReturnValue:
    view = portal_view()
    before = view.live.metadata if view.live is not None else {}
    hidden = {"environment", "test_redirect_uri", "owner"}
    changes = [
        (words_of_member(one.member), words_of_value(one.before), words_of_value(one.after))
        for one in differences(before, draft.metadata)
        if one.member not in hidden
    ]
    points = services().partner_portals.points(view, draft)
    page = render_template(
        "partner/submit.html",
        form=form,
        view=view,
        release=draft,
        changes=changes,
        points=points,
        point_words=POINTS,
        binding=BINDING,
        states=STATES,
        scopes=SCOPE_WORDS,
    )
    return page, form.status


def _step_refused(refusal: Refused) -> ResponseReturnValue:
    if refusal.code != _STEP:
        raise refusal
    return redirect(url_for("partner.portals"), 303)
