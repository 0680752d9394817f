"""Client registrations in the console: list, guided form, edit, versions, secrets, acts."""

import csv
import re
from collections.abc import Callable, Iterator
from io import BytesIO, StringIO
from typing import Any

import pytest
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.roles import Role
from idp.domain.protocol.client import ClientStatus
from idp.domain.protocol.client_metadata import MEMBERS
from idp.domain.protocol.metadata_faults import InvalidMetadata
from idp.services import Services
from idp.web.client_fields import FIELDS, SECTIONS, Kind
from idp.web.client_kinds import KINDS
from idp.web.csv_table import safe_cell
from tests.fakes import NOW, FixedClock
from tests.key_server import KeyServer, running_key_server
from tests.officer import Officer, an_officer
from tests.portal import Portal, a_portal, an_account, form_fields, same_origin, sign_in

CALLBACK = "https://portal.example/cb"
GIVEN: dict[str, Any] = {
    "client_id": "portal",
    "client_name": "Portal Uji",
    "redirect_uris": [CALLBACK],
    "scope": "openid profile email",
}
ALERT = re.compile(r'<div class="sum" role="alert".*?</div>', re.DOTALL)


@pytest.fixture
def officer(app: Application) -> Officer:
    return an_officer(app, Role.REGISTRAR)


@pytest.fixture
def approver(app: Application) -> Officer:
    return an_officer(app, Role.APPROVER, name="Agus Hidayat")


@pytest.fixture
def registered(services: Services) -> str:
    """The address of a registered portal."""
    client = services.client_desk.register(GIVEN).client
    return f"/admin/portal/{client.id}"


def kept(services: Services) -> dict[str, Any]:
    return dict(services.clients.get("portal").metadata)


def alert(page: TestResponse) -> str:
    found = ALERT.search(page.text)
    return found[0] if found else ""


def sent(officer: Officer, url: str, page: TestResponse, **fields: Any) -> TestResponse:
    """Send the form of a page with fields changed; a list is sent as often as it has entries."""
    data = {**form_fields(page), **fields}
    return officer.browser.post(
        url,
        data={name: value for name, value in data.items() if value is not None},
        headers={"Accept-Language": officer.language, **same_origin()},
    )


def filled(page: TestResponse) -> dict[str, Any]:
    """Return every value that the last form of a page holds, boxes and hidden fields too."""
    form = page.text.rpartition("<form")[2]
    found: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        is_off = 'type="checkbox"' in tag and " checked" not in tag
        if name and value and not is_off and 'type="file"' not in tag:
            found.setdefault(name[1], []).append(_plain(value[1]))
    for name_, text in re.findall(
        r'<textarea[^>]*name="([^"]*)"[^>]*>\n(.*?)</textarea>', form, re.S
    ):
        found.setdefault(name_, []).append(_plain(text))
    for name_, body in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', body)
        found.setdefault(name_, []).append(_plain(chosen[1]) if chosen else "")
    return found


def _plain(text: str) -> str:
    for mark, char in (
        ("&#34;", '"'),
        ("&#39;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ):
        text = text.replace(mark, char)
    return text


def save(
    officer: Officer, url: str, page: TestResponse | None = None, **fields: Any
) -> TestResponse:
    """Send a form as a browser does, with everything that it holds and these changes."""
    page = page or officer.get(url)
    assert page.status_code in {200, 409, 422}, page.status_code
    return officer.browser.post(
        url,
        data={**filled(page), **fields},
        headers={"Accept-Language": officer.language, **same_origin()},
    )


# The catalogue ------------------------------------------------------------------------------------


def test_every_member_that_the_provider_supports_has_its_field() -> None:
    # a statement is signed by whoever vouches: nobody types it
    wanted = {member.name for member in MEMBERS} - {"software_statement"} | {"redirect_uris"}

    assert set(FIELDS) == wanted
    assert len(FIELDS) == sum(len(section.fields) for section in SECTIONS)
    by_language = {member.name for member in MEMBERS if member.by_language}
    assert {name for name, field in FIELDS.items() if field.kind is Kind.WORDS} == by_language


# The list -----------------------------------------------------------------------------------------


@pytest.fixture
def many(services: Services, clock: FixedClock) -> None:
    for number in range(30):
        clock.move(1)
        services.client_desk.register(
            {
                "client_id": f"p{number:02d}",
                "client_name": f"Portal {number:02d}",
                "owner": "=HYPERLINK(1)" if number == 3 else "Ditjen Binapenta",
                "redirect_uris": [f"https://p{number}.example/cb"],
            }
        )
    clock.move(1)
    services.client_desk.suspend("p07")


def names(page: TestResponse) -> list[str]:
    return re.findall(r'<a href="/admin/portal/[0-9a-f-]{36}">([^<]*)</a>', page.text)


def test_the_list_has_25_a_page_and_goes_on(officer: Officer, many: None) -> None:
    first = officer.get("/admin/portal")
    (following,) = re.findall(r'<a href="([^"]*)" rel="next">', first.text)
    second = officer.get(following.replace("&amp;", "&"))

    assert names(first) == [f"Portal {n:02d}" for n in range(25)]
    assert names(second) == [f"Portal {n:02d}" for n in range(25, 30)]
    assert "<strong>30 portal</strong>" in first.text
    assert "Halaman pertama" in second.text


def test_the_header_sorts_and_says_how(officer: Officer, many: None) -> None:
    page = officer.get("/admin/portal?urut=-nama")

    assert names(page)[0] == "Portal 29"
    assert 'aria-sort="descending"><a href="/admin/portal?urut=nama">' in page.text
    assert names(officer.get("/admin/portal?urut=-diubah"))[0] == "Portal 07"


def test_words_and_filters_narrow_the_list_and_stay_in_its_links(
    officer: Officer, many: None
) -> None:
    assert names(officer.get("/admin/portal?q=portal+07")) == ["Portal 07"]
    assert names(officer.get("/admin/portal?status=suspended")) == ["Portal 07"]
    assert names(officer.get("/admin/portal?profil=fapi2")) == []
    page = officer.get("/admin/portal?q=portal&status=active")
    assert len(names(page)) == 25
    assert "/admin/portal?q=portal&amp;status=active&amp;urut=-nama" in page.text
    assert '<option value="active" selected>' in page.text


@pytest.mark.parametrize(
    "query",
    ["urut=x", "status=deleted", "profil=x", "lanjut=x", "lanjut=AAAA", "q=%00", "q=' OR 1=1 --",
     "q=" + "x" * 5000, "urut=nama'--", "status[]=active"],
)  # fmt: skip
def test_in_3_what_the_address_says_wrongly_is_left_out(
    officer: Officer, many: None, query: str
) -> None:
    assert officer.get(f"/admin/portal?{query}").status_code in {200, 414}


def test_a_place_in_one_order_is_none_in_another(officer: Officer, many: None) -> None:
    (following,) = re.findall(
        r'<a href="[^"]*lanjut=([^"&]*)" rel="next">', officer.get("/admin/portal").text
    )

    assert names(officer.get(f"/admin/portal?urut=diubah&lanjut={following}"))[0] == "Portal 00"


def test_the_table_is_sent_as_csv_without_formulas(officer: Officer, many: None) -> None:
    answer = officer.get("/admin/portal/unduh.csv?q=portal")

    rows = list(csv.reader(StringIO(answer.text.removeprefix("\ufeff"))))
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="portal.csv"'
    assert len(rows) == 31
    assert rows[4][2] == "'=HYPERLINK(1)"
    assert not [cell for row in rows for cell in row if cell[:1] in set("=+-@\t\r")]


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\tx", "\rx", "  =1"])
def test_in_4_a_cell_that_would_be_a_formula_is_a_text(cell: str) -> None:
    assert safe_cell(cell) == f"'{cell}"


# The guided form ----------------------------------------------------------------------------------

NEEDS: dict[str, dict[str, Any]] = {
    "web": {"redirect_uris": CALLBACK},
    "spa": {
        "redirect_uris": CALLBACK,
        "token_endpoint_auth_method": "client_secret_basic",
    },
    "seluler": {"redirect_uris": "id.go.contoh.aplikasi:/cb"},
    "mesin": {
        "token_endpoint_auth_method": "client_secret_basic",
        "scope__more": "laporan.baca",
        "resources": "https://api.example",
    },
    "php-lama": {"redirect_uris": "https://lama.example/oidc/cb"},
}
SHOWN = {
    "web": "OIDC_CLIENT_SECRET=",
    "spa": "&#34;client_secret&#34;: &#34;",
    "seluler": "discovery_uri",
    "mesin": "grant_type=client_credentials",
    "php-lama": "OIDCProviderMetadataURL http://localhost:8000/.well-known/openid-configuration",
}


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
@pytest.mark.parametrize("language", ["id", "en"])
def test_each_kind_is_registered_with_its_defaults_and_its_configuration(
    app: Application, services: Services, kind: str, language: str
) -> None:
    officer = an_officer(app, Role.REGISTRAR, language=language)
    start = officer.get("/admin/portal/baru")
    assert f"/admin/portal/baru?jenis={kind}" in start.text
    url = f"/admin/portal/baru?jenis={kind}"

    page = save(officer, url, client_name="Portal Baru", owner="Ditjen", **NEEDS[kind])

    (client,) = services.clients.list_all()
    assert page.status_code == 200
    assert SHOWN[kind] in page.text
    assert client.client_id in page.text
    assert ("Saya sudah menyimpannya" if language == "id" else "I have saved it") in page.text or (
        kind == "seluler"
    )
    assert client.is_active
    assert client.is_public == (kind == "seluler")
    secret = re.search(r'id="secret">([^<]*)<', page.text)
    assert (secret is None) == client.is_public
    if secret is not None:
        assert secret[1] not in officer.get(f"/admin/portal/{client.id}").text


def test_what_the_guided_form_made_signs_people_in(
    app: Application, officer: Officer, services: Services
) -> None:
    page = save(officer, "/admin/portal/baru?jenis=web", client_name="Baru", redirect_uris=CALLBACK)
    secret = re.search(r'id="secret">([^<]*)<', page.text)
    (client,) = services.clients.list_all()
    browser = app.test_client()
    sign_in(app, browser, an_account(app))

    assert secret is not None
    portal = Portal(app, browser, client, secret[1])
    assert portal.claims(portal.tokens(scope="openid email")["id_token"])["aud"] == client.client_id


def test_all_that_is_wrong_is_told_at_its_field_and_the_rest_is_kept(
    officer: Officer, services: Services
) -> None:
    page = save(
        officer,
        "/admin/portal/baru?jenis=web",
        client_name="<script>alert(1)</script>",
        client_name__en="Good name",
        redirect_uris="https://a.example/cb\r\nhttp://a.example/cb\r\nhttps://a.example/#x",
        policy_uri="javascript:alert(1)",
        jwks="{",
        token_endpoint_auth_method="private_key_jwt",
    )

    assert page.status_code == 422
    for name, words in (
        ("client_name", "Isian ini berisi tanda kurung sudut"),
        ("redirect_uris", "Baris 2 harus memakai https"),
        ("redirect_uris", "Baris 3 berisi tanda pagar"),
        ("policy_uri", "Isian ini harus memakai https"),
        ("jwks", "Isian ini harus berupa JSON"),
    ):
        assert re.search(rf'<a href="#{name}">{re.escape(words)}', alert(page)), (name, words)
    assert "<script>alert" not in page.text
    assert filled(page)["client_name__en"] == ["Good name"]
    assert filled(page)["client_name"] == ["<script>alert(1)</script>"]
    assert "http://a.example/cb" in page.text
    assert services.clients.list_all() == ()


def test_ten_thousand_redirect_uris_are_an_error_at_the_field(officer: Officer) -> None:
    uris = "\r\n".join(f"https://portal.example/{n}" for n in range(10_000))

    page = save(officer, "/admin/portal/baru?jenis=web", client_name="x", redirect_uris=uris)

    assert page.status_code == 422
    assert "lebih dari 20 baris" in alert(page)
    assert "https://portal.example/9999" in page.text


def test_a_new_portal_with_a_guarded_scope_waits_for_a_second_officer(
    officer: Officer, approver: Officer, services: Services
) -> None:
    page = save(
        officer,
        "/admin/portal/baru?jenis=web",
        client_name="Portal JKP",
        redirect_uris=CALLBACK,
        scope=["openid", "nik"],
        scope_purposes__nik="Mencocokkan peserta",
        scope_purposes__nik__en="Matching participants",
        scope_purposes__nik__basis="Permenaker 2/2025",
    )

    (client,) = services.clients.list_all()
    assert "menunggu persetujuan orang kedua" in page.text
    assert client.metadata["scope"] == "openid"
    assert client.metadata["require_pushed_authorization_requests"] is True
    approve(approver, services)
    changed = services.clients.get(client.client_id)
    assert changed.metadata["scope"] == "openid nik"
    assert changed.purpose_of("nik", "en") == "Matching participants"


def test_a_guarded_scope_without_purpose_is_an_error_at_its_field(
    officer: Officer, services: Services
) -> None:
    page = save(
        officer,
        "/admin/portal/baru?jenis=web",
        client_name="x",
        redirect_uris=CALLBACK,
        scope=["openid", "nik"],
    )

    assert "tujuan dan dasar hukum untuk scope nik" in alert(page)
    assert 'href="#scope_purposes"' in alert(page)
    assert services.clients.list_all() == ()


# One portal ---------------------------------------------------------------------------------------


def approve(approver: Officer, services: Services) -> TestResponse:
    """Let what waits happen, as another person."""
    (shown,) = services.approvals.list_open()
    url = f"/admin/persetujuan/{shown.request.id}"
    page = approver.get(url)
    assert page.status_code == 200
    return approver.post(url, page, to=f"{url}/putusan", decision="approve", reason="")


def test_the_page_of_a_portal_shows_every_member_and_who_changed_what(
    officer: Officer, registered: str, services: Services
) -> None:
    services.client_desk.replace(
        "portal", {**GIVEN, "client_name": "Portal Lain"}, officer.actor, reason="ganti nama"
    )

    page = officer.get(registered)

    for member in services.clients.get("portal").metadata:
        assert f">{member}<" in page.text, member
    for words in ("Rina Wulandari", "ganti nama", "Portal Uji → Portal Lain", "command line"):
        assert words in page.text
    for section in SECTIONS:
        assert f"{registered}/ubah/{section.name}" in page.text


def test_a_reader_sees_a_portal_and_changes_nothing(app: Application, registered: str) -> None:
    reader = an_officer(app, Role.READER)

    page = reader.get(registered)

    assert page.status_code == 200
    assert "/ubah/" not in page.text
    for path in ("ubah/alamat", "tangguhkan", "hapus", "logo"):
        assert reader.get(f"{registered}/{path}").status_code == 403


@pytest.mark.parametrize("section", [section.name for section in SECTIONS])
def test_saving_a_section_without_a_change_changes_nothing(
    officer: Officer, registered: str, services: Services, section: str
) -> None:
    before = kept(services)

    answer = save(officer, f"{registered}/ubah/{section}")

    assert answer.headers["Location"] == f"{registered}?pesan=tetap"
    assert kept(services) == before
    assert services.clients.get("portal").version == 1


def test_a_plain_change_is_saved_at_once(
    officer: Officer, registered: str, services: Services
) -> None:
    answer = save(
        officer,
        f"{registered}/ubah/identitas",
        client_name="Portal Lain",
        client_name__en="Other portal",
        help_text="Hubungi 1500630.",
        help_text__en="Call 1500630.",
        contacts="a@kemnaker.example\r\n\r\nb@kemnaker.example",
    )

    assert answer.headers["Location"] == f"{registered}?pesan=disimpan"
    changed = kept(services)
    assert (changed["client_name"], changed["client_name#en"]) == ("Portal Lain", "Other portal")
    assert changed["help_text#en"] == "Call 1500630."
    assert changed["contacts"] == ["a@kemnaker.example", "b@kemnaker.example"]
    assert changed["redirect_uris"] == [CALLBACK]


def test_every_kind_of_field_takes_what_is_typed(
    officer: Officer, registered: str, services: Services
) -> None:
    save(
        officer,
        f"{registered}/ubah/tingkat",
        acr_floor="urn:kemnaker:aal:2",
        ial_floor="0",
        default_max_age="0",
        require_auth_time="1",
        access_token_seconds="60",
        access_token_format="opaque",
    )
    save(officer, f"{registered}/ubah/permintaan", require_pushed_authorization_requests="1")

    changed = kept(services)
    assert changed["acr_floor"] == "urn:kemnaker:aal:2"
    assert (changed["ial_floor"], changed["default_max_age"]) == (0, 0)
    assert changed["require_auth_time"] is True
    assert (changed["access_token_seconds"], changed["access_token_format"]) == (60, "opaque")
    assert changed["require_pushed_authorization_requests"] is True
    page = officer.get(f"{registered}/ubah/tingkat")
    assert filled(page)["ial_floor"] == ["0"]


AUTHENTICATION = "/ubah/autentikasi"
BY_CERTIFICATE = {
    "token_endpoint_auth_method": "tls_client_auth",
    "tls_client_auth_san_dns": "portal.example",
    "tls_client_certificate_bound_access_tokens": True,
}


def test_certificates_are_neither_offered_nor_taken_where_none_reach_us(
    officer: Officer, registered: str, services: Services
) -> None:
    """RFC 8705 §2: what no proxy passes on can't authenticate anybody."""
    page = officer.get(f"{registered}{AUTHENTICATION}")
    for word in ("tls_client_auth", "tls_client_certificate"):
        assert word not in page.text
    typed = {**BY_CERTIFICATE, "tls_client_certificate_bound_access_tokens": "1"}

    refused = save(officer, f"{registered}{AUTHENTICATION}", page, **typed)

    assert refused.status_code == 422
    problems = alert(refused)
    assert "#token_endpoint_auth_method" in problems
    assert "#tls_client_certificate_bound_access_tokens" in problems
    # what was typed stays, so that it can be mended
    assert filled(refused)["tls_client_auth_san_dns"] == ["portal.example"]
    assert "tls_client_auth_san_dns" not in kept(services)
    with pytest.raises(InvalidMetadata):
        services.partner_portals.registry.checked({**GIVEN, **BY_CERTIFICATE})


def test_a_client_prepared_for_a_proxy_to_come_can_still_be_edited(
    officer: Officer, services: Services
) -> None:
    client = services.clients.register({**GIVEN, **BY_CERTIFICATE}).client
    here = f"/admin/portal/{client.id}"
    assert filled(officer.get(f"{here}{AUTHENTICATION}"))["token_endpoint_auth_method"] == [
        "tls_client_auth"
    ]

    saved = save(officer, f"{here}/ubah/identitas", client_name="Portal Baru")

    assert saved.status_code == 303, alert(saved)
    assert kept(services)["token_endpoint_auth_method"] == "tls_client_auth"


def test_certificates_are_offered_where_a_proxy_passes_them_on(
    make_app: Callable[..., Application],
) -> None:
    app = make_app(
        SIAPKERJA_HTTP_CLIENT_CERT_HEADER="X-Client-Cert",
        SIAPKERJA_HTTP_TRUSTED_PROXIES="127.0.0.1",
    )
    services = app.wiring.services
    client = services.client_desk.register(GIVEN).client
    officer = an_officer(app, Role.REGISTRAR)
    url = f"/admin/portal/{client.id}{AUTHENTICATION}"

    page = officer.get(url)

    for method in ("tls_client_auth", "self_signed_tls_client_auth"):
        assert f'<option value="{method}"' in page.text
    assert "tls_client_auth_san_dns" in page.text
    services.partner_portals.registry.checked({**GIVEN, **BY_CERTIFICATE})


def test_a_change_of_scopes_is_shown_before_it_is_saved(
    officer: Officer, registered: str, services: Services
) -> None:
    url = f"{registered}/ubah/cakupan"
    shown = save(officer, url, scope=["openid", "profile", "phone"])

    assert shown.status_code == 200
    assert "Periksa perubahan sebelum disimpan" in shown.text
    assert "<ins>phone</ins>" in shown.text
    assert "<del>email</del>" in shown.text
    assert kept(services)["scope"] == GIVEN["scope"]
    answer = save(officer, url, shown)
    assert answer.headers["Location"] == f"{registered}?pesan=disimpan"
    assert kept(services)["scope"] == "openid profile phone"


def test_who_goes_back_from_the_difference_finds_what_was_typed(
    officer: Officer, registered: str
) -> None:
    url = f"{registered}/ubah/cakupan"
    shown = save(
        officer, url, scope=["openid", "phone"], serves="https://a.example\r\nhttps://b.example"
    )

    page = save(officer, url, shown, back="1")

    assert filled(page)["scope"] == ["openid", "phone"]
    assert filled(page)["serves"] == ["https://a.example\nhttps://b.example"]


def test_ad_3_an_address_of_a_live_portal_takes_a_second_officer(
    officer: Officer, approver: Officer, registered: str, services: Services
) -> None:
    url = f"{registered}/ubah/alamat"
    shown = save(officer, url, redirect_uris=f"{CALLBACK}\r\nhttps://portal.example/dua")
    assert "memerlukan persetujuan orang kedua" in shown.text
    without = save(officer, url, shown)
    assert without.status_code == 422
    assert 'aria-invalid="true"' in without.text

    answer = save(officer, url, without, reason="halaman baru")

    assert answer.headers["Location"] == f"{registered}?pesan=diajukan"
    assert kept(services)["redirect_uris"] == [CALLBACK]
    assert "menunggu persetujuan orang kedua" in officer.get(registered).text
    assert approve(approver, services).status_code == 303
    assert kept(services)["redirect_uris"] == [CALLBACK, "https://portal.example/dua"]
    version = services.clients.list_versions("portal")[0]
    assert (version.author, version.reason) == (str(officer.admin.id), "halaman baru")


def test_ad_3_the_difference_that_is_decided_on_is_that_of_the_stored_request(
    officer: Officer, approver: Officer, registered: str, services: Services
) -> None:
    url = f"{registered}/ubah/alamat"
    shown = save(officer, url, redirect_uris="https://portal.example/dua")
    save(officer, url, shown, reason="pindah", redirect_uris="https://portal.example/dua")
    (waiting,) = services.approvals.list_open()

    page = approver.get(f"/admin/persetujuan/{waiting.request.id}")

    assert "Ubah portal" in page.text
    assert "https://portal.example/dua" in page.text
    assert CALLBACK in page.text


def test_ad_3_a_confirmed_page_saves_nothing_else_than_it_showed(
    officer: Officer, registered: str, services: Services
) -> None:
    url = f"{registered}/ubah/cakupan"
    shown = save(officer, url, scope=["openid", "phone"])

    again = save(officer, url, shown, scope=["openid", "phone", "address"])

    assert again.status_code == 200
    assert "<ins>address</ins>" in again.text
    assert kept(services)["scope"] == GIVEN["scope"]


def test_ad_3_what_changed_since_it_was_asked_for_is_not_carried_out(
    officer: Officer, approver: Officer, registered: str, services: Services
) -> None:
    url = f"{registered}/ubah/alamat"
    shown = save(officer, url, redirect_uris="https://portal.example/dua")
    save(officer, url, shown, reason="pindah")
    services.client_desk.replace("portal", {**GIVEN, "client_name": "Lain"})

    answer = approve(approver, services)

    assert answer.status_code == 422
    assert kept(services)["redirect_uris"] == [CALLBACK]


def test_two_who_edit_one_portal_see_both_versions_and_lose_nothing(
    app: Application, officer: Officer, registered: str, services: Services
) -> None:
    other = an_officer(app, Role.REGISTRAR, name="Bayu Prakoso")
    url = f"{registered}/ubah/identitas"
    mine = officer.get(url)
    save(other, url, client_name="Nama dari Bayu", owner="Unit dari Bayu")

    page = save(officer, url, mine, client_name="Nama dari Rina", help_text="Bantuan dari Rina")

    assert page.status_code == 409
    for words in ("Bayu Prakoso", "Nama dari Bayu", "Unit dari Bayu", "Nama dari Rina",
                  "Bantuan dari Rina"):  # fmt: skip
        assert words in page.text
    both = filled(page)
    assert both["client_name"] == ["Nama dari Rina"]
    assert both["owner"] == ["Unit dari Bayu"]
    assert kept(services)["client_name"] == "Nama dari Bayu"
    assert save(officer, url, page).headers["Location"] == f"{registered}?pesan=disimpan"
    assert (kept(services)["client_name"], kept(services)["owner"]) == (
        "Nama dari Rina", "Unit dari Bayu",
    )  # fmt: skip
    assert kept(services)["help_text"] == "Bantuan dari Rina"


def test_an_unreachable_or_huge_key_set_is_an_error_at_its_field(
    make_app: Callable[..., Application], key_server: KeyServer
) -> None:
    app = make_app(SIAPKERJA_FETCH_PRIVATE_HOSTS=key_server.host)
    client = app.wiring.services.client_desk.register(GIVEN).client
    officer = an_officer(app, Role.REGISTRAR)
    url = f"/admin/portal/{client.id}/ubah/autentikasi"
    typed = {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": key_server.url}

    key_server.raw = b"x" * 100_000
    huge = save(officer, url, **typed)
    key_server.status = 500
    away = save(officer, url, huge)

    assert "lebih besar dari 64 kB" in alert(huge)
    assert "tidak dapat diambil: servernya menjawab dengan galat" in alert(away)
    assert filled(away)["jwks_uri"] == [key_server.url]


@pytest.fixture
def key_server() -> Iterator[KeyServer]:
    with running_key_server() as server:
        yield server


# Versions -----------------------------------------------------------------------------------------


def test_an_earlier_version_is_shown_and_comes_back(
    officer: Officer, registered: str, services: Services
) -> None:
    services.client_desk.replace("portal", {**GIVEN, "client_name": "Lain"}, officer.actor)
    page = officer.get(f"{registered}/versi/1")
    assert "Portal Uji" in page.text
    assert f"{registered}/versi/1" in officer.get(f"{registered}/versi").text

    shown = save(officer, f"{registered}/versi/1/pulihkan", page)
    answer = save(officer, f"{registered}/versi/1/pulihkan", shown)

    assert answer.headers["Location"] == f"{registered}?pesan=disimpan"
    assert services.clients.get("portal").version == 3
    assert kept(services)["client_name"] == "Portal Uji"


def test_a_restored_version_whose_scope_is_not_allowed_is_mended_on_the_page(
    officer: Officer, registered: str, services: Services
) -> None:
    # an operator may say what a form may not: a scope of nobody
    services.clients.replace("portal", {**GIVEN, "client_name": "Lama", "scope": "openid semua"})
    services.client_desk.replace("portal", GIVEN)
    url = f"{registered}/versi/2/pulihkan"

    page = save(officer, url, officer.get(f"{registered}/versi/2"))

    assert page.status_code == 422
    assert "berisi scope semua yang tidak ada di sini" in alert(page)
    assert 'href="#scope"' in alert(page)
    shown = save(officer, url, page, scope__more="")
    assert save(officer, url, shown).headers["Location"] == f"{registered}?pesan=disimpan"
    assert (kept(services)["scope"], kept(services)["client_name"]) == ("openid", "Lama")


def test_ad_3_restoring_an_address_takes_a_second_officer_too(
    officer: Officer, registered: str, services: Services
) -> None:
    services.clients.replace("portal", {**GIVEN, "redirect_uris": ["https://lama.example/cb"]})
    services.clients.replace("portal", GIVEN)
    url = f"{registered}/versi/2/pulihkan"

    shown = save(officer, url, officer.get(f"{registered}/versi/2"))
    answer = save(officer, url, shown, reason="kembali")

    assert answer.headers["Location"] == f"{registered}?pesan=diajukan"
    assert kept(services)["redirect_uris"] == [CALLBACK]


@pytest.mark.parametrize("path", ["versi/99", "versi/0", "ubah/tidak-ada"])
def test_what_is_not_there_is_404(officer: Officer, registered: str, path: str) -> None:
    assert officer.get(f"{registered}/{path}").status_code == 404


# Acts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status", "note"),
    [
        ("tangguhkan", ClientStatus.SUSPENDED, "ditangguhkan"),
        ("hentikan", ClientStatus.RETIRED, "dihentikan"),
    ],
)
def test_a_dangerous_act_says_what_it_affects_and_wants_a_reason(
    app: Application, officer: Officer, services: Services, path: str, status: str, note: str
) -> None:
    browser = app.test_client()
    portal = a_portal(app, browser)
    sign_in(app, browser, an_account(app))
    portal.tokens()
    here = f"/admin/portal/{portal.client.id}"

    page = officer.get(f"{here}/{path}")
    assert "1 warga terdampak." in page.text
    refused = officer.post(f"{here}/{path}", page, reason="  ")
    assert refused.status_code == 422
    answer = officer.post(f"{here}/{path}", refused, reason="laporan warga")

    assert answer.headers["Location"] == f"{here}?pesan={note}"
    assert services.clients.get(portal.client_id).status == status
    assert services.clients.list_versions(portal.client_id)[0].reason == "laporan warga"


@pytest.mark.parametrize("path", ["tangguhkan", "aktifkan", "hentikan", "hapus", "rahasia/baru"])
def test_ad_1_a_dangerous_act_wants_a_fresh_factor(
    officer: Officer, registered: str, services: Services, clock: FixedClock, path: str
) -> None:
    clock.move(400)

    answer = officer.browser.post(f"{registered}/{path}", headers=same_origin())

    assert answer.headers["Location"].startswith("/admin/konfirmasi")
    assert services.clients.get("portal").version == 1


def test_a_suspended_portal_goes_on_again(
    officer: Officer, registered: str, services: Services
) -> None:
    services.client_desk.suspend("portal")

    officer.post(f"{registered}/aktifkan", reason="sudah diperbaiki")

    assert services.clients.get("portal").is_active


def test_ad_3_deleting_takes_a_second_officer(
    officer: Officer, approver: Officer, registered: str, services: Services
) -> None:
    answer = officer.post(f"{registered}/hapus", reason="ganda")
    assert answer.headers["Location"] == f"{registered}?pesan=diajukan"
    assert services.clients.get("portal").is_active

    assert approve(approver, services).status_code == 303

    assert services.clients.list_all() == ()
    assert officer.get(registered).status_code == 404


# Secrets ------------------------------------------------------------------------------------------


def test_a_second_secret_is_shown_once_and_the_old_one_ended(
    officer: Officer, registered: str, services: Services, clock: FixedClock
) -> None:
    url = f"{registered}/rahasia"
    clock.move(10)
    page = officer.get(url)
    shown = officer.post(url, page, to=f"{url}/baru", days="90")
    secret = re.search(r'id="secret">([^<]*)<', shown.text)
    newest, oldest = services.clients.get("portal").secrets

    assert secret is not None
    assert "Saya sudah menyimpannya" in shown.text
    assert newest.expires_at == NOW + 10 + 90 * 86400
    after = officer.get(url)
    assert secret[1] not in after.text
    assert "Akhiri salah satu rahasia" in after.text
    page = officer.get(f"{url}/{oldest.id}/akhiri")
    assert "0 warga terdampak bila portal masih memakai rahasia ini." in page.text
    assert "Rahasia yang tetap berlaku: 1." in page.text
    answer = officer.post(f"{url}/{oldest.id}/akhiri", page)
    assert answer.headers["Location"] == f"{registered}?pesan=rahasia-diakhiri"
    assert services.clients.get("portal").secrets == (newest,)


def test_the_only_secret_can_not_be_ended(
    officer: Officer, registered: str, services: Services
) -> None:
    (only,) = services.clients.get("portal").secrets

    answer = officer.post(f"{registered}/rahasia/{only.id}/akhiri")

    assert answer.status_code == 422
    assert "satu-satunya rahasia" in answer.text


def test_a_portal_without_secrets_has_no_page_of_them(officer: Officer, services: Services) -> None:
    client = services.client_desk.register({**GIVEN, "token_endpoint_auth_method": "none"}).client

    assert officer.get(f"/admin/portal/{client.id}/rahasia").status_code == 404


# The logo -----------------------------------------------------------------------------------------


def upload(officer: Officer, url: str, body: bytes) -> TestResponse:
    token = form_fields(officer.get(url))["csrf_token"]
    parts = (
        b'--mark\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n',
        token.encode(),
        b'\r\n--mark\r\nContent-Disposition: form-data; name="logo"; filename="logo.png"\r\n\r\n',
        body,
        b"\r\n--mark--\r\n",
    )
    return officer.browser.post(
        url,
        data=b"".join(parts),
        content_type="multipart/form-data; boundary=mark",
        headers=same_origin(),
    )


def test_an_uploaded_logo_is_shown_drawn_anew(
    officer: Officer, registered: str, services: Services
) -> None:
    from PIL import Image

    written = BytesIO()
    Image.new("RGB", (300, 100), "red").save(written, "JPEG")

    answer = upload(officer, f"{registered}/logo", written.getvalue())

    assert answer.headers["Location"] == f"{registered}?pesan=logo"
    client = services.clients.get("portal")
    assert f"/logo/{client.id}-{client.logo}.png" in officer.get(registered).text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
            "bukan gambar",
        ),
        (b"", "bukan gambar"),
        (b"\x89PNG\r\n\x1a\n" + bytes(1024 * 1024), "lebih besar dari 1 MB"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20 * 1024 * 1024), "lebih besar dari 1 MB"),
    ],
    ids=["svg", "nothing", "1 MB", "20 MB"],
)
def test_a_hostile_or_huge_logo_is_an_error_at_its_field(
    officer: Officer, registered: str, services: Services, body: bytes, words: str
) -> None:
    page = upload(officer, f"{registered}/logo", body)

    assert page.status_code == 422
    assert words in alert(page)
    assert 'href="#logo"' in alert(page)
    assert services.clients.get("portal").logo is None


# Bad input ----------------------------------------------------------------------------------------

HOSTILE = (
    "\x00",
    "a\x00b",
    "\u202ekemnaker",
    "<script>alert(1)</script>",
    "'; DROP TABLE client; --",
    "{{ 7*7 }}",
    "%s %(x)s %n",
    "\U0001f600" * 300,
    "x" * 20_000,
    "[" * 5000,
    '{"keys":' * 500,
    "-1",
    "9" * 400,
    "NaN",
    "https://a.example/\r\nX: 1",
    "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
)


@pytest.mark.parametrize("section", [section.name for section in SECTIONS])
def test_in_2_no_hostile_text_in_any_field_breaks_a_page(
    officer: Officer, registered: str, services: Services, section: str
) -> None:
    url = f"{registered}/ubah/{section}"
    page = officer.get(url)
    names = [name for name in filled(page) if name not in {"csrf_token", "version"}]
    for text in HOSTILE:
        answer = save(officer, url, page, **dict.fromkeys(names, text))
        assert answer.status_code in {200, 422}, (text[:20], answer.status_code)
        for bad in ("<script>alert", ">49<", "Traceback"):
            assert bad not in answer.text
    assert services.clients.get("portal").version == 1


@pytest.mark.parametrize("text", HOSTILE[:12])
def test_in_2_no_hostile_reason_breaks_an_act(
    officer: Officer, registered: str, services: Services, text: str
) -> None:
    assert officer.post(f"{registered}/tangguhkan", reason=text).status_code in {303, 422}
    url = f"{registered}/ubah/alamat"
    shown = save(officer, url, redirect_uris="https://portal.example/dua")
    assert save(officer, url, shown, reason=text).status_code in {303, 422}


def test_a_reason_may_have_several_lines(
    officer: Officer, registered: str, services: Services
) -> None:
    answer = officer.post(f"{registered}/tangguhkan", reason="satu\r\ndua")

    assert answer.status_code == 303
    assert services.clients.list_versions("portal")[0].reason == "satu dua"


@pytest.mark.parametrize(
    "changes",
    [{"version": "x"}, {"version": "-1"}, {"version": "9" * 50}, {"version": "99"},
     {"version": ""}, {"seen": "x"}, {"csrf_token": "x"}],
    ids=str,
)  # fmt: skip
def test_bent_hidden_fields_save_nothing_by_mistake(
    officer: Officer, registered: str, services: Services, changes: dict[str, str]
) -> None:
    url = f"{registered}/ubah/cakupan"

    answer = save(officer, url, scope=["openid", "phone"], **changes)

    assert answer.status_code in {200, 403, 404}
    assert services.clients.get("portal").version == 1
