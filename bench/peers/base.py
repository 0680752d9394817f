"""What every peer is told and what it gives back."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.target import Person, Target

ROOT: Final = Path(__file__).resolve().parents[2]
#: Where peers are installed; git ignores it.
BUILD: Final = ROOT / "build" / "bench"
CALLBACK: Final = "https://portal.example/cb"
WORKERS: Final = 2
#: Who has an account: one for each connection of a round.
PEOPLE: Final = 8

#: Argon2id as OWASP asks, the same everywhere: KiB, passes, lanes.
ARGON2: Final = {"memory_kib": 19456, "passes": 2, "lanes": 1}


@dataclass(frozen=True, slots=True)
class Running:
    """A provider with its store. `pids`: roots of the process trees whose CPU is counted.

    `server_pid`: the provider without its store. `store_log`: what PostgreSQL writes; `store_url`:
    where it listens.
    """

    target: Target
    pids: tuple[int, ...]
    server_pid: int
    store_log: Path | None = None
    store_url: str = ""


@dataclass(frozen=True, slots=True)
class Peer:
    """`run`: installs and starts it in a fresh folder; leaving the context ends it.

    `needs`: what this machine must have for it besides, `is_there`: whether it has. `warm_seconds`:
    how long each flow runs before it is what it will be.
    """

    name: str
    title: str
    run: Callable[[Path], AbstractContextManager[Running]]
    needs: str = ""
    is_there: Callable[[], bool] = lambda: True
    warm_seconds: float = 0


def people() -> Iterator[tuple[Person, dict[str, Any]]]:
    """Yield people with the OpenID claims that each provider is to keep for them."""
    for number in range(1, PEOPLE + 1):
        email = f"warga{number}@contoh.id"
        yield (
            Person(email, f"tiga kata acak {number}"),
            {
                "name": f"Warga Nomor {number}",
                "given_name": "Warga",
                "family_name": f"Nomor {number}",
                "email": email,
                "email_verified": True,
                "phone_number": f"+6281200000{number:03d}",
                "phone_number_verified": True,
                "birthdate": "1989-08-17",
                "locale": "id",
            },
        )


def write_json(path: Path, document: object) -> Path:
    """Write a document for another process and return where."""
    path.write_text(json.dumps(document), "utf-8")
    return path
