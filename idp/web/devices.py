"""Readable names for browsers: what people recognise in a list of their sessions."""

from functools import lru_cache

MAXIMUM = 80


@lru_cache(maxsize=512)
def device_name(user_agent: str) -> str:
    """Return `Chrome, Android` for a User-Agent header; empty where nothing is known."""
    from ua_parser import parse  # noqa: PLC0415 - its tables load only where pages are served

    found = parse(user_agent[:512])
    browser = found.user_agent.family if found.user_agent else ""
    system = found.os.family if found.os else ""
    return ", ".join(word for word in (browser, system) if word)[:MAXIMUM]
