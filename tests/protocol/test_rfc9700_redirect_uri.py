"""Redirect URIs: registered whole, compared whole (RFC 9700 §2.1, §4.1, §4.11, RFC 8252 §7, §8)."""

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from idp.app import Application
from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from tests.portal import CALLBACK, Portal, a_portal

MODES = [None, "query", "form_post", "fragment", "jwt", "query.jwt", "form_post.jwt", "web_message"]

#: Where a page leads to.
LINK = re.compile(r"""(?:href|action|src|content)="([^"]*/[^"]*)\"""")
OURS = re.compile(r"/(?![/\\])|tel:|mailto:|text/html|width=")

#: Each differs from `https://portal.example/cb` in one way.
BENT = [
    "",
    "https://portal.example",
    "https://portal.example/",
    "https://portal.example/cb/",
    "https://portal.example/cb?",
    "https://portal.example/cb?x=1",
    "https://portal.example/cb#",
    "https://portal.example/cb#x",
    "https://portal.example/cb;x",
    "https://portal.example/CB",
    "https://PORTAL.example/cb",
    "HTTPS://portal.example/cb",
    "https://portal.example:443/cb",
    "https://portal.example:8443/cb",
    "https://portal.example./cb",
    "https://portal.example//cb",
    "https://portal.example/./cb",
    "https://portal.example/x/../cb",
    "https://portal.example/%2e%2e/cb",
    "https://portal.example/%63b",
    "https://portal.example/cb%00",
    "https://portal.example/cb%0d%0aX: 1",
    "https://portal.example/cb\r\nX: 1",
    "https://portal.example/cb ",
    " https://portal.example/cb",
    "https://portal.example\\cb",
    "https:\\\\portal.example\\cb",
    "https:/portal.example/cb",
    "https:portal.example/cb",
    "//portal.example/cb",
    "/cb",
    "portal.example/cb",
    "http://portal.example/cb",
    "ftp://portal.example/cb",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://portal.example@evil.example/cb",
    "https://user@portal.example/cb",
    "https://user:secret@portal.example/cb",
    "https://evil.example/cb",
    "https://evil.example/https://portal.example/cb",
    "https://evil.example?https://portal.example/cb",
    "https://evil.example#https://portal.example/cb",
    "https://portal.example.evil.example/cb",
    "https://evilportal.example/cb",
    "https://sub.portal.example/cb",
    "https://*.example/cb",
    "https://portal.example/*",
    "https://pоrtal.example/cb",
    "https://portal。example/cb",
    "https://127.0.0.1/cb",
    "https://[::1]/cb",
    "https://portal.example/cb/../../evil",
    "https://portal.example/cb\u0000",
    "urn:ietf:wg:oauth:2.0:oob",
]


@pytest.mark.parametrize("mode", MODES)
def test_oa_3_a_bent_redirect_uri_is_never_gone_to(portal: Portal, mode: str | None) -> None:
    assert len(BENT) >= 50
    for uri in BENT:
        response = portal.start(redirect_uri=uri, response_mode=mode)
        assert response.status_code == 400, uri
        assert "Location" not in response.headers
        links = LINK.findall(response.text)
        assert links
        assert not [link for link in links if not OURS.match(link)]


@pytest.mark.parametrize(
    "bad",
    [
        {"response_type": "token"},
        {"response_type": "javascript:alert(1)"},
        {"scope": "nik"},
        {"code_challenge": None},
        {"prompt": "none login"},
        {"request_uri": "https://evil.example/r"},
        {"request_uri": "urn:ietf:params:oauth:request_uri:unknown"},
        {"registration": "{}"},
        {"request": "eyJ.eyJ.x"},
        {"claims": "["},
        {"nonce": "x" * 3000},
    ],
)
def test_oa_4_no_error_goes_to_an_address_that_is_not_registered(
    portal: Portal, bad: dict[str, str | None]
) -> None:
    response = portal.start(redirect_uri="https://evil.example/cb", **bad)

    assert response.status_code == 400
    assert "Location" not in response.headers


def test_oa_3_a_missing_redirect_uri_is_told_here_though_one_is_registered(portal: Portal) -> None:
    response = portal.start(redirect_uri=None)

    assert response.status_code == 400
    [code] = re.findall(r"\b[A-Z\d]{4}-[A-Z\d]{4}\b", response.text)
    [seen] = portal.app.wiring.services.support.for_client(code, portal.client_id)
    assert seen.detail == "redirect_uri is missing"


def test_the_portals_team_learns_where_the_address_differs_and_a_stranger_does_not(
    portal: Portal, caplog: pytest.LogCaptureFixture
) -> None:
    response = portal.start(redirect_uri="https://portal.example/cx?secret=1")

    assert CALLBACK not in response.text
    (record,) = [r for r in caplog.records if r.getMessage() == "redirect_uri.unregistered"]
    assert (record.client_id, record.nearest) == (portal.client_id, CALLBACK)
    assert record.differs_at == len("https://portal.example/c")
    assert "secret" not in repr(vars(record))


def test_a_registered_query_is_kept_and_added_to(
    register: Callable[..., Portal], person: Account
) -> None:
    uri = "https://portal.example/cb?tenant=1&x="
    portal = register(redirect_uris=[uri])
    portal.callback = uri

    location = portal.start(prompt="none").headers["Location"]

    assert location.startswith(f"{uri}&error=consent_required")


def test_every_registered_uri_is_good_as_a_whole(
    register: Callable[..., Portal], person: Account
) -> None:
    uris = ["https://portal.example/a", "https://portal.example/b/", "https://portal.example"]
    portal = register(redirect_uris=uris)
    for uri in uris:
        portal.callback = uri
        assert portal.start(prompt="none").headers["Location"].startswith(f"{uri}?error=")
    assert portal.start(redirect_uri="https://portal.example/b").status_code == 400


# --- native applications (RFC 8252 §7.1, §7.3)


@pytest.fixture
def native(app: Application, browser: FlaskClient, person: Account) -> Portal:
    return a_portal(
        app,
        browser,
        application_type="native",
        token_endpoint_auth_method="none",
        redirect_uris=["http://127.0.0.1/cb", "http://[::1]/cb"],
        subject_type="public",
    )


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1/cb",
        "http://127.0.0.1:1/cb",
        "http://127.0.0.1:49152/cb",
        "http://127.0.0.1:65535/cb",
        "http://[::1]:8080/cb",
    ],
)
def test_oa_3_the_port_of_a_literal_loopback_address_may_differ(native: Portal, uri: str) -> None:
    native.callback = uri

    assert native.start(prompt="none").headers["Location"].startswith(f"{uri}?")


@pytest.mark.parametrize(
    "uri",
    [
        "http://localhost:49152/cb",
        "http://127.0.0.2:49152/cb",
        "http://127.0.0.1:49152/",
        "http://127.0.0.1:49152/cb/",
        "http://127.0.0.1:49152/cb?",
        "http://127.0.0.1:49152/cb?x=1",
        "http://127.0.0.1:49152/cb#",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:080/cb",
        "http://127.0.0.1:0x50/cb",
        "http://127.0.0.1:8080@evil.example/cb",
        "http://evil.example:8080/cb",
        "https://127.0.0.1:8080/cb",
        "http://2130706433:8080/cb",
        "http://127.1:8080/cb",
        "http://[::ffff:127.0.0.1]:8080/cb",
        "http://[0:0:0:0:0:0:0:1]:8080/cb",
        "HTTP://127.0.0.1:8080/cb",
    ],
)
def test_oa_3_nothing_else_of_a_loopback_address_may_differ(native: Portal, uri: str) -> None:
    response = native.start(redirect_uri=uri, prompt="none")

    assert response.status_code == 400
    assert "Location" not in response.headers


@pytest.mark.parametrize("uri", ["http://127.0.0.1:49152/cb", "http://localhost:3001/cb"])
def test_oa_3_a_web_client_has_its_port_compared_too(
    register: Callable[..., Portal], person: Account, uri: str
) -> None:
    portal = register(
        redirect_uris=["http://127.0.0.1:3000/cb", "http://localhost:3000/cb"],
        subject_type="public",
    )

    assert portal.start(redirect_uri=uri).status_code == 400
    portal.callback = "http://localhost:3000/cb"
    assert portal.start().status_code == 303


# --- what may be registered (OpenID Connect Registration §2)

UNREGISTRABLE = [
    "",
    "/cb",
    "//portal.example/cb",
    "portal.example/cb",
    "https://",
    "https:///cb",
    "https://:443/cb",
    "https:portal.example",
    "http://portal.example/cb",
    "https://portal.example/cb#",
    "https://portal.example/cb#x",
    "https://user@portal.example/cb",
    "https://user:secret@portal.example/cb",
    "https://portal.example/../cb",
    "https://portal.example/%2e%2e/cb",
    "https://portal.example/./cb",
    "https://*.example/cb",
    "https://portal.example/*",
    "https://portal.example/cb\r\nX: 1",
    "https://portal.example/cb\u0000",
    "https://portal.example/c b",
    "https://portal.example/ç",
    "https://portal.example/%",
    "https://portal.example/%zz",
    "https://portal.example\\cb",
    "https://portal.example:99999/cb",
    "https://portal.example:x/cb",
    "https://pörtal.example/cb",
    "https://portal_.example/cb",
    "https://-portal.example/cb",
    "https://portal..example/cb",
    "javascript:alert(1)//",
    "JavaScript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "file:///etc/passwd",
    "about:blank",
    "blob:https://portal.example/x",
    "urn:ietf:wg:oauth:2.0:oob",
    "mailto:x@portal.example",
    "https://portal.example/" + "a" * 2048,
]


@pytest.mark.parametrize("kind", ["web", "native"])
def test_oa_3_what_is_no_good_address_can_not_be_registered(app: Application, kind: str) -> None:
    for uri in UNREGISTRABLE:
        given = {"redirect_uris": ["https://portal.example/cb", uri], "application_type": kind}
        with pytest.raises(Refused) as refusal:
            app.wiring.services.clients.register(given)
        assert refusal.value.code == "invalid_redirect_uri", uri
        assert "entry 2" in str(refusal.value)


@pytest.mark.parametrize(
    "uri", ["id.go.kemnaker.app:/cb", "com.example.app://cb", "http://localhost/cb"]
)
def test_oa_3_schemes_of_applications_are_for_native_clients(app: Application, uri: str) -> None:
    services = app.wiring.services
    native = {"redirect_uris": [uri], "application_type": "native"}
    services.clients.register({**native, "token_endpoint_auth_method": "none"})
    if uri.startswith("http"):
        return

    with pytest.raises(Refused):
        services.clients.register({"redirect_uris": [uri]})


@pytest.mark.parametrize("scheme", ["app", "myapp", "x", "intent", "fb123"])
def test_oa_3_a_scheme_that_nobody_owns_can_not_be_registered(
    app: Application, scheme: str
) -> None:
    """RFC 8252 §7.1: a domain name in reverse order."""
    given = {"redirect_uris": [f"{scheme}:/cb"], "application_type": "native"}

    with pytest.raises(Refused):
        app.wiring.services.clients.register(given)


def test_oa_3_production_has_no_plain_http_for_web_clients() -> None:
    from idp.domain.protocol.redirect_uri import why_not_redirect_uri

    for uri in ("http://localhost:3000/cb", "http://127.0.0.1/cb", "http://[::1]/cb"):
        assert why_not_redirect_uri(uri, native=False, allow_loopback_http=False)
        assert why_not_redirect_uri(uri, native=True, allow_loopback_http=False) is None
        assert why_not_redirect_uri(uri, native=False, allow_loopback_http=True) is None


@pytest.mark.parametrize("uris", [None, "https://portal.example/cb", {}, [1], [None], [["x"]], 7])
def test_the_list_is_a_list_of_texts(app: Application, uris: object) -> None:
    with pytest.raises(Refused) as refusal:
        app.wiring.services.clients.register({"redirect_uris": uris})

    assert refusal.value.code == "invalid_redirect_uri"


def test_twenty_addresses_are_enough(app: Application) -> None:
    uris = [f"https://portal.example/{n}" for n in range(21)]
    app.wiring.services.clients.register({"redirect_uris": uris[:20]})

    with pytest.raises(Refused):
        app.wiring.services.clients.register({"redirect_uris": uris})


def test_rd_1_nothing_in_a_path_of_ours_leads_away(browser: FlaskClient) -> None:
    for path in ("//evil.example", "/\\evil.example", "/%5cevil.example", "/%2f%2fevil.example"):
        for prefix in ("", "/authorize", "/masuk"):
            location = browser.get(f"{prefix}{path}").headers.get("Location", "/")
            assert location.startswith(("/", "http://localhost")), location
            assert not location.startswith(("//", "/\\"))
