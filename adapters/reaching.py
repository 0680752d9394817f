"""Whether the servers that we call can be reached: `siapkerja doctor` asks; no request is made."""

import socket
import ssl
from typing import Final
from urllib.parse import urlsplit

SECONDS: Final = 3.0
_PORTS: Final = {"http": 80, "https": 443, "smtp": 25, "smtps": 465}
_AWAY: Final = "does not answer"
UNKNOWN_OPTION: Final = "can't be asked: an option in the address is unknown"


def fault_of_server(url: str, tls: ssl.SSLContext | None = None) -> str | None:
    """Return what is wrong with a server, `None` where it takes a connection.

    `tls`: what to greet an `https` server with; without it nobody looks at its certificate.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 443)
    try:
        with socket.create_connection((host, port), timeout=SECONDS) as connection:
            if parts.scheme == "https" and tls is not None:
                with tls.wrap_socket(connection, server_hostname=host):
                    pass
    except ssl.SSLCertVerificationError:
        return "shows a certificate that we do not trust"
    except ssl.SSLError:
        return "does not speak TLS as we do"
    except OSError:
        return _AWAY
    return None


def fault_of_redis(url: str) -> str | None:
    """Return what is wrong with a Redis, `None` where it answers a `PING`."""
    # its library is loaded only where somebody wants it
    import redis  # noqa: PLC0415 - see above

    try:
        with redis.Redis.from_url(
            url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS, retry=None
        ) as client:
            client.ping()
    except redis.AuthenticationError:
        return "does not take our password"
    except (redis.TimeoutError, redis.ConnectionError):
        return _AWAY
    except TypeError:
        return UNKNOWN_OPTION
    except (redis.RedisError, ValueError):
        return "answers, but not as a Redis"
    return None
