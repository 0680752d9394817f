"""Settings come from the environment, and everything that is wrong is told at once."""

import json
from datetime import date
from pathlib import Path

import pytest

from jkp.app import create_app, read_key
from jkp.benefit_claims import add_months
from jkp.settings import Settings, SettingsError
from jkp.tests.pretend_issuer import a_key

GOOD = {"JKP_PRIVATE_KEY": "x", "JKP_SECRET_KEY": "k" * 32}


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_env({**GOOD, "JKP_ISUER": "http://localhost:8000"})

    assert refused.value.problems == ("JKP_ISUER: no such setting; the nearest is JKP_ISSUER",)


def test_everything_wrong_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_env({"JKP_ISSUER": "http://id.example/x", "JKP_SANDBOX": "perhaps"})

    assert [problem.partition(":")[0] for problem in refused.value.problems] == [
        "JKP_ISSUER",
        "JKP_ISSUER",
        "JKP_PRIVATE_KEY",
        "JKP_SECRET_KEY",
        "JKP_SANDBOX",
    ]


def test_a_value_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("s" * 40 + "\n")

    settings = Settings.from_env({**GOOD, "JKP_SECRET_KEY_FILE": str(file)})

    assert settings.secret_key == "s" * 40


def test_a_file_that_is_missing_is_told() -> None:
    with pytest.raises(SettingsError, match="JKP_SECRET_KEY_FILE: can't be read"):
        Settings.from_env({**GOOD, "JKP_SECRET_KEY_FILE": "/does/not/exist"})


def test_secrets_are_not_printed() -> None:
    assert "k" * 32 not in repr(Settings.from_env(GOOD))


def test_the_key_may_be_pem_or_jwk() -> None:
    key = a_key("one")

    assert read_key(key.as_pem(private=True).decode()).thumbprint() == key.thumbprint()
    assert read_key(json.dumps(key.as_dict(private=True))).thumbprint() == key.thumbprint()


@pytest.mark.parametrize("text", ["x", "{}", json.dumps(a_key("one").as_dict(private=False))])
def test_another_key_is_refused(text: str, tmp_path: Path) -> None:
    settings = Settings.from_env(
        {**GOOD, "JKP_PRIVATE_KEY": text, "JKP_DATABASE_URL": f"sqlite:///{tmp_path}/jkp.db"}
    )

    with pytest.raises(SettingsError, match="JKP_PRIVATE_KEY"):
        create_app(settings)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2026, 1, 31), 2, date(2026, 3, 31)),
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2026, 6, 30), 6, date(2026, 12, 30)),
    ],
)
def test_months_keep_the_day_number_or_end_with_the_month(
    day: date, months: int, expected: date
) -> None:
    assert add_months(day, months) == expected
