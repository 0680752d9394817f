"""The kinds of answers that the sandbox can be told to give, with words for its page.

Register kinds `A1` to `D9` are those of `dukcapil.md` section 4; a small letter after one is a
variant of the same row. `E..` are codes of section 3 without a row, `D10` and on are our additions.
"""

from collections.abc import Mapping
from typing import Final

MATCH: Final = "A1"
UNKNOWN_NIK: Final = "B1"
BAD_FORMAT: Final = "B3"
NO_QUOTA: Final = "C1"
WRONG_LOGIN: Final = "C3"
WRONG_ADDRESS: Final = "C4"
NO_LOGIN: Final = "C5"
BAD_REQUEST: Final = "C7"

#: `content[0]` where it does not depend on what was asked.
ERROR_OBJECTS: Final[Mapping[str, Mapping[str, str]]] = {
    "B1": {
        "RESPONSE_CODE": "13",
        "RESPON": "Data Tidak Ditemukan, NIK tidak terdapat di database Kependudukan",
    },
    "B2": {"RESPON": "Data tidak ditemukan"},
    "B3": {
        "RESPONSE_CODE": "15",
        "RESPONSE": "Data Tidak Ditemukan, NIK tidak sesuai format Dukcapil",
    },
    "B4": {"RESPONSE_CODE": "11", "RESPONSE_DESC": "Data Ditemukan, Meninggal Dunia"},
    "B5": {"RESPONSE_CODE": "12", "RESPON": "Data Ditemukan, Data Ganda"},
    "B6": {
        "RESPONSE_CODE": "14",
        "RESPON": "Data Ditemukan, Status Non Aktif silahkan hubungi Dinas Dukcapil",
    },
    "B7": {
        "RESPONSE_CODE": "11",
        "RESPON": "Data Ditemukan, Meninggal Dunia",
        "NIK": "Sesuai",
        "NAMA_LGKP": "Sesuai (100)",
    },
    "C1": {"RESPONSE_CODE": "05", "RESPON": "Kuota akses hari ini telah habis"},
    "C2": {"RESPONSE_CODE": "05"},
    "C3": {"RESPONSE_CODE": "03", "RESPON": "Login gagal"},
    "C4": {"RESPONSE_CODE": "04", "RESPON": "IP tidak sesuai"},
    "C5": {"RESPONSE_CODE": "09", "RESPON": "User, password dan IP tidak boleh kosong"},
    "C6": {"RESPONSE_CODE": "16", "RESPON": "Instansi tidak aktif"},
    "C6b": {"RESPONSE_CODE": "17", "RESPON": "User ID tidak aktif"},
    "C7": {"RESPONSE_CODE": "07", "RESPON": "Parameter tidak lengkap"},
    "C8": {"RESPONSE_CODE": "06", "RESPON": "Akses di luar jam layanan"},
    "E08": {"RESPONSE_CODE": "08", "RESPON": "NIK tidak dapat diproses"},
    "E10": {"RESPONSE_CODE": "10", "RESPON": "IP tidak valid"},
    "E99": {"RESPONSE_CODE": "99", "RESPON": "Galat tidak dikenal"},
}

#: Every register kind: what it is, in Indonesian and in English.
REGISTER_KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "A1": ("cocok", "match"),
    "A2": ("cocok, mirip 92 dan 95", "match, similarity 92 and 95"),
    "A3": ("nama tidak sesuai", "name differs"),
    "A4": ("nama ibu tidak sesuai", "mother's name differs"),
    "A5": ("tanggal lahir tidak sesuai", "birth date differs"),
    "A6": ("«Sesuai (0)»", "says yes, number 0"),
    "A7": ("nama ibu tidak dijawab", "mother's name not answered"),
    "A8": ("cocok, NIK diulang", "match, NIK echoed"),
    "B1": ("tidak ditemukan", "not found"),
    "B2": ("tidak ditemukan, bentuk lama", "not found, old form"),
    "B3": ("format NIK salah", "bad NIK format"),
    "B4": ("meninggal dunia", "deceased"),
    "B5": ("data ganda", "duplicate"),
    "B6": ("non aktif", "inactive"),
    "B7": ("meninggal, elemen sesuai", "deceased beside matching elements"),
    "C1": ("kuota habis", "quota used up"),
    "C2": ("kuota habis, hanya kode", "quota used up, code only"),
    "C3": ("login gagal", "wrong credentials"),
    "C4": ("IP tidak terdaftar", "address not registered"),
    "C5": ("kredensial kosong", "empty credentials"),
    "C6": ("instansi tidak aktif", "institution switched off"),
    "C6b": ("user tidak aktif", "user switched off"),
    "C7": ("parameter salah", "bad parameters"),
    "C8": ("di luar jam layanan", "outside hours"),
    "D1": ("diam 60 detik", "silent for 60 s"),
    "D2": ("putus di tengah", "reset half-way"),
    "D3": ("502 halaman nginx", "502 gateway page"),
    "D4": ("200 halaman HTML", "HTML with status 200"),
    "D5": ("JSON terpotong", "truncated JSON"),
    "D6": ("content []", "content []"),
    "D6b": ("content null", "content null"),
    "D6c": ("[]", "[]"),
    "D6d": ("content objek", "content is an object"),
    "D7": ("401", "401"),
    "D7b": ("403", "403"),
    "D8": ("jawaban 1 MB", "answer of 1 MB"),
    "D9": ("sertifikat salah (di sini: putus)", "wrong certificate (here: reset)"),
    "D10": ("menetes satu bita", "drips byte by byte"),
    "D11": ("429", "429"),
    "D12": ("302 ke halaman login", "302 to a login page"),
    "E08": ("NIK tidak dapat diproses", "NIK can't be processed"),
    "E10": ("IP tidak valid", "invalid address"),
    "E99": ("kode tak dikenal", "unknown code"),
}

ALL_KINDS: Final = tuple(REGISTER_KINDS)

DELIVERED: Final = "delivered"

#: Every SMS kind: what it is, in Indonesian and in English.
SMS_KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "delivered": ("diterima, laporan 1 detik", "accepted, delivered after 1 s"),
    "accepted": ("diterima, tanpa laporan", "accepted, no report ever"),
    "undelivered": ("diterima, lalu gagal", "accepted, then undelivered"),
    "expired": ("diterima, lalu kedaluwarsa", "accepted, then expired"),
    "spam": ("diterima, lalu disaring", "accepted, then filtered as spam"),
    "slow_delivery": ("laporan setelah 90 detik", "delivered after 90 s"),
    "early_report": ("laporan sebelum jawaban", "report before the answer"),
    "double_report": ("laporan dua kali", "the same report twice"),
    "backward_report": ("delivered, lalu sent", "delivered, then sent"),
    "timeout": ("diterima, tanpa jawaban", "accepted, but no answer"),
    "reset": ("diterima, lalu putus", "accepted, then reset"),
    "balance": ("ditolak: saldo", "refused: no credit"),
    "rejected": ("ditolak: nomor", "refused: bad number"),
    "credentials": ("ditolak: kredensial", "refused: credentials"),
    "credentials_old": ("ditolak: kredensial, bentuk lama", "refused: credentials, old shape"),
    "sender": ("ditolak: nama pengirim", "refused: sender name"),
    "country": ("ditolak: negara", "refused: country"),
    "opted_out": ("ditolak: pernah berhenti", "refused: opted out"),
    "busy": ("ditolak: sibuk", "refused: busy"),
    "refused": ("ditolak: lain-lain", "refused: anything else"),
    "error500": ("HTTP 500", "HTTP 500"),
    "error503": ("HTTP 503", "HTTP 503"),
    "html": ("halaman HTML", "HTML page"),
    "list": ("jawaban berupa daftar", "a list for an answer"),
}

#: `sms.md` section 6: numbers that end so have a kind of their own.
SMS_KIND_BY_ENDING: Final[Mapping[str, str]] = {
    "0001": "balance",
    "0002": "accepted",
    "0003": "slow_delivery",
    "0004": "error500",
    "0005": "timeout",
    "0006": "html",
    "0007": "early_report",
    "0008": "double_report",
}

#: What a pretend portal does instead of answering whether an old password is right.
PORTAL_KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "down": ("HTTP 503", "HTTP 503"),
    "late": ("menjawab setelah 1 detik", "answers after 1 s"),
    "silent": ("diam 5 detik", "silent for 5 s"),
    "reset": ("putus di tengah", "reset half-way"),
    "rubbish": ("halaman HTML", "HTML page"),
    "forged": ("jawaban diubah di jalan", "an answer changed on its way"),
    "other_nonce": ("jawaban lama", "the answer to another question"),
}

#: Mail kinds, of our own making.
MAIL_KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "refused": ("ditolak tetap (550)", "refused for good (550)"),
    "busy": ("ditolak sementara (451)", "refused for now (451)"),
}
