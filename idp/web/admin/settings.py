"""Policy values and where each comes from: the environment, the default, or the code (`ui.md` §2).

Nothing is changed here: what a deployment may choose is in its environment, under version control.
"""

from dataclasses import dataclass
from typing import Final

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.identity import admin as admins
from idp.domain.identity import limits, lockout, otp
from idp.domain.identity.approval import APPROVAL_SECONDS
from idp.domain.identity.password import MAXIMUM, MINIMUM, MINIMUM_ADMINISTRATOR
from idp.domain.identity.roles import Permission
from idp.domain.identity.session import FRESH_SECONDS
from idp.web.admin.blueprint import MENU, MenuEntry, admin, allows
from idp.web.context import ToldSetting, web_settings

MENU.append(MenuEntry("settings", lazy_gettext("Pengaturan"), "gear", 80))


@dataclass(frozen=True, slots=True)
class Rule:
    """A value that the code fixes. `unit`: `seconds`, `characters`, `tries` or `times`."""

    words: object
    value: int
    unit: str


#: What no deployment chooses, in the order of the page.
RULES: Final[tuple[Rule, ...]] = (
    Rule(lazy_gettext("Kata sandi warga, paling sedikit"), MINIMUM, "characters"),
    Rule(lazy_gettext("Kata sandi admin, paling sedikit"), MINIMUM_ADMINISTRATOR, "characters"),
    Rule(lazy_gettext("Kata sandi, paling banyak"), MAXIMUM, "characters"),
    Rule(lazy_gettext("Salah kata sandi sebelum harus menunggu"), lockout.FREE_FAILURES, "times"),
    Rule(lazy_gettext("Salah kata sandi sampai dinonaktifkan"), lockout.DISABLE_AFTER, "times"),
    Rule(lazy_gettext("Masa berlaku kode OTP"), otp.CODE_SECONDS, "seconds"),
    Rule(lazy_gettext("Percobaan tiap kode OTP"), otp.ATTEMPTS, "times"),
    Rule(
        lazy_gettext("Kode OTP untuk satu nomor dalam 24 jam"),
        limits.SENDS_OF_CONTACT.most,
        "times",
    ),
    Rule(lazy_gettext("Sesi admin tanpa kegiatan"), admins.SESSION_LIMITS.idle, "seconds"),
    Rule(lazy_gettext("Sesi admin, paling lama"), admins.SESSION_LIMITS.absolute, "seconds"),
    Rule(lazy_gettext("Bukti baru untuk tindakan berisiko"), FRESH_SECONDS, "seconds"),
    Rule(lazy_gettext("Undangan admin"), admins.INVITATION_SECONDS, "seconds"),
    Rule(lazy_gettext("Persetujuan orang kedua"), APPROVAL_SECONDS, "seconds"),
    Rule(
        lazy_gettext("Percobaan masuk konsol per akun dalam 15 menit"),
        admins.TRIES_OF_ADMIN.most,
        "times",
    ),
    Rule(
        lazy_gettext("Percobaan masuk konsol per jaringan dalam 15 menit"),
        admins.TRIES_OF_NETWORK.most,
        "times",
    ),
)


@admin.get("/pengaturan")
@allows(Permission.SETTINGS_READ)
def settings() -> ResponseReturnValue:
    """Show every policy value with its source; secrets only as set or not."""
    return render_template(
        "admin/settings/list.html", groups=_groups(web_settings().told), rules=RULES
    )


def _groups(told: tuple[ToldSetting, ...]) -> dict[str, list[ToldSetting]]:
    """Return the settings by their area: the second word of the variable."""
    found: dict[str, list[ToldSetting]] = {}
    areas = {one.name.split("_")[1] for one in told}
    for one in told:
        area = one.name.split("_")[1]
        several = sum(other.name.split("_")[1] == area for other in told) > 1
        found.setdefault(area if several and area in areas else "", []).append(one)
    return found
