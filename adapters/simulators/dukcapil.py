"""The pretend population register, `dukcapil.md` sections 2 to 4."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, Response, request

from adapters.simulators import kinds
from adapters.simulators.connection import broken_off, dripping, stay_silent
from adapters.simulators.people import SandboxPerson
from adapters.simulators.state import sandbox
from adapters.simulators.switches import Switch

dukcapil = Blueprint("dukcapil", __name__, url_prefix="/dukcapil")

SILENT_SECONDS: Final = 60.0
DRIP_SECONDS: Final = 0.25
HUGE_BYTES: Final = 1_200_000

_ADDRESS_KEYS: Final = ("IP_USER", "IP_USERS", "IP_ADDRESS")
_CODED_ELEMENTS: Final = ("TGL_LHR", "JENIS_KLMIN")
_NGINX_PAGE: Final = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    "<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>"
)
_LOGIN_PAGE: Final = (
    "<!doctype html><title>Portal VPN</title><h1>Sesi berakhir</h1><form><input name=user></form>"
)


@dataclass(frozen=True, slots=True)
class Question:
    """One call. `asked`: the values by element, upper-case names; `threshold` from 0 to 100."""

    asked: Mapping[str, str]
    threshold: int
    switch: Switch | None
    quota_left: int

    @property
    def nik(self) -> str:
        """The NIK that is asked about."""
        return self.asked.get("NIK", "")


@dukcapil.post("/get_json/<institution>/CALL_VERIFY_BY_ELEMEN")
def verify_by_element(institution: str) -> Response:
    """Answer as the kind of the header, the switch or the person says; else compare."""
    state = sandbox()
    asked = _upper_keys(request.get_json(force=True, silent=True))
    nik = asked.get("NIK", "")
    switch = state.register_switches.take(nik)
    forced = request.headers.get("X-Sim-Answer") or (switch.kind if switch else "")
    left = state.quota.spend()
    question = Question(asked, _threshold(asked), switch, left or 0)
    if forced:
        # an answer of that kind, whoever is asked about and whatever was typed
        return _answer(forced, question, None)
    person = state.people.find(nik)
    refusal = _refusal(asked, institution) or ("" if left is not None else kinds.NO_QUOTA)
    if refusal:
        return _answer(refusal, question, person)
    if person is None:
        is_formed = len(nik) == 16 and nik.isdecimal()
        return _answer(kinds.UNKNOWN_NIK if is_formed else kinds.BAD_FORMAT, question, None)
    return _answer(person.kind, question, person)


def similarity(one: str, other: str) -> int:
    """Return how alike two names are, 0 to 100: normalised Levenshtein distance.

    The register's real algorithm is not published.
    """
    one, other = _plain(one), _plain(other)
    if not one or not other:
        return 0
    previous = list(range(len(other) + 1))
    for row, sign in enumerate(one, 1):
        current = [row]
        for column, counterpart in enumerate(other, 1):
            replaced = previous[column - 1] + (sign != counterpart)
            current.append(min(replaced, previous[column] + 1, current[-1] + 1))
        previous = current
    return int(100 * (1 - previous[-1] / max(len(one), len(other))))


def _plain(name: str) -> str:
    return " ".join(name.upper().split())


def _upper_keys(document: object) -> dict[str, str]:
    if not isinstance(document, dict):
        return {}
    return {str(key).upper(): str(value) for key, value in document.items()}


def _threshold(asked: Mapping[str, str]) -> int:
    text = asked.get("TRESHOLD", "")
    return int(text) if text.isdecimal() else 100


def _refusal(asked: Mapping[str, str], institution: str) -> str:
    """Return the kind of a refusal that has nothing to do with the person, or nothing."""
    account = sandbox().account
    address = next((asked[key] for key in _ADDRESS_KEYS if key in asked), "")
    user, password = asked.get("USER_ID", ""), asked.get("PASSWORD", "")
    if not (user and password and address):
        return kinds.NO_LOGIN if asked else kinds.BAD_REQUEST
    if (user, password) != (account.user_id, account.password) or not institution:
        return kinds.WRONG_LOGIN
    if address != account.ip_user:
        return kinds.WRONG_ADDRESS
    return "" if asked.get("NIK") and "NAMA_LGKP" in asked else kinds.BAD_REQUEST


def _answer(kind: str, question: Question, person: SandboxPerson | None) -> Response:
    if kind in kinds.ERROR_OBJECTS:
        left = 0 if kind == kinds.NO_QUOTA else question.quota_left
        return _envelope(kinds.ERROR_OBJECTS[kind], left)
    if kind in _BROKEN:
        return _BROKEN[kind](question)
    return _envelope(_elements(kind, question, person), question.quota_left)


def _envelope(content: Mapping[str, str], quota_left: int) -> Response:
    return _json(_page([content], quota_left))


def _page(content: object, quota_left: int) -> dict[str, object]:
    return {
        "content": content,
        "lastPage": True,
        "numberOfElements": 1,
        "sort": None,
        "totalElements": 1,
        "firstPage": True,
        "number": 0,
        "size": 1,
        "quotaLimiter": quota_left,
    }


def _json(document: object) -> Response:
    return Response(json.dumps(document), content_type="application/json;charset=UTF-8")


# Elements -----------------------------------------------------------------------------------------


def _elements(kind: str, question: Question, person: SandboxPerson | None) -> dict[str, str]:
    """Compare what was asked with the person, then bend the result as the kind wants it.

    Without a person, as for a kind that was forced, compares with the very names that were asked.
    """
    compared = {"NIK": "Sesuai"}
    for element, value in question.asked.items():
        known = _known(element, person, value)
        if known is None:
            continue
        if element in _CODED_ELEMENTS:
            compared[element] = "Sesuai" if value == known else "Tidak Sesuai"
        else:
            compared[element] = _verdict(similarity(value, known), question.threshold)
    return _BENT.get(kind, _unbent)(compared, question)


def _known(element: str, person: SandboxPerson | None, asked: str) -> str | None:
    """Return what the register has of this element, `None` where it does not answer for it."""
    if person is None:
        return asked if element in {"NAMA_LGKP", "NAMA_LGKP_IBU", *_CODED_ELEMENTS} else None
    return {
        "NAMA_LGKP": person.name,
        "NAMA_LGKP_IBU": person.mother_name,
        "TGL_LHR": "-".join(reversed(person.birthdate.split("-"))),
        "JENIS_KLMIN": "Laki-Laki" if person.gender == "male" else "Perempuan",
    }.get(element)


def _verdict(score: int, threshold: int) -> str:
    return f"{'Sesuai' if score >= threshold else 'Tidak Sesuai'} ({score})"


def _score(verdict: str) -> int:
    return int(verdict.rpartition("(")[2].rstrip(")"))


def _capped(verdict: str, cap: int, threshold: int) -> str:
    """Return the verdict with a score of at most `cap`: right names look nearly right."""
    return _verdict(min(_score(verdict), cap), threshold)


def _unbent(compared: dict[str, str], _question: Question) -> dict[str, str]:
    return compared


def _similar(compared: dict[str, str], question: Question) -> dict[str, str]:
    caps = {"NAMA_LGKP": 92, "NAMA_LGKP_IBU": 95}
    return {
        element: _capped(verdict, caps[element], question.threshold) if element in caps else verdict
        for element, verdict in compared.items()
    }


def _with(element: str, verdict: str) -> Callable[[dict[str, str], Question], dict[str, str]]:
    def bend(compared: dict[str, str], _question: Question) -> dict[str, str]:
        return {**compared, element: verdict}

    return bend


def _without_mother(compared: dict[str, str], _question: Question) -> dict[str, str]:
    return {name: verdict for name, verdict in compared.items() if name != "NAMA_LGKP_IBU"}


def _wrong_birth_date(compared: dict[str, str], question: Question) -> dict[str, str]:
    return {**_without_mother(compared, question), "TGL_LHR": "Tidak Sesuai"}


def _yes_but_zero(compared: dict[str, str], question: Question) -> dict[str, str]:
    return {**_without_mother(compared, question), "NAMA_LGKP": "Sesuai (0)"}


def _echoed(compared: dict[str, str], question: Question) -> dict[str, str]:
    return {**compared, "NIK": question.nik}


_BENT: Final[Mapping[str, Callable[[dict[str, str], Question], dict[str, str]]]] = {
    "A2": _similar,
    "A3": _with("NAMA_LGKP", "Tidak Sesuai (59)"),
    "A4": _with("NAMA_LGKP_IBU", "Tidak Sesuai (40)"),
    "A5": _wrong_birth_date,
    "A6": _yes_but_zero,
    "A7": _without_mother,
    "A8": _echoed,
}


# Answers that are none ----------------------------------------------------------------------------


def _full_match(question: Question) -> dict[str, object]:
    """Return what a match looks like: whoever believes a broken answer opens an account."""
    names = {name: "Sesuai (100)" for name in question.asked if name.startswith("NAMA_")}
    return _page([{"NIK": "Sesuai", **names}], question.quota_left)


def _silent(question: Question) -> Response:
    wanted = question.switch.seconds if question.switch else None
    stay_silent(SILENT_SECONDS * sandbox().pace if wanted is None else wanted)
    return _json(_full_match(question))


def _reset(question: Question) -> Response:
    return broken_off(json.dumps(_full_match(question)).encode())


def _html(page: str, *, status: int) -> Callable[[Question], Response]:
    def answer(_question: Question) -> Response:
        return Response(page, status, content_type="text/html")

    return answer


def _truncated(question: Question) -> Response:
    whole = json.dumps(_full_match(question))
    return Response(whole[: len(whole) // 2], content_type="application/json")


def _shape(content: object) -> Callable[[Question], Response]:
    def answer(question: Question) -> Response:
        return _json(_page(content, question.quota_left))

    return answer


def _bare_list(_question: Question) -> Response:
    return _json([])


def _object_for_list(question: Question) -> Response:
    content = _full_match(question)["content"]
    return _json(_page(content[0] if isinstance(content, list) else {}, question.quota_left))


def _huge(question: Question) -> Response:
    return _json({**_full_match(question), "padding": "x" * HUGE_BYTES})


def _dripping(question: Question) -> Response:
    wanted = question.switch.seconds if question.switch else None
    seconds = DRIP_SECONDS * sandbox().pace if wanted is None else wanted
    return dripping(json.dumps(_full_match(question)).encode(), seconds=seconds)


def _login_elsewhere(_question: Question) -> Response:
    return Response("", 302, headers={"Location": "/dukcapil/login"})


_BROKEN: Final[Mapping[str, Callable[[Question], Response]]] = {
    "D1": _silent,
    "D2": _reset,
    "D3": _html(_NGINX_PAGE, status=502),
    "D4": _html(_LOGIN_PAGE, status=200),
    "D5": _truncated,
    "D6": _shape([]),
    "D6b": _shape(None),
    "D6c": _bare_list,
    "D6d": _object_for_list,
    "D7": _html("<h1>401 Authorization Required</h1>", status=401),
    "D7b": _html("<h1>403 Forbidden</h1>", status=403),
    "D8": _huge,
    # plain HTTP has no certificate to be wrong
    "D9": _reset,
    "D10": _dripping,
    "D11": _html("<h1>429 Too Many Requests</h1>", status=429),
    "D12": _login_elsewhere,
}
