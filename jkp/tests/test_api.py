"""The API believes access tokens of the issuer for itself, and nothing else (JK-1, RFC 9068 §4)."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from jkp.benefit_claims import day_of
from jkp.context import Module
from jkp.tests.conftest import URL, Clock, bearer
from jkp.tests.pretend_issuer import SUBJECT, PretendIssuer, a_key

Forge = Callable[[PretendIssuer], str]
STRANGER = "sub-of-somebody-else"


def _json64(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _unsigned(issuer: PretendIssuer) -> str:
    return f"{_json64({'alg': 'none', 'typ': 'at+jwt'})}.{_json64(issuer.claims())}."


def _hmac_with_public_key(issuer: PretendIssuer) -> str:
    key = issuer.keys[0]
    header = {"alg": "HS256", "typ": "at+jwt", "kid": key.kid}
    text = f"{_json64(header)}.{_json64(issuer.claims())}"
    mac = hmac.digest(key.as_pem(private=False), text.encode(), hashlib.sha256)
    return f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def _other_claims(issuer: PretendIssuer) -> str:
    header, _, signature = issuer.token().split(".")
    return f"{header}.{_json64(issuer.claims(sub=STRANGER))}.{signature}"


def _with_own_key_in_header(issuer: PretendIssuer) -> str:
    own = a_key("evil")
    return issuer.sign(issuer.claims(), key=own, jwk=own.as_dict(private=False))


def _own_key_under_known_kid(issuer: PretendIssuer) -> str:
    return issuer.sign(issuer.claims(), key=a_key("idp-1"))


def _bent_signature(issuer: PretendIssuer) -> str:
    head, _, signature = issuer.token().rpartition(".")
    return f"{head}.{signature[:-8]}AAAAAAAA"


def _claims(**changes: Any) -> Forge:
    return lambda issuer: issuer.token(**changes)


def _header(**changes: Any) -> Forge:
    return lambda issuer: issuer.sign(issuer.claims(), **changes)


FORGERIES: dict[str, Forge] = {
    "alg none": _unsigned,
    "HMAC with the public key": _hmac_with_public_key,
    "claims exchanged": _other_claims,
    "signature bent": _bent_signature,
    "signature cut off": lambda issuer: issuer.token().rpartition(".")[0] + ".",
    "key in the header": _with_own_key_in_header,
    "key under a known kid": _own_key_under_known_kid,
    "key that is not published": lambda issuer: issuer.sign(issuer.claims(), key=a_key("idp-9")),
    "no kid": _header(kid=None),
    "an ID token": _header(typ="JWT"),
    "a logout token": _header(typ="logout+jwt"),
    "no typ": _header(typ=None),
    "another issuer": _claims(iss="https://issuer.example"),
    "the issuer with a slash": lambda issuer: issuer.token(iss=f"{issuer.url}/"),
    "for userinfo": lambda issuer: issuer.token(aud=issuer.url),
    "for another portal": _claims(aud="https://karirhub.example"),
    "for us with a slash": _claims(aud=f"{URL}/"),
    "for our client id": _claims(aud="jkp"),
    "no audience": _claims(aud=None),
    "expired": _claims(exp=int(time.time()) - 1),
    "no expiry": _claims(exp=None),
    "not yet valid": _claims(nbf=int(time.time()) + 3600),
    "no subject": _claims(sub=None),
    "subject is a number": _claims(sub=7),
    "no jti": _claims(jti=None),
    "no client": _claims(client_id=None),
    "of a client, not a person": _claims(sub="jkp", auth_time=None, acr=None, ial=None),
    "of a client, in the guise of a person": _claims(sub="jkp"),
    "without sign-in": _claims(auth_time=None),
    "bound by DPoP": _claims(cnf={"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}),
    "bound by certificate": _claims(
        cnf={"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}
    ),
    "not a token": lambda _: "not-a-token",
    "a JSON object": lambda _: '{"sub":"sub-of-budi"}',
    "five parts": lambda issuer: issuer.token() + ".a.b",
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("kind", FORGERIES)
def test_jk_1_a_forged_token_gets_nothing(
    browser: FlaskClient, issuer: PretendIssuer, kind: str, method: str
) -> None:
    answer = browser.open("/api/klaim", method=method, **bearer(FORGERIES[kind](issuer)))

    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert answer.json is not None
    assert answer.json["error"] == "invalid_token"


def test_a_good_token_tells_where_the_claim_stands(
    browser: FlaskClient, issuer: PretendIssuer
) -> None:
    answer = browser.get("/api/klaim", **bearer(issuer.token()))

    assert answer.status_code == 200
    assert answer.json == {
        "state": "none",
        "message": "Belum ada laporan PHK. Isi Lapor PHK atau minta perusahaan melaporkannya.",
    }
    assert answer.headers["Cache-Control"] == "no-store"


def test_reading_asks_the_issuer_for_its_keys_once(
    browser: FlaskClient, issuer: PretendIssuer
) -> None:
    for _ in range(5):
        browser.get("/api/klaim", **bearer(issuer.token()))

    assert issuer.calls.count("/jwks") == 1
    assert "/introspect" not in issuer.calls


def test_a_request_without_token_is_told_how_to_bring_one(browser: FlaskClient) -> None:
    answer = browser.get("/api/klaim")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == (
        f'Bearer realm="jkp", resource_metadata="{URL}/.well-known/oauth-protected-resource"'
    )


def test_a_token_in_the_address_or_the_body_is_not_looked_at(
    browser: FlaskClient, issuer: PretendIssuer
) -> None:
    token = issuer.token()

    assert browser.get("/api/klaim", query_string={"access_token": token}).status_code == 401
    assert browser.post("/api/klaim", data={"access_token": token}).status_code == 401


def test_a_cookie_is_no_token(browser: FlaskClient, issuer: PretendIssuer) -> None:
    browser.set_cookie("jkp_session", issuer.token())

    assert browser.get("/api/klaim").status_code == 401


def test_without_the_scope_the_answer_is_403(browser: FlaskClient, issuer: PretendIssuer) -> None:
    for scope in ("openid profile", "", "jkp2 xjkp"):
        answer = browser.get("/api/klaim", **bearer(issuer.token(scope=scope)))

        assert answer.status_code == 403
        assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


def test_a_person_whom_dukcapil_did_not_match_gets_nothing(
    browser: FlaskClient, issuer: PretendIssuer
) -> None:
    assert browser.get("/api/klaim", **bearer(issuer.token(ial=0))).status_code == 403


def test_jk_1_the_person_comes_from_sub_alone(
    browser: FlaskClient, module: Module, issuer: PretendIssuer, clock: Clock
) -> None:
    module.store.accept_report(STRANGER, day_of(clock()), now=clock())

    asked = browser.get(f"/api/klaim?sub={STRANGER}&nik=3273011708909001", **bearer(issuer.token()))
    named = browser.get(f"/api/klaim/{STRANGER}", **bearer(issuer.token()))

    assert asked.json is not None
    assert asked.json["state"] == "none"
    assert named.status_code == 404


def test_a_new_key_of_the_issuer_is_found(
    browser: FlaskClient, issuer: PretendIssuer, clock: Clock
) -> None:
    browser.get("/api/klaim", **bearer(issuer.token()))
    issuer.keys.insert(0, a_key("idp-2"))
    clock.ahead += 10

    assert browser.get("/api/klaim", **bearer(issuer.token())).status_code == 200
    assert issuer.calls.count("/jwks") == 2


def test_unknown_keys_do_not_make_us_ask_without_end(
    browser: FlaskClient, issuer: PretendIssuer
) -> None:
    for number in range(20):
        token = issuer.sign(issuer.claims(), key=a_key(f"unknown-{number}"))
        assert browser.get("/api/klaim", **bearer(token)).status_code == 401

    assert issuer.calls.count("/jwks") == 1


def test_a_key_that_the_issuer_took_back_counts_no_more(
    browser: FlaskClient, issuer: PretendIssuer, clock: Clock
) -> None:
    old = issuer.token(exp=int(time.time()) + 3600)
    assert browser.get("/api/klaim", **bearer(old)).status_code == 200
    issuer.keys[:] = [a_key("idp-2")]
    clock.ahead += 300

    assert browser.get("/api/klaim", **bearer(old)).status_code == 401


def test_while_the_issuer_is_away_reading_goes_on_and_writing_does_not(
    browser: FlaskClient, issuer: PretendIssuer, clock: Clock
) -> None:
    browser.get("/api/klaim", **bearer(issuer.token()))
    token = issuer.token(exp=int(time.time()) + 3600, auth_time=int(time.time()) + 300)
    issuer.is_away = True
    clock.ahead += 300

    assert browser.get("/api/klaim", **bearer(token)).status_code == 200
    assert browser.post("/api/klaim", json={"kapk": True}, **bearer(token)).status_code == 503


def test_before_the_issuer_was_ever_reached_nothing_counts(
    browser: FlaskClient, issuer: PretendIssuer
) -> None:
    token = issuer.token()
    issuer.is_away = True

    assert browser.get("/api/klaim", **bearer(token)).status_code == 503


@pytest.mark.parametrize(
    "changes",
    [
        {"acr": "urn:kemnaker:aal:1"},
        {"acr": "urn:kemnaker:aal:22"},
        {"auth_time": int(time.time()) - 700},
    ],
    ids=["one factor", "unknown level", "too long ago"],
)
def test_a_write_needs_two_factors_within_ten_minutes(
    browser: FlaskClient, issuer: PretendIssuer, changes: dict[str, Any]
) -> None:
    answer = browser.post("/api/klaim", json={"kapk": True}, **bearer(issuer.token(**changes)))

    assert answer.status_code == 401
    challenge = answer.headers["WWW-Authenticate"]
    assert 'error="insufficient_user_authentication"' in challenge
    assert 'acr_values="urn:kemnaker:aal:2 urn:kemnaker:aal:3"' in challenge
    assert 'max_age="600"' in challenge


def test_jk_1_a_write_with_a_token_that_was_ended_is_refused_at_once(
    browser: FlaskClient, module: Module, issuer: PretendIssuer, clock: Clock
) -> None:
    module.store.accept_report(SUBJECT, day_of(clock()), now=clock())
    token = issuer.token()
    issuer.ended.add(token)

    assert browser.get("/api/klaim", **bearer(token)).status_code == 200
    assert browser.post("/api/klaim", json={"kapk": True}, **bearer(token)).status_code == 401
    claim = module.store.find_claim(SUBJECT)
    assert claim is not None
    assert claim.state == "draft"


def test_a_claim_is_filed_once(
    browser: FlaskClient, module: Module, issuer: PretendIssuer, clock: Clock
) -> None:
    module.store.accept_report(SUBJECT, day_of(clock()), now=clock())

    first = browser.post("/api/klaim", json={"kapk": True}, **bearer(issuer.token()))
    second = browser.post("/api/klaim", json={"kapk": True}, **bearer(issuer.token()))

    assert first.status_code == 201
    assert first.json is not None
    assert first.json["state"] == "submitted"
    assert first.json["filed_on"] == day_of(clock()).isoformat()
    assert second.status_code == 409
    assert second.json is not None
    assert second.json["error"] == "claim.filed"


@pytest.mark.parametrize(
    ("days_ago", "body", "status", "error"),
    [
        (None, {"kapk": True}, 409, "claim.no_report"),
        (300, {"kapk": True}, 409, "claim.late"),
        (10, {}, 422, "claim.commitment"),
        (10, {"kapk": "yes"}, 422, "claim.commitment"),
        (10, ["kapk"], 422, "claim.commitment"),
    ],
)
def test_what_can_not_be_filed_is_refused_with_its_reason(
    browser: FlaskClient,
    module: Module,
    issuer: PretendIssuer,
    clock: Clock,
    days_ago: int | None,
    body: object,
    status: int,
    error: str,
) -> None:
    if days_ago is not None:
        layoff = day_of(clock()) - timedelta(days=days_ago)
        module.store.accept_report(SUBJECT, layoff, now=clock())

    answer = browser.post("/api/klaim", json=body, **bearer(issuer.token()))

    assert answer.status_code == status
    assert answer.json is not None
    assert answer.json["error"] == error


def test_a_person_has_one_open_claim(module: Module, clock: Clock) -> None:
    for days_ago in (1, 2):
        layoff = day_of(clock()) - timedelta(days=days_ago)
        module.store.accept_report(SUBJECT, layoff, now=clock() + days_ago)

    with module.store.engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM benefit_claim")) == 1


def test_jk_1_the_database_holds_no_nik_and_no_key_of_the_issuer(module: Module) -> None:
    columns = {
        column["name"]
        for table in sa.inspect(module.store.engine).get_table_names()
        for column in sa.inspect(module.store.engine).get_columns(table)
    }

    assert not {name for name in columns if "nik" in name or "key" in name}


def test_the_resource_describes_itself(browser: FlaskClient, issuer: PretendIssuer) -> None:
    """RFC 9728 §3.2, §3.3: the document names the very resource whose challenge led to it."""
    challenge = browser.get("/api/klaim").headers["WWW-Authenticate"]

    answer = browser.get("/.well-known/oauth-protected-resource")

    told = answer.get_json()
    assert f'resource_metadata="{told["resource"]}{answer.request.path}"' in challenge
    assert told["resource"] == URL
    assert told["authorization_servers"] == [issuer.url]
    assert told["scopes_supported"] == ["jkp"]
    assert told["bearer_methods_supported"] == ["header"]
    assert "max-age" in answer.headers["Cache-Control"]
