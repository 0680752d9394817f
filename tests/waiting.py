"""A portal's request that waits for a person, and what the person does for it."""

from urllib.parse import parse_qs, urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.assurance import PASSWORD, Authentication
from idp.domain.identity.audit import Origin
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from tests.portal import form_fields, same_origin


def page_of(response: TestResponse) -> str:
    """Return the path of our page that the browser was sent to."""
    assert response.status_code == 303, response.text
    return urlsplit(response.headers["Location"]).path


def interaction_of(response: TestResponse) -> str:
    """Return the id under which the request waits."""
    return parse_qs(urlsplit(response.headers["Location"]).query)["i"][0]


def sign_in_for(
    app: Application,
    browser: FlaskClient,
    account: Account,
    waiting: TestResponse,
    proof: Authentication = PASSWORD,
) -> None:
    """Sign in as the sign-in page does where a request waits."""
    services = app.wiring.services
    cookie, flow = browser.get_cookie("sid"), browser.get_cookie("flow")
    assert flow is not None
    visitor = Visitor(
        digest_of(flow.value),
        "127.0.0.1",
        Origin(device="Chrome, Android"),
        session_digest=digest_of(cookie.value) if cookie is not None else None,
    )
    with services.store.write() as tx:
        signed_in = services.sessions.start(account, proof, visitor, tx=tx)
        services.interactions.note_signed_in(
            interaction_of(waiting), signed_in.session.sid, visitor, tx=tx
        )
    browser.set_cookie("sid", signed_in.cookie)


def resumed(browser: FlaskClient, waiting: TestResponse) -> TestResponse:
    """Go on as the last page of the way does."""
    return browser.get(f"/authorize/{interaction_of(waiting)}")


def decide(browser: FlaskClient, location: str, decision: str, *ticked: str) -> TestResponse:
    """Press a button of the consent page."""
    page = browser.get(location)
    assert page.status_code == 200, page.text
    return browser.post(
        location,
        data={**form_fields(page), "decision": decision, "scope": list(ticked)},
        headers=same_origin(),
    )
