"""`/akun/permintaan/<id>`: a request that a portal sent while the person was elsewhere."""

from collections.abc import Callable

import pytest

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.audit import Action
from tests.fakes import FixedClock
from tests.guest import Guest, path_of
from tests.portal import Portal, a_portal, an_account, form_fields, same_origin, sign_in

GRANT = "urn:openid:params:grant-type:ciba"
EMAIL = "budi1@contoh.id"


@pytest.fixture
def guest(app: Application) -> Guest:
    return Guest(app)


@pytest.fixture
def account(app: Application) -> Account:
    return an_account(app)


@pytest.fixture
def desk(app: Application) -> Portal:
    """A client at a counter, which has no browser of the person."""
    return a_portal(
        app,
        app.test_client(),
        client_name="Loket Disnaker",
        grant_types=[GRANT],
        redirect_uris=[],
        response_types=[],
        backchannel_token_delivery_mode="poll",
    )


@pytest.fixture
def ask(desk: Portal, guest: Guest, account: Account) -> Callable[..., tuple[str, str]]:
    """Return what asks the person: the request's id for the portal, and the page's address."""

    def make(**more: str) -> tuple[str, str]:
        answer = desk.token(
            path="/bc-authorize",
            **{
                "scope": "openid email",
                "login_hint": EMAIL,
                "binding_message": "A-77",
                **more,
            },
        )
        assert answer.status_code == 200, answer.text
        [*_, letter] = [told for told in guest.messages() if told["kind"] == "request_waiting"]
        return answer.get_json()["auth_req_id"], f"/akun/permintaan/{letter['values']['page']}"

    return make


def poll(desk: Portal, auth_req_id: str):
    return desk.token(grant_type=GRANT, auth_req_id=auth_req_id)


def test_the_person_is_told_and_allows(
    app: Application,
    guest: Guest,
    account: Account,
    desk: Portal,
    ask: Callable,
    clock: FixedClock,
) -> None:
    auth_req_id, page = ask()
    sign_in(app, guest.browser, account)
    shown = guest.get(page)
    for words in ("Loket Disnaker", "A-77", "Alamat email", "pilih Tolak"):
        assert words in shown.text
    assert poll(desk, auth_req_id).get_json()["error"] == "authorization_pending"

    done = guest.post(page, shown, decision="allow")

    assert path_of(done) == "/akun/permintaan/selesai"
    assert "Permintaan diizinkan" in guest.get(done.headers["Location"]).text
    clock.move(5)
    told = poll(desk, auth_req_id).get_json()
    assert desk.userinfo(told["access_token"]).get_json()["email"] == EMAIL
    assert (
        "Permintaan Loket Disnaker dari perangkat lain diizinkan"
        in guest.get("/akun/aktivitas").text
    )


def test_the_person_denies(
    app: Application,
    guest: Guest,
    account: Account,
    desk: Portal,
    ask: Callable,
    clock: FixedClock,
) -> None:
    auth_req_id, page = ask()
    sign_in(app, guest.browser, account)

    done = guest.post(page, decision="deny")

    assert "Permintaan ditolak" in guest.get(done.headers["Location"]).text
    clock.move(5)
    assert poll(desk, auth_req_id).get_json()["error"] == "access_denied"


def test_whoever_is_not_signed_in_comes_back_to_the_request(
    guest: Guest, account: Account, ask: Callable
) -> None:
    _, page = ask()
    answer = guest.get(page)
    assert path_of(answer) == "/masuk"
    guest.query = {"permintaan": page.rpartition("/")[2]}
    assert answer.headers["Location"] == guest.url("/masuk")

    assert guest.enter(EMAIL).headers["Location"] == page


def test_somebody_else_does_not_see_it(
    app: Application, guest: Guest, account: Account, desk: Portal, ask: Callable
) -> None:
    auth_req_id, page = ask()
    sign_in(app, guest.browser, an_account(app, number=2))

    assert guest.get(page).status_code == 404
    answer = guest.post(page, guest.get("/keluar"), decision="allow")
    assert answer.status_code == 404
    assert poll(desk, auth_req_id).get_json()["error"] == "authorization_pending"


@pytest.mark.parametrize("name", ["never-made", "x" * 300, "%00", "..%2f..", "' OR 1=1 --"])
def test_a_request_that_is_none_is_not_found(
    app: Application, guest: Guest, account: Account, name: str
) -> None:
    sign_in(app, guest.browser, account)

    assert guest.get(f"/akun/permintaan/{name}").status_code == 404


def test_a_request_ends(
    app: Application, guest: Guest, account: Account, ask: Callable, clock: FixedClock
) -> None:
    _, page = ask(requested_expiry="60")
    sign_in(app, guest.browser, account)
    shown = guest.get(page)
    clock.move(61)

    assert guest.post(page, shown, decision="allow").status_code == 404


def test_a_request_is_answered_once(
    app: Application, guest: Guest, account: Account, desk: Portal, ask: Callable
) -> None:
    auth_req_id, page = ask()
    sign_in(app, guest.browser, account)
    first, second = guest.get(page), guest.get(page)
    guest.post(page, first, decision="deny")
    late = guest.post(page, second, decision="allow")

    assert late.status_code == 410
    assert "Permintaan ini sudah dijawab." in late.text
    assert guest.get(page).status_code == 410
    assert poll(desk, auth_req_id).get_json()["error"] == "access_denied"


def test_r_11_a_double_click_has_one_effect_and_one_answer(
    app: Application, guest: Guest, account: Account, ask: Callable
) -> None:
    _, page = ask()
    sign_in(app, guest.browser, account)
    shown = guest.get(page)
    answers = [guest.post(page, shown, decision="allow") for _ in range(2)]

    assert [path_of(answer) for answer in answers] == ["/akun/permintaan/selesai"] * 2
    with app.wiring.services.store.read() as tx:
        actions = [event.action for event in tx.audit.list_visible(account.id)]
    assert actions.count(Action.REQUEST_ALLOWED) == 1


def test_se_6_an_answer_from_elsewhere_counts_for_nothing(
    app: Application, guest: Guest, account: Account, desk: Portal, ask: Callable
) -> None:
    auth_req_id, page = ask()
    sign_in(app, guest.browser, account)
    data = {**form_fields(guest.get(page)), "decision": "allow"}
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}

    assert guest.browser.post(page, data=data, headers=foreign).status_code == 403
    no_token = {**data, "csrf_token": ""}
    assert guest.browser.post(page, data=no_token, headers=same_origin()).status_code == 403
    assert guest.get(f"{page}?decision=allow").status_code == 200
    assert poll(desk, auth_req_id).get_json()["error"] == "authorization_pending"


@pytest.mark.parametrize("decision", [None, "", "yes", "ALLOW"])
def test_anything_but_a_yes_or_a_no_asks_again(
    app: Application, guest: Guest, account: Account, ask: Callable, decision: str | None
) -> None:
    _, page = ask()
    sign_in(app, guest.browser, account)

    answer = guest.post(page, decision=decision)
    assert answer.status_code == 422
    assert 'value="allow"' in answer.text


def test_au_13_a_higher_level_is_proved_first(
    app: Application, guest: Guest, account: Account, desk: Portal, ask: Callable, clock: FixedClock
) -> None:
    auth_req_id, page = ask(acr_values="urn:kemnaker:aal:2")
    sign_in(app, guest.browser, account)
    answer = guest.get(page)
    assert path_of(answer) == "/masuk/metode"
    answer = guest.post(answer.headers["Location"], channel="sms")
    answer = guest.post(answer.headers["Location"], code=guest.code())
    assert answer.headers["Location"] == page

    guest.post(page, decision="allow")

    clock.move(5)
    token = poll(desk, auth_req_id).get_json()
    assert desk.claims(token["id_token"])["acr"] == "urn:kemnaker:aal:2"


def test_the_message_of_a_portal_is_words_alone(
    app: Application, guest: Guest, account: Account, ask: Callable
) -> None:
    _, page = ask(binding_message="A&B 'C'")
    sign_in(app, guest.browser, account)

    assert "A&amp;B &#39;C&#39;" in guest.get(page).text
