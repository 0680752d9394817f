"""Another OpenID provider as a way in: a second instance of this one, over real HTTP (issue 5).

It stands for INApas: `private_key_jwt` with ES512, code and PKCE, encrypted ID tokens.
"""

import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import ECKey, KeySet

from idp.app import Application
from idp.services.legacy_import import Export
from tests.guest import Guest, path_of
from tests.killing import LiveBrowser
from tests.live_server import LiveServer, running_server
from tests.old_hashes import OLD_HASHES
from tests.old_portals import a_row, json_lines
from tests.operator_console import Operator
from tests.portal import ISSUER, a_portal, an_account, form_fields
from tests.registrant import Registrant
from tests.sandbox_server import Sandbox, running_sandbox

pytestmark = pytest.mark.xdist_group("upstream")


CALLBACK = f"{ISSUER}/masuk/penyedia/kembali"
OLD = next(old for old in OLD_HASHES if old.kind == "bcrypt" and len(old.password) > 15)


@pytest.fixture(scope="module")
def keys() -> KeySet:
    """Our keys there: P-521 to sign with, P-256 to decrypt with."""
    sign = ECKey.generate_key("P-521", {"use": "sig", "alg": "ES512", "kid": "sign"})
    decrypt = ECKey.generate_key("P-256", {"use": "enc", "alg": "ECDH-ES", "kid": "open"})
    return KeySet([sign, decrypt])


@pytest.fixture(scope="module")
def national() -> Iterator[LiveServer]:
    """The provider that vouches."""
    with running_server(SIAPKERJA_LOGIN_UNKNOWN_DEVICE="none") as server:
        yield server


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """Somebody who has no database yet."""
    return Operator(f"sqlite:///{tmp_path_factory.mktemp('none') / 'none.db'}")


@pytest.fixture(scope="module")
def client(
    national: LiveServer,
    keys: KeySet,
    operator: Operator,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """Ourselves there: registered by exactly what the command prints."""
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    path.write_text(json.dumps(keys.as_dict(private=True)))
    told = operator.facts("upstream", "show", "--keys", str(path))
    return national.a_client(
        **{**told["registration"], "scope": "openid profile nik", "first_party": True}
    )


@pytest.fixture(scope="module")
def person(national: LiveServer) -> dict[str, Any]:
    """Somebody who has an account there."""
    return national.an_account(nik="3273011708909041", name="Sari Dewi")


@pytest.fixture(scope="module")
def _running() -> Iterator[Sandbox]:
    with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_running: Sandbox) -> Sandbox:
    _running.reset()
    return _running


@pytest.fixture
def keys_file(keys: KeySet, tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(keys.as_dict(private=True)))
    return path


@pytest.fixture
def make_ours(
    make_app: Callable[..., Application],
    national: LiveServer,
    client: dict[str, Any],
    keys_file: Path,
    sandbox: Sandbox,
) -> Callable[..., Application]:
    """Return what builds our side; its clock is the real one, as the other's is."""
    from adapters.system import SystemClock
    from idp.wiring import Given

    def make(**settings: str) -> Application:
        return make_app(
            Given(clock=SystemClock()),
            **{
                "SIAPKERJA_UPSTREAM_ISSUER": national.url,
                "SIAPKERJA_UPSTREAM_CLIENT_ID": client["client_id"],
                "SIAPKERJA_UPSTREAM_KEYS_FILE": str(keys_file),
                "SIAPKERJA_UPSTREAM_SCOPE": "openid profile nik",
                **sandbox.environment(),
                **settings,
            },
        )

    return make


@pytest.fixture
def app(make_ours: Callable[..., Application]) -> Application:
    return make_ours()


def vouched(there: str, national: LiveServer, person: dict[str, Any]) -> str:
    """Sign in at the other provider; return the address that it sends the browser back to."""
    browser = LiveBrowser(national.url)
    answer = browser.get(there)
    while not answer.headers["Location"].startswith(CALLBACK):
        at = answer.headers["Location"].removeprefix(national.url)
        page = browser.get(at)
        if page.status_code == 303:
            answer = page
            continue
        fields = {
            **form_fields(page),  # type: ignore[arg-type]
            "identifier": person["email"],
            "password": person["password"],
        }
        origin = {"Origin": national.url, "Sec-Fetch-Site": "same-origin"}
        answer = browser.post(at, data=fields, headers=origin)
        assert answer.status_code == 303, answer.text
    browser.close()
    return answer.headers["Location"].removeprefix(ISSUER)


def set_out(guest: Guest, path: str = "/masuk/penyedia") -> str:
    answer = guest.get(path)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def test_whoever_has_an_account_here_signs_in_by_the_other_provider(
    app: Application, national: LiveServer, person: dict[str, Any]
) -> None:
    account = an_account(app, nik=person["nik"], email="sari@contoh.id")
    guest = Guest(app)
    assert "/masuk/penyedia" in guest.get("/masuk").text
    there = set_out(guest)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(there).query).items()}
    assert (asked["code_challenge_method"], asked["response_type"]) == ("S256", "code")
    assert asked["nonce"] != asked["state"]

    back = guest.get(vouched(there, national, person))

    assert path_of(back) == "/masuk/lanjut"
    assert path_of(guest.get(back.headers["Location"])) == "/akun"
    assert "Halo, Budi Santoso" in guest.get("/akun").text
    with app.wiring.services.store.read() as tx:
        events = [event.action for event in tx.audit.list_visible(account.id)]
    assert "upstream.linked" in events
    assert "login.succeeded" in events


def test_a_portal_that_waits_gets_its_person(
    app: Application, national: LiveServer, person: dict[str, Any]
) -> None:
    an_account(app, nik=person["nik"], email="sari@contoh.id")
    guest = Guest(app)
    portal = a_portal(app, guest.browser, first_party=True)
    login = portal.start().headers["Location"]
    guest.get(login)
    there = set_out(guest, login.replace("/masuk", "/masuk/penyedia"))

    back = guest.get(vouched(there, national, person))
    onward = guest.get(back.headers["Location"])
    answer = guest.get(onward.headers["Location"])

    assert "code=" in answer.headers["Location"]
    claims = portal.claims(portal.redeem(portal.answer(answer)["code"]).get_json()["id_token"])
    assert (claims["acr"], claims["amr"]) == ("urn:kemnaker:aal:1", ["fed"])


def test_a_nik_that_is_not_ours_is_linked_to_nobody(
    app: Application, national: LiveServer, person: dict[str, Any]
) -> None:
    an_account(app, nik="3273011708909002", email="lain@contoh.id")
    guest = Guest(app)

    answer = guest.get(vouched(set_out(guest), national, person))

    assert answer.status_code == 403
    assert "Belum ada akun SIAPkerja ID dengan NIK" in answer.text
    assert person["nik"] not in answer.text
    assert path_of(guest.get("/akun")) == "/masuk"


def test_an_answer_counts_once_and_in_its_own_browser(
    app: Application, national: LiveServer, person: dict[str, Any]
) -> None:
    an_account(app, nik=person["nik"], email="sari@contoh.id")
    guest, thief = Guest(app), Guest(app, address="198.51.100.9")
    thief.get("/masuk")
    back = vouched(set_out(guest), national, person)

    assert thief.get(back).status_code == 410
    assert guest.get(back).status_code == 303
    assert guest.get(back).status_code == 410


def test_an_answer_of_another_provider_is_not_taken(
    app: Application, national: LiveServer, person: dict[str, Any]
) -> None:
    """RFC 9207: mixed up answers."""
    an_account(app, nik=person["nik"], email="sari@contoh.id")
    guest = Guest(app)
    back = vouched(set_out(guest), national, person)
    for changed in (
        back.replace("iss=", "iss=https%3A%2F%2Fevil.example&was="),
        back.replace("&iss=", "&was="),
    ):
        other = Guest(app)
        state = parse_qs(urlsplit(set_out(other)).query)["state"][0]
        ours = parse_qs(urlsplit(back).query)["state"][0]

        assert other.get(changed.replace(ours, state)).status_code == 503


def test_a_code_of_another_request_is_not_taken(
    app: Application, national: LiveServer, person: dict[str, Any]
) -> None:
    """RFC 7636: the verifier belongs to this browser's own request."""
    an_account(app, nik=person["nik"], email="sari@contoh.id")
    victim, thief = Guest(app), Guest(app)
    stolen = parse_qs(urlsplit(vouched(set_out(victim), national, person)).query)
    state = parse_qs(urlsplit(set_out(thief)).query)["state"][0]

    answer = thief.get(
        f"/masuk/penyedia/kembali?state={state}&code={stolen['code'][0]}&iss={stolen['iss'][0]}"
    )

    assert answer.status_code == 503


def test_whoever_gives_up_there_comes_back_to_the_sign_in(app: Application) -> None:
    guest = Guest(app)
    state = parse_qs(urlsplit(set_out(guest)).query)["state"][0]

    back = guest.get(f"/masuk/penyedia/kembali?state={state}&error=access_denied")

    assert path_of(back) == "/masuk"
    assert "dibatalkan" in guest.get(back.headers["Location"]).text


def test_a_provider_that_does_not_encrypt_is_not_believed(
    make_ours: Callable[..., Application],
    national: LiveServer,
    keys: KeySet,
    person: dict[str, Any],
) -> None:
    plain = national.a_client(
        redirect_uris=[CALLBACK],
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint_auth_signing_alg="ES512",
        jwks=keys.as_dict(private=False),
        id_token_signed_response_alg="ES256",
        first_party=True,
        scope="openid profile nik",
    )
    for encryption, status in (("required", 503), ("optional", 303)):
        app = make_ours(
            SIAPKERJA_UPSTREAM_CLIENT_ID=plain["client_id"],
            SIAPKERJA_UPSTREAM_ENCRYPTION=encryption,
        )
        if encryption == "required":
            an_account(app, nik=person["nik"], email="sari@contoh.id")
        guest = Guest(app)
        assert guest.get(vouched(set_out(guest), national, person)).status_code == status


def test_a_provider_that_is_away_is_a_503_and_the_password_still_works(
    make_ours: Callable[..., Application],
) -> None:
    app = make_ours(SIAPKERJA_UPSTREAM_ISSUER="http://localhost:1")
    an_account(app, email="sari@contoh.id")
    guest = Guest(app)

    answer = guest.get("/masuk/penyedia")

    assert answer.status_code == 503
    assert "tidak dapat dihubungi" in answer.text
    assert guest.enter("sari@contoh.id").status_code == 303


def test_without_a_slot_there_is_no_such_way(
    make_app: Callable[..., Application],
) -> None:
    guest = Guest(make_app())

    assert "/masuk/penyedia" not in guest.get("/masuk").text
    for path in ("", "/kembali?state=x&code=y", "/jwks.json"):
        assert guest.get(f"/masuk/penyedia{path}").status_code == 404


def _level_0(app: Application, sandbox: Sandbox, nik: str) -> Guest:
    """Open an account of level 0 by an old one with this NIK."""
    row = a_row(
        nik=nik,
        emails=[{"value": "lama@contoh.id", "verified": True}],
        phones=[],
        password=OLD.given,
    )
    services = app.wiring.services
    services.legacy_import.load(Export(io.BytesIO(json_lines([row]))), lambda _: None)
    someone = sandbox.add_person(nik=nik)
    holder = Registrant(app, sandbox, someone, phone="0812 0000 0177", email="baru@contoh.id")
    proved = holder.post("/masuk", identifier="lama@contoh.id", password=OLD.password)
    holder.query = {"lama": proved.headers["Location"].partition("lama=")[2]}
    holder.ktp(full_name="Nama Yang Lain")
    holder.query = {}
    holder.contact(password=None)
    assert holder.confirm().status_code == 303
    return Guest(app, browser=holder.browser)


def test_an_account_of_level_0_is_proved_by_the_other_provider(
    app: Application, national: LiveServer, person: dict[str, Any], sandbox: Sandbox
) -> None:
    guest = _level_0(app, sandbox, person["nik"])
    assert "/akun/identitas/penyedia" in guest.get("/akun/identitas").text

    back = guest.get(vouched(set_out(guest, "/akun/identitas/penyedia"), national, person))

    assert back.headers["Location"] == "/akun?pesan=identitas"
    page = guest.get("/akun").text
    assert "Terverifikasi" in page
    assert "Sari Dewi" in page


def test_an_identity_with_another_nik_than_the_old_accounts_proves_nothing(
    app: Application, national: LiveServer, person: dict[str, Any], sandbox: Sandbox
) -> None:
    guest = _level_0(app, sandbox, "3273011708909042")

    back = guest.get(vouched(set_out(guest, "/akun/identitas/penyedia"), national, person))

    assert back.status_code == 422
    assert "bukan NIK pada akun lama" in back.text
    assert "/akun/identitas" in guest.get("/akun").text


def test_a_nik_that_has_an_account_shows_the_way_there(
    app: Application, national: LiveServer, person: dict[str, Any], sandbox: Sandbox
) -> None:
    guest = _level_0(app, sandbox, person["nik"])
    an_account(app, nik=person["nik"], email="sari@contoh.id", phone_number="+6281200000190")

    back = guest.get(vouched(set_out(guest, "/akun/identitas/penyedia"), national, person))

    assert back.status_code == 409
    [there] = re.findall(r'href="(/akun/identitas/gabungkan\?gabung=[^"]+)"', back.text)
    assert guest.get(there).headers["Location"].startswith("/masuk?pesan=gabungkan&gabung=")


# What has to be registered there ------------------------------------------------------------------


def test_the_command_tells_what_to_register_and_nothing_secret(
    operator: Operator, tmp_path: Path
) -> None:
    path = tmp_path / "new.json"

    made = operator.facts("upstream", "make-keys", str(path))
    told = operator.facts("upstream", "show", "--keys", str(path))

    assert path.stat().st_mode & 0o077 == 0
    registration = told["registration"]
    assert registration["redirect_uris"] == [CALLBACK]
    assert registration["token_endpoint_auth_method"] == "private_key_jwt"
    assert registration["token_endpoint_auth_signing_alg"] == "ES512"
    assert registration["id_token_encrypted_response_alg"] == "ECDH-ES"
    sign, decrypt = registration["jwks"]["keys"]
    assert (sign["use"], sign["crv"], decrypt["use"]) == ("sig", "P-521", "enc")
    assert [sign["kid"], decrypt["kid"]] == made["kids"]
    private = {key["d"] for key in json.loads(path.read_text())["keys"]}
    assert not any(secret in json.dumps(told) for secret in private)
    # what stands in a file is never written over
    assert operator.refusal("upstream", "make-keys", str(path)) == "file.exists"
    nowhere = str(tmp_path / "nowhere" / "keys.json")
    assert operator.refusal("upstream", "make-keys", nowhere) == "file.unwritable"


def test_the_command_needs_a_key_to_sign_with(operator: Operator, tmp_path: Path) -> None:
    path = tmp_path / "public.json"
    made = operator.run("upstream", "make-keys", str(tmp_path / "private.json"))
    assert made.exit_code == 0
    told = operator.facts("upstream", "show", "--keys", str(tmp_path / "private.json"))
    path.write_text(json.dumps(told["registration"]["jwks"]))

    assert operator.refusal("upstream", "show") == "upstream.keys"
    assert operator.refusal("upstream", "show", "--keys", str(path)) == "upstream.keys"
    assert operator.refusal("upstream", "show", "--keys", str(tmp_path / "no")) == "file.missing"


def test_our_public_keys_are_where_the_registration_says(
    app: Application, operator: Operator, keys_file: Path
) -> None:
    told = operator.facts("upstream", "show", "--keys", str(keys_file))

    answer = Guest(app).get(told["jwks_uri"].removeprefix(ISSUER))

    assert answer.get_json() == told["registration"]["jwks"]
    assert '"d"' not in answer.text
