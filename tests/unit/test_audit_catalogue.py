"""The catalogue of audit events: each entry takes what it describes and nothing else (PD-6)."""

from dataclasses import replace

import pytest

from idp.domain.identity.audit import CATALOGUE, Action, AuditEvent, EventError, check_event
from idp.domain.identity.audit_details import (
    COUNT,
    FLAG,
    IDENTIFIER,
    NAME,
    REASON,
    WORD,
    WORDS,
    Detail,
    one_of,
    optional,
)

GOOD = AuditEvent(Action.CODE_SENT, 1, details={"purpose": "login", "channel": "sms"})


def test_pd_6_every_action_has_an_entry() -> None:
    assert set(CATALOGUE) == set(Action)


def test_pd_6_an_event_as_the_catalogue_describes_it_is_taken() -> None:
    check_event(GOOD)
    check_event(AuditEvent(Action.PASSWORD_CHANGED, 1))
    check_event(AuditEvent(Action.PASSWORD_CHANGED, 1, details={"recovered_by": None}))


@pytest.mark.parametrize(
    "event",
    [
        replace(GOOD, details={"purpose": "login"}),
        replace(GOOD, details={"purpose": "login", "channel": None}),
        replace(GOOD, details={"purpose": "login", "channel": "sms", "to": "+6281200000000"}),
        replace(GOOD, details={"purpose": "login", "channel": "08 12"}),
        replace(GOOD, details={"purpose": "login", "channel": 7}),
        replace(GOOD, actor="somebody"),
        replace(GOOD, object_id="two words"),
        replace(GOOD, object_id="x" * 129),
        replace(GOOD, object_id=""),
    ],
)
def test_pd_6_any_other_event_is_refused(event: AuditEvent) -> None:
    with pytest.raises(EventError):
        check_event(event)


def test_pd_4_a_refusal_does_not_tell_what_it_refused() -> None:
    event = replace(GOOD, details={"purpose": "login", "channel": "Siti binti Budi"})

    with pytest.raises(EventError) as refused:
        check_event(event)

    assert "Siti" not in str(refused.value)


NIK = "3273011708909001"


@pytest.mark.parametrize(
    ("detail", "good", "bad"),
    [
        (WORD, ["sms", "login.wrong", "DeviceRequest"], ["", "two words", "a@b", "x" * 65, 1]),
        (WORDS, [[], ["openid", "email"], ("a",)], ["openid", [1], [""], None]),
        (IDENTIFIER, ["https://jkp.example/", "x" * 512], ["", "a b", "é", "x" * 513, "a\n"]),
        (COUNT, [0, 7], [-1, 1.0, "7", True]),
        (FLAG, [True, False], [0, "true", None]),
        (NAME, ["command line"], ["", "x" * 129, "a\nb", f"NIK {NIK}"]),
        (REASON, ["Laporan 7/2026: ganti KTP", "x" * 500], ["", "x" * 501, "a\x00", NIK, 7]),
        (one_of("lock", "unlock"), ["lock"], ["open", 1]),
    ],
)
def test_pd_6_each_kind_of_detail_takes_its_own(
    detail: Detail, good: list[object], bad: list[object]
) -> None:
    assert [value for value in good if not detail.fits(value)] == []
    assert [value for value in bad if detail.fits(value)] == []
    assert optional(detail).is_optional
