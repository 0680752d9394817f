"""`kill -9` at any moment of registration, code exchange and refresh (R-6, R-7)."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from adapters.simulators.people import SandboxPerson
from idp.app import Application
from tests.killing import FULL, LiveBrowser, Mortal, moments, mortal_server
from tests.portal import CALLBACK, CHALLENGE, VERIFIER, form_fields, same_origin
from tests.registrant import PASSWORD, Registrant
from tests.sandbox_server import Sandbox, running_sandbox
from tests.selfcheck import selfcheck

pytestmark = [pytest.mark.chaos, pytest.mark.xdist_group("kills")]

REGISTRATION_KILLS = 200 if FULL else 1
TOKEN_KILLS = 200 if FULL else 2
#: People, or portals, that are in the middle of it when the server dies.
CROWD = 6
OFFLINE = "openid profile offline_access"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


class Applicant(Registrant):
    """A citizen at a real server, with a phone that the sandbox rings."""

    def __init__(self, server: Mortal, sandbox: Sandbox, person: SandboxPerson, phone: str) -> None:
        super().__init__(
            None,  # type: ignore[arg-type]  # nothing of the server is in this process
            sandbox,
            person,
            phone=phone,
            email=f"warga{phone[-6:]}@contoh.id",
            browser=LiveBrowser(server.url),  # type: ignore[arg-type]
        )

    def codes(self) -> list[str]:
        texts = [message["text"] for message in self.sandbox.sms_to(self.phone, count=1)]
        return [text.split(": ")[1][:6] for text in texts]

    def open_account(self) -> str:
        """Go all the way; return where it ended. Raises `TransportError` if the server is gone."""
        answer = self.ktp()
        if answer.headers.get("Location") != "/daftar/kontak":
            return str(answer.headers.get("Location"))
        answer = self.contact()
        assert answer.headers.get("Location") == "/daftar/kode", answer.text
        return str(self.confirm().headers.get("Location"))


def kill_while(server: Mortal, seconds: float, crowd: list[Callable[[], Any]]) -> list[Any]:
    """Let everybody begin, kill the server in the middle; `None` for those who lost it."""

    def run(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except (httpx.TransportError, IndexError):
            return None

    timer = server.kill_in(seconds)
    with ThreadPoolExecutor(len(crowd)) as pool:
        answers = list(pool.map(run, crowd))
    timer.join()
    return answers


def test_r_6_a_kill_in_registration_leaves_no_account_or_a_whole_one(
    sandbox: Sandbox, make_app: Callable[..., Application], database_url: str
) -> None:
    chances = moments("registration")
    opened = 0
    settings = {**sandbox.environment(), "SIAPKERJA_DATABASE_URL": database_url}
    with mortal_server(**settings) as server:
        server.start()
        longest = _seconds_of(lambda: _applicant(server, sandbox, 0).open_account())
        for number in range(1, REGISTRATION_KILLS + 1):
            crowd = [_applicant(server, sandbox, number * CROWD + at) for at in range(CROWD)]
            calls = [citizen.open_account for citizen in crowd]
            told = kill_while(server, chances.uniform(0, 2 * longest), calls)
            server.start()
            for citizen, answer in zip(crowd, told, strict=True):
                opened += answer == "/daftar/selesai"
                _may_go_on(server, citizen, was_told=answer == "/daftar/selesai")
        app = make_app(**settings)

        assert selfcheck(app) == []
        assert _accounts(app) == 1 + REGISTRATION_KILLS * CROWD
    print(f"registration: {REGISTRATION_KILLS} kills, {opened} had been told before")


def _applicant(server: Mortal, sandbox: Sandbox, number: int) -> Applicant:
    # the sandbox answers oddly to numbers that end with 0001 to 0010
    phone = f"0812{20_001_000 + number}"
    return Applicant(server, sandbox, sandbox.add_person(), phone)


def _may_go_on(server: Mortal, citizen: Applicant, *, was_told: bool) -> None:
    """Check that somebody who was told has an account, and that anybody else gets one."""
    # another phone: the first may have to wait for its next code
    again = Applicant(
        server, citizen.sandbox, citizen.person, citizen.phone.replace("0812", "0813")
    )
    with closing(again.browser):
        if was_told:
            answer = _sign_in(again.browser, citizen.person.nik, PASSWORD)
            assert urlsplit(answer.headers["Location"]).path == "/akun"
            return
        ended = again.open_account()
        assert ended in {"/daftar/selesai", "/daftar/sudah-terdaftar"}, ended
        if ended == "/daftar/sudah-terdaftar":
            # the account was whole, its answer was lost: the password typed then opens it
            assert _sign_in(again.browser, citizen.person.nik, PASSWORD).status_code == 303


def _sign_in(browser: Any, identifier: str, password: str) -> httpx.Response:
    page = browser.get("/masuk")
    fields = {**form_fields(page), "identifier": identifier, "password": password}
    answer: httpx.Response = browser.post("/masuk", data=fields, headers=same_origin())
    return answer


def _seconds_of(call: Callable[[], Any]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


def _accounts(app: Application) -> int:
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM account").scalar_one())


class LivePortal:
    """A portal with a signed-in person, at a real server."""

    def __init__(self, server: Mortal, client: dict[str, Any], person: dict[str, Any]) -> None:
        self.client_id, self.secret = client["client_id"], client.get("client_secret")
        self.browser = LiveBrowser(server.url)
        answer = _sign_in(self.browser, person["email"], person["password"])
        assert answer.status_code == 303, answer.text

    def code(self) -> str:
        asked = {
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": OFFLINE,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        location = self.browser.get(f"/authorize?{urlencode(asked)}").headers["Location"]
        return parse_qs(urlsplit(location).query)["code"][0]

    def redeem(self, code: str) -> httpx.Response:
        return self._token(
            grant_type="authorization_code",
            code=code,
            redirect_uri=CALLBACK,
            code_verifier=VERIFIER,
        )

    def refresh(self, token: str) -> httpx.Response:
        return self._token(grant_type="refresh_token", refresh_token=token)

    def _token(self, **form: str) -> httpx.Response:
        return self.browser.post("/token", data={**form, "client_id": self.client_id})


@pytest.fixture(scope="module")
def token_server() -> Iterator[tuple[Mortal, list[LivePortal]]]:
    """A server with portals of a public client: their refresh tokens rotate."""
    with mortal_server() as server:
        live = server.start()
        client = live.a_client(
            redirect_uris=[CALLBACK],
            token_endpoint_auth_method="none",
            first_party=True,
            scope=OFFLINE,
        )
        person = live.an_account()
        yield server, [LivePortal(server, client, person) for _ in range(CROWD)]


def test_r_7_a_kill_in_the_exchange_spends_a_code_once_or_not_at_all(
    token_server: tuple[Mortal, list[LivePortal]],
) -> None:
    server, portals = token_server
    chances = moments("exchange")
    lost = 0
    for _ in range(TOKEN_KILLS):
        codes = [portal.code() for portal in portals]
        calls = [
            lambda portal=portal, code=code: portal.redeem(code)
            for portal, code in zip(portals, codes, strict=True)
        ]
        answers = kill_while(server, chances.uniform(0, 0.05), calls)
        server.start()
        for portal, code, first in zip(portals, codes, answers, strict=True):
            second = portal.redeem(code)
            lost += first is None
            good = [a for a in (first, second) if a is not None and a.status_code == 200]
            assert len(good) <= 1, "a code was spent twice"
            assert first is None or first.status_code == 200
            assert second.status_code in {200, 400}
            # whatever happened to that one, the person goes on
            assert portal.redeem(portal.code()).status_code == 200
    print(f"exchange: {TOKEN_KILLS} kills, {lost} answers lost")


def test_r_7_a_kill_in_a_refresh_ends_no_family(
    token_server: tuple[Mortal, list[LivePortal]],
) -> None:
    server, portals = token_server
    chances = moments("refresh")
    tokens = [portal.redeem(portal.code()).json()["refresh_token"] for portal in portals]
    for _ in range(TOKEN_KILLS):

        def turn(at: int) -> httpx.Response:
            """Refresh again and again until the server is gone."""
            while True:
                answer = portals[at].refresh(tokens[at])
                assert answer.status_code == 200, answer.text
                tokens[at] = answer.json()["refresh_token"]

        calls = [lambda at=at: turn(at) for at in range(CROWD)]
        kill_while(server, chances.uniform(0.02, 0.3), calls)
        server.start()
        for at, portal in enumerate(portals):
            answer = portal.refresh(tokens[at])
            assert answer.status_code == 200, answer.text
            tokens[at] = answer.json()["refresh_token"]
            # the successor that came again is alive, and so is the next
            after = portal.refresh(tokens[at])
            assert after.status_code == 200
            tokens[at] = after.json()["refresh_token"]
    print(f"refresh: {TOKEN_KILLS} kills in the middle of {CROWD} refreshes each")
