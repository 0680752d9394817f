"""What teams want in production: the queue, what would change, and one or two yeses."""

from typing import Final
from uuid import UUID

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext
from wtforms import TextAreaField

from idp.domain.errors import Refused
from idp.domain.identity.release import BINDING, ReleaseState, good_approvals
from idp.domain.identity.roles import Permission
from idp.services.reviews import PAGE, Officer, Review
from idp.web.admin.blueprint import (
    MENU,
    NOTES,
    MenuEntry,
    admin,
    allows,
    current_admin,
    fresh,
    under,
)
from idp.web.admin.overview import PANELS, Panel
from idp.web.context import services, visitor
from idp.web.cursors import read_cursor, write_cursor
from idp.web.forms import Form
from idp.web.portal_words import POINTS, SCOPE_WORDS, STATES, words_of_member, words_of_value
from idp.web.submissions import once

MENU.append(MenuEntry("reviews", lazy_gettext("Tinjauan"), "list", 15))
NOTES.update(
    {
        "disetujui": ("ok", "check", lazy_gettext("Persetujuan Anda dicatat.")),
        "dikembalikan": ("ok", "check", lazy_gettext("Tim diminta mengubah pengajuannya.")),
    }
)


def _count_waiting() -> int:
    return services().reviews.count_waiting()


PANELS.append(
    Panel(
        "admin/reviews/_panel.html",
        Permission.REVIEW_READ,
        _count_waiting,
        15,
    )
)

#: The queue is everybody's who may see it: its cursor belongs to no one person.
_QUEUE: Final = UUID(int=0)


class WordsForm(Form):
    """What the team is to change."""

    words = TextAreaField()


@admin.get("/tinjauan")
@allows(Permission.REVIEW_READ)
def reviews() -> ResponseReturnValue:
    """Show what waits, the oldest first."""
    cursor = request.args.get("sesudah", "")
    after = read_cursor(cursor, _QUEUE) if cursor else None
    if cursor and after is None:
        return redirect(url_for("admin.reviews"), 303)
    found = services().reviews.list_waiting(after=after)
    shown = found[:PAGE]
    following = None
    if len(found) > PAGE:
        last = shown[-1].release
        following = write_cursor((last.submitted_at or 0, last.id), _QUEUE)
    return render_template(
        "admin/reviews/list.html", waiting=shown, following=following, is_first=after is None
    )


@admin.get("/tinjauan/<uuid:release_id>")
@allows(Permission.REVIEW_READ)
def review(release_id: UUID) -> ResponseReturnValue:
    """Show what a release would change, its checklist and why each scope is needed."""
    return _page("admin/reviews/review.html", _find(release_id), Form())


@admin.route("/tinjauan/<uuid:release_id>/setujui", methods=["GET", "POST"])
@once()
@allows(Permission.REVIEW_DECIDE)
@fresh
def approve_release(release_id: UUID) -> ResponseReturnValue:
    """Say yes to exactly what stands on the page."""
    found = _find(release_id)
    form = Form()
    if form.is_accepted():
        try:
            version = request.form.get("version", 0, int)
            services().reviews.approve(release_id, _officer(), visitor(), version=version)
            there = url_for("admin.review", release_id=release_id, pesan="disetujui")
            return redirect(there, 303)
        except Refused as refusal:
            form.refuse(refusal, status=409)
    return _page("admin/reviews/approve.html", found, form)


@admin.route("/tinjauan/<uuid:release_id>/kembalikan", methods=["GET", "POST"])
@once()
@allows(Permission.REVIEW_DECIDE)
def return_release(release_id: UUID) -> ResponseReturnValue:
    """Send a release back with words."""
    found = _find(release_id)
    form = WordsForm()
    if form.is_accepted():
        try:
            services().reviews.request_changes(
                release_id,
                _officer(),
                form.words.data or "",
                visitor(),
                version=request.form.get("version", 0, int),
            )
            there = url_for("admin.review", release_id=release_id, pesan="dikembalikan")
            return redirect(there, 303)
        except Refused as refusal:
            if refusal.code == "release.words":
                form.refuse(refusal, "words")
            else:
                form.refuse(refusal, status=409)
    return _page("admin/reviews/return.html", found, form)


def _find(release_id: UUID) -> Review:
    try:
        return services().reviews.get(release_id)
    except Refused:
        abort(404)


def _officer() -> Officer:
    here = current_admin().admin
    return Officer(here.id, here.email.normalised)


def _page(template: str, found: Review, form: Form) -> ResponseReturnValue:
    under("reviews")
    release = found.release
    here = current_admin()
    page = render_template(
        template,
        review=found,
        release=release,
        form=form,
        state=STATES[release.state],
        changes=[
            (words_of_member(one.member), words_of_value(one.before), words_of_value(one.after))
            for one in found.changes
        ],
        point_words=POINTS,
        binding=BINDING,
        scope_words=SCOPE_WORDS,
        given=len(good_approvals(release)),
        may_suspend=here.may(Permission.CLIENTS_SUSPEND)
        and found.live is not None
        and found.live.is_active,
        may_decide=here.may(Permission.REVIEW_DECIDE) and release.state is ReleaseState.SUBMITTED,
        may_return=here.may(Permission.REVIEW_DECIDE)
        and release.state in {ReleaseState.SUBMITTED, ReleaseState.APPROVED},
    )
    return page, form.status
