"""Several carriers as one, in the order of the settings."""

import logging
from collections.abc import Mapping
from threading import Lock
from typing import Final

from idp.domain.identity.messages import DeliveryReport, Sms, SmsReceipt, SmsState, segments_of
from idp.ports.clock import Clock
from idp.ports.gateways import SmsGateway
from idp.ports.metrics import Metrics

logger = logging.getLogger(__name__)

FAILURES: Final = 3
REST_SECONDS: Final = 60.0

#: Refusals that say something about the number, not about the carrier.
_ABOUT_THE_NUMBER: Final = frozenset({"number", "opted_out"})
_ALARMING: Final = frozenset({"spam", "pumping"})


class FailoverSmsGateways:
    """Implements `idp.ports.gateways.SmsGateways`; safe for threads.

    A message goes to the next carrier only after a clear refusal or where no connection came
    about. A carrier that failed three messages in a row comes last for a minute, so that the next
    message, perhaps the same person's second try, does not meet it first.
    """

    def __init__(self, gateways: tuple[SmsGateway, ...], *, clock: Clock, metrics: Metrics) -> None:
        if not gateways:
            raise ValueError("at least one SMS gateway is needed")
        self._gateways = gateways
        self._clock = clock
        self._metrics = metrics
        self._lock = Lock()
        self._failures = dict.fromkeys((gateway.name for gateway in gateways), 0)
        self._rests_until = dict.fromkeys(self._failures, 0.0)

    def send(self, sms: Sms) -> SmsReceipt:
        if segments_of(sms.text) > 1:
            self._metrics.count("sms_long_texts", purpose=sms.purpose)
        first, *others = self._in_order()
        receipt = self._send_by(first, sms)
        for gateway in others:
            if not receipt.retryable:
                break
            receipt = self._send_by(gateway, sms)
        return receipt

    def is_reachable(self) -> bool:
        now = self._clock.monotonic()
        with self._lock:
            return any(until <= now for until in self._rests_until.values())

    def read_report(
        self,
        gateway: str,
        body: bytes,
        *,
        content_type: str,
        headers: Mapping[str, str],
        url: str,
    ) -> tuple[DeliveryReport, ...] | None:
        carrier = next((one for one in self._gateways if one.name == gateway), None)
        if carrier is None:
            return None
        reports = carrier.read_report(body, content_type=content_type, headers=headers, url=url)
        if reports is None:
            self._metrics.count("sms_false_reports", gateway=gateway)
            return None
        for report in reports:
            self._metrics.count("sms_reports", gateway=gateway, state=report.state)
            if report.reason in _ALARMING:
                self._metrics.count("sms_alarms", gateway=gateway, reason=report.reason)
        return reports

    def _in_order(self) -> list[SmsGateway]:
        now = self._clock.monotonic()
        with self._lock:
            return sorted(self._gateways, key=lambda one: self._rests_until[one.name] > now)

    def _send_by(self, gateway: SmsGateway, sms: Sms) -> SmsReceipt:
        started = self._clock.monotonic()
        receipt = gateway.send(sms)
        ended = self._clock.monotonic()
        is_failure = (
            receipt.state is not SmsState.ACCEPTED and receipt.reason not in _ABOUT_THE_NUMBER
        )
        with self._lock:
            failures = self._failures[gateway.name] + 1 if is_failure else 0
            self._failures[gateway.name] = failures
            if failures >= FAILURES:
                self._rests_until[gateway.name] = ended + REST_SECONDS
            elif not failures:
                self._rests_until[gateway.name] = 0.0
        self._metrics.observe("sms_hand_over", ended - started, gateway=gateway.name)
        self._metrics.count(
            "sms_handed_over",
            gateway=gateway.name,
            state=receipt.state,
            reason=receipt.reason or "none",
        )
        logger.log(
            logging.WARNING if is_failure else logging.INFO,
            "sms handed over",
            extra={
                "gateway": gateway.name,
                "sms": sms.id,
                "purpose": sms.purpose,
                "state": receipt.state,
                "reason": receipt.reason,
            },
        )
        return receipt
