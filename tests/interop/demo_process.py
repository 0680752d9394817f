"""A running demo for tests: started as people start it, in a folder of its own."""

import json
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import create_server
from typing import Any

import httpx

from tests.live_server import SIAPKERJA, START_SECONDS, inherited
from tests.servers import free_port


@dataclass
class Demo:
    """A demo that answers. `told`: what it printed, as JSON. `read`: messages."""

    told: dict[str, Any]
    process: subprocess.Popen[str]
    folder: Path
    read: set[str] = field(default_factory=set)
    opened: int = 0

    def url(self, part: str) -> str:
        url: str = self.told["urls"][part]
        return url

    def cli(self, *arguments: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Run `siapkerja --json ...` on the demo's database and return what it prints."""
        done = subprocess.run(
            [*SIAPKERJA, "--json", *arguments, "--file", "-"],
            input=json.dumps(document),
            env={**inherited(), "SIAPKERJA_ISSUER": self.url("provider")},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def family(self) -> list[int]:
        """Every process that the demo started, and what those started."""
        found, parents = [], [self.process.pid]
        while parents:
            listed = Path(f"/proc/{parents.pop()}/task")
            children = [
                int(child)
                for task in (listed.iterdir() if listed.exists() else ())
                for child in (task / "children").read_text().split()
            ]
            found += children
            parents += children
        return found

    def an_account(self) -> dict[str, Any]:
        """Open one more account, for somebody who gets codes of their own."""
        self.opened += 1
        number = 100 + self.opened
        given = {
            "nik": f"3273012505889{number}",
            "password": "sungai-angin-roti-31",
            "name": "Agus Setiawan",
            "email": f"agus{number}@contoh.id",
            "email_verified": True,
            "phone_number": f"+628120000{number}",
            "phone_number_verified": True,
        }
        return {**given, **self.cli("account", "create", document=given)}

    def next_code(self, account: Mapping[str, Any]) -> str:
        """Return the code of the next message to an account that nobody read yet."""
        inboxes = {"sms": account["phone_number"], "mail": account["email"]}
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for inbox, to in inboxes.items():
                url = f"{self.url('sandbox')}/api/{inbox}"
                reply = httpx.get(url, params={"to": to}, trust_env=False)
                for message in reply.json()["messages"]:
                    code = re.search(r"\b\d{6}\b", message["text"])
                    if code is not None and message["id"] not in self.read:
                        self.read.add(message["id"])
                        return code[0]
            time.sleep(0.05)
        raise AssertionError("no code came")


def five_free_ports() -> int:
    """Return the first of five free ports in a row."""
    for _ in range(50):
        first = free_port()
        try:
            for port in range(first, first + 5):
                create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        if first + 5 < 65536:
            return first
    raise RuntimeError("no five free ports in a row")


def begin(folder: Path, port: int, **settings: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*SIAPKERJA, "demo", "--json", "--port", str(port)],
        env={**inherited(), "SIAPKERJA_LIMITS_FACTOR": "1000", **settings},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running_demo(folder: Path, **settings: str) -> Iterator[Demo]:
    process, line = _begin_somewhere(folder, settings)
    try:
        yield Demo(json.loads(line), process, folder)
    finally:
        process.terminate()
        process.communicate(timeout=START_SECONDS)


def _begin_somewhere(
    folder: Path, settings: Mapping[str, str], *, tries: int = 3
) -> tuple[subprocess.Popen[str], str]:
    """Return a demo and what it printed; somebody may take one of its ports before it does."""
    while True:
        process = begin(folder, five_free_ports(), **settings)
        assert process.stdout is not None
        line = process.stdout.readline()
        if line:
            return process, line
        tries -= 1
        told = process.communicate(timeout=START_SECONDS)[1]
        assert tries, told
