"""Readable names for browsers: what people recognise in a list of their sessions."""

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ua_parser import Resolver

MAXIMUM = 80


@lru_cache(maxsize=512)
def device_name(user_agent: str) -> str:
    """Return `Chrome, Android` for a User-Agent header; empty where nothing is known."""
    from ua_parser import Domain  # noqa: PLC0415 - its tables load only where pages are served

    found = _tables()(user_agent[:512], Domain.USER_AGENT | Domain.OS)
    browser = found.user_agent.family if found.user_agent else ""
    system = found.os.family if found.os else ""
    return ", ".join(word for word in (browser, system) if word)[:MAXIMUM]


@lru_cache(maxsize=1)
def _tables() -> "Resolver":
    """Return what knows browsers and systems; each pattern is compiled when it is first tried.

    All of them at once, with those of devices, would take a worker's first visitor 0.3 s.
    """
    from ua_parser.basic import Resolver  # noqa: PLC0415 - see above
    from ua_parser.loaders import load_lazy_builtins  # noqa: PLC0415 - see above

    browsers, systems, _ = load_lazy_builtins()
    return Resolver((browsers, systems, []))
