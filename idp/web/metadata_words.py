"""What is wrong with a registration, in words for whoever fills in its form.

A row for each of `idp.domain.protocol.metadata_faults.REASONS`; a test holds them together.
"""

from collections.abc import Mapping
from typing import Final

from flask_babel import gettext, lazy_gettext

from idp.domain.protocol.metadata_faults import Fault

_NOT_HTTPS: Final = lazy_gettext("harus memakai https")

#: Words by the reason's code; `%(name)s` stands for a value of the reason.
WORDS: Final[Mapping[str, object]] = {
    "object": lazy_gettext("harus berupa objek JSON"),
    "text": lazy_gettext("harus berupa teks, paling panjang %(maximum)s huruf"),
    "control": lazy_gettext("berisi karakter yang tidak dapat dipakai"),
    "markup": lazy_gettext("berisi tanda kurung sudut"),
    "boolean": lazy_gettext("harus ya atau tidak"),
    "seconds": lazy_gettext("harus jumlah detik, 0 atau lebih"),
    "lifetime": lazy_gettext("harus %(minimum)s sampai %(maximum)s detik"),
    "choice": lazy_gettext("harus salah satu dari: %(allowed)s"),
    "level": lazy_gettext("harus 0, 1, atau 2"),
    "texts": lazy_gettext("harus berupa daftar, paling banyak %(maximum)s baris"),
    "many": lazy_gettext("lebih dari %(maximum)s baris"),
    "missing": lazy_gettext("belum diisi"),
    "needed": lazy_gettext("belum diisi, padahal diperlukan oleh %(by)s"),
    "keys": lazy_gettext("atau jwks belum diisi, padahal diperlukan oleh %(by)s"),
    "excluded": lazy_gettext("tidak dapat dipakai bersama %(other)s"),
    "uri": lazy_gettext("harus berupa alamat"),
    "uri.absolute": lazy_gettext("harus alamat lengkap tanpa tanda pagar dan nama pengguna"),
    "uri.https": _NOT_HTTPS,
    "uri.long": lazy_gettext("lebih panjang dari %(maximum)s huruf"),
    "uri.fragment": lazy_gettext("berisi tanda pagar (#)"),
    "uri.fragment_form": lazy_gettext("berisi bagian setelah tanda pagar yang tidak dikenali"),
    "uri.wildcard": lazy_gettext("berisi bintang (*); tulis setiap alamat utuh"),
    "uri.empty": lazy_gettext("masih kosong"),
    "uri.blank": lazy_gettext("berisi spasi"),
    "uri.ascii": lazy_gettext(
        "berisi huruf di luar ASCII; tulis host dengan Punycode, bagian lain dengan kode persen"
    ),
    "uri.percent": lazy_gettext("berisi tanda persen tanpa dua angka heksadesimal"),
    "uri.port": lazy_gettext("berisi port yang bukan angka sampai 65535"),
    "uri.case": lazy_gettext("skemanya harus ditulis dengan huruf kecil, misalnya https"),
    "uri.form": lazy_gettext("bukan alamat lengkap"),
    "uri.never": lazy_gettext("memakai skema %(scheme)s yang dilarang"),
    "uri.host": lazy_gettext("tidak memuat nama host yang benar"),
    "uri.loopback": lazy_gettext("harus memakai https; http hanya untuk komputer sendiri"),
    "uri.native": lazy_gettext("harus memakai https; skema lain hanya untuk aplikasi ponsel"),
    "uri.scheme": lazy_gettext("skemanya harus nama domain terbalik, misalnya id.go.contoh"),
    "uri.list": lazy_gettext("harus berupa daftar, paling banyak %(maximum)s alamat"),
    "uri.texts": lazy_gettext("harus berupa daftar alamat"),
    "resource": lazy_gettext("harus alamat lengkap tanpa tanda pagar"),
    "scope.text": lazy_gettext("harus berupa daftar scope"),
    "scope.character": lazy_gettext("berisi karakter yang tidak ada pada scope"),
    "scope.unknown": lazy_gettext("berisi scope %(scope)s yang tidak ada di sini"),
    "scope.optional": lazy_gettext("harus termasuk scope yang diminta, tanpa openid"),
    "scope.purpose": lazy_gettext("belum berisi tujuan dan dasar hukum untuk scope %(scope)s"),
    "scope.purposes": lazy_gettext("harus berisi tujuan dan dasar hukum setiap scope"),
    "scope.purposeless": lazy_gettext("menyebut scope %(scope)s yang tidak diminta"),
    "grant": lazy_gettext("berisi %(grant)s yang tidak ada di sini; pilihannya: %(allowed)s"),
    "grant.authenticated": lazy_gettext(
        "berisi %(grant)s, yang memerlukan portal yang dapat membuktikan diri"
    ),
    "response": lazy_gettext("hanya boleh code"),
    "details": lazy_gettext("berisi jenis yang tidak ada di sini"),
    "method.profile": lazy_gettext("harus salah satu dari %(allowed)s menurut profilnya"),
    "alg.profile": lazy_gettext("tidak boleh %(alg)s menurut profilnya"),
    "secretless": lazy_gettext("adalah cara tanpa rahasia"),
    "usercode": lazy_gettext("harus tidak: kode pengguna tidak didukung"),
    "statement": lazy_gettext("harus berupa JWT bertanda tangan"),
    "jwks": lazy_gettext("harus berupa JSON dengan 1 sampai %(maximum)s kunci"),
    "jwks.kind": lazy_gettext("harus berjenis EC, RSA, atau OKP"),
    "jwks.private": lazy_gettext("berisi kunci privat; kirim hanya kunci publik"),
    "jwks.part": lazy_gettext("tidak memuat %(part)s yang benar"),
    "jwks.word": lazy_gettext("berisi bagian yang harus berupa teks pendek"),
    "jwks.texts": lazy_gettext("berisi bagian yang harus berupa daftar teks"),
    "subject": lazy_gettext("bukan nama sertifikat yang dikenali"),
    "subject.one": lazy_gettext("harus diisi, tepat satu nama sertifikat"),
    "subject.many": lazy_gettext(
        "tidak dapat diisi bersama %(other)s; hanya satu nama sertifikat yang dipakai"
    ),
    "language": lazy_gettext("berisi kode bahasa yang tidak dikenal"),
    "source": lazy_gettext("bukan sumber impor akun lama"),
    "unknown": lazy_gettext("tidak dikenal"),
    "secret": lazy_gettext("tidak boleh ada di dalam berkas"),
    "twice": lazy_gettext("muncul lebih dari satu kali"),
    "client_id": lazy_gettext("harus 1 sampai %(maximum)s karakter ASCII"),
    "client_secret": lazy_gettext("harus %(minimum)s sampai %(maximum)s karakter"),
    "sector.hosts": lazy_gettext(
        "ada di beberapa host; isi sector_identifier_uri, atau pakai satu host"
    ),
    "sector.fetch": lazy_gettext("tidak dapat diambil"),
    "sector.names": lazy_gettext("tidak memuat semua alamat kembali"),
    "fetch": lazy_gettext("tidak dapat diambil: %(reason)s"),
    "fetch.address": lazy_gettext(
        "tidak dapat diambil: alamatnya privat, atau portnya tidak boleh dipanggil"
    ),
    "fetch.size": lazy_gettext("lebih besar dari %(maximum)s"),
    "fetch.keys": lazy_gettext("tidak berisi kunci publik"),
    "logo": lazy_gettext("bukan gambar PNG, JPEG, WebP, atau GIF yang dapat ditampilkan"),
    "logo.size": lazy_gettext("lebih besar dari %(maximum)s"),
    "logo.name": lazy_gettext("bukan salah satu logo dalam berkas"),
}


_NO_CERTIFICATE: Final = lazy_gettext("sertifikat servernya tidak sah")
_UNREACHED: Final = lazy_gettext("servernya tidak dapat dihubungi")
#: Why nothing usable came from an address, by the fetcher's word; any other is shown as it is.
UNFETCHED: Final[Mapping[str, object]] = {
    "name": lazy_gettext("nama servernya tidak ditemukan"),
    "status": lazy_gettext("servernya menjawab dengan galat"),
    "timeout": lazy_gettext("servernya tidak menjawab pada waktunya"),
    "content": lazy_gettext("jawabannya tidak dapat dibaca"),
    "certificate": _NO_CERTIFICATE,
    "tls": _NO_CERTIFICATE,
    "unreachable": _UNREACHED,
    "reset": _UNREACHED,
    "protocol": _UNREACHED,
    "busy": lazy_gettext("kami sedang sibuk, coba lagi sebentar lagi"),
    "recent": lazy_gettext("baru saja gagal, coba lagi sebentar lagi"),
}
_KILO: Final = 1024


def _readable(fault: Fault) -> dict[str, object]:
    """Return the values of a reason as people read them: why, and sizes in kB or MB."""
    told = dict(fault.reason.values)
    if fault.reason.code == "fetch":
        told["reason"] = UNFETCHED.get(str(told["reason"]), told["reason"])
    if fault.reason.code.endswith(".size"):
        kilos = int(str(told["maximum"])) // _KILO
        told["maximum"] = f"{kilos} kB" if kilos < _KILO else f"{kilos // _KILO} MB"
    return told


def words_of_fault(fault: Fault) -> str:
    """Return what is wrong at a field: of a list the line, and why."""
    why = str(WORDS[fault.reason.code]) % _readable(fault)
    if fault.position is None:
        return str(gettext("Isian ini %(why)s.", why=why))
    if fault.unit == "key":
        return str(gettext("Kunci %(position)s %(why)s.", position=fault.position, why=why))
    return str(gettext("Baris %(position)s %(why)s.", position=fault.position, why=why))
