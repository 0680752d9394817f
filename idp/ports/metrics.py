"""Figures for operators; labels are words from closed lists, never anything personal."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol


class Kind(Enum):
    """What a figure is; the value is how its name ends where Prometheus reads it."""

    COUNTER = "_total"
    GAUGE = ""
    DURATION = "_seconds"

    @property
    def suffix(self) -> str:
        """Return the end of the name."""
        return self.value


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure: what it is, what it tells, and by what it is told apart."""

    kind: Kind
    words: str
    labels: tuple[str, ...] = ()


def _counter(words: str, *labels: str) -> Metric:
    return Metric(Kind.COUNTER, words, labels)


def _gauge(words: str, *labels: str) -> Metric:
    return Metric(Kind.GAUGE, words, labels)


def _duration(words: str, *labels: str) -> Metric:
    return Metric(Kind.DURATION, words, labels)


#: Every figure there is; to add one, add a row. `docs/operate.md` shows this table.
METRICS: Final[Mapping[str, Metric]] = {
    "request": _duration("answered requests, by page or endpoint", "endpoint", "status"),
    "protocol_errors": _counter("errors told to portals", "endpoint", "error"),
    "logins": _counter("sign-ins tried, by how they ended", "outcome"),
    "registrations": _counter("steps of opening an account", "step"),
    "limits_reached": _counter("requests refused by a rate limit", "limit"),
    "codes_sent": _counter("one-time codes sent", "purpose", "channel"),
    "codes_used": _counter("one-time codes that were right", "purpose", "channel"),
    "codes_refused": _counter("one-time codes that were not", "purpose", "reason"),
    "codes_delivered": _counter("code messages that reached a phone", "gateway"),
    "sms_pumping": _gauge("1 while too few of the codes sent are used: somebody makes us send"),
    "sms_handed_over": _counter(
        "messages given to a gateway, by its answer", "gateway", "state", "reason"
    ),
    "sms_hand_over": _duration("how long a gateway took to answer", "gateway"),
    "sms_delivery": _duration("from our decision to send until the phone had the message"),
    "sms_reports": _counter("delivery reports", "gateway", "state"),
    "sms_reports_unknown": _counter("reports about messages that we do not know", "gateway"),
    "sms_false_reports": _counter("reports that did not come from the gateway", "gateway"),
    "sms_alarms": _counter("answers that need an operator, as no credit", "gateway", "reason"),
    "sms_long_texts": _counter("texts that need more than one message", "purpose"),
    "mail_handed_over": _counter("letters given to the mail server", "outcome"),
    "mail_hand_over": _duration("how long the mail server took", "outcome"),
    "messages_sent": _counter("messages by how sending ended", "kind", "state"),
    "outbox_settled": _counter("outbox rows that are done, by how", "kind", "outcome"),
    "outbox_oldest_seconds": _gauge("age of the oldest message that is due"),
    "nik_oddities": _counter("NIKs checked that look odd, which refuses nobody", "kind"),
    "registry_checks": _counter("checks by Dukcapil, by its answer", "outcome"),
    "registry_check": _duration("how long Dukcapil took", "outcome"),
    "registry_failures": _counter("checks without an answer", "reason"),
    "registry_scores": _counter("similarities that Dukcapil tells", "element", "bucket"),
    "registry_contradictions": _counter("answers of Dukcapil that contradict themselves"),
    "registry_reachable": _gauge("0 while the circuit breaker is open"),
    "registry_quota_left": _gauge("what Dukcapil says is left of the day's quota"),
    "upstream_calls": _counter("calls at the other OpenID provider, by outcome", "call", "outcome"),
    "portal_checks": _counter(
        "old passwords that a portal was asked about, by its answer", "source", "outcome"
    ),
    "signing_key_age_seconds": _gauge("how long the key that signs has signed", "alg"),
    "codes_price_rupiah": _gauge("what a short message costs, for the cost of codes"),
    "portal_errors": _counter("errors told to a portal", "client"),
    "fetches": _counter("documents fetched from portals", "kind", "outcome"),
    "fetch": _duration("how long that took", "kind"),
    "redis_away": _gauge("1 while limits are counted in the database instead of Redis"),
    "redis_failures": _counter("calls that Redis did not answer", "cause"),
}


class Metrics(Protocol):
    """Counters, gauges and durations; names and labels are those of `METRICS`."""

    def count(self, name: str, /, **labels: str) -> None:
        """Add one."""

    def gauge(self, name: str, value: float, /, **labels: str) -> None:
        """Set a value."""

    def observe(self, name: str, seconds: float, /, **labels: str) -> None:
        """Add a duration."""
