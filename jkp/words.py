"""What people read: sentences for states and refusals, days and dates (ui-copy.md, JKP)."""

from calendar import month_name
from collections.abc import Sequence
from datetime import date
from typing import Final

from jkp.benefit_claims import BenefitClaim, State

NO_REPORT: Final = (
    "Belum ada laporan PHK. Isi Lapor PHK atau minta perusahaan melaporkannya.",
    "There's no layoff report yet. Fill in “Lapor PHK” or ask your employer to report it.",
)

#: Title, Indonesian sentence and English sentence of each state; braces are filled by `told`.
STATES: Final[dict[State, tuple[str, str, str]]] = {
    State.DRAFT: (
        "Belum diajukan",
        "Laporan PHK Anda diterima. Ajukan Klaim Manfaat JKP paling lambat {file_by}.",
        "Your layoff report was accepted. Claim the benefit by {file_by}.",
    ),
    State.SUBMITTED: (
        "Diajukan",
        "Klaim telah diajukan dan akan diverifikasi oleh BPJS Ketenagakerjaan.",
        "The claim was filed and will be verified by BPJS Ketenagakerjaan.",
    ),
    State.VERIFYING: (
        "Sedang diverifikasi",
        "Klaim sedang diverifikasi oleh BPJS Ketenagakerjaan.",
        "The claim is being verified by BPJS Ketenagakerjaan.",
    ),
    State.RETURNED: (
        "Perlu perbaikan",
        "Klaim perlu diperbaiki: {reason}. Perbaiki sebelum {due_on}.",
        "The claim needs correction: {reason}. Correct it before {due_on}.",
    ),
    State.REJECTED: (
        "Ditolak",
        "Klaim tidak disetujui: {reason}. Anda dapat mengajukan keberatan.",
        "The claim was refused: {reason}. You may object.",
    ),
    State.ACTIVE: (
        "Disetujui",
        "Klaim bulan ke-{month} disetujui. Pembayaran paling lambat {due_on}.",
        "Month {month} is approved. Payment by {due_on} at the latest.",
    ),
    State.COMPLETED: (
        "Selesai",
        "Seluruh manfaat JKP untuk klaim ini telah selesai.",
        "All benefits of this claim are done.",
    ),
    State.LAPSED: (
        "Lewat batas",
        "Batas pengajuan klaim adalah 6 bulan sejak PHK, yaitu {file_by}.",
        "Claims must be filed within 6 months of the layoff, by {file_by}.",
    ),
    State.TERMINATED: (
        "Berakhir",
        "Hak manfaat JKP berakhir karena Anda telah bekerja kembali.",
        "Your JKP right has ended because you're working again.",
    ),
    State.WITHDRAWN: (
        "Ditarik",
        "Klaim ini telah Anda tarik.",
        "You withdrew this claim.",
    ),
}

#: How serious a state looks; the word beside it carries the meaning.
TONES: Final[dict[State, str]] = {
    State.RETURNED: "warn",
    State.REJECTED: "bad",
    State.LAPSED: "bad",
    State.ACTIVE: "ok",
    State.COMPLETED: "ok",
}

REFUSALS: Final[dict[str, str]] = {
    "claim.no_report": NO_REPORT[0],
    "claim.filed": "Klaim ini sudah diajukan.",
    "claim.late": "Batas pengajuan klaim adalah 6 bulan sejak PHK, yaitu {file_by}.",
    "claim.commitment": ("Setujui Komitmen Aktivitas Pencarian Kerja (KAPK) untuk melanjutkan."),
    "form.expired": "Halaman ini terlalu lama terbuka. Isian Anda masih ada, kirim sekali lagi.",
    "login.level": (
        "Untuk mengajukan klaim, masuk dengan dua langkah: kata sandi dan kode OTP. "
        "Aktifkan di SIAPkerja ID, lalu coba lagi."
    ),
    "login.request": "Permintaan masuk ini tidak dikenal atau sudah dipakai. Silakan masuk lagi.",
    "login.refused": "SIAPkerja ID tidak mengizinkan masuk ke JKP.",
    "issuer.unavailable": "SIAPkerja ID sedang tidak dapat dihubungi. Silakan coba lagi.",
    "server": "Terjadi gangguan pada sistem kami. Silakan coba lagi.",
    "page.unknown": "Halaman tidak ditemukan.",
}

_MONTHS: Final = (
    *("Januari", "Februari", "Maret", "April", "Mei", "Juni"),
    *("Juli", "Agustus", "September", "Oktober", "November", "Desember"),
)


def told(claim: BenefitClaim | None) -> tuple[str, str, str, str]:
    """Return title, sentence, English sentence and tone of where a claim stands."""
    if claim is None:
        return ("Belum ada laporan", *NO_REPORT, "")
    title, sentence, english = STATES[claim.state]
    tone = TONES.get(claim.state, "")
    return title, _filled(sentence, claim, _MONTHS), _filled(english, claim, month_name[1:]), tone


def _filled(sentence: str, claim: BenefitClaim, months: Sequence[str]) -> str:
    days = {"file_by": claim.file_by, "due_on": claim.due_on}
    written = {name: date_in_words(day, months) if day else "–" for name, day in days.items()}
    return sentence.format(**written, reason=claim.reason or "–", month=claim.month or 1)


def refusal(code: str, claim: BenefitClaim | None = None) -> str:
    """Return the sentence of a refusal."""
    file_by = date_in_words(claim.file_by) if claim is not None else ""
    return REFUSALS[code].format(file_by=file_by)


def date_in_words(day: date, months: Sequence[str] = _MONTHS) -> str:
    """Return a date as people read it: `17 Agustus 2026`."""
    return f"{day.day} {months[day.month - 1]} {day.year}"
