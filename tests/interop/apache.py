"""Debian's Apache with mod_auth_openidc, as a portal in PHP's place would use it."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

MODULES: Final = Path("/usr/lib/apache2/modules")
START_SECONDS: Final = 60

_LOADED: Final = (
    "mpm_event",
    "authn_core",
    "authz_core",
    "authz_user",
    "auth_openidc",
    "dir",
    "mime",
    "include",
    "filter",
)

_CONFIGURATION: Final = """\
ServerRoot "{folder}"
ServerName localhost
Listen 127.0.0.1:{port}
PidFile "{folder}/pid"
DefaultRuntimeDir "{folder}"
ErrorLog "{folder}/log"
LogLevel warn auth_openidc:info
{modules}
{user}
StartServers 1
ThreadsPerChild 8
MaxRequestWorkers 8
ServerLimit 1
# it ends an idle connection after five seconds, which a slow client may be about to use again
KeepAlive Off
DocumentRoot "{folder}/pages"
TypesConfig /etc/mime.types
<Directory "{folder}/pages">
  Options +Includes
  AddOutputFilter INCLUDES .shtml
  AddType text/html .shtml
  Require all granted
</Directory>

OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
OIDCSSLValidateServer Off
OIDCClientID {client_id}
{authentication}
OIDCRedirectURI http://localhost:{port}/oidc/cb
OIDCCryptoPassphrase a-passphrase-of-the-tests-only
OIDCScope "openid profile email offline_access"
OIDCPKCEMethod S256
OIDCSessionInactivityTimeout 300
OIDCRemoteUserClaim email
OIDCInfoHook iat access_token access_token_expires id_token userinfo refresh_token session
OIDCOAuthRemoteUserClaim sub
{more}

<Location /secret>
  AuthType openid-connect
  Require valid-user
</Location>
<Location /oidc/>
  AuthType openid-connect
  Require valid-user
</Location>
"""

#: What the protected page shows: who Apache says is there.
_PAGE: Final = """\
<!doctype html><title>portal</title>
user=<!--#echo var="REMOTE_USER" -->
name=<!--#echo var="OIDC_CLAIM_name" -->
acr=<!--#echo var="OIDC_CLAIM_acr" -->
"""


def is_installed() -> bool:
    return shutil.which("apache2") is not None and (MODULES / "mod_auth_openidc.so").exists()


@dataclass(frozen=True, slots=True)
class Apache:
    """A portal at `url`. `log`: what Apache said."""

    url: str
    log: Path

    @property
    def secret(self) -> str:
        return f"{self.url}/secret/page.shtml"

    @property
    def callback(self) -> str:
        return f"{self.url}/oidc/cb"


@contextmanager
def running_apache(
    port: int, issuer: str, client: Mapping[str, Any], *directives: str
) -> Iterator[Apache]:
    """Run Apache as a relying party while the block runs; `directives`: further lines."""
    with tempfile.TemporaryDirectory(prefix="siapkerja-apache-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        page = folder / "pages" / "secret" / "page.shtml"
        page.parent.mkdir(parents=True)
        page.write_text(_PAGE)
        (folder / "pages" / "left.html").write_text("left")
        # whoever runs tests as root has Apache give that up
        user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
        names = (*_LOADED, "unixd") if (MODULES / "mod_unixd.so").exists() else _LOADED
        configuration = folder / "httpd.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                folder=folder,
                port=port,
                issuer=issuer,
                client_id=client["client_id"],
                authentication=f"OIDCClientSecret {client['client_secret']}",
                modules="\n".join(
                    f"LoadModule {module}_module {MODULES}/mod_{module}.so" for module in names
                ),
                user=user,
                more="\n".join(directives),
            )
        )
        log = folder / "log"
        command = ["apache2", "-f", str(configuration), "-DFOREGROUND"]
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )
        try:
            _wait(f"http://localhost:{port}/left.html", process, log)
            yield Apache(f"http://localhost:{port}", log)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            _, told = process.communicate()
            del told


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            if httpx.get(url, trust_env=False, timeout=5).status_code == 200:
                return
        time.sleep(0.05)
    said = log.read_text() if log.exists() else ""
    if process.poll() is not None and process.stderr is not None:
        said += process.stderr.read().decode()
    raise RuntimeError(f"Apache does not answer at {url}:\n{said}")
