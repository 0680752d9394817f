"""`/admin`: figures that every process shares, drawn on the server, their tables beside them."""

import re
from collections.abc import Callable

import pytest

from idp.app import Application
from idp.domain.identity.roles import Role
from idp.services.figures import CountedMetrics
from idp.web.admin.statistics import bars
from tests.fakes import FixedClock
from tests.guest import Guest
from tests.officer import an_officer
from tests.portal import a_portal, an_account
from tests.statements import counted

DAY = 86400


def counters(app: Application) -> CountedMetrics:
    return app.wiring.services.figures.metrics


def numbers(app: Application, name: str) -> dict[str, tuple[int, ...]]:
    return {one.label: one.numbers for one in app.wiring.services.figures.read().daily[name]}


def test_what_people_do_is_counted_by_day(app: Application, clock: FixedClock) -> None:
    an_account(app)
    guest = Guest(app)
    guest.log_in("budi1@contoh.id", "salah benar biru")
    clock.move(DAY)
    guest.log_in("budi1@contoh.id", "salah benar biru")
    guest.log_in("budi1@contoh.id")

    assert numbers(app, "logins")["failed"][-2:] == (1, 1)
    assert numbers(app, "codes_sent")["email"][-1] == 1


def test_processes_add_up(make_app: Callable[..., Application]) -> None:
    one, other = make_app(), make_app()
    for app, times in ((one, 3), (other, 4)):
        for _ in range(times):
            counters(app).count("logins", outcome="known")
        app.wiring.services.figures.flush()
    counters(other).gauge("registry_quota_left", 700)
    other.wiring.services.figures.flush()

    assert numbers(one, "logins")["known"][-1] == 7
    assert one.wiring.services.figures.read().quota_left == 700


def test_counting_costs_no_statement(app: Application) -> None:
    with counted(app) as statements:
        counters(app).count("logins", outcome="known")
        counters(app).gauge("registry_quota_left", 5)

    assert statements == []


def test_what_is_not_kept_by_day_is_only_told(app: Application) -> None:
    counters(app).count("fetches", kind="logo", outcome="ok")

    assert counters(app).take() == ({}, {})
    assert b'siapkerja_fetches_total{kind="logo",outcome="ok"} 1.0' in (
        app.wiring.metrics.exposition()
    )


def test_what_could_not_be_written_is_counted_again(app: Application) -> None:
    counting = counters(app)
    counting.count("logins", outcome="known")
    counting.gauge("registry_quota_left", 5)
    counts, values = counting.take()
    counting.count("logins", outcome="known")
    counting.gauge("registry_quota_left", 4)

    counting.give_back(counts, values)

    taken, newest = counting.take()
    assert list(taken.values()) == [2]
    assert list(newest.values()) == [4]


def test_the_page_draws_what_the_tables_say(app: Application, clock: FixedClock) -> None:
    for _ in range(3):
        counters(app).count("logins", outcome="known")
    clock.move(DAY)
    counters(app).count("logins", outcome="failed")
    page = an_officer(app, Role.READER).get("/admin").text

    [drawing] = re.findall(r"<svg class=\"bars\".*?</svg>", page)
    heights = [int(height) for height in re.findall(r'height="(\d+)"/>', drawing)]
    assert heights == [0] * 12 + [80, 26]
    assert "berhasil, peramban dikenal: 3 · gagal: 1" in page
    assert "4 dalam 14 hari" in page
    assert "style=" not in page
    assert "<script>" not in page


def test_errors_stand_by_portal_and_keys_by_age(app: Application, clock: FixedClock) -> None:
    portal = a_portal(app, app.test_client())
    for _ in range(2):
        portal.token(grant_type="authorization_code", code="never-made")
    clock.move(9 * DAY)

    read = app.wiring.services
    read.traffic.flush()
    read.figures.flush_if_due()
    page = an_officer(app, Role.READER).get("/admin").text
    told = app.wiring.metrics.exposition().decode()

    assert portal.client.client_id in page
    assert portal.client.name_in("id") in page
    assert [(e.client_id, e.number) for e in read.figures.read().errors] == [
        (portal.client.client_id, 2)
    ]
    assert "Umur kunci ES256" in page
    assert "9 hari" in page
    assert f'siapkerja_signing_key_age_seconds{{alg="ES256"}} {9.0 * DAY}' in told
    assert f'siapkerja_portal_errors_total{{client="{portal.client.client_id}"}} 2.0' in told


@pytest.mark.parametrize(("price", "words"), [("350", "Rp700"), ("0", "harga belum diatur")])
def test_codes_have_their_cost(
    make_app: Callable[..., Application], price: str, words: str
) -> None:
    app = make_app(SIAPKERJA_SMS_PRICE=price)
    for channel in ("sms", "sms", "email"):
        counters(app).count("codes_sent", purpose="login", channel=channel)

    assert words in an_officer(app, Role.READER).get("/admin").text


@pytest.mark.parametrize(
    ("totals", "heights"),
    [
        ((), []),
        ((0, 0), [0, 0]),
        ((5,), [80]),
        ((1, 1_000_000), [1, 80]),
        ((2, 1, 0), [80, 40, 0]),
    ],
)
def test_bars_fill_the_drawing_and_show_what_is_not_nothing(
    totals: tuple[int, ...], heights: list[int]
) -> None:
    drawn = bars(totals)

    assert [bar.height for bar in drawn] == heights
    assert all(bar.y + bar.height == 80 and bar.x + bar.width <= 280 for bar in drawn)


def test_the_page_speaks_english_too(app: Application) -> None:
    counters(app).count("logins", outcome="known")

    page = an_officer(app, Role.READER, language="en").get("/admin").text

    for words in ("How things stand", "Sign-in attempts", "1 in 14 days", "Errors by portal"):
        assert words in page
