"""What teams and officers call things: roles, states, points of the checklist, members."""

from collections.abc import Mapping
from typing import Any, Final

from flask_babel import gettext, lazy_gettext

from idp.domain.identity.release import Point, ReleaseState
from idp.domain.identity.team import TeamRole

ROLES: Final[Mapping[TeamRole, tuple[object, object]]] = {
    TeamRole.OWNER: (
        lazy_gettext("Pemilik"),
        lazy_gettext("Semua, termasuk anggota, penayangan, dan rahasia produksi."),
    ),
    TeamRole.DEVELOPER: (
        lazy_gettext("Pengembang"),
        lazy_gettext("Portal uji coba, pengujian, dan pengajuan ke produksi."),
    ),
    TeamRole.VIEWER: (
        lazy_gettext("Pengamat"),
        lazy_gettext("Melihat portal, angka, dan permintaan. Tidak mengubah apa pun."),
    ),
}

#: Words and kind of tag.
STATES: Final[Mapping[ReleaseState, tuple[object, str]]] = {
    ReleaseState.DRAFT: (lazy_gettext("Draf"), ""),
    ReleaseState.SUBMITTED: (lazy_gettext("Menunggu tinjauan"), "warn"),
    ReleaseState.CHANGES_REQUESTED: (lazy_gettext("Perlu diubah"), "warn"),
    ReleaseState.APPROVED: (lazy_gettext("Disetujui, belum tayang"), "ok"),
    ReleaseState.LIVE: (lazy_gettext("Tayang"), "ok"),
    ReleaseState.SUSPENDED: (lazy_gettext("Dihentikan sementara"), "bad"),
    ReleaseState.RETIRED: (lazy_gettext("Berakhir"), ""),
}

POINTS: Final[Mapping[Point, tuple[object, object]]] = {
    Point.TRIED: (
        lazy_gettext("Masuk pernah berhasil di portal uji coba"),
        lazy_gettext("Jalankan Uji masuk, atau masuk dari aplikasi Anda."),
    ),
    Point.ADDRESSES: (
        lazy_gettext("Semua alamat kembali memakai https dan bukan komputer sendiri"),
        lazy_gettext("Ganti alamat http dan localhost dengan alamat produksi."),
    ),
    Point.POLICY: (
        lazy_gettext("Kebijakan privasi diisi"),
        lazy_gettext("Warga membacanya di halaman persetujuan."),
    ),
    Point.CONTACT: (
        lazy_gettext("Kontak teknis diisi"),
        lazy_gettext("Kami hubungi jika portal Anda bermasalah."),
    ),
    Point.PURPOSES: (
        lazy_gettext("Setiap data yang diminta punya tujuan dan dasar hukum"),
        lazy_gettext("Hapus data yang tidak diperlukan, atau jelaskan untuk apa."),
    ),
    Point.OWNERS: (
        lazy_gettext("Tim punya dua pemilik atau lebih"),
        lazy_gettext("Saran: undang satu pemilik lagi agar portal tidak bergantung satu orang."),
    ),
}

#: What a portal may ask for; guarded ones only in a release.
SCOPE_WORDS: Final[Mapping[str, object]] = {
    "profile": lazy_gettext("Nama lengkap dan data profil"),
    "email": lazy_gettext("Alamat email"),
    "phone": lazy_gettext("Nomor handphone"),
    "address": lazy_gettext("Alamat"),
    "offline_access": lazy_gettext("Tetap terhubung (refresh token)"),
    "nik": lazy_gettext("NIK (dua peninjau)"),
    "legacy": lazy_gettext("Nomor akun lama di portal ini (dua peninjau)"),
    "jkp": lazy_gettext("Layanan JKP (dua peninjau)"),
}
MEMBERS: Final[Mapping[str, object]] = {
    "client_name": lazy_gettext("Nama portal"),
    "client_uri": lazy_gettext("Alamat portal"),
    "redirect_uris": lazy_gettext("Alamat kembali (redirect URI)"),
    "post_logout_redirect_uris": lazy_gettext("Alamat setelah keluar"),
    "backchannel_logout_uri": lazy_gettext("Alamat pemberitahuan keluar"),
    "initiate_login_uri": lazy_gettext("Alamat mulai masuk"),
    "scope": lazy_gettext("Data yang diminta (scope)"),
    "scope_purposes": lazy_gettext("Tujuan dan dasar hukum"),
    "application_type": lazy_gettext("Jenis aplikasi"),
    "id_token_signed_response_alg": lazy_gettext("Algoritma ID token"),
    "subject_type": lazy_gettext("Jenis penanda warga (subject_type)"),
    "profile": lazy_gettext("Profil keamanan"),
    "response_types": lazy_gettext("Jenis jawaban (response_types)"),
    "optional_scopes": lazy_gettext("Data yang boleh ditolak warga"),
    "policy_uri": lazy_gettext("Kebijakan privasi"),
    "tos_uri": lazy_gettext("Syarat layanan"),
    "logo_uri": lazy_gettext("Logo"),
    "contacts": lazy_gettext("Kontak teknis"),
    "token_endpoint_auth_method": lazy_gettext("Cara portal membuktikan diri"),
    "jwks": lazy_gettext("Kunci publik"),
    "jwks_uri": lazy_gettext("Alamat kunci publik"),
    "grant_types": lazy_gettext("Jenis grant"),
    "require_pushed_authorization_requests": lazy_gettext("Wajib PAR"),
    "dpop_bound_access_tokens": lazy_gettext("Wajibkan DPoP"),
    "legacy_source": lazy_gettext("Sumber akun lama"),
    "sector_identifier_uri": lazy_gettext("Alamat sektor (sector_identifier_uri)"),
}

ENDPOINT_WORDS: Final[Mapping[str, object]] = {
    "authorize": lazy_gettext("Permintaan masuk"),
    "token": lazy_gettext("Permintaan token"),
    "userinfo": lazy_gettext("Permintaan userinfo"),
    "introspection": lazy_gettext("Introspeksi"),
    "revocation": lazy_gettext("Pencabutan"),
    "par": lazy_gettext("Pushed authorization request"),
}

_LANGUAGES: Final = {
    "id": lazy_gettext("Bahasa Indonesia"),
    "en": lazy_gettext("Bahasa Inggris"),
}


def words_of_member(name: str) -> str:
    """Return what a member of metadata is called; one without words is called by its name."""
    plain, _, tag = name.partition("#")
    words = str(MEMBERS.get(plain, plain))
    return f"{words} ({_LANGUAGES.get(tag, tag)})" if tag else words


def words_of_value(value: Any) -> list[str]:
    """Return a value of metadata as lines; scopes one by one, so that a difference is seen."""
    if value is None:
        return [gettext("tidak diisi")]
    if isinstance(value, bool):
        return [gettext("ya") if value else gettext("tidak")]
    if isinstance(value, list):
        return [str(item) for item in value] or [gettext("tidak diisi")]
    if isinstance(value, dict) and "keys" in value:
        keys = value["keys"]
        return [gettext("%(number)s kunci", number=len(keys)), *(_key_name(k) for k in keys)]
    if isinstance(value, dict):
        return [f"{name}: {_told(part)}" for name, part in sorted(value.items())]
    return [str(value)]


def words_of_endpoint(name: str) -> str:
    """Return where a request came, in words."""
    return str(ENDPOINT_WORDS.get(name, name))


def _told(part: Any) -> str:
    return " · ".join(str(text) for text in part.values()) if isinstance(part, dict) else str(part)


def _key_name(key: Any) -> str:
    return f"{key.get('kty', '?')} {key.get('kid', '')}".strip()
