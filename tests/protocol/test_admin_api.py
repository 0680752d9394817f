"""How calls of the API of administration are read and answered, whatever they are about."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from werkzeug.test import TestResponse

from idp.app import Application
from idp.ports.store import StoreUnavailable
from idp.services.submissions import LEASE_SECONDS
from idp.web.api.blueprint import view_of
from idp.web.api.bodies import DEPTH_MAX, merged
from idp.web.api.idempotency import KEEP_SECONDS, digest_of_call
from idp.web.api.operation import OPERATIONS, Call, Reply
from tests.administration import AUDIENCE, Program, a_program
from tests.fakes import FixedClock
from tests.racing import at_once

JSON = "application/json"
SCRIPT = "<script>alert(1)</script>"
GIVEN = {"client_name": "Portal Baru", "redirect_uris": ["https://baru.example/cb"]}
KEY = {"Idempotency-Key": "satu"}


@pytest.fixture
def program(app: Application) -> Program:
    return a_program(app)


def problem(answer: TestResponse) -> dict[str, Any]:
    assert answer.mimetype == "application/problem+json", answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    told: dict[str, Any] = answer.get_json()
    assert told["status"] == answer.status_code
    return told


# Bodies -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "status", "sent"),
    [
        ("body.not_json", 400, b"{"),
        ("body.not_json", 400, b""),
        ("body.not_json", 400, b'{"client_name": "\xff"}'),
        ("body.not_json", 400, b'{"client_name": "\\ud800"}'),
        ("body.not_json", 400, b'{"default_max_age": NaN}'),
        ("body.not_json", 400, b'{"scope": "a", "scope": "b"}'),
        ("body.too_deep", 400, b'{"jwks": ' * 40 + b"1" + b"}" * 40),
        ("body.too_deep", 400, b"[" * 30_000),
        ("body.invalid", 422, b"[]"),
        ("body.invalid", 422, b"null"),
        ("body.invalid", 422, b'"text"'),
        ("body.invalid", 422, b'{"redirect_uris": "https://a.example"}'),
        ("body.invalid", 422, b'{"redirect_uri": ["https://a.example"]}'),
    ],
)
def test_a_body_that_can_not_be_taken_is_refused_by_kind(
    program: Program, code: str, status: int, sent: bytes
) -> None:
    answer = program.post("/clients", data=sent, content_type=JSON)

    assert (answer.status_code, problem(answer)["code"]) == (status, code)


def test_brackets_in_a_text_are_no_depth(program: Program) -> None:
    given = {**GIVEN, "client_name": "[" * (DEPTH_MAX + 9) + '\\"{'}

    assert program.post("/clients", given).status_code == 201


@pytest.mark.parametrize("kind", ["text/plain", "", "application/x-www-form-urlencoded"])
def test_another_media_type_is_refused(program: Program, kind: str) -> None:
    answer = program.post("/clients", data=json.dumps(GIVEN), content_type=kind)

    assert (answer.status_code, problem(answer)["code"]) == (415, "body.media_type")


def test_a_patch_of_another_type_is_told_which_one(program: Program) -> None:
    answer = program.call(
        "PATCH", "/clients/x", data=b"{}", content_type="text/plain", headers={"If-Match": "*"}
    )

    assert answer.status_code == 415
    assert "application/merge-patch+json" in answer.headers["Accept-Patch"]


def test_twenty_megabytes_are_refused_before_they_are_read(program: Program) -> None:
    class Untouched:
        def read(self, *_: object) -> bytes:
            raise AssertionError("the body was read")

    answer = program.post(
        "/clients",
        content_type=JSON,
        environ_overrides={"CONTENT_LENGTH": str(20 * 2**20), "wsgi.input": Untouched()},
    )

    assert (answer.status_code, problem(answer)["code"]) == (413, "body.too_large")


def test_every_mistake_is_told_at_its_place(program: Program) -> None:
    uris = ["https://good.example/cb", "https://bad.example/#x", "javascript:alert(1)"]
    answer = program.post("/clients", {"client_name": 1, "redirect_uris": uris})

    told = {error["pointer"]: error["code"] for error in problem(answer)["errors"]}
    assert answer.status_code == 422
    assert told == {
        "/client_name": "member.text",
        "/redirect_uris/1": "member.uri.fragment",
        "/redirect_uris/2": "member.uri.never",
    }


def test_ten_thousand_redirect_uris_are_one_mistake(program: Program) -> None:
    uris = [f"https://a.example/{number}" for number in range(2000)]
    answer = program.post("/clients", {"redirect_uris": uris})

    assert answer.status_code == 422
    assert [error["pointer"] for error in problem(answer)["errors"]] == ["/redirect_uris"]


def test_what_has_script_in_it_comes_back_as_data(program: Program) -> None:
    given = {**GIVEN, "client_name": SCRIPT, "client_name#en": "</title>'\"&"}
    made = program.post("/clients", given)
    listed = program.facts("/clients?q=script")

    assert made.status_code == 201
    assert (made.get_json()["client_name"], made.mimetype) == (SCRIPT, JSON)
    assert [client["client_name"] for client in listed["items"]] == [SCRIPT]
    assert made.headers["X-Content-Type-Options"] == "nosniff"
    pointer = problem(program.post("/clients", {SCRIPT: 1}))["errors"][0]["pointer"]
    assert pointer == "/<script>alert(1)<~1script>"


# Queries ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("status=gone", "status"),
        ("statuses=active", "statuses"),
        ("limit=1&limit=2", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=", "cursor"),
        (f"q={'x' * 300}", "q"),
    ],
)
def test_a_query_that_can_not_be_read_is_never_ignored(
    program: Program, query: str, parameter: str
) -> None:
    answer = program.get(f"/clients?{query}")

    told = problem(answer)
    assert (answer.status_code, told["code"]) == (400, "query.invalid")
    assert [error["parameter"] for error in told["errors"]] == [parameter]


def test_pages_together_have_everything_once(program: Program, clock: FixedClock) -> None:
    for number in range(7):
        clock.move(number % 2)
        given = {"client_name": f"Portal {number}", "redirect_uris": ["https://a.example/cb"]}
        assert program.post("/clients", given).status_code == 201
    seen, address = [], "/clients?limit=3"

    while address:
        answer = program.get(address)
        page = answer.get_json()
        seen += [client["client_id"] for client in page["items"]]
        address = page.get("next", "")
        links = answer.headers.get("Link", "")
        assert links == (f'<{address}>; rel="next"' if address else "")

    everybody = [client.client_id for client in program.app.wiring.services.clients.list_all()]
    assert seen == everybody
    assert len(seen) == 8


def test_a_cursor_is_bound_to_its_list_and_filter(program: Program) -> None:
    for number in range(3):
        program.post("/clients", {**GIVEN, "client_name": f"Portal {number}"})
    address = program.facts("/clients?limit=1&q=portal")["next"]

    assert program.get(address).status_code == 200
    assert program.get(address.replace("q=portal", "q=program")).status_code == 400
    cursor = address.partition("cursor=")[2]
    bent = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
    assert program.get(f"/clients?limit=1&q=portal&cursor={bent}").status_code == 400


# Conditions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/clients", "/keys", "/clients/{client_id}", "/openapi.json"])
def test_what_the_caller_has_is_not_sent_again(program: Program, path: str) -> None:
    address = path.format(client_id=program.client_id)
    first = program.get(address)

    for known in (first.headers["ETag"], f'"x", W/{first.headers["ETag"]}', "*"):
        again = program.get(address, headers={"If-None-Match": known})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]
    assert program.get(address, headers={"If-None-Match": '"x"'}).status_code == 200


def made(program: Program, **given: Any) -> tuple[str, str]:
    """Register a client; return its address and entity tag."""
    answer = program.post("/clients", {**GIVEN, **given})
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"], answer.headers["ETag"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_change_says_what_it_changes(program: Program, method: str) -> None:
    address, tag = made(program)
    body = None if method == "DELETE" else GIVEN

    missing = program.call(method, address, body)
    assert (missing.status_code, problem(missing)["code"]) == (428, "match.required")
    stale = program.call(method, address, body, headers={"If-Match": '"v7"'})
    assert (stale.status_code, problem(stale)["code"]) == (412, "match.stale")
    weak = program.call(method, address, body, headers={"If-Match": f"W/{tag}"})
    assert weak.status_code == 412
    for rubbish in ("", "v1", '"v1', "x y"):
        bent = program.call(method, address, body, headers={"If-Match": rubbish})
        assert (bent.status_code, problem(bent)["code"]) == (400, "match.malformed")
    listed = program.call(method, address, body, headers={"If-Match": f'"x", {tag}'})
    assert listed.status_code == (202 if method == "DELETE" else 200)


def test_of_two_who_change_what_they_saw_one_is_told(program: Program) -> None:
    address, tag = made(program)

    def change(name: str) -> Callable[[], int]:
        browser = program.app.test_client()
        about = {"Authorization": f"Bearer {program.token}", "If-Match": tag}
        path = address.partition(":8000")[2]
        return lambda: browser.patch(path, json={"client_name": name}, headers=about).status_code

    answers = at_once([change(f"Nama {number}") for number in range(8)])

    assert sorted(answers) == [200] + [412] * 7
    assert program.facts(address)["version"] == 2


def test_what_is_wrong_by_itself_is_told_before_what_others_changed(program: Program) -> None:
    address, _ = made(program)
    answer = program.call("PUT", address, {"nothing": 1}, headers={"If-Match": '"v9"'})

    assert answer.status_code == 422


# Idempotency keys ---------------------------------------------------------------------------------


def test_a_post_sent_again_gets_the_first_answer(program: Program, clock: FixedClock) -> None:
    first = program.post("/clients", GIVEN, headers=KEY)
    clock.move(200)
    again = program.post("/clients", dict(reversed(GIVEN.items())), headers=KEY)

    assert (again.status_code, again.data) == (201, first.data)
    assert (again.headers["Location"], again.headers["ETag"]) == (
        first.headers["Location"],
        first.headers["ETag"],
    )
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert len(program.facts("/clients")["items"]) == 2


def test_the_first_answer_is_kept_for_a_day(program: Program, clock: FixedClock) -> None:
    first = program.post("/clients", GIVEN, headers=KEY).get_json()
    clock.move(KEEP_SECONDS + 1)
    program.renew()
    again = program.post("/clients", GIVEN, headers=KEY).get_json()

    assert again["client_id"] != first["client_id"]


def test_a_key_with_another_body_is_refused(program: Program) -> None:
    program.post("/clients", GIVEN, headers=KEY)
    answer = program.post("/clients", {**GIVEN, "client_name": "Lain"}, headers=KEY)

    assert (answer.status_code, problem(answer)["code"]) == (422, "idempotency.reused")
    assert len(program.facts("/clients")["items"]) == 2


def test_a_key_counts_for_one_address_and_one_client(app: Application, program: Program) -> None:
    other = a_program(app)
    answers = [
        program.post("/clients", GIVEN, headers=KEY),
        other.post("/clients", GIVEN, headers=KEY),
        program.post("/keys/rotate", headers=KEY),
    ]

    assert [answer.status_code for answer in answers] == [201, 201, 200]
    assert answers[0].data != answers[1].data


def test_of_many_at_once_one_acts_and_the_others_wait_or_get_its_answer(program: Program) -> None:
    def send() -> TestResponse:
        browser = program.app.test_client()
        about = {"Authorization": f"Bearer {program.token}", **KEY}
        return browser.post("/api/admin/v1/clients", json=GIVEN, headers=about)

    answers = at_once([send] * 8)

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({a.get_json()["client_id"] for a in answers if a.status_code == 201}) == 1
    for answer in answers:
        if answer.status_code == 409:
            assert problem(answer)["code"] == "idempotency.at_work"
            assert answer.headers["Retry-After"] == "1"
    assert len(program.facts("/clients")["items"]) == 2


def test_a_key_of_a_call_at_work_is_free_again_when_it_died(
    program: Program, clock: FixedClock
) -> None:
    """The process that had claimed the key is gone: nothing finishes or releases it."""
    digest = digest_of_call(f"{program.client_id}\nPOST /api/admin/v1/clients?", "satu")
    assert program.app.wiring.services.submissions.begin(digest)

    assert program.post("/clients", GIVEN, headers=KEY).status_code == 409
    clock.move(LEASE_SECONDS + 1)
    assert program.post("/clients", GIVEN, headers=KEY).status_code == 201


def test_a_refused_call_leaves_its_key_free(program: Program) -> None:
    refused = program.post("/clients", {"redirect_uris": ["x"]}, headers=KEY)
    done = program.post("/clients", GIVEN, headers=KEY)

    assert (refused.status_code, done.status_code) == (422, 201)


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "\xe9"])
def test_a_key_that_is_none_is_refused(program: Program, key: str) -> None:
    answer = program.post("/clients", GIVEN, headers={"Idempotency-Key": key})

    assert (answer.status_code, problem(answer)["code"]) == (400, "idempotency.key")
    assert problem(answer)["errors"][0]["header"] == "Idempotency-Key"


def test_a_secret_in_a_kept_answer_is_sealed(program: Program) -> None:
    secret = program.post("/clients", GIVEN, headers=KEY).get_json()["client_secret"]
    with program.app.app_context():
        engine = program.app.extensions["sqlalchemy"].engine
    with engine.connect() as connection:
        kept = [
            bytes(row[0])
            for row in connection.exec_driver_sql("SELECT answer_sealed FROM form_submission")
        ]

    assert len(kept) == 1
    assert secret.encode() not in kept[0]


# Methods, bugs, outages ---------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PATCH", "PUT", "DELETE"])
def test_a_method_that_is_not_taken_says_which_are(program: Program, method: str) -> None:
    answer = program.call(method, "/clients")

    assert (answer.status_code, problem(answer)["code"]) == (405, "method.unknown")
    assert answer.headers["Allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize("path", ["/", "", "/nothing", "/clients/", "/clients/a/b/c", "/../keys"])
def test_an_address_without_anything_is_a_problem_too(program: Program, path: str) -> None:
    answer = program.get(path)

    assert (answer.status_code, problem(answer)["code"]) == (404, "address.unknown")


def test_a_head_has_the_headers_of_a_get(program: Program) -> None:
    answer = program.call("HEAD", "/keys")

    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["ETag"] == program.get("/keys").headers["ETag"]


def test_r_4_a_store_that_is_away_is_told_and_nothing_was_changed(program: Program) -> None:
    def away(_: Call) -> Reply:
        raise StoreUnavailable

    [operation] = [found for found in OPERATIONS if found.name == "list_keys"]
    program.app.view_functions["api.list_keys"] = view_of(replace(operation, act=away))
    answer = program.get("/keys")

    assert (answer.status_code, problem(answer)["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_bug_is_told_by_its_reference_alone(program: Program) -> None:
    def broken(_: Call) -> Reply:
        raise RuntimeError(SCRIPT)

    [operation] = [found for found in OPERATIONS if found.name == "list_keys"]
    program.app.view_functions["api.list_keys"] = view_of(replace(operation, act=broken))
    answer = program.get("/keys")

    assert (answer.status_code, problem(answer)["code"]) == (500, "server_error")
    assert answer.get_json()["request_id"] == answer.headers["X-Request-Id"]
    assert SCRIPT not in answer.text


def test_nothing_of_a_call_stands_in_the_browser(program: Program) -> None:
    answer = program.get("/keys")

    assert "Set-Cookie" not in answer.headers
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_does_what_its_specification_says(
    target: Any, patch: Any, result: Any
) -> None:
    """RFC 7396, appendix A."""
    assert merged(target, patch) == result


def test_the_address_of_everything_made_is_whole(program: Program) -> None:
    address, _ = made(program)

    assert address.startswith(f"{AUDIENCE}/clients/")
    assert program.get(address).status_code == 200
