"""Words of short messages and letters, in the language of whoever gets them.

A letter has at most one link, spelled out, and says what to do if it was not you; neither names
the person. A short message fits one GSM-7 message of 160 characters.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from flask import Flask
from flask_babel import force_locale, lazy_gettext

from idp.domain.identity.factors import ALL, PASSKEY, RECOVERY, TOTP
from idp.domain.identity.messages import segments_of
from idp.domain.identity.otp import Purpose
from idp.domain.identity.regions import DEFAULT_ZONE
from idp.domain.identity.team import TeamRole
from idp.services.messages import LetterKind, SmsKind, Words
from idp.web.i18n import clock_time, day, tell_times_in

#: What a code is for, as it stands in the middle of a sentence.
PURPOSES: Final[Mapping[str, object]] = {
    Purpose.SIGNUP: lazy_gettext("mendaftar"),
    Purpose.LOGIN: lazy_gettext("masuk"),
    Purpose.RECOVERY: lazy_gettext("ganti kata sandi"),
    Purpose.PHONE_CHANGE: lazy_gettext("ganti nomor handphone"),
    Purpose.EMAIL_CHANGE: lazy_gettext("ganti alamat email"),
    Purpose.STEP_UP: lazy_gettext("konfirmasi"),
    Purpose.LEGACY: lazy_gettext("akun lama"),
}

#: The first that fits with the origin line is sent. Translators: GSM-7 characters only.
SMS_CODES: Final = (
    lazy_gettext(
        "Kode SIAPkerja untuk %(purpose)s: %(code)s. Berlaku 5 menit. JANGAN beri tahu siapa pun, "
        "termasuk petugas Kemnaker."
    ),
    lazy_gettext(
        "Kode SIAPkerja untuk %(purpose)s: %(code)s. Berlaku 5 menit. JANGAN beri tahu siapa pun."
    ),
    lazy_gettext("Kode SIAPkerja untuk %(purpose)s: %(code)s. JANGAN beri tahu siapa pun."),
)

#: Texts of notices, without a link: there is nothing to do in a hurry.
SMS_NOTICES: Final[Mapping[SmsKind, object]] = {
    SmsKind.NIK_ATTEMPTED: lazy_gettext(
        "SIAPkerja: ada yang mencoba mendaftar dengan NIK Anda. Akun Anda tetap aman. Bukan Anda? "
        "Hubungi %(contact)s."
    ),
    SmsKind.PASSWORD_CHANGED: lazy_gettext(
        "SIAPkerja: kata sandi akun Anda telah diubah. Bukan Anda? Segera hubungi %(contact)s."
    ),
    SmsKind.EMAIL_CHANGED: lazy_gettext(
        "SIAPkerja: alamat email akun Anda telah diganti. Bukan Anda? Segera hubungi %(contact)s."
    ),
    SmsKind.PHONE_CHANGED: lazy_gettext(
        "SIAPkerja: nomor handphone akun Anda telah diganti. Bukan Anda? Segera hubungi "
        "%(contact)s."
    ),
    SmsKind.REQUEST_WAITING: lazy_gettext(
        "SIAPkerja: %(portal)s menunggu jawaban Anda. Buka akun Anda untuk mengizinkan atau "
        "menolak. Bukan Anda? Pilih Tolak."
    ),
    SmsKind.ACCOUNT_LOCKED: lazy_gettext(
        "SIAPkerja: akun Anda dikunci oleh petugas demi keamanan. Ada pertanyaan? Hubungi "
        "%(contact)s."
    ),
    SmsKind.ACCOUNT_UNLOCKED: lazy_gettext(
        "SIAPkerja: akun Anda sudah dibuka kembali dan dapat dipakai. Ada pertanyaan? Hubungi "
        "%(contact)s."
    ),
    SmsKind.FACTOR_CHANGED: lazy_gettext(
        "SIAPkerja: cara masuk akun Anda telah diubah. Bukan Anda? Segera hubungi %(contact)s."
    ),
    SmsKind.CONTACT_ASKED: lazy_gettext(
        "SIAPkerja: ada yang meminta nomor dan email akun Anda diganti. Bukan Anda? Segera hubungi "
        "%(contact)s."
    ),
    SmsKind.CONTACT_REPLACED: lazy_gettext(
        "SIAPkerja: nomor dan email akun Anda diganti oleh petugas. Bukan Anda? Segera hubungi "
        "%(contact)s."
    ),
    # no link: whoever gets one by short message learns to follow them
    SmsKind.RECOVERY_HELPED: lazy_gettext(
        "SIAPkerja: petugas membantu Anda masuk. Di halaman masuk pilih Kendala masuk ke akun, "
        "lalu Lupa kata sandi. Bukan Anda? Hubungi %(contact)s."
    ),
    SmsKind.ACCOUNT_MERGED: lazy_gettext(
        "SIAPkerja: petugas menggabungkan dua akun Anda. Masuk dengan NIK Anda. Bukan permintaan "
        "Anda? Hubungi %(contact)s."
    ),
}

_YOUR_TEAM: Final = lazy_gettext("Anda menerima email ini karena Anda anggota tim portal itu.")
_YOUR_CLIENTS: Final = lazy_gettext(
    "Anda menerima email ini karena Anda admin klien dan portal itu tidak punya tim."
)
_YOUR_CONTACT: Final = lazy_gettext(
    "Anda menerima email ini karena alamat Anda tercatat sebagai penanggung jawab portal itu. "
    "Bukan Anda? Hubungi %(contact)s."
)

_ENDS_SUBJECT: Final = lazy_gettext("%(portal)s: rahasia atau kunci berakhir dalam %(days)s hari")
_ENDS: Final = lazy_gettext(
    "Salah satu rahasia atau kunci %(portal)s berakhir pada %(at)s. Setelah itu portal tidak dapat "
    "memakainya lagi."
)
_ASK_US: Final = lazy_gettext(
    "Kunci yang Anda terbitkan sendiri gantilah lebih dulu; untuk rahasia baru hubungi %(contact)s."
)
_AWAY_SUBJECT: Final = lazy_gettext("%(portal)s: alamat kunci tidak menjawab")
_AWAY: Final = lazy_gettext(
    "Kunci publik %(portal)s tidak dapat diambil dari alamat jwks_uri pada %(at)s. Selama itu "
    "kunci baru tidak dikenal, dan setelah satu hari portal tidak dapat membuktikan dirinya."
)

#: What somebody is in a team.
TEAM_ROLES: Final[Mapping[str, object]] = {
    TeamRole.OWNER: lazy_gettext("pemilik"),
    TeamRole.DEVELOPER: lazy_gettext("pengembang"),
    TeamRole.VIEWER: lazy_gettext("pengamat"),
}

_IF_YOU: Final = lazy_gettext("Jika itu Anda, tidak ada yang perlu dilakukan.")
_TAKE_BACK: Final = lazy_gettext("Bukan Anda? Segera ambil kembali akun Anda:")
_CHANGE_PASSWORD: Final = lazy_gettext("Bukan Anda? Segera ubah kata sandi Anda:")


@dataclass(frozen=True, slots=True)
class Letter:
    """How one kind of letter reads. Sentences may hold `%(name)s` of the letter's values.

    `link`: its path below the issuer, with values too; empty for none. `lead`: the sentence before
    the link. `warning`: what to do if it was not you.
    """

    subject: object
    body: tuple[object, ...]
    warning: object
    lead: object = ""
    link: str = ""


LETTERS: Final[Mapping[LetterKind, Letter]] = {
    LetterKind.CODE: Letter(
        lazy_gettext("Kode SIAPkerja untuk %(purpose)s"),
        (
            lazy_gettext("Kode Anda untuk %(purpose)s: %(code)s"),
            lazy_gettext(
                "Kode berlaku 5 menit. Jangan berikan kode ini kepada siapa pun, termasuk petugas "
                "Kemnaker."
            ),
        ),
        lazy_gettext(
            "Bukan Anda? Abaikan email ini. Jika email seperti ini datang lagi, ubah kata sandi "
            "Anda."
        ),
    ),
    LetterKind.EMAIL_PROOF: Letter(
        lazy_gettext("Buktikan alamat email Anda"),
        (
            lazy_gettext("Alamat email ini diisi pada akun SIAPkerja ID."),
            lazy_gettext("Tautan berlaku 24 jam dan hanya dapat dipakai satu kali."),
        ),
        lazy_gettext("Bukan Anda? Abaikan email ini. Tanpa tautan tadi alamat ini tidak dipakai."),
        lead=lazy_gettext("Buka tautan ini untuk membuktikan bahwa alamat ini milik Anda:"),
        link="/email/bukti/%(secret)s",
    ),
    LetterKind.NIK_ATTEMPTED: Letter(
        lazy_gettext("Ada yang mencoba mendaftar dengan NIK Anda"),
        (
            lazy_gettext(
                "Seseorang mengisi data Anda di halaman pendaftaran SIAPkerja ID. Akun Anda sudah "
                "ada, jadi tidak ada akun baru yang dibuat dan tidak ada yang berubah."
            ),
            lazy_gettext("Jika itu Anda, silakan masuk dengan akun yang sudah ada."),
        ),
        lazy_gettext("Bukan Anda? Hubungi pusat bantuan Kemnaker di %(contact)s."),
        lead=lazy_gettext("Lupa kata sandi atau tidak dapat masuk? Buka halaman ini:"),
        link="/kendala",
    ),
    LetterKind.CONTACT_USED: Letter(
        lazy_gettext("Alamat email Anda diisi pada akun lain"),
        (
            lazy_gettext(
                "Seseorang mendaftar di SIAPkerja ID dengan alamat email ini. Alamat ini tetap "
                "terhubung dengan akun Anda, dan akun lain itu tidak dapat memakainya."
            ),
        ),
        lazy_gettext("Bukan Anda? Tidak ada yang perlu dilakukan. Akun Anda tetap aman."),
    ),
    LetterKind.PHONE_MOVED: Letter(
        lazy_gettext("Nomor handphone Anda dipakai akun lain"),
        (
            lazy_gettext(
                "Nomor handphone di akun SIAPkerja ID Anda telah dibuktikan oleh orang lain dengan "
                "kode SMS. Nomor itu kini terhubung dengan akun tersebut, dan Anda tidak dapat "
                "lagi masuk dengannya."
            ),
            lazy_gettext("Anda tetap dapat masuk dengan NIK atau alamat email Anda."),
        ),
        lazy_gettext(
            "Nomor itu masih milik Anda? Masuk, lalu daftarkan lagi nomor Anda. Jika SIM Anda "
            "hilang, hubungi operator Anda."
        ),
        lead=lazy_gettext("Periksa akun Anda:"),
        link="/akun/keamanan",
    ),
    LetterKind.NEW_DEVICE: Letter(
        lazy_gettext("Ada masuk baru ke akun Anda"),
        (lazy_gettext("Ada masuk baru ke akun Anda dari %(device)s, %(network)s, %(at)s."),),
        _CHANGE_PASSWORD,
        link="/akun/keamanan",
    ),
    LetterKind.PASSWORD_CHANGED: Letter(
        lazy_gettext("Kata sandi Anda telah diubah"),
        (
            lazy_gettext("Kata sandi akun SIAPkerja ID Anda diubah pada %(at)s."),
            lazy_gettext("Perangkat lain telah dikeluarkan."),
        ),
        _TAKE_BACK,
        link="/kendala",
    ),
    LetterKind.PASSWORD_DISABLED: Letter(
        lazy_gettext("Kata sandi Anda dinonaktifkan"),
        (
            lazy_gettext(
                "Kata sandi akun Anda terlalu sering salah diisi, jadi kami menonaktifkannya. "
                "Atur kata sandi baru untuk masuk kembali."
            ),
        ),
        lazy_gettext("Bukan Anda? Akun Anda tetap aman. Kata sandi baru menghentikan percobaan."),
        lead=lazy_gettext("Atur kata sandi baru:"),
        link="/kendala/kata-sandi",
    ),
    LetterKind.EMAIL_CHANGED: Letter(
        lazy_gettext("Alamat email akun Anda telah diganti"),
        (
            lazy_gettext(
                "Alamat email ini diganti dengan alamat lain di akun SIAPkerja ID pada %(at)s."
            ),
            lazy_gettext("Alamat ini tidak lagi dipakai oleh akun tersebut."),
        ),
        _TAKE_BACK,
        link="/kendala",
    ),
    LetterKind.CONTACT_ASKED: Letter(
        lazy_gettext("Ada yang meminta kontak akun Anda diganti"),
        (
            lazy_gettext(
                "Pada %(at)s seseorang yang mengetahui data KTP Anda menyatakan bahwa nomor "
                "handphone dan email akun SIAPkerja ID Anda hilang, dan meminta kontak yang baru."
            ),
            lazy_gettext("Petugas memeriksanya lebih dahulu. Akun Anda belum berubah."),
        ),
        lazy_gettext("Tautan tidak dapat dibuka? Hubungi %(contact)s agar permintaan itu ditolak."),
        lead=lazy_gettext("Bukan Anda? Hentikan permintaan itu di sini:"),
        link="/kendala/kontak/hentikan/%(secret)s",
    ),
    LetterKind.CONTACT_REPLACED: Letter(
        lazy_gettext("Kontak akun Anda telah diganti"),
        (
            lazy_gettext(
                "Pada %(at)s petugas mengganti nomor handphone dan email akun SIAPkerja ID Anda, "
                "atas permintaan yang kami beritahukan sebelumnya."
            ),
            lazy_gettext("Selama 48 jam kontak yang baru belum dapat memulihkan akun."),
        ),
        lazy_gettext("Bukan Anda? Segera hubungi %(contact)s agar akun Anda dikunci."),
    ),
    LetterKind.FACTOR_ADDED: Letter(
        lazy_gettext("Cara masuk akun Anda ditambah"),
        (
            lazy_gettext("%(factor)s ditambahkan ke akun SIAPkerja ID Anda pada %(at)s."),
            _IF_YOU,
        ),
        _TAKE_BACK,
        link="/kendala",
    ),
    LetterKind.FACTOR_REMOVED: Letter(
        lazy_gettext("Cara masuk akun Anda dihapus"),
        (
            lazy_gettext("%(factor)s dihapus dari akun SIAPkerja ID Anda pada %(at)s."),
            _IF_YOU,
        ),
        _TAKE_BACK,
        link="/kendala",
    ),
    LetterKind.RECOVERY_USED: Letter(
        lazy_gettext("Satu kode pemulihan Anda dipakai"),
        (
            lazy_gettext(
                "Satu kode pemulihan akun SIAPkerja ID Anda dipakai pada %(at)s. Sisa: %(left)s."
            ),
            _IF_YOU,
        ),
        _TAKE_BACK,
        link="/kendala",
    ),
    LetterKind.PHONE_CHANGED: Letter(
        lazy_gettext("Nomor handphone akun Anda telah diganti"),
        (
            lazy_gettext("Nomor handphone akun SIAPkerja ID Anda diganti pada %(at)s."),
            _IF_YOU,
        ),
        _TAKE_BACK,
        link="/kendala",
    ),
    LetterKind.RECOVERY_LINK: Letter(
        lazy_gettext("Atur ulang kata sandi Anda"),
        (
            lazy_gettext("Kami menerima permintaan untuk mengatur ulang kata sandi akun Anda."),
            lazy_gettext("Tautan berlaku 1 jam dan hanya dapat dipakai satu kali."),
        ),
        lazy_gettext("Bukan Anda? Abaikan email ini. Kata sandi Anda tidak berubah."),
        lead=lazy_gettext("Buka tautan ini untuk membuat kata sandi baru:"),
        link="/kendala/kata-sandi/baru?k=%(secret)s%(onward)s",
    ),
    LetterKind.PORTAL_CONNECTED: Letter(
        lazy_gettext("%(portal)s terhubung dengan akun Anda"),
        (
            lazy_gettext(
                "Anda mengizinkan %(portal)s menerima data dari akun SIAPkerja ID Anda pada %(at)s."
            ),
        ),
        lazy_gettext("Bukan Anda? Cabut izinnya di sini:"),
        link="/akun/portal",
    ),
    LetterKind.LEGACY_LINKED: Letter(
        lazy_gettext("Akun lama Anda kini bagian dari SIAPkerja ID"),
        (
            lazy_gettext(
                "Akun lama di portal %(portal)s dihubungkan dengan sebuah akun SIAPkerja ID pada "
                "%(at)s. Kata sandi lamanya tidak berlaku lagi."
            ),
            _IF_YOU,
        ),
        lazy_gettext("Bukan Anda? Hubungi pusat bantuan Kemnaker di %(contact)s."),
        lead=lazy_gettext("Hubungan ini dapat dilepaskan dalam 30 hari di halaman ini:"),
        link="/akun/akun-lama",
    ),
    LetterKind.LEGACY_DORMANT: Letter(
        lazy_gettext("Akun lama Anda akan dihapus"),
        (
            lazy_gettext(
                "Akun lama Anda di portal %(portal)s sudah lebih dari 24 bulan tidak dipakai. "
                "Masuk sebelum %(at)s agar akun itu menjadi bagian dari SIAPkerja ID."
            ),
            lazy_gettext("Sesudah itu kami menghapus data akun lama itu untuk selamanya."),
        ),
        lazy_gettext("Tidak ingin memakainya lagi? Tidak ada yang perlu dilakukan."),
        lead=lazy_gettext("Masuk dengan akun lama Anda di sini:"),
        link="/masuk/akun-lama",
    ),
    LetterKind.SESSIONS_ENDED: Letter(
        lazy_gettext("Perangkat lain telah dikeluarkan"),
        (lazy_gettext("Semua perangkat lain dikeluarkan dari akun Anda pada %(at)s."),),
        _CHANGE_PASSWORD,
        link="/akun/keamanan",
    ),
    LetterKind.ACCOUNT_LOCKED: Letter(
        lazy_gettext("Akun Anda dikunci"),
        (
            lazy_gettext("Akun SIAPkerja ID Anda dikunci oleh petugas pada %(at)s."),
            lazy_gettext(
                "Selama dikunci, akun ini tidak dapat dipakai untuk masuk, dan semua perangkat "
                "dikeluarkan. Data Anda tetap tersimpan."
            ),
        ),
        lazy_gettext(
            "Ada pertanyaan, atau menurut Anda ini keliru? Hubungi %(contact)s. Petugas tidak "
            "pernah meminta kata sandi atau kode."
        ),
    ),
    LetterKind.ACCOUNT_UNLOCKED: Letter(
        lazy_gettext("Akun Anda dibuka kembali"),
        (
            lazy_gettext("Akun SIAPkerja ID Anda dibuka kembali oleh petugas pada %(at)s."),
            lazy_gettext("Anda dapat masuk seperti biasa; kata sandi Anda tidak berubah."),
        ),
        lazy_gettext(
            "Ada pertanyaan? Hubungi %(contact)s. Petugas tidak pernah meminta kata sandi atau "
            "kode."
        ),
        lead=lazy_gettext("Masuk di sini:"),
        link="/masuk",
    ),
    LetterKind.ACCOUNT_MERGED: Letter(
        lazy_gettext("Dua akun Anda digabung"),
        (
            lazy_gettext("Dua akun SIAPkerja ID Anda digabung oleh petugas pada %(at)s."),
            lazy_gettext(
                "Masuklah mulai sekarang dengan akun yang memuat NIK Anda. Akun lama dari portal "
                "sudah pindah ke sana; akun yang satu lagi dikunci dan keluar dari semua portal."
            ),
        ),
        lazy_gettext(
            "Ada pertanyaan, atau menurut Anda ini keliru? Hubungi %(contact)s. Petugas tidak "
            "pernah meminta kata sandi atau kode."
        ),
        lead=lazy_gettext("Masuk di sini:"),
        link="/masuk",
    ),
    LetterKind.REQUEST_WAITING: Letter(
        lazy_gettext("%(portal)s menunggu jawaban Anda"),
        (lazy_gettext("%(portal)s meminta izin Anda. Permintaan ini berlaku beberapa menit."),),
        lazy_gettext("Bukan Anda yang memulainya? Pilih Tolak di halaman itu."),
        lead=lazy_gettext("Lihat permintaan itu dan jawab di sini:"),
        link="/akun/permintaan/%(page)s",
    ),
    LetterKind.ADMIN_INVITED: Letter(
        lazy_gettext("Undangan ke konsol admin SIAPkerja ID"),
        (
            lazy_gettext(
                "Anda diundang menjadi admin SIAPkerja ID. Tautan ini berlaku 30 menit dan hanya "
                "sekali."
            ),
        ),
        lazy_gettext("Tidak mengenal undangan ini? Abaikan email ini."),
        lead=lazy_gettext("Buka tautan ini untuk bergabung:"),
        link="/admin/undangan/%(secret)s",
    ),
    LetterKind.ADMIN_CHANGED: Letter(
        lazy_gettext("Keamanan akun admin Anda diubah"),
        (
            lazy_gettext(
                "Kata sandi atau langkah kedua akun admin SIAPkerja ID Anda diubah pada %(at)s."
            ),
        ),
        lazy_gettext("Bukan Anda? Segera minta administrator lain menangguhkan akun Anda."),
        lead=lazy_gettext("Periksa akun Anda:"),
        link="/admin/saya",
    ),
    LetterKind.ADMIN_RESET: Letter(
        lazy_gettext("Atur ulang akun admin SIAPkerja ID"),
        (
            lazy_gettext(
                "Administrator lain mengatur ulang akun admin Anda. Kata sandi dan langkah kedua "
                "yang lama tidak berlaku lagi. Tautan ini berlaku 30 menit dan hanya sekali."
            ),
        ),
        lazy_gettext("Tidak memintanya? Hubungi administrator Anda."),
        lead=lazy_gettext("Buka tautan ini untuk mengatur semuanya kembali:"),
        link="/admin/undangan/%(secret)s",
    ),
    LetterKind.TEAM_INVITATION: Letter(
        lazy_gettext("Undangan bergabung dengan tim %(team)s"),
        (
            lazy_gettext(
                "Anda diundang ke tim %(team)s di ruang pengembang SIAPkerja ID sebagai "
                "%(team_role)s."
            ),
            lazy_gettext("Tautan berlaku 7 hari dan hanya dapat dipakai satu kali."),
        ),
        lazy_gettext(
            "Tidak mengenal tim ini? Abaikan email ini. Tanpa tautan tadi tidak ada yang berubah."
        ),
        lead=lazy_gettext("Masuk dengan akun SIAPkerja ID Anda, lalu terima undangan di sini:"),
        link="/pengembang/undangan/%(secret)s",
    ),
    LetterKind.TEAM_JOINED: Letter(
        lazy_gettext("Anggota baru di tim %(team)s"),
        (lazy_gettext("%(member)s menerima undangan ke tim %(team)s sebagai %(team_role)s."),),
        lazy_gettext("Bukan orang yang Anda undang? Keluarkan anggota itu dari tim:"),
        link="/pengembang/tim",
    ),
    LetterKind.RELEASE_RETURNED: Letter(
        lazy_gettext("%(portal)s: petugas meminta perubahan"),
        (lazy_gettext("Pengajuan produksi %(portal)s perlu diubah sebelum disetujui."),),
        _YOUR_TEAM,
        lead=lazy_gettext("Baca catatan petugas, ubah, lalu ajukan lagi di sini:"),
        link="/pengembang/portal/%(portal_id)s",
    ),
    LetterKind.RELEASE_APPROVED: Letter(
        lazy_gettext("%(portal)s: pengajuan produksi disetujui"),
        (
            lazy_gettext(
                "Pengajuan produksi %(portal)s disetujui. Pemilik tim dapat menayangkannya."
            ),
        ),
        _YOUR_TEAM,
        lead=lazy_gettext("Tayangkan portal dan ambil rahasianya di sini:"),
        link="/pengembang/portal/%(portal_id)s",
    ),
    LetterKind.SECRET_EXPIRES: Letter(
        _ENDS_SUBJECT,
        (_ENDS,),
        _YOUR_TEAM,
        lead=lazy_gettext("Lihat yang berakhir dan gantilah di sini:"),
        link="/pengembang/portal/%(portal_id)s",
    ),
    LetterKind.KEYS_AWAY: Letter(
        _AWAY_SUBJECT,
        (_AWAY,),
        _YOUR_TEAM,
        lead=lazy_gettext("Periksa server kunci itu, lalu lihat keadaannya di sini:"),
        link="/pengembang/portal/%(portal_id)s",
    ),
    LetterKind.OFFICER_SECRET_EXPIRES: Letter(
        _ENDS_SUBJECT,
        (_ENDS,),
        _YOUR_CLIENTS,
        lead=lazy_gettext("Lihat yang berakhir dan gantilah di sini:"),
        link="/admin/portal/%(client_row)s",
    ),
    LetterKind.OFFICER_KEYS_AWAY: Letter(
        _AWAY_SUBJECT,
        (_AWAY,),
        _YOUR_CLIENTS,
        lead=lazy_gettext("Hubungi penanggung jawab portal, lalu lihat registrasinya di sini:"),
        link="/admin/portal/%(client_row)s",
    ),
    LetterKind.CONTACT_SECRET_EXPIRES: Letter(_ENDS_SUBJECT, (_ENDS, _ASK_US), _YOUR_CONTACT),
    LetterKind.CONTACT_KEYS_AWAY: Letter(_AWAY_SUBJECT, (_AWAY,), _YOUR_CONTACT),
}

#: What people call a factor.
FACTORS: Final = {
    TOTP: lazy_gettext("Aplikasi autentikator"),
    PASSKEY: lazy_gettext("Kunci sandi"),
    RECOVERY: lazy_gettext("Kode pemulihan"),
    ALL: lazy_gettext("Semua langkah kedua"),
}

#: How values read that are not words already.
_READABLE: Final[Mapping[str, Callable[[Any], str]]] = {
    "at": lambda at: f"{day(at)}, {clock_time(at)}",
    "purpose": lambda purpose: str(PURPOSES.get(purpose, purpose)),
    "factor": lambda factor: str(FACTORS.get(factor, factor)),
    "team_role": lambda role: str(TEAM_ROLES.get(role, role)),
}


class LetterWriter:
    """Implements `idp.services.messages.Composer`; works outside requests.

    `issuer`: what links begin with. `host`: the origin that short messages name. `contact`: whom
    to call.
    """

    def __init__(self, app: Flask, *, issuer: str, host: str, contact: str) -> None:
        self._app = app
        self._issuer = issuer
        self._host = host
        self._contact = contact

    def sms(self, kind: SmsKind, locale: str, values: Mapping[str, Any]) -> str:
        with self._speaking(locale):
            told = self._told(values)
            if kind is not SmsKind.CODE:
                return str(SMS_NOTICES[kind]) % told
            # WICG origin-bound one-time codes: the last line lets phones fill in the code
            origin = f"@{self._host} #{told['code']}"
            texts = [f"{str(words) % told}\n\n{origin}" for words in SMS_CODES]
        return next((text for text in texts if segments_of(text) == 1), texts[-1])

    def letter(self, kind: LetterKind, locale: str, values: Mapping[str, Any]) -> Words:
        design = LETTERS[kind]
        with self._speaking(locale):
            tell_times_in(values.get("zone", DEFAULT_ZONE))
            told = self._told(values)
            shown = {
                "locale": locale,
                "subject": _said(design.subject, told),
                "body": [_said(sentence, told) for sentence in design.body],
                "lead": _said(design.lead, told),
                "link": self._issuer + design.link % told if design.link else "",
                "warning": _said(design.warning, told),
            }
            text, html = (
                self._app.jinja_env.get_template(f"letters/letter.{ending}").render(shown)
                for ending in ("txt", "html")
            )
        return Words(str(shown["subject"]), text, html)

    def _told(self, values: Mapping[str, Any]) -> dict[str, Any]:
        readable = {
            name: _READABLE[name](value) if name in _READABLE else value
            for name, value in values.items()
        }
        # a letter that waited while this release came has no such value
        return {"contact": self._contact, "onward": "", **readable}

    @contextmanager
    def _speaking(self, locale: str) -> Iterator[None]:
        with self._app.app_context(), force_locale(locale):
            yield


def _said(words: object, told: Mapping[str, Any]) -> str:
    text = str(words)
    return text % told if text else ""
