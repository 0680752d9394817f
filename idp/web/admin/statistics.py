"""The overview's numbers: charts drawn here as SVG, each with the table that it is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flask_babel import lazy_gettext

from idp.domain.errors import Refused
from idp.domain.figures import Numbers, Series
from idp.domain.identity.roles import Permission
from idp.domain.protocol.client import Client
from idp.web.admin.overview import PANELS, Panel
from idp.web.context import services

#: The drawing's own units; how large it is on the page is the style sheet's matter.
_WIDTH, _HEIGHT, _GAP = 280, 80, 4
_DAY: Final = 86_400
#: Days count from 1970 in Jakarta: its noon is on the same day everywhere in Indonesia.
_NOON: Final = 5 * 3600


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of a chart, in the drawing's units."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Chart:
    """One counter: its bars, its numbers by day and label. `name`: for addresses in the page."""

    name: str
    heading: object
    series: tuple[Series, ...]
    bars: tuple[Bar, ...]
    totals: tuple[int, ...]

    @property
    def total(self) -> int:
        """All days together."""
        return sum(self.totals)


#: Counters in the order of the page, as people call them.
HEADINGS: Final[Mapping[str, object]] = {
    "logins": lazy_gettext("Upaya masuk"),
    "registrations": lazy_gettext("Pendaftaran menurut langkah"),
    "codes_sent": lazy_gettext("Kode dikirim"),
    "codes_used": lazy_gettext("Kode dimasukkan dengan benar"),
    "registry_checks": lazy_gettext("Jawaban Dukcapil"),
    "registry_failures": lazy_gettext("Dukcapil tidak menjawab"),
}
#: Labels as people call them; others are words of closed lists and stand as they are.
LABELS: Final[Mapping[str, object]] = {
    "known": lazy_gettext("berhasil, peramban dikenal"),
    "new": lazy_gettext("berhasil, peramban baru"),
    "failed": lazy_gettext("gagal"),
    "legacy": lazy_gettext("dengan akun lama"),
    "busy": lazy_gettext("sedang penuh"),
    "matched": lazy_gettext("cocok di Dukcapil"),
    "contact": lazy_gettext("kontak diisi"),
    "opened": lazy_gettext("akun dibuka"),
    "legacy_taken": lazy_gettext("akun lama sudah dipakai"),
    "sms": lazy_gettext("SMS"),
    "email": lazy_gettext("email"),
    "match": lazy_gettext("cocok"),
    "mismatch": lazy_gettext("tidak cocok"),
    "not_found": lazy_gettext("NIK tidak ditemukan"),
    "inactive": lazy_gettext("NIK tidak aktif"),
    "duplicate": lazy_gettext("NIK ganda"),
    "deceased": lazy_gettext("tercatat meninggal"),
    "not_verifiable": lazy_gettext("tidak dapat diperiksa"),
    "quota_exhausted": lazy_gettext("kuota habis"),
    "outside_hours": lazy_gettext("di luar jam layanan"),
    "unavailable": lazy_gettext("tidak tersedia"),
    "bad_answer": lazy_gettext("jawaban tidak terbaca"),
    "config_error": lazy_gettext("salah pengaturan"),
    "request_error": lazy_gettext("permintaan ditolak"),
    "unknown": lazy_gettext("jawaban tidak dikenal"),
    "timeout": lazy_gettext("terlalu lama"),
    "certificate": lazy_gettext("sertifikat ditolak"),
    "unreachable": lazy_gettext("tidak terhubung"),
    "reset": lazy_gettext("sambungan terputus"),
    "protocol": lazy_gettext("bukan HTTP"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What the panel shows. `days`: an instant within each; `portals`: by `client_id`."""

    numbers: Numbers
    charts: tuple[Chart, ...]
    days: tuple[int, ...]
    labels: Mapping[str, object]
    portals: Mapping[str, Client]


def bars(totals: Sequence[int]) -> tuple[Bar, ...]:
    """Return one bar a day; the highest fills the drawing, and what is not nothing can be seen."""
    highest = max(totals, default=0)
    step = _WIDTH // max(len(totals), 1)
    drawn = []
    for place, total in enumerate(totals):
        height = max(_HEIGHT * total // highest, 1) if total else 0
        drawn.append(Bar(place * step, _HEIGHT - height, step - _GAP, height))
    return tuple(drawn)


def load() -> Shown:
    """Read the figures and draw them."""
    numbers = services().figures.read()
    charts = []
    for name, heading in HEADINGS.items():
        series = numbers.daily[name]
        totals = tuple(
            sum(one.numbers[place] for one in series) for place in range(len(numbers.days))
        )
        charts.append(Chart(name, heading, series, bars(totals), totals))
    days = tuple(day * _DAY + _NOON for day in numbers.days)
    portals = {
        one.client_id: client
        for one in numbers.errors
        if (client := _portal(one.client_id)) is not None
    }
    return Shown(numbers, tuple(charts), days, LABELS, portals)


def _portal(client_id: str) -> Client | None:
    """Return a portal; errors of one that was deleted since stay in the numbers."""
    try:
        return services().clients.get(client_id)
    except Refused:
        return None


PANELS.append(Panel("admin/statistics/_panel.html", Permission.STATISTICS_READ, load, 10))
