"""Audit rows as lines for others: JSON, syslog (RFC 5424), and JSON read back for checking.

A line says everything that a row's MAC covers, so an export can be verified without the database.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from idp.domain.identity.audit import AuditRow, Outcome

#: Facility 13, "log audit" (RFC 5424 §6.2.1).
_FACILITY: Final = 13
_INFORMATIONAL, _NOTICE = 6, 5
#: Structured data of ours needs an enterprise number; this one is set aside for those without
#: (RFC 5612 §2).
_SD_ID: Final = "siapkerja@32473"
#: RFC 5424 §6.3.3: what is escaped in a value. Control characters would end the line.
_ESCAPES: Final = {ord(mark): f"\\{mark}" for mark in '"\\]'} | dict.fromkeys(
    (*range(32), 127), " "
)


def instant(at: int) -> str:
    """Return an instant as RFC 3339 writes it, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def as_document(row: AuditRow) -> dict[str, Any]:
    """Return a row as JSON takes it. `cursor`: exporting goes on behind it."""
    return {
        "cursor": str(row.sequence or ""),
        "sequence": row.sequence,
        "id": str(row.id),
        "at": row.at,
        "time": instant(row.at),
        "action": row.action,
        "outcome": row.outcome,
        "actor": row.actor,
        "actor_id": str(row.actor_id) if row.actor_id is not None else None,
        "account_id": str(row.account_id) if row.account_id is not None else None,
        "client_id": row.client_id,
        "object_id": row.object_id,
        "request_id": row.request_id,
        "network": row.network,
        "device": row.device,
        "details": row.details,
        "mac": row.mac.hex(),
        "chain": row.chain.hex() if row.chain is not None else None,
    }


def json_line(row: AuditRow) -> str:
    """Return a row as one line of JSON."""
    return json.dumps(as_document(row), separators=(",", ":"))


def syslog_line(row: AuditRow, host: str) -> str:
    """Return a row as one syslog message (RFC 5424 §6); `host`: whose log it is."""
    severity = _INFORMATIONAL if row.outcome == Outcome.DONE else _NOTICE
    told = as_document(row)
    fields = {name: told[name] for name in _FIELDS if told[name] not in {None, ""}}
    fields["details"] = json.dumps(row.details, sort_keys=True, separators=(",", ":"))
    data = "".join(f' {name}="{str(value).translate(_ESCAPES)}"' for name, value in fields.items())
    head = f"<{_FACILITY * 8 + severity}>1 {told['time']} {host or '-'} siapkerja - {row.action}"
    return f"{head} [{_SD_ID}{data}] {row.action} {row.outcome}"


_FIELDS: Final = (
    *("cursor", "id", "outcome", "actor", "actor_id", "account_id", "client_id", "object_id"),
    *("request_id", "network", "device", "mac", "chain"),
)


def parse_line(text: str) -> AuditRow:
    """Read a line of an export; `ValueError` for anything else."""
    told = json.loads(text)
    try:
        return AuditRow(
            id=UUID(told["id"]),
            at=told["at"],
            action=told["action"],
            outcome=told["outcome"],
            actor=told["actor"],
            actor_id=_uuid(told["actor_id"]),
            account_id=_uuid(told["account_id"]),
            client_id=told["client_id"],
            object_id=told["object_id"],
            network=told["network"],
            request_id=told["request_id"],
            device=told["device"],
            details=_members(told["details"]),
            mac=bytes.fromhex(told["mac"]),
            sequence=told["sequence"],
            chain=bytes.fromhex(told["chain"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("no line of an export") from error


def _uuid(text: str | None) -> UUID | None:
    return UUID(text) if text is not None else None


def _members(value: dict[str, object]) -> Mapping[str, object]:
    return dict(value.items())
