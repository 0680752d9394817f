"""Teams: making one, who is in it, and the letter that lets somebody in."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.errors import Refused
from idp.domain.identity.team import Right, TeamRole, parse_role, parse_team_name
from idp.web.citizen.blueprint import NOTES
from idp.web.context import services, signed_in, visitor
from idp.web.forms import Form, ParsedField, parse_email
from idp.web.partner.blueprint import about, anybody, needs, partner, person, team_view
from idp.web.portal_words import ROLES
from idp.web.puzzles import refuse_by_limit
from idp.web.submissions import once

NOTES.update(
    {
        "tim": ("ok", "check", lazy_gettext("Tim dibuat. Daftarkan portal pertama Anda.")),
        "tim-nama": ("ok", "check", lazy_gettext("Nama tim diganti.")),
        "undangan": ("ok", "mail", lazy_gettext("Undangan dikirim. Tautannya berlaku 7 hari.")),
        "undangan-batal": ("ok", "check", lazy_gettext("Undangan dibatalkan.")),
        "anggota": ("ok", "check", lazy_gettext("Peran anggota diganti.")),
        "anggota-keluar": ("ok", "check", lazy_gettext("Anggota dikeluarkan dari tim.")),
        "tim-keluar": ("ok", "check", lazy_gettext("Anda keluar dari tim.")),
        "bergabung": ("ok", "check", lazy_gettext("Selamat datang di tim.")),
    }
)

_LIMIT: Final = "limit.tries"


class TeamForm(Form):
    """A team's name."""

    name = ParsedField(parse=parse_team_name)


class InvitationForm(Form):
    """Whom to invite as what."""

    email = ParsedField(parse=parse_email)
    role = ParsedField(parse=parse_role)


class RoleForm(Form):
    """What a member is to become."""

    role = ParsedField(parse=parse_role)


@partner.route("/tim", methods=["GET", "POST"])
@once()
@needs(None)
def teams() -> ResponseReturnValue:
    """Show the teams of the person, and make another."""
    form = TeamForm()
    headers: Mapping[str, str] = {}
    if form.is_accepted():
        try:
            team = services().teams.create(person(), form.name.value, visitor())
            return redirect(url_for("partner.team", team_id=team.id, pesan="tim"), 303)
        except Refused as refusal:
            headers = _refuse(form, refusal, "name")
    mine = services().teams.list_of(person().id)
    page = render_template(
        "partner/teams.html",
        form=form,
        teams=mine,
        roles=ROLES,
        is_proved=person().verified_email is not None,
    )
    return page, form.status, headers


@partner.get("/tim/<uuid:team_id>")
@about("team_id")
@needs(Right.SEE)
def team(team_id: UUID) -> ResponseReturnValue:
    """Show who is in a team."""
    return _team_page(team_id)


@partner.post("/tim/<uuid:team_id>/nama")
@once()
@needs(Right.INVITE, returns=False)
def rename_team(team_id: UUID) -> ResponseReturnValue:
    """Call a team otherwise."""
    form = TeamForm()
    if form.is_accepted():
        services().teams.rename(team_id, person().id, form.name.value, visitor())
        return redirect(url_for("partner.team", team_id=team_id, pesan="tim-nama"), 303)
    return _team_page(team_id, naming=form)


@partner.post("/tim/<uuid:team_id>/undang")
@once()
@needs(Right.INVITE, returns=False)
def invite(team_id: UUID) -> ResponseReturnValue:
    """Send somebody the letter that lets them in."""
    form = InvitationForm()
    headers: Mapping[str, str] = {}
    if form.is_accepted():
        try:
            services().teams.invite(team_id, person(), form.email.value, form.role.value, visitor())
            return redirect(url_for("partner.team", team_id=team_id, pesan="undangan"), 303)
        except Refused as refusal:
            headers = _refuse(form, refusal, "email")
    return _team_page(team_id, inviting=form, headers=headers)


@partner.post("/tim/<uuid:team_id>/undangan/<uuid:invitation_id>/batal")
@once()
@needs(Right.INVITE, returns=False)
def uninvite(team_id: UUID, invitation_id: UUID) -> ResponseReturnValue:
    """Take an invitation back."""
    form = Form()
    if form.is_accepted():
        services().teams.uninvite(team_id, person().id, invitation_id, visitor())
        return redirect(url_for("partner.team", team_id=team_id, pesan="undangan-batal"), 303)
    return _team_page(team_id, naming=form)


@partner.route("/tim/<uuid:team_id>/anggota/<uuid:member_id>", methods=["GET", "POST"])
@once()
@needs(Right.INVITE, returns=False)
def member(team_id: UUID, member_id: UUID) -> ResponseReturnValue:
    """Give a member another role."""
    form = RoleForm()
    if form.is_accepted():
        try:
            services().teams.set_role(team_id, person().id, member_id, form.role.value, visitor())
            return redirect(url_for("partner.team", team_id=team_id, pesan="anggota"), 303)
        except Refused as refusal:
            form.refuse(refusal, status=409)
    return _member_page(member_id, form)


@partner.post("/tim/<uuid:team_id>/anggota/<uuid:member_id>/keluarkan")
@once()
@needs(Right.INVITE, returns=False)
def remove_member(team_id: UUID, member_id: UUID) -> ResponseReturnValue:
    """Let a member go."""
    form = Form()
    if form.is_accepted():
        try:
            services().teams.remove(team_id, person().id, member_id, visitor())
            return redirect(url_for("partner.team", team_id=team_id, pesan="anggota-keluar"), 303)
        except Refused as refusal:
            form.refuse(refusal, status=409)
    return _member_page(member_id, form)


@partner.post("/tim/<uuid:team_id>/keluar")
@once()
@needs(Right.SEE, returns=False)
def leave(team_id: UUID) -> ResponseReturnValue:
    """Go; the last owner stays."""
    form = Form()
    if form.is_accepted():
        try:
            services().teams.remove(team_id, person().id, person().id, visitor())
            return redirect(url_for("partner.teams", pesan="tim-keluar"), 303)
        except Refused as refusal:
            form.refuse(refusal, status=409)
    return _team_page(team_id, naming=form)


@partner.get("/undangan/<secret>")
@anybody
def invitation(secret: str) -> ResponseReturnValue:
    """Show what a letter offers; joining is by the button, never by looking."""
    try:
        offered, team = services().teams.read_invitation(secret)
    except Refused:
        return render_template("partner/invitation_over.html"), 410
    return render_template(
        "partner/invitation.html",
        form=Form() if signed_in() is not None else None,
        team=team,
        role=ROLES[offered.role],
        secret=secret,
    )


@partner.route("/undangan/<secret>/terima", methods=["GET", "POST"])
@once()
@about("secret")
@needs(None)
def accept(secret: str) -> ResponseReturnValue:
    """Join the team of an invitation."""
    form = Form()
    try:
        offered, team = services().teams.read_invitation(secret)
        if form.is_accepted():
            services().teams.accept(secret, person(), visitor())
            return redirect(url_for("partner.team", team_id=team.id, pesan="bergabung"), 303)
    except Refused as refusal:
        if refusal.code != "team.email":
            return render_template("partner/invitation_over.html"), 410
        form.refuse(refusal, status=409)
        offered, team = services().teams.read_invitation(secret)
    page = render_template(
        "partner/invitation.html", form=form, team=team, role=ROLES[offered.role], secret=secret
    )
    return page, form.status


def _team_page(
    team_id: UUID,
    *,
    naming: Form | None = None,
    inviting: InvitationForm | None = None,
    headers: Mapping[str, str] | None = None,
) -> ResponseReturnValue:
    view = services().teams.get(team_id, person().id)
    form = inviting or naming or Form()
    page = render_template(
        "partner/team.html",
        view=view,
        form=form,
        naming=naming
        if isinstance(naming, TeamForm)
        else TeamForm(formdata=None, data={"name": view.team.name}),
        inviting=inviting or InvitationForm(formdata=None, data={"role": TeamRole.DEVELOPER}),
        may_invite=view.mine.may(Right.INVITE),
        roles=ROLES,
    )
    return page, form.status, headers or {}


def _member_page(member_id: UUID, form: Form) -> ResponseReturnValue:
    view = team_view()
    shown = next((m for m in view.members if m.membership.account_id == member_id), None)
    if shown is None:
        raise Refused("team.unknown")
    page = render_template("partner/member.html", view=view, member=shown, form=form, roles=ROLES)
    return page, form.status


def _refuse(form: Form, refusal: Refused, *fields: Any) -> Mapping[str, str]:
    if refusal.code == _LIMIT:
        return refuse_by_limit(form, refusal, "", *fields)
    form.refuse(refusal, *fields, status=409)
    return {}
