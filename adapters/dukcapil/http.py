"""The civil registry over HTTP: one question, one answer, five seconds at most."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from adapters.circuit import Admission, Circuit
from adapters.dukcapil.answers import Reading, outcome_of_status, read_answer
from adapters.dukcapil.question import (
    METHOD,
    Credentials,
    elements_of,
    request_body,
)
from adapters.dukcapil.quota import Quota
from adapters.outbound import ExchangeError, NotSentError, OutboundHttp
from idp.domain.identity.nik import Nik
from idp.domain.identity.registry import RegistryAnswer, RegistryOutcome, RegistryQuery
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.metrics import Metrics

logger = logging.getLogger(__name__)

#: What speaks against calling again soon.
_FAILURES: Final = frozenset({RegistryOutcome.UNAVAILABLE, RegistryOutcome.BAD_ANSWER})

_LEVELS: Final[Mapping[RegistryOutcome, int]] = {
    RegistryOutcome.CONFIG_ERROR: logging.ERROR,
    RegistryOutcome.REQUEST_ERROR: logging.ERROR,
    RegistryOutcome.UNKNOWN: logging.ERROR,
    RegistryOutcome.QUOTA_EXHAUSTED: logging.WARNING,
    RegistryOutcome.UNAVAILABLE: logging.WARNING,
    RegistryOutcome.BAD_ANSWER: logging.WARNING,
}
_HEADERS: Final = {"Content-Type": "application/json", "Accept": "application/json"}


@dataclass(frozen=True, slots=True)
class Question:
    """What stays the same in every call. `elements`: required ones, `NIK` first."""

    url: str
    institution: str
    credentials: Credentials
    elements: tuple[str, ...]
    threshold: int

    @property
    def address(self) -> str:
        """The method's full address."""
        return f"{self.url.rstrip('/')}/dukcapil/get_json/{quote(self.institution, '')}/{METHOD}"


class HttpCivilRegistry:
    """Implements `idp.ports.gateways.CivilRegistry`; safe for threads.

    Nothing is queued, repeated or remembered. A call that the circuit, the quota or the number of
    calls already under way forbids is answered at once.
    """

    def __init__(
        self,
        question: Question,
        outbound: OutboundHttp,
        *,
        circuit: Circuit,
        quota: Quota,
        clock: Clock,
        entropy: Entropy,
        metrics: Metrics,
    ) -> None:
        self._question = question
        self._outbound = outbound
        self._circuit = circuit
        self._quota = quota
        self._clock = clock
        self._entropy = entropy
        self._metrics = metrics

    @property
    def elements(self) -> tuple[str, ...]:
        return self._question.elements

    def is_reachable(self) -> bool:
        return self._quota.is_left() and not self._circuit.is_refusing()

    def check(self, query: RegistryQuery) -> RegistryAnswer:
        started = self._clock.monotonic()
        reading = self._reading_of(query)
        seconds = self._clock.monotonic() - started
        answer = RegistryAnswer(
            reading.outcome,
            elements=reading.elements,
            score_buckets=reading.score_buckets,
            raw_code=reading.raw_code,
            quota_left=reading.quota_left,
            latency_ms=round(seconds * 1000),
            request_id=str(self._entropy.uuid7(self._clock.now_ms())),
        )
        self._tell(answer, seconds)
        return answer

    def _reading_of(self, query: RegistryQuery) -> Reading:
        elements = elements_of(query, self._question.elements)
        if not all(elements.values()):
            return Reading(RegistryOutcome.REQUEST_ERROR)
        if not self._quota.is_left():
            return Reading(RegistryOutcome.QUOTA_EXHAUSTED)
        admission = self._circuit.admit()
        if admission is Admission.REFUSED:
            return Reading(RegistryOutcome.UNAVAILABLE)
        try:
            reading = self._exchange(query.nik, elements)
        except ExchangeError as error:
            return self._failure(error, admission)
        self._settle(reading, admission)
        return reading

    def _exchange(self, nik: Nik, elements: Mapping[str, str]) -> Reading:
        question = self._question
        body = request_body(elements, question.credentials, threshold=question.threshold)
        reply = self._outbound.post(question.address, body, headers=_HEADERS)
        outcome = outcome_of_status(reply.status)
        if outcome is None and reply.is_cut:
            outcome = RegistryOutcome.BAD_ANSWER
        if outcome is not None:
            return Reading(outcome)
        return read_answer(reply.body, nik=nik, asked=tuple(elements), threshold=question.threshold)

    def _failure(self, error: ExchangeError, admission: Admission) -> Reading:
        """Translate an exchange that brought no answer, and tell circuit and quota."""
        self._metrics.count("registry_failures", reason=error.reason)
        if isinstance(error, NotSentError) and error.reason == "busy":
            self._circuit.withdraw(admission)
            return Reading(RegistryOutcome.UNAVAILABLE)
        if not isinstance(error, NotSentError):
            self._quota.spend()
        # a certificate that is not the pinned one is no outage: somebody must look at it
        outcome = (
            RegistryOutcome.CONFIG_ERROR
            if error.reason == "certificate"
            else RegistryOutcome.UNAVAILABLE
        )
        self._report(outcome, admission)
        return Reading(outcome)

    def _settle(self, reading: Reading, admission: Admission) -> None:
        """Tell circuit, quota and metrics what an answer means for the next call."""
        self._quota.spend()
        self._quota.record(reading.quota_left)
        if reading.outcome is RegistryOutcome.QUOTA_EXHAUSTED:
            self._quota.run_out()
        self._report(reading.outcome, admission)
        for element, bucket in reading.score_buckets.items():
            self._metrics.count("registry_scores", element=element, bucket=str(bucket))
        if reading.contradicts:
            self._metrics.count("registry_contradictions")
            logger.warning("registry answer contradicts itself", extra={"code": reading.raw_code})

    def _report(self, outcome: RegistryOutcome, admission: Admission) -> None:
        if outcome is RegistryOutcome.CONFIG_ERROR:
            # repeated bad logins may lock our user for good
            self._circuit.trip()
        elif outcome in _FAILURES:
            self._circuit.failed(admission)
        else:
            self._circuit.succeeded(admission)

    def _tell(self, answer: RegistryAnswer, seconds: float) -> None:
        self._metrics.count("registry_checks", outcome=answer.outcome)
        self._metrics.observe("registry_check", seconds, outcome=answer.outcome)
        self._metrics.gauge("registry_reachable", float(self.is_reachable()))
        logger.log(
            _LEVELS.get(answer.outcome, logging.INFO),
            "registry checked",
            extra={
                "institution": self._question.institution,
                "method": METHOD,
                "code": answer.raw_code,
                "outcome": answer.outcome,
                "latency_ms": answer.latency_ms,
                "quota_left": answer.quota_left,
                "registry_request": answer.request_id,
            },
        )
