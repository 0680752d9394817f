"""How an answer gets from our page to a portal: over origins, by a form, inside a frame."""

from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from tests.browser.visitor import Visitor
from tests.browser.world import World

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-pages")]

Visit = Callable[..., Visitor]

PAGE = "<!doctype html><html lang=id><title>Tiba</title><link rel=icon href=data:,><h1>Tiba</h1>"


@pytest.fixture(scope="module")
def portal() -> Iterator[HTTPServer]:
    """A portal of somebody else's, which shows a page at every address."""
    with HTTPServer(host="localhost") as server:
        server.expect_request("/kembali").respond_with_data(PAGE, content_type="text/html")
        server.expect_request("/bingkai").respond_with_data(PAGE, content_type="text/html")
        yield server


@pytest.fixture(scope="module")
def third() -> Iterator[HTTPServer]:
    """A third origin behind that portal."""
    with HTTPServer(host="127.0.0.1") as server:
        server.expect_request("/akhir").respond_with_data(PAGE, content_type="text/html")
        yield server


def _signed_in(visitor: Visitor, world: World) -> Visitor:
    account = world.an_account(email_verified=None, phone_number_verified=None)
    visitor.open("/masuk")
    visitor.sign_in(account)
    visitor.wait_for("/akun")
    return visitor


def _answer(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query)


@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_a_callback_that_goes_on_to_a_third_origin_is_not_blocked(
    visit: Visit, world: World, third: HTTPServer, decision: str
) -> None:
    """Chromium holds `form-action` along the whole chain of redirects (contract 6.26)."""
    with HTTPServer(host="localhost") as portal:
        portal.expect_request("/kembali").respond_with_response(
            Response(status=302, headers={"Location": third.url_for("/akhir")})
        )
        client = world.a_client(redirect_uris=[portal.url_for("/kembali")])
        visitor = _signed_in(visit(), world)
        visitor.page.goto(world.authorize(client))
        visitor.page.locator(f"[value={decision}]").click()
        visitor.page.wait_for_url(third.url_for("/akhir") + "*")

    assert visitor.heading == "Tiba"


@pytest.mark.parametrize("script", [True, False])
def test_an_answer_by_form_arrives_with_and_without_script(
    visit: Visit, world: World, portal: HTTPServer, script: bool
) -> None:
    client = world.a_client(redirect_uris=[portal.url_for("/kembali")])
    visitor = _signed_in(visit(script=script), world)
    visitor.page.goto(world.authorize(client, response_mode="form_post"))
    visitor.press("Izinkan dan lanjutkan")
    if not script:
        assert visitor.heading == "Kembali ke portal"
        visitor.press("Lanjut")
    visitor.page.wait_for_url(portal.url_for("/kembali"))
    sent, _ = portal.log[-1]

    assert sent.method == "POST"
    assert {*sent.form} == {"code", "state", "iss"}
    assert sent.form["iss"] == world.url("provider", "")


def test_the_page_that_carries_an_answer_looks_as_the_others(
    visit: Visit, world: World, portal: HTTPServer
) -> None:
    client = world.a_client(redirect_uris=[portal.url_for("/kembali")])
    visitor = _signed_in(visit(), world)
    # its script waits, so that there is something to see
    visitor.page.route(
        "**/aset/submit.js*", lambda route: route.fulfill(content_type="text/javascript", body="")
    )
    visitor.page.goto(world.authorize(client, response_mode="form_post"))
    visitor.press("Tolak")
    visitor.page.locator("form[data-submit-now]").wait_for()
    visitor.look("form-post")


@pytest.mark.parametrize("signed_in", [True, False])
def test_prompt_none_in_a_frame_is_a_bare_redirect(
    visit: Visit, world: World, portal: HTTPServer, signed_in: bool
) -> None:
    client = world.a_client(redirect_uris=[portal.url_for("/kembali")])
    visitor = visit()
    if signed_in:
        _signed_in(visitor, world)
        visitor.page.goto(world.authorize(client))
        visitor.press("Izinkan dan lanjutkan")
        visitor.page.wait_for_url(portal.url_for("/kembali") + "*")
    visitor.page.goto(portal.url_for("/bingkai"))
    visitor.page.evaluate(
        "url => new Promise(done => { const f = document.createElement('iframe');"
        " f.title = 'x'; f.onload = done; f.src = url; document.body.append(f) })",
        world.authorize(client, prompt="none"),
    )
    frame = visitor.page.frames[-1]
    answer = _answer(frame.url)

    assert frame.url.startswith(portal.url_for("/kembali"))
    assert ("code" in answer) == signed_in
    assert answer.get("error") == (None if signed_in else ["login_required"])
    assert answer["iss"] == [world.url("provider", "")]
