"""One person's browser: a context of Chromium, watched for whatever it complains about."""

import re
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Response, WebError
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from idp.domain.identity.admin import Admin
from idp.domain.identity.factors import PASSKEY, TOTP
from idp.domain.identity.roles import Role
from tests.browser.gallery import look
from tests.browser.sizes import PHONE
from tests.browser.world import World
from tests.officer import keep_admin, open_console

TIMEOUT = 15_000


class Visitor:
    """`page`: where the person is. Closing it fails if the browser complained about anything."""

    def __init__(
        self,
        chromium: Browser,
        world: World,
        *,
        size: dict[str, int] = PHONE,
        script: bool = True,
        locale: str = "id-ID",
        address: str = "",
        **options: Any,
    ) -> None:
        self.world = world
        self.address = address or world.address()
        self.context = chromium.new_context(
            viewport=size,
            java_script_enabled=script,
            locale=locale,
            reduced_motion="reduce",
            extra_http_headers={"X-Forwarded-For": self.address},
            **options,
        )
        self.context.set_default_timeout(TIMEOUT)
        self.complaints: list[str] = []
        self._documents: set[str] = set()
        self.context.on("console", self._hear)
        self.context.on("weberror", self._note_error)
        self.context.on("response", self._note_document)
        self.page: Page = self.context.new_page()

    def __enter__(self) -> "Visitor":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.context.close()
        if kind is None and self.complaints:
            raise AssertionError("\n".join(self.complaints))

    # Where to ------------------------------------------------------------------------------------

    def open(self, path: str, part: str = "provider") -> Response | None:
        return self.page.goto(self.world.url(part, path))

    def new_tab(self) -> Page:
        return self.context.new_page()

    @property
    def path(self) -> str:
        return urlsplit(self.page.url).path

    @property
    def heading(self) -> str:
        return self.page.locator("h1").inner_text()

    @property
    def text(self) -> str:
        return self.page.locator("body").inner_text()

    def look(self, name: str) -> None:
        """Keep pictures of this page; whatever is wrong with it counts as a complaint."""
        self.page.wait_for_load_state()
        self.complaints += look(self.page, name)

    # What people do ------------------------------------------------------------------------------

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            self.page.locator(f"main [name={name}]").first.fill(value)

    def press(self, name: str, *, exact: bool = True) -> None:
        """Press a button of the page."""
        self.page.locator("main").get_by_role("button", name=name, exact=exact).click()

    def follow(self, name: str, *, exact: bool = False) -> None:
        """Follow a link of the page."""
        self.page.locator("main").get_by_role("link", name=name, exact=exact).first.click()

    def wait_for(self, path: str, part: str = "provider") -> None:
        """Wait until the page has this path, whatever its query."""
        there = self.world.url(part, path)
        try:
            self.page.wait_for_url(lambda url: re.split("[?#]", url)[0] == there, timeout=TIMEOUT)
        except PlaywrightTimeout:
            raise AssertionError(f"{self.page.url} instead of {there}: {self.text}") from None

    def summary(self) -> Locator:
        return self.page.locator(".sum")

    # The provider's journeys ---------------------------------------------------------------------

    def sign_in(self, account: dict[str, Any]) -> None:
        """Fill in the sign-in page; what comes next is the caller's."""
        self.fill(identifier=account["email"], password=account["password"])
        self.page.locator("main form button.btn.wide").first.click()

    def enter_console(self, *roles: Role, **given: Any) -> Admin:
        """Be in the console with these roles: by an app, an administrator by a passkey."""
        services = self.world.services
        admin, _ = keep_admin(services, *roles, **given)
        factor = PASSKEY if admin.needs_passkey else TOTP
        cookie = open_console(services, admin, factor).cookie
        self.context.add_cookies(
            [{"name": "asid", "value": cookie, "url": self.world.url("provider")}]
        )
        return admin

    def with_authenticator(self) -> Any:
        """Give the browser an authenticator that knows its owner."""
        session = self.context.new_cdp_session(self.page)
        session.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        return session

    def enter_code(self, code: str) -> None:
        self.fill(code=code)
        self.page.locator("main form button.btn.wide").first.click()

    def enter(self, account: dict[str, Any], path: str = "/masuk") -> None:
        """Sign in at our own pages, second step and all."""
        self.open(path)
        self.sign_in(account)
        self.wait_for("/masuk/kode")
        self.enter_code(self.world.mail_code(account["email"]))
        self.page.wait_for_url(lambda url: "/masuk" not in urlsplit(url).path)

    def fill_in_ktp(self, person: dict[str, str]) -> None:
        self.fill(nik=person["nik"], full_name=person["name"], mother_name=person["mother_name"])

    def fill_in_contact(self, person: dict[str, str]) -> None:
        self.fill(email=person["email"], phone=person["phone"], password=person["password"])
        self.page.check("[name=agree]")

    # What the browser says -----------------------------------------------------------------------

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        # the status of a page that we asked for is the answer, not a complaint
        is_status = message.text.startswith("Failed to load resource: the server responded with")
        where = str(message.location.get("url")).partition("#")[0]
        if is_status and where in self._documents:
            return
        self.complaints.append(f"{message.type} at {self.page.url}: {message.text}")

    def _note_error(self, error: WebError) -> None:
        self.complaints.append(f"script at {self.page.url}: {error.error}")

    def _note_document(self, response: Response) -> None:
        if response.request.resource_type == "document":
            self._documents.add(response.url.partition("#")[0])
