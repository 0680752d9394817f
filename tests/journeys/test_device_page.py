"""`/perangkat`: a code from another device, and whether that device may have what it asks for."""

from collections.abc import Callable

import pytest

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.audit import Action
from tests.fakes import FixedClock
from tests.guest import Guest, cookie_of, path_of
from tests.portal import Portal, a_portal, an_account, form_fields, same_origin, sign_in
from tests.racing import at_once

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
PAGE = "/perangkat"


@pytest.fixture
def guest(app: Application) -> Guest:
    return Guest(app)


@pytest.fixture
def account(app: Application, guest: Guest) -> Account:
    """Somebody who is signed in."""
    account = an_account(app)
    sign_in(app, guest.browser, account)
    return account


@pytest.fixture
def television(app: Application) -> Portal:
    """A client on a device without a keyboard."""
    return a_portal(
        app,
        app.test_client(),
        client_name="Layar Antrean",
        grant_types=[GRANT, "refresh_token"],
        redirect_uris=[],
        response_types=[],
        token_endpoint_auth_method="none",
    )


@pytest.fixture
def begin(television: Portal) -> Callable[..., dict[str, str]]:
    """Return what asks for a pair of codes."""

    def ask(**more: str) -> dict[str, str]:
        answer = television.token(path="/device_authorization", **{"scope": "openid email", **more})
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    return ask


def poll(television: Portal, codes: dict[str, str]):
    return television.token(grant_type=GRANT, device_code=codes["device_code"])


def test_allowing_gives_the_device_its_tokens(
    app: Application,
    guest: Guest,
    account: Account,
    television: Portal,
    begin: Callable,
    clock: FixedClock,
) -> None:
    codes = begin()
    assert poll(television, codes).get_json()["error"] == "authorization_pending"
    asked = guest.post(PAGE, user_code=codes["user_code"])
    assert asked.status_code == 200
    for words in ("Layar Antrean", codes["user_code"], "Alamat email", "pilih Tolak"):
        assert words in asked.text

    done = guest.post(PAGE, asked, decision="allow")

    assert path_of(done) == "/perangkat/selesai"
    assert "Perangkat terhubung" in guest.get(done.headers["Location"]).text
    clock.move(5)
    told = poll(television, codes).get_json()
    assert television.userinfo(told["access_token"]).get_json()["email"] == "budi1@contoh.id"
    assert (
        "Permintaan Layar Antrean dari perangkat lain diizinkan"
        in guest.get("/akun/aktivitas").text
    )
    assert "Layar Antrean" in guest.get("/akun/portal").text


def test_denying_tells_the_device(
    guest: Guest, account: Account, television: Portal, begin: Callable, clock: FixedClock
) -> None:
    codes = begin()
    asked = guest.post(PAGE, user_code=codes["user_code"])

    done = guest.post(PAGE, asked, decision="deny")

    assert "Perangkat ditolak" in guest.get(done.headers["Location"]).text
    clock.move(5)
    assert poll(television, codes).get_json()["error"] == "access_denied"


@pytest.mark.parametrize("spelling", ["{}", " {} ", "{}\t", "lower", "bare", "spaced"])
def test_a_code_is_taken_as_people_type_it(
    guest: Guest, account: Account, begin: Callable, spelling: str
) -> None:
    code = begin()["user_code"]
    typed = {
        "lower": code.lower(),
        "bare": code.replace("-", ""),
        "spaced": " ".join(code.replace("-", "")),
    }.get(spelling, spelling.format(code).strip("\t"))

    assert "Layar Antrean" in guest.post(PAGE, user_code=typed).text


@pytest.mark.parametrize("typed", ["", "BCDF", "AAAA-AAAA", "12345678", "BCDF-GHJK-LMNP", "é" * 8])
def test_what_is_no_code_is_told_and_costs_no_try(
    guest: Guest, account: Account, begin: Callable, typed: str
) -> None:
    for _ in range(12):
        answer = guest.post(PAGE, user_code=typed)
        assert answer.status_code == 422
        assert 'aria-invalid="true"' in answer.text
    assert "Layar Antrean" in guest.post(PAGE, user_code=begin()["user_code"]).text


def test_a_code_that_nobody_waits_with_is_told(guest: Guest, account: Account) -> None:
    answer = guest.post(PAGE, user_code="BCDF-GHJK")

    assert answer.status_code == 422
    assert "Kode tidak dikenali atau sudah kedaluwarsa." in answer.text


def test_ten_wrong_codes_an_hour_and_no_more(
    app: Application, guest: Guest, account: Account, begin: Callable, clock: FixedClock
) -> None:
    right = begin()["user_code"]
    for number in range(10):
        assert guest.post(PAGE, user_code=f"BCDF-GHJ{'KLMNPQRSTV'[number]}").status_code == 422
    answer = guest.post(PAGE, user_code=right)

    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    clock.move(3600)
    sign_in(app, guest.browser, account)
    assert "Layar Antrean" in guest.post(PAGE, user_code=begin()["user_code"]).text


def test_wrong_codes_at_once_are_counted_one_by_one(app: Application, account: Account) -> None:
    tabs = []
    for _ in range(16):
        tab = Guest(app)
        sign_in(app, tab.browser, account)
        tabs.append((tab, tab.get(PAGE)))

    answers = at_once(
        [
            lambda tab=tab, page=page: tab.post(PAGE, page, user_code="BCDF-GHJK")
            for tab, page in tabs
        ]
    )

    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(422), statuses.count(429)) == (10, 6)


def test_right_codes_cost_nothing(guest: Guest, account: Account, begin: Callable) -> None:
    for _ in range(12):
        assert "Layar Antrean" in guest.post(PAGE, user_code=begin()["user_code"]).text


def test_a_code_dies_after_ten_minutes(
    guest: Guest, account: Account, begin: Callable, clock: FixedClock
) -> None:
    codes = begin()
    asked = guest.post(PAGE, user_code=codes["user_code"])
    clock.move(601)

    assert guest.post(PAGE, asked, decision="allow").status_code == 422


def test_a_request_is_answered_once(
    app: Application, guest: Guest, account: Account, television: Portal, begin: Callable
) -> None:
    codes = begin()
    first, second = (guest.post(PAGE, user_code=codes["user_code"]) for _ in range(2))
    assert guest.post(PAGE, first, decision="deny").status_code == 303

    late = guest.post(PAGE, second, decision="allow")

    assert late.status_code == 422
    assert "Permintaan ini sudah dijawab." in late.text
    assert poll(television, codes).get_json()["error"] == "access_denied"


def test_r_11_a_double_click_on_allow_is_one_grant(
    app: Application, guest: Guest, account: Account, begin: Callable
) -> None:
    asked = guest.post(PAGE, user_code=begin()["user_code"])
    answers = [guest.post(PAGE, asked, decision="allow") for _ in range(2)]

    assert [path_of(answer) for answer in answers] == ["/perangkat/selesai"] * 2
    with app.wiring.services.store.read() as tx:
        actions = [event.action for event in tx.audit.list_visible(account.id)]
    assert actions.count(Action.REQUEST_ALLOWED) == 1


def test_se_6_an_answer_from_elsewhere_counts_for_nothing(
    guest: Guest, account: Account, television: Portal, begin: Callable
) -> None:
    codes = begin()
    asked = guest.post(PAGE, user_code=codes["user_code"])
    data = {**form_fields(asked), "decision": "allow"}
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    for fields, headers in (
        ({**data, "csrf_token": ""}, same_origin()),
        (data, foreign),
    ):
        assert guest.browser.post(PAGE, data=fields, headers=headers).status_code == 403

    assert poll(television, codes).get_json()["error"] == "authorization_pending"


def test_se_6_looking_at_the_whole_address_allows_nothing(
    guest: Guest, account: Account, television: Portal, begin: Callable
) -> None:
    codes = begin()
    page = guest.get(f"{PAGE}?user_code={codes['user_code']}&decision=allow")

    assert f'value="{codes["user_code"]}"' in page.text
    assert "Layar Antrean" not in page.text
    assert poll(television, codes).get_json()["error"] == "authorization_pending"


def test_the_code_of_the_address_survives_signing_in(app: Application, begin: Callable) -> None:
    an_account(app)
    guest = Guest(app)
    code = begin()["user_code"]
    answer = guest.get(f"{PAGE}?user_code={code}")
    assert answer.headers["Location"] == "/masuk?lanjut=device"
    guest.query = {"lanjut": "device"}

    there = guest.enter("budi1@contoh.id").headers["Location"]

    assert there == PAGE
    assert f'value="{code}"' in guest.get(there).text


def test_a_code_that_is_none_is_not_kept_through_signing_in(app: Application) -> None:
    an_account(app)
    guest = Guest(app)
    guest.get(f"{PAGE}?user_code=<script>alert(1)</script>")
    guest.query = {"lanjut": "device"}
    guest.enter("budi1@contoh.id")

    assert "script>alert" not in guest.get(PAGE).text


def test_au_13_a_client_that_needs_a_higher_level_gets_it_first(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    strict = a_portal(
        app,
        app.test_client(),
        client_name="Layar Ketat",
        grant_types=[GRANT],
        redirect_uris=[],
        response_types=[],
        token_endpoint_auth_method="none",
        acr_floor="urn:kemnaker:aal:2",
    )
    codes = strict.token(path="/device_authorization", scope="openid").get_json()
    answer = guest.post(PAGE, user_code=codes["user_code"])
    assert path_of(answer) == "/masuk/metode"
    answer = guest.post(answer.headers["Location"], channel="sms")
    answer = guest.post(answer.headers["Location"], code=guest.code())

    assert answer.headers["Location"] == PAGE
    page = guest.get(PAGE)
    asked = guest.post(PAGE, page, user_code=codes["user_code"])
    assert "Layar Ketat" in asked.text
    assert guest.post(PAGE, asked, decision="allow").status_code == 303
    clock.move(5)
    token = strict.token(grant_type=GRANT, device_code=codes["device_code"]).get_json()
    assert strict.claims(token["id_token"])["acr"] == "urn:kemnaker:aal:2"


def test_a_device_that_was_allowed_can_be_cut_off(
    guest: Guest, account: Account, television: Portal, begin: Callable, clock: FixedClock
) -> None:
    codes = begin()
    guest.post(PAGE, guest.post(PAGE, user_code=codes["user_code"]), decision="allow")
    clock.move(5)
    token = poll(television, codes).get_json()["access_token"]
    there = f"/akun/portal/{television.client.id}"
    assert guest.post(there).status_code == 303

    assert television.userinfo(token).status_code == 401
    assert cookie_of(guest.browser, "sid") is not None
