"""The module's settings. Environment only, `JKP_<NAME>`, each also as `JKP_<NAME>_FILE`."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

PREFIX: Final = "JKP_"
FILE_SUFFIX: Final = "_FILE"
SECRET_MIN: Final = 32
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class SettingsError(Exception):
    """The environment can't be used; `problems` lists every reason at once, one line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def _setting(default: str, meaning: str, *, secret: bool = False) -> Any:
    return field(default=default, repr=not secret, metadata={"meaning": meaning})


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything. Build it with `Settings.from_env()`; an empty default must be set."""

    issuer: str = _setting("http://localhost:8000", "the issuer whose tokens count, exactly")
    client_id: str = _setting("jkp", "our registration at the issuer")
    private_key: str = _setting("", "key of that registration, PEM or JWK, ES256", secret=True)
    url: str = _setting("http://localhost:8002", "our base URL; the audience of tokens for us")
    database_url: str = _setting("sqlite:///var/jkp.db", "SQLAlchemy URL", secret=True)
    secret_key: str = _setting("", "signs the cookie, seals sessions; 32 characters", secret=True)
    sandbox: str = _setting("off", "`on`: the page can pretend that an employer reported a layoff")

    @classmethod
    def from_env(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the environment; `SettingsError` lists everything that is wrong with it."""
        known = {f"{PREFIX}{item.name.upper()}": item.name for item in fields(cls)}
        given: dict[str, str] = {}
        problems: list[str] = []
        for name in sorted(name for name in environment if name.startswith(PREFIX)):
            stem = name.removesuffix(FILE_SUFFIX)
            if stem not in known:
                near = get_close_matches(name, known, n=1, cutoff=0)[0]
                problems.append(f"{name}: no such setting; the nearest is {near}")
                continue
            try:
                is_file = name != stem
                value = Path(environment[name]).read_text("utf-8") if is_file else environment[name]
            except OSError as error:
                problems.append(f"{name}: can't be read ({error.strerror})")
                continue
            given[known[stem]] = value.strip()
        settings = cls(**given)
        problems += settings.problems()
        if problems:
            raise SettingsError(problems)
        return settings

    def problems(self) -> list[str]:
        """Tell what can't be used, one line each."""
        found = [
            f"{PREFIX}{name.upper()}: must be an http or https URL without path, query or slash"
            for name in ("issuer", "url")
            if not _is_origin(getattr(self, name))
        ]
        found += [
            f"{PREFIX}{name.upper()}: must be https where it is not on this machine"
            for name in ("issuer", "url")
            if not _is_private(getattr(self, name))
        ]
        if not self.private_key:
            found.append(f"{PREFIX}PRIVATE_KEY: must be set")
        if len(self.secret_key) < SECRET_MIN:
            found.append(f"{PREFIX}SECRET_KEY: must have at least {SECRET_MIN} characters")
        if self.sandbox not in {"on", "off"}:
            found.append(f"{PREFIX}SANDBOX: must be on or off")
        return found

    @property
    def is_sandbox(self) -> bool:
        """Whether nothing here is about real people."""
        return self.sandbox == "on"

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach us by https, which decides the cookie's `Secure`."""
        return self.url.startswith("https://")


def _is_origin(url: str) -> bool:
    parts = urlsplit(url)
    return (
        parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
    )


def _is_private(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme != "http" or parts.hostname in _LOOPBACK
