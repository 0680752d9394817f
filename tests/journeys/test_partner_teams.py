"""Teams: joined by a letter to an address, never without an owner."""

import pytest

from idp.app import Application
from idp.domain.identity.team import INVITATION_SECONDS, TeamRole
from tests.fakes import FixedClock
from tests.guest import PASSWORD, Guest, path_of
from tests.partners import BOTH, CALLBACK, Developer, a_developer, a_member, query_of
from tests.portal import Portal, an_account, sign_in


@pytest.fixture
def owner(app: Application) -> Developer:
    return a_developer(app)


def invited(owner: Developer, email: str = "siti@contoh.id", role: str = "developer") -> str:
    """Invite somebody; return the secret of the letter that they get."""
    team_id = owner.create_team()
    answer = owner.post(
        f"/tim/{team_id}/undang", owner.get(f"/tim/{team_id}"), email=email, role=role
    )
    assert answer.status_code == 303, answer.text
    return owner.guest.secret("team_invitation")


def test_an_invitation_is_a_letter_to_the_address_and_is_accepted_by_a_button(
    app: Application, owner: Developer
) -> None:
    secret = invited(owner)
    [letter] = [told for told in owner.guest.messages() if told["kind"] == "team_invitation"]
    assert letter["to"] == "siti@contoh.id"
    siti = a_developer(app, 2)

    # looking joins nobody
    assert siti.get(f"/undangan/{secret}").status_code == 200
    assert "Dinas Contoh" not in siti.get("/tim").text
    answer = siti.post(f"/undangan/{secret}/terima")

    assert answer.status_code == 303
    page = siti.guest.get(answer.headers["Location"])
    assert "Selamat datang di tim." in page.text
    assert "Budi Santoso" in page.text
    assert "b•••@contoh.id" in page.text
    told = [one for one in owner.guest.messages() if one["kind"] == "team_joined"]
    assert [one["to"] for one in told] == ["budi1@contoh.id"]


def test_who_is_not_signed_in_signs_in_first_and_comes_back_to_the_invitation(
    app: Application, owner: Developer
) -> None:
    secret = invited(owner)
    an_account(app, number=5)
    guest = Guest(app, address="203.0.113.55")
    page = guest.get(f"/pengembang/undangan/{secret}")
    assert "csrf_token" not in page.text

    sent = guest.get(f"/pengembang/undangan/{secret}/terima")
    assert path_of(sent) == "/masuk"
    guest.query = query_of(sent)
    step = guest.log_in("budi5@contoh.id", PASSWORD)
    code_page = guest.get(step.headers["Location"])
    answer = guest.post(step.headers["Location"], code_page, code=guest.code())

    assert answer.headers["Location"] == f"/pengembang/undangan/{secret}/terima"
    assert guest.post(answer.headers["Location"]).status_code == 303


def test_an_invitation_is_good_once_and_for_seven_days(
    app: Application, owner: Developer, clock: FixedClock
) -> None:
    secret = invited(owner)
    first, second = a_developer(app, 2), a_developer(app, 3)

    assert first.post(f"/undangan/{secret}/terima").status_code == 303
    assert second.get(f"/undangan/{secret}").status_code == 410
    assert second.get(f"/undangan/{secret}/terima").status_code == 410

    later = invited(owner)
    clock.move(INVITATION_SECONDS)
    assert app.test_client().get(f"/pengembang/undangan/{later}").status_code == 410


def test_an_invitation_that_was_taken_back_lets_nobody_in(
    app: Application, owner: Developer
) -> None:
    secret = invited(owner)
    [(team, _)] = app.wiring.services.teams.list_of(owner.account.id)
    page = owner.get(f"/tim/{team.id}")
    [invitation] = app.wiring.services.teams.get(team.id, owner.account.id).invitations
    owner.post(f"/tim/{team.id}/undangan/{invitation.id}/batal", page)

    assert a_developer(app, 2).get(f"/undangan/{secret}").status_code == 410


def test_a_second_letter_to_the_same_address_ends_the_first(
    app: Application, owner: Developer
) -> None:
    first = invited(owner)
    [(team, _)] = app.wiring.services.teams.list_of(owner.account.id)
    owner.post(
        f"/tim/{team.id}/undang",
        owner.get(f"/tim/{team.id}"),
        email="SITI@contoh.id",
        role="viewer",
    )

    assert a_developer(app, 2).get(f"/undangan/{first}").status_code == 410
    assert len(app.wiring.services.teams.get(team.id, owner.account.id).invitations) == 1


def test_the_last_owner_can_neither_leave_nor_step_down(app: Application, owner: Developer) -> None:
    team_id = owner.create_team()
    page = owner.get(f"/tim/{team_id}")

    left = owner.post(f"/tim/{team_id}/keluar", page)
    stepped = owner.post(
        f"/tim/{team_id}/anggota/{owner.account.id}",
        owner.get(f"/tim/{team_id}/anggota/{owner.account.id}"),
        role="viewer",
    )
    assert [left.status_code, stepped.status_code] == [409, 409]
    assert "Tim harus punya pemilik" in left.text

    a_member(app, team_id, TeamRole.OWNER, 2)
    assert owner.post(f"/tim/{team_id}/keluar", owner.get(f"/tim/{team_id}")).status_code == 303
    assert owner.get(f"/tim/{team_id}").status_code == 404


def test_who_is_let_go_sees_nothing_more_and_loses_what_they_signed_in_to(
    app: Application, owner: Developer
) -> None:
    team_id = owner.create_team()
    made = owner.register(team_id)
    developer = a_member(app, team_id, TeamRole.DEVELOPER, 2)
    client = app.wiring.services.clients.get(made.client_id)
    portal = Portal(app, developer.guest.browser, client, made.secret, CALLBACK)
    token = portal.tokens(scope="openid email")["access_token"]
    assert portal.userinfo(token).status_code == 200

    page = owner.get(f"/tim/{team_id}/anggota/{developer.account.id}")
    owner.post(f"/tim/{team_id}/anggota/{developer.account.id}/keluarkan", page)

    assert developer.get(f"/tim/{team_id}").status_code == 404
    assert portal.userinfo(token).status_code == 401


def test_a_role_counts_from_the_next_page_on(app: Application, owner: Developer) -> None:
    team_id = owner.create_team()
    made = owner.register(team_id)
    member = a_member(app, team_id, TeamRole.VIEWER, 2)
    assert member.get(f"/portal/{made.portal_id}/ubah").status_code == 403

    page = owner.get(f"/tim/{team_id}/anggota/{member.account.id}")
    owner.post(f"/tim/{team_id}/anggota/{member.account.id}", page, role="developer")

    assert member.get(f"/portal/{made.portal_id}/ubah").status_code == 200


def test_a_team_needs_somebody_whom_letters_reach(app: Application) -> None:
    unproved = a_developer(app, email_verified=False)
    answer = unproved.post("/tim", name="Dinas Contoh")

    assert answer.status_code == 409
    assert "Buktikan dulu alamat email" in answer.text


def test_teams_and_invitations_are_limited(app: Application, owner: Developer) -> None:
    team_id = owner.create_team()
    for number in range(20):
        page = owner.get(f"/tim/{team_id}")
        email = f"rekan{number}@contoh.id"
        assert (
            owner.post(f"/tim/{team_id}/undang", page, email=email, role="viewer").status_code
            == 303
        )
    page = owner.get(f"/tim/{team_id}")
    stopped = owner.post(f"/tim/{team_id}/undang", page, email="x@contoh.id", role="viewer")

    assert stopped.status_code == 429
    assert [owner.post("/tim", name=f"Tim {n}").status_code for n in range(5)][-1] == 429


def test_a_deleted_account_is_in_no_team(app: Application, owner: Developer) -> None:
    team_id = owner.create_team()
    member = a_member(app, team_id, TeamRole.OWNER, 2)

    app.wiring.services.accounts.delete(member.account.subject)

    view = app.wiring.services.teams.get(team_id, owner.account.id)
    assert [one.membership.account_id for one in view.members] == [owner.account.id]


def test_the_address_of_an_invitation_is_sealed(app: Application, owner: Developer) -> None:
    import sqlalchemy as sa

    invited(owner, "rahasia@contoh.id")
    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT * FROM team_invitation")).all()
    assert len(rows) == 1
    assert "rahasia" not in repr(rows)


def test_a_secret_needs_a_fresh_proof_and_leads_back(
    app: Application, owner: Developer, clock: FixedClock
) -> None:
    made = owner.register(owner.create_team())
    clock.move(20 * 60)
    answer = owner.get(f"/portal/{made.portal_id}/rahasia")

    assert path_of(answer) == "/konfirmasi"
    assert query_of(answer) == {"lanjut": "partner.renew_secret", "di": str(made.portal_id)}
    sign_in(app, owner.guest.browser, owner.account, BOTH)
    renewed = owner.post(f"/portal/{made.portal_id}/rahasia")
    assert 'id="client-secret"' in renewed.text
