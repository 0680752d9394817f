"""One running provider and one person for all tests with libraries that we did not write."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.interop.demo_process import Demo, running_demo
from tests.interop.person import Person
from tests.live_server import LiveServer, running_server
from tests.servers import free_port

CALLBACK = "http://localhost:1/cb"
LEFT = "http://localhost:1/left"


@pytest.fixture(scope="session")
def apache_port() -> int:
    return free_port()


@pytest.fixture(scope="session")
def told_port() -> int:
    """Where a portal of a scenario listens for what the provider tells it."""
    return free_port()


@pytest.fixture(scope="session")
def server(apache_port: int, told_port: int) -> Iterator[LiveServer]:
    # every scenario is a browser of its own, and all come from one address
    settings = {
        "SIAPKERJA_LOGIN_UNKNOWN_DEVICE": "none",
        "SIAPKERJA_LIMITS_FACTOR": "1000",
        "SIAPKERJA_FETCH_PRIVATE_HOSTS": f"localhost:{apache_port},localhost:{told_port}",
    }
    with running_server(**settings) as running:
        yield running


@pytest.fixture(scope="session")
def account(server: LiveServer) -> dict[str, Any]:
    return server.an_account(name="Siti Nurlela Putri")


def a_client(server: LiveServer, **metadata: Any) -> dict[str, Any]:
    """Register a client whose browser never really arrives anywhere."""
    return server.a_client(
        **{
            "redirect_uris": [CALLBACK],
            "post_logout_redirect_uris": [LEFT],
            "scope": "openid profile email offline_access",
            **metadata,
        }
    )


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    settings = {"SIAPKERJA_LOGIN_UNKNOWN_DEVICE": "none"}
    with running_demo(tmp_path_factory.mktemp("demo"), **settings) as running:
        yield running


@pytest.fixture
def demo_person(demo: Demo) -> Iterator[Person]:
    """The owner of the ready account, who reads codes in the sandbox."""
    somebody = Person(demo.told["account"], lambda: demo.next_code(demo.told["account"]))
    yield somebody
    somebody.close()


@pytest.fixture
def newcomer(demo: Demo) -> Iterator[Person]:
    """Somebody with an account of their own, so that codes of other tests are not counted."""
    account = demo.an_account()
    somebody = Person(account, lambda: demo.next_code(account))
    yield somebody
    somebody.close()
