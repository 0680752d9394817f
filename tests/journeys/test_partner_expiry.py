"""Letters before a secret or a key ends: at thirty days, at seven and at one, each once."""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from idp.app import Application
from idp.domain.identity.audit import OPERATOR, Action
from idp.domain.identity.roles import Role
from idp.domain.identity.team import TeamRole
from idp.services.housekeeping import Job
from tests.certificates import Pair
from tests.events import an_event
from tests.fakes import FixedClock
from tests.key_server import KeyServer, running_key_server
from tests.officer import an_admin, an_officer
from tests.partners import CALLBACK, Developer, Registered, a_developer, a_member

DAY = 86400


@pytest.fixture
def developer(app: Application) -> Developer:
    return a_developer(app)


@pytest.fixture
def made(app: Application, developer: Developer) -> Registered:
    team_id = developer.create_team()
    a_member(app, team_id, TeamRole.DEVELOPER, 2)
    a_member(app, team_id, TeamRole.VIEWER, 3)
    return developer.register(team_id)


def letters(developer: Developer) -> list[tuple[str, int]]:
    """Who got which letter about an end; `days` as it says."""
    return [
        (told["to"], told["values"]["days"])
        for told in developer.guest.messages()
        if told["kind"] == "secret_expires"
    ]


def warn(app: Application) -> int:
    return app.wiring.services.expiry.warn()


def test_a_team_is_told_at_thirty_days_at_seven_and_at_one_each_once(
    app: Application, developer: Developer, made: Registered, clock: FixedClock
) -> None:
    services = app.wiring.services
    services.clients.rotate_secret(made.client_id, overlap_seconds=40 * DAY)
    told = []
    for _ in range(41):
        warn(app)
        warn(app)
        before = len(told)
        told = letters(developer)
        assert len(told) - before in {0, 2}
        clock.move(DAY)

    assert Counter(days for _, days in told) == {30: 2, 7: 2, 1: 2}
    # whoever may do something about it, and nobody who only looks
    assert {to for to, _ in told} == {"budi1@contoh.id", "budi2@contoh.id"}


def test_an_end_that_is_near_already_is_told_once_not_thrice(
    app: Application, developer: Developer, made: Registered
) -> None:
    app.wiring.services.clients.rotate_secret(made.client_id, overlap_seconds=3 * DAY)

    assert [warn(app), warn(app)] == [1, 0]
    assert {days for _, days in letters(developer)} == {3}


def test_a_secret_without_an_end_is_never_told_of(
    app: Application, developer: Developer, made: Registered, clock: FixedClock
) -> None:
    for _ in range(5):
        clock.move(100 * DAY)
        assert warn(app) == 0
    assert letters(developer) == []


def test_a_registered_key_ends_with_its_certificate(
    app: Application, developer: Developer, made: Registered, clock: FixedClock
) -> None:
    app.wiring.services.clients.replace(
        made.client_id,
        {
            "redirect_uris": [CALLBACK],
            "environment": "sandbox",
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": {"keys": [Pair(ends_at=clock.now() + 6 * DAY).jwk()]},
        },
    )

    assert [warn(app), warn(app)] == [1, 0]
    assert {days for _, days in letters(developer)} == {6}
    page = developer.get(f"/portal/{made.portal_id}").text
    assert "Segera berakhir" in page
    assert "c1." in page


@pytest.fixture
def publishing() -> Iterator[KeyServer]:
    """The portal's own web server."""
    with running_key_server() as server:
        yield server


@pytest.fixture
def published(
    make_app: Callable[..., Application], publishing: KeyServer
) -> tuple[Application, Developer, Registered]:
    """A portal whose keys stand at its own address."""
    app = make_app(SIAPKERJA_FETCH_PRIVATE_HOSTS=publishing.host)
    developer = a_developer(app)
    made = developer.register(developer.create_team())
    app.wiring.services.clients.replace(
        made.client_id,
        {
            "redirect_uris": [CALLBACK],
            "environment": "sandbox",
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks_uri": publishing.url,
        },
    )
    return app, developer, made


def test_keys_at_the_portal_s_own_address_are_watched_too(
    published: tuple[Application, Developer, Registered], publishing: KeyServer, clock: FixedClock
) -> None:
    app, developer, made = published
    expiry = app.wiring.services.expiry
    key = Pair(ends_at=clock.now() + 6 * DAY).jwk()
    publishing.document = {
        "keys": [key, {**key, "kid": "a\0b", "exp": clock.now() + DAY // 2}, {"kty": "EC"}]
    }

    assert [expiry.warn_of_published(), expiry.warn_of_published(), warn(app)] == [2, 0, 0]
    assert sorted(days for _, days in letters(developer)) == [1, 6]
    page = developer.get(f"/portal/{made.portal_id}").text
    assert "Segera berakhir" in page
    assert "tidak menjawab" not in page


@pytest.mark.parametrize("wrong", ["status", "content"])
def test_an_address_of_keys_that_does_not_answer_is_told_once_a_week(
    published: tuple[Application, Developer, Registered],
    publishing: KeyServer,
    clock: FixedClock,
    wrong: str,
) -> None:
    app, developer, made = published
    expiry = app.wiring.services.expiry
    publishing.document = {"keys": []} if wrong == "status" else ["no key set"]
    publishing.status = 503 if wrong == "status" else 200

    assert [expiry.warn_of_published(), expiry.warn_of_published()] == [1, 0]
    # a server that stumbles once is asked again before anybody is told
    assert publishing.asked == 4
    assert "tidak menjawab" in developer.get(f"/portal/{made.portal_id}").text
    clock.move(7 * DAY)
    assert expiry.warn_of_published() == 1
    told = [one["kind"] for one in developer.guest.messages()]
    assert told.count("keys_away") == 2


def test_a_portal_that_is_stopped_is_not_asked_for_keys(
    published: tuple[Application, Developer, Registered], publishing: KeyServer
) -> None:
    app, developer, made = published
    app.wiring.services.clients.suspend(made.client_id)

    assert app.wiring.services.expiry.warn_of_published() == 0
    developer.get(f"/portal/{made.portal_id}")
    assert publishing.asked == 0


def test_the_page_warns_too(
    app: Application, developer: Developer, made: Registered, clock: FixedClock
) -> None:
    there = f"/portal/{made.portal_id}"
    assert "Segera berakhir" not in developer.get(there).text
    app.wiring.services.clients.rotate_secret(made.client_id, overlap_seconds=20 * DAY)

    assert "Segera berakhir" in developer.get(there).text


def test_it_is_one_of_the_jobs_that_one_process_does_for_all(app: Application) -> None:
    jobs: dict[str, Job] = {job.name: job for job in app.wiring.housekeeper._jobs}

    assert jobs["expiry"].run == app.wiring.services.expiry.warn
    assert jobs["expiry"].every_seconds == 3600
    assert jobs["expiry-published"].run == app.wiring.services.expiry.warn_of_published
    assert jobs["expiry-published"].every_seconds == DAY


def a_client_of_no_team(app: Application, **metadata: object) -> str:
    """Register one as officers and operators do; return its identifier."""
    given = {"client_name": "Portal Lama", "redirect_uris": [CALLBACK], **metadata}
    return app.wiring.services.clients.register(given).client.client_id


def told(developer: Developer, begins: str) -> list[tuple[str, str, int]]:
    """Who got which letter whose kind begins so, with its days."""
    return [
        (one["kind"], one["to"], one["values"].get("days", 0))
        for one in developer.guest.messages()
        if one["kind"].startswith(begins)
    ]


def test_of_a_client_without_a_team_its_contacts_and_those_who_look_after_clients_hear(
    app: Application, developer: Developer, clock: FixedClock
) -> None:
    an_admin(app, Role.REGISTRAR, email="registrar@kemnaker.example", locale="en")
    an_admin(app, Role.SUPPORT, email="support@kemnaker.example")
    gone = an_admin(app, Role.REGISTRAR, email="gone@kemnaker.example")[0]
    app.wiring.services.admins.suspend(gone.id, OPERATOR)
    client_id = a_client_of_no_team(
        app, contacts=["tim@portal.example", "+62 21 555 0100", "Registrar@kemnaker.example"]
    )
    app.wiring.services.clients.rotate_secret(client_id, overlap_seconds=40 * DAY)
    for _ in range(41):
        warn(app)
        warn(app)
        clock.move(DAY)

    days = [30, 7, 1]
    officers = [("officer_secret_expires", "registrar@kemnaker.example", one) for one in days]
    contacts = [("contact_secret_expires", "tim@portal.example", one) for one in days]
    assert sorted(told(developer, "")) == sorted([*officers, *contacts])
    first = next(m for m in developer.guest.messages() if m["kind"] == "officer_secret_expires")
    row = app.wiring.services.clients.get(client_id).id
    assert (first["locale"], first["values"]["client_row"]) == ("en", str(row))


def test_a_certificate_of_a_client_without_a_team_is_watched_too(
    app: Application, developer: Developer, clock: FixedClock
) -> None:
    a_client_of_no_team(
        app,
        contacts=["tim@portal.example"],
        token_endpoint_auth_method="private_key_jwt",
        jwks={"keys": [Pair(ends_at=clock.now() + 6 * DAY).jwk()]},
    )

    assert [warn(app), warn(app)] == [1, 0]
    assert told(developer, "") == [("contact_secret_expires", "tim@portal.example", 6)]


def test_nobody_is_written_to_because_a_stranger_names_them(
    make_app: Callable[..., Application], clock: FixedClock
) -> None:
    """Whoever may register by themselves could name anybody as contact."""
    app = make_app(SIAPKERJA_OAUTH_REGISTRATION="open")
    developer = a_developer(app)
    an_admin(app, Role.REGISTRAR, email="registrar@kemnaker.example")
    given = {
        "redirect_uris": [CALLBACK],
        "contacts": ["korban@contoh.id"],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [Pair(ends_at=clock.now() + 6 * DAY).jwk()]},
    }
    assert app.test_client().post("/register", json=given).status_code == 201

    assert warn(app) == 1
    assert {to for _, to, _ in told(developer, "")} == {"registrar@kemnaker.example"}


def test_where_nobody_of_a_team_can_be_told_officers_are(
    app: Application, developer: Developer, made: Registered
) -> None:
    an_admin(app, Role.REGISTRAR, email="registrar@kemnaker.example")
    with app.wiring.services.store.write() as tx:
        portal = tx.team_portals.find_by_client(made.client_id)
        assert portal is not None
        for member, _ in tx.teams.members(portal.team_id):
            if member.role is not TeamRole.VIEWER:
                tx.teams.drop_member(portal.team_id, member.account_id)
        tx.audit.record(an_event(Action.TEAM_LEFT, app.wiring.services.clock.now()))
    app.wiring.services.clients.rotate_secret(made.client_id, overlap_seconds=3 * DAY)

    assert warn(app) == 1
    assert told(developer, "") == [("officer_secret_expires", "registrar@kemnaker.example", 3)]


def test_who_is_no_more_is_told_of_nothing(app: Application, developer: Developer) -> None:
    an_admin(app, Role.REGISTRAR, email="registrar@kemnaker.example")
    registry = app.wiring.services.clients
    for end in (registry.retire, registry.delete):
        client_id = a_client_of_no_team(app)
        registry.rotate_secret(client_id, overlap_seconds=3 * DAY)
        end(client_id)

    assert warn(app) == 0
    assert told(developer, "") == []


def test_the_console_shows_what_ends_until_it_is_replaced(
    app: Application, clock: FixedClock
) -> None:
    registry = app.wiring.services.clients
    with_secret = a_client_of_no_team(app, client_name="Portal Rahasia")
    registry.rotate_secret(with_secret, overlap_seconds=3 * DAY)
    given = {"client_name": "Portal Kunci", "token_endpoint_auth_method": "private_key_jwt"}
    ending = {"keys": [Pair(ends_at=clock.now() + 6 * DAY).jwk()]}
    with_key = a_client_of_no_team(app, **given, jwks=ending)
    warn(app)
    officer = an_officer(app, Role.READER)

    overview = officer.get("/admin").text
    assert overview.index("Portal Rahasia") < overview.index("Portal Kunci")
    for client_id in (with_secret, with_key):
        page = officer.get(f"/admin/portal/{registry.get(client_id).id}").text
        assert "Segera berakhir" in page

    lasting = {"keys": [Pair(ends_at=clock.now() + 400 * DAY).jwk()]}
    registry.replace(with_key, {"redirect_uris": [CALLBACK], **given, "jwks": lasting})
    [old] = [s for s in registry.get(with_secret).secrets if s.expires_at is not None]
    assert old.id is not None
    registry.retire_secret(with_secret, old.id)
    overview = officer.get("/admin").text
    assert "segera berakhir" not in overview
    assert "Segera berakhir" not in officer.get(f"/admin/portal/{registry.get(with_key).id}").text


def test_the_console_shows_an_address_of_keys_that_does_not_answer(
    published: tuple[Application, Developer, Registered], publishing: KeyServer
) -> None:
    app, _, made = published
    publishing.status = 503
    client = app.wiring.services.clients.get(made.client_id)

    page = an_officer(app, Role.READER).get(f"/admin/portal/{client.id}").text

    assert "(jwks_uri) portal ini tidak menjawab" in page
