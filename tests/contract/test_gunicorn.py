"""gunicorn serves the same application as `siapkerja serve`."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import BASE
from tests.live_server import SIAPKERJA, inherited, running_process, wait_for
from tests.servers import free_port

pytestmark = pytest.mark.xdist_group("gunicorn")


GUNICORN = [sys.executable, "-m", "gunicorn", "-c", "python:config.gunicorn"]


@pytest.fixture(scope="module")
def gunicorn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("gunicorn")
    url = f"http://localhost:{free_port()}"
    environment = {
        **inherited(),
        **BASE,
        "SIAPKERJA_ISSUER": url,
        "SIAPKERJA_DATABASE_URL": f"sqlite:///{folder}/siapkerja.db",
        "WEB_CONCURRENCY": "2",
    }
    for command in (["db", "upgrade"], ["keys", "list"]):
        subprocess.run([*SIAPKERJA, *command], env=environment, cwd=folder, check=True, timeout=120)
    bind = ["--bind", url.removeprefix("http://")]
    with running_process([*GUNICORN, *bind], environment, folder / "log") as process:
        wait_for(f"{url}/readyz", process, folder / "log")
        yield url


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/masuk", "/livez"])
def test_gunicorn_serves_the_provider(gunicorn: str, path: str) -> None:
    answer = httpx.get(gunicorn + path, trust_env=False)

    assert answer.status_code == 200


def test_gunicorn_takes_a_request_as_long_as_the_provider_does(gunicorn: str) -> None:
    url = f"{gunicorn}/authorize?client_id=nobody&request="

    sizes = (16_384, 32_000, 32_768)
    found = [httpx.get(url + "x" * size, trust_env=False).status_code for size in sizes]

    assert found == [400, 400, 414]


def test_sc_1_gunicorn_refuses_to_serve_production_on_the_sandbox(tmp_path: Path) -> None:
    environment = {**inherited(), **BASE, "SIAPKERJA_ENV": "production"}

    done = subprocess.run(
        [*GUNICORN, "--bind", f"localhost:{free_port()}"],
        env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode != 0
    assert "SIAPKERJA_DUKCAPIL_URL: the sandbox" in done.stderr
