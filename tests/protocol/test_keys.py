"""Our signing keys: made, sealed, published, rotated, retired (RFC 7517, RFC 7638; KM-1 to 3)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from joserfc import jws
from joserfc.jwk import KeySet, import_key

from idp.app import Application
from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.protocol.metadata_faults import InvalidMetadata
from idp.domain.protocol.signing_key import KEEP_AFTER_SECONDS, PUBLISH_BEFORE_SECONDS, KeyStatus
from idp.oidc.tokens.key_ring import KEEP_SECONDS
from idp.services.key_rotation import KeyRotation
from tests import signing
from tests.fakes import NOW, FixedClock
from tests.portal import Portal, a_portal, an_account, sign_in

ALGORITHMS = ["ES256", "RS256", "PS256", "ES384", "ES512", "Ed25519"]
#: Of these there is a key once a client registered for it.
ON_DEMAND = ["ES512"]
AT_FIRST = [alg for alg in ALGORITHMS if alg not in ON_DEMAND]


def jwks(app: Application) -> dict[str, dict[str, str]]:
    """Return the published signing keys by `kid`."""
    document = app.test_client().get("/jwks").get_json()
    return {key["kid"]: key for key in document["keys"] if key["use"] == "sig"}


def kid_of(token: str) -> str:
    return str(jws.extract_compact(token.encode()).headers()["kid"])


def verifies(keys: KeySet, token: str) -> bool:
    jws.deserialize_compact(token.encode(), keys, algorithms=ALGORITHMS)
    return True


def slow_rotation(app: Application) -> KeyRotation:
    """Return the rotation as production has it: a new key signs after a day."""
    return replace(app.wiring.services.keys, at_once=False)


# --- KM-1, KM-3


def test_km_3_a_key_says_what_it_is_for_and_nothing_private(app: Application) -> None:
    found = jwks(app)

    assert sorted(key["alg"] for key in found.values()) == sorted(AT_FIRST)
    for key in found.values():
        assert {"kid", "alg", "use", "kty"} <= set(key)
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(key)


def test_km_3_the_kid_is_the_thumbprint(app: Application) -> None:
    for kid, key in jwks(app).items():
        assert kid == import_key(dict(key)).thumbprint()


def test_km_1_rsa_keys_have_3072_bits_and_es256_keys_p_256(app: Application) -> None:
    for key in jwks(app).values():
        if key["kty"] == "RSA":
            assert len(key["n"]) == 512
        if key["alg"] == "ES256":
            assert key["crv"] == "P-256"


def test_km_3_the_key_set_may_be_kept_for_an_hour(app: Application) -> None:
    browser = app.test_client()
    response = browser.get("/jwks")

    assert response.headers["Cache-Control"] == "public, max-age=3600"
    assert response.content_type == "application/jwk-set+json"
    tag = response.headers["ETag"]
    assert browser.get("/jwks", headers={"If-None-Match": tag}).status_code == 304
    app.wiring.services.keys.rotate()
    assert browser.get("/jwks", headers={"If-None-Match": tag}).status_code == 200


def test_km_1_the_database_has_no_private_key(app: Application) -> None:
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM signing_key").fetchall()

    assert len(rows) >= len(AT_FIRST)
    dump = repr(rows)
    assert "BEGIN" not in dump
    assert "PRIVATE" not in dump
    for held in app.wiring.services.keys.list_all():
        # the raw body of the PKCS #8 document, without its armour
        body = b"".join(held.private_pem.splitlines()[1:-1])
        assert body[:40].decode() not in dump


def test_km_1_a_wrong_root_opens_no_key(
    app: Application, make_app: Callable[..., Application]
) -> None:
    app.wiring.services.keys.ensure()
    stranger = make_app(SIAPKERJA_SECRET_KEY="another-root-of-sufficient-length-9Kq3Zx7")

    with pytest.raises(ValueError, match="SIAPKERJA_SECRET_KEY"):
        stranger.wiring.services.keys.list_all()


def test_km_1_swapped_rows_do_not_open(app: Application) -> None:
    with app.app_context(), app.extensions["sqlalchemy"].engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE signing_key SET private_sealed = "
            "(SELECT private_sealed FROM signing_key WHERE alg = 'ES384') WHERE alg = 'ES256'"
        )

    app.wiring.provider.ring.forget()
    with pytest.raises(ValueError, match="changed or moved"):
        app.wiring.services.keys.list_all()


def test_km_1_keys_are_made_once_however_many_processes_start(
    make_app: Callable[..., Application],
) -> None:
    apps = [make_app() for _ in range(3)]
    with apps[0].app_context(), apps[0].extensions["sqlalchemy"].engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM signing_key")

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda app: app.wiring.services.keys.ensure(), apps))

    assert sorted(key["alg"] for key in jwks(apps[0]).values()) == sorted(AT_FIRST)


# --- keys on demand: RFC 7517 §5 has readers pass over what they do not know, and many do not


@pytest.mark.parametrize("alg", ON_DEMAND)
@pytest.mark.parametrize("use", ["id_token", "userinfo", "authorization", "introspection"])
def test_a_key_that_many_can_not_read_is_there_once_a_client_needs_it(
    app: Application, alg: str, use: str
) -> None:
    before = jwks(app)

    a_portal(app, app.test_client(), **{f"{use}_signed_response_alg": alg})

    added = [key for kid, key in jwks(app).items() if kid not in before]
    assert [key["alg"] for key in added] == [alg]


def test_a_client_that_changes_its_mind_gets_the_key_too(portal: Portal) -> None:
    metadata = {**portal.client.metadata, "id_token_signed_response_alg": "ES512"}

    portal.app.wiring.services.clients.replace(portal.client_id, metadata)

    token = portal.tokens()["id_token"]
    assert jwks(portal.app)[kid_of(token)]["alg"] == "ES512"


def test_what_a_client_signs_itself_makes_no_key_of_ours(app: Application) -> None:
    before = jwks(app)

    a_portal(
        app,
        app.test_client(),
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint_auth_signing_alg="ES512",
        request_object_signing_alg="ES512",
        jwks={"keys": [signing.Signer("ES512").public()]},
    )

    assert jwks(app) == before


def test_a_refused_registration_makes_no_key(app: Application) -> None:
    before = jwks(app)

    with pytest.raises(InvalidMetadata):
        a_portal(
            app,
            app.test_client(),
            redirect_uris=["ftp://x"],
            id_token_signed_response_alg="ES512",
        )

    assert jwks(app) == before


def test_a_key_on_demand_is_made_once_and_rotated_like_the_others(app: Application) -> None:
    for _ in range(2):
        a_portal(app, app.test_client(), id_token_signed_response_alg="ES512")
    algs = [key["alg"] for key in jwks(app).values()]
    assert sorted(algs) == sorted([*AT_FIRST, "ES512"])

    made = app.wiring.services.keys.rotate()

    assert {"ES512"} == {key.alg for key in made} & set(ON_DEMAND)
    assert len(jwks(app)) == 2 * len(algs)


# --- KM-2: rotation


def test_km_2_the_next_key_is_published_a_day_before_it_signs(
    portal: Portal, clock: FixedClock
) -> None:
    before = jwks(portal.app)
    made = slow_rotation(portal.app).rotate()

    published = jwks(portal.app)
    assert set(published) == set(before) | {key.kid for key in made if key.kid in published}
    assert len(published) == 2 * len(before)
    assert kid_of(portal.tokens()["access_token"]) in before
    clock.move(PUBLISH_BEFORE_SECONDS)
    sign_in(portal.app, portal.browser, an_account(portal.app, number=3))
    tokens = portal.tokens()
    assert kid_of(tokens["access_token"]) not in before
    assert kid_of(tokens["id_token"]) not in before
    assert kid_of(tokens["access_token"]) in published


def test_km_2_tokens_of_the_old_key_verify_until_their_end(
    portal: Portal, clock: FixedClock
) -> None:
    token = portal.tokens()["access_token"]
    portal.app.wiring.services.keys.rotate()
    clock.move(299)

    assert portal.userinfo(token).status_code == 200
    assert kid_of(token) in jwks(portal.app)


def test_km_2_an_old_key_leaves_the_set_after_the_longest_life_and_a_day(
    portal: Portal, clock: FixedClock
) -> None:
    old = set(jwks(portal.app))
    portal.app.wiring.services.keys.rotate()
    clock.move(KEEP_AFTER_SECONDS - 1)
    assert old < set(jwks(portal.app))
    clock.move(1)

    assert not old & set(jwks(portal.app))
    assert len(jwks(portal.app)) == len(AT_FIRST)


def test_km_2_a_caching_client_never_fails_over_three_rotations(
    make_app: Callable[..., Application], clock: FixedClock
) -> None:
    """R-10 in short: two nodes, a verifier whose key set is an hour old, steps of an hour."""
    nodes = [make_app(), make_app()]
    given = {"redirect_uris": [], "grant_types": ["client_credentials"], "scope": "jkp.read"}
    service = a_portal(nodes[0], nodes[0].test_client(), **given)
    callers = [service, replace(service, browser=nodes[1].test_client())]
    rotation = slow_rotation(nodes[0])
    kept, kids = KeySet([]), set()
    for step in range(3 * 26):
        if step % 26 == 1:
            rotation.rotate()
        bodies = [c.token(grant_type="client_credentials").get_json() for c in callers]
        if step == 0:
            kept = KeySet.import_key_set(callers[1].browser.get("/jwks").get_json())
        for body in bodies:
            kids.add(kid_of(body["access_token"]))
            assert verifies(kept, body["access_token"])
        kept = KeySet.import_key_set(callers[1].browser.get("/jwks").get_json())
        clock.move(3600)
    assert len(kids) == 4


def test_km_2_two_processes_know_each_others_keys(
    make_app: Callable[..., Application], person: Account, portal: Portal, clock: FixedClock
) -> None:
    elsewhere = replace(portal, browser=make_app().test_client())
    elsewhere.browser.get("/jwks")
    portal.app.wiring.services.keys.rotate()
    token = portal.tokens()["access_token"]

    assert elsewhere.userinfo(token).status_code == 200
    clock.move(KEEP_SECONDS)
    assert kid_of(token) in [
        key["kid"] for key in elsewhere.browser.get("/jwks").get_json()["keys"]
    ]


def test_km_2_an_emergency_drops_the_old_key_everywhere(
    make_app: Callable[..., Application], portal: Portal, clock: FixedClock
) -> None:
    elsewhere = replace(portal, browser=make_app().test_client())
    token = portal.tokens()["access_token"]
    assert [p.userinfo(token).status_code for p in (portal, elsewhere)] == [200, 200]
    old = set(jwks(portal.app))

    portal.app.wiring.services.keys.rotate(emergency=True)

    assert not old & set(jwks(portal.app))
    assert portal.userinfo(token).status_code == 401
    assert portal.introspect(token) == {"active": False}
    clock.move(2)
    assert not old & set(jwks(elsewhere.app))
    assert elsewhere.userinfo(token).status_code == 401
    assert portal.userinfo(portal.tokens()["access_token"]).status_code == 200


def test_km_2_a_key_retired_at_once_verifies_nothing_more(portal: Portal) -> None:
    keys = portal.app.wiring.services.keys
    token = portal.tokens()["access_token"]
    assert portal.userinfo(token).status_code == 200
    keys.rotate()
    assert portal.userinfo(token).status_code == 200

    keys.retire(kid_of(token), at_once=True)

    assert portal.userinfo(token).status_code == 401
    assert kid_of(token) not in jwks(portal.app)


def test_km_2_a_retired_key_signs_nothing_more_and_verifies_for_a_while(
    portal: Portal, clock: FixedClock
) -> None:
    keys = portal.app.wiring.services.keys
    slow_rotation(portal.app).rotate()
    token = portal.tokens()["access_token"]
    clock.move(PUBLISH_BEFORE_SECONDS - 200)
    sign_in(portal.app, portal.browser, an_account(portal.app, number=3))
    token = portal.tokens()["access_token"]
    clock.move(200)

    keys.retire(kid_of(token))

    assert portal.userinfo(token).status_code == 200
    assert kid_of(portal.tokens()["access_token"]) != kid_of(token)


def test_km_2_the_last_key_that_signs_is_not_retired(app: Application) -> None:
    keys = app.wiring.services.keys
    for key in keys.list_all():
        with pytest.raises(Refused, match=r"key\.last"):
            keys.retire(key.kid)
    slow_rotation(app).rotate()
    es256 = next(k for k in keys.list_all() if k.alg == "ES256" and k.status is KeyStatus.ACTIVE)
    with pytest.raises(Refused, match=r"key\.last"):
        keys.retire(es256.kid)


def test_km_2_an_unknown_key_is_not_retired(app: Application) -> None:
    with pytest.raises(Refused, match=r"key\.unknown"):
        app.wiring.services.keys.retire("nothing")


def test_km_2_rotating_twice_is_safe(portal: Portal, clock: FixedClock) -> None:
    rotation = slow_rotation(portal.app)
    rotation.rotate()
    rotation.rotate()

    assert kid_of(portal.tokens()["access_token"]) in jwks(portal.app)
    clock.move(PUBLISH_BEFORE_SECONDS)
    sign_in(portal.app, portal.browser, an_account(portal.app, number=3))
    tokens = portal.tokens()
    assert kid_of(tokens["access_token"]) in jwks(portal.app)
    assert portal.userinfo(tokens["access_token"]).status_code == 200


def test_starting_again_makes_no_new_keys(app: Application) -> None:
    before = [key.kid for key in app.wiring.services.keys.list_all()]
    app.wiring.services.keys.ensure()

    assert [key.kid for key in app.wiring.services.keys.list_all()] == before
    assert {key.created_at for key in app.wiring.services.keys.list_all()} == {NOW}


def test_a_changed_key_is_audited(app: Application) -> None:
    app.wiring.services.keys.rotate()

    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT action, actor FROM audit_event").fetchall()
    assert ("key.rotated", "operator") in [tuple(row) for row in rows]
