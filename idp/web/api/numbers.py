"""Figures."""

from datetime import date, timedelta
from typing import Final

from pydantic import Field

from idp.domain.identity.roles import Permission
from idp.web.api.operation import Call, Reply, operation
from idp.web.api.shapes import Shape
from idp.web.context import services

_FIRST_DAY: Final = date(1970, 1, 1)


class Day(Shape):
    """What a client did on one day, by Jakarta's time."""

    day: date
    sign_ins: int
    tokens: int
    errors: int


class Counted(Shape):
    """One counter by one label, day by day."""

    label: str
    numbers: list[int]
    total: int


class ClientErrors(Shape):
    """How many errors were told to a client."""

    client_id: str
    errors: int


class KeyAge(Shape):
    """How long a key has signed."""

    alg: str
    seconds: int


class Numbers(Shape):
    """How things stand, over the last fourteen days, the oldest first."""

    days: list[date]
    counters: dict[str, list[Counted]] = Field(
        description="By name: logins, registrations, codes_sent, codes_used, registry_checks, ..."
    )
    sms_cost: int = Field(description="Rupiah that the short messages of these days cost.")
    registry_quota_left: int | None = Field(None, description="What Dukcapil told last.")
    outbox_oldest_seconds: int | None = Field(None, description="Age of what waits longest.")
    errors: list[ClientErrors] = Field(description="Clients with the most errors.")
    key_ages: list[KeyAge]


class Usage(Shape):
    """The last thirty days, the newest first."""

    items: list[Day]


@operation("GET", "/numbers", Permission.STATISTICS_READ, gives={200: Numbers})
def show_numbers(call: Call) -> Reply:
    """Show how the service does: the figures of the console's first page."""
    del call
    found = services().figures.read()
    return Reply(
        Numbers(
            days=[_FIRST_DAY + timedelta(days=day) for day in found.days],
            counters={
                name: [
                    Counted(label=one.label, numbers=list(one.numbers), total=one.total)
                    for one in series
                ]
                for name, series in found.daily.items()
            },
            sms_cost=found.sms_cost,
            registry_quota_left=found.quota_left,
            outbox_oldest_seconds=found.outbox_oldest_seconds,
            errors=[ClientErrors(client_id=e.client_id, errors=e.number) for e in found.errors],
            key_ages=[KeyAge(alg=age.alg, seconds=age.seconds) for age in found.keys],
        )
    )


@operation("GET", "/clients/{client_id}/usage", Permission.STATISTICS_READ, gives={200: Usage})
def show_usage(call: Call) -> Reply:
    """Show sign-ins, tokens and errors of a client, day by day."""
    client = services().clients.get(call.path["client_id"])
    days = services().traffic.usage(client.client_id)
    return Reply(
        Usage(
            items=[
                Day(
                    day=_FIRST_DAY + timedelta(days=day.day),
                    sign_ins=day.sign_ins,
                    tokens=day.tokens,
                    errors=day.errors,
                )
                for day in days
            ]
        )
    )
