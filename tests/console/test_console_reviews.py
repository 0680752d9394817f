"""What officers do with releases: see, send back, say yes; two of them for guarded scopes."""

import re
from dataclasses import replace

import pytest

from idp.app import Application
from idp.domain.identity.release import ReleaseState
from idp.domain.identity.roles import Role
from idp.services.reviews import PAGE
from tests.officer import Officer, an_officer
from tests.partners import CALLBACK, Developer, Registered, a_developer
from tests.racing import at_once

REVIEWS = "/admin/tinjauan"


@pytest.fixture
def developer(app: Application) -> Developer:
    return a_developer(app)


def submitted(developer: Developer, *scopes: str) -> Registered:
    made = developer.register(developer.create_team())
    developer.try_sign_in(made.portal_id)
    asked = ["profile", *scopes]
    why = "\n".join(f"{name}: untuk layanan | UU 13/2003" for name in asked)
    assert developer.draft(made.portal_id, scopes=asked, purposes=why).status_code == 303
    assert developer.submit(made.portal_id).status_code == 303
    return made


def state_of(app: Application, made: Registered) -> ReleaseState:
    with app.wiring.services.store.read() as tx:
        return tx.team_portals.releases(made.portal_id)[0].state


def address_of(officer: Officer) -> str:
    found = re.search(rf'href="({REVIEWS}/[0-9a-f-]+)"', officer.get(REVIEWS).text)
    assert found is not None
    return found[1]


def test_the_queue_and_the_overview_tell_what_waits(app: Application, developer: Developer) -> None:
    officer = an_officer(app, Role.REGISTRAR)
    assert "Tidak ada pengajuan" in officer.get(REVIEWS).text

    submitted(developer)

    assert "Portal Uji" in officer.get(REVIEWS).text
    assert "Dinas Contoh" in officer.get(REVIEWS).text
    assert "1 pengajuan menunggu" in officer.get("/admin").text


def test_a_review_shows_difference_checklist_and_purposes(
    app: Application, developer: Developer
) -> None:
    submitted(developer, "nik")
    officer = an_officer(app, Role.APPROVER)
    page = officer.get(address_of(officer)).text

    for piece in (
        "https://portal.example/kembali",
        "Kebijakan privasi diisi",
        "UU 13/2003",
        "Disetujui 0 dari 2 petugas",
    ):
        assert piece in page


def test_an_officer_sends_a_release_back_with_words_and_the_team_mends_it(
    app: Application, developer: Developer
) -> None:
    made = submitted(developer)
    officer = an_officer(app, Role.REGISTRAR)
    there = address_of(officer)

    empty = officer.post(f"{there}/kembalikan", words="  ")
    assert empty.status_code == 422
    answer = officer.post(f"{there}/kembalikan", words="Jelaskan <b>tujuan</b> email.")

    assert answer.status_code == 303
    assert state_of(app, made) is ReleaseState.CHANGES_REQUESTED
    page = developer.get(f"/portal/{made.portal_id}").text
    assert "Jelaskan &lt;b&gt;tujuan&lt;/b&gt; email." in page
    assert "release_returned" in developer.guest.kinds()
    assert developer.draft(made.portal_id).status_code == 303
    assert developer.submit(made.portal_id).status_code == 303
    assert state_of(app, made) is ReleaseState.SUBMITTED


def test_one_officer_is_enough_where_nothing_guarded_is_asked(
    app: Application, developer: Developer
) -> None:
    made = submitted(developer, "email")
    officer = an_officer(app, Role.REGISTRAR)

    assert officer.post(f"{address_of(officer)}/setujui").status_code == 303

    assert state_of(app, made) is ReleaseState.APPROVED
    assert "release_approved" in developer.guest.kinds()


@pytest.mark.parametrize("scope", ["nik", "jkp", "legacy"])
def test_guarded_scopes_need_a_second_officer(
    app: Application, developer: Developer, scope: str
) -> None:
    made = developer.register(developer.create_team())
    developer.try_sign_in(made.portal_id)
    why = f"profile: menyapa | UU 27/2022\n{scope}: layanan | UU 13/2003"
    draft = developer.draft(
        made.portal_id,
        scopes=["profile", scope],
        purposes=why,
        legacy_source="karirhub" if scope == "legacy" else None,
    )
    assert draft.status_code == 303, draft.text
    developer.submit(made.portal_id)
    first, second = an_officer(app, Role.REGISTRAR), an_officer(app, Role.APPROVER)
    there = address_of(first)

    page = first.get(f"{there}/setujui")
    assert "satu petugas lain harus menyetujui" in page.text
    assert first.post(f"{there}/setujui").status_code == 303
    again = first.post(f"{there}/setujui")
    assert again.status_code == 409
    assert "Persetujuan kedua harus dari petugas lain" in again.text
    assert state_of(app, made) is ReleaseState.SUBMITTED
    assert developer.get(f"/portal/{made.portal_id}/tayang").status_code == 303

    assert second.post(f"{there}/setujui").status_code == 303
    assert state_of(app, made) is ReleaseState.APPROVED
    live = developer.post(f"/portal/{made.portal_id}/tayang")
    client_id = re.search(r'id="client-id">([^<]+)<', live.text)[1]
    assert scope in app.wiring.services.clients.get(client_id).scopes


def test_two_officers_at_once_are_two_yeses(app: Application, developer: Developer) -> None:
    made = submitted(developer, "nik")
    officers = [an_officer(app, Role.REGISTRAR), an_officer(app, Role.APPROVER)]
    there = address_of(officers[0])
    pages = [officer.get(f"{there}/setujui") for officer in officers]

    answers = at_once(
        [
            lambda officer=officer, page=page: officer.post(f"{there}/setujui", page)
            for officer, page in zip(officers, pages, strict=True)
        ]
    )

    # whoever was second saw what is no more, and is told to look again
    assert sorted(answer.status_code for answer in answers) in ([303, 303], [303, 409])
    for officer, answer in zip(officers, answers, strict=True):
        if answer.status_code == 409:
            assert officer.post(f"{there}/setujui").status_code == 303
    assert state_of(app, made) is ReleaseState.APPROVED


def test_a_yes_to_what_was_seen_before_a_new_round_is_no_yes(
    app: Application, developer: Developer
) -> None:
    made = submitted(developer)
    officer = an_officer(app, Role.REGISTRAR)
    there = address_of(officer)
    page = officer.get(f"{there}/setujui")
    withdraw = developer.get(f"/portal/{made.portal_id}/ajukan")
    developer.post(f"/portal/{made.portal_id}/tarik", withdraw)
    developer.draft(made.portal_id, redirect_uris="https://lain.example/cb")
    developer.submit(made.portal_id)

    answer = officer.post(f"{there}/setujui", page)

    assert answer.status_code == 409
    assert state_of(app, made) is ReleaseState.SUBMITTED


def test_approvals_of_an_older_round_do_not_count(app: Application, developer: Developer) -> None:
    made = submitted(developer, "nik")
    first, second = an_officer(app, Role.REGISTRAR), an_officer(app, Role.APPROVER)
    there = address_of(first)
    first.post(f"{there}/setujui")
    page = developer.get(f"/portal/{made.portal_id}/ajukan")
    developer.post(f"/portal/{made.portal_id}/tarik", page)
    developer.submit(made.portal_id)

    second.post(f"{there}/setujui")

    assert state_of(app, made) is ReleaseState.SUBMITTED


def test_nobody_reviews_for_a_team_of_their_own(app: Application, developer: Developer) -> None:
    made = submitted(developer)
    officer = an_officer(app, Role.REGISTRAR, email="Budi1@contoh.id")
    there = address_of(officer)

    answers = [
        officer.post(f"{there}/setujui"),
        officer.post(f"{there}/kembalikan", words="Tolong ubah."),
    ]

    assert [answer.status_code for answer in answers] == [409, 409]
    assert "Anda anggota tim ini" in answers[0].text
    assert state_of(app, made) is ReleaseState.SUBMITTED


def test_an_auditor_sees_and_decides_nothing(app: Application, developer: Developer) -> None:
    submitted(developer)
    auditor = an_officer(app, Role.AUDITOR)
    there = address_of(auditor)

    assert "Setujui" not in auditor.get(there).text
    assert auditor.get(f"{there}/setujui").status_code == 403
    assert auditor.get(f"{there}/kembalikan").status_code == 403


def test_approving_asks_for_a_fresh_factor(app: Application, developer: Developer, clock) -> None:
    submitted(developer)
    officer = an_officer(app, Role.REGISTRAR)
    there = address_of(officer)
    clock.move(400)

    answer = officer.get(f"{there}/setujui")

    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/admin/konfirmasi")


def test_a_change_of_a_live_portal_is_reviewed_and_keeps_its_secret(
    app: Application, developer: Developer
) -> None:
    made = submitted(developer)
    officer = an_officer(app, Role.REGISTRAR)
    officer.post(f"{address_of(officer)}/setujui")
    live = developer.post(f"/portal/{made.portal_id}/tayang")
    client_id = re.search(r'id="client-id">([^<]+)<', live.text)[1]
    before = app.wiring.services.clients.get(client_id)

    developer.draft(made.portal_id, redirect_uris="https://portal.example/baru")
    developer.submit(made.portal_id)
    assert before.redirect_uris == app.wiring.services.clients.get(client_id).redirect_uris
    there = address_of(officer)
    page = officer.get(there).text
    assert "https://portal.example/kembali" in page
    assert "https://portal.example/baru" in page
    assert "Kebijakan privasi</strong>" not in page
    officer.post(f"{there}/setujui")
    answer = developer.post(f"/portal/{made.portal_id}/tayang")

    after = app.wiring.services.clients.get(client_id)
    assert answer.status_code == 303
    assert after.redirect_uris == {"https://portal.example/baru"}
    assert [s.digest for s in after.secrets] == [s.digest for s in before.secrets]


def test_a_review_leads_to_the_registrations_and_to_suspending_the_live_one(
    app: Application, developer: Developer
) -> None:
    made = submitted(developer)
    registry = app.wiring.services.clients
    sandbox = registry.get(made.client_id)
    registrar = an_officer(app, Role.REGISTRAR)
    before = registrar.get(address_of(registrar)).text
    assert f"/admin/portal/{sandbox.id}" in before
    assert "tangguhkan" not in before

    live = registry.register({"redirect_uris": [CALLBACK]}).client
    with app.wiring.services.store.write() as tx:
        tx.team_portals.set_live(made.portal_id, live.client_id)

    assert f"/admin/portal/{live.id}/tangguhkan" in registrar.get(address_of(registrar)).text
    auditor = an_officer(app, Role.AUDITOR)
    assert f"/admin/portal/{live.id}" in auditor.get(address_of(auditor)).text
    assert "tangguhkan" not in auditor.get(address_of(auditor)).text


def test_the_queue_has_pages(app: Application, developer: Developer) -> None:
    services = app.wiring.services
    made = submitted(developer)
    with services.store.read() as tx:
        [release] = tx.team_portals.releases(made.portal_id)
    for number in range(PAGE):
        with services.store.write() as tx:
            tx.team_portals.add_release(
                replace(
                    release,
                    id=services.entropy.uuid7(services.clock.now_ms()),
                    submitted_at=(release.submitted_at or 0) + number,
                )
            )
    officer = an_officer(app, Role.REGISTRAR)
    first = officer.get(REVIEWS)
    [following] = re.findall(r'href="([^"]+sesudah=[^"]+)"', first.text)

    assert first.text.count("<tr role") == PAGE + 1
    assert officer.get(following).text.count("<tr role") == 2
    assert officer.get(f"{REVIEWS}?sesudah=rubbish").status_code == 303
    assert officer.get(f"{REVIEWS}/00000000-0000-7000-8000-000000000000").status_code == 404
