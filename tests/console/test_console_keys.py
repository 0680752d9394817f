"""`/admin/kunci`: rotating, in an emergency too, and retiring by four eyes (KM-2, AD-3)."""

import re
from urllib.parse import quote

import pytest

from idp.app import Application
from idp.domain.identity.audit import Action
from idp.domain.identity.audit_search import AuditQuery
from idp.domain.identity.roles import Role
from idp.domain.protocol.signing_key import KeyStatus
from tests.fakes import FixedClock
from tests.officer import Officer, an_officer

REASON = "Rotasi triwulan."


@pytest.fixture
def keeper(app: Application) -> Officer:
    return an_officer(app, Role.KEY_OFFICER, name="Dewi Lestari")


@pytest.fixture
def approver(app: Application) -> Officer:
    return an_officer(app, Role.APPROVER, name="Agus Hartono")


def kids(app: Application, status: KeyStatus) -> set[str]:
    return {one.key.kid for one in app.wiring.services.keys.list_shown() if one.status is status}


def told(app: Application, action: Action) -> list[dict[str, object]]:
    rows = app.wiring.services.audit_search.page(AuditQuery(action=action)).rows
    return [{**row.details, "actor": row.actor, "actor_id": row.actor_id} for row in rows]


def test_the_page_shows_what_comes_what_signs_and_what_still_verifies(
    app: Application, keeper: Officer, clock: FixedClock
) -> None:
    rotation = app.wiring.services.keys
    object.__setattr__(rotation, "at_once", False)
    rotation.rotate()

    page = keeper.get("/admin/kunci").text

    assert page.count(">Berikutnya<") == page.count(">Aktif<") == len(kids(app, KeyStatus.ACTIVE))
    clock.move(86400)
    later = keeper.get("/admin/kunci")
    if later.status_code == 303:
        keeper = an_officer(app, Role.KEY_OFFICER)
        later = keeper.get("/admin/kunci")
    assert later.text.count(">Pensiun<") == later.text.count(">Aktif<") > 0
    assert ">Berikutnya<" not in later.text


@pytest.mark.parametrize(
    ("path", "is_emergency", "note"),
    [("rotasi", False, "dirotasi"), ("darurat", True, "darurat")],
)
def test_a_rotation_states_its_effect_asks_why_and_is_told(
    app: Application, keeper: Officer, path: str, is_emergency: bool, note: str
) -> None:
    old = kids(app, KeyStatus.ACTIVE)
    page = keeper.get(f"/admin/kunci/{path}")
    empty = keeper.post(f"/admin/kunci/{path}", reason=" ")
    done = keeper.post(f"/admin/kunci/{path}", reason=REASON)

    assert "0 portal memakai kunci ini." in page.text
    assert ("sekarang juga" in page.text) is is_emergency
    assert empty.status_code == 422
    assert done.headers["Location"] == f"/admin/kunci?pesan={note}"
    assert not old & kids(app, KeyStatus.ACTIVE)
    assert (old <= kids(app, KeyStatus.RETIRED)) is not is_emergency
    for event in told(app, Action.KEY_ROTATED):
        assert (event["reason"], event["emergency"]) == (REASON, is_emergency)
        assert (event["actor"], event["actor_id"]) == ("admin", keeper.admin.id)


@pytest.mark.parametrize("reason", ["NIK 3273011708909001", "x" * 501])
def test_pd_4_a_reason_that_the_log_may_not_keep_is_refused(
    app: Application, keeper: Officer, reason: str
) -> None:
    answer = keeper.post("/admin/kunci/rotasi", reason=reason)

    assert answer.status_code == 422
    assert 'id="reason-e"' in answer.text
    assert told(app, Action.KEY_ROTATED) == []


@pytest.mark.parametrize("path", ["rotasi", "darurat"])
def test_ad_1_an_old_factor_is_asked_for_again(
    app: Application, keeper: Officer, clock: FixedClock, path: str
) -> None:
    clock.move(301)

    answer = keeper.get(f"/admin/kunci/{path}")

    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/admin/konfirmasi?lanjut=/admin/kunci/{path}"


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMINISTRATOR])
def test_ad_2_who_may_look_may_not_rotate(app: Application, role: Role) -> None:
    officer = an_officer(app, role)

    page = officer.get("/admin/kunci")

    assert page.status_code == 200
    assert "/admin/kunci/rotasi" not in page.text
    assert "/pensiun" not in page.text
    assert officer.get("/admin/kunci/rotasi").status_code == 403


def test_ad_3_a_key_is_retired_once_a_second_person_agrees(
    app: Application, keeper: Officer, approver: Officer
) -> None:
    [old, *_] = kids(app, KeyStatus.ACTIVE)
    app.wiring.services.keys.rotate()
    page = keeper.get(f"/admin/kunci/{quote(old)}/pensiun")
    assert "0 portal memakai kunci ini." in page.text
    asked = keeper.post(f"/admin/kunci/{quote(old)}/pensiun", page, reason="Bocor.", when="now")
    assert asked.headers["Location"] == "/admin/persetujuan?pesan=diajukan"
    assert old in kids(app, KeyStatus.RETIRED)

    [request] = re.findall(
        r'href="(/admin/persetujuan/[0-9a-f-]{36})"', approver.get("/admin/persetujuan").text
    )
    shown = approver.get(request)
    assert "Pensiunkan kunci" in shown.text
    assert old in shown.text
    assert "Tidak berlaku sekarang juga" in shown.text
    approver.post(request, shown, to=f"{request}/putusan", decision="approve", reason="")

    assert old not in {one.key.kid for one in app.wiring.services.keys.list_shown()}
    [event] = told(app, Action.KEY_RETIRED)
    assert (event["kid"], event["emergency"], event["reason"]) == (old, True, "Bocor.")
    assert event["actor_id"] == keeper.admin.id


def test_the_last_key_of_an_algorithm_stays(
    app: Application, keeper: Officer, approver: Officer
) -> None:
    [last, *_] = kids(app, KeyStatus.ACTIVE)
    keeper.post(f"/admin/kunci/{quote(last)}/pensiun", reason="Salah tekan.")
    [request] = re.findall(
        r'href="(/admin/persetujuan/[0-9a-f-]{36})"', approver.get("/admin/persetujuan").text
    )
    shown = approver.get(request)

    answer = approver.post(request, shown, to=f"{request}/putusan", decision="approve", reason="")

    assert answer.status_code == 422
    assert last in kids(app, KeyStatus.ACTIVE)


def test_a_key_that_is_not_there_is_not_found(keeper: Officer) -> None:
    assert keeper.get("/admin/kunci/nothing/pensiun").status_code == 404


def test_the_pages_speak_english_too(app: Application) -> None:
    keeper = an_officer(app, Role.KEY_OFFICER, language="en")

    assert "Signing keys" in keeper.get("/admin/kunci").text
    assert "0 portals use these keys." in keeper.get("/admin/kunci/darurat").text
