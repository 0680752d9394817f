"""What clients make us call: nobody inside, at registration and at first use (`security.md` SS-1).

The fetcher itself is held to its rules in `tests/unit/adapters/test_documents.py`; logout tokens,
pings and request objects have rows of their own in the tests of their specifications.
"""

import socket
from collections.abc import Callable, Iterator, Sequence

import pytest
from flask.testing import FlaskClient

from idp.app import Application
from idp.wiring import Given
from tests.dynamic import register
from tests.fakes import FixedClock
from tests.keyed import KeyedPortal
from tests.outside_world import raw_server
from tests.portal import Portal
from tests.signing import Signer

#: Ways of writing an address inside; `{}` is the port of a server that must hear nothing.
SPELLINGS = [
    "http://127.0.0.1:{}/x",
    "http://localhost:{}/x",
    "http://[::1]:{}/x",
    "https://127.0.0.1:{}/x",
    "https://localhost:{}/x",
    "https://LOCALHOST:{}/x",
    "https://[::1]:{}/x",
    "https://[::]:{}/x",
    "https://[::ffff:127.0.0.1]:{}/x",
    "https://[::ffff:7f00:1]:{}/x",
    "https://[64:ff9b::7f00:1]:{}/x",
    "https://[fd00::1]:{}/x",
    "https://[fe80::1]:{}/x",
    "https://127.1:{}/x",
    "https://2130706433:{}/x",
    "https://0x7f000001:{}/x",
    "https://0177.0.0.1:{}/x",
    "https://0:{}/x",
    "https://10.0.0.1/x",
    "https://192.168.1.1/x",
    "https://169.254.169.254/latest/meta-data",
    "https://100.64.0.1/x",
    "https://inside.example/x",
    "https://both.example/x",
]


@pytest.fixture
def canary() -> Iterator[tuple[int, list[str]]]:
    """Yield a port on this machine and what was heard there."""
    heard: list[str] = []

    def talk(connection: socket.socket) -> None:
        heard.append(str(connection.recv(200)))

    with raw_server(talk) as port:
        yield port, heard


def resolve(host: str, port: int) -> Sequence[str]:
    """Answer as a name server does that its owner bent."""
    known = {"inside.example": ("127.0.0.1",), "both.example": ("8.8.8.8", "10.0.0.1")}
    if host in known:
        return known[host]
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(str(entry[4][0]) for entry in found)


@pytest.fixture
def app(make_app: Callable[..., Application], clock: FixedClock) -> Application:
    return make_app(
        Given(clock=clock, resolve=resolve),
        SIAPKERJA_OAUTH_REGISTRATION="open",
        SIAPKERJA_OAUTH_REQUEST_URI="on",
        SIAPKERJA_LIMITS_FACTOR="1000",
    )


def refusals(app: Application, kind: str) -> float:
    """Return how many fetches of a kind were refused for where they would have gone."""
    text = app.test_client().get("/metrics").text
    lines = [line for line in text.splitlines() if "fetches" in line and f'kind="{kind}"' in line]
    return sum(float(line.rpartition(" ")[2]) for line in lines if 'outcome="address"' in line)


@pytest.mark.parametrize("field", ["sector_identifier_uri", "logo_uri"])
def test_ss_1_nothing_inside_is_asked_at_registration(
    app: Application, browser: FlaskClient, canary: tuple[int, list[str]], field: str
) -> None:
    port, heard = canary
    for spelling in SPELLINGS:
        answer = register(browser, **{field: spelling.format(port)})
        assert answer.status_code == (400 if field == "sector_identifier_uri" else 201), spelling

    assert heard == []
    kind = "sector_identifier" if field == "sector_identifier_uri" else "logo"
    assert refusals(app, kind) >= 20


def test_ss_1_nothing_inside_is_asked_for_keys(
    app: Application, browser: FlaskClient, canary: tuple[int, list[str]]
) -> None:
    port, heard = canary
    signer = Signer()
    for spelling in SPELLINGS:
        made = register(
            browser,
            jwks_uri=spelling.format(port),
            token_endpoint_auth_method="private_key_jwt",
            id_token_encrypted_response_alg="RSA-OAEP-256",
        ).get_json()
        client = app.wiring.services.clients.get(made["client_id"])
        portal = KeyedPortal(app, browser, client, None, signer=signer)
        assert portal.token(path="/par", scope="openid").status_code == 401, spelling

    assert heard == []
    assert refusals(app, "jwks") >= 20


def test_ss_1_nothing_inside_is_asked_for_request_objects(
    app: Application, browser: FlaskClient, canary: tuple[int, list[str]]
) -> None:
    port, heard = canary
    for spelling in SPELLINGS:
        address = spelling.format(port)
        made = register(browser, request_uris=[address]).get_json()
        client = app.wiring.services.clients.get(made["client_id"])
        response = Portal(app, browser, client, None).start(request_uri=address)
        shown = response.headers.get("Location", "") + response.text
        assert "invalid_request_uri" in shown, (spelling, response.status_code)

    assert heard == []
    assert refusals(app, "request_uri") >= 20


@pytest.mark.parametrize("field", ["client_uri", "policy_uri", "tos_uri", "initiate_login_uri"])
def test_ss_1_what_only_people_open_is_never_fetched(
    app: Application, browser: FlaskClient, canary: tuple[int, list[str]], field: str
) -> None:
    port, heard = canary

    made = register(browser, **{field: f"http://127.0.0.1:{port}/x"}).get_json()
    client = app.wiring.services.clients.get(made["client_id"])
    portal = Portal(app, browser, client, None)
    page = browser.get(portal.start().headers["Location"])

    assert page.status_code == 200
    assert heard == []


def test_ss_1_production_opens_no_way_inside(make_app: Callable[..., Application]) -> None:
    """Where loopback addresses cannot even be registered."""
    app = make_app(
        SIAPKERJA_ENV="production",
        SIAPKERJA_ISSUER="https://login.siapkerja.example",
        SIAPKERJA_HTTP_ALLOWED_HOSTS="localhost",
        SIAPKERJA_OAUTH_REGISTRATION="token",
    )
    clients = app.wiring.services.clients
    for host in ("127.0.0.1", "[::1]"):
        token = clients.make_initial_access_token(note="x", life_seconds=60)
        address = f"http://{host}:8080/x"
        for field in ("jwks_uri", "logo_uri", "sector_identifier_uri"):
            answer = register(app.test_client(), token, **{field: address})
            assert answer.status_code == 400, (host, field)
        answer = register(app.test_client(), token, redirect_uris=[address])
        assert answer.status_code == 400, host
