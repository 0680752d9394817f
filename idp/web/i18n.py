"""Languages, instants and numbers as people read them."""

import re
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal
from flask import Flask, g, request
from flask_babel import Babel, get_locale, gettext, lazy_gettext
from markupsafe import escape

from idp.domain.identity.regions import DEFAULT_ZONE, ZONE_NAMES
from idp.web.context import cookie_name, services

LOCALES: Final = ("id", "en")

#: What the cookie keeps of a waiting request's id.
_PLACE: Final = re.compile(r"[A-Za-z0-9_-]{8}")
_MINUTE: Final = 60
_HALF_A_DAY: Final = 43_200


def init_app(app: Flask) -> None:
    """Choose a language for every page before anything is rendered."""
    app.config["BABEL_DEFAULT_LOCALE"] = "id"
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = "translations"
    Babel(app, locale_selector=lambda: g.get("locale", "id"))
    app.before_request(_choose)
    app.jinja_env.filters.update(
        moment=moment,
        clock_time=clock_time,
        from_when=from_when,
        # for attributes, which hold no elements
        clock_words=lambda at: str(clock_time(at)),
        clock_second=clock_second,
        day=day,
        number=number,
        duration=duration,
    )


def load() -> None:
    """Load how each language writes dates and numbers."""
    for language in LOCALES:
        # any of its data brings all
        Locale.parse(language).datetime_formats  # noqa: B018 - read for what it loads


def prefer(*languages: str) -> None:
    """Put the languages of a portal's request (`ui_locales`) before what the browser says.

    What the person chose for this page, or while this request waits, stays.
    """
    chosen = pick(languages)
    if chosen is not None and not g.get("locale_is_chosen"):
        g.locale = chosen


def prefer_own(language: str) -> None:
    """Put the account's language before the browser's, unless the person chose one here."""
    if not g.get("locale_is_kept"):
        prefer(language)


def pick(languages: tuple[str, ...] | list[str]) -> str | None:
    """Return the first language that we have; `en-GB` counts as `en`, `in` is old for `id`."""
    for language in languages:
        primary = language.replace("_", "-").split("-")[0].lower()
        primary = "id" if primary == "in" else primary
        if primary in LOCALES:
            return primary
    return None


def _choose() -> None:
    asked = pick([request.args.get("lang", "")])
    kept, place = _kept()
    here = _PLACE.match(request.args.get("i", ""))
    g.locale_is_kept = bool(asked or kept)
    g.locale_is_chosen = bool(asked) or bool(here and place and here[0] == place)
    if asked:
        g.new_lang = f"{asked}.{here[0]}" if here else asked
    accepted = [language for language, _ in request.accept_languages]
    # the query's own ui_locales is read by the page that knows the waiting request
    g.locale = asked or kept or pick(accepted) or "id"


def _kept() -> tuple[str | None, str]:
    """Return the language that the cookie keeps, and in which waiting request it was chosen.

    There it stands before the portal's `ui_locales`: whoever switches wants the next page so too.
    """
    language, _, place = request.cookies.get(cookie_name("lang"), "").partition(".")
    return pick([language]), place


def tell_times_in(time_zone: str) -> None:
    """Tell times of this page or letter in a person's zone, once we know who it is."""
    g.zone = time_zone


def zone() -> ZoneInfo:
    """Return the zone of whoever this page or letter is for; WIB where we don't know."""
    return ZoneInfo(g.get("zone", DEFAULT_ZONE))


class Told(str):
    """A time in words; on a page it becomes a `time` element (`ui.md` section 9).

    `machine`: the same as HTML's `datetime` has it, an instant in UTC.
    """

    machine: str

    def __new__(cls, words: str, machine: str) -> "Told":
        told = super().__new__(cls, words)
        told.machine = machine
        return told

    def __html__(self) -> str:
        return f'<time datetime="{escape(self.machine)}">{escape(str(self))}</time>'


def _told(words: str, at: int) -> Told:
    return Told(words, datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


def clock_time(at: int) -> Told:
    """Return `15.04 WIB`."""
    return _told(_clock(at, "%H", "%M"), at)


def clock_second(at: int) -> Told:
    """Return `15.04.30 WIB`, for waits shorter than a minute."""
    return _told(_clock(at, "%H", "%M", "%S"), at)


def _clock(at: int, *parts: str) -> str:
    local = datetime.fromtimestamp(at, UTC).astimezone(zone())
    name = ZONE_NAMES.get(str(local.tzinfo), "WIB")
    separator = "." if str(get_locale()) == "id" else ":"
    return f"{local.strftime(separator.join(parts))} {name}"


def day(at: int) -> Told:
    """Return `22 November 2026`."""
    local = datetime.fromtimestamp(at, UTC).astimezone(zone())
    return _told(day_of(local.date()), at)


def day_of(date_: date) -> Told:
    """Return the same of a date that has no time of day."""
    words = format_date(date_, "d MMMM y", locale=str(get_locale()))
    return Told(words, date_.isoformat())


def moment(at: int) -> Told:
    """Return `22 November 2026, 15.04 WIB`, or `hari ini, 15.04 WIB`."""
    today = datetime.fromtimestamp(services().clock.now(), UTC).astimezone(zone()).date()
    local = datetime.fromtimestamp(at, UTC).astimezone(zone()).date()
    date_words = gettext("hari ini") if local == today else day(at)
    return _told(f"{date_words}, {clock_time(at)}", at)


def from_when(at: int) -> Told:
    """Return the whole minute from which something may be done: `15.05 WIB`, never too early.

    With its day where the clock alone would be taken for a time that is nearer.
    """
    minute = -(-at // _MINUTE) * _MINUTE
    is_near = minute - services().clock.now() < _HALF_A_DAY
    return clock_time(minute) if is_near else moment(minute)


def number(value: float) -> str:
    """Return `182.340`."""
    return format_decimal(value, locale=str(get_locale()))


def duration(seconds: int) -> str:
    """Return `15 menit`, `8 jam`, `2 jam 30 menit`: the two largest units that are not empty."""
    parts = []
    for size, words in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(str(words) % {"n": number(count)})
    return " ".join(parts[:2]) or str(_UNITS[-1][1]) % {"n": "0"}


_UNITS: Final = (
    (86400, lazy_gettext("%(n)s hari")),
    (3600, lazy_gettext("%(n)s jam")),
    (60, lazy_gettext("%(n)s menit")),
    (1, lazy_gettext("%(n)s detik")),
)
