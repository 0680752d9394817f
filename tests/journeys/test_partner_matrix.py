"""Every route of the partner space with every role: nobody may do what the matrix does not name."""

import re
from collections.abc import Iterator

import pytest
from werkzeug.routing import Rule

from idp.app import Application
from idp.domain.identity.team import RIGHTS, Right, TeamRole
from idp.web.partner.blueprint import NEEDS, OPEN
from tests.guest import Guest
from tests.partners import Developer, Registered, a_developer, a_member
from tests.portal import same_origin

REFUSED = "Peran Anda di tim ini tidak boleh melakukan itu"
PART = re.compile(r"<(?:\w+:)?(\w+)>")


def rules_of(app: Application) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("partner.")]


def test_every_route_says_who_may_open_it(app: Application) -> None:
    endpoints = {rule.endpoint for rule in rules_of(app)}

    assert endpoints == set(NEEDS) | OPEN
    assert not set(NEEDS) & OPEN


def test_every_right_is_asked_for_somewhere(app: Application) -> None:
    # trying and registering choose among the portals and teams of whoever is there
    assert {right for right in NEEDS.values() if right} | {Right.TRY, Right.REGISTER} == set(Right)


class World:
    """One team with a portal, and somebody of each kind before it."""

    def __init__(self, app: Application) -> None:
        self.owner = a_developer(app, 1)
        self.team_id = self.owner.create_team()
        self.made: Registered = self.owner.register(self.team_id)
        self.owner.draft(self.made.portal_id)
        self.people: dict[TeamRole | None, Developer] = {
            TeamRole.OWNER: self.owner,
            TeamRole.DEVELOPER: a_member(app, self.team_id, TeamRole.DEVELOPER, 2),
            TeamRole.VIEWER: a_member(app, self.team_id, TeamRole.VIEWER, 3),
            None: a_developer(app, 4),
        }
        self.stranger = Guest(app, address="203.0.113.77")

    def path(self, rule: Rule) -> str:
        values = {
            "team_id": self.team_id,
            "portal_id": self.made.portal_id,
            "member_id": self.people[TeamRole.VIEWER].account.id,
            "invitation_id": "00000000-0000-7000-8000-000000000000",
            "secret": "never-made",
        }
        return PART.sub(lambda part: str(values[part[1]]), rule.rule)


def methods_of(rule: Rule) -> Iterator[str]:
    yield from sorted((rule.methods or set()) & {"GET", "POST"})


@pytest.fixture
def world(app: Application) -> World:
    return World(app)


def test_every_route_with_every_role(app: Application, world: World) -> None:
    wrong = []
    seen = 0
    for rule in rules_of(app):
        if rule.endpoint in OPEN:
            continue
        right = NEEDS[rule.endpoint]
        is_about_team = "team_id" in rule.arguments or "portal_id" in rule.arguments
        for method in methods_of(rule):
            for role, person in world.people.items():
                # a form without our token: whoever may is refused for that alone
                answer = person.guest.browser.open(
                    world.path(rule), method=method, headers=same_origin()
                )
                seen += 1
                if role is None and is_about_team:
                    is_good = answer.status_code == 404
                elif right is not None and role is not None and right not in RIGHTS[role]:
                    is_good = answer.status_code == 403 and REFUSED in answer.text
                else:
                    is_good = answer.status_code < 500 and REFUSED not in answer.text
                    is_good = is_good and (answer.status_code != 404 or not is_about_team)
                if not is_good:
                    wrong.append((rule.rule, method, role, answer.status_code))

    assert wrong == []
    assert seen > 100


def test_whoever_is_not_signed_in_is_sent_to_sign_in_and_back(
    app: Application, world: World
) -> None:
    for rule in rules_of(app):
        if rule.endpoint in OPEN:
            continue
        for method in methods_of(rule):
            answer = world.stranger.browser.open(
                world.path(rule), method=method, headers=same_origin()
            )
            assert answer.status_code == 303, rule
            assert answer.headers["Location"].startswith("/masuk"), rule


def test_what_an_unknown_thing_answers_is_what_a_stranger_gets(world: World) -> None:
    nobody = "00000000-0000-7000-8000-000000000000"
    stranger = world.people[None]

    for path in (f"/tim/{nobody}", f"/portal/{nobody}", f"/portal/{nobody}/permintaan"):
        known = path.replace(nobody, str(world.team_id if "tim" in path else world.made.portal_id))
        answers = [stranger.get(path), world.owner.get(path), stranger.get(known)]
        assert [answer.status_code for answer in answers] == [404, 404, 404]


@pytest.mark.parametrize("role", [TeamRole.VIEWER, None])
def test_somebody_else_s_team_gets_no_portal_from_them(world: World, role: TeamRole | None) -> None:
    person = world.people[role]
    # the form of a team of their own, sent with the other team's name
    person.create_team("Tim Sendiri")
    answer = person.post(
        "/portal/baru",
        team=str(world.team_id),
        kind="web",
        library="authlib",
        client_name="Portal Selundupan",
        redirect_uris="https://evil.example/cb",
        scopes=["profile"],
    )

    assert answer.status_code == 422
    assert "Portal Selundupan" not in world.owner.get("/portal").text


def test_the_tester_tries_no_portal_of_another_team(world: World) -> None:
    stranger = world.people[None]
    own = stranger.register(stranger.create_team("Tim Lain"))
    answer = stranger.post("/uji", portal=str(world.made.portal_id), scope="openid")

    assert answer.status_code == 422
    assert stranger.post("/uji", portal=str(own.portal_id), scope="openid").status_code == 303
