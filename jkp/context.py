"""What views and API need, in one place: the only read of `current_app.extensions`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from flask import current_app

from jkp.issuer import Issuer
from jkp.settings import Settings
from jkp.store import Store
from jkp.trust import AccessTokenValidator

EXTENSION: Final = "jkp"


@dataclass(frozen=True, slots=True)
class Module:
    """The module, wired. `now`: epoch seconds."""

    settings: Settings
    store: Store
    issuer: Issuer
    tokens: AccessTokenValidator
    now: Callable[[], int]


def here() -> Module:
    """Return the module of this application."""
    module: Module = current_app.extensions[EXTENSION]
    return module
