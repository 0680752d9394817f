"""One Chromium and one running demo a worker; a context of its own for every visitor."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright

from config.settings import Settings
from idp.app import create_app
from tests.browser.visitor import Visitor
from tests.browser.world import World
from tests.conftest import ROOT, environment
from tests.interop.demo_process import running_demo

ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu"]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("browser")
    settings = {
        "SIAPKERJA_SECRET_KEY": ROOT,
        "SIAPKERJA_DATABASE_URL": f"sqlite:///{folder}/siapkerja.db",
        # everybody stands behind a proxy on this machine: each person has a network of their own
        "SIAPKERJA_HTTP_TRUSTED_PROXIES": "127.0.0.1,::1",
        "SIAPKERJA_LIMITS_FACTOR": "1",
        "SIAPKERJA_PASSWORD_MEMORY_KIB": "64",
        "SIAPKERJA_PASSWORD_PASSES": "1",
    }
    with running_demo(folder, **settings) as demo, ExitStack() as stack:
        with environment(SIAPKERJA_ISSUER=demo.url("provider"), **settings):
            app = create_app(Settings.from_env())
        stack.callback(_close, app)
        api = httpx.Client(base_url=demo.url("sandbox"), timeout=30, trust_env=False)
        yield World(demo, app.wiring.services, stack.enter_context(api))


def _close(app: object) -> None:
    with app.app_context():  # type: ignore[attr-defined]
        app.extensions["sqlalchemy"].engine.dispose()  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    # the same engine without the windows of a desktop: a third less work for each page
    path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if path is None:
        raise RuntimeError("Chromium is not installed: `make test` installs it where it may")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser, world: World) -> Iterator[Callable[..., Visitor]]:
    """Return what lets somebody in; at the end nobody's browser may have complained."""
    with ExitStack() as everybody:
        yield lambda **options: everybody.enter_context(Visitor(chromium, world, **options))
