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
    "SIAPKERJA_DUKCAPIL_INSTITUTION": "KEMNAKER",
    "SIAPKERJA_DUKCAPIL_USER_ID": "kemnaker-01",
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
        ("SMS_ZENZIVA_URL", "https://localhost:8003/sms/zenziva", "the sandbox"),
        ("DUKCAPIL_USER_ID", "sandbox", "the sandbox's"),
        ("DUKCAPIL_USER_ID", "", "must be set"),
        ("DUKCAPIL_PASSWORD", "", "must be set"),
        ("DUKCAPIL_INSTITUTION", "", "must be set"),
        ("LOGIN_FAILURE_FLOOR_MS", "399", "at least 400"),
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


LOCAL = [
    "localhost",
    "LOCALHOST.",
    "sandbox.localhost",
    "127.0.0.1",
    "127.0.0.2",
    "127.1",
    "0.0.0.0",  # noqa: S104 - nobody listens
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.2]",
]


@pytest.mark.parametrize("host", LOCAL)
def test_sc_1_whatever_is_called_on_this_machine_is_a_sandbox(host: str) -> None:
    told = refusals(
        SIAPKERJA_DUKCAPIL_URL=f"https://{host}:8000",
        SIAPKERJA_SMS_ZENZIVA_URL=f"https://{host}:8003/sms/zenziva",
        SIAPKERJA_MAIL_URL=f"smtp://{host}:8004",
    )

    assert told == [
        "SIAPKERJA_DUKCAPIL_URL: the sandbox, or not https",
        "SIAPKERJA_SMS_ZENZIVA_URL: the sandbox",
        "SIAPKERJA_MAIL_URL: the sandbox",
    ]


@pytest.mark.parametrize("host", ["10.0.0.7", "128.0.0.1", "[2001:db8::1]", "localhost.go.id"])
def test_sc_1_another_machine_is_no_sandbox(host: str) -> None:
    assert refusals(SIAPKERJA_DUKCAPIL_URL=f"https://{host}:8000") == []


THEIRS = {
    "DATABASE_URL": "postgresql://siapkerja:{}@db/siapkerja",
    "REDIS_URL": "redis://:{}@redis/0",
    "DUKCAPIL_PASSWORD": "{}",
    "SMS_ZENZIVA_KEY": "{}",
    "SMS_ZENZIVA_SECRET": "{}",
    "MAIL_URL": "smtps://siapkerja:{}@mail.example",
}


@pytest.mark.parametrize("name", THEIRS)
@pytest.mark.parametrize(
    ("secret", "holder"), [(ROOT, "SECRET_KEY"), (TOKEN, "OPERATOR_TOKEN")], ids=["root", "token"]
)
def test_sc_1_a_secret_given_to_us_is_none_of_ours(name: str, secret: str, holder: str) -> None:
    [told] = refusals(**{f"SIAPKERJA_{name}": THEIRS[name].format(secret)})

    assert told == f"SIAPKERJA_{name}: its secret is equal to that of SIAPKERJA_{holder}"


def test_sc_1_a_secret_is_compared_as_it_is_meant_in_an_address() -> None:
    root = "Kq7+Wz2/Xe9Lm4Vb8Nc1Rt6Yp3Ud5Gh0Js"
    in_address = root.replace("+", "%2B").replace("/", "%2F")
    told = refusals(
        SIAPKERJA_SECRET_KEY=root, SIAPKERJA_MAIL_URL=f"smtps://u:{in_address}@mail.example"
    )

    assert told == ["SIAPKERJA_MAIL_URL: its secret is equal to that of SIAPKERJA_SECRET_KEY"]


@pytest.mark.parametrize(
    "networks",
    [
        "0.0.0.0/0",
        "::/0",
        "10.0.0.1, ::/0",
        "0.0.0.0/1 128.0.0.0/1",
        "2000::/3",
    ],
)
def test_sc_1_a_network_of_strangers_is_no_proxy(networks: str) -> None:
    [told] = refusals(SIAPKERJA_HTTP_TRUSTED_PROXIES=networks)

    assert told.startswith("SIAPKERJA_HTTP_TRUSTED_PROXIES: wider than any private network")


@pytest.mark.parametrize("networks", ["10.0.0.10", "10.0.0.0/8, 192.168.0.0/16", "fc00::/7"])
def test_sc_1_private_networks_may_hold_the_proxy(networks: str) -> None:
    assert refusals(SIAPKERJA_HTTP_TRUSTED_PROXIES=networks) == []


FAULTS = {
    "SIAPKERJA_SECRET_KEY": "short",
    "SIAPKERJA_OPERATOR_TOKEN": "short",
    "SIAPKERJA_DATABASE_URL": "sqlite:///var/x.db",
    "SIAPKERJA_DUKCAPIL_URL": "http://localhost:8003",
    "SIAPKERJA_LOGIN_FAILURE_FLOOR_MS": "0",
    "SIAPKERJA_MAIL_URL": "smtp://localhost:8004",
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIAPKERJA_ISUER", "a-value-of-mine"),
        ("SIAPKERJA_LIMITS_FACTOR", "a-value-of-mine"),
        ("SIAPKERJA_HTTP_TRUSTED_PROXIES", "a-value-of-mine"),
        ("SIAPKERJA_DUKCAPIL_THRESHOLD", "a-value-of-mine"),
        ("SIAPKERJA_ISSUER", "https://[a-value-of-mine"),
        ("SIAPKERJA_SMS_ZENZIVA_URL", "https://[a-value-of-mine"),
        ("SIAPKERJA_REDIS_URL", "redis://[a-value-of-mine"),
        ("SIAPKERJA_LOG_LEVEL", "a-value-of-mine"),
        ("SIAPKERJA_DUKCAPIL_PASSWORD_FILE", "/nowhere/a-value-of-mine"),
    ],
)
def test_sc_1_a_setting_that_can_not_be_hides_no_reason(name: str, value: str) -> None:
    with (
        environment(**{**GOOD, **FAULTS, name: value}),
        pytest.raises(SettingsError) as caught,
    ):
        Settings.from_env(workers=4)

    told = caught.value.problems
    assert [line.partition(":")[0] for line in told].count(name) == 1
    assert {line.partition(":")[0] for line in caught.value.refusals} == set(FAULTS)
    assert set(caught.value.refusals) < set(told)
    assert "a-value-of-mine" not in str(caught.value)


def test_sc_1_nothing_is_said_of_a_secret_whose_file_can_not_be_read() -> None:
    given = {k: v for k, v in GOOD.items() if k != "SIAPKERJA_DUKCAPIL_PASSWORD"}
    with (
        environment(**given, SIAPKERJA_DUKCAPIL_PASSWORD_FILE="/nowhere/password"),
        pytest.raises(SettingsError) as caught,
    ):
        Settings.from_env(workers=4)

    assert caught.value.problems == (
        "SIAPKERJA_DUKCAPIL_PASSWORD_FILE: can't be read (No such file or directory)",
    )


def test_sc_1_a_setting_that_can_not_be_is_told_alone_outside_production() -> None:
    with (
        environment(**FAULTS, SIAPKERJA_LIMITS_FACTOR="many"),
        pytest.raises(SettingsError) as caught,
    ):
        Settings.from_env(workers=4)

    assert len(caught.value.problems) == 1
    assert caught.value.refusals == ()


def test_sc_2_every_file_that_can_not_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(b"\xff\xfe\xff")

    told = problems(
        SIAPKERJA_SECRET_KEY_FILE=str(tmp_path / "nowhere"),
        SIAPKERJA_MAIL_URL_FILE=str(tmp_path / "noise"),
        SIAPKERJA_REDIS_URL_FILE=str(tmp_path / "nowhere"),
        SIAPKERJA_REDIS_URL="redis://redis/0",
        SIAPKERJA_LIMITS_FACTOR="many",
    )

    assert {line.partition(":")[0] for line in told} == {
        "SIAPKERJA_SECRET_KEY_FILE",
        "SIAPKERJA_MAIL_URL_FILE",
        "SIAPKERJA_REDIS_URL_FILE",
        "SIAPKERJA_LIMITS_FACTOR",
    }


def test_sc_1_an_unpinned_registry_is_refused() -> None:
    with environment(**{k: v for k, v in GOOD.items() if k != "SIAPKERJA_DUKCAPIL_CA_FILE"}):
        [told] = Settings.from_env().refusals()

    assert told == "SIAPKERJA_DUKCAPIL_CA_FILE: must pin the server's certificate"


def test_production_serves_without_an_operator_token_and_shows_nobody_its_figures() -> None:
    assert refusals(SIAPKERJA_OPERATOR_TOKEN="") == []


def test_sc_1_sqlite_is_borne_with_one_worker() -> None:
    assert refusals(workers=1, SIAPKERJA_DATABASE_URL="sqlite:///var/x.db") == []


def test_sc_1_all_reasons_are_told_at_once() -> None:
    with environment(SIAPKERJA_ENV="production"):
        told = Settings.from_env().refusals(workers=2)

    assert {reason.partition(":")[0] for reason in told} == {
        "SIAPKERJA_SECRET_KEY",
        "SIAPKERJA_ISSUER",
        "SIAPKERJA_DATABASE_URL",
        "SIAPKERJA_DUKCAPIL_URL",
        "SIAPKERJA_DUKCAPIL_USER_ID",
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
        # none of these is what a browser says in `Host` and `Origin`
        ("SIAPKERJA_ISSUER", "https://id.example.go.id:443"),
        ("SIAPKERJA_ISSUER", "https://ID.example.go.id"),
        ("SIAPKERJA_ISSUER", "HTTPS://id.example.go.id"),
        ("SIAPKERJA_ISSUER", "https://user:word@id.example.go.id"),
        ("SIAPKERJA_ISSUER", "https://id.exämple.go.id"),
        ("SIAPKERJA_ISSUER", "https://id.example go.id"),
        ("SIAPKERJA_ISSUER", " https://id.example.go.id"),
        ("SIAPKERJA_ISSUER", "https://id.example.go.id?"),
        ("SIAPKERJA_DUKCAPIL_THRESHOLD", "79"),
        ("SIAPKERJA_DUKCAPIL_ELEMENTS", "NAMA_LGKP"),
        # a NIK alone proves nobody, and what nobody types could never match
        ("SIAPKERJA_DUKCAPIL_ELEMENTS", "NIK"),
        ("SIAPKERJA_DUKCAPIL_ELEMENTS", "NIK,NAMA_LGKP,TGL_LHR"),
        ("SIAPKERJA_ISSUER", "https://[id.example.go.id"),
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
