"""A sandbox inside the test process, on free ports, with the calls that tests make of it."""

import json
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from adapters.simulators.people import SandboxPerson
from adapters.simulators.server import serving
from adapters.simulators.state import SandboxState


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox: `url`, `smtp_port`, and its API over real HTTP.

    `state`: what it remembers, for looks that the API does not offer.
    """

    url: str
    smtp_port: int
    state: SandboxState
    api: httpx.Client

    @property
    def mail_url(self) -> str:
        return f"smtp://127.0.0.1:{self.smtp_port}"

    def sms_url(self, gateway: str) -> str:
        return f"{self.url}/sms/{gateway}"

    def environment(self) -> dict[str, str]:
        """Variables that point a provider at this sandbox."""
        return {
            "SIAPKERJA_DUKCAPIL_URL": self.url,
            "SIAPKERJA_MAIL_URL": self.mail_url,
            "SIAPKERJA_SMS_GATEWAYS": "zenziva,infobip",
            **{
                f"SIAPKERJA_SMS_{gateway.upper()}_{field}": value
                for gateway in ("zenziva", "infobip")
                for field, value in (
                    ("URL", self.sms_url(gateway)),
                    ("KEY", self.state.account.sms_key),
                    ("SECRET", self.state.account.sms_secret),
                    ("SENDER", "KEMNAKER"),
                )
            },
        }

    def people(self, kind: str | None = None) -> list[SandboxPerson]:
        """Everybody, or those of one kind, in the order of people.json."""
        listed = self._get("/api/people", kind=kind)["people"]
        return [SandboxPerson(**person) for person in listed]

    def person(self, kind: str = "A1", *, index: int = 0) -> SandboxPerson:
        return self.people(kind)[index]

    def add_person(self, **members: str) -> SandboxPerson:
        """One more person; whatever is left out is made up, the NIK too."""
        return SandboxPerson(**self._post("/api/people", **members))

    def sms_to(self, phone: str, *, count: int = 0, wait: float = 5) -> list[dict[str, Any]]:
        """Messages to a number in any spelling, newest first; `count` waits for that many."""
        return self._messages("/api/sms", phone, count, wait)

    def mail_to(self, address: str, *, count: int = 0, wait: float = 5) -> list[dict[str, Any]]:
        """Letters to an address, newest first, with `subject` and `html`."""
        return self._messages("/api/mail", address, count, wait)

    def next_dukcapil(
        self,
        kind: str,
        *,
        nik: str | None = None,
        times: int = 1,
        seconds: float | None = None,
    ) -> None:
        """Decide the register's next answers, for one NIK or all; `seconds` bounds D1 and D10."""
        self._post("/api/dukcapil/next", kind=kind, nik=nik, times=times, seconds=seconds)

    def next_sms(
        self, kind: str, *, to: str | None = None, times: int = 1, seconds: float | None = None
    ) -> None:
        self._post("/api/sms/next", kind=kind, to=to, times=times, seconds=seconds)

    def next_mail(self, kind: str, *, to: str | None = None, times: int = 1) -> None:
        self._post("/api/mail/next", kind=kind, to=to, times=times)

    def add_old_account(self, source: str, source_id: str, password: str) -> None:
        """Let a pretend portal that is asked for passwords know one more account."""
        self._post_nothing("/api/legacy", source=source, source_id=source_id, password=password)

    def next_portal(self, kind: str, *, source: str | None = None, times: int = 1) -> None:
        self._post("/api/legacy/next", kind=kind, source=source, times=times)

    def callbacks(self, *sources: str) -> str:
        """The content of `SIAPKERJA_LEGACY_CALLBACKS` for pretend portals."""
        key = self.state.account.portal_key
        return json.dumps(
            {name: {"url": f"{self.url}/legacy/{name}/verify", "key": key} for name in sources}
        )

    def dukcapil_calls(self) -> int:
        """How often the register was asked since the start or the last `set_quota`."""
        calls: int = self._get("/api/dukcapil/quota")["calls"]
        return calls

    def set_quota(self, left: int) -> None:
        self._post("/api/dukcapil/quota", left=left)

    def reset(self) -> None:
        self.api.post("/api/reset").raise_for_status()

    def _messages(self, path: str, to: str, count: int, wait: float) -> list[dict[str, Any]]:
        asked = {"count": count, "wait": wait} if count else {}
        messages: list[dict[str, Any]] = self._get(path, to=to, **asked)["messages"]
        return messages

    def _get(self, path: str, **asked: object) -> Any:
        given = {name: str(value) for name, value in asked.items() if value is not None}
        return self.api.get(path, params=given).raise_for_status().json()

    def _post_nothing(self, path: str, **members: object) -> None:
        self.api.post(path, json=members).raise_for_status()

    def _post(self, path: str, **members: object) -> Any:
        given = {name: value for name, value in members.items() if value is not None}
        return self.api.post(path, json=given).raise_for_status().json()


@contextmanager
def running_sandbox(
    *,
    people: Iterable[SandboxPerson] | None = None,
    pace: float = 0.02,
    tls: ssl.SSLContext | None = None,
) -> Iterator[Sandbox]:
    """Run a sandbox while the block runs; `pace` 0.02 makes a delivery report come after 20 ms.

    D1 stays silent for 60 s times `pace`: give `next_dukcapil` seconds where that matters.
    """
    with (
        serving(people=people, pace=pace, tls=tls) as running,
        httpx.Client(base_url=running.url, timeout=90, trust_env=False, verify=tls is None) as api,
    ):
        yield Sandbox(running.url, running.smtp_port, running.state, api)
