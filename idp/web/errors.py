"""Error pages for people: where they are, in words, with a reference and a way on."""

from collections.abc import Mapping
from typing import Final

from flask import Flask, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from idp.domain.errors import Refused
from idp.ports.passwords import Busy
from idp.ports.store import StoreUnavailable
from idp.web.context import request_id
from idp.web.failures import note_cause
from idp.web.problems import TYPE, Problem, is_for_programs

#: Status to heading and sentence; any other status gets those of 400 or 500.
PAGES: Final[Mapping[int, tuple[object, object]]] = {
    400: (
        lazy_gettext("Permintaan tidak dapat diproses"),
        lazy_gettext("Silakan kembali ke halaman sebelumnya dan coba lagi."),
    ),
    403: (
        lazy_gettext("Halaman ini tidak dapat dibuka"),
        lazy_gettext("Permintaan datang dari tempat lain atau sudah terlalu lama. Coba lagi."),
    ),
    404: (
        lazy_gettext("Halaman tidak ditemukan"),
        lazy_gettext("Periksa kembali alamatnya, atau mulai dari halaman depan."),
    ),
    405: (
        lazy_gettext("Halaman ini tidak dapat dibuka seperti itu"),
        lazy_gettext("Silakan mulai dari halaman depan."),
    ),
    413: (
        lazy_gettext("Isian terlalu besar"),
        lazy_gettext("Kurangi isian Anda, lalu kirim sekali lagi."),
    ),
    415: (
        lazy_gettext("Permintaan tidak dapat diproses"),
        lazy_gettext("Silakan kembali ke halaman sebelumnya dan coba lagi."),
    ),
    429: (
        lazy_gettext("Terlalu banyak permintaan"),
        lazy_gettext("Silakan tunggu sebentar, lalu coba lagi."),
    ),
    500: (
        lazy_gettext("Terjadi gangguan pada sistem kami"),
        lazy_gettext("Silakan coba lagi. Sebutkan kode bantuan bila menghubungi kami."),
    ),
    503: (
        lazy_gettext("Layanan sedang tidak tersedia"),
        lazy_gettext("Silakan coba lagi sebentar lagi. Tidak ada data Anda yang hilang."),
    ),
}

RETRY_SECONDS: Final = 5


def init_app(app: Flask) -> None:
    """Answer every error with a page of ours."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(StoreUnavailable, _unavailable)
    app.register_error_handler(Busy, _unavailable)
    app.register_error_handler(Refused, _refused)


def error_page(status: int, *, code: str = "", retry_seconds: int = 0) -> ResponseReturnValue:
    """Return the page of a status. `code`: the cause, kept under the support code and not shown."""
    note_cause(code or f"http.{status}")
    fallback = 500 if status >= 500 else 400
    heading, sentence = PAGES.get(status, PAGES[fallback])
    page = render_template(
        "errors/page.html",
        heading=heading,
        sentence=sentence,
    )
    headers = {"Retry-After": str(retry_seconds)} if retry_seconds else {}
    return page, status, headers


def problem_answer(problem: Problem) -> ResponseReturnValue:
    """Return what a program reads of a problem."""
    headers = [("Content-Type", TYPE), *problem.headers]
    return problem.body(request_id()), problem.status, headers


def _http(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None:
        return error.get_response()
    if is_for_programs(request.path):
        response = make_response(problem_answer(Problem(error.code or 500)))
    else:
        response = make_response(error_page(error.code or 500))
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        # RFC 9110 §15.5.6: it must be told
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response


def _unavailable(error: Exception) -> ResponseReturnValue:
    if is_for_programs(request.path):
        return problem_answer(Problem(503, headers=[("Retry-After", str(RETRY_SECONDS))]))
    code = "busy" if isinstance(error, Busy) else "store.unavailable"
    return error_page(503, code=code, retry_seconds=RETRY_SECONDS)


def _refused(refusal: Refused) -> ResponseReturnValue:
    """Answer a refusal that no view expected: the request makes no sense where it came."""
    return error_page(400, code=refusal.code)
