"""Every form for citizens, ready to be sent: what crawlers of them need.

`FORMS` has one row for each page that takes a POST; a test holds it against the URL map.
"""

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.assurance import PASSWORD as BY_PASSWORD
from idp.domain.identity.assurance import SMS_CODE, combine
from idp.domain.identity.factors import ProvedBy
from idp.services.legacy_import import Export
from idp.services.totp import code_at
from tests.authenticator import Authenticator
from tests.enrolled import enter_by, options_in, seed_in, with_app, with_passkey
from tests.guest import PASSWORD, Guest, cookie_of
from tests.old_hashes import OLD_HASHES
from tests.old_portals import a_row, json_lines
from tests.portal import Portal, a_portal, an_account, form_fields, same_origin, sign_in
from tests.registrant import Registrant
from tests.sandbox_server import Sandbox

BOTH: Final = combine(BY_PASSWORD, SMS_CODE)
NEW_PASSWORD: Final = "gajah biru makan awan"
_DEVICE: Final = "urn:ietf:params:oauth:grant-type:device_code"
_CIBA: Final = "urn:openid:params:grant-type:ciba"
_NO_BROWSER: Final = {"redirect_uris": [], "response_types": []}
FOREIGN: Final = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}


@dataclass
class Ready:
    """A page's form in a browser that may send it; `fields`: all of them, the token too."""

    guest: Guest
    url: str
    fields: dict[str, Any]
    page: TestResponse

    def send(
        self,
        browser: FlaskClient | None = None,
        headers: Mapping[str, str] | None = None,
        **changes: Any,
    ) -> TestResponse:
        sent = {**self.fields, **changes}
        return (browser or self.guest.browser).post(
            self.url,
            data={name: value for name, value in sent.items() if value is not None},
            headers=headers or same_origin(),
        )

    def tab(self) -> FlaskClient:
        """The same browser as it is now, as another request of its own."""
        made = self.guest.app.test_client()
        made.environ_base["REMOTE_ADDR"] = self.guest.address
        for name in ("flow", "sid", "device"):
            value = cookie_of(self.guest.browser, name)
            if value is not None:
                made.set_cookie(name, value)
        return made


@dataclass
class World:
    """One person with a browser; `number`: which, so that several live in one application."""

    app: Application
    sandbox: Sandbox
    number: int = 1
    proved: dict[str, Any] = field(default_factory=dict)

    @property
    def email(self) -> str:
        return f"budi{self.number}@contoh.id"

    @property
    def address(self) -> str:
        return f"203.0.113.{self.number}"

    def guest(self) -> Guest:
        return Guest(self.app, address=self.address)

    def account(self, **given: Any) -> Account:
        return an_account(self.app, number=self.number, **{**self.proved, **given})

    def signed_in(self, **given: Any) -> Guest:
        guest = self.guest()
        sign_in(self.app, guest.browser, self.account(**given), BOTH)
        return guest

    def portal(self, guest: Guest, **metadata: Any) -> Portal:
        return a_portal(self.app, guest.browser, **metadata)


def ready(guest: Guest, url: str, page: TestResponse | None = None, **fields: Any) -> Ready:
    page = page or guest.get(url)
    assert page.status_code == 200, (url, page.status_code, page.headers.get("Location"))
    return Ready(guest, url, {**form_fields(page), **fields}, page)


def login(world: World) -> Ready:
    world.account()
    return ready(world.guest(), "/masuk", identifier=world.email, password=PASSWORD)


def _at_code(world: World) -> tuple[Guest, str]:
    world.account()
    guest = world.guest()
    return guest, guest.log_in(world.email).headers["Location"]


def login_code(world: World) -> Ready:
    guest, url = _at_code(world)
    return ready(guest, url, code=guest.code(), remember="1")


def choose_method(world: World) -> Ready:
    guest, url = _at_code(world)
    return ready(guest, url.replace("/kode", "/metode"), channel="sms")


def choose_account(world: World) -> Ready:
    guest = world.signed_in()
    url = world.portal(guest).start(prompt="select_account").headers["Location"]
    return ready(guest, url, decision="continue")


def consent(world: World) -> Ready:
    guest = world.signed_in()
    url = world.portal(guest).start(scope="openid email").headers["Location"]
    return ready(guest, url, decision="allow")


def confirm(world: World) -> Ready:
    nothing = {"email_verified": False, "phone_number_verified": False}
    return ready(world.signed_in(**nothing), "/konfirmasi", password=PASSWORD)


def sign_out(world: World) -> Ready:
    return ready(world.signed_in(), "/keluar", decision="all")


def device(world: World) -> Ready:
    guest = world.signed_in()
    television = a_portal(
        world.app,
        world.app.test_client(),
        grant_types=[_DEVICE],
        token_endpoint_auth_method="none",
        **_NO_BROWSER,
    )
    codes = television.token(path="/device_authorization", scope="openid").get_json()
    asked = guest.post("/perangkat", user_code=codes["user_code"])
    return ready(guest, "/perangkat", asked, decision="allow")


def backchannel_request(world: World) -> Ready:
    guest = world.signed_in()
    desk = a_portal(
        world.app,
        world.app.test_client(),
        grant_types=[_CIBA],
        backchannel_token_delivery_mode="poll",
        **_NO_BROWSER,
    )
    desk.token(path="/bc-authorize", scope="openid", login_hint=world.email)
    [*_, letter] = [told for told in guest.messages() if told["kind"] == "request_waiting"]
    return ready(guest, f"/akun/permintaan/{letter['values']['page']}", decision="allow")


def recovery_password(world: World) -> Ready:
    world.account()
    return ready(world.guest(), "/kendala/kata-sandi", identifier=world.email, channel="sms")


def recovery_code(world: World) -> Ready:
    asked = recovery_password(world)
    url = asked.send().headers["Location"]
    return ready(asked.guest, url, code=asked.guest.code())


def recovery_new(world: World) -> Ready:
    asked = recovery_password(world)
    asked.send(channel="email")
    url = f"/kendala/kata-sandi/baru?k={asked.guest.secret('recovery_link')}"
    return ready(asked.guest, url, password=NEW_PASSWORD)


def recovery_nik(world: World) -> Ready:
    """Be matched with a NIK that has an account, and open the page of the report."""
    siti, guest = _lost(world)
    siti.ktp()
    return ready(guest, "/kendala/nik-terdaftar")


def _lost(world: World) -> tuple[Registrant, Guest]:
    """Return somebody whom the registry knows, and who lost the contacts of their account."""
    siti, guest = _registrant(world)
    an_account(
        world.app,
        nik=siti.person.nik,
        email=f"lain{world.number}@contoh.id",
        phone_number=f"+62812000008{world.number:02d}",
    )
    return siti, guest


def recovery_contact(world: World) -> Ready:
    siti, guest = _lost(world)
    return ready(guest, "/kendala/kontak", **siti.ktp_fields())


def recovery_new_contact(world: World) -> Ready:
    siti, guest = _lost(world)
    asked = guest.post("/kendala/kontak", **siti.ktp_fields())
    contacts = {"phone": siti.phone, "email": siti.email}
    return ready(guest, asked.headers["Location"], **contacts)


def recovery_contact_code(world: World) -> Ready:
    asked = recovery_new_contact(world)
    return ready(asked.guest, asked.send().headers["Location"], code=asked.guest.code())


def stop_contact(world: World) -> Ready:
    asked = recovery_contact_code(world)
    asked.send()
    secret = asked.guest.secret("contact_asked")
    return ready(asked.guest, f"/kendala/kontak/hentikan/{secret}")


def recovery_ticket(world: World) -> Ready:
    asked = recovery_contact_code(world)
    page = asked.guest.get(asked.send().headers["Location"])
    [number] = re.findall(r"<strong>([0-9A-Z-]{14})</strong>", page.text)
    nik = world.sandbox.person(index=world.number).nik
    return ready(world.guest(), "/kendala/kontak/status", nik=nik, ticket=number)


def prove_email(world: World) -> Ready:
    guest = world.signed_in(email_verified=False)
    guest.post("/akun/keamanan/email")
    return ready(guest, f"/email/bukti/{guest.secret('email_proof')}")


def account_email(world: World) -> Ready:
    return ready(world.signed_in(email_verified=False), "/akun/keamanan/email")


def change_email(world: World) -> Ready:
    guest = world.signed_in(email_verified=False)
    return ready(guest, "/akun/keamanan/email/ganti", email=f"baru{world.number}@contoh.id")


def email_code(world: World) -> Ready:
    guest = world.signed_in()
    address = f"baru{world.number}@contoh.id"
    url = guest.post("/akun/keamanan/email/ganti", email=address).headers["Location"]
    return ready(guest, url, code=guest.code())


def change_password(world: World) -> Ready:
    guest = world.signed_in()
    return ready(
        guest,
        "/akun/keamanan/kata-sandi",
        current_password=PASSWORD,
        password=NEW_PASSWORD,
    )


def change_phone(world: World) -> Ready:
    there = "/akun/keamanan/nomor-handphone"
    return ready(world.signed_in(), there, phone=f"0812 0000 04{world.number:02d}")


def phone_code(world: World) -> Ready:
    asked = change_phone(world)
    url = asked.send().headers["Location"]
    return ready(asked.guest, url, code=asked.guest.code())


def _enrolled(world: World, proved_by: ProvedBy) -> tuple[Guest, Account]:
    guest, account = world.guest(), world.account()
    enter_by(world.app, guest.browser, account, proved_by)
    return guest, account


def app_code(world: World) -> Ready:
    guest = world.signed_in()
    page = guest.get("/akun/keamanan/totp")
    code = code_at(seed_in(page), world.app.wiring.services.clock.now())
    return ready(guest, "/akun/keamanan/totp", page, code=code)


def drop_app_code(world: World) -> Ready:
    guest, account = _enrolled(world, ProvedBy.APP)
    with_app(world.app, account)
    page = guest.get("/akun/keamanan/totp")
    return ready(guest, "/akun/keamanan/totp/hapus", page)


def new_passkey(world: World) -> Ready:
    guest = world.signed_in()
    page = guest.get("/akun/keamanan/kunci-sandi/baru")
    answer = _device(world).create(options_in(page))
    sent = {"by": "passkey", "passkey_answer": answer, "label": "ponsel saya"}
    return ready(guest, "/akun/keamanan/kunci-sandi/baru", page, **sent)


def _device(world: World) -> Authenticator:
    return Authenticator(credential_id=b"passkey %d" % world.number)


def _with_passkey(world: World) -> tuple[Guest, str]:
    guest, account = _enrolled(world, ProvedBy.PASSKEY)
    passkey = with_passkey(world.app, account, _device(world))
    return guest, f"/akun/keamanan/kunci-sandi/{passkey.id}"


def passkey(world: World) -> Ready:
    guest, url = _with_passkey(world)
    return ready(guest, url, label="ponsel baru")


def drop_passkey(world: World) -> Ready:
    guest, url = _with_passkey(world)
    return ready(guest, f"{url}/hapus", guest.get(url))


def recovery_codes(world: World) -> Ready:
    return ready(world.signed_in(), "/akun/keamanan/kode-pemulihan")


def account_sessions(world: World) -> Ready:
    guest = world.guest()
    account = world.account()
    for browser in (world.app.test_client(), guest.browser):
        sign_in(world.app, browser, account, BOTH)
    return ready(guest, "/akun/sesi", action="others")


def account_portal(world: World) -> Ready:
    guest = world.signed_in()
    portal = world.portal(guest)
    portal.tokens()
    return ready(guest, f"/akun/portal/{portal.client.id}")


def _registrant(world: World) -> tuple[Registrant, Guest]:
    siti = Registrant(
        world.app,
        world.sandbox,
        world.sandbox.person(index=world.number),
        phone=f"0812 0000 02{world.number:02d}",
        email=f"siti{world.number}@contoh.id",
        address=world.address,
    )
    return siti, Guest(world.app, address=world.address, browser=siti.browser)


def begin_registration(world: World) -> Ready:
    siti, guest = _registrant(world)
    return ready(guest, "/daftar", **siti.ktp_fields())


def registration_contact(world: World) -> Ready:
    siti, guest = _registrant(world)
    siti.until_contact()
    return ready(guest, "/daftar/kontak", **siti.contact_fields())


def registration_code(world: World) -> Ready:
    siti, guest = _registrant(world)
    siti.until_code()
    return ready(guest, "/daftar/kode", code=guest.code())


def _old_account(world: World) -> dict[str, str]:
    """Import an account of an old portal with this person's NIK; return what opens it."""
    old = next(old for old in OLD_HASHES if old.kind == "bcrypt" and len(old.password) > 15)
    email = f"lama{world.number}@contoh.id"
    nik = str(world.proved.get("nik", f"327301170890{9000 + world.number}"))
    row = a_row(
        source_id=str(world.number),
        nik=nik,
        emails=[{"value": email, "verified": True}],
        phones=[{"value": f"0812 0000 03{world.number:02d}", "verified": True}],
        password=old.given,
    )
    export = Export(io.BytesIO(json_lines([row])))
    world.app.wiring.services.legacy_import.load(export, lambda _: None)
    return {"email": email, "nik": nik, "password": old.password}


def legacy_login(world: World) -> Ready:
    return ready(world.guest(), "/masuk/akun-lama", **_old_account(world))


def link_legacy(world: World) -> Ready:
    guest = world.signed_in()
    answer = guest.post("/masuk/akun-lama", **_old_account(world))
    return ready(guest, answer.headers["Location"])


def old_accounts(world: World) -> Ready:
    guest = world.signed_in()
    return ready(guest, "/akun/akun-lama", password=_old_account(world)["password"])


def release_old(world: World) -> Ready:
    linked = link_legacy(world)
    linked.send()
    page = linked.guest.get("/akun/akun-lama").text
    [there] = re.findall(r'href="(/akun/akun-lama/[^"]+)"', page)
    return ready(linked.guest, there)


def _offered(world: World) -> tuple[Guest, str]:
    """Return somebody signed in, and where the pages of an offered old account are."""
    guest = world.signed_in()
    _old_account(world)
    page = guest.get("/akun/akun-lama").text
    [legacy_id] = set(re.findall(r'href="/akun/akun-lama/([0-9a-f-]{36})/', page))
    return guest, f"/akun/akun-lama/{legacy_id}"


def send_old_code(world: World) -> Ready:
    guest, there = _offered(world)
    return ready(guest, f"{there}/kirim/sms")


def old_account_code(world: World) -> Ready:
    asked = send_old_code(world)
    url = asked.send().headers["Location"]
    return ready(asked.guest, url, code=asked.guest.code())


def match_old_account(world: World) -> Ready:
    person = world.sandbox.person(index=world.number)
    world.proved = {**world.proved, "nik": person.nik}
    guest, there = _offered(world)
    names = {"full_name": person.name, "mother_name": person.mother_name}
    return ready(guest, f"{there}/cocokkan", **names)


def confirm_identity(world: World) -> Ready:
    """Open an account of level 0 by an old one, and come back to mend it."""
    siti, guest = _registrant(world)
    world.proved = {**world.proved, "nik": siti.person.nik}
    proved = guest.post("/masuk/akun-lama", **_old_account(world))
    siti.query = {"lama": proved.headers["Location"].partition("lama=")[2]}
    siti.ktp(full_name="Nama Yang Lain")
    siti.query = {}
    siti.contact(password=None)
    siti.confirm(guest.code())
    return ready(guest, "/akun/identitas", **siti.ktp_fields())


def join_accounts(world: World) -> Ready:
    """Be matched, at level 0, with a NIK that has an account, and sign in to that one."""
    mend = confirm_identity(world)
    email = f"ada{world.number}@contoh.id"
    phone = f"+62812000007{world.number:02d}"
    an_account(world.app, nik=str(world.proved["nik"]), email=email, phone_number=phone)
    [there] = re.findall(r'href="(/akun/identitas/gabungkan[^"]+)"', mend.send().text)
    login = mend.guest.get(there).headers["Location"]
    answer = mend.guest.post(login, identifier=email, password=PASSWORD)
    if answer.headers["Location"] != there:
        mend.guest.post(answer.headers["Location"], code=mend.guest.code())
    return ready(mend.guest, there)


FORMS: Final[tuple[Callable[[World], Ready], ...]] = (
    login,
    login_code,
    choose_method,
    choose_account,
    consent,
    confirm,
    sign_out,
    device,
    backchannel_request,
    recovery_password,
    recovery_code,
    recovery_new,
    recovery_nik,
    recovery_contact,
    recovery_new_contact,
    recovery_contact_code,
    recovery_ticket,
    stop_contact,
    prove_email,
    account_email,
    change_email,
    email_code,
    change_password,
    change_phone,
    phone_code,
    app_code,
    drop_app_code,
    new_passkey,
    passkey,
    drop_passkey,
    recovery_codes,
    account_sessions,
    account_portal,
    begin_registration,
    registration_contact,
    registration_code,
    legacy_login,
    link_legacy,
    old_accounts,
    release_old,
    send_old_code,
    old_account_code,
    match_old_account,
    confirm_identity,
    join_accounts,
)
