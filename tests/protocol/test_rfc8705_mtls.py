"""Client certificates: to authenticate with, and to bind tokens to (RFC 8705)."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.protocol.errors import ProtocolError
from tests.certificates import HEADER, SUBJECT, VERIFIED, Pair, alternative, subject_of
from tests.fakes import NOW, FixedClock
from tests.key_server import running_key_server
from tests.keyed import KeyedPortal, a_keyed_portal
from tests.portal import Portal, a_portal, an_account, sign_in
from tests.proofs import TRIAL, USERINFO, Holder, hash_of, with_proof

PROXY = "192.0.2.10"
MTLS = "https://mtls.siapkerja.example"
OFFLINE = "openid offline_access"
BEHIND_A_PROXY = {
    "SIAPKERJA_HTTP_CLIENT_CERT_HEADER": HEADER,
    "SIAPKERJA_HTTP_CLIENT_CERT_VERIFIED_HEADER": VERIFIED,
    "SIAPKERJA_HTTP_TRUSTED_PROXIES": PROXY,
    "SIAPKERJA_HTTP_MTLS_URL": MTLS,
    "SIAPKERJA_LIMITS_FACTOR": "1000",
}


@pytest.fixture(scope="module")
def pair() -> Pair:
    """A certificate that most tests show; making one costs a moment."""
    return Pair(
        names=alternative(
            dns="layanan.bpjs.example",
            uri="urn:bpjs:uji",
            ip="2001:db8::1",
            email="ops@bpjs.example",
        )
    )


@pytest.fixture(scope="module")
def stranger() -> Pair:
    """Somebody else's certificate, whose names are the same."""
    return Pair()


@pytest.fixture
def app(make_app: Callable[..., Application]) -> Application:
    return make_app(**BEHIND_A_PROXY)


@pytest.fixture
def browser(app: Application) -> FlaskClient:
    """Whoever calls comes through the proxy."""
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = PROXY
    return client


@pytest.fixture
def person(app: Application, browser: FlaskClient) -> None:
    sign_in(app, browser, an_account(app))


def a_service(app: Application, browser: FlaskClient, **metadata: Any) -> Portal:
    """Register a client that gets tokens for itself."""
    given = {
        "grant_types": ["client_credentials"],
        "redirect_uris": [],
        "scope": "jkp.read",
        **metadata,
    }
    return a_portal(app, browser, **given)


def named(app: Application, browser: FlaskClient, **metadata: Any) -> Portal:
    given = {"tls_client_auth_subject_dn": SUBJECT} | metadata
    return a_service(app, browser, token_endpoint_auth_method="tls_client_auth", **given)


def self_signed(app: Application, browser: FlaskClient, pair: Pair, **metadata: Any) -> Portal:
    given = {"jwks": pair.jwks()} | metadata
    return a_service(
        app, browser, token_endpoint_auth_method="self_signed_tls_client_auth", **given
    )


def call(portal: Portal, headers: dict[str, str], **form: str) -> TestResponse:
    data = {"client_id": portal.client_id, "grant_type": "client_credentials", **form}
    return portal.browser.post(data.pop("path", "/token"), data=data, headers=headers)


def refused(response: TestResponse, why: object = "", error: str = "invalid_client") -> None:
    expected = 401 if error == "invalid_client" else 400
    assert (response.status_code, response.get_json()["error"]) == (expected, error), (
        why,
        response.text,
    )


# --- §2.1: a certificate whose chain the proxy checked, by its subject

NAMES = {
    "tls_client_auth_subject_dn": SUBJECT,
    "tls_client_auth_san_dns": "layanan.bpjs.example",
    "tls_client_auth_san_uri": "urn:bpjs:uji",
    "tls_client_auth_san_ip": "2001:db8::1",
    "tls_client_auth_san_email": "ops@bpjs.example",
}


@pytest.mark.parametrize("member", list(NAMES))
def test_a_certificate_authenticates_by_each_kind_of_name(
    app: Application, browser: FlaskClient, pair: Pair, stranger: Pair, member: str
) -> None:
    portal = a_service(
        app, browser, token_endpoint_auth_method="tls_client_auth", **{member: NAMES[member]}
    )

    assert call(portal, pair.headers()).status_code == 200
    other = Pair(subject_of((NameOID.COMMON_NAME, "Layanan Lain")), names=alternative(dns="x.id"))
    refused(call(portal, other.headers()))
    if member != "tls_client_auth_subject_dn":
        refused(call(portal, stranger.headers()))


SPELLINGS = [
    ("tls_client_auth_subject_dn", "cn=layanan uji, o=BPJS  KETENAGAKERJAAN , c=id"),
    ("tls_client_auth_subject_dn", "CN = Layanan Uji, O = BPJS Ketenagakerjaan, C = ID"),
    ("tls_client_auth_subject_dn", "2.5.4.3=Layanan Uji,2.5.4.10=BPJS Ketenagakerjaan,2.5.4.6=ID"),
    (
        "tls_client_auth_subject_dn",
        "OID.2.5.4.3=#0c0b4c6179616e616e20556a69,O=bpjs ketenagakerjaan,C=ID",
    ),
    ("tls_client_auth_subject_dn", r"CN=Layanan\20Uji,O=BPJS Ketenagakerjaan,C=\49\44"),
    ("tls_client_auth_san_dns", "Layanan.BPJS.example."),
    ("tls_client_auth_san_ip", "2001:0db8:0:0::0001"),
    ("tls_client_auth_san_email", "ops@BPJS.Example"),
]


@pytest.mark.parametrize(("member", "text"), SPELLINGS)
def test_another_spelling_of_a_name_is_the_same_name(
    app: Application, browser: FlaskClient, pair: Pair, member: str, text: str
) -> None:
    portal = a_service(app, browser, token_endpoint_auth_method="tls_client_auth", **{member: text})

    assert call(portal, pair.headers()).status_code == 200


OTHERS = [
    ("tls_client_auth_subject_dn", "O=BPJS Ketenagakerjaan,CN=Layanan Uji,C=ID"),
    ("tls_client_auth_subject_dn", "C=ID,O=BPJS Ketenagakerjaan,CN=Layanan Uji"),
    ("tls_client_auth_subject_dn", "CN=Layanan Uji"),
    ("tls_client_auth_subject_dn", "CN=Layanan Uji,O=BPJS Ketenagakerjaan"),
    ("tls_client_auth_subject_dn", "CN=Layanan Uji,O=BPJS Ketenagakerjaan,C=ID,DC=x"),
    ("tls_client_auth_subject_dn", "CN=Layanan Uji+O=BPJS Ketenagakerjaan,C=ID"),
    ("tls_client_auth_subject_dn", r"CN=Layanan Uji\,O=BPJS Ketenagakerjaan,C=ID"),
    ("tls_client_auth_subject_dn", "CN=LayananUji,O=BPJS Ketenagakerjaan,C=ID"),
    ("tls_client_auth_san_dns", "bpjs.example"),
    ("tls_client_auth_san_dns", "*.bpjs.example"),
    ("tls_client_auth_san_dns", "layanan.bpjs.example.evil.example"),
    ("tls_client_auth_san_uri", "urn:bpjs:UJI"),
    ("tls_client_auth_san_uri", "urn:bpjs:uji/"),
    ("tls_client_auth_san_ip", "2001:db8::2"),
    ("tls_client_auth_san_ip", "192.0.2.1"),
    ("tls_client_auth_san_email", "OPS@bpjs.example"),
    ("tls_client_auth_san_email", "ops@sub.bpjs.example"),
]


@pytest.mark.parametrize(("member", "text"), OTHERS)
def test_a_name_that_is_merely_alike_is_another(
    app: Application, browser: FlaskClient, pair: Pair, member: str, text: str
) -> None:
    portal = a_service(app, browser, token_endpoint_auth_method="tls_client_auth", **{member: text})

    refused(call(portal, pair.headers()))


def test_a_wildcard_in_a_certificate_stands_for_itself_alone(
    app: Application, browser: FlaskClient
) -> None:
    wild = Pair(names=alternative(dns="*.bpjs.example"))
    portal = a_service(
        app,
        browser,
        token_endpoint_auth_method="tls_client_auth",
        tls_client_auth_san_dns="layanan.bpjs.example",
    )

    refused(call(portal, wild.headers()))


def test_a_name_of_several_values_is_compared_as_a_set(
    app: Application, browser: FlaskClient
) -> None:
    """RFC 4517 §4.2.15; X.520 types that have no short name go by their number."""
    many = x509.RelativeDistinguishedName(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "A, B"),
            x509.NameAttribute(ObjectIdentifier("2.5.4.97"), "ID-1"),
        ]
    )
    shown = Pair(
        x509.Name(
            [x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.COUNTRY_NAME, "ID")]), many]
        )
    )
    portal = named(
        app, browser, tls_client_auth_subject_dn=r"organizationIdentifier=ID-1+CN=A\, B,C=ID"
    )

    assert call(portal, shown.headers()).status_code == 200


BAD_NAMES = [
    ("tls_client_auth_subject_dn", ""),
    ("tls_client_auth_subject_dn", "Layanan Uji"),
    ("tls_client_auth_subject_dn", "CN="),
    ("tls_client_auth_subject_dn", "CN=a,"),
    ("tls_client_auth_subject_dn", ",CN=a"),
    ("tls_client_auth_subject_dn", "CN=a,,C=ID"),
    ("tls_client_auth_subject_dn", "CN=a+"),
    ("tls_client_auth_subject_dn", "/C=ID/O=b/CN=a"),
    ("tls_client_auth_subject_dn", "NOTYPE=a"),
    ("tls_client_auth_subject_dn", "CN=a\\"),
    ("tls_client_auth_subject_dn", "CN=\\ff"),
    ("tls_client_auth_subject_dn", 'CN="a'),
    ("tls_client_auth_subject_dn", ["CN=a"]),
    ("tls_client_auth_subject_dn", "CN=" + "a" * 1000),
    ("tls_client_auth_san_dns", "https://bpjs.example"),
    ("tls_client_auth_san_dns", "a..b"),
    ("tls_client_auth_san_dns", "bpjs example"),
    ("tls_client_auth_san_uri", "bpjs"),
    ("tls_client_auth_san_uri", "urn:a b"),
    ("tls_client_auth_san_ip", "2001:db8::/32"),
    ("tls_client_auth_san_ip", "127.1"),
    ("tls_client_auth_san_ip", 1),
    ("tls_client_auth_san_email", "bpjs.example"),
    ("tls_client_auth_san_email", "@bpjs.example"),
]


@pytest.mark.parametrize(("member", "text"), BAD_NAMES, ids=str)
def test_what_is_no_name_of_its_kind_can_not_be_registered(
    app: Application, browser: FlaskClient, member: str, text: object
) -> None:
    with pytest.raises(ProtocolError) as caught:
        a_service(app, browser, token_endpoint_auth_method="tls_client_auth", **{member: text})
    assert caught.value.error == "invalid_client_metadata"
    assert member in caught.value.description


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"tls_client_auth_subject_dn": SUBJECT, "tls_client_auth_san_dns": "a.example"},
        {"tls_client_auth_san_ip": "192.0.2.1", "tls_client_auth_san_dns": "a.example"},
    ],
    ids=str,
)
def test_exactly_one_name_is_registered(
    app: Application, browser: FlaskClient, metadata: dict[str, str]
) -> None:
    with pytest.raises(ProtocolError) as caught:
        a_service(app, browser, token_endpoint_auth_method="tls_client_auth", **metadata)
    assert "exactly one" in caught.value.description


# --- who may speak of certificates


@pytest.mark.parametrize(
    "verified", [None, "", "NONE", "FAILED:self signed certificate", "success"]
)
def test_a_chain_that_the_proxy_did_not_find_good_is_worth_nothing(
    app: Application, browser: FlaskClient, pair: Pair, verified: str | None
) -> None:
    """Any name can stand in a certificate that nobody but its holder signed."""
    refused(call(named(app, browser), pair.headers(verified)))


@pytest.mark.parametrize("address", ["192.0.2.11", "127.0.0.1", "::1", "203.0.113.7"])
def test_only_the_trusted_proxy_passes_certificates_on(
    app: Application, browser: FlaskClient, pair: Pair, address: str
) -> None:
    portals = [named(app, browser), self_signed(app, browser, pair)]
    assert [call(portal, pair.headers()).status_code for portal in portals] == [200, 200]
    browser.environ_base["REMOTE_ADDR"] = address

    for portal in portals:
        refused(call(portal, pair.headers()))
        refused(call(portal, {**pair.headers(), "X-Forwarded-For": PROXY}))


def test_without_a_header_in_the_settings_nobody_passes_certificates_on(
    make_app: Callable[..., Application], pair: Pair
) -> None:
    app = make_app(SIAPKERJA_HTTP_TRUSTED_PROXIES=PROXY)
    browser = app.test_client()
    browser.environ_base["REMOTE_ADDR"] = PROXY

    refused(call(self_signed(app, browser, pair), pair.headers()))


def bent_headers(pair: Pair) -> dict[str, str]:
    pem, der = pair.pem, pair.certificate.public_bytes
    del der
    return {
        "absent": "",
        "rubbish": "x",
        "an empty certificate": quote(
            "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", safe=""
        ),
        "cut": quote(pem[:200], safe=""),
        "cut at its end": quote(pem.replace("-----END CERTIFICATE-----", ""), safe=""),
        "altered": quote(pem.replace("MII", "MIJ", 1), safe=""),
        "a key": quote(pair.key_pem.decode(), safe=""),
        "not UTF-8": "%ff%fe",
        "a NUL": "%00",
        "a null": "(null)",
    }


def test_a_header_that_holds_no_certificate_is_none(
    app: Application, browser: FlaskClient, pair: Pair
) -> None:
    for portal in (named(app, browser), self_signed(app, browser, pair)):
        for name, text in bent_headers(pair).items():
            refused(call(portal, {HEADER: text, VERIFIED: "SUCCESS"}), name)


def test_a_certificate_out_of_its_time_is_refused(app: Application, browser: FlaskClient) -> None:
    for begins, ends in ((NOW + 1, NOW + 99), (NOW - 99, NOW)):
        late = Pair(begins_at=begins, ends_at=ends)
        refused(call(named(app, browser), late.headers()))
        refused(call(self_signed(app, browser, late), late.headers()))


# --- §2.2: a certificate that the client itself published


@pytest.mark.parametrize("is_rsa", [False, True])
@pytest.mark.parametrize("with_certificate", [False, True])
def test_a_self_signed_certificate_authenticates_by_the_registered_key(
    app: Application, browser: FlaskClient, is_rsa: bool, with_certificate: bool
) -> None:
    own = Pair(is_rsa=is_rsa)
    portal = self_signed(app, browser, own, jwks=own.jwks(with_certificate=with_certificate))

    for verified in ("SUCCESS", "FAILED:self signed certificate", None):
        assert call(portal, own.headers(verified)).status_code == 200, verified


def test_another_self_signed_certificate_is_refused(
    app: Application, browser: FlaskClient, pair: Pair, stranger: Pair
) -> None:
    renewed = Pair(key=pair.key)
    portal = self_signed(app, browser, pair)

    refused(call(portal, stranger.headers()))
    # where a certificate is registered, its key in another one is another certificate
    refused(call(portal, renewed.headers()))
    by_key = self_signed(app, browser, pair, jwks=pair.jwks(with_certificate=False))
    assert call(by_key, renewed.headers()).status_code == 200


@pytest.mark.parametrize("changes", [{"x5c": ["x"]}, {"x5c": [""]}], ids=str)
def test_a_registered_certificate_that_is_none_lets_nobody_in(
    app: Application, browser: FlaskClient, pair: Pair, changes: dict[str, Any]
) -> None:
    portal = self_signed(app, browser, pair, jwks=pair.jwks(**changes))

    refused(call(portal, pair.headers()))


@pytest.mark.parametrize("changes", [{"x": "AA"}, {"y": "AA"}, {"crv": "P-999"}], ids=str)
def test_a_registered_key_that_is_none_lets_nobody_in(
    app: Application, browser: FlaskClient, pair: Pair, changes: dict[str, Any]
) -> None:
    portal = self_signed(app, browser, pair, jwks=pair.jwks(with_certificate=False, **changes))

    refused(call(portal, pair.headers()))


def test_a_new_certificate_behind_jwks_uri_is_found(
    make_app: Callable[..., Application], clock: FixedClock, pair: Pair, stranger: Pair
) -> None:
    """§2.2.2: that is how certificates are renewed."""
    with running_key_server(pair.jwks()) as server:
        app = make_app(**BEHIND_A_PROXY, SIAPKERJA_FETCH_PRIVATE_HOSTS=server.host)
        browser = app.test_client()
        browser.environ_base["REMOTE_ADDR"] = PROXY
        portal = a_service(
            app,
            browser,
            token_endpoint_auth_method="self_signed_tls_client_auth",
            jwks_uri=server.url,
        )
        assert call(portal, pair.headers()).status_code == 200
        refused(call(portal, stranger.headers()))
        server.document = {"keys": [pair.jwk(), stranger.jwk(kid="c2")]}
        clock.move(61)

        assert call(portal, stranger.headers()).status_code == 200
        assert call(portal, pair.headers()).status_code == 200


# --- exactly one method


def test_oa_8_a_certificate_and_something_else_are_two_methods(
    app: Application, browser: FlaskClient, pair: Pair
) -> None:
    portal = named(app, browser)

    refused(call(portal, pair.headers(), client_secret="x" * 43))
    basic = {"Authorization": "Basic eDp5", **pair.headers()}
    response = call(portal, basic)
    assert response.status_code in {400, 401}


def test_oa_8_a_certificate_does_not_stand_for_another_method(
    app: Application, browser: FlaskClient, pair: Pair
) -> None:
    """A client that registered a secret or a key is not let in by a certificate."""
    secret = a_service(app, browser)
    keyed = a_keyed_portal(app, browser)

    for portal in (secret, keyed):
        refused(call(portal, pair.headers()))


@pytest.mark.parametrize("path", ["/par", "/introspect", "/revoke"])
def test_a_certificate_authenticates_wherever_clients_do(
    app: Application, browser: FlaskClient, pair: Pair, path: str
) -> None:
    portal = a_portal(
        app,
        browser,
        token_endpoint_auth_method="tls_client_auth",
        tls_client_auth_subject_dn=SUBJECT,
    )

    assert call(portal, {}, path=path, token="x").status_code == 401
    assert call(portal, pair.headers(), path=path, token="x").status_code in {200, 400}


# --- §3: tokens bound to a certificate


@pytest.fixture
def bound_portal(app: Application, browser: FlaskClient, person: None) -> Portal:
    """A client that authenticates by a secret and whose tokens are bound to its certificate."""
    return a_portal(app, browser, tls_client_certificate_bound_access_tokens=True)


def showing(portal: Portal, pair: Pair | None) -> Portal:
    """Return the portal with this certificate on its connection."""
    portal.headers = pair.headers("FAILED") if pair is not None else {}
    return portal


def read(portal: Portal, url: str, token: str, pair: Pair | None) -> TestResponse:
    headers = {"Authorization": f"Bearer {token}"}
    if pair is not None:
        headers |= pair.headers("FAILED")
    return portal.browser.get(url.partition("8000")[2], headers=headers)


def test_a_token_is_bound_to_the_certificate_of_its_request(
    bound_portal: Portal, pair: Pair
) -> None:
    code = bound_portal.authorize()

    answer = showing(bound_portal, pair).redeem(code).get_json()

    assert answer["token_type"] == "Bearer"
    assert bound_portal.claims(answer["access_token"])["cnf"] == {"x5t#S256": pair.x5t}


def test_a_client_that_must_bind_gets_nothing_without_a_certificate(
    bound_portal: Portal, pair: Pair
) -> None:
    code = bound_portal.authorize()

    refused(showing(bound_portal, None).redeem(code))
    assert showing(bound_portal, pair).redeem(code).status_code == 200


def test_a_client_that_did_not_register_for_it_gets_bearer_tokens(
    app: Application, browser: FlaskClient, person: None, pair: Pair
) -> None:
    portal = a_portal(app, browser)

    answer = showing(portal, pair).redeem(portal.authorize()).get_json()

    assert "cnf" not in portal.claims(answer["access_token"])


@pytest.mark.parametrize("url", [USERINFO, TRIAL])
def test_a_bound_token_is_good_only_with_its_certificate(
    bound_portal: Portal, pair: Pair, stranger: Pair, url: str
) -> None:
    token = showing(bound_portal, pair).redeem(bound_portal.authorize()).get_json()["access_token"]

    assert read(bound_portal, url, token, pair).status_code == 200
    for other, words in ((None, "use mtls_endpoint_aliases"), (stranger, "another certificate")):
        response = read(bound_portal, url, token, other)
        assert response.status_code == 401
        assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
        assert words in response.headers["WWW-Authenticate"]
    bound_portal.browser.environ_base["REMOTE_ADDR"] = "203.0.113.7"
    assert read(bound_portal, url, token, pair).status_code == 401


def test_introspection_tells_the_certificate(bound_portal: Portal, pair: Pair) -> None:
    token = showing(bound_portal, pair).redeem(bound_portal.authorize()).get_json()["access_token"]

    told = bound_portal.introspect(token)

    assert (told["active"], told["token_type"]) == (True, "Bearer")
    assert told["cnf"] == {"x5t#S256": pair.x5t}


def test_the_refresh_token_of_a_confidential_client_takes_its_next_certificate(
    bound_portal: Portal, pair: Pair, stranger: Pair
) -> None:
    """§7.1: such a client authenticates by itself, and certificates are renewed."""
    code = bound_portal.authorize(scope=OFFLINE)
    tokens = showing(bound_portal, pair).redeem(code).get_json()

    refused(showing(bound_portal, None).refresh(tokens["refresh_token"]))
    again = showing(bound_portal, stranger).refresh(tokens["refresh_token"]).get_json()

    assert bound_portal.claims(again["access_token"])["cnf"] == {"x5t#S256": stranger.x5t}


def test_the_refresh_token_of_a_public_client_is_bound_to_its_certificate(
    app: Application, browser: FlaskClient, person: None, pair: Pair, stranger: Pair
) -> None:
    """§4: a public client has nothing else to show."""
    portal = a_portal(
        app,
        browser,
        token_endpoint_auth_method="none",
        tls_client_certificate_bound_access_tokens=True,
    )
    code = portal.authorize(scope=OFFLINE)
    refresh_token = showing(portal, pair).redeem(code).get_json()["refresh_token"]

    refused(showing(portal, stranger).refresh(refresh_token), error="invalid_grant")
    refused(showing(portal, None).refresh(refresh_token))
    again = showing(portal, pair).refresh(refresh_token).get_json()

    assert portal.claims(again["access_token"])["cnf"] == {"x5t#S256": pair.x5t}
    assert showing(portal, pair).refresh(refresh_token).status_code == 200


def test_a_client_that_registered_for_certificates_and_sends_a_proof_is_bound_to_both(
    bound_portal: Portal, pair: Pair, stranger: Pair
) -> None:
    holder = Holder()
    code = bound_portal.authorize()
    refused(holder.calls(bound_portal).redeem(code))
    bound_portal.headers = {"DPoP": holder.proof(), **pair.headers()}
    answer = bound_portal.redeem(code).get_json()
    token = answer["access_token"]

    assert answer["token_type"] == "DPoP"
    told = bound_portal.claims(token)["cnf"]
    assert told == {"jkt": holder.jkt, "x5t#S256": pair.x5t}

    def show(pair: Pair, scheme: str = "DPoP") -> int:
        proof = holder.proof(USERINFO, "GET", ath=hash_of(token))
        headers = {"Authorization": f"{scheme} {token}", "DPoP": proof, **pair.headers()}
        return bound_portal.browser.get("/userinfo", headers=headers).status_code

    assert [show(pair), show(stranger), show(pair, "Bearer")] == [200, 401, 401]


# --- the fapi2 profile: bound one way or the other


@pytest.fixture
def strict(app: Application, browser: FlaskClient) -> KeyedPortal:
    return a_keyed_portal(app, browser, profile="fapi2")


def test_a_fapi_client_has_the_choice_between_proof_and_certificate(
    strict: KeyedPortal, pair: Pair
) -> None:
    refused(strict.by_itself(), error="invalid_request")
    answer = showing(strict, pair).by_itself()

    assert strict.claims(answer.get_json()["access_token"])["cnf"] == {"x5t#S256": pair.x5t}
    holder = Holder()
    first = holder.calls(strict).by_itself()
    nonce = first.headers["DPoP-Nonce"]
    again = with_proof(strict, holder.proof(nonce=nonce)).by_itself()
    assert strict.claims(again.get_json()["access_token"])["cnf"] == {"jkt": holder.jkt}


# --- §5, §3.3: metadata


def test_metadata_tells_of_certificates_and_their_addresses(browser: FlaskClient) -> None:
    document = browser.get("/.well-known/openid-configuration").get_json()

    assert document["tls_client_certificate_bound_access_tokens"] is True
    methods = document["token_endpoint_auth_methods_supported"]
    assert {"tls_client_auth", "self_signed_tls_client_auth"} <= set(methods)
    aliases = document["mtls_endpoint_aliases"]
    assert set(aliases) == {
        "token_endpoint",
        "userinfo_endpoint",
        "revocation_endpoint",
        "introspection_endpoint",
        "pushed_authorization_request_endpoint",
        "device_authorization_endpoint",
        "backchannel_authentication_endpoint",
    }
    for member, address in aliases.items():
        own = document[member]
        assert address == MTLS + own.removeprefix("http://localhost:8000")


def test_where_no_address_is_set_there_are_no_aliases(make_app: Callable[..., Application]) -> None:
    document = make_app().test_client().get("/.well-known/openid-configuration").get_json()

    assert "mtls_endpoint_aliases" not in document


def test_what_is_signed_for_a_call_may_name_the_alias(
    app: Application, browser: FlaskClient, pair: Pair
) -> None:
    """The client presents its certificate at the alias, so that is where it knows it calls."""
    keyed = a_keyed_portal(app, browser, tls_client_certificate_bound_access_tokens=True)
    for audience in (f"{MTLS}/token", "http://localhost:8000/token", "http://localhost:8000"):
        assertion = keyed.assertion(aud=audience)
        assert showing(keyed, pair).by_itself(assertion).status_code == 200, audience
    refused(showing(keyed, pair).by_itself(keyed.assertion(aud=MTLS)))
    proof = Holder().proof(f"{MTLS}/token")
    keyed.headers = {**pair.headers(), "DPoP": proof, "Host": "mtls.siapkerja.example"}
    assert keyed.by_itself().status_code == 200
