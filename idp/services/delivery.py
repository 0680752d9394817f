"""How short messages and letters leave, and what their reports change."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.messages import (
    DeliveryReport,
    Letter,
    Sms,
    SmsReceipt,
    SmsState,
    may_follow,
)
from idp.domain.identity.phone import Phone
from idp.ports.clock import Clock
from idp.ports.errors import GatewayUnavailable
from idp.ports.gateways import Mailer, SmsGateways
from idp.ports.metrics import Metrics
from idp.ports.store import OutboxMessage, SmsRecord, Store, Transaction
from idp.services.messages import Composer, LetterKind, SmsKind
from idp.services.outbox import Attempt

_SMS_RETRY_SECONDS: Final = 5
_LETTER_RETRY_SECONDS: Final = 30
_LETTER_RETRY_MOST: Final = 3600


@dataclass(frozen=True, slots=True)
class SmsDeliverer:
    """Implements `Deliverer`. A message that may have gone out never goes out again."""

    gateways: SmsGateways
    composer: Composer
    clock: Clock
    metrics: Metrics

    def begin(self, message: OutboxMessage, *, tx: Transaction) -> str | None:
        record = tx.sms_records.find(message.id)
        if record is None or record.state is not SmsState.QUEUED:
            # a sender died in the middle of it, and nobody knows what the carrier has
            return "unknown"
        tx.sms_records.put(replace(record, state=SmsState.UNKNOWN, changed_at=self.clock.now()))
        return None

    def deliver(self, message: OutboxMessage) -> Attempt:
        told = message.payload
        values = {**_values(message), "purpose": told["purpose"]}
        receipt = self.gateways.send(
            Sms(
                id=str(message.id),
                to=Phone(str(told["to"])),
                text=self.composer.sms(SmsKind(str(told["kind"])), str(told["locale"]), values),
                purpose=str(told["purpose"]),
                ttl_seconds=max(1, message.expires_at - self.clock.now()),
            )
        )
        self.metrics.count("messages_sent", kind="sms", state=receipt.state)
        is_refused = receipt.state is SmsState.REJECTED
        return Attempt(
            error=None if receipt.state is SmsState.ACCEPTED else receipt.reason or "unknown",
            retry_seconds=(
                _SMS_RETRY_SECONDS * 2 ** (message.attempts - 1)
                if is_refused and receipt.retryable
                else None
            ),
            settle=lambda tx: self._record(message, receipt, tx=tx),
        )

    def drop(self, message: OutboxMessage, *, tx: Transaction) -> None:
        """Note that no carrier took it in time; it does not count against the citizen."""
        record = tx.sms_records.find(message.id)
        if record is not None:
            now = self.clock.now()
            tx.sms_records.put(
                replace(record, state=SmsState.EXPIRED, reason="expired", changed_at=now)
            )
        _refund(message, tx=tx)

    def _record(self, message: OutboxMessage, receipt: SmsReceipt, *, tx: Transaction) -> None:
        record = tx.sms_records.find(message.id)
        if record is None:
            return
        waits = receipt.state is SmsState.REJECTED and receipt.retryable
        state = SmsState.QUEUED if waits else receipt.state
        tx.sms_records.put(
            replace(
                record,
                # a report may be faster than the answer
                state=state if may_follow(state, record.state) else record.state,
                gateway=receipt.gateway,
                provider_id=receipt.provider_id or record.provider_id,
                reason=receipt.reason,
                changed_at=self.clock.now(),
            )
        )


@dataclass(frozen=True, slots=True)
class LetterDeliverer:
    """Implements `Deliverer`: tried for as long as the letter is worth anything."""

    mailer: Mailer
    composer: Composer
    metrics: Metrics

    def begin(self, message: OutboxMessage, *, tx: Transaction) -> str | None:
        del message, tx
        return None

    def deliver(self, message: OutboxMessage) -> Attempt:
        told = message.payload
        words = self.composer.letter(
            LetterKind(str(told["kind"])), str(told["locale"]), _values(message)
        )
        letter = Letter(str(message.id), str(told["to"]), words.subject, words.text, words.html)
        try:
            self.mailer.send(letter)
        except GatewayUnavailable as failure:
            self.metrics.count("messages_sent", kind="mail", state="failed")
            if failure.reason == "recipient":
                return Attempt(error=failure.reason)
            wait = min(_LETTER_RETRY_SECONDS * 2 ** (message.attempts - 1), _LETTER_RETRY_MOST)
            return Attempt(error=failure.reason, retry_seconds=wait)
        self.metrics.count("messages_sent", kind="mail", state="accepted")
        return Attempt()

    def drop(self, message: OutboxMessage, *, tx: Transaction) -> None:
        _refund(message, tx=tx)


@dataclass(frozen=True, slots=True)
class DeliveryReports:
    """Takes carriers' reports: late, twice and in any order; knows whether they take messages."""

    store: Store
    clock: Clock
    metrics: Metrics
    gateways: SmsGateways

    def may_arrive(self) -> bool:
        """Return whether a short message would be taken now, as far as this process knows."""
        return self.gateways.is_reachable()

    def receive(
        self, gateway: str, body: bytes, *, content_type: str, headers: Mapping[str, str], url: str
    ) -> int:
        """Note what a report says; return how many of its messages we know.

        Refuses with `report.false` what is not that carrier's.
        """
        reports = self.gateways.read_report(
            gateway, body, content_type=content_type, headers=headers, url=url
        )
        if reports is None:
            raise Refused("report.false")
        if not reports:
            return 0
        with self.store.write() as tx:
            return sum(self._record(report, tx=tx) for report in reports)

    def _record(self, report: DeliveryReport, *, tx: Transaction) -> bool:
        record = tx.sms_records.find_by_provider(report.gateway, report.provider_id)
        if record is None:
            record = _named_by_us(report, tx=tx)
        if record is None:
            self.metrics.count("sms_reports_unknown", gateway=report.gateway)
            return False
        if may_follow(report.state, record.state):
            now = self.clock.now()
            tx.sms_records.put(
                replace(record, state=report.state, reason=report.reason, changed_at=now)
            )
            if report.state is SmsState.DELIVERED:
                self.metrics.count("codes_delivered", gateway=report.gateway)
                self.metrics.observe("sms_delivery", now - record.created_at)
        return True


def _named_by_us(report: DeliveryReport, *, tx: Transaction) -> SmsRecord | None:
    """Return the message of a report that overtook the carrier's answer, where it uses our id."""
    try:
        message_id = UUID(report.provider_id)
    except ValueError:
        return None
    record = tx.sms_records.find(message_id)
    return record if record is not None and record.gateway in {None, report.gateway} else None


def _values(message: OutboxMessage) -> dict[str, Any]:
    values = message.payload["values"]
    return dict(values) if isinstance(values, dict) else {}


def _refund(message: OutboxMessage, *, tx: Transaction) -> None:
    refunds = message.payload.get("refunds")
    for key in refunds if isinstance(refunds, list) else []:
        tx.limits.refund(bytes.fromhex(str(key)))
