"""Callers that send half of a request and wait (`security.md` R-16), against a real server."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import httpx
import pytest

from tests.live_server import LiveServer, running_server
from tests.waiting_for import until

pytestmark = pytest.mark.chaos

HALF = (
    b"POST /token HTTP/1.1\r\nHost: localhost:%d\r\nContent-Length: 1000\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n\r\ngra"
)


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    with running_server() as running:
        yield running


def test_r_16_half_sent_requests_leave_the_others_alone(server: LiveServer) -> None:
    port = urlsplit(server.url).port or 0
    with (
        httpx.Client(base_url=server.url, timeout=10, trust_env=False) as client,
        ExitStack() as all_,
    ):
        for _ in range(40):
            held = all_.enter_context(socket.create_connection(("127.0.0.1", port)))
            held.sendall(HALF % port)
        for path in ("/livez", "/jwks", "/masuk"):
            assert client.get(path).status_code == 200
        told = client.post("/token", data={"grant_type": "client_credentials"})
        assert told.status_code == 503
        assert told.headers["Retry-After"] == "5"
        assert told.json()["error"] == "temporarily_unavailable"

    def answers() -> bool:
        return httpx.post(f"{server.url}/token", data={"a": "b"}, trust_env=False).is_client_error

    until(answers)


@pytest.mark.parametrize(
    ("path", "body"),
    [("/token", b"grant_type=x"), ("/token", b"x" * 100_000), ("/register", b"{}")],
)
def test_a_chunked_request_is_answered_as_any_other(
    server: LiveServer, path: str, body: bytes
) -> None:
    kind = "application/json" if path == "/register" else "application/x-www-form-urlencoded"
    url, headers = server.url + path, {"Content-Type": kind}
    whole = httpx.post(url, content=body, headers=headers, trust_env=False)
    chunked = httpx.post(url, content=iter([body[:3], body[3:]]), headers=headers, trust_env=False)

    assert chunked.request.headers["Transfer-Encoding"] == "chunked"
    assert chunked.status_code == whole.status_code
    assert chunked.json().get("error") == whole.json().get("error")
