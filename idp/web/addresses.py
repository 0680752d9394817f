"""Network addresses: who called, in which unit they are limited, and how they are shown."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Networks = Sequence[IPv4Network | IPv6Network]


def client_address(remote: str, forwarded_for: str, trusted: Networks) -> str:
    """Return the right-most address that no trusted proxy added.

    `forwarded_for`: the X-Forwarded-For header; it counts only when `remote` is a trusted proxy.
    """
    if not trusted or not is_in(remote, trusted):
        return remote
    for hop in reversed([part.strip() for part in forwarded_for.split(",")]):
        bare = _bare(hop)
        if bare is None:
            return remote
        if not is_in(bare, trusted):
            return bare
    return remote


def unit_of(address: str) -> str:
    """Return the unit in which limits count: an IPv4 address, an IPv6 network of /64."""
    return _network(address, v4=32, v6=64)


def truncated(address: str) -> str:
    """Return what logs and pages show: /24 of IPv4, /48 of IPv6."""
    return _network(address, v4=24, v6=48)


@lru_cache(4096)
def _network(address: str, *, v4: int, v6: int) -> str:
    bare = _bare(address)
    if bare is None:
        return ""
    parsed = ip_address(bare)
    bits = v6 if isinstance(parsed, IPv6Address) else v4
    return str(ip_network(f"{bare}/{bits}", strict=False))


def is_in(address: str, networks: Networks) -> bool:
    """Return whether an address belongs to one of the networks."""
    bare = _bare(address)
    return bare is not None and any(ip_address(bare) in network for network in networks)


def _bare(text: str) -> str | None:
    """Return the address without port, brackets and zone; mapped IPv4 as IPv4."""
    host = text.strip().strip('"')
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        parsed = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return str(mapped or parsed)
