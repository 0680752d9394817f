"""Every example of `docs/admin-api.md`, by curl against a server as operators run it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live_server import ROOT, SIAPKERJA, inherited, running_server

PAGE = ROOT / "docs/admin-api.md"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_examples_of_the_api_do_what_they_say(tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    with running_server() as server:
        command = tmp_path / "siapkerja"
        command.write_text(f'#!/bin/sh\nexec {SIAPKERJA[0]} -c "{SIAPKERJA[2]}" "$@"\n')
        command.chmod(0o755)
        python = Path(sys.executable).parent
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "\n".join(blocks)],
            env={
                **inherited(),
                **server.environment,
                "ISSUER": server.url,
                "PATH": f"{tmp_path}:{python}:/usr/bin:/bin",
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )

        assert done.returncode == 0, done.stdout + done.stderr
        assert len(blocks) > 5
        assert '"next":' in done.stdout or '"items":' in done.stdout
        # the portal stays until somebody else decides
        names = {client["client_name"] for client in server.cli("client", "list")}
        assert names == {"Otomasi portal", "Portal Karier"}
