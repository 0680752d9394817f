"""Codes to words: what a refusal says to a person, in their language.

The texts are those of the ministry's copy deck; Bahasa Indonesia is the source, English beside it.
"""

from collections.abc import Mapping
from typing import Final

from flask_babel import gettext, lazy_gettext

from idp.domain.errors import Refused
from idp.web.i18n import from_when

_NIK_FORMAT = lazy_gettext(
    "NIK yang Anda masukkan tidak dikenali. Periksa kembali angka pada KTP-el Anda."
)
_PASSWORD_PERSONAL = lazy_gettext(
    "Jangan gunakan nama, NIK, email, atau nomor handphone sebagai kata sandi."
)
_PASSWORD_COMMON = lazy_gettext(
    "Kata sandi ini mudah ditebak atau pernah bocor. Pilih kata sandi lain, misalnya tiga kata "
    "acak."
)
_NAME_CHARS = lazy_gettext(
    "Nama hanya boleh berisi huruf, spasi, titik, koma, tanda petik, dan tanda hubung."
)

_CODE_LIMIT = lazy_gettext(
    "Permintaan kode sudah mencapai batas. Silakan coba lagi pada %(until_at)s."
)
_PUZZLE = lazy_gettext(
    "Ada banyak permintaan dari jaringan Anda. Tunggu sebentar, lalu pilih Lanjut. Isian Anda "
    "masih ada."
)

#: In the place of `otp.wait`, for waits that nobody counts in seconds (`ui.md` section 3).
_LONG_WAIT: Final = "otp.long_wait"
_COUNTED_SECONDS: Final = 60

#: `%(name)s` stands for a value of the refusal; `*_at` values tell from when.
MESSAGES: Final[Mapping[str, object]] = {
    "nik.required": lazy_gettext("Masukkan NIK Anda."),
    "nik.character": lazy_gettext("NIK hanya boleh berisi angka."),
    "nik.length": lazy_gettext("NIK terdiri dari 16 angka. Periksa kembali KTP-el Anda."),
    "nik.province": _NIK_FORMAT,
    "nik.regency": _NIK_FORMAT,
    "nik.district": _NIK_FORMAT,
    "nik.day": _NIK_FORMAT,
    "nik.month": _NIK_FORMAT,
    "nik.serial": _NIK_FORMAT,
    "full_name.required": lazy_gettext("Masukkan nama lengkap sesuai KTP-el."),
    "full_name.character": _NAME_CHARS,
    "full_name.length": lazy_gettext("Nama paling panjang %(maximum)s huruf."),
    "mother_name.required": lazy_gettext("Masukkan nama ibu kandung sesuai Kartu Keluarga."),
    "mother_name.character": _NAME_CHARS,
    "mother_name.length": lazy_gettext("Nama paling panjang %(maximum)s huruf."),
    "field.long": lazy_gettext("Isian ini terlalu panjang."),
    "field.character": lazy_gettext("Isian ini berisi karakter yang tidak dapat dipakai."),
    "form.expired": lazy_gettext(
        "Halaman ini terlalu lama terbuka. Isian Anda masih ada, kirim sekali lagi."
    ),
    "email.invalid": lazy_gettext("Format alamat email belum benar. Contoh: nama@contoh.id"),
    "email.typo": lazy_gettext(
        "Apakah maksud Anda %(suggestion)s? Jika alamat Anda sudah benar, kirim sekali lagi."
    ),
    "phone.invalid": lazy_gettext("Nomor handphone belum benar. Contoh: 0812 3456 7890"),
    "phone.foreign": lazy_gettext(
        "Gunakan nomor handphone Indonesia yang dimulai dengan 08 atau +62."
    ),
    "phone.same": lazy_gettext("Nomor ini sudah menjadi nomor handphone akun Anda."),
    "password.required": lazy_gettext("Masukkan kata sandi."),
    "password.short": lazy_gettext("Kata sandi minimal %(minimum)s karakter."),
    "password.long": lazy_gettext("Kata sandi paling panjang %(maximum)s karakter."),
    "password.common": _PASSWORD_COMMON,
    "password.repeated": _PASSWORD_COMMON,
    "password.keyboard": _PASSWORD_COMMON,
    "password.service": _PASSWORD_COMMON,
    "password.personal": _PASSWORD_PERSONAL,
    "password.same": lazy_gettext("Gunakan kata sandi yang berbeda dari sebelumnya."),
    "agree.required": lazy_gettext(
        "Anda perlu membaca dan memahami Pemberitahuan Privasi untuk melanjutkan."
    ),
    "otp.required": lazy_gettext("Masukkan 6 angka kode OTP."),
    "otp.form": lazy_gettext("Masukkan 6 angka kode OTP."),
    "otp.wrong": lazy_gettext("Kode OTP salah. Sisa percobaan: %(left)s."),
    "otp.older": lazy_gettext("Gunakan kode dari SMS terbaru."),
    "otp.older_letter": lazy_gettext("Gunakan kode dari email terbaru."),
    "otp.expired": lazy_gettext("Kode OTP sudah tidak berlaku. Minta kode baru."),
    "otp.attempts": lazy_gettext(
        "Kode OTP salah terlalu sering dan telah dibatalkan. Minta kode baru."
    ),
    "otp.wait": lazy_gettext("Kode baru dapat diminta dalam %(seconds)s detik."),
    _LONG_WAIT: lazy_gettext("Kode baru dapat diminta mulai pukul %(until_at)s."),
    "otp.limit": _CODE_LIMIT,
    "otp.stopped": _CODE_LIMIT,
    "puzzle.required": _PUZZLE,
    "puzzle.early": lazy_gettext("Tunggu %(seconds)s detik lagi, lalu pilih Lanjut."),
    "registry.unavailable": lazy_gettext(
        "Layanan Dukcapil sedang tidak dapat dihubungi. Silakan coba lagi beberapa saat lagi. "
        "Data Anda belum disimpan."
    ),
    "registry.later": lazy_gettext(
        "Layanan pemeriksaan data sedang penuh. Silakan coba lagi besok."
    ),
    "registry.tries": lazy_gettext(
        "Terlalu banyak percobaan. Silakan coba lagi dalam %(hours)s jam."
    ),
    "registration.replaced": lazy_gettext(
        "Pendaftaran lain sedang berjalan di peramban ini. Silakan mulai lagi dari awal."
    ),
    "registration.expired": lazy_gettext(
        "Waktu pendaftaran telah habis. Silakan mulai lagi dari awal."
    ),
    "client.edited": lazy_gettext("Pendaftaran portal ini baru saja diubah orang lain."),
    "client.retired": lazy_gettext("Portal ini sudah dihentikan untuk seterusnya."),
    "client.secrets": lazy_gettext(
        "Sudah ada %(maximum)s rahasia yang berlaku. Akhiri salah satu sebelum membuat yang baru."
    ),
    "client.secret_unknown": lazy_gettext("Rahasia itu sudah tidak ada."),
    "client.secret_last": lazy_gettext(
        "Ini satu-satunya rahasia yang berlaku. Buat yang baru sebelum mengakhirinya."
    ),
    "client.version_unknown": lazy_gettext("Versi itu tidak ada."),
    "identifier.required": lazy_gettext("Masukkan email, nomor handphone, atau NIK."),
    "login.failed": lazy_gettext(
        "Data masuk tidak sesuai. Periksa kembali, atau pilih Lupa Kata Sandi."
    ),
    "login.throttled": lazy_gettext(
        "Terlalu banyak percobaan masuk. Silakan coba lagi dalam %(minutes)s menit."
    ),
    "journey.expired": lazy_gettext("Sesi Anda telah berakhir. Silakan masuk kembali."),
    "button.required": lazy_gettext("Pilih salah satu tombol di halaman ini."),
    "method.required": lazy_gettext("Pilih cara menerima kode."),
    "password.wrong": lazy_gettext("Kata sandi Anda saat ini tidak sesuai."),
    "recovery.code": lazy_gettext(
        "Kode salah atau sudah tidak berlaku. Periksa SMS terbaru, atau minta yang baru."
    ),
    "email.same": lazy_gettext("Alamat ini sudah menjadi alamat email akun Anda."),
    "email.proved": lazy_gettext("Alamat email Anda sudah terbukti."),
    "email.proved_elsewhere": lazy_gettext(
        "Alamat email ini sudah dibuktikan oleh akun lain. Gunakan alamat email lain."
    ),
    "link.spent": lazy_gettext("Tautan ini sudah pernah dipakai."),
    "recovery.invalid": lazy_gettext(
        "Tautan atau kode sudah tidak berlaku. Silakan minta yang baru."
    ),
    "limit.address": lazy_gettext(
        "Terlalu banyak permintaan dari jaringan Anda. Silakan coba lagi pada %(until_at)s."
    ),
    "device.required": lazy_gettext("Masukkan kode yang tampil di perangkat lain."),
    "device.form": lazy_gettext("Kode terdiri dari delapan huruf. Periksa kembali."),
    "device.unknown": lazy_gettext("Kode tidak dikenali atau sudah kedaluwarsa."),
    "device.identity": lazy_gettext(
        "Identitas akun Anda belum cukup terbukti untuk perangkat itu."
    ),
    "limit.tries": lazy_gettext("Terlalu banyak percobaan. Silakan coba lagi pada %(until_at)s."),
    "request.answered": lazy_gettext("Permintaan ini sudah dijawab."),
    "registry.no": lazy_gettext(
        "Data yang Anda masukkan tidak sesuai dengan data kependudukan. Periksa kembali ejaan "
        "sesuai KTP-el dan Kartu Keluarga."
    ),
    "merge.required": lazy_gettext("Isi nomor akun atau sub dari akun yang tetap dipakai."),
    "merge.unknown": lazy_gettext("Akun itu tidak ditemukan."),
    "merge.same": lazy_gettext("Isi akun yang lain: sebuah akun tidak digabung dengan dirinya."),
    "merge.former": lazy_gettext("Hanya akun tanpa NIK yang dapat digabung ke akun lain."),
    "merge.to": lazy_gettext("Akun yang tetap dipakai harus aktif dan dicocokkan Dukcapil."),
    "merge.unproved": lazy_gettext(
        "Akun lama pada akun ini tidak memuat NIK yang sama, jadi belum terbukti milik satu orang."
    ),
    "lost.no_account": lazy_gettext("Belum ada akun dengan NIK ini yang dapat dipulihkan di sini."),
    "lost.waiting": lazy_gettext(
        "Permintaan untuk akun ini sudah kami terima dan sedang diperiksa."
    ),
    "lost.unknown": lazy_gettext(
        "Nomor tiket ini tidak cocok dengan NIK itu. Periksa keduanya sekali lagi."
    ),
    "ticket.form": lazy_gettext("Nomor tiket terdiri dari 12 huruf dan angka."),
    "case.contact_gone": lazy_gettext(
        "Permintaan warga sudah kedaluwarsa: ia harus mengajukannya sekali lagi. Tolak kasus ini."
    ),
    "report.match": lazy_gettext(
        "Cocokkan dulu data KTP Anda di peramban ini, lalu laporkan dalam 15 menit."
    ),
    "identity.exists": lazy_gettext("NIK ini sudah memiliki akun SIAPkerja ID."),
    "identity.old_nik": lazy_gettext(
        "NIK ini bukan NIK pada akun lama yang terhubung dengan akun ini."
    ),
    "identity.confirmed": lazy_gettext("Identitas Anda sudah dicocokkan dengan Dukcapil."),
    "upstream.unavailable": lazy_gettext(
        "Penyedia itu sedang tidak dapat dihubungi atau jawabannya tidak dapat dipakai. Silakan "
        "masuk dengan cara lain."
    ),
    "upstream.unknown": lazy_gettext(
        "Belum ada akun SIAPkerja ID dengan NIK yang disampaikan penyedia itu. Silakan mendaftar "
        "lebih dahulu."
    ),
    "limit.upstream": lazy_gettext(
        "Terlalu banyak permintaan dari jaringan Anda. Silakan coba lagi sebentar lagi."
    ),
    "legacy.way": lazy_gettext("Cara ini tidak tersedia untuk akun lama tersebut."),
    "legacy.nik": lazy_gettext("NIK ini bukan NIK pada akun lama Anda. Periksa kembali."),
    "legacy.undo": lazy_gettext("Akun lama ini tidak dapat dilepaskan lagi."),
    "legacy.taken": lazy_gettext("Akun lama ini sudah terhubung dengan akun SIAPkerja ID."),
    "email.required": lazy_gettext("Masukkan alamat email."),
    "admin.failed": lazy_gettext("Email atau kata sandi tidak sesuai. Periksa kembali."),
    "admin.throttled": lazy_gettext(
        "Terlalu banyak percobaan. Silakan coba lagi pada %(until_at)s."
    ),
    "app.code": lazy_gettext(
        "Kode tidak sesuai atau sudah dipakai. Tunggu kode berikutnya di aplikasi Anda."
    ),
    "admin.ended": lazy_gettext("Sesi Anda telah berakhir. Silakan masuk kembali."),
    "admin.link": lazy_gettext("Tautan ini sudah dipakai atau tidak berlaku lagi."),
    "admin.passkey_needed": lazy_gettext("Tindakan ini perlu kunci sandi."),
    "passkey.failed": lazy_gettext("Kunci sandi tidak dapat diperiksa. Silakan coba lagi."),
    "passkey.many": lazy_gettext("Anda sudah memiliki sepuluh kunci sandi. Hapus satu dulu."),
    "admin.last_factor": lazy_gettext(
        "Ini satu-satunya langkah kedua Anda. Tambahkan yang lain sebelum menghapusnya."
    ),
    "admin.gone": lazy_gettext("Ini sudah dihapus."),
    "recovery_code.wrong": lazy_gettext("Kode pemulihan tidak sesuai atau sudah dipakai."),
    "recovery_code.required": lazy_gettext("Masukkan satu kode pemulihan Anda."),
    "passkey.label": lazy_gettext("Beri nama, paling panjang %(maximum)s huruf."),
    "lost.over": lazy_gettext("Permintaan ini sudah diputuskan atau berakhir."),
    "factor.gone": lazy_gettext("Ini sudah dihapus."),
    "factor.throttled": lazy_gettext(
        "Terlalu banyak kode yang salah. Coba lagi pada %(until_at)s, atau pakai cara lain."
    ),
    "admin.exists": lazy_gettext("Alamat email ini sudah dipakai oleh admin lain."),
    "admin.own": lazy_gettext("Anda tidak dapat melakukan ini pada akun Anda sendiri."),
    "admin.suspended": lazy_gettext("Admin ini sedang ditangguhkan."),
    "admin_name.required": lazy_gettext("Masukkan nama Anda."),
    "admin_name.long": lazy_gettext("Nama paling panjang %(maximum)s huruf."),
    "message.settled": lazy_gettext(
        "Pesan ini tidak menunggu lagi: baru saja dikirim, sedang dicoba, atau sudah kedaluwarsa."
    ),
    "approval.waiting": lazy_gettext("Permintaan serupa masih menunggu keputusan."),
    "approval.own": lazy_gettext(
        "Permintaan ini harus diputuskan oleh orang lain, bukan oleh Anda."
    ),
    "approval.over": lazy_gettext("Permintaan ini sudah diputuskan, ditarik, atau kedaluwarsa."),
    "approval.changed": lazy_gettext(
        "Isi permintaan tidak sama dengan yang Anda lihat. Buka kembali halaman ini."
    ),
    "approval.forbidden": lazy_gettext("Anda tidak berwenang memutuskan permintaan ini."),
    "approval.void": lazy_gettext("Pengaju permintaan ini tidak lagi berwenang."),
    "approval.outdated": lazy_gettext(
        "Keadaannya sudah berubah sejak permintaan ini dibuat. Minta pengaju membuat yang baru."
    ),
    "audit_object.unknown": lazy_gettext(
        "Tulis satu ID tanpa spasi: sub atau ID akun, client ID, ID kunci, atau ID permintaan."
    ),
    "audit_actor.unknown": lazy_gettext("Pilih pelaku dari daftar."),
    "audit_action.unknown": lazy_gettext("Pilih jenis kejadian dari daftar."),
    "audit_date.invalid": lazy_gettext("Tulis tanggal seperti 2026-11-27."),
    "audit_date.order": lazy_gettext("Tanggal akhir harus sesudah tanggal awal."),
    "decision.required": lazy_gettext("Pilih satu keputusan."),
    "reason.personal": lazy_gettext("Jangan tulis NIK dalam alasan."),
    "reason.required": lazy_gettext("Tuliskan alasannya."),
    "reason.character": lazy_gettext("Isian ini berisi karakter yang tidak dapat dipakai."),
    "reason.long": lazy_gettext("Alasan paling panjang %(maximum)s huruf."),
    "role.required": lazy_gettext("Pilih paling sedikit satu peran."),
    "role.same": lazy_gettext("Peran ini tidak berubah."),
    "role.unknown": lazy_gettext("Peran ini tidak dikenal."),
    "case.reference": lazy_gettext("Rujukan paling panjang %(maximum)s huruf."),
    "case.waiting": lazy_gettext("Kasus serupa untuk akun ini masih terbuka."),
    "case.over": lazy_gettext("Kasus ini sudah diputus."),
    "case.own": lazy_gettext("Anda membuka kasus ini, jadi orang lain yang memutuskannya."),
    "case.decision": lazy_gettext("Pilih putusan."),
    "people.query": lazy_gettext(
        "Masukkan NIK, nomor handphone, email, sub, atau kode bantuan secara lengkap."
    ),
    "people.searches": lazy_gettext(
        "Terlalu banyak pencarian. Silakan coba lagi pada %(until_at)s."
    ),
    "people.quota": lazy_gettext(
        "Anda sudah melihat data pribadi 20 kali dalam sehari. Minta persetujuan orang kedua."
    ),
    "people.status": lazy_gettext("Status akun ini tidak memungkinkan tindakan itu."),
    "people.changed": lazy_gettext("Akun ini baru saja berubah. Buka kembali halamannya."),
    "people.no_address": lazy_gettext(
        "Warga ini tidak memiliki email atau nomor handphone yang terbukti. Arahkan ke halaman "
        "Kendala masuk."
    ),
    "people.address_held": lazy_gettext(
        "Kontak warga ini baru diganti dan belum dapat memulihkan akun. Arahkan ke halaman Kendala "
        "masuk."
    ),
    "client.unknown": lazy_gettext("Portal ini tidak dikenal."),
    "support.form": lazy_gettext(
        "Kode bantuan terdiri dari delapan huruf dan angka. Periksa kembali."
    ),
    "support.unknown": lazy_gettext(
        "Tidak ada catatan dengan kode bantuan ini. Catatan disimpan selama 30 hari."
    ),
    "team.name": lazy_gettext("Isi nama tim dengan huruf atau angka, tanpa alamat situs."),
    "team.name_long": lazy_gettext("Nama tim paling panjang %(maximum)s huruf."),
    "team.role": lazy_gettext("Pilih peran anggota."),
    "team.email": lazy_gettext(
        "Buktikan dulu alamat email akun Anda di halaman Keamanan, lalu coba lagi."
    ),
    "team.member": lazy_gettext("Orang dengan email itu sudah ada di tim."),
    "team.full": lazy_gettext("Satu tim paling banyak %(maximum)s orang."),
    "team.no_member": lazy_gettext("Orang itu tidak lagi ada di tim."),
    "team.last_owner": lazy_gettext(
        "Tim harus punya pemilik. Jadikan anggota lain pemilik terlebih dahulu."
    ),
    "portal.full": lazy_gettext("Satu tim paling banyak %(maximum)s portal."),
    "portal.scope": lazy_gettext(
        "Data itu tidak dapat diminta portal uji coba. Ajukan lewat Ajukan ke produksi."
    ),
    "tester.certificate": lazy_gettext(
        "Portal ini mengikat token ke sertifikat kliennya (mTLS), dan kami tidak memiliki "
        "sertifikat itu. Uji dari aplikasi Anda sendiri; hasilnya ada di Permintaan terakhir."
    ),
    "tester.refused": lazy_gettext("Permintaan ditolak: %(error)s, %(why)s"),
    "portal.choice": lazy_gettext("Pilih salah satu yang tersedia."),
    "portal.jwks": lazy_gettext('Kunci publik harus berupa JSON, misalnya {"keys": […]}.'),
    "portal.not_live": lazy_gettext("Portal ini belum tayang."),
    "portal.no_secret": lazy_gettext("Portal ini membuktikan diri tanpa rahasia."),
    "release.step": lazy_gettext("Langkah itu tidak mungkin sekarang. Lihat status terbarunya."),
    "release.closed": lazy_gettext(
        "Pengajuan sedang ditinjau dan tidak dapat diubah. Tarik dulu pengajuannya."
    ),
    "release.conflict": lazy_gettext(
        "Orang lain baru saja mengubahnya. Muat ulang halaman, lalu coba lagi."
    ),
    "release.incomplete": lazy_gettext("Lengkapi dulu yang wajib pada daftar periksa."),
    "release.altered": lazy_gettext(
        "Isi pengajuan tidak sama dengan yang disetujui. Tarik, lalu ajukan lagi."
    ),
    "release.reviewed": lazy_gettext(
        "Anda sudah menyetujuinya. Persetujuan kedua harus dari petugas lain."
    ),
    "release.own": lazy_gettext("Anda anggota tim ini. Petugas lain yang harus meninjaunya."),
    "release.words": lazy_gettext("Tulis apa yang perlu diubah, paling panjang %(maximum)s huruf."),
    "token.required": lazy_gettext("Tempelkan token."),
    "token.form": lazy_gettext("Ini bukan token JWT: tiga bagian yang dipisah titik."),
    "token.encrypted": lazy_gettext(
        "Token ini terenkripsi untuk kunci portal. Buka dulu, lalu tempelkan isinya."
    ),
    "busy": lazy_gettext("Layanan sedang ramai. Silakan coba lagi sebentar lagi."),
}


def _code_of(refusal: Refused) -> str:
    seconds = refusal.values.get("seconds")
    is_long = isinstance(seconds, int) and seconds > _COUNTED_SECONDS
    return _LONG_WAIT if refusal.code == "otp.wait" and is_long else refusal.code


def words_for(refusal: Refused) -> str:
    """Return what a refusal says; one without words of its own is the general sentence."""
    template = MESSAGES.get(_code_of(refusal))
    if template is None:
        return str(gettext("Permintaan tidak dapat diproses. Silakan kembali dan coba lagi."))
    values = {
        name: from_when(value) if name.endswith("_at") and isinstance(value, int) else value
        for name, value in refusal.values.items()
    }
    words = str(template)
    return words % values if values else words
