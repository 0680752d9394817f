"""An operator at the command line, in this process: `siapkerja …` on a test's database."""

import json
from dataclasses import dataclass
from typing import Any

from click.testing import CliRunner, Result

from idp.commands import main
from tests.conftest import BASE, environment


@dataclass
class Operator:
    """`database_url`: what the commands work on."""

    database_url: str

    def run(self, *words: str, stdin: bytes | None = None) -> Result:
        """Run a command; an exception that is no exit is a failure."""
        with environment(**BASE, SIAPKERJA_DATABASE_URL=self.database_url):
            result = CliRunner().invoke(main, words, input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def facts(self, *words: str, stdin: bytes | None = None) -> Any:
        """Run a command that must succeed, with `--json`; return its document."""
        result = self.run(*words, "--json", stdin=stdin)
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    def refusal(self, *words: str, stdin: bytes | None = None) -> str:
        """Run a command that must be refused, with `--json`; return the code."""
        result = self.run(*words, "--json", stdin=stdin)
        assert result.exit_code == 1, result.stdout
        assert result.stdout == ""
        return str(json.loads(result.stderr)["error"])
