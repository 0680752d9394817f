"""Dukcapil, the civil registry."""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from adapters.circuit import LONG_PAUSE_SECONDS, Circuit
from adapters.dukcapil.http import HttpCivilRegistry, Question
from adapters.dukcapil.pinning import pinned_context
from adapters.dukcapil.question import NIK, Credentials, KeyCase
from adapters.dukcapil.quota import Quota
from adapters.outbound import OutboundHttp
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.gateways import CivilRegistry
from idp.ports.metrics import Metrics

__all__ = ["LONG_PAUSE_SECONDS", "build_civil_registry"]

CALL_SECONDS: Final = 5.0
#: In one process; one more is answered "unavailable" at once.
CALLS_AT_ONCE: Final = 8


def build_civil_registry(
    *,
    url: str,
    institution: str,
    user_id: str,
    password: str,
    ip_user: str,
    ca_file: Path | None,
    threshold: int,
    elements: tuple[str, ...],
    daily_quota: int,
    key_case: KeyCase,
    clock: Clock,
    entropy: Entropy,
    metrics: Metrics,
    config_pause_seconds: float = LONG_PAUSE_SECONDS,
    quota_pause_seconds: float | None = None,
    calls_at_once: int = CALLS_AT_ONCE,
) -> CivilRegistry:
    """Return the registry at `url`.

    `ca_file`: the server's certificate or its authority, and then nothing else is trusted; the
    system's roots without it. `config_pause_seconds`: silence after a refusal of our credentials
    or a wrong certificate; `quota_pause_seconds`: after "quota used up", `None` for until midnight
    in Jakarta. The sandbox may shorten both, so that trying out goes on. `calls_at_once`: fewer
    than the threads of this process, or a registry that hangs takes them all for 5 s.
    Raises `ValueError` for settings that contradict each other, `OSError` for an unreadable file.
    """
    is_https = urlsplit(url).scheme == "https"
    if ca_file is not None and not is_https:
        raise ValueError("a pinned certificate needs an https address")
    if NIK not in elements:
        raise ValueError(f"the elements asked must hold {NIK}")
    credentials = Credentials(
        user_id=user_id, password=password, ip_user=ip_user, key_case=key_case
    )
    required = (NIK, *(element for element in elements if element != NIK))
    return HttpCivilRegistry(
        Question(url, institution, credentials, required, threshold),
        OutboundHttp(
            clock,
            seconds=CALL_SECONDS,
            connections=calls_at_once,
            tls=pinned_context(ca_file) if ca_file is not None else None,
        ),
        circuit=Circuit(clock, long_pause_seconds=config_pause_seconds),
        quota=Quota(clock, metrics, daily_quota=daily_quota, pause_seconds=quota_pause_seconds),
        clock=clock,
        entropy=entropy,
        metrics=metrics,
    )
