"""Nothing in the repository that should be nowhere, or only on one machine (SC-2)."""

import re
import subprocess
from functools import cache

import pytest

from tests.architecture.sources import ROOT


def git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


@cache
def tracked() -> dict[str, str]:
    """Return every text file of the repository."""
    found = {}
    for name in git("ls-files", "-z").split("\0"):
        if name and (ROOT / name).is_file():
            try:
                found[name] = (ROOT / name).read_text("utf-8")
            except UnicodeDecodeError:
                continue
    return found


#: What a secret looks like, whoever gave it out.
SECRETS = {
    "private key": r"-----BEGIN [A-Z ]*PRIVATE " + r"KEY-----\s+[A-Za-z0-9+/=\s]{64}",
    "key of a cloud": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "token of a code host": r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|glpat-[A-Za-z0-9_-]{20})\b",
    "token of a package registry": r"\b(?:pypi-[A-Za-z0-9_-]{50}|npm_[A-Za-z0-9]{36})",
    "private JSON web key": r'"d":\s*"[A-Za-z0-9_-]{40,}"',
    "password in an address": r"\b[a-z]+://[\w.-]+:(?!\.\.\.)[^\s@/'\"{}]{12,}@(?!localhost|127\.)",
}


@pytest.mark.parametrize("kind", SECRETS)
def test_sc_2_no_secret_is_in_the_repository(kind: str) -> None:
    pattern = re.compile(SECRETS[kind])
    found = [name for name, text in tracked().items() if pattern.search(text)]

    assert found == []


def test_sc_2_nor_ever_was() -> None:
    found = git("log", "--all", "--format=%h", "-G", "BEGIN [A-Z ]*PRIVATE KEY-----$")

    assert found == ""


def test_sc_2_what_is_made_at_run_time_is_not_tracked() -> None:
    for folder in ("var", ".venv", "build", "node_modules", ".env"):
        assert not [name for name in tracked() if folder in name.split("/")]


#: Where the machines of whoever wrote this would show.
LOCAL = {
    "a path of one machine": r"(?<![\w.])/(?:root|home/\w+|work|Users/\w+)/",
    "a package index": r"(?m:--(?:extra-)?index-url[ =]|--find-links[ =]|^registry\s*=)",
    "a registry host": r"https?://(?:registry\.|pypi\.|files\.pythonhosted)",
    "an address inside a network": r"https?://(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d+\.\d+",
}


@pytest.mark.parametrize("kind", LOCAL)
def test_nothing_of_one_machine_is_in_the_repository(kind: str) -> None:
    pattern = re.compile(LOCAL[kind])
    # tests name private addresses to see them refused, and this file names everything
    skipped = ("tests/",)
    found = [
        name
        for name, text in tracked().items()
        if not name.startswith(skipped) and pattern.search(text)
    ]

    assert found == []


def test_every_nik_in_the_repository_is_one_of_nobody() -> None:
    """Numbers of people who do not exist have serials from 9001 (contract 6.2)."""
    shape = re.compile(r"(?<!\d)(?:[1-9]\d)\d{4}(?:[0-7]\d)(?:0[1-9]|1[0-2])\d{2}(\d{4})(?!\d)")
    for name, text in tracked().items():
        if name.endswith((".md", ".html", ".txt", ".env", ".json", ".toml")) or "docs/" in name:
            for found in shape.finditer(text):
                assert int(found[1]) >= 9001, f"{name}: {found[0]}"
