"""Client authentication with secrets, and by name alone (RFC 6749 §2.3, RFC 9700 §2.5)."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote, quote_plus, urlencode

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.ids import digest_of
from idp.domain.protocol.errors import ProtocolError
from tests.fakes import FixedClock
from tests.keyed import KeyedPortal, a_keyed_portal
from tests.portal import Portal, a_portal
from tests.signing import ASSERTION_TYPE

FORM = "application/x-www-form-urlencoded"
BY_ITSELF = {"grant_type": "client_credentials"}


def a_service(app: Application, browser: FlaskClient, method: str, **metadata) -> KeyedPortal:
    """Register a client that gets tokens for itself by one method."""
    given = {
        "grant_types": ["client_credentials"],
        "redirect_uris": [],
        "scope": "jkp.read",
        "token_endpoint_auth_method": method,
        **metadata,
    }
    if method == "private_key_jwt":
        return a_keyed_portal(app, browser, **given)
    made = a_portal(app, browser, **given)
    return KeyedPortal(app, browser, made.client, made.secret)


def basic(client_id: str, secret: str) -> dict[str, str]:
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return {"Authorization": "Basic " + b64encode(pair.encode()).decode()}


def call(
    portal: Portal, data: dict[str, str], headers: dict[str, str] | None = None, path: str = ""
) -> TestResponse:
    return portal.browser.post(path or "/token", data={**BY_ITSELF, **data}, headers=headers or {})


def error_of(response: TestResponse) -> tuple[int, str]:
    return response.status_code, response.get_json()["error"]


def by_basic(portal: KeyedPortal) -> TestResponse:
    return call(portal, {}, basic(portal.client_id, portal.secret or "x" * 43))


def by_post(portal: KeyedPortal) -> TestResponse:
    secret = portal.secret or "x" * 43
    return call(portal, {"client_id": portal.client_id, "client_secret": secret})


def by_key(portal: KeyedPortal) -> TestResponse:
    return call(
        portal, {"client_assertion": portal.assertion(), "client_assertion_type": ASSERTION_TYPE}
    )


def by_name(portal: KeyedPortal) -> TestResponse:
    return call(portal, {"client_id": portal.client_id})


WAYS: dict[str, Callable[[KeyedPortal], TestResponse]] = {
    "client_secret_basic": by_basic,
    "client_secret_post": by_post,
    "private_key_jwt": by_key,
    "none": by_name,
}


@pytest.mark.parametrize("registered", ["client_secret_basic", "client_secret_post"])
@pytest.mark.parametrize("tried", list(WAYS))
def test_oa_8_only_the_registered_method_is_taken(
    app: Application, browser: FlaskClient, registered: str, tried: str
) -> None:
    portal = a_service(app, browser, registered)

    response = WAYS[tried](portal)

    if tried == registered:
        assert response.status_code == 200
    else:
        assert error_of(response) == (401, "invalid_client")


@pytest.mark.parametrize("tried", list(WAYS))
def test_oa_8_a_client_with_a_key_is_not_taken_otherwise(
    app: Application, browser: FlaskClient, tried: str
) -> None:
    portal = a_service(app, browser, "private_key_jwt")

    response = WAYS[tried](portal)

    expected = 200 if tried == "private_key_jwt" else 401
    assert response.status_code == expected


@pytest.mark.parametrize("tried", ["client_secret_basic", "client_secret_post", "private_key_jwt"])
def test_oa_8_a_public_client_may_not_pretend_to_a_secret(
    public_portal: Portal, tried: str
) -> None:
    pretending = KeyedPortal(public_portal.app, public_portal.browser, public_portal.client, None)

    assert error_of(WAYS[tried](pretending)) == (401, "invalid_client")


@pytest.mark.parametrize("path", ["/token", "/introspect", "/revoke", "/par"])
def test_oa_8_two_methods_at_once_are_refused(
    app: Application, browser: FlaskClient, path: str
) -> None:
    portal = a_service(app, browser, "client_secret_basic")
    keyed = a_service(app, browser, "private_key_jwt")
    header = basic(portal.client_id, portal.secret or "")
    post = {"client_id": portal.client_id, "client_secret": portal.secret or ""}
    assertion = {
        "client_assertion": keyed.assertion(),
        "client_assertion_type": ASSERTION_TYPE,
    }

    for data, headers in (
        (post, header),
        (assertion, header),
        ({**post, **assertion}, None),
        ({**post, **assertion}, header),
    ):
        assert error_of(call(portal, data, headers, path)) == (400, "invalid_request")


@pytest.mark.parametrize("path", ["/token", "/introspect", "/revoke", "/par"])
def test_oa_8_nothing_is_read_from_the_query(
    app: Application, browser: FlaskClient, path: str
) -> None:
    portal = a_service(app, browser, "client_secret_post")
    query = urlencode(
        {"client_id": portal.client_id, "client_secret": portal.secret, "token": "x", **BY_ITSELF}
    )

    assert error_of(browser.post(f"{path}?{query}")) == (401, "invalid_client")
    assert error_of(browser.post(f"{path}?{query}", data=BY_ITSELF)) == (401, "invalid_client")


def test_a_client_id_beside_basic_must_be_the_same(app: Application, browser: FlaskClient) -> None:
    portal = a_service(app, browser, "client_secret_basic")
    header = basic(portal.client_id, portal.secret or "")

    assert call(portal, {"client_id": portal.client_id}, header).status_code == 200
    assert error_of(call(portal, {"client_id": "another"}, header)) == (400, "invalid_request")


def test_a_secret_without_a_name_is_refused(app: Application, browser: FlaskClient) -> None:
    portal = a_service(app, browser, "client_secret_post")

    response = call(portal, {"client_secret": portal.secret or ""})

    assert error_of(response) == (401, "invalid_client")


# --- Basic: both parts are form-encoded first (RFC 6749 §2.3.1)


@pytest.mark.parametrize(
    ("client_id", "secret"),
    [
        ("portal+uji", "a+secret+of+at+least+thirty-two+characters"),
        ("portal uji", "a secret of at least thirty-two characters"),
        ("portal%uji%2F", "100%-secret-of-at-least-thirty-two-characters"),
        ("portal:uji", "a:secret:of:at:least:thirty-two:characters"),
        ("portal&uji=1", "a&secret=of&at=least&thirty-two&characters"),
        ("https://portal.example/?x#y", "rahasia-é-ñ-福-of-at-least-thirty-two-chars"),
    ],
)
def test_oa_8_basic_carries_every_character(
    app: Application, browser: FlaskClient, client_id: str, secret: str
) -> None:
    portal = a_service(
        app, browser, "client_secret_basic", client_id=client_id, client_secret=secret
    )
    assert portal.secret == secret

    for encode in (quote_plus, lambda text: quote(text, safe="")):
        pair = f"{encode(client_id)}:{encode(secret)}".encode()
        header = {"Authorization": "Basic " + b64encode(pair).decode()}
        assert call(portal, {}, header).status_code == 200


def test_a_secret_of_ours_needs_no_encoding(app: Application, browser: FlaskClient) -> None:
    portal = a_service(app, browser, "client_secret_basic")

    pair = f"{portal.client_id}:{portal.secret}".encode()

    assert call(portal, {}, {"Authorization": "basic  " + b64encode(pair).decode()}).status_code


GARBAGE = [
    "Basic",
    "Basic ",
    "Basic !!!!",
    "Basic é",
    "Basic " + b64encode(b"no-colon").decode(),
    "Basic " + b64encode(b":").decode(),
    "Basic " + b64encode(b":secret").decode(),
    "Basic " + b64encode(b"\xff\xfe:\xff").decode(),
    "Basic " + b64encode(b"%ff%fe:x").decode(),
    "Basic " + b64encode(b"%zz:%").decode(),
    "Basic " + b64encode(b"a\x00b:c\x00d").decode(),
    "Basic " + b64encode(b"%00:%00").decode(),
    "Basic " + b64encode(b"\r\nX-Evil: 1:x").decode(),
    "Basic " + b64encode("é:ü".encode("latin-1")).decode(),
    "Basic " + b64encode("福:福".encode()).decode(),
    "Basic " + b64encode(b"%ed%a0%80:x").decode(),
    "Basic " + b64encode(b"a" * 9000 + b":x").decode(),
    "Basic " + b64encode(b"x:y").decode().rstrip("=") + "=====",
    "Basic eDp5, Basic eDp5",
    "Digest username=x",
    "Basic\teDp5",
]


@pytest.mark.parametrize("path", ["/token", "/introspect", "/revoke", "/par"])
def test_oa_8_garbage_in_the_header_is_no_authentication(portal: Portal, path: str) -> None:
    for header in GARBAGE:
        response = portal.browser.post(
            path, data={**BY_ITSELF, "token": "x"}, headers={"Authorization": header}
        )
        # twenty failures a minute are borne
        assert response.status_code in {401, 429}, header
        assert response.get_json()["error"] in {"invalid_client", "temporarily_unavailable"}


def test_oa_8_a_wrong_secret_is_refused(app: Application, browser: FlaskClient) -> None:
    portal = a_service(app, browser, "client_secret_basic")
    secret = portal.secret or ""
    for wrong in (
        secret[:-1],
        secret + "x",
        secret.swapcase(),
        secret + " ",
        "",
        digest_of(secret).hex(),
        "\x00" + secret,
    ):
        assert error_of(call(portal, {}, basic(portal.client_id, wrong)))[0] == 401


def test_oa_8_two_secrets_are_good_while_one_replaces_the_other(
    app: Application, browser: FlaskClient, clock: FixedClock
) -> None:
    portal = a_service(app, browser, "client_secret_basic")
    clients = app.wiring.services.clients
    rotated = clients.rotate_secret(portal.client_id, overlap_seconds=100)

    old, new = portal, replace(portal, secret=rotated.secret)
    assert [by_basic(old).status_code, by_basic(new).status_code] == [200, 200]
    clock.move(100)
    assert [by_basic(old).status_code, by_basic(new).status_code] == [401, 200]
    # never more than two: the oldest goes when the next comes
    newest = replace(
        portal, secret=clients.rotate_secret(portal.client_id, overlap_seconds=9).secret
    )
    last = replace(portal, secret=clients.rotate_secret(portal.client_id, overlap_seconds=9).secret)
    assert [by_basic(p).status_code for p in (old, new, newest, last)] == [401, 401, 200, 200]


def test_oa_8_a_client_without_a_secret_gets_none_by_rotation(
    app: Application, browser: FlaskClient
) -> None:
    portal = a_service(app, browser, "private_key_jwt")

    with pytest.raises(ProtocolError):
        app.wiring.services.clients.rotate_secret(portal.client_id, overlap_seconds=0)


def test_oa_8_a_secret_is_made_of_256_bits_and_kept_as_a_digest(
    app: Application, browser: FlaskClient
) -> None:
    portal = a_service(app, browser, "client_secret_basic")

    assert len(portal.secret or "") == 43
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        for table in ("client", "client_secret", "client_version", "audit_event"):
            rows = connection.exec_driver_sql(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - names of our own tables
            assert (portal.secret or "") not in repr(rows)
            assert rows


def test_oa_16_a_suspended_client_is_refused_at_once_here_and_in_five_seconds_elsewhere(
    app: Application,
    browser: FlaskClient,
    make_app: Callable[..., Application],
    clock: FixedClock,
) -> None:
    portal = a_service(app, browser, "client_secret_basic")
    elsewhere = replace(portal, browser=make_app().test_client())
    assert [by_basic(p).status_code for p in (portal, elsewhere)] == [200, 200]

    app.wiring.services.clients.suspend(portal.client_id)

    assert error_of(by_basic(portal)) == (401, "invalid_client")
    clock.move(5)
    assert error_of(by_basic(elsewhere)) == (401, "invalid_client")


def test_a_deleted_client_is_unknown(app: Application, browser: FlaskClient) -> None:
    portal = a_service(app, browser, "client_secret_basic")
    app.wiring.services.clients.delete(portal.client_id)

    response = by_basic(portal)

    assert error_of(response) == (401, "invalid_client")
    assert response.get_json()["error_description"] == "client authentication failed"


def test_a_public_client_names_itself(public_portal: Portal) -> None:
    assert public_portal.redeem(public_portal.authorize()).status_code == 200


def test_a_request_without_any_name_is_refused(browser: FlaskClient) -> None:
    for path in ("/token", "/introspect", "/revoke", "/par"):
        response = browser.post(path, data=BY_ITSELF)
        assert error_of(response) == (401, "invalid_client")
        assert response.headers["WWW-Authenticate"].startswith("Basic ")


def test_a_bearer_token_is_no_client_authentication(portal: Portal, person: Account) -> None:
    token = portal.tokens()["access_token"]

    response = portal.browser.post(
        "/introspect", data={"token": token}, headers={"Authorization": f"Bearer {token}"}
    )

    assert error_of(response) == (401, "invalid_client")


def test_oa_8_failures_are_limited_wherever_a_client_authenticates(portal: Portal) -> None:
    wrong = replace(portal, secret="x" * 43)

    statuses = [
        wrong.token(path=("/introspect", "/par", "/revoke")[n % 3], token="x").status_code
        for n in range(21)
    ]

    assert statuses == [401] * 20 + [429]


def test_a_wrong_secret_counts_whichever_way_it_comes(portal: Portal) -> None:
    wrong = replace(portal, secret="x" * 43)

    statuses = [by_post(wrong).status_code for _ in range(21)]

    assert statuses == [401] * 20 + [429]


@pytest.mark.parametrize(
    ("registered", "tried"),
    [("client_secret_basic", "client_secret_post"), ("client_secret_post", "client_secret_basic")],
)
def test_who_has_the_secret_is_told_which_way_to_send_it(
    app: Application, browser: FlaskClient, registered: str, tried: str
) -> None:
    """Many libraries send it in the body (contract 7.9); the usual registration is Basic."""
    portal = a_service(app, browser, registered)

    for _ in range(21):
        response = WAYS[tried](portal)
        assert error_of(response) == (401, "invalid_client")

    told = response.get_json()["error_description"]
    assert told == f"this client authenticates with {registered}"
    assert WAYS[registered](portal).status_code == 200


@pytest.mark.parametrize("tried", list(WAYS))
def test_who_has_no_secret_is_not_told_which_way_it_would_go(
    app: Application, browser: FlaskClient, tried: str
) -> None:
    portal = replace(a_service(app, browser, "client_secret_basic"), secret="x" * 43)

    told = WAYS[tried](portal).get_json()["error_description"]
    assert told != "this client authenticates with client_secret_basic"


def test_the_operator_reads_why_and_a_stranger_does_not(
    app: Application, browser: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "idp.oidc.client_authentication")
    good = a_service(app, browser, "client_secret_post")
    suspended = a_service(app, browser, "client_secret_post")
    app.wiring.services.clients.suspend(suspended.client_id)
    cases = [
        (by_post(replace(good, secret="x" * 43)), "the secret is wrong or has ended"),
        (
            by_basic(replace(good, secret="x" * 43)),
            "tried client_secret_basic, registered is client_secret_post",
        ),
        (by_post(suspended), "the client is suspended"),
        (call(good, {"client_id": "siapa", "client_secret": "rahasia"}), "no such client"),
    ]

    told = [r for r in caplog.records if r.getMessage() == "client.unauthenticated"]
    assert [record.why for record in told] == [why for _, why in cases]
    known = [good.client_id, good.client_id, suspended.client_id, ""]
    assert [record.client_id for record in told] == known
    assert "siapa" not in caplog.text + repr([vars(record) for record in told])
    answers = {response.get_json()["error_description"] for response, _ in cases}
    assert answers == {"client authentication failed"}


@pytest.mark.parametrize("path", ["/token", "/introspect", "/revoke", "/par", "/register", "/jwks"])
def test_hd_3_a_wrong_method_is_an_answer_that_nobody_keeps(
    browser: FlaskClient, path: str
) -> None:
    answer = browser.delete(path)

    assert (answer.status_code, answer.headers["Cache-Control"]) == (405, "no-store")
    assert answer.headers["Allow"]
