"""Audit rows as lines: nothing of a row is lost, and nothing in a row ends a line (RFC 5424)."""

import json
import re
from dataclasses import replace
from uuid import UUID

import pytest

from idp.domain.identity.audit import Action, AuditEvent, AuditRow, Origin, Outcome
from idp.domain.identity.audit_chain import GENESIS, chained, is_ours, row_of
from idp.domain.identity.audit_lines import json_line, parse_line, syslog_line

KEY = bytes(range(32))
NOW = 1_795_485_600
#: RFC 5424 §6: priority, version, time, host, application, process, message id, structured data.
SYSLOG = re.compile(
    r"<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) (\S{1,255}) siapkerja - ([!-~]{1,32}) "
    r'\[siapkerja@32473((?: [a-z_]{1,32}="(?:[^"\\\]]|\\["\\\]])*")+)\] (.+)'
)


def a_row(**given: object) -> AuditRow:
    event = AuditEvent(
        Action.CLIENT_CHANGED,
        NOW,
        actor="admin",
        actor_id=UUID(int=3),
        client_id="portal",
        object_id="version-2",
        origin=Origin("203.0.113.0/24", "request-1", "Firefox, Linux"),
        details={"by": "Rina", "version": 2},
    )
    row = row_of(UUID(int=7), replace(event, **given), KEY)  # type: ignore[arg-type]
    return replace(row, sequence=1, chain=chained(row.mac, GENESIS, KEY))


def test_a_line_says_the_whole_row_and_is_read_back() -> None:
    row = a_row()

    again = parse_line(json_line(row))

    assert again == row
    assert is_ours(again, KEY)
    assert json.loads(json_line(row))["time"] == "2026-11-24T02:00:00Z"


@pytest.mark.parametrize("line", ["", "7", "[]", "{}", "null", '{"id": "x"}', "nonsense"])
def test_what_is_no_line_of_an_export_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_line(line)


def test_a_syslog_message_has_the_parts_of_rfc_5424() -> None:
    found = SYSLOG.fullmatch(syslog_line(a_row(), "id.example.go.id"))

    assert found is not None
    priority, time, host, message_id, data, text = found.groups()
    assert (priority, time, host) == ("110", "2026-11-24T02:00:00Z", "id.example.go.id")
    assert (message_id, text) == ("client.changed", "client.changed done")
    assert ' cursor="1"' in data
    assert r' details="{\"by\":\"Rina\",\"version\":2}"' in data


def test_a_refusal_is_a_notice() -> None:
    assert syslog_line(a_row(outcome=Outcome.REFUSED), "x").startswith("<109>1 ")


@pytest.mark.parametrize("text", ['"', "]", "\\", '\\"]', "\r\n<0>1 forged", "\x00", "é"])
def test_in_2_no_text_of_a_row_ends_its_line_or_its_value(text: str) -> None:
    line = syslog_line(a_row(origin=Origin(device=f"a{text}b")), "id.example.go.id")

    assert line.splitlines() == [line]
    assert SYSLOG.fullmatch(line) is not None
