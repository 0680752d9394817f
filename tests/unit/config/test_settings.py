"""Settings: what is read, what stops the start, and what production refuses (SC-1, SC-2)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.settings import Settings, SettingsError, known_variables
from tests.conftest import environment

ROOT = "wK3xv9QmT5zLr8NbF2hYp7DcJ4gSu6Ae-0Vq1XoRt"
TOKEN = "Hn8Zq2vTr5Wy0Lk7Xb3Md9Pf6Gs1Jc4Ae-uRoYiKtN"

GOOD = {
    "SIAPKERJA_ENV": "production",
    "SIAPKERJA_ISSUER": "https://id.example.go.id",
    "SIAPKERJA_SECRET_KEY": ROOT,
    "SIAPKERJA_OPERATOR_TOKEN": TOKEN,
    "SIAPKERJA_DATABASE_URL": "postgresql://siapkerja:a-word@db/siapkerja",
    "SIAPKERJA_DUKCAPIL_URL": "https://dukcapil.example",
    "SIAPKERJA_DUKCAPIL_PASSWORD": "one that Dukcapil gave",
    "SIAPKERJA_DUKCAPIL_CA_FILE": "/etc/ssl/dukcapil.pem",
    "SIAPKERJA_SMS_GATEWAYS": "zenziva",
    "SIAPKERJA_SMS_ZENZIVA_URL": "https://sms.example",
    "SIAPKERJA_SMS_ZENZIVA_SECRET": "one that the carrier gave",
    "SIAPKERJA_MAIL_URL": "smtps://mail.example",
}


def refusals(workers: int = 4, **changed: str) -> list[str]:
    with environment(**{**GOOD, **changed}):
        return Settings.from_env().refusals(workers=workers)


def problems(**variables: str) -> tuple[str, ...]:
    with environment(**variables), pytest.raises(SettingsError) as caught:
        Settings.from_env()
    return caught.value.problems


# Production ---------------------------------------------------------------------------------------


def test_sc_1_production_with_everything_good_starts() -> None:
    assert refusals() == []


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("SECRET_KEY", "", "must be set"),
        ("SECRET_KEY", "kX9vQ2mT", "shorter than 32 bytes"),
        ("SECRET_KEY", "change-me-" + ROOT, "a word from an example stands in it"),
        ("SECRET_KEY", f"{ROOT} {ROOT}", "two roots are equal"),
        ("SECRET_KEY", "aabbccddeeff" * 4, "too few different characters"),
        ("SECRET_KEY", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN", "a pattern, not chance"),
        ("SECRET_KEY", ROOT[:17] * 3, "a pattern, not chance"),
        ("OPERATOR_TOKEN", "", "must be set"),
        ("OPERATOR_TOKEN", "short", "shorter than 32 bytes"),
        ("OPERATOR_TOKEN", ROOT, "equal to a root"),
        ("ISSUER", "http://id.example.go.id", "must be https, or cookies could not be secure"),
        ("LOG_LEVEL", "DEBUG", "must not be DEBUG"),
        ("DATABASE_URL", "sqlite:///var/x.db", "SQLite with more than one worker"),
        ("LIMITS_FACTOR", "2", "must be 1"),
        ("FETCH_PRIVATE_HOSTS", "localhost:8001", "must be empty"),
        ("DUKCAPIL_URL", "http://localhost:8003", "the sandbox, or not https"),
        ("DUKCAPIL_URL", "http://dukcapil.example", "the sandbox, or not https"),
        ("DUKCAPIL_URL", "https://127.0.0.1:8003", "the sandbox, or not https"),
        ("DUKCAPIL_PASSWORD", "sandbox-password", "the sandbox's"),
        ("SMS_GATEWAYS", "console", "console is not a real gateway by https"),
        ("SMS_ZENZIVA_URL", "http://sms.example", "zenziva is not a real gateway by https"),
        ("SMS_ZENZIVA_SECRET", "sandbox-secret", "missing, or the sandbox's"),
        ("MAIL_URL", "smtp://localhost:8004", "the sandbox"),
        ("PASSWORD_MEMORY_KIB", "1024", "at least 19456 and 2"),
        ("PASSWORD_PASSES", "1", "at least 19456 and 2"),
        ("HTTP_CLIENT_CERT_HEADER", "X-Cert", "empty, while a proxy passes certificates"),
        ("HTTP_MTLS_URL", "http://mtls.example", "must be https"),
    ],
)
def test_sc_1_production_refuses(name: str, value: str, reason: str) -> None:
    [told] = refusals(**{f"SIAPKERJA_{name}": value})

    assert told.endswith(f": {reason}")
    if len(value) > 8:
        assert value not in told


def test_sc_1_an_unpinned_registry_is_refused() -> None:
    with environment(**{k: v for k, v in GOOD.items() if k != "SIAPKERJA_DUKCAPIL_CA_FILE"}):
        [told] = Settings.from_env().refusals()

    assert told == "SIAPKERJA_DUKCAPIL_CA_FILE: must pin the server's certificate"


def test_sc_1_sqlite_is_borne_with_one_worker() -> None:
    assert refusals(workers=1, SIAPKERJA_DATABASE_URL="sqlite:///var/x.db") == []


def test_sc_1_all_reasons_are_told_at_once() -> None:
    with environment(SIAPKERJA_ENV="production"):
        told = Settings.from_env().refusals(workers=2)

    assert {reason.partition(":")[0] for reason in told} == {
        "SIAPKERJA_SECRET_KEY",
        "SIAPKERJA_OPERATOR_TOKEN",
        "SIAPKERJA_ISSUER",
        "SIAPKERJA_DATABASE_URL",
        "SIAPKERJA_DUKCAPIL_URL",
        "SIAPKERJA_DUKCAPIL_PASSWORD",
        "SIAPKERJA_SMS_GATEWAYS",
        "SIAPKERJA_MAIL_URL",
    }


def test_sc_1_the_sandbox_is_refused_nothing() -> None:
    with environment():
        assert Settings.from_env().refusals(workers=9) == []


def test_oa_23_open_registration_is_not_for_production() -> None:
    assert problems(**{**GOOD, "SIAPKERJA_OAUTH_REGISTRATION": "open"}) == (
        "SIAPKERJA_OAUTH_REGISTRATION: `open` is for sandbox and test only",
    )


# Names and values ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("SIAPKERJA_ISUER", "SIAPKERJA_ISSUER"),
        ("SIAPKERJA_DATABASEURL", "SIAPKERJA_DATABASE_URL"),
        ("SIAPKERJA_OAUTH_PKEC", "SIAPKERJA_OAUTH_PKCE"),
        ("SIAPKERJA_SMS_ZENZIVA_URI", "SIAPKERJA_SMS_ZENZIVA_URL"),
        ("SIAPKERJA_DUKCAPIL_ELEMENT", "SIAPKERJA_DUKCAPIL_ELEMENTS"),
    ],
)
def test_an_unknown_name_stops_with_the_nearest_known_one(name: str, nearest: str) -> None:
    assert problems(**{name: "x"}) == (f"{name}: no such setting; the nearest is {nearest}",)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIAPKERJA_ENV", "staging"),
        ("SIAPKERJA_LIMITS_FACTOR", "many"),
        ("SIAPKERJA_LIMITS_FACTOR", "0"),
        ("SIAPKERJA_OAUTH_CODE_SECONDS", "61"),
        ("SIAPKERJA_OAUTH_ACCESS_TOKEN_SECONDS", "601"),
        ("SIAPKERJA_OAUTH_PKCE", "none"),
        ("SIAPKERJA_HTTP_TRUSTED_PROXIES", "a proxy"),
        ("SIAPKERJA_ISSUER", "id.example.go.id"),
        ("SIAPKERJA_ISSUER", "https://id.example.go.id/"),
        ("SIAPKERJA_ISSUER", "https://id.example.go.id/sso"),
        ("SIAPKERJA_ISSUER", "https://id.example.go.id?x=1"),
        ("SIAPKERJA_DUKCAPIL_THRESHOLD", "79"),
        ("SIAPKERJA_LOGIN_SESSION_IDLE_SECONDS", "999999"),
    ],
)
def test_a_value_that_can_not_be_is_named_and_not_repeated(name: str, value: str) -> None:
    [told] = problems(**{name: value})

    assert told.startswith(f"{name}: ")
    if len(value) > 3:
        assert value not in told.partition(": ")[2].split()


def test_everything_wrong_is_told_at_once() -> None:
    told = problems(
        SIAPKERJA_ENV="x", SIAPKERJA_LIMITS_FACTOR="x", SIAPKERJA_NOTHING="x", SIAPKERJA_ISSUER="x"
    )

    assert {line.partition(":")[0] for line in told} >= {
        "SIAPKERJA_ENV",
        "SIAPKERJA_LIMITS_FACTOR",
        "SIAPKERJA_NOTHING",
    }


@contextmanager
def file_of(folder: Path, text: str) -> Iterator[str]:
    path = folder / "value"
    path.write_text(text, "utf-8")
    yield str(path)


@pytest.mark.parametrize("name", [name for name, _, _ in known_variables()])
def test_sc_2_every_setting_may_be_a_file(name: str, tmp_path: Path) -> None:
    defaults = {known: default for known, default, _ in known_variables()}
    with file_of(tmp_path, defaults[name] + "\n") as path, environment(**{f"{name}_FILE": path}):
        assert Settings.from_env().env == "sandbox"


def test_sc_2_a_secret_comes_from_a_file_without_its_line_end(tmp_path: Path) -> None:
    with file_of(tmp_path, f"{ROOT}\n") as path, environment(SIAPKERJA_SECRET_KEY_FILE=path):
        assert Settings.from_env().roots == (ROOT.encode(),)


def test_sc_2_a_gateways_secret_comes_from_a_file(tmp_path: Path) -> None:
    with (
        file_of(tmp_path, "from-a-file\n") as path,
        environment(SIAPKERJA_SMS_ZENZIVA_SECRET_FILE=path),
    ):
        accounts = Settings.from_env().sms.accounts

    assert accounts["zenziva"].secret == "from-a-file"


def test_sc_2_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    [told] = problems(SIAPKERJA_SECRET_KEY_FILE=str(tmp_path / "nowhere"))

    assert told == "SIAPKERJA_SECRET_KEY_FILE: can't be read (No such file or directory)"


def test_a_name_that_ends_in_file_by_itself_is_a_path() -> None:
    with environment(SIAPKERJA_FETCH_CA_FILE="/etc/ssl/roots.pem"):
        assert Settings.from_env().fetch.ca_file == Path("/etc/ssl/roots.pem")


def test_sc_2_secrets_are_not_in_the_text_of_settings() -> None:
    secrets = {
        "SIAPKERJA_SECRET_KEY": ROOT,
        "SIAPKERJA_OPERATOR_TOKEN": TOKEN,
        "SIAPKERJA_DATABASE_URL": "postgresql://u:of-the-db@db/x",
        "SIAPKERJA_REDIS_URL": "redis://:of-redis@r/0",
        "SIAPKERJA_MAIL_URL": "smtps://u:of-the-mail@m",
        "SIAPKERJA_DUKCAPIL_PASSWORD": "of-dukcapil",
        "SIAPKERJA_SMS_ZENZIVA_SECRET": "of-the-carrier",
    }
    with environment(**secrets):
        chosen = Settings.from_env()
        text = f"{chosen!r} {chosen} {chosen.sms.accounts!r}"

    for part in (ROOT, TOKEN, "of-the-db", "of-redis", "of-the-mail", "of-dukcapil"):
        assert part not in text
    assert "of-the-carrier" not in text


def test_sc_2_secrets_leave_the_environment_of_the_server() -> None:
    with environment(SIAPKERJA_SECRET_KEY=ROOT, SIAPKERJA_SMS_ZENZIVA_SECRET="of-the-carrier"):
        chosen = Settings.from_env()
        chosen.leave_environment()

        assert not [name for name in os.environ if name.startswith("SIAPKERJA_")]
        assert chosen.roots == (ROOT.encode(),)
        assert chosen.sms.accounts["zenziva"].secret == "of-the-carrier"


def test_settings_are_frozen() -> None:
    with environment():
        chosen = Settings.from_env()

    with pytest.raises(ValueError, match="frozen"):
        chosen.issuer = "https://elsewhere.example"


def test_a_root_of_development_is_made_once_and_for_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with environment():
        first, second = Settings.from_env().roots, Settings.from_env().roots

    assert first == second
    assert len(first[0]) >= 32
    assert (tmp_path / "var/secret_key").stat().st_mode & 0o077 == 0


def test_several_roots_are_read_newest_first() -> None:
    with environment(SIAPKERJA_SECRET_KEY=f"{ROOT} {TOKEN}"):
        assert Settings.from_env().roots == (ROOT.encode(), TOKEN.encode())
