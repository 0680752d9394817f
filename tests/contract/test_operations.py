"""What operators look at: health, figures and logs (R-9, R-18, PD-4)."""

import ast
import io
import json
import logging
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from adapters.metrics import PrometheusMetrics
from config.logging import STRUCK, AuditHead, Batches, JsonLines, RequestLog, set_up, strike
from idp.app import Application, guarded
from idp.ports.metrics import METRICS, Kind
from idp.wiring import Given
from tests.fakes import FixedClock
from tests.live_server import ROOT
from tests.servers import free_port

TOKEN = "an-operator-token-of-many-letters"
AS_OPERATOR = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def now_clock() -> FixedClock:
    """A clock that agrees with the database's."""
    return FixedClock(at=time.time())


@pytest.fixture
def app(make_app: Callable[..., Application], now_clock: FixedClock) -> Application:
    return make_app(Given(clock=now_clock), SIAPKERJA_OPERATOR_TOKEN=TOKEN)


def problems(browser: FlaskClient) -> tuple[int, list[str]]:
    answer = browser.get("/readyz", headers=AS_OPERATOR)
    return answer.status_code, answer.json["problems"]


# Health -------------------------------------------------------------------------------------------


def test_r_18_a_good_process_is_alive_and_ready(browser: FlaskClient) -> None:
    assert browser.get("/livez").json == {"status": "ok"}
    assert browser.get("/readyz").json == {"status": "ready"}
    assert problems(browser) == (200, [])


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x"]
)
def test_r_18_details_need_the_operators_token(
    browser: FlaskClient, now_clock: FixedClock, header: str
) -> None:
    now_clock.move(3600)

    answer = browser.get("/readyz", headers={"Authorization": header})

    assert answer.status_code == 503
    assert answer.json == {"status": "not ready"}
    assert browser.get("/metrics", headers={"Authorization": header}).status_code == 401


@pytest.mark.parametrize("seconds", [-3600, -45, 45, 3600])
def test_r_9_a_clock_that_differs_from_the_databases_is_not_ready(
    browser: FlaskClient, now_clock: FixedClock, seconds: int
) -> None:
    now_clock.move(seconds)

    assert problems(browser) == (503, ["clock_differs_from_database"])
    assert browser.get("/livez").status_code == 200


@pytest.mark.parametrize("seconds", [-20, 20])
def test_r_9_a_few_seconds_are_borne(
    browser: FlaskClient, now_clock: FixedClock, seconds: int
) -> None:
    now_clock.move(seconds)

    assert problems(browser) == (200, [])


def _execute(app: Application, statement: str) -> None:
    with app.app_context(), app.extensions["sqlalchemy"].engine.begin() as connection:
        connection.execute(sa.text(statement))


@pytest.mark.parametrize(
    "statement",
    ["UPDATE alembic_version SET version_num = '0000'", "DELETE FROM alembic_version"],
)
def test_r_18_a_schema_that_is_behind_is_not_ready(
    app: Application, browser: FlaskClient, statement: str
) -> None:
    _execute(app, statement)

    assert problems(browser) == (503, ["migrations_pending"])


def test_r_14_an_old_server_serves_on_while_the_schema_is_newer(
    app: Application, browser: FlaskClient
) -> None:
    _execute(app, "UPDATE alembic_version SET version_num = '9999'")

    assert problems(browser) == (200, [])


def test_r_18_without_a_signing_key_it_is_not_ready(app: Application, browser: FlaskClient) -> None:
    _execute(app, "DELETE FROM signing_key")

    assert problems(browser) == (503, ["no_signing_key"])


def test_km_1_another_root_does_not_open_the_database(
    make_app: Callable[..., Application], now_clock: FixedClock
) -> None:
    app = make_app(
        Given(clock=now_clock),
        SIAPKERJA_OPERATOR_TOKEN=TOKEN,
        SIAPKERJA_SECRET_KEY="another-root-that-opens-nothing-here-0123",
    )

    assert problems(app.test_client()) == (503, ["secret_key_does_not_open_the_database"])


def test_r_18_a_database_that_is_away_is_not_ready_and_the_process_alive(
    make_app: Callable[..., Application],
) -> None:
    away = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    browser = make_app(SIAPKERJA_OPERATOR_TOKEN=TOKEN, SIAPKERJA_DATABASE_URL=away).test_client()

    assert problems(browser) == (503, ["database_unavailable"])
    assert browser.get("/livez").json == {"status": "ok"}


# Figures ------------------------------------------------------------------------------------------

CALLS = {"count": Kind.COUNTER, "gauge": Kind.GAUGE, "observe": Kind.DURATION}


def _calls() -> Iterator[tuple[str, str, str, set[str]]]:
    """Return where a figure is told, how, which, and with which labels."""
    for folder in ("idp", "adapters"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                    continue
                owner = ast.unparse(node.func.value)
                if node.func.attr in CALLS and owner.endswith("metrics") and node.args:
                    name = ast.literal_eval(node.args[0])
                    labels = {keyword.arg or "**" for keyword in node.keywords}
                    yield f"{path.name}:{node.lineno}", node.func.attr, name, labels


def test_every_figure_is_in_the_catalogue_with_these_labels() -> None:
    told = list(_calls())

    for where, how, name, labels in told:
        assert name in METRICS, where
        assert METRICS[name].kind is CALLS[how], where
        assert set(METRICS[name].labels) == labels, where
    assert {name for _, _, name, _ in told} == set(METRICS)


@pytest.mark.parametrize("name", METRICS)
def test_every_figure_can_be_told_and_read(name: str) -> None:
    metrics, metric = PrometheusMetrics(), METRICS[name]
    labels = dict.fromkeys(metric.labels, "x")

    match metric.kind:
        case Kind.COUNTER:
            metrics.count(name, **labels)
        case Kind.GAUGE:
            metrics.gauge(name, 1.0, **labels)
        case Kind.DURATION:
            metrics.observe(name, 0.1, **labels)

    text = metrics.exposition().decode()
    assert f"siapkerja_{name}{metric.kind.suffix}" in text
    assert f" {metric.words}\n" in text


def test_figures_name_the_page_or_endpoint_and_nothing_of_the_address(browser: FlaskClient) -> None:
    browser.get("/masuk?i=a-secret-id&login_hint=budi@contoh.id")
    browser.get("/email/bukti/a-secret-of-a-link")
    browser.get("/nowhere/3273011708909001")
    browser.post("/token", data={"grant_type": "authorization_code", "code": "a-secret-code"})

    answer = browser.get("/metrics", headers=AS_OPERATOR)

    endpoints = set(re.findall(r'endpoint="([^"]+)"', answer.text))
    assert {"citizen.login", "token", "none"} <= endpoints
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    for secret in ("secret", "budi", "3273", "/nowhere"):
        assert secret not in answer.text


# Bugs ---------------------------------------------------------------------------------------------


class Broken:
    """A provider that has a bug in everything."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("a bug that knows 3273011708909001")


@pytest.mark.parametrize("path", ["/token", "/jwks", "/.well-known/openid-configuration"])
def test_oa_21_a_bug_is_a_server_error_and_its_text_stays_in_the_log(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Any] = []
    environ = {"siapkerja.request_id": "r-1", "REQUEST_METHOD": "POST", "PATH_INFO": path}
    machine: Any = lambda *_: Broken().token  # noqa: E731 - one expression, used once

    body = guarded(machine)(environ, lambda *given: told.extend(given))

    assert told[0] == "500 Internal Server Error"
    assert json.loads(b"".join(body or [])) == {
        "error": "server_error",
        "error_description": "something went wrong on our side",
    }
    [record] = caplog.records
    assert record.__dict__["request_id"] == "r-1"
    assert record.exc_info is not None


# Logs ---------------------------------------------------------------------------------------------


def _line(message: str, **extra: Any) -> Mapping[str, Any]:
    record = logging.LogRecord("idp.test", logging.INFO, "", 0, message, (), None)
    record.__dict__.update(extra)
    text = JsonLines().format(record)
    assert "\n" not in text
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.mark.parametrize(
    "secret",
    [
        "3273011708909001",
        "3273.0117.0890.9001",
        "3273 0117 0890 9001",
        "+62 812-3456-7890",
        "081234567890",
        "budi.santoso@contoh.id",
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    ],
)
def test_pd_4_what_looks_personal_or_secret_is_struck(secret: str) -> None:
    line = _line(f"saw {secret} here", where=f"<{secret}>", deep={"list": [f"a {secret} b"]})

    assert line["event"] == f"saw {STRUCK} here"
    assert secret not in json.dumps(line)


def test_pd_4_only_a_value_of_its_type_passes_as_a_head_of_the_audit_log() -> None:
    head = "eyJhbGciOiJFZDI1NTE5In0.eyJzZXF1ZW5jZSI6N30.c2lnbmF0dXJl"

    line = _line(f"audit head {head}", head=head, deep=[head], audit=AuditHead(head))

    assert line["audit"] == head
    assert (line["event"], line["head"], line["deep"]) == (
        f"audit head {STRUCK}",
        STRUCK,
        [STRUCK],
    )


def test_pd_4_control_characters_are_escaped_and_the_time_is_utc() -> None:
    line = _line("two\r\nlines\x1b[31m", request_id="r-1")

    assert line["event"] == "two\r\nlines\x1b[31m"
    assert line["at"].endswith("+00:00")
    assert line["request_id"] == "r-1"
    assert (line["level"], line["logger"]) == ("INFO", "idp.test")


def test_pd_4_a_trace_is_told_without_what_is_personal() -> None:
    try:
        int("3273011708909001 is bad")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "bug", (), sys.exc_info())
    line = json.loads(JsonLines().format(record))

    assert "ValueError" in line["trace"]
    assert "3273011708909001" not in line["trace"]


@pytest.mark.parametrize(
    "word", ["citizen.login", "2026-11-24", "203.0.113.0/24", "ES256", "12345"]
)
def test_pd_4_what_is_needed_stays(word: str) -> None:
    assert strike(word) == word


def test_a_request_is_told_alike_whether_lines_go_out_in_batches_or_not() -> None:
    told = {
        "request_id": "r-1",
        "method": "GET",
        "endpoint": "token",
        "status": 200,
        "ms": 1.5,
        "network": "203.0.113.0/24",
    }
    at_ms = 1_795_485_600_007
    root = logging.getLogger()
    kept, level = root.handlers[:], root.level
    lines = []
    try:
        root.setLevel(logging.INFO)
        for make in (logging.StreamHandler, Batches):
            written = io.StringIO()
            root.handlers[:] = [make(written)]
            root.handlers[0].setFormatter(JsonLines())
            RequestLog("idp.web.front").tell(at_ms, **told)
            root.handlers[0].flush()
            lines.append(json.loads(written.getvalue()))
        RequestLog("idp.web.front").tell(at_ms, **{**told, "method": 'X" , "a": "b'})
        root.handlers[0].flush()
        strange = json.loads(written.getvalue().splitlines()[-1])
    finally:
        root.handlers[:] = kept
        root.setLevel(level)

    assert lines[1].pop("at") == "2026-11-24T02:00:00.007+00:00"
    assert lines[0].pop("at").endswith("+00:00")
    assert (
        lines[0]
        == lines[1]
        == {**told, "level": "INFO", "logger": "idp.web.front", "event": "request"}
    )
    assert strange["method"] == "other"


def test_oa_21_authlibs_logger_never_prints_tokens() -> None:
    kept = logging.getLogger().handlers[:], logging.getLogger().level
    try:
        set_up("DEBUG")
        assert logging.getLogger("authlib").level == logging.INFO
        assert not logging.getLogger("authlib.oauth2").isEnabledFor(logging.DEBUG)
    finally:
        logging.getLogger().handlers[:], level = kept
        logging.getLogger().setLevel(level)


def test_pd_4_a_request_is_one_line_with_its_id(
    make_app: Callable[..., Application],
) -> None:
    app = make_app(SIAPKERJA_LOG_LEVEL="INFO", SIAPKERJA_HTTP_TRUSTED_PROXIES="127.0.0.1")
    written = io.StringIO()
    [handler] = [h for h in logging.getLogger().handlers if isinstance(h.formatter, JsonLines)]
    stream, handler.stream = handler.stream, written  # type: ignore[attr-defined]
    try:
        answer = app.test_client().get(
            "/masuk?login_hint=budi@contoh.id&code=abc",
            headers={"X-Forwarded-For": "198.51.100.77"},
        )
    finally:
        handler.stream = stream  # type: ignore[attr-defined]

    [line] = [json.loads(text) for text in written.getvalue().splitlines()]
    assert line.pop("ms") >= 0
    assert line.pop("at")
    assert line == {
        "level": "INFO",
        "logger": "idp.web.front",
        "event": "request",
        "request_id": answer.headers["X-Request-Id"],
        "method": "GET",
        "endpoint": "citizen.login",
        "status": 200,
        "network": "198.51.100.0/24",
    }
