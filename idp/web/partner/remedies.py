"""What went wrong with a portal's request, in words, and what its developer does about it.

Told by the registered error and, where that says more, by a piece of its description. Rows are read
in order, so the particular stands before the general; the last of an error fits all of its kind.
"""

from dataclasses import dataclass
from typing import Final

from flask_babel import lazy_gettext

from idp.domain.protocol.traffic import SeenRequest


@dataclass(frozen=True, slots=True)
class Remedy:
    """`piece`: of the description, empty for every one of that error."""

    error: str
    piece: str
    cause: object
    mend: object


_ADDRESS: Final = lazy_gettext(
    "Bandingkan alamat kembali huruf demi huruf dengan yang terdaftar: garis miring di akhir, www, "
    "http atau https, dan port ikut dihitung."
)
_CODE_ONCE: Final = lazy_gettext(
    "Tukarkan setiap kode satu kali saja, segera setelah warga kembali. Jangan ulangi permintaan "
    "token setelah berhasil, dan jangan muat ulang halaman kembali."
)
_VERIFIER: Final = lazy_gettext(
    "Simpan code_verifier di sesi peramban sebelum mengirim warga ke sini, lalu kirim yang sama "
    "bersama kode. Nyalakan PKCE (S256) di pustaka Anda."
)
_SCOPE: Final = lazy_gettext(
    "Minta hanya scope yang terdaftar untuk portal ini, selalu dengan openid. Scope baru diajukan "
    "lewat Ajukan ke produksi."
)
_AGAIN: Final = lazy_gettext("Arahkan warga untuk masuk lagi; jangan ulangi token yang sama.")

REMEDIES: Final = (
    Remedy(
        "invalid_request",
        "redirect_uri is not one",
        lazy_gettext("redirect_uri tidak sama dengan satu pun yang terdaftar."),
        _ADDRESS,
    ),
    Remedy(
        "invalid_request",
        "redirect_uri is missing",
        lazy_gettext("redirect_uri tidak dikirim."),
        _ADDRESS,
    ),
    Remedy(
        "invalid_request",
        "code_challenge",
        lazy_gettext("PKCE tidak ada atau bukan S256."),
        _VERIFIER,
    ),
    Remedy(
        "invalid_request",
        "more than one way",
        lazy_gettext("Portal membuktikan diri dengan dua cara sekaligus."),
        lazy_gettext("Kirim rahasia di header Authorization atau di badan permintaan, satu saja."),
    ),
    Remedy(
        "invalid_request",
        "must push",
        lazy_gettext("Portal ini wajib mengirim permintaan lewat PAR."),
        lazy_gettext(
            "Kirim dulu parameter ke pushed_authorization_request_endpoint, lalu bawa request_uri."
        ),
    ),
    Remedy(
        "invalid_request",
        "more than once",
        lazy_gettext("Satu parameter dikirim dua kali."),
        lazy_gettext("Periksa apakah parameter ditambahkan dua kali oleh pustaka dan kode Anda."),
    ),
    Remedy(
        "invalid_request",
        "content type",
        lazy_gettext("Badan permintaan bukan formulir."),
        lazy_gettext("Kirim application/x-www-form-urlencoded, bukan JSON."),
    ),
    Remedy(
        "invalid_request",
        "signed",
        lazy_gettext("Objek permintaan tidak dapat diterima."),
        lazy_gettext("Periksa tanda tangan, aud, exp, dan kunci yang terdaftar."),
    ),
    Remedy(
        "invalid_request",
        "DPoP",
        lazy_gettext("Bukti DPoP tidak ada."),
        lazy_gettext("Kirim header DPoP pada setiap permintaan token dan userinfo."),
    ),
    Remedy(
        "invalid_request",
        "",
        lazy_gettext("Permintaan tidak lengkap atau bentuknya salah."),
        lazy_gettext("Bandingkan parameter di bawah dengan panduan; yang hilang tidak tercantum."),
    ),
    Remedy(
        "invalid_client",
        "tried ",
        lazy_gettext("Cara portal membuktikan diri bukan yang terdaftar."),
        lazy_gettext(
            "Samakan token_endpoint_auth_method di pustaka Anda dengan yang tercantum di halaman "
            "portal."
        ),
    ),
    Remedy(
        "invalid_client",
        "secret",
        lazy_gettext("Rahasia salah atau sudah berakhir."),
        lazy_gettext(
            "Pasang rahasia terbaru tanpa spasi. Jika hilang, buat rahasia baru di halaman portal."
        ),
    ),
    Remedy(
        "invalid_client",
        "assertion",
        lazy_gettext("Client assertion ditolak."),
        lazy_gettext(
            "Periksa kunci yang dipakai, iss dan sub (client_id), aud (alamat penerbit), exp, dan "
            "jti yang selalu baru."
        ),
    ),
    Remedy(
        "invalid_client",
        "the client is",
        lazy_gettext("Portal ini sedang tidak aktif."),
        lazy_gettext("Lihat status di halaman portal, atau hubungi petugas."),
    ),
    Remedy(
        "invalid_client",
        "certificate",
        lazy_gettext("Sertifikat klien tidak diterima."),
        lazy_gettext("Periksa masa berlaku dan nama sertifikat dengan yang terdaftar."),
    ),
    Remedy(
        "invalid_client",
        "",
        lazy_gettext("Portal tidak dapat membuktikan diri."),
        lazy_gettext("Periksa client_id dan rahasia, dan kirim dengan cara yang terdaftar."),
    ),
    Remedy(
        "invalid_grant",
        "already redeemed",
        lazy_gettext("Kode dipakai dua kali, jadi semua token dari kode itu dicabut."),
        _CODE_ONCE,
    ),
    Remedy(
        "invalid_grant",
        "code has expired",
        lazy_gettext("Kode sudah lewat 60 detik."),
        _CODE_ONCE,
    ),
    Remedy(
        "invalid_grant",
        "code_verifier",
        lazy_gettext("code_verifier tidak ada atau tidak cocok."),
        _VERIFIER,
    ),
    Remedy(
        "invalid_grant",
        "redirect_uri",
        lazy_gettext("redirect_uri saat menukar kode berbeda dari saat meminta masuk."),
        _ADDRESS,
    ),
    Remedy(
        "invalid_grant",
        "code is unknown",
        lazy_gettext("Kode tidak dikenali."),
        _CODE_ONCE,
    ),
    Remedy(
        "invalid_grant",
        "another client",
        lazy_gettext("Kode atau token itu milik portal lain."),
        lazy_gettext("Periksa apakah dua lingkungan memakai client_id yang tertukar."),
    ),
    Remedy(
        "invalid_grant",
        "refresh token",
        lazy_gettext("Refresh token tidak berlaku lagi."),
        lazy_gettext(
            "Simpan refresh token baru dari setiap jawaban dan pakai yang terbaru. Jika tetap "
            "ditolak, minta warga masuk lagi."
        ),
    ),
    Remedy(
        "invalid_grant",
        "",
        lazy_gettext("Izin di balik permintaan ini sudah berakhir."),
        _AGAIN,
    ),
    Remedy(
        "unauthorized_client",
        "",
        lazy_gettext("Portal ini tidak terdaftar untuk cara meminta token itu."),
        lazy_gettext("Pakai grant_type yang terdaftar, atau ajukan perubahan."),
    ),
    Remedy(
        "unsupported_grant_type",
        "",
        lazy_gettext("grant_type itu tidak ada di sini."),
        lazy_gettext("Pakai authorization_code dengan PKCE."),
    ),
    Remedy(
        "unsupported_response_type",
        "",
        lazy_gettext("response_type selain code tidak ada di sini."),
        lazy_gettext("Pakai response_type=code; alur implicit tidak didukung."),
    ),
    Remedy(
        "invalid_scope",
        "",
        lazy_gettext("Scope yang diminta tidak terdaftar untuk portal ini."),
        _SCOPE,
    ),
    Remedy(
        "invalid_target",
        "",
        lazy_gettext("Resource yang diminta tidak boleh dipakai portal ini."),
        lazy_gettext("Hapus parameter resource, atau ajukan resource itu."),
    ),
    Remedy(
        "access_denied",
        "trying out",
        lazy_gettext("Yang masuk bukan anggota tim portal uji coba ini."),
        lazy_gettext("Masuk dengan akun anggota tim, atau undang orangnya ke tim."),
    ),
    Remedy(
        "access_denied",
        "identity",
        lazy_gettext("Identitas warga belum cukup terbukti untuk portal ini."),
        lazy_gettext("Tampilkan pesan yang ramah; warga dapat membuktikan identitas di akunnya."),
    ),
    Remedy(
        "access_denied",
        "",
        lazy_gettext("Warga menolak memberi izin."),
        lazy_gettext("Tidak perlu diperbaiki. Tampilkan jalan kembali ke portal Anda."),
    ),
    Remedy(
        "login_required",
        "",
        lazy_gettext("Warga belum masuk, sedangkan portal meminta tanpa halaman (prompt=none)."),
        lazy_gettext("Ulangi tanpa prompt=none agar warga dapat masuk."),
    ),
    Remedy(
        "consent_required",
        "",
        lazy_gettext("Warga belum memberi izin, sedangkan portal meminta tanpa halaman."),
        lazy_gettext("Ulangi tanpa prompt=none agar warga dapat memilih."),
    ),
    Remedy(
        "interaction_required",
        "",
        lazy_gettext("Perlu halaman untuk warga, sedangkan portal meminta tanpa halaman."),
        lazy_gettext("Ulangi tanpa prompt=none."),
    ),
    Remedy(
        "account_selection_required",
        "",
        lazy_gettext("Warga harus memilih akun, sedangkan portal meminta tanpa halaman."),
        lazy_gettext("Ulangi tanpa prompt=none."),
    ),
    Remedy(
        "unmet_authentication_requirements",
        "",
        lazy_gettext("Tingkat masuk (acr) yang diminta tidak dapat dicapai warga itu."),
        lazy_gettext("Minta tingkat yang lebih rendah, atau jelaskan cara menaikkannya."),
    ),
    Remedy(
        "invalid_token",
        "",
        lazy_gettext("Access token kedaluwarsa, dicabut, atau bukan untuk alamat ini."),
        lazy_gettext("Ambil access token baru; umurnya lima menit. Jangan kirim ID token."),
    ),
    Remedy(
        "insufficient_scope",
        "",
        lazy_gettext("Access token tidak memuat scope yang diperlukan."),
        _SCOPE,
    ),
    Remedy(
        "slow_down",
        "",
        lazy_gettext("Terlalu banyak permintaan dalam semenit."),
        lazy_gettext("Patuhi Retry-After dan simpan token sampai kedaluwarsa."),
    ),
    Remedy(
        "temporarily_unavailable",
        "",
        lazy_gettext("Gangguan sesaat di pihak kami."),
        lazy_gettext("Coba lagi setelah Retry-After. Tidak ada yang perlu diubah."),
    ),
    Remedy(
        "invalid_dpop_proof",
        "",
        lazy_gettext("Bukti DPoP ditolak."),
        lazy_gettext("Periksa htm, htu, iat, jti, dan ath pada bukti."),
    ),
    Remedy(
        "use_dpop_nonce",
        "",
        lazy_gettext("Bukti DPoP perlu nonce dari server."),
        lazy_gettext("Ulangi dengan nilai header DPoP-Nonce dari jawaban ini."),
    ),
    Remedy(
        "invalid_request_object",
        "",
        lazy_gettext("Objek permintaan ditolak."),
        lazy_gettext("Periksa tanda tangan, iss, aud, exp, dan kunci yang terdaftar."),
    ),
    Remedy(
        "invalid_authorization_details",
        "",
        lazy_gettext("authorization_details tidak dapat diterima."),
        lazy_gettext("Pakai jenis yang terdaftar untuk portal ini."),
    ),
    Remedy(
        "authorization_pending",
        "",
        lazy_gettext("Warga belum menjawab."),
        lazy_gettext("Tidak perlu diperbaiki. Tanyakan lagi setelah jeda yang diberikan."),
    ),
    Remedy(
        "unknown_user_id",
        "",
        lazy_gettext("Tidak ada akun yang cocok dengan petunjuk yang dikirim."),
        lazy_gettext("Tampilkan pesan yang sama seperti jika warga tidak menjawab."),
    ),
    Remedy(
        "invalid_binding_message",
        "",
        lazy_gettext("Pesan pengikat tidak dapat ditampilkan kepada warga."),
        lazy_gettext("Kirim 1 sampai 128 huruf, misalnya nomor antrean."),
    ),
    Remedy(
        "expired_token",
        "",
        lazy_gettext("Permintaan tidak dijawab tepat waktu."),
        lazy_gettext("Mulai permintaan baru."),
    ),
    Remedy(
        "",
        "",
        lazy_gettext("Permintaan tidak dapat dilayani."),
        lazy_gettext("Baca keterangan teknis, lalu hubungi kami dengan nomor rujukan ini."),
    ),
)


def remedy_of(request: SeenRequest) -> Remedy | None:
    """Return cause and mend of a refused request, `None` where there is nothing to mend."""
    if not request.error:
        return None
    return next(
        remedy
        for remedy in REMEDIES
        if remedy.error in {request.error, ""} and remedy.piece in request.description
    )
