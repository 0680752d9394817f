"""Looking at a page: a picture at both sizes, and everything that a look must not find.

Pictures go to `build/screenshots/NAME-m.png` (390 x 844) and `NAME-d.png` (1280 x 900).
"""

from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.sizes import DESKTOP, NARROW, PHONE

FOLDER = Path(__file__).parents[2] / "build" / "screenshots"
AXE = Axe().axe_script
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
RUN_AXE = f"""() => axe.run({{runOnly: {TAGS!r}, resultTypes: ['violations']}}).then(found =>
    found.violations.flatMap(rule => rule.nodes.map(node =>
        [rule.id, node.target.join(' '), node.failureSummary].join(': '))))"""
OVERFLOW = """() => document.scrollingElement.scrollWidth - document.documentElement.clientWidth"""
WIDEST = """() => [...document.querySelectorAll('body *')].filter(one =>
    one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .map(one => one.outerHTML.slice(0, 120)).slice(-3)"""
FONT_SIZE = "size => { document.documentElement.style.fontSize = size }"


def look(page: Page, name: str) -> list[str]:
    """Keep pictures of a page; return what is wrong with it of what holds for every page."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    page.evaluate("document.fonts.ready")
    before = page.viewport_size
    found: list[str] = []
    for size, suffix in ((PHONE, "m"), (DESKTOP, "d")):
        page.set_viewport_size(size)
        found += [f"{name}-{suffix}: {what}" for what in violations(page)]
        found += _overflow(page, f"{name}-{suffix}")
        page.screenshot(path=FOLDER / f"{name}-{suffix}.png", full_page=True, animations="disabled")
    page.set_viewport_size(NARROW)
    found += _overflow(page, f"{name} at 320 px")
    page.set_viewport_size(PHONE)
    page.evaluate(FONT_SIZE, "200%")
    found += _overflow(page, f"{name} with text at 200 %")
    page.evaluate(FONT_SIZE, "")
    if before is not None:
        page.set_viewport_size(before)
    found += _shape(page, name)
    return found


def picture(page: Page, name: str) -> None:
    """Keep one picture, where script is off and nothing else can be asked of the page."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=FOLDER / f"{name}.png", full_page=True)


def violations(page: Page) -> list[str]:
    """Return what axe finds at the page's present size."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE)
    found: list[str] = page.evaluate(RUN_AXE)
    return found


def _overflow(page: Page, what: str) -> list[str]:
    wide = page.evaluate(OVERFLOW)
    return [f"{what}: {wide} px too wide: {page.evaluate(WIDEST)}"] if wide > 0 else []


def _shape(page: Page, name: str) -> list[str]:
    """Return what is wrong with the page's frame: one h1, a language, a title of its own."""
    found = []
    if page.locator("h1").count() != 1:
        found.append(f"{name}: not one h1")
    if page.locator("html").get_attribute("lang") not in {"id", "en"}:
        found.append(f"{name}: no language")
    has_summary = page.locator("[role=alert]").count() > 0
    starts_so = page.title().startswith(("Galat: ", "Error: "))
    if has_summary != starts_so:
        found.append(f"{name}: the title {page.title()!r} does not tell of the errors")
    return found
