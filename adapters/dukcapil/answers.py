"""What the registry's answers mean (`dukcapil.md` sections 3 to 5). Pure functions of bytes.

Refusals come with HTTP 200, codes stand beside elements, texts contradict codes. Whatever is not
clearly a match is none, and of two readings the stricter one counts.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from idp.domain.identity.nik import Nik
from idp.domain.identity.registry import ElementAnswer, RegistryOutcome

FREE_TEXT: Final = frozenset({"NAMA_LGKP", "NAMA_LGKP_IBU", "NAMA_LGKP_AYAH", "TMPT_LHR", "ALAMAT"})
_FULL_SCORE: Final = 100

#: `None`: no refusal, the elements decide.
CODES: Final[Mapping[str, RegistryOutcome | None]] = {
    "00": None,
    "01": None,
    "03": RegistryOutcome.CONFIG_ERROR,
    "04": RegistryOutcome.CONFIG_ERROR,
    "05": RegistryOutcome.QUOTA_EXHAUSTED,
    "06": RegistryOutcome.OUTSIDE_HOURS,
    "07": RegistryOutcome.REQUEST_ERROR,
    "08": RegistryOutcome.NOT_VERIFIABLE,
    "09": RegistryOutcome.CONFIG_ERROR,
    "10": RegistryOutcome.CONFIG_ERROR,
    "11": RegistryOutcome.DECEASED,
    "12": RegistryOutcome.DUPLICATE,
    "13": RegistryOutcome.NOT_FOUND,
    "14": RegistryOutcome.INACTIVE,
    "15": RegistryOutcome.NOT_FOUND,
    "16": RegistryOutcome.CONFIG_ERROR,
    "17": RegistryOutcome.CONFIG_ERROR,
}

#: The first pattern that is found decides; an inactive institution is no inactive person.
_TEXTS: Final[tuple[tuple[re.Pattern[str], RegistryOutcome], ...]] = tuple(
    (re.compile(pattern), outcome)
    for pattern, outcome in (
        (r"meninggal", RegistryOutcome.DECEASED),
        (r"ganda", RegistryOutcome.DUPLICATE),
        (r"(instansi|user).*(non|tidak) ?aktif", RegistryOutcome.CONFIG_ERROR),
        (r"(non|tidak) ?aktif", RegistryOutcome.INACTIVE),
        (r"tidak (dapat|bisa) di ?proses", RegistryOutcome.NOT_VERIFIABLE),
        (r"tidak ditemukan", RegistryOutcome.NOT_FOUND),
        (r"login gagal|ip tidak|ip_user", RegistryOutcome.CONFIG_ERROR),
        (r"kuota", RegistryOutcome.QUOTA_EXHAUSTED),
        (r"di ?luar (jam|waktu)", RegistryOutcome.OUTSIDE_HOURS),
        (r"parameter", RegistryOutcome.REQUEST_ERROR),
    )
)
_GOOD_TEXT: Final = re.compile(r"(data )?ditemukan\W*|sukses|success|berhasil|ok")

#: From the strictest down.
_STRICTNESS: Final = (
    RegistryOutcome.DECEASED,
    RegistryOutcome.DUPLICATE,
    RegistryOutcome.INACTIVE,
    RegistryOutcome.NOT_VERIFIABLE,
    RegistryOutcome.NOT_FOUND,
    RegistryOutcome.CONFIG_ERROR,
    RegistryOutcome.QUOTA_EXHAUSTED,
    RegistryOutcome.OUTSIDE_HOURS,
    RegistryOutcome.REQUEST_ERROR,
    RegistryOutcome.UNKNOWN,
)

_TEXT_KEYS: Final = ("RESPON", "RESPONSE", "RESPONSE_DESC")
_VERDICT: Final = re.compile(r"(tidak )?sesuai(?: ?\( ?([0-9]{1,3})(?:[.,][0-9]+)? ?\))?")
_PLAIN_CODE: Final = re.compile(r"[0-9A-Za-z]{1,8}")
_STRANGE_CODE: Final = "?"


@dataclass(frozen=True, slots=True)
class Reading:
    """One answer, read. `contradicts`: code and text disagreed, somebody should look."""

    outcome: RegistryOutcome
    elements: Mapping[str, ElementAnswer] = field(default_factory=dict)
    score_buckets: Mapping[str, int] = field(default_factory=dict)
    raw_code: str | None = None
    quota_left: int | None = None
    contradicts: bool = False


def outcome_of_status(status: int) -> RegistryOutcome | None:
    """Return what a status other than 200 means, `None` for 200: the body decides.

    401 and 403 come from a gateway that wants other credentials; a redirect leads to a login page.
    """
    if status == 200:
        return None
    if status in {401, 403}:
        return RegistryOutcome.CONFIG_ERROR
    if status == 429 or status >= 500:
        return RegistryOutcome.UNAVAILABLE
    return RegistryOutcome.BAD_ANSWER


def read_answer(body: bytes, *, nik: Nik, asked: tuple[str, ...], threshold: int) -> Reading:
    """Read the body of a 200 answer.

    `asked`: every element that was sent, each must match. `threshold`: least score of free text,
    0 to 100; coded elements need 100 or no number.
    """
    try:
        document = json.loads(body, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        return Reading(RegistryOutcome.BAD_ANSWER)
    entry = _only_entry(document)
    if entry is None:
        return Reading(RegistryOutcome.BAD_ANSWER)
    code, quota_left = _code(entry), _quota_left(document)
    refusal, contradicts = _refusal(code, _text(entry))
    if refusal is not None:
        return Reading(refusal, raw_code=code, quota_left=quota_left, contradicts=contradicts)
    if not any(element in entry for element in asked):
        return Reading(RegistryOutcome.BAD_ANSWER, raw_code=code, quota_left=quota_left)
    judged = {
        element: _judge(element, entry.get(element), nik=nik, threshold=threshold)
        for element in asked
    }
    is_match = all(answer is ElementAnswer.MATCH for answer, _ in judged.values())
    return Reading(
        RegistryOutcome.MATCH if is_match else RegistryOutcome.MISMATCH,
        elements={element: answer for element, (answer, _) in judged.items()},
        score_buckets={
            element: score // 10 * 10
            for element, (_, score) in judged.items()
            if score is not None and element in FREE_TEXT
        },
        raw_code=code,
        quota_left=quota_left,
    )


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Build an object with upper-case keys; one key twice is an answer with two minds."""
    built = {key.upper(): value for key, value in pairs}
    if len(built) != len(pairs):
        raise ValueError("duplicate keys")
    return built


def _only_entry(document: object) -> dict[str, object] | None:
    content = document.get("CONTENT") if isinstance(document, dict) else None
    if isinstance(content, list) and len(content) == 1 and isinstance(content[0], dict):
        return content[0]
    return None


def _quota_left(document: object) -> int | None:
    value = document.get("QUOTALIMITER") if isinstance(document, dict) else None
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and isinstance(value, int) and value >= 0 else None


def _code(entry: Mapping[str, object]) -> str | None:
    value = entry.get("RESPONSE_CODE")
    if value is None or value == "":
        return None
    text = str(value).strip()
    return text.zfill(2) if _PLAIN_CODE.fullmatch(text) else _STRANGE_CODE


def _text(entry: Mapping[str, object]) -> str:
    said = (entry[key] for key in _TEXT_KEYS if entry.get(key) is not None)
    return " ".join(" ".join(map(str, said)).lower().split())


def _refusal(code: str | None, text: str) -> tuple[RegistryOutcome | None, bool]:
    """Return why the elements do not count, `None` where they do, and whether two reasons fight."""
    by_code = CODES.get(code, RegistryOutcome.UNKNOWN) if code is not None else None
    by_text = next((outcome for pattern, outcome in _TEXTS if pattern.search(text)), None)
    if by_text is None and code is None and text and not _GOOD_TEXT.fullmatch(text):
        by_text = RegistryOutcome.UNKNOWN
    given = [outcome for outcome in (by_code, by_text) if outcome is not None]
    if not given:
        return None, False
    is_told_twice = code in CODES and by_text is not None
    return min(given, key=_STRICTNESS.index), is_told_twice and by_code is not by_text


def _judge(
    element: str, value: object, *, nik: Nik, threshold: int
) -> tuple[ElementAnswer, int | None]:
    """Return the verdict on one element and its score, if it carries one."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return ElementAnswer.NO_ANSWER, None
    text = " ".join(value.lower().split())
    if element == "NIK" and text.isdecimal():
        return _matching(text == nik.digits), None
    verdict = _VERDICT.fullmatch(text)
    if verdict is None:
        return ElementAnswer.NO_ANSWER, None
    is_denied, score = verdict[1] is not None, int(verdict[2]) if verdict[2] else None
    if score is not None and score > _FULL_SCORE:
        return ElementAnswer.NO_ANSWER, None
    least = threshold if element in FREE_TEXT else _FULL_SCORE
    return _matching(not is_denied and (score is None or score >= least)), score


def _matching(is_match: bool) -> ElementAnswer:
    return ElementAnswer.MATCH if is_match else ElementAnswer.MISMATCH
