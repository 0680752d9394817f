"""People to try things with, asked of the sandbox itself."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from adapters.outbound import ExchangeError, OutboundHttp
from idp.ports.clock import Clock
from idp.ports.gateways import SandboxPeople, SandboxPerson

logger = logging.getLogger(__name__)

_SHOWN: Final = 12
#: The answer of Dukcapil that opens an account.
_MATCHES: Final = "A1"
_SECONDS: Final = 1.0
_BYTES_MAX: Final = 262_144
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class HttpSandboxPeople:
    """Implements `idp.ports.gateways.SandboxPeople`. `address`: of the sandbox, or empty."""

    address: str
    outbound: OutboundHttp

    def list_some(self) -> Sequence[SandboxPerson]:
        if not self.address:
            return ()
        try:
            reply = self.outbound.exchange("GET", f"{self.address}/api/people", headers={})
            people = tuple(map(_read, json.loads(reply.body)["people"]))
        except (ExchangeError, ValueError, LookupError, TypeError):
            logger.info("sandbox does not answer")
            return ()
        return _choose(people)


def _read(told: Mapping[str, str]) -> SandboxPerson:
    names = ("nik", "name", "mother_name", "kind", "note")
    return SandboxPerson(*(str(told[name]) for name in names))


def _choose(people: Sequence[SandboxPerson]) -> Sequence[SandboxPerson]:
    """Return people who match, and after them one of each other answer, as many as are shown."""
    matching = [person for person in people if person.kind == _MATCHES]
    others = {person.kind: person for person in reversed(people) if person.kind != _MATCHES}
    shown = matching[: _SHOWN // 2]
    return tuple([*shown, *sorted(others.values(), key=lambda p: p.kind)][:_SHOWN])


def build_test_people(registry_url: str, *, clock: Clock, is_production: bool) -> SandboxPeople:
    """Return the people of the sandbox behind a registry's address; nobody's anywhere else."""
    parts = urlsplit(registry_url)
    is_sandbox = not is_production and (parts.hostname or "") in _LOOPBACK
    outbound = OutboundHttp(clock, seconds=_SECONDS, connections=2, body_limit=_BYTES_MAX)
    return HttpSandboxPeople(f"{parts.scheme}://{parts.netloc}" if is_sandbox else "", outbound)
