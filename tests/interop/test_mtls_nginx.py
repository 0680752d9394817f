"""`docs/mtls-nginx.conf` as it stands, on a real nginx before a real server (RFC 8705)."""

import json
import shutil
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from idp.domain.ids import decode_base64url
from tests.certificates import HEADER, SUBJECT, VERIFIED, Pair, alternative, an_authority
from tests.live_server import ROOT, LiveServer, inherited, running_process, running_server
from tests.servers import free_port, wait_for_port

pytestmark = pytest.mark.xdist_group("mtls")


LOGIN, MTLS = "login.siapkerja.example", "mtls.siapkerja.example"

AROUND = """
pid {folder}/nginx.pid;
error_log {folder}/error.log;
daemon off;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{example}
}}
"""


@dataclass
class Site:
    """The provider behind nginx. `authority` signs clients, and nginx's own certificates."""

    server: LiveServer
    port: int
    folder: Path
    authority: Pair

    def post(
        self, host: str, path: str, form: dict[str, str], pair: Pair | None = None, **headers: str
    ) -> httpx.Response:
        """Call a host of nginx's, with a certificate if one is given."""
        trusted = ssl.create_default_context(cadata=self.authority.pem)
        if pair is not None:
            shown = self.folder / "shown.pem"
            shown.write_bytes(pair.key_pem + pair.pem.encode())
            trusted.load_cert_chain(shown)
        with httpx.Client(verify=trusted, trust_env=False) as client:
            return client.post(
                f"https://127.0.0.1:{self.port}{path}",
                data=form,
                headers={"Host": f"{host}:{self.port}", **headers},
                extensions={"sni_hostname": host},
            )

    def ask(
        self, client: dict[str, Any], pair: Pair | None, host: str = MTLS, **headers: str
    ) -> httpx.Response:
        form = {"grant_type": "client_credentials", "client_id": client["client_id"]}
        return self.post(host, "/token", form, pair, **headers)


def now() -> int:
    return int(time.time())


def a_pair(**given: Any) -> Pair:
    return Pair(begins_at=now() - 3600, ends_at=now() + 3600, **given)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if nginx is None:
        raise RuntimeError("nginx is not installed: `make test` installs it where it may")
    folder = tmp_path_factory.mktemp("nginx")
    authority = an_authority()
    for name, host in (("login", LOGIN), ("mtls", MTLS)):
        own = a_pair(issuer=authority, names=alternative(dns=host))
        (folder / f"{name}.pem").write_text(own.pem)
        (folder / f"{name}.key").write_bytes(own.key_pem)
    (folder / "client-authorities.pem").write_text(authority.pem)
    port = free_port()
    settings = {
        "SIAPKERJA_ISSUER": f"https://{LOGIN}:{port}",
        "SIAPKERJA_HTTP_MTLS_URL": f"https://{MTLS}:{port}",
        "SIAPKERJA_HTTP_TRUSTED_PROXIES": "127.0.0.1",
        "SIAPKERJA_HTTP_CLIENT_CERT_HEADER": HEADER,
        "SIAPKERJA_HTTP_CLIENT_CERT_VERIFIED_HEADER": VERIFIED,
        "SIAPKERJA_LIMITS_FACTOR": "1000",
    }
    example = (ROOT / "docs/mtls-nginx.conf").read_text()
    for line in settings:
        if line != "SIAPKERJA_LIMITS_FACTOR":
            assert f"#   {line}=" in example
    with running_server(**settings) as server:
        here = (
            example.replace("listen 443", f"listen 127.0.0.1:{port}")
            .replace("/etc/siapkerja/tls", str(folder))
            .replace("127.0.0.1:8000", server.url.removeprefix("http://"))
        )
        written = folder / "nginx.conf"
        written.write_text(AROUND.format(folder=folder, example=here))
        log = folder / "log"
        with running_process([nginx, "-c", str(written)], inherited(), log):
            wait_for_port(port)
            yield Site(server, port, folder, authority)


@pytest.fixture(scope="module")
def named(site: Site) -> dict[str, Any]:
    """A client that authenticates by the subject of a certificate of the authority."""
    return site.server.a_client(
        token_endpoint_auth_method="tls_client_auth",
        tls_client_auth_subject_dn=SUBJECT,
        tls_client_certificate_bound_access_tokens=True,
        grant_types=["client_credentials"],
        scope="jkp.read",
    )


@pytest.fixture(scope="module")
def pair(site: Site) -> Pair:
    return a_pair(issuer=site.authority)


def claims_of(token: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(decode_base64url(token.split(".")[1]))
    return found


def test_a_certificate_of_the_authority_authenticates_and_binds(
    site: Site, named: dict[str, Any], pair: Pair
) -> None:
    answer = site.ask(named, pair)

    assert answer.status_code == 200, answer.text
    assert claims_of(answer.json()["access_token"])["cnf"] == {"x5t#S256": pair.x5t}


def test_the_same_names_signed_by_somebody_else_do_not(site: Site, named: dict[str, Any]) -> None:
    for shown in (a_pair(), a_pair(issuer=an_authority("Otoritas Lain")), None):
        answer = site.ask(named, shown)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    # who forges the authority's own name is already sent away by nginx
    assert site.ask(named, a_pair(issuer=an_authority())).status_code == 400


def test_a_certificate_out_of_its_time_does_not(site: Site, named: dict[str, Any]) -> None:
    late = Pair(issuer=site.authority, begins_at=now() - 7200, ends_at=now() - 3600)

    assert site.ask(named, late).status_code in {400, 401}


def test_a_self_signed_certificate_authenticates_where_it_is_registered(site: Site) -> None:
    own = a_pair(is_rsa=True)
    client = site.server.a_client(
        token_endpoint_auth_method="self_signed_tls_client_auth",
        jwks=own.jwks(),
        grant_types=["client_credentials"],
        scope="jkp.read",
    )

    assert site.ask(client, own).status_code == 200
    assert site.ask(client, a_pair()).status_code == 401


@pytest.mark.parametrize("host", [LOGIN, MTLS])
def test_what_a_caller_says_of_certificates_does_not_pass(
    site: Site, named: dict[str, Any], pair: Pair, host: str
) -> None:
    for name in (HEADER, HEADER.lower(), HEADER.replace("-", "_")):
        headers = {name: pair.headers()[HEADER], VERIFIED: "SUCCESS"}
        assert site.ask(named, None, host, **headers).status_code == 401


def test_the_address_for_people_asks_for_no_certificate(
    site: Site, named: dict[str, Any], pair: Pair
) -> None:
    assert site.ask(named, pair, LOGIN).status_code == 401


def test_the_address_for_certificates_has_the_announced_endpoints_and_no_page(site: Site) -> None:
    document = httpx.get(
        f"{site.server.url}/.well-known/openid-configuration", trust_env=False
    ).json()
    base = f"https://{MTLS}:{site.port}"
    for address in document["mtls_endpoint_aliases"].values():
        assert site.post(MTLS, address.removeprefix(base), {}).status_code in {400, 401}
    for path in ("/masuk", "/authorize", "/admin", "/register", "/", "/token/x"):
        assert site.post(MTLS, path, {}).status_code == 404


def test_a_bound_token_is_good_with_its_certificate_alone(
    site: Site, named: dict[str, Any], pair: Pair
) -> None:
    """Introspected by its own client, whose certificate nginx shows each time."""
    token = site.ask(named, pair).json()["access_token"]
    form = {"client_id": named["client_id"], "token": token}

    assert site.post(MTLS, "/introspect", form, pair).json()["cnf"] == {"x5t#S256": pair.x5t}
    assert site.post(MTLS, "/introspect", form).status_code == 401
