"""Somebody in the console, with a browser of their own: cheap, no password is hashed.

officer = an_officer(app, Role.REGISTRAR)
page = officer.get("/admin/portal")
answer = officer.post("/admin/portal/baru", client_name="Portal Uji")
"""

from dataclasses import dataclass, field, replace
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.admin import Admin, AdminHere, AdminStatus
from idp.domain.identity.audit import Actor, Origin
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.factors import PASSKEY, TOTP, TotpFactor
from idp.domain.identity.roles import Role
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from idp.services import Services
from idp.services.admin_sessions import AdminEntered
from idp.services.totp import SEED_BYTES, STEP_SECONDS, code_at
from tests.portal import form_fields, same_origin

PASSWORD = "gajah biru makan awan senja"


@dataclass
class Officer:
    """`seed`: of the authenticator app."""

    app: Application
    admin: Admin
    seed: bytes
    language: str = "id"
    address: str = "198.51.100.9"
    browser: FlaskClient = field(default=None)  # type: ignore[assignment]

    def __post_init__(self) -> None:
        self.browser = self.browser or self.app.test_client()
        self.browser.environ_base["REMOTE_ADDR"] = self.address

    @property
    def actor(self) -> Actor:
        return Actor("admin", str(self.admin.id), Origin(), self.admin.id)

    def get(self, url: str, **headers: str) -> TestResponse:
        return self.browser.get(url, headers={"Accept-Language": self.language, **headers})

    def post(
        self, url: str, page: TestResponse | None = None, *, to: str | None = None, **fields: Any
    ) -> TestResponse:
        """Send a page's first form; without `page` it is fetched. `to`: another address."""
        page = page or self.get(url)
        assert page.status_code in {200, 422}, (page.status_code, page.headers.get("Location"))
        data = {**form_fields(page), **fields}
        return self.browser.post(
            to or url,
            data={name: value for name, value in data.items() if value is not None},
            headers={"Accept-Language": self.language, **same_origin()},
        )

    def code(self) -> str:
        """What the app shows now; a code that was spent needs the clock to move on first."""
        return code_at(self.seed, self.app.wiring.services.clock.now())

    def let_time_pass(self) -> None:
        """Wait for the app's next code."""
        self.app.wiring.services.clock.move(STEP_SECONDS)  # type: ignore[attr-defined]


def an_admin(
    app: Application,
    *roles: Role,
    email: str | None = None,
    name: str = "Rina Wulandari",
    password_hash: str = "!",
    **given: Any,
) -> tuple[Admin, bytes]:
    """Keep an active admin with an authenticator app; return it with the app's seed."""
    given = {"email": email, "name": name, "password_hash": password_hash, **given}
    return keep_admin(app.wiring.services, *roles, **given)


def keep_admin(
    services: Services, *roles: Role, email: str | None = None, **given: Any
) -> tuple[Admin, bytes]:
    """Do the same where no application is at hand: in tests of a running server."""
    now = services.clock.now()
    admin_id = services.entropy.uuid7(services.clock.now_ms())
    admin = Admin(
        id=admin_id,
        email=EmailAddress(email or f"petugas-{admin_id.hex[-12:]}@kemnaker.example"),
        status=AdminStatus.ACTIVE,
        roles=tuple(role for role in Role if role in roles),
        created_at=now,
        changed_at=now,
        name="Rina Wulandari",
        password_changed_at=now,
    )
    admin = replace(admin, **given)
    seed = services.entropy.bytes(SEED_BYTES)
    with services.store.write() as tx:
        tx.admins.add(admin)
        tx.admin_factors.put_totp(TotpFactor(admin.id, seed, now))
    return admin, seed


def sign_in_admin(app: Application, browser: FlaskClient, admin: Admin, factor: str) -> AdminHere:
    """Begin a session of the console in this browser, as password and factor would."""
    entered = open_console(app.wiring.services, admin, factor)
    browser.set_cookie("asid", entered.cookie)
    return entered.here


def open_console(services: Services, admin: Admin, factor: str) -> AdminEntered:
    """Begin a session of the console; its cookie is for a browser."""
    visitor = Visitor(digest_of("flow"), "127.0.0.1", Origin(device="Chrome, Linux"))
    with services.store.write() as tx:
        return services.admin_sessions.begin_full(admin, factor, visitor, tx=tx)


def an_officer(app: Application, *roles: Role, factor: str | None = None, **given: Any) -> Officer:
    """Return somebody with these roles who is signed in, and whose factor is fresh.

    An administrator came by a passkey, everybody else by an app.
    """
    language, address = given.pop("language", "id"), given.pop("address", "198.51.100.9")
    admin, seed = an_admin(app, *roles, **{"locale": language, **given})
    officer = Officer(app, admin, seed, language, address)
    by = factor or (PASSKEY if admin.needs_passkey else TOTP)
    sign_in_admin(app, officer.browser, admin, by)
    return officer


def a_half_signed_in(app: Application, *roles: Role) -> Officer:
    """Return somebody who showed the password alone."""
    admin, seed = an_admin(app, *roles)
    officer = Officer(app, admin, seed)
    services = app.wiring.services
    visitor = Visitor(digest_of("flow"), "127.0.0.1", Origin(device="Chrome, Linux"))
    with services.store.write() as tx:
        entered = services.admin_sessions.begin_half(admin, visitor, tx=tx)
    officer.browser.set_cookie("asid", entered.cookie)
    return officer
